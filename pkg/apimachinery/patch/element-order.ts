/**
 * The order of a merged list: what the patch names stands in the patch's order, everything else in that
 * of the live list, and where the live list has both, it decides which comes first.
 */
import { isObject } from '../json-object.js';

/** What an item is told apart by: the value of its key, or, without a key, itself. */
function identity(item: unknown, mergeKey: string): unknown {
  if (mergeKey === '') return item;
  return isObject(item) ? item[mergeKey] : undefined;
}

/** The items that `by` names, and the others. */
export function partition(
  items: readonly unknown[],
  by: readonly unknown[],
  mergeKey: string,
): [named: unknown[], others: unknown[]] {
  const names = new Set(by.map((item) => identity(item, mergeKey)));
  const named: unknown[] = [];
  const others: unknown[] = [];
  for (const item of items) {
    (names.has(identity(item, mergeKey)) ? named : others).push(item);
  }
  return [named, others];
}

/** Stable; what the order does not know stays first. */
export function sortBy(
  items: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string,
): readonly unknown[] {
  const places = placesIn(order, mergeKey);
  const place = (item: unknown) => places.get(identity(item, mergeKey)) ?? -1;
  return [...items].sort((a, b) => place(a) - place(b));
}

/** Interleaves the live list's own items with the patch's, each in its order, by the live order. */
export function mergedOrder(
  patched: readonly unknown[],
  others: readonly unknown[],
  live: readonly unknown[],
  mergeKey: string,
): unknown[] {
  const places = placesIn(live, mergeKey);
  const out: unknown[] = [];
  let next = 0;
  for (const item of patched) {
    const place = places.get(identity(item, mergeKey));
    while (place !== undefined && next < others.length) {
      const other = places.get(identity(others[next], mergeKey));
      if (other === undefined || other >= place) break;
      out.push(others[next]);
      next++;
    }
    out.push(item);
  }
  return [...out, ...others.slice(next)];
}

function placesIn(list: readonly unknown[], mergeKey: string): Map<unknown, number> {
  const places = new Map<unknown, number>();
  for (const [i, item] of list.entries()) {
    const id = identity(item, mergeKey);
    if (!places.has(id)) places.set(id, i);
  }
  return places;
}

/** What all items are; `mixed` when they are not all the same. */
export function kindOfItems(lists: readonly (readonly unknown[])[]): {
  kind: string | undefined;
  mixed: boolean;
} {
  let kind: string | undefined;
  for (const list of lists) {
    for (const item of list) {
      const own = isObject(item)
        ? 'map'
        : Array.isArray(item)
          ? 'list'
          : item === null
            ? 'null'
            : typeof item;
      kind ??= own;
      if (own !== kind) return { kind, mixed: true };
    }
  }
  return { kind, mixed: false };
}
