/**
 * Whether a value is what its schema says, in Kubernetes' words (`kube-openapi/pkg/validation/validate`).
 * Every fault is reported; of alternatives (`anyOf`, `oneOf`) those of the one that fits best.
 *
 * Ratcheting: an update is not held against a part of the object that it leaves as it was. Where a part
 * and its old value can be told to belong together (by field, by key of a map, by the keys of a list map),
 * its faults count only if it changed.
 */
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path as pathOf,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from '../../../pkg/apimachinery/field-error.js';
import { goText } from '../../../pkg/apimachinery/go-format.js';
import { hasFormat } from './formats.js';
import { patternOf } from './patterns.js';
import {
  isIntOrString,
  isMap,
  itemsOf,
  type JsonMap,
  type JsonSchema,
  propertyOf,
  valuesOf,
} from './structural.js';

/** How errors about alternatives are placed: upstream has no field for them. */
export const NO_FIELD = '<nil>';

/** What a part of the object was before; `undefined` value: it was not there. */
interface Before {
  readonly value: unknown;
}

interface Pass {
  /** Of the fields in errors: `status` when only that part is checked. */
  readonly prefix: Path | undefined;
}

/** How many checks a value passed tells which alternative was meant. */
interface Result {
  readonly errors: FieldError[];
  matches: number;
}

export interface ValueOptions {
  readonly prefix?: Path;
  /** Present for an update. */
  readonly old?: Before;
}

export function validateValue(
  value: unknown,
  schema: JsonSchema,
  options: ValueOptions = {},
): FieldError[] {
  return check(value, schema, '', { prefix: options.prefix }, options.old).errors;
}

function check(
  value: unknown,
  schema: JsonSchema,
  at: string,
  pass: Pass,
  before: Before | undefined,
): Result {
  const result: Result = { errors: [], matches: 0 };
  checkType(value, schema, at, pass, result);
  if (value !== null) {
    checkAlternatives(value, schema, at, pass, before, result);
    if (typeof value === 'string') checkString(value, schema, at, pass, result);
    else if (typeof value === 'number') checkNumber(value, schema, at, pass, result);
    else if (Array.isArray(value)) checkList(value, schema, at, pass, before, result);
  }
  checkEnum(value, schema, at, pass, result);
  if (isMap(value)) checkMap(value, schema, at, pass, before, result);
  result.matches++;
  const ratcheted = result.errors.length > 0 && before && deepEqual(value, before.value);
  return ratcheted ? { errors: [], matches: result.matches } : result;
}

function checkType(
  value: unknown,
  schema: JsonSchema,
  at: string,
  pass: Pass,
  result: Result,
): void {
  result.matches++;
  const type = isIntOrString(schema) ? 'integer,string' : (schema.type ?? '');
  if (type === '') return;
  const came = jsonType(value);
  if (value === null) {
    if (schema.nullable !== true) result.errors.push(wrongType(at, pass, type, 'null'));
    return;
  }
  const fits =
    type.split(',').includes(came) ||
    (type === 'number' && came === 'integer') ||
    (came === 'number' && type.includes('integer') && Number.isInteger(value));
  if (!fits) result.errors.push(wrongType(at, pass, type, came));
}

function wrongType(at: string, pass: Pass, type: string, came: string): FieldError {
  return typeInvalid(
    fieldAt(at, pass),
    came,
    `${at} in body must be of type ${type}: ${JSON.stringify(came)}`,
  );
}

