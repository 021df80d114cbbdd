/** The conditions of a Job. Pure. */
import type { Job, JobCondition, JobStatus } from '../../pkg/api/types.js';

export function conditionOf(job: Job, type: string): JobCondition | undefined {
  return job.status?.conditions?.find((c) => c.type === type && c.status === 'True');
}

export function isFinished(job: Job): boolean {
  return conditionOf(job, 'Complete') !== undefined || conditionOf(job, 'Failed') !== undefined;
}

export interface ConditionText {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/**
 * The conditions with one set. What never was true is not said to be false; a condition that says the same
 * already keeps its times.
 */
export function withCondition(
  conditions: readonly JobCondition[] | undefined,
  next: ConditionText,
  time: string,
): JobCondition[] {
  const made = { ...next, lastProbeTime: time, lastTransitionTime: time };
  const all = conditions ?? [];
  const old = all.find((c) => c.type === next.type);
  if (!old) return next.status === 'False' ? [...all] : [...all, made];
  const same =
    old.status === next.status && old.reason === next.reason && old.message === next.message;
  return same ? [...all] : all.map((c) => (c === old ? made : c));
}

/** Whether the condition came to have this status between the two. */
export function turned(
  before: JobStatus | undefined,
  after: JobStatus,
  type: string,
  value: 'True' | 'False',
): boolean {
  const has = (status: JobStatus | undefined) =>
    status?.conditions?.some((c) => c.type === type && c.status === value) === true;
  return has(after) && !has(before);
}
