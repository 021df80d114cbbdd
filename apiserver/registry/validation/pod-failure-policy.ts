/** What the end of a pod means for its Job: rules by exit code or by condition of the pod, the first that fits counts. */
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
} from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  type Path,
  required,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { qualifiedName } from './fields.js';

const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const OPERATORS = ['In', 'NotIn'];
const STATUSES = ['False', 'True', 'Unknown'];
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_CONDITIONS = 20;

export function validateFailurePolicy(spec: Partial<JobSpec>, at: Path): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const own = at.child('rules');
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {};
  const names = new Set([...containers, ...initContainers].map((container) => container.name));
  const errors = rules.length > MAX_RULES ? [tooMany(own, rules.length, MAX_RULES)] : [];
  for (const [i, rule] of rules.entries()) {
    errors.push(...validateRule(rule, spec, names, own.index(i)));
  }
  return errors;
}

function validateRule(
  rule: PodFailurePolicyRule,
  spec: Partial<JobSpec>,
  names: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  const own = at.child('action');
  const errors = oneOfListed(action, ACTIONS, own);
  if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    errors.push(invalid(own, action, 'requires the backoffLimitPerIndex to be set'));
  }
  if (onExitCodes) errors.push(...validateExitCodes(onExitCodes, names, at.child('onExitCodes')));
  const conditions = at.child('onPodConditions');
  if (onPodConditions.length > MAX_CONDITIONS) {
    errors.push(tooMany(conditions, onPodConditions.length, MAX_CONDITIONS));
  }
  for (const [i, { type, status }] of onPodConditions.entries()) {
    errors.push(
      ...qualifiedName(type ?? '', conditions.index(i).child('type')),
      ...oneOfListed(status, STATUSES, conditions.index(i).child('status')),
    );
  }
  if (onExitCodes && onPodConditions.length > 0) {
    errors.push(wrong(at, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  }
  if (!onExitCodes && onPodConditions.length === 0) {
    errors.push(wrong(at, 'specifying one of OnExitCodes and OnPodConditions is required'));
  }
  return errors;
}

function validateExitCodes(
  codes: PodFailurePolicyOnExitCodesRequirement,
  names: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const { operator, values = [], containerName } = codes;
  const errors = oneOfListed(operator, OPERATORS, at.child('operator'));
  if (containerName !== undefined && !names.has(containerName)) {
    const text = 'must be one of the container or initContainer names in the pod template';
    errors.push(invalid(at.child('containerName'), containerName, text));
  }
  const own = at.child('values');
  if (values.length === 0) errors.push(invalid(own, values, 'at least one value is required'));
  if (values.length > MAX_EXIT_CODES) errors.push(tooMany(own, values.length, MAX_EXIT_CODES));
  for (const [i, value] of values.entries()) {
    if (operator === 'In' && value === 0) {
      errors.push(invalid(own.index(i), value, 'must not be 0 for the In operator'));
    }
    if (values.indexOf(value) < i) errors.push(duplicate(own.index(i), value));
  }
  if (values.some((value, i) => i > 0 && (values[i - 1] ?? 0) > value)) {
    errors.push(invalid(own, values, 'must be ordered'));
  }
  return errors;
}

/** Required with the list that it is to be from, as Go prints one. */
function oneOfListed(value: string | undefined, values: readonly string[], at: Path): FieldError[] {
  if (value) return values.includes(value) ? [] : [notSupported(at, value, values)];
  return [required(at, `valid values: [${values.map((text) => JSON.stringify(text)).join(' ')}]`)];
}

/** Wrong as a whole: the value is not shown. */
function wrong(at: Path, detail: string): FieldError {
  return { type: 'FieldValueInvalid', field: at.toString(), body: `Invalid value: ${detail}` };
}
