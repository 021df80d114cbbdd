/** When a CronJob is due (`pkg/controller/cronjob`, `mostRecentScheduleTime`). Pure. */
import type { CronJob } from '../../pkg/api/types.js';
import { type CronSchedule, parseSchedule } from '../../pkg/apimachinery/cron-schedule.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { WallClock } from '../../pkg/apimachinery/wall-clock.js';

export interface Due {
  /** The latest time of the schedule that has come and was not started. */
  readonly at: number | undefined;
  /** Times that have come since the last start, about. */
  readonly missed: number;
  readonly next: number | undefined;
}

/** Why it can never be due, as the Event that says so. */
export interface TimingFault {
  readonly reason: 'UnknownTimeZone' | 'UnparseableSchedule' | 'InvalidSchedule';
  readonly message: string;
}

export function timingOf(cj: CronJob, now: number): Due | TimingFault {
  const { schedule = '', timeZone } = cj.spec ?? {};
  const fault = zoneFault(timeZone);
  if (fault) return fault;
  const parsed = parseSchedule(schedule, timeZone);
  if (typeof parsed === 'string') {
    const message = `unparseable schedule: ${JSON.stringify(schedule)} : ${parsed}`;
    return { reason: 'UnparseableSchedule', message };
  }
  const due = dueTimes(cj, parsed, now);
  if (due) return due;
  const why = 'time difference between two schedules is less than 1 second';
  return { reason: 'InvalidSchedule', message: `invalid schedule: ${schedule} : ${why}` };
}

export function zoneFault(timeZone: string | undefined): TimingFault | undefined {
  if (timeZone === undefined || WallClock.isZone(timeZone)) return undefined;
  const message = `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`;
  return { reason: 'UnknownTimeZone', message };
}

export function isFault(timing: Due | TimingFault): timing is TimingFault {
  return 'reason' in timing;
}

/** Undefined: the schedule has no times at all. */
function dueTimes(cj: CronJob, schedule: CronSchedule, now: number): Due | undefined {
  const { startingDeadlineSeconds: deadline } = cj.spec ?? {};
  let since = parseTime(cj.status?.lastScheduleTime ?? cj.metadata?.creationTimestamp ?? '') ?? now;
  if (deadline !== undefined) since = Math.max(since, now - deadline * 1000);
  const first = schedule.next(since);
  const second = first && schedule.next(first);
  if (first === undefined || second === undefined) return undefined;
  const next = schedule.next(now);
  if (now < first) return { at: undefined, missed: 0, next };
  if (now < second) return { at: first, missed: 1, next };
  const interval = second - first;
  const missed = Math.floor((now - first) / interval) + 1;
  return { at: latest(schedule, first, interval, now), missed, next };
}

/** The last time until `now`; times need not be even, so it looks back further and further. */
function latest(schedule: CronSchedule, first: number, interval: number, now: number): number {
  for (let back = interval; ; back *= 2) {
    const from = Math.max(now - back, first - 1);
    let found: number | undefined;
    for (let at = schedule.next(from); at !== undefined && at <= now; at = schedule.next(at))
      found = at;
    if (found !== undefined) return found;
    if (from < first) return first;
  }
}
