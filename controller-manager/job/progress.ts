/**
 * What a Job's pods amount to (`pkg/controller/job`). Pure.
 *
 * A pod that ends must be counted exactly once, though it may be deleted at any time. Every pod carries the
 * finalizer `batch.kubernetes.io/job-tracking`; the count goes in two writes:
 *
 *   ended, finalizer on ─▶ its uid in status.uncountedTerminatedPods ─▶ finalizer off ─▶ count up, uid out
 *
 * Succeeded pods of an Indexed Job need no uid: their index is written at once, and counting it twice
 * changes nothing.
 */
import type { Job, JobCondition, JobStatus, Pod } from '../../pkg/api/types.js';
import { isPodActive, isPodReady, isPodTerminating } from '../pods.js';

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';
export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';
/** Uids that wait in the status at a time. */
const MAX_UNCOUNTED = 500;

export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === 'Indexed';
}

export function conditionOf(job: Job, type: string): JobCondition | undefined {
  return job.status?.conditions?.find((c) => c.type === type && c.status === 'True');
}

export function isFinished(job: Job): boolean {
  return conditionOf(job, 'Complete') !== undefined || conditionOf(job, 'Failed') !== undefined;
}

export function isTracked(pod: Pod): boolean {
  return pod.metadata?.finalizers?.includes(TRACKING_FINALIZER) === true;
}

export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata?.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A pod that is being deleted counts as failed, unless only failed pods are to be replaced. */
export function hasFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  if (job.spec?.podReplacementPolicy === 'Failed' || pod.status?.phase === 'Succeeded')
    return false;
  return pod.metadata?.deletionTimestamp !== undefined;
}

export interface Progress {
  readonly active: readonly Pod[];
  readonly terminating: number;
  readonly ready: number;
  /** Counted, and waiting to be. */
  readonly succeeded: number;
  readonly failed: number;
  /** Pods that failed and were not known to have before. */
  readonly newlyFailed: readonly Pod[];
  readonly completedIndexes: ReadonlySet<number>;
  /** The counting fields of the status to write next. */
  readonly counting: Pick<
    JobStatus,
    'succeeded' | 'failed' | 'completedIndexes' | 'uncountedTerminatedPods'
  >;
  /** Pods whose finalizer may come off once that status is written. */
  readonly release: readonly Pod[];
}

export function progressOf(job: Job, pods: readonly Pod[]): Progress {
  const status = job.status ?? {};
  const byUid = new Map(pods.map((pod) => [pod.metadata?.uid ?? '', pod]));
  const waits = (uid: string) => {
    const pod = byUid.get(uid);
    return pod !== undefined && isTracked(pod);
  };
  const before = status.uncountedTerminatedPods ?? {};
  const uncounted = {
    succeeded: (before.succeeded ?? []).filter(waits),
    failed: (before.failed ?? []).filter(waits),
  };
  let succeeded =
    (status.succeeded ?? 0) + (before.succeeded ?? []).length - uncounted.succeeded.length;
  const failed = (status.failed ?? 0) + (before.failed ?? []).length - uncounted.failed.length;
  const known = new Set([...uncounted.succeeded, ...uncounted.failed]);
  const indexes = parseIndexes(status.completedIndexes ?? '');
  const indexed = isIndexed(job);
  const release: Pod[] = pods.filter((pod) => known.has(pod.metadata?.uid ?? ''));
  const newlyFailed: Pod[] = [];
  for (const pod of pods) {
    const uid = pod.metadata?.uid ?? '';
    if (!isTracked(pod) || known.has(uid)) continue;
    if (uncounted.succeeded.length + uncounted.failed.length >= MAX_UNCOUNTED) break;
    if (pod.status?.phase === 'Succeeded') {
      const index = indexOf(pod);
      if (!indexed) uncounted.succeeded.push(uid);
      else if (index !== undefined && index < (job.spec?.completions ?? 0)) indexes.add(index);
      release.push(pod);
    } else if (hasFailed(job, pod)) {
      uncounted.failed.push(uid);
      newlyFailed.push(pod);
      release.push(pod);
    }
  }
  if (indexed) succeeded = indexes.size;
  const active = pods.filter(isPodActive);
  const some = uncounted.succeeded.length + uncounted.failed.length > 0;
  return {
    active,
    terminating: pods.filter(isPodTerminating).length,
    ready: active.filter(isPodReady).length,
    succeeded: succeeded + (indexed ? 0 : uncounted.succeeded.length),
    failed: failed + uncounted.failed.length,
    newlyFailed,
    completedIndexes: indexes,
    counting: {
      ...(succeeded > 0 ? { succeeded } : {}),
      ...(failed > 0 ? { failed } : {}),
      ...(indexed ? { completedIndexes: formatIndexes(indexes) } : {}),
      uncountedTerminatedPods: some
        ? {
            ...(uncounted.succeeded.length ? { succeeded: uncounted.succeeded } : {}),
            ...(uncounted.failed.length ? { failed: uncounted.failed } : {}),
          }
        : {},
    },
    release,
  };
}

/** How many pods should run now. */
export function wantedActive(
  job: Job,
  { active, succeeded }: Pick<Progress, 'active' | 'succeeded'>,
): number {
  const { parallelism = 1, completions } = job.spec ?? {};
  // A work queue: once one succeeded no new ones start.
  if (completions === undefined)
    return succeeded > 0 ? Math.min(active.length, parallelism) : parallelism;
  return Math.max(0, Math.min(completions - succeeded, parallelism));
}

/** The next `count` indexes that neither completed nor run. */
export function nextIndexes(job: Job, progress: Progress, count: number): number[] {
  const running = new Set(progress.active.map(indexOf));
  const result: number[] = [];
  for (let i = 0; i < (job.spec?.completions ?? 0) && result.length < count; i++) {
    if (!progress.completedIndexes.has(i) && !running.has(i)) result.push(i);
  }
  return result;
}

/** `0,2-4` */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end++;
    parts.push(end === i ? `${sorted[i]}` : `${sorted[i]}-${sorted[end]}`);
    i = end + 1;
  }
  return parts.join(',');
}

export function parseIndexes(text: string): Set<number> {
  const result = new Set<number>();
  for (const part of text.split(',').filter(Boolean)) {
    const [from = 0, to = from] = part.split('-').map(Number);
    for (let i = from; i <= to; i++) result.add(i);
  }
  return result;
}
