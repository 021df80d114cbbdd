/**
 * All that is checked of a custom resource besides its metadata, in upstream's order: the schema, the
 * fields that its scale names, embedded objects, lists that are sets or maps, and last its rules, which
 * may rely on the rest.
 */
import type { CustomResourceSubresourceScale } from '../../pkg/api/types.js';
import { type FieldError, invalid, path } from '../../pkg/apimachinery/field-error.js';
import { goType } from '../../pkg/apimachinery/go-format.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { validateEmbedded } from './schema/embedded-objects.js';
import { validateListTypes } from './schema/list-types.js';
import { isMap, type JsonSchema, propertyOf } from './schema/structural.js';
import { NO_FIELD, validateValue } from './schema/value-validation.js';
import type { RuleValidator } from './validation-rules.js';

export interface CheckedBy {
  readonly schema: JsonSchema;
  readonly rules: RuleValidator | undefined;
  readonly scale: CustomResourceSubresourceScale | undefined;
}

/** What is wrong and may stay so, since it was before. */
type Warn = (text: string) => void;
type Status = KubeObject & { status?: unknown };

/** Without these, the rules of a schema would see what they do not expect. */
const BLOCKING = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const MAX_REPLICAS = 2 ** 31 - 1;
const ROOT = path();

/** `old` undefined for a new object. */
export function validateCustom(
  by: CheckedBy,
  warn: Warn,
  obj: KubeObject,
  old?: KubeObject,
): FieldError[] {
  const { schema, scale } = by;
  const errors = validateValue(obj, schema, old ? { old: { value: old } } : {});
  if (scale) errors.push(...specReplicas(scale, obj), ...statusReplicas(scale, obj));
  errors.push(...validateEmbedded(obj, schema, ROOT));
  errors.push(...listErrors(schema, obj, old));
  return withRules(by, warn, errors, obj, old);
}

/** A write to `/status`, which leaves all else as it was. */
export function validateCustomStatus(
  by: CheckedBy,
  warn: Warn,
  obj: Status,
  old: Status,
): FieldError[] {
  const { schema, scale } = by;
  const ofStatus = propertyOf(schema, 'status');
  const errors: FieldError[] = [];
  if (ofStatus && obj.status !== undefined) {
    const was = old.status === undefined ? {} : { old: { value: old.status } };
    errors.push(...validateValue(obj.status, ofStatus, { prefix: path('status'), ...was }));
  }
  if (scale) errors.push(...statusReplicas(scale, obj));
  errors.push(...listErrors(schema, obj, old));
  return withRules(by, warn, errors, obj, old);
}

function withRules(
  { rules }: CheckedBy,
  warn: Warn,
  errors: FieldError[],
  obj: KubeObject,
  old?: KubeObject,
): FieldError[] {
  if (!rules) return errors;
  if (errors.some(({ type }) => BLOCKING.has(type))) {
    const text =
      'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
    return [...errors, invalid(NO_FIELD, null, text)];
  }
  return [...errors, ...rules.validate(obj, old, undefined, warn)];
}

/** An object that was wrong in this way already may stay so. */
function listErrors(schema: JsonSchema, obj: KubeObject, old?: KubeObject): FieldError[] {
  const errors = validateListTypes(obj, schema, ROOT);
  if (errors.length === 0 || !old) return errors;
  return validateListTypes(old, schema, ROOT).length > 0 ? [] : errors;
}

function specReplicas(scale: CustomResourceSubresourceScale, obj: KubeObject): FieldError[] {
  return replicas(scale.specReplicasPath, obj);
}

function statusReplicas(scale: CustomResourceSubresourceScale, obj: KubeObject): FieldError[] {
  const errors = replicas(scale.statusReplicasPath, obj);
  const selector = scale.labelSelectorPath;
  if (!selector) return errors;
  const found = nested(obj, selector);
  if (found.value !== undefined && typeof found.value !== 'string')
    errors.push(invalid(path(selector), '', accessorError(found, 'string')));
  return errors;
}

function replicas(at: string, obj: KubeObject): FieldError[] {
  const found = nested(obj, at);
  const { value } = found;
  const here = path(at);
  if (value === undefined) return [];
  if (typeof value !== 'number' || !Number.isInteger(value))
    return [invalid(here, 0, accessorError(found, 'int64'))];
  if (value < 0) return [invalid(here, value, 'should be a non-negative integer')];
  if (value > MAX_REPLICAS)
    return [invalid(here, value, `should be less than or equal to ${MAX_REPLICAS}`)];
  return [];
}

interface Found {
  readonly value: unknown;
  readonly at: string;
}

function nested(obj: KubeObject, at: string): Found {
  let value: unknown = obj;
  let walked = '';
  for (const field of at.replace(/^\./, '').split('.')) {
    if (!isMap(value)) return { value, at: walked };
    if (!Object.hasOwn(value, field)) return { value: undefined, at: walked };
    value = value[field];
    walked += `.${field}`;
  }
  return { value, at: walked };
}

function accessorError({ value, at }: Found, wanted: string): string {
  const shown = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return `${at} accessor error: ${shown} is of the type ${goType(value)}, expected ${wanted}`;
}
