/** The conditions of a pod that its node answers for (`pkg/kubelet/status/generate.go`). Pure. */
import type { ContainerStatus, Pod, PodCondition, PodStatus } from '../../pkg/api/types.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { isSidecar } from './pod.js';

export function initialized(
  pod: Pod,
  statuses: readonly ContainerStatus[],
  phase: string,
): PodCondition {
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

export function containersReady(
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

export function podReady(pod: Pod, containers: PodCondition): PodCondition {
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
export function stamp(
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
