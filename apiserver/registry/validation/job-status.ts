/**
 * The status of a Job, which others than the Job controller may write too (`spec.managedBy`): it agrees with
 * itself, and what has ended does not begin again. A rule is asked only where a field that it is about has
 * changed: the status may lag behind a changed spec, and an old fault does not stop other updates.
 */
import type { Job, JobStatus } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  duplicate,
  type FieldError,
  invalid,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { commonIndex, countIndexes } from './completion-indexes.js';
import { validateCounts } from './replicas.js';

const STATUS = path('status');
const CONDITIONS = STATUS.child('conditions');

export function validateJobStatusUpdate(job: Job, old: Job): FieldError[] {
  const status: JobStatus = job.status ?? {};
  const before: JobStatus = old.status ?? {};
  const { completions } = job.spec ?? {};
  return [
    ...validateCounts(status, ['active', 'succeeded', 'failed', 'ready', 'terminating'], STATUS),
    ...validateUncounted(status),
    ...validateEnd(status, before),
    ...validateFinished(status, before),
    ...validateIndexes(job, status, before),
    ...validateReady(status, before),
    ...validateCriteria(status),
    ...validateTransition(status, before),
    ...validateCounters(job, status, before, completions),
    ...validateTimes(job, status, before),
  ];
}

function isTrue(status: JobStatus, type: string): boolean {
  return status.conditions?.some((c) => c.type === type && c.status === 'True') === true;
}

const isFinished = (status: JobStatus) => isTrue(status, 'Complete') || isTrue(status, 'Failed');

function turned(status: JobStatus, before: JobStatus, ...types: string[]): boolean {
  return types.some((type) => isTrue(status, type) !== isTrue(before, type));
}

function changed(status: JobStatus, before: JobStatus, ...fields: (keyof JobStatus)[]): boolean {
  return fields.some((field) => !semanticDeepEqual(status[field], before[field]));
}

/** Field errors about conditions leave the value out. */
function wrongConditions(detail: string): FieldError {
  return {
    type: 'FieldValueInvalid',
    field: CONDITIONS.toString(),
    body: `Invalid value: ${detail}`,
  };
}

