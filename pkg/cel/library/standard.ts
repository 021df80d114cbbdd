/** CEL's standard operators and conversions. Integers have 64 bits and never wrap around. */

import { lookUp } from '../access.js';
import { asIndex, asText, compare, equal, find } from '../equality.js';
import { type Body, type CelFunction, define, type Evaluation, type Library } from '../function.js';
import {
  CelFailure,
  CelMap,
  codePoints,
  Double,
  Duration,
  int,
  isInt,
  isList,
  noSuchOverload,
  semanticsOf,
  sizeOf,
  Timestamp,
  Uint,
  uint,
  type Value,
  withSemantics,
} from '../values.js';
import { compileRegex } from './regex.js';
import { duration, timestamp } from './time.js';

const MAX_TEXT = 16 * 1024 * 1024;

function comparison(name: string, word: string, holds: (order: number) => boolean): CelFunction {
  const numbers = ['int', 'uint', 'double'];
  const ids: Readonly<Record<string, string>> = { int: 'int64', uint: 'uint64', double: 'double' };
  const same = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration'];
  return define(
    name,
    [
      ...same.map((type) => `${word}_${ids[type] ?? type}: (${type}, ${type}) -> bool`),
      ...numbers.flatMap((a) =>
        numbers
          .filter((b) => b !== a)
          .map((b) => `${word}_${ids[a]}_${ids[b]}: (${a}, ${b}) -> bool`),
      ),
    ],
    ([a = null, b = null]) => holds(compare(a, b)),
  );
}

interface Arithmetic {
  readonly safe: (a: number, b: number) => number;
  readonly exact: (a: bigint, b: bigint) => bigint;
  readonly double: (a: number, b: number) => number;
}

/** Undefined for what is no pair of numbers of one type. */
function arithmetic({ safe, exact, double }: Arithmetic, a: Value, b: Value): Value | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const quick = safe(a, b);
    return Number.isSafeInteger(quick) ? quick + 0 : int(exact(BigInt(a), BigInt(b)));
  }
  if (isInt(a) && isInt(b)) return int(exact(BigInt(a), BigInt(b)));
  if (a instanceof Double && b instanceof Double) return new Double(double(a.value, b.value));
  if (a instanceof Uint && b instanceof Uint) return uint(exact(a.value, b.value));
  return undefined;
}

const nonZero = (b: bigint | number, what: string) => {
  if (b === 0 || b === 0n) throw new CelFailure(what);
};

const PLUS: Arithmetic = { safe: (a, b) => a + b, exact: (a, b) => a + b, double: (a, b) => a + b };
const MINUS: Arithmetic = {
  safe: (a, b) => a - b,
  exact: (a, b) => a - b,
  double: (a, b) => a - b,
};
const TIMES: Arithmetic = {
  safe: (a, b) => a * b,
  exact: (a, b) => a * b,
  double: (a, b) => a * b,
};
const OVER: Arithmetic = {
  safe: (a, b) => {
    nonZero(b, 'division by zero');
    return Math.trunc(a / b);
  },
  exact: (a, b) => {
    nonZero(b, 'division by zero');
    return a / b;
  },
  double: (a, b) => a / b,
};
const MODULO: Arithmetic = {
  safe: (a, b) => {
    nonZero(b, 'modulus by zero');
    return a % b;
  },
  exact: (a, b) => {
    nonZero(b, 'modulus by zero');
    return a % b;
  },
  double: () => {
    throw noSuchOverload();
  },
};

const plus: Body = ([a = null, b = null], evaluation) => {
  const sum = arithmetic(PLUS, a, b);
  if (sum !== undefined) return sum;
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length + b.length > MAX_TEXT) evaluation.work(Number.POSITIVE_INFINITY);
    return a + b;
  }
  if (isList(a) && isList(b)) return concatenate(a, b, evaluation);
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return new Uint8Array(Buffer.concat([a, b]));
  if (a instanceof Timestamp && b instanceof Duration) return timestamp(a.nanos + b.nanos);
  if (a instanceof Duration && b instanceof Timestamp) return timestamp(a.nanos + b.nanos);
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos + b.nanos);
  throw noSuchOverload();
};

/** Sets are united; lists with keys are merged, where those of `b` win. */
function concatenate(
  a: readonly Value[],
  b: readonly Value[],
  evaluation: Evaluation,
): readonly Value[] {
  evaluation.work(a.length + b.length);
  const semantics = semanticsOf(a);
  if (!semantics) return [...a, ...b];
  const merged = a.map((item) => {
    if (semantics.type === 'set') return item;
    return find(b, item, semantics, evaluation) ?? item;
  });
  const added = b.filter((item) => find(a, item, semantics, evaluation) === undefined);
  return withSemantics([...merged, ...added], semantics);
}

const minus: Body = ([a = null, b = null]) => {
  const difference = arithmetic(MINUS, a, b);
  if (difference !== undefined) return difference;
  if (a instanceof Timestamp && b instanceof Timestamp) return duration(a.nanos - b.nanos);
  if (a instanceof Timestamp && b instanceof Duration) return timestamp(a.nanos - b.nanos);
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos - b.nanos);
  throw noSuchOverload();
};

const numeric =
  (of: Arithmetic): Body =>
  ([a = null, b = null]) => {
    const result = arithmetic(of, a, b);
    if (result === undefined) throw noSuchOverload();
    return result;
  };

const contained: Body = ([item = null, container = null], evaluation) => {
  if (isList(container)) return container.some((other) => equal(item, other, evaluation));
  if (container instanceof CelMap) return container.get(item) !== undefined;
  throw noSuchOverload();
};

