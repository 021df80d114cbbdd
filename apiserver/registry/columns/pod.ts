/**
 * The columns of `kubectl get pods`. STATUS is not a field: it is derived from phase, reason, conditions
 * and every container's state, in the order of upstream's `printPod`, first match wins:
 *
 *   phase → status.reason → SchedulingGated → first init container that is not done (Init:…)
 *   → last container's waiting or terminated reason → Running|NotReady when some still run
 *   → Unknown (deleted on a lost node) | Terminating (deleted)
 */
import type { Container, ContainerStatus, Pod } from '../../../pkg/api/types.js';
import type { Column } from '../resource.js';
import { ageColumn, ageOf, NONE, nameColumn } from './metadata.js';

/** What a node that stopped answering leaves in `status.reason` of its deleted pods. */
const NODE_LOST = 'NodeLost';

export const podColumns: readonly Column<Pod>[] = [
  nameColumn(),
  {
    name: 'Ready',
    type: 'string',
    description: 'The aggregate readiness state of this pod for accepting traffic.',
    value: (pod) => {
      const { ready, total } = summarize(pod);
      return `${ready}/${total}`;
    },
  },
  {
    name: 'Status',
    type: 'string',
    description: 'The aggregate status of the containers in this pod.',
    value: (pod) => summarize(pod).reason,
  },
  {
    name: 'Restarts',
    type: 'string',
    description:
      'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    value: (pod, now) => {
      const { restarts, lastRestart } = summarize(pod);
      return restarts !== 0 && lastRestart !== ''
        ? `${restarts} (${ageOf(lastRestart, now)} ago)`
        : String(restarts);
    },
  },
  ageColumn(),
  {
    name: 'IP',
    type: 'string',
    priority: 1,
    description: 'Address of the pod, once it has one.',
    value: (pod) => pod.status?.podIPs?.[0]?.ip || NONE,
  },
  {
    name: 'Node',
    type: 'string',
    priority: 1,
    description: 'Node that the pod is bound to.',
    value: (pod) => pod.spec?.nodeName || NONE,
  },
  {
    name: 'Nominated Node',
    type: 'string',
    priority: 1,
    description: 'Node on which preemption makes room for the pod.',
    value: (pod) => pod.status?.nominatedNodeName || NONE,
  },
  {
    name: 'Readiness Gates',
    type: 'string',
    priority: 1,
    description: 'Readiness gates that are true, of all that the pod names.',
    value: readinessGates,
  },
];

interface PodSummary {
  ready: number;
  total: number;
  reason: string;
  restarts: number;
  /** Of the container that restarted last; empty when none did. */
  lastRestart: string;
}

/** Pure. Called once a cell; a pod's few containers make that cheaper than a cache would be. */
export function summarize(pod: Pod): PodSummary {
  const status = pod.status ?? {};
  const phase = status.phase ?? '';
  const specInit = pod.spec?.initContainers ?? [];
  const sidecars = new Set(specInit.filter(isSidecar).map((container) => container.name));
  const sum: PodSummary = {
    ready: 0,
    total: (pod.spec?.containers ?? []).length + sidecars.size,
    reason: status.reason || phase,
    restarts: 0,
    lastRestart: '',
  };
  for (const condition of status.conditions ?? []) {
    if (condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated') {
      sum.reason = 'SchedulingGated';
    }
  }

  const initializing = addInitContainers(
    sum,
    status.initContainerStatuses ?? [],
    sidecars,
    specInit.length,
  );
  const initialized = status.conditions?.some(
    (c) => c.type === 'Initialized' && c.status === 'True',
  );
  if (!initializing || initialized) {
    const init = (status.initContainerStatuses ?? []).filter((c) => sidecars.has(c.name));
    sum.restarts = 0;
    sum.lastRestart = '';
    for (const container of init) countRestarts(sum, container);
    addContainers(sum, status.containerStatuses ?? []);
    if (sum.reason === 'Completed' && (status.containerStatuses ?? []).some(isRunningAndReady)) {
      const ready = status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
      sum.reason = ready ? 'Running' : 'NotReady';
    }
  }

  if (pod.metadata?.deletionTimestamp) {
    if (status.reason === NODE_LOST) sum.reason = 'Unknown';
    else if (phase !== 'Succeeded' && phase !== 'Failed') sum.reason = 'Terminating';
  }
  return sum;
}

/** Says whether an init container still has work to do; the first such one names the reason. */
function addInitContainers(
  sum: PodSummary,
  statuses: readonly ContainerStatus[],
  sidecars: ReadonlySet<string>,
  total: number,
): boolean {
  for (const [i, container] of statuses.entries()) {
    countRestarts(sum, container);
    const terminated = container.state?.terminated;
    const waiting = container.state?.waiting;
    if (terminated?.exitCode === 0) continue;
    if (sidecars.has(container.name) && container.started) {
      if (container.ready) sum.ready++;
      continue;
    }
    if (terminated) sum.reason = `Init:${exitReason(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing')
      sum.reason = `Init:${waiting.reason}`;
    else sum.reason = `Init:${i}/${total}`;
    return true;
  }
  return false;
}

/** From last to first, so that the first container's reason wins. */
function addContainers(sum: PodSummary, statuses: readonly ContainerStatus[]): void {
  for (const container of [...statuses].reverse()) {
    countRestarts(sum, container);
    const { waiting, terminated } = container.state ?? {};
    if (waiting?.reason) sum.reason = waiting.reason;
    else if (terminated) sum.reason = exitReason(terminated);
    else if (isRunningAndReady(container)) sum.ready++;
  }
}

function countRestarts(sum: PodSummary, container: ContainerStatus): void {
  sum.restarts += container.restartCount ?? 0;
  const finishedAt = container.lastState?.terminated?.finishedAt;
  if (
    finishedAt &&
    (sum.lastRestart === '' || Date.parse(finishedAt) > Date.parse(sum.lastRestart))
  ) {
    sum.lastRestart = finishedAt;
  }
}

function exitReason(terminated: { reason?: string; signal?: number; exitCode?: number }): string {
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode ?? 0}`;
}

function isRunningAndReady(container: ContainerStatus): boolean {
  return container.ready === true && !!container.state?.running;
}

function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return NONE;
  const met = gates.filter((gate) =>
    pod.status?.conditions?.some((c) => c.type === gate.conditionType && c.status === 'True'),
  );
  return `${met.length}/${gates.length}`;
}
