/**
 * Values without parts, as the Go types of Kubernetes read and write them: an int32 in range, a quantity in
 * canonical form, a time in UTC. A value that does not fit fails with the text of Go's decoder.
 */
import { canonicalQuantity, QuantityError } from '../../apimachinery/quantity.js';
import { normalizeMicroTime, normalizeTime, TimeError } from '../../apimachinery/time.js';
import type { Schema } from './model.js';

/** The value does not fit the type. `wants`: the type's name, for a mismatch that the decoder locates. */
export class ScalarError extends Error {
  override name = 'ScalarError';
  constructor(
    message: string,
    /** `string`, `number 1.5`: what came, when the text must say where; absent when `message` is all. */
    readonly came?: string,
    readonly wants?: string,
  ) {
    super(message);
  }
}

/** Takes no null. */
export type ReadScalar = (value: unknown) => unknown;

const MAX_INT32 = 0x7fff_ffff;
const MIN_INT32 = -0x8000_0000;
const MAX_INT64 = 2 ** 63;
/** Quantities repeat (100m, 128Mi); their canonical forms are kept up to this many. */
const QUANTITY_CACHE_SIZE = 4096;

const quantities = new Map<string | number, string>();

export function scalarReader(schema: Schema): ReadScalar | undefined {
  switch (schema.format) {
    case 'quantity':
      return readQuantity;
    case 'int-or-string':
      return readIntOrString;
    case 'byte':
      return readBytes;
    case 'int32':
      return readInt32;
    case 'int64':
      return readInt64;
    case 'micro-time':
      return readMicroTime;
    case 'date-time':
      return readTime;
  }
  switch (schema.type) {
    case 'string':
      return readString;
    case 'boolean':
      return readBoolean;
    case 'integer':
      return readInt64;
    case 'number':
      return readNumber;
    default:
      return undefined;
  }
}

/** What null and a missing list item become, and what `fill` puts. */
export function zeroScalar(schema: Schema): unknown {
  if (schema.format === 'quantity') return '0';
  if (schema.format === 'int-or-string') return 0;
  if (schema.format === 'date-time' || schema.format === 'micro-time') return null;
  if (schema.type === 'string') return '';
  if (schema.type === 'boolean') return false;
  return schema.type === 'integer' || schema.type === 'number' ? 0 : null;
}

/** The name of Go's type in an error. */
export function goTypeOf(schema: Schema): string {
  if (schema.format === 'byte') return '[]uint8';
  if (schema.type === 'boolean') return 'bool';
  if (schema.type === 'number') return 'float64';
  if (schema.type === 'integer') return schema.format ?? 'int64';
  return 'string';
}

/** `string`, `array`, `object`, `bool`, `number`, or `number 1.5`. */
export function describeValue(value: unknown, withNumber = false): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
      return withNumber ? `number ${value}` : 'number';
    default:
      return 'object';
  }
}

function readString(value: unknown): unknown {
  if (typeof value === 'string') return value;
  throw mismatch(value, 'string');
}

function readBoolean(value: unknown): unknown {
  if (typeof value === 'boolean') return value;
  throw mismatch(value, 'bool');
}

function readNumber(value: unknown): unknown {
  if (typeof value === 'number') return value;
  throw mismatch(value, 'float64');
}

function readInt32(value: unknown): unknown {
  if (typeof value !== 'number') throw mismatch(value, 'int32');
  if (!Number.isInteger(value) || value > MAX_INT32 || value < MIN_INT32) {
    throw mismatch(value, 'int32', true);
  }
  return value;
}

function readInt64(value: unknown): unknown {
  if (typeof value !== 'number') throw mismatch(value, 'int64');
  if (!Number.isInteger(value) || value >= MAX_INT64 || value < -MAX_INT64) {
    throw mismatch(value, 'int64', true);
  }
  return value;
}

function readIntOrString(value: unknown): unknown {
  return typeof value === 'string' ? value : readInt32(value);
}

function readQuantity(value: unknown): unknown {
  const from =
    typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
  const known = quantities.get(from);
  if (known !== undefined) return known;
  try {
    const canonical = canonicalQuantity(typeof from === 'string' ? from.trim() : from);
    if (quantities.size >= QUANTITY_CACHE_SIZE) quantities.clear();
    quantities.set(from, canonical);
    return canonical;
  } catch (err) {
    if (err instanceof QuantityError) throw new ScalarError(err.message);
    throw err;
  }
}

/** Standard base64; line breaks are skipped. Go names the first byte that does not fit. */
function readBytes(value: unknown): unknown {
  if (typeof value !== 'string') throw mismatch(value, '[]uint8');
  const text = /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, '') : value;
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return text;
  const valid =
    /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/.exec(text)?.[0] ?? '';
  const rest = /^[A-Za-z0-9+/]{0,3}/.exec(text.slice(valid.length))?.[0] ?? '';
  const bad = valid.length + rest.length;
  // A text that ends amid four characters is wrong from where they begin; else its first bad byte is.
  const at = bad === text.length ? valid.length : bad;
  throw new ScalarError(`illegal base64 data at input byte ${at}`);
}

/** As the server itself writes them: nothing to do. */
const CANONICAL_TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3])(?::[0-5]\d){2}Z$/;

function readTime(value: unknown): unknown {
  if (typeof value !== 'string') throw mismatch(value, 'string');
  return CANONICAL_TIME.test(value) ? value : normalized(value, normalizeTime);
}

function readMicroTime(value: unknown): unknown {
  if (typeof value !== 'string') throw mismatch(value, 'string');
  return normalized(value, normalizeMicroTime);
}

function normalized(value: string, normalize: (text: string) => string): string {
  try {
    return normalize(value);
  } catch (err) {
    if (err instanceof TimeError) throw new ScalarError(err.message);
    throw err;
  }
}

function mismatch(value: unknown, wants: string, withNumber = false): ScalarError {
  const came = describeValue(value, withNumber);
  return new ScalarError(
    `json: cannot unmarshal ${came} into Go value of type ${wants}`,
    came,
    wants,
  );
}