const negate: Body = ([value = null]) => {
  if (isInt(value)) return int(-BigInt(value));
  if (value instanceof Double) return new Double(-value.value);
  throw noSuchOverload();
};

const size: Body = ([value = null]) => {
  if (typeof value === 'string') return codePoints(value);
  if (isList(value) || value instanceof CelMap || value instanceof Uint8Array) return sizeOf(value);
  throw noSuchOverload();
};

const index: Body = ([value = null, key = null]) => {
  if (isList(value)) asIndex(key);
  return lookUp(value, key);
};

/** The interpreter has its own way with these; they are here for their types. */
const own: Body = () => {
  throw new Error('an operator was called as a function');
};

export const standard: Library = [
  define('_&&_', ['logical_and: (bool, bool) -> bool'], own),
  define('_||_', ['logical_or: (bool, bool) -> bool'], own),
  define('_?_:_', ['conditional: (bool, A, A) -> A'], own),
  define('@not_strictly_false', ['not_strictly_false: (bool) -> bool'], own),
  define('!_', ['logical_not: (bool) -> bool'], ([value]) => {
    if (typeof value !== 'boolean') throw noSuchOverload();
    return !value;
  }),
  define('-_', ['negate_int64: (int) -> int', 'negate_double: (double) -> double'], negate),
  define('_==_', ['equals: (A, A) -> bool'], ([a = null, b = null], evaluation) =>
    equal(a, b, evaluation),
  ),
  define(
    '_!=_',
    ['not_equals: (A, A) -> bool'],
    ([a = null, b = null], evaluation) => !equal(a, b, evaluation),
  ),
  comparison('_<_', 'less', (order) => order < 0),
  comparison('_<=_', 'less_equals', (order) => order <= 0),
  comparison('_>_', 'greater', (order) => order > 0),
  comparison('_>=_', 'greater_equals', (order) => order >= 0),
  define(
    '_+_',
    [
      'add_bytes: (bytes, bytes) -> bytes',
      'add_double: (double, double) -> double',
      'add_duration_duration: (duration, duration) -> duration',
      'add_duration_timestamp: (duration, timestamp) -> timestamp',
      'add_timestamp_duration: (timestamp, duration) -> timestamp',
      'add_int64: (int, int) -> int',
      'add_list: (list(A), list(A)) -> list(A)',
      'add_string: (string, string) -> string',
      'add_uint64: (uint, uint) -> uint',
    ],
    plus,
  ),
  define(
    '_-_',
    [
      'subtract_double: (double, double) -> double',
      'subtract_duration_duration: (duration, duration) -> duration',
      'subtract_int64: (int, int) -> int',
      'subtract_timestamp_duration: (timestamp, duration) -> timestamp',
      'subtract_timestamp_timestamp: (timestamp, timestamp) -> duration',
      'subtract_uint64: (uint, uint) -> uint',
    ],
    minus,
  ),
  define(
    '_*_',
    [
      'multiply_double: (double, double) -> double',
      'multiply_int64: (int, int) -> int',
      'multiply_uint64: (uint, uint) -> uint',
    ],
    numeric(TIMES),
  ),
  define(
    '_/_',
    [
      'divide_double: (double, double) -> double',
      'divide_int64: (int, int) -> int',
      'divide_uint64: (uint, uint) -> uint',
    ],
    numeric(OVER),
  ),
  define(
    '_%_',
    ['modulo_int64: (int, int) -> int', 'modulo_uint64: (uint, uint) -> uint'],
    numeric(MODULO),
  ),
  define(
    '_[_]',
    [
      'index_list: (list(A), int) -> A',
      'index_map: (map(A, B), A) -> B',
      'optional_list_index_int: (optional(list(A)), int) -> optional(A)',
      'optional_map_index_value: (optional(map(A, B)), A) -> optional(B)',
    ],
    index,
  ),
  define(
    '_[?_]',
    [
      'list_optindex_optional_int: (list(A), int) -> optional(A)',
      'optional_list_optindex_optional_int: (optional(list(A)), int) -> optional(A)',
      'map_optindex_optional_value: (map(A, B), A) -> optional(B)',
      'optional_map_optindex_optional_value: (optional(map(A, B)), A) -> optional(B)',
    ],
    own,
  ),
  define(
    'cel.@mapInsert',
    [
      'map_insert_map: (map(A, B), map(A, B)) -> map(A, B)',
      'map_insert_key_value: (map(A, B), A, B) -> map(A, B)',
    ],
    own,
  ),
  define('@in', ['in_list: (A, list(A)) -> bool', 'in_map: (A, map(A, B)) -> bool'], contained),
  define(
    'size',
    ['bytes', 'string', 'list(A)', 'map(A, B)'].flatMap((type, i) => [
      `size_${i}: (${type}) -> int`,
      `member_size_${i}: ${type}.() -> int`,
    ]),
    size,
  ),
  define('contains', ['contains_string: string.(string) -> bool'], ([text, part]) =>
    asText(text).includes(asText(part)),
  ),
  define('startsWith', ['starts_with_string: string.(string) -> bool'], ([text, part]) =>
    asText(text).startsWith(asText(part)),
  ),
  define('endsWith', ['ends_with_string: string.(string) -> bool'], ([text, part]) =>
    asText(text).endsWith(asText(part)),
  ),
  define(
    'matches',
    ['matches: (string, string) -> bool', 'matches_string: string.(string) -> bool'],
    ([text, pattern]) => compileRegex(asText(pattern)).matcher(asText(text)).find(),
  ),
];
