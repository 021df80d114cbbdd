/** Tolerations of pods and taints of nodes. */
import type { Taint, Toleration } from '../../../pkg/api/types.js';
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelName } from '../../../pkg/apimachinery/validation/label-selector.js';
import { isValidLabelValue } from '../../../pkg/apimachinery/validation/names.js';
import { oneOf } from './fields.js';

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateTolerations(tolerations: readonly Toleration[], at: Path): FieldError[] {
  return tolerations.flatMap((toleration, i) => validateToleration(toleration, at.index(i)));
}

/** Of a pod that exists, tolerations may be added, and their seconds changed. */
export function validateOnlyAddedTolerations(
  now: readonly Toleration[],
  before: readonly Toleration[],
  at: Path,
): FieldError[] {
  const seconds = (toleration: Toleration) => ({ ...toleration, tolerationSeconds: undefined });
  const kept = before.every((old) =>
    now.some((candidate) => deepEqual(seconds(old), seconds(candidate))),
  );
  if (!kept)
    return [forbidden(at, 'existing toleration can not be modified except its tolerationSeconds')];
  return validateTolerations(now, at);
}

export function validateTaints(taints: readonly Taint[], at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, taint] of taints.entries()) {
    const own = at.index(i);
    const value = taint.value ?? '';
    errors.push(...validateLabelName(taint.key ?? '', own.child('key')));
    const messages = isValidLabelValue(value);
    if (messages.length > 0) errors.push(invalid(own.child('value'), value, messages.join(';')));
    errors.push(...oneOf(taint.effect, EFFECTS, own.child('effect')));
    const key = `${taint.effect}/${taint.key}`;
    if (seen.has(key)) {
      const error = duplicate(own, {
        Key: taint.key,
        Value: value,
        Effect: taint.effect,
        TimeAdded: taint.timeAdded ?? null,
      });
      errors.push({
        ...error,
        body: `${error.body}: taints must be unique by key and effect pair`,
      });
    }
    seen.add(key);
  }
  return errors;
}

function validateToleration(toleration: Toleration, at: Path): FieldError[] {
  const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration;
  const errors: FieldError[] = [];
  if (key !== '') errors.push(...validateLabelName(key, at.child('key')));
  if (key === '' && operator !== 'Exists') {
    const text =
      'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(invalid(at.child('operator'), operator, text));
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    errors.push(
      invalid(
        at.child('effect'),
        effect,
        "effect must be 'NoExecute' when `tolerationSeconds` is set",
      ),
    );
  }
  if (operator === '' || operator === 'Equal') {
    const messages = isValidLabelValue(value);
    if (messages.length > 0) errors.push(invalid(at.child('operator'), value, messages.join(';')));
  } else if (operator === 'Exists') {
    if (value !== '') {
      errors.push(
        invalid(at.child('operator'), value, "value must be empty when `operator` is 'Exists'"),
      );
    }
  } else {
    errors.push(notSupported(at.child('operator'), operator, ['Equal', 'Exists']));
  }
  if (effect !== '') errors.push(...oneOf(effect, EFFECTS, at.child('effect')));
  return errors;
}
