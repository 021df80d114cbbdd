/** What the status of a pod says of each of its containers (`convertToAPIContainerStatuses`). Pure. */
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
import { isSidecar, newest, shouldRestart } from './pod.js';

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

export function containerStatuses(
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

function timeOf(ms: number | undefined): string {
  return formatTime(new Date(ms ?? 0));
}

/** A runtime knows an image by its full name. */
function statusImage(image: string): string {
  return parseImageName(image).canonical;
}
