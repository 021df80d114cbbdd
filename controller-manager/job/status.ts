/** The status of a Job as its pods make it, without the counts of those that ended. Pure. */
import type { Job, JobStatus } from '../../pkg/api/types.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { turned, withCondition } from './conditions.js';

export interface PodCounts {
  readonly active: number;
  readonly terminating: number;
  readonly ready: number;
}

/** The Job as it starts: a suspended one does not. */
export function started(job: Job, now: number): Job {
  if (job.status?.startTime !== undefined || job.spec?.suspend) return job;
  return { ...job, status: { ...job.status, startTime: formatTime(new Date(now)) } };
}

/** `settled`: its pods are as they should be, so that it is suspended, or resumed. */
export function statusOf(
  job: Job,
  { active, terminating, ready }: PodCounts,
  settled: boolean,
  now: number,
): JobStatus {
  const time = formatTime(new Date(now));
  const { active: _a, ...status } = job.status ?? {};
  const counts = { ...(active > 0 ? { active } : {}), terminating, ready };
  if (!settled) return { ...status, ...counts };
  const next = job.spec?.suspend
    ? ({ status: 'True', reason: 'JobSuspended', message: 'Job suspended' } as const)
    : ({ status: 'False', reason: 'JobResumed', message: 'Job resumed' } as const);
  const conditions = withCondition(status.conditions, { type: 'Suspended', ...next }, time);
  const changed = { ...status, ...counts, ...(conditions.length ? { conditions } : {}) };
  // A resumed Job starts its deadline anew.
  const resumed = turned(job.status, changed, 'Suspended', 'False');
  return resumed ? { ...changed, startTime: time } : changed;
}
