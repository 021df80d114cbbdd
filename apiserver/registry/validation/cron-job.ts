/** CronJobs: a schedule that can be read, a time zone that exists, and a Job that can be made at each of its times. */
import type { CronJob, CronJobSpec } from '../../../pkg/api/types.js';
import { scheduleProblem } from '../../../pkg/apimachinery/cron-schedule.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { WallClock } from '../../../pkg/apimachinery/wall-clock.js';
import { oneOf } from './fields.js';
import { jobSpecWarnings, validateJobSpec } from './job.js';
import { nameWarnings } from './name-warnings.js';
import { isNewGeneration } from './pod-warnings.js';
import { validateCounts } from './replicas.js';

const SPEC = path('spec');
/** Eleven characters of the names of its Jobs are the time. */
const MAX_NAME = 52;

export function validateCronJob(obj: CronJob): FieldError[] {
  const name = obj.metadata?.name ?? '';
  const errors = validateSpec(obj);
  if (name.length > MAX_NAME) {
    errors.push(
      invalid(path('metadata', 'name'), name, `must be no more than ${MAX_NAME} characters`),
    );
  }
  return errors;
}

export function validateCronJobUpdate(obj: CronJob, old: CronJob): FieldError[] {
  return validateSpec(obj, old);
}

export function cronJobWarnings(obj: CronJob, old?: CronJob): string[] {
  const ofJobs = () => jobSpecWarnings(obj.spec?.jobTemplate?.spec, 'spec.jobTemplate.spec');
  if (!old) return [...nameWarnings(obj.metadata?.name), ...ofJobs()];
  const warnings = isNewGeneration(obj, old) ? ofJobs() : [];
  if (obj.spec?.schedule.includes('TZ')) {
    warnings.push(
      'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
    );
  }
  return warnings;
}

function validateSpec(obj: CronJob, old?: CronJob): FieldError[] {
  const spec: Partial<CronJobSpec> = obj.spec ?? {};
  const errors: FieldError[] = [];
  errors.push(...validateSchedule(spec, SPEC.child('schedule'), old?.spec?.schedule));
  errors.push(...validateCounts(spec, ['startingDeadlineSeconds'], SPEC));
  if (spec.timeZone !== undefined && spec.timeZone !== old?.spec?.timeZone) {
    errors.push(...validateTimeZone(spec.timeZone, SPEC.child('timeZone')));
  }
  errors.push(
    ...oneOf(
      spec.concurrencyPolicy,
      ['Allow', 'Forbid', 'Replace'],
      SPEC.child('concurrencyPolicy'),
    ),
  );
  const job = SPEC.child('jobTemplate', 'spec');
  const jobSpec = spec.jobTemplate?.spec;
  errors.push(...validateJobSpec(jobSpec ?? {}, job, old?.spec?.jobTemplate?.spec?.template));
  if (jobSpec?.selector)
    errors.push(
      invalid(job.child('selector'), jobSpec.selector, '`selector` will be auto-generated'),
    );
  if (jobSpec?.manualSelector)
    errors.push(notSupported(job.child('manualSelector'), true, ['nil', 'false']));
  return [
    ...errors,
    ...validateCounts(spec, ['successfulJobsHistoryLimit', 'failedJobsHistoryLimit'], SPEC),
  ];
}

function validateSchedule(
  spec: Partial<CronJobSpec>,
  at: Path,
  old: string | undefined,
): FieldError[] {
  const { schedule, timeZone } = spec;
  if (!schedule) return [required(at)];
  const problem = scheduleProblem(schedule);
  const errors = problem === undefined ? [] : [invalid(at, schedule, problem)];
  if (schedule.includes('TZ')) {
    // Schedules from before there was a field for the zone may stay.
    if (!old?.includes('TZ')) {
      const text = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
      errors.push(invalid(at, schedule, text));
    } else if (timeZone !== undefined) {
      const text = 'cannot use both timeZone field and TZ or CRON_TZ in schedule';
      errors.push(invalid(at, schedule, text));
    }
  }
  return errors;
}

function validateTimeZone(zone: string, at: Path): FieldError[] {
  if (zone === '') return [invalid(at, zone, 'timeZone must be nil or non-empty string')];
  if (zone.toLowerCase() === 'local') {
    const text =
      'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    return [invalid(at, zone, text)];
  }
  const unknown = invalid(at, zone, `unknown time zone ${zone}`);
  if (zone.split('/').some((part) => !isZonePart(part))) return [unknown];
  return WallClock.isZone(zone) ? [] : [unknown];
}

/** By IANA's rules for names, and what older names need. */
function isZonePart(part: string): boolean {
  return part !== '.' && part !== '..' && !part.startsWith('-') && /^[\w.+-]{1,14}$/.test(part);
}
