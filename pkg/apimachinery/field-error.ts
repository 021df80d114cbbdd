/**
 * Field errors as validators report them, with the paths and wording of
 * `k8s.io/apimachinery/pkg/util/validation/field`. A validator returns ALL errors it finds and
 * changes nothing. `Status` causes are made from these in `status.ts`.
 */
import { goQuote } from './go-format.js';

export type FieldErrorType =
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueNotFound'
  | 'FieldValueTypeInvalid'
  | 'InternalError';

export interface FieldError {
  type: FieldErrorType;
  /** `spec.containers[0].name`, `metadata.labels`, `data[key]`. */
  field: string;
  /** The text after `field: `, without the field: `Invalid value: "x": must be …`. */
  body: string;
}

/** A path into an object; immutable. `path('spec').child('containers').index(0).key('a')` */
export class Path {
  constructor(private readonly text: string) {}
  child(...names: string[]): Path {
    const tail = names.join('.');
    return new Path(this.text === '' ? tail : `${this.text}.${tail}`);
  }
  index(i: number): Path {
    return new Path(`${this.text}[${i}]`);
  }
  key(key: string): Path {
    return new Path(`${this.text}[${key}]`);
  }
  toString(): string {
    return this.text;
  }
}

export function path(...names: string[]): Path {
  return new Path(names.join('.'));
}

/**
 * A value as Go's `field.Error` prints it: strings quoted (`%q`), numbers and booleans bare,
 * objects and lists as JSON, a missing value as `null`.
 */
export function formatValue(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

type At = Path | string;

export function required(at: At, detail = ''): FieldError {
  return make('FieldValueRequired', at, 'Required value', detail);
}

export function invalid(at: At, value: unknown, detail: string): FieldError {
  return make('FieldValueInvalid', at, `Invalid value: ${formatValue(value)}`, detail);
}

export function duplicate(at: At, value: unknown): FieldError {
  return make('FieldValueDuplicate', at, `Duplicate value: ${formatValue(value)}`, '');
}

export function forbidden(at: At, detail: string): FieldError {
  return make('FieldValueForbidden', at, 'Forbidden', detail);
}

export function notFound(at: At, value: unknown): FieldError {
  return make('FieldValueNotFound', at, `Not found: ${formatValue(value)}`, '');
}

/** `values` are listed in the order given; upstream sorts them, so pass them sorted. */
export function notSupported(at: At, value: unknown, values: readonly string[]): FieldError {
  const detail = values.length
    ? `supported values: ${values.map((v) => JSON.stringify(v)).join(', ')}`
    : '';
  return make('FieldValueNotSupported', at, `Unsupported value: ${formatValue(value)}`, detail);
}

/** `max` in bytes; a negative `max` leaves the number out. */
export function tooLong(at: At, max: number): FieldError {
  const detail = max >= 0 ? `may not be more than ${max} bytes` : 'value is too long';
  return make('FieldValueTooLong', at, 'Too long', detail);
}

export function tooMany(at: At, actual: number, max: number): FieldError {
  const detail =
    max >= 0 ? `must have at most ${max} ${max === 1 ? 'item' : 'items'}` : 'has too many items';
  return make('FieldValueTooMany', at, `Too many: ${actual}`, detail);
}

export function typeInvalid(at: At, value: unknown, detail: string): FieldError {
  return make('FieldValueTypeInvalid', at, `Invalid value: ${formatValue(value)}`, detail);
}

export function internalFieldError(at: At, detail: string): FieldError {
  return make('InternalError', at, 'Internal error', detail);
}

/** `spec.x: Invalid value: "y": must be z` */
export function formatFieldError(error: FieldError): string {
  return `${error.field}: ${error.body}`;
}

function make(type: FieldErrorType, at: At, head: string, detail: string): FieldError {
  return { type, field: at.toString(), body: detail === '' ? head : `${head}: ${detail}` };
}
