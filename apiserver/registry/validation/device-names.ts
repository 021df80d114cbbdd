/** Names around devices (drivers, pools, attributes), their taints and tolerations, and lists of them. */
import type { DeviceTaint, DeviceToleration } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  type Path,
  required,
  tooLong,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelName } from '../../../pkg/apimachinery/validation/label-selector.js';
import { isValidLabelValue, regexMessage } from '../../../pkg/apimachinery/validation/names.js';
import { dnsSubdomain, invalidEach, oneOf, optionalOneOf } from './fields.js';
import { validateDriverName } from './pod-volumes.js';

const MAX_POOL_BYTES = 253;
const MAX_ID_BYTES = 32;
const MAX_BINDING_CONDITIONS = 4;
const IDENTIFIER = '[A-Za-z_][A-Za-z0-9_]*';
const IDENTIFIER_RE = new RegExp(`^${IDENTIFIER}$`);
const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];
const OPERATORS = ['Equal', 'Exists'];

/** One or more subdomains with slashes between. */
export function validatePool(name: string | undefined, at: Path): FieldError[] {
  if (!name) return [required(at)];
  const errors = Buffer.byteLength(name) > MAX_POOL_BYTES ? [tooLong(at, MAX_POOL_BYTES)] : [];
  return [...errors, ...name.split('/').flatMap((part) => dnsSubdomain(part, at))];
}

/** `[domain/]identifier`: of an attribute or a capacity. */
export function validateQualified(name: string, at: Path): FieldError[] {
  const [first = '', second, ...rest] = name.split('/');
  if (second === undefined) return validateIdentifier(first, at);
  if (rest.length > 0) return [];
  return [
    ...(first === ''
      ? [invalid(at, '', 'the domain must not be empty')]
      : validateDriverName(first, at)),
    ...(second === ''
      ? [invalid(at, '', 'the name must not be empty')]
      : validateIdentifier(second, at)),
  ];
}

export function validateFullyQualified(name: string, at: Path): FieldError[] {
  const errors = validateQualified(name, at);
  if (!name.includes('/')) {
    const text = 'a fully qualified name must be a domain and a name separated by a slash';
    errors.push(invalid(at, name, text));
  }
  return errors;
}

function validateIdentifier(name: string, at: Path): FieldError[] {
  const errors = Buffer.byteLength(name) > MAX_ID_BYTES ? [tooLong(at, MAX_ID_BYTES)] : [];
  if (IDENTIFIER_RE.test(name)) return errors;
  const text =
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'";
  errors.push(invalid(at, name, regexMessage(text, IDENTIFIER, 'my_name', 'MY_NAME', 'MyName')));
  return errors;
}

export function validateDeviceTaint(taint: DeviceTaint, at: Path): FieldError[] {
  const { key = '', value = '', effect } = taint;
  return [
    ...validateLabelName(key, at.child('key')),
    ...invalidEach(at.child('value'), value, isValidLabelValue(value)),
    ...oneOf(effect, EFFECTS, at.child('effect')),
  ];
}

export function validateDeviceToleration(toleration: DeviceToleration, at: Path): FieldError[] {
  const { key, operator, value = '', effect } = toleration;
  const errors = key ? validateLabelName(key, at.child('key')) : [];
  const own = at.child('value');
  if (operator === 'Exists') {
    if (value !== '') errors.push(invalid(own, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') {
    errors.push(...invalidEach(own, value, isValidLabelValue(value)));
  } else if (!operator) errors.push(required(at.child('operator')));
  else errors.push(notSupported(at.child('operator'), operator, OPERATORS));
  return [...errors, ...optionalOneOf(effect || undefined, EFFECTS, at.child('effect'))];
}

/** The conditions that a device waits for before a pod is bound, and those that end the wait. */
export function validateBindingConditions(
  { bindingConditions = [], bindingFailureConditions = [] }: Bindable,
  at: Path,
): FieldError[] {
  const good = at.child('bindingConditions');
  const bad = at.child('bindingFailureConditions');
  const errors = [
    ...validateList(bindingConditions, MAX_BINDING_CONDITIONS, validateLabelName, good),
    ...validateList(bindingFailureConditions, MAX_BINDING_CONDITIONS, validateLabelName, bad),
    ...duplicates(bindingConditions, good),
  ];
  for (const [i, condition] of bindingFailureConditions.entries()) {
    if (bindingFailureConditions.indexOf(condition) < i)
      errors.push(duplicate(bad.index(i), condition));
    if (bindingConditions.includes(condition)) {
      const text = 'bindingFailureConditions must not overlap with bindingConditions';
      errors.push(invalid(bad.index(i), condition, text));
    }
  }
  if (bindingConditions.length === 0 && bindingFailureConditions.length > 0) {
    const text = 'bindingConditions are required to use bindingFailureConditions';
    errors.push(invalid(good, bindingConditions, text));
  }
  if (bindingFailureConditions.length === 0 && bindingConditions.length > 0) {
    const text = 'bindingFailureConditions are required to use bindingConditions';
    errors.push(invalid(bad, bindingFailureConditions, text));
  }
  return errors;
}

interface Bindable {
  readonly bindingConditions?: readonly string[];
  readonly bindingFailureConditions?: readonly string[];
}

/** Of a list that is too long nothing else is said. */
export function validateList<T>(
  list: readonly T[] | undefined,
  max: number,
  validate: (item: T, at: Path) => FieldError[],
  at: Path,
): FieldError[] {
  const items = list ?? [];
  if (items.length > max) return [tooMany(at, items.length, max)];
  return items.flatMap((item, i) => validate(item, at.index(i)));
}

/** A list in which each key is there once. */
export function validateSet<T>(
  list: readonly T[] | undefined,
  max: number,
  validate: (item: T, at: Path) => FieldError[],
  keyOf: (item: T) => string,
  at: Path,
): FieldError[] {
  const errors = validateList(list, max, validate, at);
  if ((list ?? []).length > max) return errors;
  return [...errors, ...duplicates((list ?? []).map(keyOf), at)];
}

export function duplicates(keys: readonly string[], at: Path): FieldError[] {
  return keys.flatMap((key, i) => (keys.indexOf(key) < i ? [duplicate(at.index(i), key)] : []));
}
