/**
 * What a Job's pods amount to (`pkg/controller/job`), and what follows from it. Pure.
 *
 * A pod counts while it carries the finalizer `batch.kubernetes.io/job-tracking` (see `tracking.ts`); one
 * whose finalizer was taken off a moment ago, though the cache still shows it, is known by `released`.
 */
import type { Job, Pod } from '../../pkg/api/types.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { isPodActive, isPodReady, isPodTerminating } from '../pods.js';
import { conditionOf } from './conditions.js';
import { jobFailure, judgeFailure } from './failure-policy.js';
import { failedIndexesOf, indexesOf, limitsEachIndex, podsToReplace } from './index-failures.js';
import { IndexSet } from './indexes.js';
import { hasFailed, isIndexed, isTracked, onlyReplacesFailed, validIndexOf } from './pod.js';
import { successByPolicy } from './success-policy.js';

export interface Progress {
  readonly job: Job;
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly terminating: readonly Pod[];
  readonly ready: number;
  /** Not counted before. */
  readonly newlySucceeded: readonly Pod[];
  readonly newlyFailed: readonly Pod[];
  /** Counted, and waiting to be. */
  readonly succeeded: number;
  readonly failed: number;
  /** Of an Indexed Job: what its status says, and what holds now. */
  readonly completedBefore: IndexSet;
  readonly completedIndexes: IndexSet;
  /** With a limit for each index. */
  readonly failedIndexes: IndexSet | undefined;
  /** The failed pod of each index that is to run again; it keeps its finalizer until it is replaced. */
  readonly replaced: ReadonlyMap<number, Pod>;
  /** Whether the pod still holds its place: it has the finalizer, and nobody took it off. */
  readonly holds: (pod: Pod) => boolean;
}

/** How a Job ends. */
export interface Outcome {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
}

export const COMPLETED: Outcome = {
  type: 'Complete',
  reason: 'CompletionsReached',
  message: 'Reached expected number of succeeded pods',
};

export function progressOf(
  job: Job,
  pods: readonly Pod[],
  released: ReadonlySet<string> = new Set(),
): Progress {
  const { status = {}, spec } = job;
  const indexed = isIndexed(job);
  const waiting = status.uncountedTerminatedPods ?? {};
  const holds = (pod: Pod) => isTracked(pod) && !released.has(pod.metadata?.uid ?? '');
  const valid = pods.filter(
    (pod) => holds(pod) && (!indexed || validIndexOf(job, pod) !== undefined),
  );
  const unknown = (known: readonly string[] = []) => {
    const uids = new Set(known);
    return valid.filter((pod) => !uids.has(pod.metadata?.uid ?? ''));
  };
  const newlySucceeded = unknown(waiting.succeeded).filter((p) => p.status?.phase === 'Succeeded');
  const newlyFailed = unknown(waiting.failed).filter((pod) => hasFailed(job, pod));
  const counted = newlyFailed.filter((pod) => judgeFailure(job, pod).counts);
  const active = pods.filter(isPodActive);
  const completedBefore = indexed
    ? IndexSet.parse(status.completedIndexes, spec?.completions ?? 0)
    : IndexSet.EMPTY;
  const done = pods.filter((pod) => isTracked(pod) && pod.status?.phase === 'Succeeded');
  const completedIndexes = completedBefore.union(
    IndexSet.of(done.map((pod) => validIndexOf(job, pod)).filter((i) => i !== undefined)),
  );
  const failedIndexes = indexed && limitsEachIndex(job) ? failedIndexesOf(job, pods) : undefined;
  const running = indexesOf(active);
  return {
    job,
    pods,
    active,
    terminating: pods.filter(isPodTerminating),
    ready: active.filter(isPodReady).length,
    newlySucceeded,
    newlyFailed,
    succeeded: indexed
      ? completedIndexes.size
      : (status.succeeded ?? 0) + newlySucceeded.length + (waiting.succeeded?.length ?? 0),
    failed: (status.failed ?? 0) + counted.length + (waiting.failed?.length ?? 0),
    completedBefore,
    completedIndexes: indexed ? completedIndexes : IndexSet.EMPTY,
    failedIndexes,
    replaced: failedIndexes
      ? podsToReplace(
          job,
          valid,
          (i) => completedIndexes.has(i) || failedIndexes.has(i) || running.has(i),
        )
      : new Map(),
    holds,
  };
}

