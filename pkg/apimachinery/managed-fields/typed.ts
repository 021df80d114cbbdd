/**
 * A value by its field type: which form it has, and where the items of a list belong. What is built on it
 * are the walks of `sigs.k8s.io/structured-merge-diff/typed`: to-field-set, compare, merge, remove.
 *
 * No walk changes its arguments; results share what they can with them, so treat both as frozen. A key
 * whose value is undefined is absent.
 */
import type { FieldType, ListType } from './field-type.js';
import { type JsonObject, keyElement, valueElement } from './path-element.js';

export function isMap(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own property: a map may have keys such as `constructor`, and lack them as well. */
export function get(map: JsonObject, key: string): unknown {
  const value = map[key];
  if (typeof value === 'function' || key === '__proto__') {
    return Object.hasOwn(map, key) ? value : undefined;
  }
  return value;
}

export function isEmpty(map: JsonObject): boolean {
  for (const key in map) if (map[key] !== undefined) return false;
  return true;
}

/** The one form that the value has: a scalar, a list or a map; the type's own where the value fits none. */
export type Form = 'map' | 'scalar' | 'list';

export function formOf(type: FieldType, value: unknown): Form {
  if (Array.isArray(value)) {
    if (type.list) return 'list';
  } else if (typeof value === 'object') {
    if (value !== null && type.map) return 'map';
  } else if (value !== undefined && type.scalar) return 'scalar';
  return type.map ? 'map' : type.scalar ? 'scalar' : 'list';
}

/** The path element of a list's item; undefined where the item has no place in the list. */
export function itemElement(list: ListType, item: unknown): string | undefined {
  if (list.keys.length > 0) {
    return isMap(item) ? keyElement(item, list.keys, list.keyDefaults) : undefined;
  }
  return typeof item === 'object' ? undefined : valueElement(item);
}
