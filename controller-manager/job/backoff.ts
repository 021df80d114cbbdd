/**
 * How long to wait before a pod that failed is replaced: ten seconds, doubled by each failure in a row up to
 * ten minutes, measured from the last one's end. A success starts the count anew.
 */
import type { Pod } from '../../pkg/api/types.js';
import { finishedAt } from './pod.js';

const BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 600_000;

export interface FailureRecord {
  /** Since the last success. */
  readonly failures: number;
  /** Milliseconds since the epoch. */
  readonly lastAt: number;
}

const NONE: FailureRecord = { failures: 0, lastAt: 0 };

/** The record of a Job after these pods ended, which it did not know of. */
export function nextRecord(
  before: FailureRecord = NONE,
  succeeded: readonly Pod[],
  failed: readonly Pod[],
): FailureRecord {
  const ends = failed.map(finishedAt).sort((a, b) => a - b);
  if (succeeded.length === 0) {
    const last = ends.at(-1);
    if (last === undefined) return before;
    return { failures: before.failures + ends.length, lastAt: last };
  }
  const lastSuccess = Math.max(...succeeded.map(finishedAt));
  const since = ends.filter((end) => end > lastSuccess);
  return { failures: since.length, lastAt: since.at(-1) ?? 0 };
}

/** Milliseconds that are left to wait. */
export function backoffLeft({ failures, lastAt }: FailureRecord, now: number): number {
  if (failures === 0) return 0;
  const wait = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** Math.min(failures - 1, 30));
  return Math.max(0, wait - (now - lastAt));
}
