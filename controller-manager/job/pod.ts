/** A pod of a Job: what it stands for, when it ended, and how it is made. Pure. */
import type { ContainerStatus, Job, Pod } from '../../pkg/api/types.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { JOBS } from '../../pkg/client/resources.js';
import { podFromTemplate } from '../pod-control.js';
import { podCondition } from '../pods.js';

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';
export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';
const INDEX_ENV = 'JOB_COMPLETION_INDEX';
/** Upstream cuts the base of a generated name so that the whole fits a DNS label. */
const MAX_PREFIX = 63 - 5;

export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === 'Indexed';
}

/** The name of the controller that runs this Job instead of this one. */
export function isManagedElsewhere(job: Job): boolean {
  return (job.spec?.managedBy ?? 'kubernetes.io/job-controller') !== 'kubernetes.io/job-controller';
}

export function isTracked(pod: Pod): boolean {
  return pod.metadata?.finalizers?.includes(TRACKING_FINALIZER) === true;
}

export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata?.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Its index when it is one that the Job still has. */
export function validIndexOf(job: Job, pod: Pod): number | undefined {
  const index = indexOf(pod);
  return index !== undefined && index < (job.spec?.completions ?? 0) ? index : undefined;
}

/** Pods are replaced when they have ended, not when they begin to. */
export function onlyReplacesFailed(job: Job): boolean {
  return job.spec?.podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined;
}

/** A pod that is being deleted counts as failed, unless only failed pods are to be replaced. */
export function hasFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  if (onlyReplacesFailed(job)) return false;
  return pod.metadata?.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}

/**
 * When it ended, in milliseconds since the epoch: by its containers and sidecars when all have a time, else
 * when it ceased to be ready, else when its deletion was asked for, else when it was made.
 */
export function finishedAt(pod: Pod): number {
  const byContainers = lastContainerEnd(pod);
  if (byContainers !== undefined) return byContainers;
  const ready = podCondition(pod, 'Ready');
  const unready = ready?.status === 'False' && parseTime(ready.lastTransitionTime ?? '');
  if (typeof unready === 'number') return unready;
  const {
    deletionTimestamp,
    deletionGracePeriodSeconds = 0,
    creationTimestamp,
  } = pod.metadata ?? {};
  const deleted = parseTime(deletionTimestamp ?? '');
  if (deleted !== undefined) return deleted - deletionGracePeriodSeconds * 1000;
  return parseTime(creationTimestamp ?? '') ?? 0;
}

function lastContainerEnd(pod: Pod): number | undefined {
  const sidecars = new Set(
    (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name),
  );
  const ended: ContainerStatus[] = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []).filter((c) => sidecars.has(c.name)),
  ];
  let last: number | undefined;
  for (const status of ended) {
    const at = parseTime(status.state?.terminated?.finishedAt ?? '');
    if (at === undefined) return undefined;
    last = Math.max(last ?? 0, at);
  }
  return last;
}

/** `annotations` go to a pod of an index. */
export function podOf(
  job: Job,
  index: number | undefined,
  annotations: Readonly<Record<string, string>> = {},
): Pod {
  const pod = podFromTemplate(JOBS, job, job.spec?.template);
  const finalizers = [...new Set([...(pod.metadata?.finalizers ?? []), TRACKING_FINALIZER])];
  const metadata = { ...pod.metadata, finalizers };
  if (index === undefined || !pod.spec) return { ...pod, metadata };
  const value = String(index);
  const name = job.metadata?.name ?? '';
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    metadata: {
      ...metadata,
      generateName: `${name.slice(0, MAX_PREFIX - value.length - 2)}-${value}-`,
      labels: { ...metadata.labels, [COMPLETION_INDEX]: value },
      annotations: { ...metadata.annotations, [COMPLETION_INDEX]: value, ...annotations },
    },
    spec: {
      ...pod.spec,
      hostname: `${name}-${value}`,
      containers: containers.map(withIndexEnv),
      ...(initContainers ? { initContainers: initContainers.map(withIndexEnv) } : {}),
    },
  };
}

function withIndexEnv<C extends { env?: { name: string }[] }>(container: C): C {
  if (container.env?.some((e) => e.name === INDEX_ENV)) return container;
  const fieldPath = `metadata.labels['${COMPLETION_INDEX}']`;
  const env = { name: INDEX_ENV, valueFrom: { fieldRef: { fieldPath } } };
  return { ...container, env: [...(container.env ?? []), env] };
}
