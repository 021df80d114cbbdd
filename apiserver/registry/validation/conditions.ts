/** Conditions of the common form (`metav1.Condition`), as most newer kinds report them. */
import type { Condition } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  type Path,
  required,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import { isValidConditionReason } from '../../../pkg/apimachinery/validation/formats.js';
import { validateLabelName } from '../../../pkg/apimachinery/validation/label-selector.js';
import { invalidEach } from './fields.js';

const STATUSES = ['False', 'True', 'Unknown'];
const MAX_REASON_BYTES = 1024;
const MAX_MESSAGE_BYTES = 32 * 1024;

export function validateConditions(
  conditions: readonly Condition[] | undefined,
  at: Path,
): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap((condition, i) => {
    const own = at.index(i);
    const twice = seen.has(condition.type) ? [duplicate(own.child('type'), condition.type)] : [];
    seen.add(condition.type);
    return [...twice, ...validateCondition(condition, own)];
  });
}

function validateCondition(condition: Condition, at: Path): FieldError[] {
  const { type = '', status, observedGeneration = 0, lastTransitionTime } = condition;
  const { reason = '', message = '' } = condition;
  const errors = validateLabelName(type, at.child('type'));
  if (!STATUSES.includes(status ?? ''))
    errors.push(notSupported(at.child('status'), status ?? '', STATUSES));
  if (observedGeneration < 0) {
    const text = 'must be greater than or equal to zero';
    errors.push(invalid(at.child('observedGeneration'), observedGeneration, text));
  }
  if (!lastTransitionTime) errors.push(required(at.child('lastTransitionTime'), 'must be set'));
  const why = at.child('reason');
  if (reason === '') errors.push(required(why, 'must be set'));
  else {
    errors.push(...invalidEach(why, reason, isValidConditionReason(reason)));
    if (Buffer.byteLength(reason) > MAX_REASON_BYTES) errors.push(tooLong(why, MAX_REASON_BYTES));
  }
  if (Buffer.byteLength(message) > MAX_MESSAGE_BYTES)
    errors.push(tooLong(at.child('message'), MAX_MESSAGE_BYTES));
  return errors;
}
