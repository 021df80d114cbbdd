/**
 * Failures counted per index, with `spec.backoffLimitPerIndex`. The count of an index travels from pod to
 * pod in an annotation: the last failed pod of an index keeps its finalizer, and so stays readable, until
 * the pod that replaces it carries the count on. Pure.
 */
import type { Job, Pod } from '../../pkg/api/types.js';
import { backoffLeft } from './backoff.js';
import { judgeFailure } from './failure-policy.js';
import { IndexSet } from './indexes.js';
import { finishedAt, hasFailed, indexOf, isTracked, validIndexOf } from './pod.js';

const FAILURE_COUNT = 'batch.kubernetes.io/job-index-failure-count';
const IGNORED_COUNT = 'batch.kubernetes.io/job-index-ignored-failure-count';
const MAX_INT32 = 2 ** 31 - 1;

export function limitsEachIndex(job: Job): boolean {
  return job.spec?.backoffLimitPerIndex !== undefined;
}

/** The indexes that have failed for good. */
export function failedIndexesOf(job: Job, pods: readonly Pod[]): IndexSet {
  const failed = new Set<number>();
  for (const pod of pods) {
    const index = validIndexOf(job, pod);
    if (index !== undefined && isTracked(pod) && failsItsIndex(job, pod)) failed.add(index);
  }
  const before = IndexSet.parse(job.status?.failedIndexes, job.spec?.completions ?? 0);
  return before.union(IndexSet.of(failed));
}

function failsItsIndex(job: Job, pod: Pod): boolean {
  if (!hasFailed(job, pod)) return false;
  const { action, counts } = judgeFailure(job, pod);
  if (action === 'FailIndex') return true;
  return counts && countOf(pod, FAILURE_COUNT) >= (job.spec?.backoffLimitPerIndex ?? 0);
}

/** The failed pod of each index that is to be run again, the latest of them. */
export function podsToReplace(
  job: Job,
  candidates: readonly Pod[],
  settled: (index: number) => boolean,
): Map<number, Pod> {
  const last = new Map<number, Pod>();
  for (const pod of candidates) {
    const index = validIndexOf(job, pod);
    if (index === undefined || !hasFailed(job, pod) || settled(index)) continue;
    const known = last.get(index);
    const later =
      !known || (allFailures(known) <= allFailures(pod) && finishedAt(pod) >= finishedAt(known));
    if (later) last.set(index, pod);
  }
  return last;
}

/** Of `indexes`, those that may start now; when none may, how long until the first may. */
export function startableIndexes(
  indexes: readonly number[],
  replaced: ReadonlyMap<number, Pod>,
  now: number,
): { indexes: number[]; wait: number } {
  let wait = Number.POSITIVE_INFINITY;
  const startable = indexes.filter((index) => {
    const pod = replaced.get(index);
    const left = pod
      ? backoffLeft({ failures: allFailures(pod) + 1, lastAt: finishedAt(pod) }, now)
      : 0;
    if (left > 0) wait = Math.min(wait, left);
    return left === 0;
  });
  return { indexes: startable, wait: startable.length > 0 || wait === Infinity ? 0 : wait };
}

/** What the next pod of an index knows of those before it. */
export function failureAnnotations(job: Job, replaced: Pod | undefined): Record<string, string> {
  let failures = 0;
  let ignored = 0;
  if (replaced) {
    failures = countOf(replaced, FAILURE_COUNT);
    ignored = countOf(replaced, IGNORED_COUNT);
    if (judgeFailure(job, replaced).counts) failures++;
    else ignored++;
  }
  return {
    [FAILURE_COUNT]: String(failures),
    ...(ignored > 0 ? { [IGNORED_COUNT]: String(ignored) } : {}),
  };
}

export function indexesOf(pods: readonly Pod[]): IndexSet {
  return IndexSet.of(new Set(pods.map(indexOf).filter((index) => index !== undefined)));
}

function allFailures(pod: Pod): number {
  return countOf(pod, FAILURE_COUNT) + countOf(pod, IGNORED_COUNT);
}

/** An annotation that is no int32 counts as 0. */
function countOf(pod: Pod, annotation: string): number {
  const text = pod.metadata?.annotations?.[annotation] ?? '';
  const value = /^\+?\d+$/.test(text) ? Number(text) : 0;
  return value <= MAX_INT32 ? value : 0;
}
