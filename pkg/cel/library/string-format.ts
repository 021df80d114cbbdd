/** `"%s has %d".format([…])`: the clauses s, d, f, e, b, x, X and o, with a precision for f and e. */
import {
  CelFailure,
  CelMap,
  Double,
  Duration,
  isInt,
  isList,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from '../values.js';
import { doubleText } from './conversions.js';
import { fixedPoint, scientific } from './decimal.js';
import { formatDuration, formatTimestamp } from './time.js';

const DEFAULT_PRECISION = 6;
const MAX_PRECISION = 1000;

export function format(template: string, args: readonly Value[]): string {
  let next = 0;
  return template.replace(
    /%(?:%|(?:\.(\d+))?(.?))/gs,
    (whole: string, precision: string | undefined, clause: string) => {
      if (whole === '%%') return '%';
      const value = args[next];
      if (clause === '') throw new CelFailure('unexpected end of string');
      if (value === undefined) throw new CelFailure(`index ${next} out of range`);
      next++;
      try {
        return formatClause(clause, value, precision);
      } catch (err) {
        if (err instanceof CelFailure)
          throw new CelFailure(`error during formatting: ${err.message}`);
        throw err;
      }
    },
  );
}

function formatClause(clause: string, value: Value, precision: string | undefined): string {
  switch (clause) {
    case 's':
      return text(value);
    case 'd':
      return decimal(value);
    case 'f':
      return float(value, precision, fixedPoint);
    case 'e':
      return float(value, precision, scientific);
    case 'b':
      if (typeof value === 'boolean') return value ? '1' : '0';
      return integer(value, 'only integers and bools can be formatted as binary').toString(2);
    case 'o':
      return integer(value, 'octal clause can only be used on integers').toString(8);
    case 'x':
      return hex(value);
    case 'X':
      return hex(value).toUpperCase();
    default:
      throw new CelFailure(
        `could not parse formatting clause: unrecognized formatting clause "${clause}"`,
      );
  }
}

function text(value: Value): string {
  if (value === null) return 'null';
  if (typeof value === 'string' || typeof value === 'boolean' || isInt(value)) return String(value);
  if (isList(value)) return `[${value.map(text).join(', ')}]`;
  if (value instanceof CelMap) {
    const entries = value.keys().map((key) => `${text(key)}: ${text(value.get(key) ?? null)}`);
    return `{${entries.sort().join(', ')}}`;
  }
  if (value instanceof Double)
    return doubleText(value.value).replace('Inf', 'Infinity').replace('+', '');
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof TypeValue) return value.name;
  throw new CelFailure(
    `string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
  );
}

function decimal(value: Value): string {
  if (value instanceof Double && !Number.isFinite(value.value)) return text(value);
  return integer(value, 'decimal clause can only be used on integers').toString();
}

function integer(value: Value, refusal: string): bigint {
  if (isInt(value)) return BigInt(value);
  if (value instanceof Uint) return value.value;
  throw new CelFailure(`${refusal}, was given ${typeNameOf(value)}`);
}

function hex(value: Value): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return integer(
    value,
    'only integers, byte buffers, and strings can be formatted as hex',
  ).toString(16);
}

function float(
  value: Value,
  precision: string | undefined,
  print: (number: number, digits: number) => string,
): string {
  const number =
    value instanceof Double
      ? value.value
      : isInt(value)
        ? Number(value)
        : value instanceof Uint
          ? Number(value.value)
          : undefined;
  if (number === undefined) {
    throw new CelFailure(
      `fixed-point clause can only be used on doubles, was given ${typeNameOf(value)}`,
    );
  }
  if (!Number.isFinite(number)) return text(new Double(number));
  const digits = precision === undefined ? DEFAULT_PRECISION : Number(precision);
  if (digits > MAX_PRECISION) throw new CelFailure(`precision ${digits} is too large`);
  return print(number, digits);
}
