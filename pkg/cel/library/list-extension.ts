/**
 * The lists extension of CEL: parts of lists, lists in another order, lists of lists made flat; and what there is
 * for lists of optional values. Each result is a list of its own, and is paid for.
 */
import { asIndex, asList, compare, equal } from '../equality.js';
import { define, type Library } from '../function.js';
import { CelFailure, isList, noSuchOverload, Optional, typeNameOf, type Value } from '../values.js';

const COMPARABLE = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];
const CALL = 1;
const LIST_CREATE = 10;
const COMPARISON = 2;
const TEXT_COMPARISON = 2.1;

const allocates = (factor: number, size: number) => Math.floor(factor * size) + CALL + LIST_CREATE;
const result = (_args: readonly Value[], made: Value) => allocates(1, asList(made).length);

/** Of a list each item of which may be compared with each other one. */
function comparisons(list: Value | undefined): number {
  const items = asList(list);
  const [first = null] = items;
  const text = typeof first === 'string' || first instanceof Uint8Array;
  return allocates(text ? TEXT_COMPARISON : COMPARISON, items.length ** 2);
}

function slice(list: readonly Value[], start: number, end: number): readonly Value[] {
  const cannot = (why: string) => new CelFailure(`cannot slice(${start}, ${end}), ${why}`);
  if (start < 0 || end < 0) throw cannot('negative indexes not supported');
  if (start > end) throw cannot('start index must be less than or equal to end index');
  if (list.length < end) throw cannot(`list is length ${list.length}`);
  return list.slice(start, end);
}

function flatten(list: readonly Value[], depth: number): Value[] {
  if (depth < 0) throw new CelFailure('level must be non-negative');
  return list.flatMap((item) => (isList(item) && depth > 0 ? flatten(item, depth - 1) : [item]));
}

/** Stable: what has the same key keeps its order. */
function sorted(list: readonly Value[], keys: readonly Value[]): readonly Value[] {
  if (list.length !== keys.length) {
    throw new CelFailure(
      `@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${list.length} and ${keys.length} elements respectively`,
    );
  }
  const [first = null] = keys;
  const type = typeNameOf(first);
  if (keys.length > 0) isComparable(first);
  if (keys.some((key) => typeNameOf(key) !== type))
    throw new CelFailure('list elements must have the same type');
  return list
    .map((item, i) => ({ item, key: keys[i] ?? null }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ item }) => item);
}

function isComparable(value: Value): void {
  try {
    compare(value, value);
  } catch (err) {
    if (err instanceof CelFailure) throw new CelFailure('list elements must be comparable');
    throw err;
  }
}

function given(list: Value | undefined): readonly Value[] {
  return asList(list).flatMap((item) => {
    if (!(item instanceof Optional)) throw noSuchOverload();
    return item.value === undefined ? [] : [item.value];
  });
}

const at = (list: readonly Value[], index: number) => {
  const item = list.at(index);
  return item === undefined ? Optional.none : new Optional(item);
};

export const listExtension: Library = [
  define(
    'slice',
    ['list_slice: list(T).(int, int) -> list(T)'],
    ([list, start, end]) => slice(asList(list), asIndex(start), asIndex(end)),
    result,
  ),
  define(
    'flatten',
    ['list_flatten: list(list(T)).() -> list(T)', 'list_flatten_int: list(dyn).(int) -> list(dyn)'],
    ([list, depth]) => flatten(asList(list), depth === undefined ? 1 : asIndex(depth)),
    ([list, depth]) => allocates(depth === undefined ? 1 : asIndex(depth), asList(list).length),
  ),
  define(
    'sort',
    COMPARABLE.map((type) => `list_${type}_sort: list(${type}).() -> list(${type})`),
    ([list]) => sorted(asList(list), asList(list)),
    ([list]) => comparisons(list),
  ),
  define(
    '@sortByAssociatedKeys',
    COMPARABLE.map(
      (type) => `list_${type}_sortByAssociatedKeys: list(T).(list(${type})) -> list(T)`,
    ),
    ([list, keys]) => sorted(asList(list), asList(keys)),
    ([, keys]) => comparisons(keys),
  ),
  define(
    'lists.range',
    ['lists_range: (int) -> list(int)'],
    ([count], evaluation) => {
      const length = Math.max(0, asIndex(count));
      evaluation.work(length);
      return Array.from({ length }, (_, i) => i);
    },
    result,
  ),
  define(
    'reverse',
    ['list_reverse: list(T).() -> list(T)'],
    ([list]) => [...asList(list)].reverse(),
    result,
  ),
  define(
    'distinct',
    ['list_distinct: list(T).() -> list(T)'],
    ([list], evaluation) => {
      const found: Value[] = [];
      for (const item of asList(list))
        if (!found.some((other) => equal(item, other, evaluation))) found.push(item);
      return found;
    },
    ([list]) => comparisons(list),
  ),
  define('first', ['list_first: list(T).() -> optional(T)'], ([list]) => at(asList(list), 0)),
  define('last', ['list_last: list(T).() -> optional(T)'], ([list]) => at(asList(list), -1)),
  define('optional.unwrap', ['optional_unwrap: (list(optional(T))) -> list(T)'], ([list]) =>
    given(list),
  ),
  define('unwrapOpt', ['optional_unwrapOpt: list(optional(T)).() -> list(T)'], ([list]) =>
    given(list),
  ),
];