function validateUncounted({ uncountedTerminatedPods = {} }: JobStatus): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const) {
    for (const [i, uid] of (uncountedTerminatedPods[list] ?? []).entries()) {
      const at = STATUS.child('uncountedTerminatedPods', list).index(i);
      if (uid === '') errors.push(invalid(at, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(duplicate(at, uid));
      seen.add(uid);
    }
  }
  return errors;
}

/** How it ended: in one way, with its time, after the reason was noted. */
function validateEnd(status: JobStatus, before: JobStatus): FieldError[] {
  const errors: FieldError[] = [];
  const complete = isTrue(status, 'Complete');
  const failed = isTrue(status, 'Failed');
  const { completionTime } = status;
  if (complete && failed && turned(status, before, 'Complete', 'Failed'))
    errors.push(wrongConditions('cannot set Complete=True and Failed=true conditions'));
  if (
    complete &&
    isTrue(status, 'FailureTarget') &&
    turned(status, before, 'Complete', 'FailureTarget')
  )
    errors.push(wrongConditions('cannot set Complete=True and FailureTarget=true conditions'));
  if (turned(status, before, 'Complete') || changed(status, before, 'completionTime')) {
    const at = STATUS.child('completionTime');
    if (completionTime !== undefined && !complete) {
      const text = 'cannot set completionTime when there is no Complete=True condition';
      errors.push(invalid(at, completionTime, text));
    }
    if (completionTime === undefined && complete)
      errors.push(required(at, 'completionTime is required for Complete jobs'));
  }
  if (changed(status, before, 'startTime', 'completionTime')) {
    const { startTime } = status;
    if (startTime && completionTime && Date.parse(completionTime) < Date.parse(startTime)) {
      const text = 'completionTime cannot be set before startTime';
      errors.push(invalid(STATUS.child('completionTime'), completionTime, text));
    }
  }
  if (
    failed &&
    !isTrue(status, 'FailureTarget') &&
    turned(status, before, 'Failed', 'FailureTarget')
  ) {
    const text = 'cannot set Failed=True condition without the FailureTarget=true condition';
    errors.push(wrongConditions(text));
  }
  if (
    complete &&
    !isTrue(status, 'SuccessCriteriaMet') &&
    turned(status, before, 'Complete', 'SuccessCriteriaMet')
  ) {
    const text = 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition';
    errors.push(wrongConditions(text));
  }
  return errors;
}

/** Nothing of it is left when it has ended. */
function validateFinished(status: JobStatus, before: JobStatus): FieldError[] {
  if (!isFinished(status)) return [];
  const ended = !isFinished(before);
  const errors: FieldError[] = [];
  const { active = 0, startTime, terminating = 0, uncountedTerminatedPods: uncounted } = status;
  if (active > 0 && (ended || changed(status, before, 'active')))
    errors.push(invalid(STATUS.child('active'), active, 'active>0 is invalid for finished job'));
  if (startTime === undefined && (ended || changed(status, before, 'startTime')))
    errors.push(required(STATUS.child('startTime'), 'startTime is required for finished job'));
  const waiting = (uncounted?.succeeded?.length ?? 0) + (uncounted?.failed?.length ?? 0);
  if (waiting > 0 && (ended || changed(status, before, 'uncountedTerminatedPods'))) {
    const text = 'uncountedTerminatedPods needs to be empty for finished job';
    errors.push(invalid(STATUS.child('uncountedTerminatedPods'), uncounted, text));
  }
  if (terminating > 0 && (ended || changed(status, before, 'terminating'))) {
    const text = 'terminating>0 is invalid for finished job';
    errors.push(invalid(STATUS.child('terminating'), terminating, text));
  }
  return errors;
}

function validateIndexes(job: Job, status: JobStatus, before: JobStatus): FieldError[] {
  const errors: FieldError[] = [];
  const { completedIndexes = '', failedIndexes } = status;
  const { completions, backoffLimitPerIndex: limit, completionMode } = job.spec ?? {};
  const completedAt = STATUS.child('completedIndexes');
  const failedAt = STATUS.child('failedIndexes');
  const wrong = (text: string) => {
    const found = completions === undefined ? 0 : countIndexes(text, completions);
    return typeof found === 'string' ? found : undefined;
  };
  if (changed(status, before, 'completedIndexes')) {
    const why = wrong(completedIndexes);
    if (why)
      errors.push(invalid(completedAt, completedIndexes, `error parsing completedIndexes: ${why}`));
    if (completedIndexes !== '' && completionMode !== 'Indexed') {
      const text = 'cannot set non-empty completedIndexes when non-indexed completion mode';
      errors.push(invalid(completedAt, completedIndexes, text));
    }
  }
  if (failedIndexes === undefined) return errors;
  if (changed(status, before, 'failedIndexes')) {
    const why = limit === undefined ? undefined : wrong(failedIndexes);
    if (why) errors.push(invalid(failedAt, failedIndexes, `error parsing failedIndexes: ${why}`));
    if (limit === undefined) {
      const text = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
      errors.push(invalid(failedAt, failedIndexes, text));
    }
  }
  if (completions !== undefined && changed(status, before, 'failedIndexes', 'completedIndexes')) {
    const both = commonIndex(completedIndexes, failedIndexes, completions);
    if (both !== undefined) {
      const text = `failedIndexes and completedIndexes overlap at index: ${both}`;
      errors.push(invalid(failedAt, failedIndexes, text));
    }
  }
  return errors;
}

function validateReady(status: JobStatus, before: JobStatus): FieldError[] {
  const { ready, active = 0 } = status;
  if (ready === undefined || ready <= active || !changed(status, before, 'ready', 'active'))
    return [];
  return [invalid(STATUS.child('ready'), ready, 'cannot set more ready pods than active')];
}

function validateCriteria(status: JobStatus): FieldError[] {
  if (!isTrue(status, 'SuccessCriteriaMet')) return [];
  const errors: FieldError[] = [];
  if (isTrue(status, 'Failed'))
    errors.push(wrongConditions('cannot set SuccessCriteriaMet=True and Failed=true conditions'));
  if (isTrue(status, 'FailureTarget')) {
    const text = 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions';
    errors.push(wrongConditions(text));
  }
  return errors;
}

function validateTransition(status: JobStatus, before: JobStatus): FieldError[] {
  const errors: FieldError[] = [];
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (isTrue(before, type) && !isTrue(status, type))
      errors.push(wrongConditions(`cannot disable the terminal ${type}=True condition`));
  }
  const met = isTrue(status, 'SuccessCriteriaMet');
  const wasMet = isTrue(before, 'SuccessCriteriaMet');
  if (wasMet && !met)
    errors.push(wrongConditions('cannot disable the SuccessCriteriaMet=True condition'));
  if (isTrue(before, 'Complete') && !wasMet && met) {
    const text = 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions';
    errors.push(wrongConditions(text));
  }
  return errors;
}

/** Only an elastic Job, which shrank, has fewer successes than before. */
function validateCounters(
  job: Job,
  { failed = 0, succeeded = 0 }: JobStatus,
  before: JobStatus,
  completions: number | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  if (failed < (before.failed ?? 0))
    errors.push(invalid(STATUS.child('failed'), failed, 'cannot decrease the failed counter'));
  const elastic = job.spec?.completionMode === 'Indexed' && completions === job.spec.parallelism;
  if (!elastic && succeeded < (before.succeeded ?? 0)) {
    const text = 'cannot decrease the succeeded counter';
    errors.push(invalid(STATUS.child('succeeded'), succeeded, text));
  }
  return errors;
}

/** A Job that was suspended starts anew, and with it its deadline. */
function isResuming(status: JobStatus, before: JobStatus): boolean {
  const resumed = status.conditions?.some((c) => c.type === 'Suspended' && c.status === 'False');
  return isTrue(before, 'Suspended') && resumed === true;
}

function validateTimes(job: Job, status: JobStatus, before: JobStatus): FieldError[] {
  const errors: FieldError[] = [];
  const { completionTime } = status;
  if (completionTime && before.completionTime && changed(status, before, 'completionTime')) {
    const at = STATUS.child('completionTime');
    errors.push(invalid(at, completionTime, 'completionTime cannot be mutated'));
  }
  const stays = !job.spec?.suspend && !isResuming(status, before);
  if (before.startTime && changed(status, before, 'startTime') && stays) {
    const text = 'startTime cannot be removed for unsuspended job';
    errors.push(required(STATUS.child('startTime'), text));
  }
  return errors;
}
