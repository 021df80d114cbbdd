/**
 * A pod's status from what the runtime says: phase, container statuses, conditions, addresses. The rules
 * are those of `pkg/kubelet/kubelet_pods.go` and `pkg/kubelet/status/generate.go`. Pure.
 */
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from '../../pkg/api/types.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { parseImageName } from '../images/image-name.js';
import type { ContainerInfo, PodRuntimeStatus } from '../runtime/interface.js';
import { isSidecar, isTerminalPhase, newest, readySandbox, shouldRestart } from './pod.js';

export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

/** What probes say of a running container. */
export interface ProbeView {
  isStarted(container: Container, containerId: string): boolean;
  isReady(container: Container, containerId: string): boolean;
}

export interface StatusInput {
  readonly pod: Pod;
  /** Of a resize that waits or is under way. */
  readonly resize?: readonly PodCondition[];
  readonly runtimeName: string;
  readonly runtime: PodRuntimeStatus;
  /** The status last known: kept where it is newer than what the runtime can tell. */
  readonly old: PodStatus;
  /** Why a container that should run does not. */
  readonly reasons: ReadonlyMap<string, WaitingReason>;
  /** Nothing of the pod will be started again. */
  readonly terminal: boolean;
  readonly probes: ProbeView;
  readonly hostIP: string;
  readonly now: number;
}

export function generatePodStatus(input: StatusInput): PodStatus {
  const { pod, runtime, old, now } = input;
  const initStatuses = containerStatuses(
    input,
    pod.spec?.initContainers ?? [],
    old.initContainerStatuses,
    true,
  );
  const statuses = containerStatuses(
    input,
    pod.spec?.containers ?? [],
    old.containerStatuses,
    false,
  );
  const ephemeral = containerStatuses(
    input,
    pod.spec?.ephemeralContainers ?? [],
    old.ephemeralContainerStatuses,
    false,
  ).filter((s) => s.containerID !== undefined || s.state?.waiting !== undefined);
  const phase = isTerminalPhase(old.phase)
    ? (old.phase ?? 'Failed')
    : podPhase(pod, [...initStatuses, ...statuses], input.terminal, isInitialized(old));
  const generation = pod.metadata?.generation;
  const all = [...initStatuses, ...statuses];
  const sandbox = readySandbox(runtime);
  const sandboxReady =
    sandbox !== undefined && (pod.spec?.hostNetwork === true || sandbox.ips.length > 0);
  const ready = containersReady(pod, all, phase);
  const conditions = [
    ...(input.resize ?? []),
    { type: 'PodReadyToStartContainers', status: sandboxReady ? 'True' : 'False' },
    initialized(pod, all, phase),
    podReady(pod, ready),
    ready,
    { type: 'PodScheduled', status: 'True' },
  ].map((c) => stamp(c, generation, old, now));
  const ips = pod.spec?.hostNetwork === true && sandbox ? [input.hostIP] : sandbox?.ips;
  const kept = old.podIPs?.map((p) => p.ip) ?? (old.podIP ? [old.podIP] : []);
  const podIPs = ips ?? kept;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    // Its own alone: sent again, what others have written since would be undone.
    conditions,
    ...(old.reason && isTerminalPhase(phase) ? { reason: old.reason } : {}),
    ...(old.message && isTerminalPhase(phase) ? { message: old.message } : {}),
    hostIP: input.hostIP,
    hostIPs: [{ ip: input.hostIP }],
    ...(podIPs.length > 0 && podIPs[0]
      ? { podIP: podIPs[0], podIPs: podIPs.map((ip) => ({ ip })) }
      : {}),
    startTime: old.startTime ?? pod.status?.startTime ?? formatTime(new Date(now)),
    ...(initStatuses.length > 0 ? { initContainerStatuses: initStatuses } : {}),
    ...(statuses.length > 0 ? { containerStatuses: statuses } : {}),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
    ...(pod.status?.qosClass ? { qosClass: pod.status.qosClass } : {}),
  };
}

