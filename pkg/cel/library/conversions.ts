/** From one type of value to another, and the types themselves. What does not fit is an error, never a guess. */

import { asText } from '../equality.js';
import { type Body, define, type Library } from '../function.js';
import {
  CelFailure,
  Double,
  Duration,
  int,
  isInt,
  noSuchOverload,
  Opaque,
  QuantityValue,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  uint,
  type Value,
} from '../values.js';
import { shortest } from './decimal.js';
import {
  duration,
  formatDuration,
  formatTimestamp,
  parseDuration,
  parseTimestamp,
  SECOND_NANOS,
  timestamp,
} from './time.js';

function conversionError(value: Value, to: string): CelFailure {
  return new CelFailure(`type conversion error from '${typeNameOf(value)}' to '${to}'`);
}

/** Go rounds halves away from zero; JavaScript does not, but ints of doubles are cut off anyway. */
function truncated(value: number): bigint {
  if (Number.isNaN(value) || Math.abs(value) >= 2 ** 63) throw new CelFailure('integer overflow');
  return BigInt(Math.trunc(value));
}

const toInt: Body = ([value = null]) => {
  if (isInt(value)) return value;
  if (value instanceof Uint) return int(value.value);
  if (value instanceof Double) return int(truncated(value.value));
  if (value instanceof Timestamp) {
    const rest = ((value.nanos % SECOND_NANOS) + SECOND_NANOS) % SECOND_NANOS;
    return int((value.nanos - rest) / SECOND_NANOS);
  }
  if (value instanceof Duration) return int(value.nanos);
  if (typeof value === 'string' && /^[+-]?\d+$/.test(value)) {
    try {
      return int(BigInt(value.replace(/^\+/, '')));
    } catch (err) {
      if (err instanceof CelFailure) throw conversionError(value, 'int');
      throw err;
    }
  }
  throw typeof value === 'string' ? conversionError(value, 'int') : noSuchOverload();
};

const toUint: Body = ([value = null]) => {
  if (value instanceof Uint) return value;
  if (isInt(value)) return uint(BigInt(value));
  if (value instanceof Double) {
    if (!(value.value >= 0 && value.value < 2 ** 64))
      throw new CelFailure('unsigned integer overflow');
    return uint(BigInt(Math.trunc(value.value)));
  }
  if (typeof value === 'string' && /^\d+$/.test(value) && BigInt(value) < 1n << 64n)
    return uint(BigInt(value));
  throw typeof value === 'string' ? conversionError(value, 'uint') : noSuchOverload();
};

const toDouble: Body = ([value = null]) => {
  if (value instanceof Double) return value;
  if (isInt(value)) return new Double(Number(value));
  if (value instanceof Uint) return new Double(Number(value.value));
  if (typeof value !== 'string') throw noSuchOverload();
  const special = /^([+-]?)(?:inf|infinity)$/i.exec(value);
  if (special)
    return new Double(special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
  if (/^nan$/i.test(value)) return new Double(Number.NaN);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value))
    throw conversionError(value, 'double');
  return new Double(Number(value));
};

/** As Go prints a float without an exponent. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const text = String(value);
  const [, sign = '', whole = '', rest = '', exponent = ''] =
    /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  if (exponent === '') return text;
  const shift = Number(exponent);
  const digits = whole + rest;
  if (shift < 0) return `${sign}0.${'0'.repeat(-shift - 1)}${digits}`;
  return sign + digits.padEnd(shift + 1, '0');
}

const toText: Body = ([value = null]) => {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || isInt(value)) return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Double) return shortest(value.value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof Uint8Array) {
    const text = Buffer.from(value).toString();
    if (text.includes('\ufffd') && !Buffer.from(text).equals(value))
      throw new CelFailure('invalid UTF-8 in bytes, cannot convert to string');
    return text;
  }
  if (value instanceof QuantityValue) return value.quantity.toString();
  if (value instanceof Opaque) return String(value);
  throw noSuchOverload();
};

const toBool: Body = ([value = null]) => {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') throw noSuchOverload();
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw conversionError(value, 'bool');
};

const toTimestamp: Body = ([value = null]) => {
  if (value instanceof Timestamp) return value;
  if (isInt(value)) return timestamp(BigInt(value) * SECOND_NANOS);
  if (typeof value !== 'string') throw noSuchOverload();
  const at = parseTimestamp(value);
  if (!at) throw conversionError(value, 'google.protobuf.Timestamp');
  return at;
};

const toDuration: Body = ([value = null]) => {
  if (value instanceof Duration) return value;
  if (isInt(value)) return duration(BigInt(value));
  if (typeof value !== 'string') throw noSuchOverload();
  const found = parseDuration(value);
  if (!found) throw conversionError(value, 'google.protobuf.Duration');
  return found;
};

export const conversions: Library = [
  define('type', ['type: (A) -> type(A)'], ([value = null]) => new TypeValue(typeNameOf(value))),
  define('dyn', ['to_dyn: (A) -> dyn'], ([value = null]) => value),
  define(
    'int',
    ['int', 'uint', 'double', 'string', 'timestamp', 'duration'].map(
      (type) => `${type}_to_int64: (${type}) -> int`,
    ),
    toInt,
  ),
  define(
    'uint',
    ['uint', 'int', 'double', 'string'].map((type) => `${type}_to_uint64: (${type}) -> uint`),
    toUint,
  ),
  define(
    'double',
    ['double', 'int', 'uint', 'string'].map((type) => `${type}_to_double: (${type}) -> double`),
    toDouble,
  ),
  define(
    'bool',
    ['bool', 'string'].map((type) => `${type}_to_bool: (${type}) -> bool`),
    toBool,
  ),
  define(
    'bytes',
    ['bytes_to_bytes: (bytes) -> bytes', 'string_to_bytes: (string) -> bytes'],
    ([value = null]) =>
      value instanceof Uint8Array ? value : new Uint8Array(Buffer.from(asText(value))),
  ),
  define(
    'string',
    [
      ...['string', 'bool', 'bytes', 'double', 'duration', 'int', 'timestamp', 'uint'].map(
        (type) => `${type}_to_string: (${type}) -> string`,
      ),
      'ip_to_string: (net.IP) -> string',
      'cidr_to_string: (net.CIDR) -> string',
    ],
    toText,
  ),
  define(
    'timestamp',
    ['timestamp', 'string', 'int'].map((type) => `${type}_to_timestamp: (${type}) -> timestamp`),
    toTimestamp,
  ),
  define(
    'duration',
    ['duration', 'string', 'int'].map((type) => `${type}_to_duration: (${type}) -> duration`),
    toDuration,
  ),
];
