/** Optional values: `optional.of(x)`, `a.?b.orValue(c)`. */
import { define, type Library } from '../function.js';
import {
  CelFailure,
  CelMap,
  Double,
  Duration,
  isList,
  noSuchOverload,
  Optional,
  sizeOf,
  Uint,
  type Value,
} from '../values.js';

export const optionals: Library = [
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
