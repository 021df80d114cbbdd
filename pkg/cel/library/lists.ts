/** Functions of lists (`library/lists.go`) and of lists as sets (CEL's sets extension). */
import { asList, compare, equal } from '../equality.js';
import { define, type Evaluation, type Library } from '../function.js';
import { CelFailure, type Value } from '../values.js';
import { lookUpFunction } from './lookup.js';

const ORDERED = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];
const SUMMABLE = ['int', 'uint', 'double', 'duration'];

function extreme(name: 'min' | 'max', sign: 1 | -1) {
  return define(
    name,
    ORDERED.map((type) => `list_${type}_${name}_${type}: list(${type}).() -> ${type}`),
    ([list]) => {
      const [first, ...rest] = asList(list);
      if (first === undefined) throw new CelFailure(`${name} called on empty list`);
      return rest.reduce<Value>(
        (best, item) => (compare(item, best) * sign > 0 ? item : best),
        first,
      );
    },
  );
}

function place(name: 'indexOf' | 'lastIndexOf') {
  return define(
    name,
    [`list_a_${name}_int: list(A).(A) -> int`],
    ([list, item = null], evaluation) => {
      const items = asList(list);
      const same = (other: Value) => equal(other, item, evaluation);
      return name === 'indexOf' ? items.findIndex(same) : items.findLastIndex(same);
    },
  );
}

function holds(list: readonly Value[], item: Value, evaluation: Evaluation): boolean {
  return list.some((other) => equal(other, item, evaluation));
}

function subset(part: readonly Value[], whole: readonly Value[], evaluation: Evaluation): boolean {
  return part.every((item) => holds(whole, item, evaluation));
}

export const lists: Library = [
  define(
    'isSorted',
    ORDERED.map((type) => `list_${type}_is_sorted_bool: list(${type}).() -> bool`),
    ([list]) => {
      const items = asList(list);
      return items.every((item, i) => i === 0 || compare(items[i - 1] ?? item, item) <= 0);
    },
  ),
  define(
    'sum',
    SUMMABLE.map((type) => `list_${type}_sum_${type}: list(${type}).() -> ${type}`),
    ([list], evaluation) => {
      const [first, ...rest] = asList(list);
      const add = lookUpFunction('_+_');
      return rest.reduce<Value>((sum, item) => add([sum, item], evaluation), first ?? 0);
    },
  ),
  extreme('min', -1),
  extreme('max', 1),
  place('indexOf'),
  place('lastIndexOf'),
  define(
    'sets.contains',
    ['list_sets_contains_list: (list(A), list(A)) -> bool'],
    ([list, part], evaluation) => subset(asList(part), asList(list), evaluation),
  ),
  define(
    'sets.equivalent',
    ['list_sets_equivalent_list: (list(A), list(A)) -> bool'],
    ([a, b], evaluation) =>
      subset(asList(a), asList(b), evaluation) && subset(asList(b), asList(a), evaluation),
  ),
  define(
    'sets.intersects',
    ['list_sets_intersects_list: (list(A), list(A)) -> bool'],
    ([a, b], evaluation) => asList(a).some((item) => holds(asList(b), item, evaluation)),
  ),
];