function checkAlternatives(
  value: unknown,
  schema: JsonSchema,
  at: string,
  pass: Pass,
  before: Before | undefined,
  result: Result,
): void {
  const { anyOf = [], oneOf = [], allOf = [], not } = schema;
  const place = JSON.stringify(at);
  if (anyOf.length > 0) {
    const tried = anyOf.map((part) => check(value, part, at, pass, before));
    if (!tried.some(isValid)) {
      fault(result, `${place} must validate at least one schema (anyOf)`);
      merge(result, best(tried));
    } else result.matches += tried.find(isValid)?.matches ?? 0;
  }
  if (oneOf.length > 0) {
    const tried = oneOf.map((part) => check(value, part, at, pass, before));
    const valid = tried.filter(isValid).length;
    if (valid === 1) result.matches += tried.find(isValid)?.matches ?? 0;
    else {
      const found = valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`;
      fault(result, `${place} must validate one and only one schema (oneOf). ${found}`);
      if (valid === 0) merge(result, best(tried));
    }
  }
  if (allOf.length > 0) {
    const tried = allOf.map((part) => check(value, part, at, pass, before));
    for (const part of tried) merge(result, part);
    const valid = tried.filter(isValid).length;
    if (valid < tried.length) {
      const none = valid === 0 ? '. None validated' : '';
      fault(result, `${place} must validate all the schemas (allOf)${none}`);
    }
  }
  if (not && isValid(check(value, not, at, pass, before)))
    fault(result, `${place} must not validate the schema (not)`);
  result.matches++;
}

function checkString(
  value: string,
  schema: JsonSchema,
  at: string,
  pass: Pass,
  result: Result,
): void {
  const { maxLength, minLength, pattern, format } = schema;
  const field = fieldAt(at, pass);
  const length = maxLength === undefined && minLength === undefined ? 0 : runes(value);
  if (maxLength !== undefined && length > maxLength) result.errors.push(tooLong(field, maxLength));
  else if (minLength !== undefined && length < minLength) {
    const text = `${at} in body should be at least ${minLength} chars long`;
    result.errors.push(invalid(field, value, text));
  } else if (pattern && !patternOf(pattern)(value)) {
    result.errors.push(invalid(field, value, `${at} in body should match '${pattern}'`));
  }
  if (format && !hasFormat(value, format)) {
    const text = `${at} in body must be of type ${format}: ${JSON.stringify(value)}`;
    result.errors.push(typeInvalid(field, value, text));
  }
  result.matches++;
}

function checkNumber(
  value: number,
  schema: JsonSchema,
  at: string,
  pass: Pass,
  result: Result,
): void {
  const { type, format, multipleOf, maximum, minimum } = schema;
  const field = fieldAt(at, pass);
  const wrong = (text: string) =>
    result.errors.push(invalid(field, value, `${at} in body ${text}`));
  if (type === 'integer' && format === 'int32' && (value > MAX_INT32 || value < -MAX_INT32 - 1))
    fault(result, `Checked value must be of type integer with format int32 (${at})`);
  if (multipleOf !== undefined && !isMultiple(value, multipleOf))
    wrong(`should be a multiple of ${goText(multipleOf)}`);
  if (maximum !== undefined) {
    if (schema.exclusiveMaximum === true) {
      if (value >= maximum) wrong(`should be less than ${goText(maximum)}`);
    } else if (value > maximum) wrong(`should be less than or equal to ${goText(maximum)}`);
  }
  if (minimum !== undefined) {
    if (schema.exclusiveMinimum === true) {
      if (value <= minimum) wrong(`should be greater than ${goText(minimum)}`);
    } else if (value < minimum) wrong(`should be greater than or equal to ${goText(minimum)}`);
  }
  result.matches++;
}

const MAX_INT32 = 2 ** 31 - 1;

function checkList(
  value: readonly unknown[],
  schema: JsonSchema,
  at: string,
  pass: Pass,
  before: Before | undefined,
  result: Result,
): void {
  const { maxItems, minItems } = schema;
  const field = fieldAt(at, pass);
  const items = itemsOf(schema);
  if (items) {
    const olds = before && correlate(schema, before.value);
    for (const [i, item] of value.entries()) {
      const old = olds && isMap(item) ? olds.get(listKey(schema, item)) : undefined;
      merge(result, check(item, items, `${at}[${i}]`, pass, old));
    }
  }
  if (minItems !== undefined && value.length < minItems) {
    const text = `${at} in body should have at least ${minItems} items`;
    result.errors.push(invalid(field, value.length, text));
  }
  if (maxItems !== undefined && value.length > maxItems)
    result.errors.push(tooMany(field, value.length, maxItems));
  if (
    schema.uniqueItems === true &&
    new Set(value.map((item) => JSON.stringify(item))).size < value.length
  )
    result.errors.push(invalid(field, '', `${at} in body shouldn't contain duplicates`));
  result.matches++;
}

function checkEnum(
  value: unknown,
  schema: JsonSchema,
  at: string,
  pass: Pass,
  result: Result,
): void {
  const allowed = schema.enum;
  if (allowed && allowed.length > 0 && !allowed.some((one) => deepEqual(one, value))) {
    const texts = allowed.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    result.errors.push(notSupported(fieldAt(at, pass), value, texts));
  }
  result.matches++;
}

function checkMap(
  value: JsonMap,
  schema: JsonSchema,
  at: string,
  pass: Pass,
  before: Before | undefined,
  result: Result,
): void {
  const { minProperties, maxProperties, required: needed = [] } = schema;
  const count =
    minProperties === undefined && maxProperties === undefined ? 0 : Object.keys(value).length;
  if (minProperties !== undefined && count < minProperties) {
    const text = `${at} in body should have at least ${minProperties} properties`;
    result.errors.push(invalid(fieldAt(at, pass), count, text));
    return;
  }
  if (maxProperties !== undefined && count > maxProperties) {
    result.errors.push(tooMany(fieldAt(at, pass), count, maxProperties));
    return;
  }
  const values = valuesOf(schema);
  const old = schema['x-kubernetes-map-type'] === 'atomic' ? undefined : before?.value;
  for (const [field, part] of Object.entries(value)) {
    const property = propertyOf(schema, field);
    const place = property && at === '' ? field : `${at}.${field}`;
    if (property ?? values) {
      const was = isMap(old) && Object.hasOwn(old, field) ? { value: old[field] } : undefined;
      merge(result, check(part, property ?? values ?? {}, place, pass, was));
    } else if (schema.additionalProperties === false) {
      fault(result, `${at}.${field} in body is a forbidden property`);
    }
  }
  for (const field of needed) {
    if (!Object.hasOwn(value, field)) result.errors.push(required(fieldAt(`${at}.${field}`, pass)));
  }
  result.matches++;
}

/** Items of a list map by their keys; undefined where items of the list can not be told apart. */
function correlate(schema: JsonSchema, old: unknown): Map<string, Before> | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return undefined;
  const found = new Map<string, Before>();
  for (const item of old) if (isMap(item)) found.set(listKey(schema, item), { value: item });
  return found;
}

function listKey(schema: JsonSchema, item: JsonMap): string {
  return JSON.stringify(
    (schema['x-kubernetes-list-map-keys'] ?? []).map((key) => item[key] ?? null),
  );
}

/** `spec.x`; `status.x` of a part; no field at all for the root. */
function fieldAt(at: string, { prefix }: Pass): Path | string {
  const name = at.startsWith('.') ? at.slice(1) : at;
  if (prefix) return name === '' ? prefix : prefix.child(name);
  return name === '' ? NO_FIELD : pathOf(name);
}

function fault(result: Result, text: string): void {
  result.errors.push(invalid(NO_FIELD, '', text));
}

function merge(into: Result, from: Result | undefined): void {
  if (!from) return;
  into.errors.push(...from.errors);
  into.matches += from.matches;
}

function isValid({ errors }: Result): boolean {
  return errors.length === 0;
}

function best(tried: readonly Result[]): Result | undefined {
  let found: Result | undefined;
  for (const one of tried) if (!found || one.matches > found.matches) found = one;
  return found;
}

function jsonType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function runes(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function isMultiple(value: number, of: number): boolean {
  const quotient = value / of;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9 * Math.max(1, Math.abs(quotient));
}
