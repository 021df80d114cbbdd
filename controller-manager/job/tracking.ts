/**
 * Counting pods exactly once, though a pod may be deleted, and this process may end, at any time. Pure.
 *
 * Every pod carries the finalizer `batch.kubernetes.io/job-tracking`. The count goes in two writes:
 *
 *   ended, finalizer on ─▶ its uid in status.uncountedTerminatedPods ─▶ finalizer off ─▶ count up, uid out
 *
 * Succeeded pods of an Indexed Job need no uid: their index is written at once, and counting it twice
 * changes nothing. With FailureTarget or SuccessCriteriaMet the reason of the end is in the status before
 * the pods that show it may go.
 */
import type { JobStatus, Pod } from '../../pkg/api/types.js';
import { withCondition } from './conditions.js';
import { judgeFailure } from './failure-policy.js';
import { IndexSet } from './indexes.js';
import { hasFailed, indexOf, isIndexed, validIndexOf } from './pod.js';
import type { Outcome, Progress } from './progress.js';

/** Uids that wait in the status at a time, which keeps it below 20 kB. */
const MAX_UNCOUNTED = 500;

export interface Tracking {
  /** To be written before any finalizer comes off. */
  readonly status: JobStatus;
  /** Whose finalizers may come off then. */
  readonly release: readonly Pod[];
  /** There is more than one write can take. */
  readonly more: boolean;
}

/** `status` holds all but the counts. */
export function track(
  progress: Progress,
  outcome: Outcome | undefined,
  status: JobStatus,
  time: string,
): Tracking {
  const { job, holds } = progress;
  const indexed = isIndexed(job);
  const held = heldUids(progress);
  const settled = settle(status, held);
  const waiting = settled.uncountedTerminatedPods ?? {};
  const succeeded = [...(waiting.succeeded ?? [])];
  const failed = [...(waiting.failed ?? [])];
  const wasSucceeded = new Set(job.status?.uncountedTerminatedPods?.succeeded);
  const wasFailed = new Set(job.status?.uncountedTerminatedPods?.failed);
  const newIndexes: number[] = [];
  const release: Pod[] = [];
  let more = false;
  for (const pod of indexed ? byIndex(progress.pods) : progress.pods) {
    if (!holds(pod) || !mayRelease(progress, outcome, pod)) continue;
    release.push(pod);
    const uid = pod.metadata?.uid ?? '';
    const index = validIndexOf(job, pod);
    if (pod.status?.phase === 'Succeeded' && !wasFailed.has(uid)) {
      if (indexed) {
        if (index !== undefined && !progress.completedBefore.has(index)) newIndexes.push(index);
      } else if (!wasSucceeded.has(uid)) succeeded.push(uid);
    } else if (hasFailed(job, pod) || outcome?.type === 'Failed') {
      // Of a Job that has failed every pod that did not succeed has failed.
      const known = wasFailed.has(uid) || (indexed && index === undefined);
      if (!known && judgeFailure(job, pod).counts) failed.push(uid);
    }
    if (newIndexes.length + succeeded.length + failed.length >= MAX_UNCOUNTED) {
      more = true;
      break;
    }
  }
  const counted = indexed ? withIndexes(progress, settled, newIndexes) : settled;
  return {
    status: withWaiting(withInterim(counted, outcome, time), succeeded, failed),
    release,
    more,
  };
}

/** The status after these pods, and no others, are known to hold their finalizers. */
export function settle(status: JobStatus, held: ReadonlySet<string>): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const stillSucceeded = succeeded.filter((uid) => held.has(uid));
  const stillFailed = failed.filter((uid) => held.has(uid));
  const add = (count: number | undefined, more: number) => (count ?? 0) + more;
  const { succeeded: _s, failed: _f, ...rest } = status;
  const all = add(status.succeeded, succeeded.length - stillSucceeded.length);
  const lost = add(status.failed, failed.length - stillFailed.length);
  return withWaiting(
    { ...rest, ...(all > 0 ? { succeeded: all } : {}), ...(lost > 0 ? { failed: lost } : {}) },
    stillSucceeded,
    stillFailed,
  );
}

export function heldUids({ pods, holds }: Progress): Set<string> {
  return new Set(pods.filter(holds).map((pod) => pod.metadata?.uid ?? ''));
}

/** Complete or Failed, once all pods have ended and are counted; undefined: not yet. */
export function finished(
  status: JobStatus,
  { type, reason, message }: Outcome,
  time: string,
): JobStatus | undefined {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  if (succeeded.length + failed.length > 0 || (status.terminating ?? 0) > 0) return undefined;
  const next = { type, status: 'True', reason, message } as const;
  return {
    ...status,
    conditions: withCondition(status.conditions, next, time),
    ...(type === 'Complete' ? { completionTime: time } : {}),
  };
}

/** A failed pod whose index is to run again must stay until the one that replaces it has its count. */
function mayRelease({ job, replaced }: Progress, outcome: Outcome | undefined, pod: Pod): boolean {
  if (job.metadata?.deletionTimestamp !== undefined || outcome) return true;
  if (pod.status?.phase === 'Succeeded') return true;
  if (!hasFailed(job, pod)) return false;
  const index = indexOf(pod);
  return index === undefined || replaced.get(index)?.metadata?.uid !== pod.metadata?.uid;
}

function withIndexes(
  { completedIndexes, failedIndexes }: Progress,
  status: JobStatus,
  more: readonly number[],
): JobStatus {
  const { succeeded: _s, completedIndexes: _c, failedIndexes: _f, ...rest } = status;
  const all = completedIndexes.union(IndexSet.of(more));
  return {
    ...rest,
    ...(all.size > 0 ? { succeeded: all.size, completedIndexes: String(all) } : {}),
    ...(failedIndexes ? { failedIndexes: String(failedIndexes) } : {}),
  };
}

function withInterim(status: JobStatus, outcome: Outcome | undefined, time: string): JobStatus {
  if (!outcome) return status;
  const { reason, message } = outcome;
  const type = outcome.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
  const next = { type, status: 'True', reason, message } as const;
  return { ...status, conditions: withCondition(status.conditions, next, time) };
}

function withWaiting(
  status: JobStatus,
  succeeded: readonly string[],
  failed: readonly string[],
): JobStatus {
  return {
    ...status,
    uncountedTerminatedPods: {
      ...(succeeded.length > 0 ? { succeeded: [...succeeded] } : {}),
      ...(failed.length > 0 ? { failed: [...failed] } : {}),
    },
  };
}

function byIndex(pods: readonly Pod[]): Pod[] {
  return [...pods].sort((a, b) => (indexOf(a) ?? -1) - (indexOf(b) ?? -1));
}
