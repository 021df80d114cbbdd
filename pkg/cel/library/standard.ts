/** CEL's standard operators and conversions. Integers have 64 bits and never wrap around. */
import { asIndex, asText, compare, equal, find } from '../equality.js';
import { type Body, type CelFunction, define, type Evaluation, type Library } from '../function.js';
import { lookUp } from '../interpreter.js';
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
  Opaque,
  Optional,
  QuantityValue,
  semanticsOf,
  sizeOf,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  uint,
  type Value,
  withSemantics,
} from '../values.js';
import { compileRegex } from './regex.js';
import {
  duration,
  formatDuration,
  formatTimestamp,
  parseDuration,
  parseTimestamp,
  SECOND_NANOS,
  timestamp,
} from './time.js';

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
  if (value instanceof Double) return doubleText(value.value);
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
  define(
    'optional.of',
    ['optional_of: (A) -> optional(A)'],
    ([value = null]) => new Optional(value),
  ),
  define(
    'optional.ofNonZeroValue',
    ['optional_ofNonZeroValue: (A) -> optional(A)'],
    ([value = null]) => (isZero(value) ? Optional.none : new Optional(value)),
  ),
  define('optional.none', ['optional_none: () -> optional(A)'], () => Optional.none),
  define('value', ['optional_value: optional(A).() -> A'], ([optional]) => {
    if (!(optional instanceof Optional)) throw noSuchOverload();
    if (optional.value === undefined) throw new CelFailure('optional.none() dereference');
    return optional.value;
  }),
  define('hasValue', ['optional_hasValue: optional(A).() -> bool'], ([optional]) => {
    if (!(optional instanceof Optional)) throw noSuchOverload();
    return optional.value !== undefined;
  }),
  define(
    'or',
    ['optional_or_optional: optional(A).(optional(A)) -> optional(A)'],
    ([optional, other = null]) => {
      if (!(optional instanceof Optional)) throw noSuchOverload();
      return optional.value === undefined ? other : optional;
    },
  ),
  define(
    'orValue',
    ['optional_orValue_value: optional(A).(A) -> A'],
    ([optional, other = null]) => {
      if (!(optional instanceof Optional)) throw noSuchOverload();
      return optional.value ?? (optional.value === null ? null : other);
    },
  ),
];

function isZero(value: Value): boolean {
  if (value === null || value === false || value === '' || value === 0) return true;
  if (isList(value) || value instanceof CelMap || value instanceof Uint8Array)
    return sizeOf(value) === 0;
  if (value instanceof Double) return value.value === 0;
  if (value instanceof Uint) return value.value === 0n;
  return value instanceof Duration && value.nanos === 0n;
}