/** What ends the Job now, by its pods and its time; once noted in a condition it stays. */
export function outcomeOf(progress: Progress, now: number): Outcome | undefined {
  const { job, pods, failed, completedIndexes, failedIndexes } = progress;
  const noted = notedOutcome(job);
  if (noted) return noted;
  const policy = jobFailure(job, pods);
  if (policy !== undefined) return failure('PodFailurePolicy', policy);
  if (failed > (job.spec?.backoffLimit ?? 6) || pastLimitOnFailure(job, pods))
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  const left = deadlineLeft(job, now);
  if (left !== undefined && left <= 0)
    return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
  if (!isIndexed(job)) return undefined;
  const { completions = 0, maxFailedIndexes } = job.spec ?? {};
  const lost = failedIndexes?.size ?? 0;
  if (maxFailedIndexes !== undefined && lost > maxFailedIndexes) {
    return failure(
      'MaxFailedIndexesExceeded',
      'Job has exceeded the specified maximal number of failed indexes',
    );
  }
  if (lost > 0 && lost + completedIndexes.size >= completions)
    return failure('FailedIndexes', 'Job has failed indexes');
  const success = successByPolicy(job, completedIndexes);
  return success === undefined
    ? undefined
    : { type: 'Complete', reason: 'SuccessPolicy', message: success };
}

function notedOutcome(job: Job): Outcome | undefined {
  const success = conditionOf(job, 'SuccessCriteriaMet');
  const noted = success ?? conditionOf(job, 'FailureTarget');
  if (!noted) return undefined;
  const { reason = '', message = '' } = noted;
  return { type: success ? 'Complete' : 'Failed', reason, message };
}

function failure(reason: string, message: string): Outcome {
  return { type: 'Failed', reason, message };
}

/** Milliseconds until `activeDeadlineSeconds` are over; undefined: they do not run. */
export function deadlineLeft(job: Job, now: number): number | undefined {
  const { activeDeadlineSeconds, suspend } = job.spec ?? {};
  if (activeDeadlineSeconds === undefined || suspend) return undefined;
  const started = parseTime(job.status?.startTime ?? '') ?? now;
  return started + activeDeadlineSeconds * 1000 - now;
}

/** With restartPolicy OnFailure a pod does not fail; its restarts count instead. */
function pastLimitOnFailure(job: Job, pods: readonly Pod[]): boolean {
  if (job.spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  const { backoffLimit = 6 } = job.spec;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue;
    for (const c of status.initContainerStatuses ?? []) restarts += c.restartCount;
    for (const c of status.containerStatuses ?? []) restarts += c.restartCount;
  }
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}

/** Whether so many succeeded that, with `active` left, the Job is done. */
export function isComplete({ job, succeeded }: Progress, active: number): boolean {
  if (active > 0) return false;
  const { completions } = job.spec ?? {};
  return completions === undefined ? succeeded > 0 : succeeded >= completions;
}

/** How many pods should run now. */
export function wantedActive({ job, active, succeeded }: Progress): number {
  const { parallelism = 1, completions } = job.spec ?? {};
  // A work queue: once one succeeded, what runs may end and no more are started.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(completions - succeeded, parallelism));
}

/** How many pods are to be started to have as many as wanted. */
export function missingPods(progress: Progress, wanted: number): number {
  const { job, active, terminating } = progress;
  const holding = onlyReplacesFailed(job) ? terminating.length : 0;
  return Math.max(0, wanted - active.length - holding);
}

/** The next `count` indexes that neither ended for good nor run. */
export function nextIndexes(progress: Progress, count: number): number[] {
  const { job, active, terminating, completedIndexes, failedIndexes } = progress;
  let taken = completedIndexes.union(indexesOf(active));
  if (onlyReplacesFailed(job)) taken = taken.union(indexesOf(terminating));
  if (failedIndexes) taken = taken.union(failedIndexes);
  return taken.missing(count, job.spec?.completions ?? 0);
}
