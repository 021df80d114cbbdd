/**
 * A pod's status from what the runtime says: phase, addresses, and what its containers and conditions say.
 * The rules are those of `pkg/kubelet/kubelet_pods.go`. Pure.
 */
import type { Container, ContainerStatus, Pod, PodStatus } from '../../pkg/api/types.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { containerStatuses, type StatusInput } from './container-statuses.js';
import { isSidecar, isTerminalPhase, readySandbox } from './pod.js';
import { containersReady, initialized, podReady, stamp } from './pod-conditions.js';

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

function isInitialized(status: PodStatus): boolean {
  return status.conditions?.some((c) => c.type === 'Initialized' && c.status === 'True') ?? false;
}