export function podPhase(
  pod: Pod,
  statuses: readonly ContainerStatus[],
  terminal: boolean,
  wasInitialized: boolean,
): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  const find = (c: Container) => statuses.find((s) => s.name === c.name);
  const restartPolicy = pod.spec?.restartPolicy ?? 'Always';
  let pendingInit = 0;
  let pendingSidecars = 0;
  let failedInit = 0;
  let unknown = 0;
  let running = 0;
  let waiting = 0;
  let stopped = 0;
  let succeeded = 0;
  for (const container of pod.spec?.initContainers ?? []) {
    const { state, lastState, started } = find(container) ?? {};
    if (isSidecar(container)) {
      if (!state) unknown++;
      else if (state.running) {
        if (!started) pendingSidecars++;
        running++;
      } else if (state.waiting && !lastState?.terminated) {
        pendingSidecars++;
        waiting++;
      } else if (!state.terminated && !state.waiting) {
        pendingSidecars++;
        unknown++;
      }
    } else if (state?.terminated) {
      if (state.terminated.exitCode !== 0) failedInit++;
    } else if (state?.waiting && lastState?.terminated) {
      if (lastState.terminated.exitCode !== 0) failedInit++;
    } else pendingInit++;
  }
  for (const container of pod.spec?.containers ?? []) {
    const { state, lastState } = find(container) ?? {};
    if (state?.running) running++;
    else if (state?.terminated) {
      stopped++;
      if (state.terminated.exitCode === 0) succeeded++;
    } else if (state?.waiting) {
      if (lastState?.terminated) stopped++;
      else waiting++;
    } else unknown++;
  }
  if (failedInit > 0 && restartPolicy === 'Never') return 'Failed';
  if (pendingInit > 0 || (pendingSidecars > 0 && !wasInitialized) || waiting > 0) return 'Pending';
  if (running > 0 && unknown === 0) return 'Running';
  if (running === 0 && stopped > 0 && unknown === 0) {
    if (terminal) return stopped === succeeded ? 'Succeeded' : 'Failed';
    if (restartPolicy === 'Always') return 'Running';
    if (stopped === succeeded) return 'Succeeded';
    return restartPolicy === 'Never' ? 'Failed' : 'Running';
  }
  return 'Pending';
}

/** When the pod ended for good by the kubelet's own decision, whatever its containers say. */
export function failPod(status: PodStatus, reason: string, message: string): PodStatus {
  return { ...status, phase: 'Failed', reason, message };
}

/**
 * The last word on a pod whose containers are gone: what never ended, or whose end nobody saw, is
 * terminated now, so that no status stays behind saying that it runs.
 */
export function terminatedStatus(pod: Pod, status: PodStatus): PodStatus {
  // One that did what it was there for goes on being ready.
  const init = status.initContainerStatuses?.map((s) => ({
    ...terminate(s, hasRun(pod, status)),
    ready: s.ready && s.state?.terminated?.exitCode === 0,
  }));
  return {
    ...status,
    ...(init ? { initContainerStatuses: init } : {}),
    ...(status.containerStatuses
      ? {
          containerStatuses: status.containerStatuses.map((s) =>
            terminate(s, wasInitialized(pod, status)),
          ),
        }
      : {}),
  };
}

/** Before that the regular containers never had their turn, and go on saying that they waited for it. */
function wasInitialized(pod: Pod, status: PodStatus): boolean {
  const init = pod.spec?.initContainers ?? [];
  if (init.length === 0) return true;
  if (status.containerStatuses?.some((s) => s.lastState?.terminated || !s.state?.waiting))
    return true;
  const last = init[init.length - 1];
  const seen = status.initContainerStatuses?.find((s) => s.name === last?.name);
  if (last && isSidecar(last)) return seen?.started === true;
  return seen?.state?.terminated?.exitCode === 0;
}

function hasRun(pod: Pod, status: PodStatus): boolean {
  return (pod.spec?.initContainers ?? []).length === 0 || status.phase !== 'Pending';
}

