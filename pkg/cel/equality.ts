/** Equality and order of values. Numbers are equal across their types; values of different types never are. */
import type { Evaluation } from './function.js';
import {
  CelFailure,
  CelMap,
  Double,
  Duration,
  isInt,
  isList,
  type ListSemantics,
  noSuchOverload,
  Opaque,
  Optional,
  QuantityValue,
  semanticsOf,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from './values.js';

export function equal(a: Value, b: Value, evaluation: Evaluation): boolean {
  evaluation.work(1);
  if (a === b) return true;
  if (isNumber(a)) return isNumber(b) && compareNumbers(a, b) === 0;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (isList(a)) return isList(b) && equalLists(a, b, evaluation);
  if (a instanceof CelMap) return b instanceof CelMap && equalMaps(a, b, evaluation);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof QuantityValue)
    return b instanceof QuantityValue && a.quantity.equals(b.quantity);
  if (a instanceof Opaque) return b instanceof Opaque && a.type === b.type && a.equals(b);
  if (a instanceof Optional && b instanceof Optional) {
    if (a.value === undefined || b.value === undefined) return a.value === b.value;
    return equal(a.value, b.value, evaluation);
  }
  return false;
}

type Numeric = number | bigint | Double | Uint;

function isNumber(value: Value): value is Numeric {
  return isInt(value) || value instanceof Double || value instanceof Uint;
}

function plain(value: Numeric): number | bigint {
  return typeof value === 'object' ? value.value : value;
}

/** NaN for what has no order. What is compared with a double is compared as one, as Go does. */
function compareNumbers(a: Numeric, b: Numeric): number {
  const asDoubles = a instanceof Double || b instanceof Double;
  const x = asDoubles ? Number(plain(a)) : plain(a);
  const y = asDoubles ? Number(plain(b)) : plain(b);
  if (x < y) return -1;
  if (x > y) return 1;
  return x <= y ? 0 : Number.NaN;
}

function equalLists(a: readonly Value[], b: readonly Value[], evaluation: Evaluation): boolean {
  if (a.length !== b.length) return false;
  const semantics = semanticsOf(a) ?? semanticsOf(b);
  if (!semantics) return a.every((item, i) => equal(item, b[i] ?? null, evaluation));
  // Order says nothing: each item has its equal, by its keys where it has keys.
  return a.every((item) => {
    const match = find(b, item, semantics, evaluation);
    return match !== undefined && equal(item, match, evaluation);
  });
}

/** The item of a list that is the same by the list's type. */
export function find(
  list: readonly Value[],
  item: Value,
  semantics: ListSemantics,
  evaluation: Evaluation,
): Value | undefined {
  return list.find((other) => {
    if (semantics.type === 'set') return equal(item, other, evaluation);
    if (!(item instanceof CelMap) || !(other instanceof CelMap)) return false;
    return semantics.keys.every((key) =>
      equal(item.get(key) ?? null, other.get(key) ?? null, evaluation),
    );
  });
}

function equalMaps(a: CelMap, b: CelMap, evaluation: Evaluation): boolean {
  if (a.size !== b.size) return false;
  return a.keys().every((key) => {
    const own = a.get(key);
    const other = b.get(key);
    return own !== undefined && other !== undefined && equal(own, other, evaluation);
  });
}

/** -1, 0 or 1; NaN where a number is none. */
export function compare(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (a instanceof Timestamp && b instanceof Timestamp) return order(a.nanos, b.nanos);
  if (a instanceof Duration && b instanceof Duration) return order(a.nanos, b.nanos);
  throw noSuchOverload();
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** By code point, as Go's byte order of UTF-8 is; UTF-16 differs beyond the surrogates. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  const x = a.codePointAt(i) ?? -1;
  const y = b.codePointAt(i) ?? -1;
  const low = (code: number) => code >= 0xdc00 && code <= 0xdfff;
  if (low(x) && low(y)) return x - y;
  return x < y ? -1 : 1;
}

export function asBool(value: Value): boolean {
  if (typeof value !== 'boolean') throw noSuchOverload();
  return value;
}

export function asText(value: Value | undefined): string {
  if (typeof value !== 'string') throw noSuchOverload();
  return value;
}

/** As an index or a count; what no list is long enough for is out of any bound. */
export function asIndex(value: Value | undefined): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint')
    return value < 0n ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER;
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Double && Number.isInteger(value.value)) return value.value;
  throw value instanceof Double
    ? new CelFailure(`unsupported index value ${value.value} in list`)
    : noSuchOverload();
}

export function asList(value: Value | undefined): readonly Value[] {
  if (value === undefined || !isList(value)) throw noSuchOverload();
  return value;
}
