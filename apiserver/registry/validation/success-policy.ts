/** When an Indexed Job has succeeded before all of its indexes have. */
import type { JobSpec, SuccessPolicyRule } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  type Path,
  required,
  tooLong,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { countIndexes } from './completion-indexes.js';
import { validateCounts } from './replicas.js';

const MAX_RULES = 20;
const MAX_INDEXES_LENGTH = 64 * 1024;

/** Of a Job whose completion mode is Indexed. */
export function validateSuccessPolicy(spec: Partial<JobSpec>, at: Path): FieldError[] {
  const rules = spec.successPolicy?.rules ?? [];
  const own = at.child('rules');
  const errors: FieldError[] = [];
  if (rules.length === 0) {
    const text = 'at least one rules must be specified when the successPolicy is specified';
    errors.push(required(own, text));
  }
  if (rules.length > MAX_RULES) errors.push(tooMany(own, rules.length, MAX_RULES));
  for (const [i, rule] of rules.entries()) {
    errors.push(...validateRule(rule, spec.completions ?? 0, own.index(i)));
  }
  return errors;
}

function validateRule(rule: SuccessPolicyRule, completions: number, at: Path): FieldError[] {
  const { succeededCount: count, succeededIndexes: indexes } = rule;
  const errors: FieldError[] = [];
  if (count === undefined && indexes === undefined) {
    const text = 'at least one of succeededCount or succeededIndexes must be specified';
    errors.push(required(at, text));
  }
  let named = 0;
  if (indexes !== undefined) {
    const own = at.child('succeededIndexes');
    if (indexes.length > MAX_INDEXES_LENGTH) errors.push(tooLong(own, MAX_INDEXES_LENGTH));
    const found = countIndexes(indexes, completions);
    if (typeof found === 'number') named = found;
    else errors.push(invalid(own, indexes, `error parsing succeededIndexes: ${found}`));
  }
  if (count === undefined) return errors;
  const own = at.child('succeededCount');
  errors.push(...validateCounts(rule, ['succeededCount'], at));
  if (count > completions) {
    const text = `must be less than or equal to ${completions} (the number of specified completions)`;
    errors.push(invalid(own, count, text));
  }
  if (indexes !== undefined && count > named) {
    const text = `must be less than or equal to ${named} (the number of indexes in the specified succeededIndexes field)`;
    errors.push(invalid(own, count, text));
  }
  return errors;
}