function terminate(status: ContainerStatus, force: boolean): ContainerStatus {
  if (status.state?.terminated || (!force && !status.state?.running))
    return { ...status, ready: false };
  if (status.lastState?.terminated && status.state?.waiting) {
    return {
      ...status,
      state: { terminated: status.lastState.terminated },
      ready: false,
      started: false,
    };
  }
  const terminated = {
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
    exitCode: 137,
  };
  return { ...status, state: { terminated }, ready: false, started: false };
}

function containerStatuses(
  input: StatusInput,
  containers: readonly Container[],
  olds: readonly ContainerStatus[] | undefined,
  init: boolean,
): ContainerStatus[] {
  const { pod, runtime, reasons, probes } = input;
  const hasInit = (pod.spec?.initContainers ?? []).length > 0;
  const waiting = {
    waiting: { reason: init || hasInit ? 'PodInitializing' : 'ContainerCreating' },
  };
  const result = containers.map((container): ContainerStatus => {
    const old = olds?.find((s) => s.name === container.name);
    const [current, previous] = runtime.containers.filter((c) => c.name === container.name);
    let status: ContainerStatus = current
      ? fromRuntime(container, current, previous, old, input.runtimeName)
      : old?.state?.terminated
        ? { ...old }
        : {
            name: container.name,
            image: container.image ?? '',
            imageID: '',
            restartCount: old?.restartCount ?? 0,
            ready: false,
            state: waiting,
            lastState: old?.lastState ?? {},
          };
    if (!current && old?.state?.running && pod.metadata?.deletionTimestamp !== undefined) {
      const { startedAt } = old.state.running;
      const terminated = {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message:
          'The container could not be located when the pod was deleted.  The container used to be Running',
        ...(startedAt === undefined ? {} : { startedAt }),
      };
      status = { ...old, state: { terminated } };
    }
    const reason = reasons.get(container.name);
    const done =
      init && !isSidecar(container) && current?.state === 'exited' && current.exitCode === 0;
    if (reason && !done && shouldRestart(pod, container, newest(runtime, container.name))) {
      status = {
        ...status,
        ...(status.state?.terminated ? { lastState: { terminated: status.state.terminated } } : {}),
        state: {
          waiting: {
            reason: reason.reason,
            ...(reason.message ? { message: reason.message } : {}),
          },
        },
      };
    }
    const running = status.state?.running !== undefined && current !== undefined;
    const started = running && probes.isStarted(container, current.id);
    const ready =
      init && !isSidecar(container)
        ? status.state?.terminated?.exitCode === 0 && status.state.terminated.reason !== undefined
        : started && probes.isReady(container, current?.id ?? '');
    return { ...status, started, ready };
  });
  return init ? result : result.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function fromRuntime(
  container: Container,
  current: ContainerInfo,
  previous: ContainerInfo | undefined,
  old: ContainerStatus | undefined,
  scheme: string,
): ContainerStatus {
  const requests = container.resources?.requests;
  const mounts = container.volumeMounts ?? [];
  return {
    ...(requests ? { allocatedResources: requests } : {}),
    containerID: `${scheme}://${current.id}`,
    image: statusImage(current.image),
    imageID: current.imageId,
    lastState: previous
      ? { terminated: terminatedState(previous, scheme) }
      : lastStateOf(old, current, scheme),
    name: container.name,
    ready: false,
    resources: container.resources ?? {},
    restartCount: current.attempt,
    state: stateOf(current, scheme),
    ...(mounts.length > 0
      ? {
          volumeMounts: mounts.map((m) => ({
            mountPath: m.mountPath,
            name: m.name,
            ...(m.readOnly ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
          })),
        }
      : {}),
  };
}

/** When the runtime has forgotten the run before this one, the status still knows it. */
function lastStateOf(
  old: ContainerStatus | undefined,
  current: ContainerInfo,
  scheme: string,
): ContainerState {
  if (!old) return {};
  const same = old.containerID === `${scheme}://${current.id}`;
  if (!same && old.state?.terminated) return { terminated: old.state.terminated };
  return old.lastState ?? {};
}

function stateOf(info: ContainerInfo, scheme: string): ContainerState {
  if (info.state === 'running') return { running: { startedAt: timeOf(info.startedAt) } };
  if (info.state === 'exited') return { terminated: terminatedState(info, scheme) };
  return { waiting: { reason: 'ContainerCreating' } };
}

function terminatedState(info: ContainerInfo, scheme: string) {
  return {
    containerID: `${scheme}://${info.id}`,
    exitCode: info.exitCode ?? 0,
    finishedAt: timeOf(info.finishedAt),
    ...(info.message ? { message: info.message } : {}),
    reason: info.reason ?? (info.exitCode === 0 ? 'Completed' : 'Error'),
    startedAt: timeOf(info.startedAt ?? info.createdAt),
  };
}

function initialized(pod: Pod, statuses: readonly ContainerStatus[], phase: string): PodCondition {
  const unknown: string[] = [];
  const incomplete: string[] = [];
  for (const container of pod.spec?.initContainers ?? []) {
    const status = statuses.find((s) => s.name === container.name);
    if (!status) unknown.push(container.name);
    else if (isSidecar(container) ? !status.started : !status.ready)
      incomplete.push(container.name);
  }
  if (phase === 'Succeeded' && unknown.length === 0) {
    return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  }
  const regularStarted = (pod.spec?.containers ?? []).some((c) => {
    const status = statuses.find((s) => s.name === c.name);
    return Boolean(
      status?.state?.running || status?.state?.terminated || status?.lastState?.terminated,
    );
  });
  const message = describe(['unknown', unknown], ['incomplete', incomplete]);
  if (regularStarted || message === '') return { type: 'Initialized', status: 'True' };
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message };
}

function containersReady(
  pod: Pod,
  statuses: readonly ContainerStatus[],
  phase: string,
): PodCondition {
  const type = 'ContainersReady';
  const unknown: string[] = [];
  const unready: string[] = [];
  const counted = [
    ...(pod.spec?.initContainers ?? []).filter(isSidecar),
    ...(pod.spec?.containers ?? []),
  ];
  for (const container of counted) {
    const status = statuses.find((s) => s.name === container.name);
    if (!status) unknown.push(container.name);
    else if (!status.ready) unready.push(container.name);
  }
  if (unknown.length === 0 && phase === 'Succeeded')
    return { type, status: 'False', reason: 'PodCompleted' };
  if (unknown.length === 0 && phase === 'Failed')
    return { type, status: 'False', reason: 'PodFailed' };
  const message = describe(['unknown', unknown], ['unready', unready]);
  if (message === '') return { type, status: 'True' };
  return { type, status: 'False', reason: 'ContainersNotReady', message };
}

function podReady(pod: Pod, containers: PodCondition): PodCondition {
  if (containers.status !== 'True') return { ...containers, type: 'Ready' };
  const unmet = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = pod.status?.conditions?.find((c) => c.type === conditionType);
    if (!condition)
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (condition.status === 'True') return [];
    return [
      `the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`,
    ];
  });
  if (unmet.length === 0) return { type: 'Ready', status: 'True' };
  return {
    type: 'Ready',
    status: 'False',
    reason: 'ReadinessGatesNotReady',
    message: unmet.join(', '),
  };
}

function describe(...groups: readonly [string, readonly string[]][]): string {
  return groups
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `containers with ${what} status: [${names.join(' ')}]`)
    .join(', ');
}

/** A condition keeps its time while its status is the same. */
function stamp(
  condition: PodCondition,
  generation: number | undefined,
  old: PodStatus,
  now: number,
): PodCondition {
  const before = old.conditions?.find((c) => c.type === condition.type);
  const kept = before?.status === condition.status ? before.lastTransitionTime : undefined;
  const lastTransitionTime = kept ?? formatTime(new Date(now));
  return generation === undefined
    ? { ...condition, lastTransitionTime }
    : { ...condition, observedGeneration: generation, lastTransitionTime };
}

function isInitialized(status: PodStatus): boolean {
  return status.conditions?.some((c) => c.type === 'Initialized' && c.status === 'True') ?? false;
}

function timeOf(ms: number | undefined): string {
  return formatTime(new Date(ms ?? 0));
}

/** A runtime knows an image by its full name. */
function statusImage(image: string): string {
  return parseImageName(image).canonical;
}
