/** Two objects made one, and one without some of its fields: what applying and pruning do. */
import { define } from '../json-object.js';
import {
  below,
  type FieldSet,
  type FieldSetBuilder,
  hasBelow,
  hasElement,
  LEAF,
  makeNode,
} from './field-set.js';
import { deducedType, type FieldType, type ListType, type MapType } from './field-type.js';
import { fieldElement, type JsonObject } from './path-element.js';
import { formOf, get, isEmpty, isMap, itemElement } from './typed.js';

/** `into` with what `from` says; a null in `from` takes the field away. */
export function merge(type: FieldType, into: unknown, from: unknown): unknown {
  if (from === undefined) return into;
  if (from === null) return undefined;
  if (into === undefined || into === null) return withoutNulls(from);
  const form = formOf(type, from);
  if (form === 'map' && type.map && !type.map.atomic && isMap(from) && isMap(into)) {
    return mergeMaps(type.map, into, from);
  }
  if (form === 'list' && type.list && !type.list.atomic) {
    if (Array.isArray(from) && Array.isArray(into)) return mergeLists(type.list, into, from);
  }
  return withoutNulls(from);
}

function mergeMaps(type: MapType, into: JsonObject, from: JsonObject): unknown {
  const out: Record<string, unknown> = { ...into };
  for (const key in from) {
    if (from[key] === undefined) continue;
    const value = merge(type.field(key) ?? deducedType(), get(into, key), from[key]);
    if (value === undefined) delete out[key];
    else define(out, key, value);
  }
  return out;
}

/**
 * Items that both have stand in the applied order, and those of one side alone keep their place between
 * them: items of `into` come before what follows them there.
 */
function mergeLists(
  type: ListType,
  into: readonly unknown[],
  from: readonly unknown[],
): readonly unknown[] {
  const right = placed(type, from);
  const left = placed(type, into);
  const rightBy = new Map(right.map((item) => [item.element, item.value]));
  // An item that stands in the live list twice is replaced, not merged.
  const leftBy = new Map<string, unknown>();
  for (const { element, value } of left) {
    leftBy.set(element, leftBy.has(element) ? undefined : value);
  }
  const shared = right.map((item) => item.element).filter((element) => leftBy.has(element));
  const out: unknown[] = [];
  const merged = new Set<string>();
  const add = (element: string, value: unknown) => {
    merged.add(element);
    out.push(merge(type.element, leftBy.get(element), value));
  };
  let nextShared = 0;
  let l = 0;
  let r = 0;
  while (l < left.length || r < right.length) {
    const fromLeft = left[l];
    const fromRight = right[r];
    if (fromLeft && fromRight) {
      if (fromLeft.element === fromRight.element) {
        add(fromRight.element, fromRight.value);
        l++;
        r++;
        nextShared++;
        continue;
      }
      if (rightBy.has(fromLeft.element) && nextShared < shared.length) {
        if (shared[nextShared] !== fromLeft.element) {
          // It comes later, where the applied list has it.
          l++;
          continue;
        }
      }
    }
    if (fromLeft) {
      if (!rightBy.has(fromLeft.element)) {
        out.push(fromLeft.value);
        l++;
        continue;
      }
      if (merged.has(fromLeft.element)) l++;
    }
    if (fromRight) {
      add(fromRight.element, fromRight.value);
      r++;
      if (shared[nextShared] === fromRight.element) nextShared++;
    }
  }
  return out;
}

function placed(type: ListType, list: readonly unknown[]): { element: string; value: unknown }[] {
  const items: { element: string; value: unknown }[] = [];
  for (const value of list) {
    const element = itemElement(type, value);
    if (element !== undefined) items.push({ element, value });
  }
  return items;
}

/** The types of Kubernetes have no null: it is dropped when an applied object becomes a stored one. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => (item === null ? null : withoutNulls(item)));
  }
  if (!isMap(value)) return value;
  const out: Record<string, unknown> = {};
  for (const key in value) {
    const child = value[key];
    if (child !== undefined && child !== null) define(out, key, withoutNulls(child));
  }
  return out;
}

/** The value without the fields of the set; undefined when nothing is left of it. */
export function removeFields(type: FieldType, value: unknown, set: FieldSet): unknown {
  const form = formOf(type, value);
  if (form === 'scalar') return value;
  if (form === 'map') {
    if (!isMap(value) || isEmpty(value) || !type.map || type.map.atomic) return undefined;
    const out: Record<string, unknown> = {};
    for (const key in value) {
      const element = fieldElement(key);
      if (value[key] === undefined || hasElement(set, element)) continue;
      const child = hasBelow(set, element)
        ? removeFields(type.map.field(key) ?? deducedType(), value[key], below(set, element))
        : value[key];
      if (child !== undefined) define(out, key, child);
    }
    return isEmpty(out) ? undefined : out;
  }
  if (!Array.isArray(value) || value.length === 0 || !type.list || type.list.atomic)
    return undefined;
  const out: unknown[] = [];
  for (const item of value) {
    const element = itemElement(type.list, item);
    if (element !== undefined && hasElement(set, element)) continue;
    const kept =
      element !== undefined && hasBelow(set, element)
        ? removeFields(type.list.element, item, below(set, element))
        : item;
    if (kept !== undefined) out.push(kept);
  }
  return out.length > 0 ? out : undefined;
}

/** The set with every named field on the way to a member as a member too. */
export function withNamedFields(type: FieldType, set: FieldSet): FieldSet {
  const out: FieldSetBuilder = {};
  for (const element in set) {
    if (element === '.') continue;
    const node = below(set, element);
    const name = element.startsWith('f:') ? element.slice(2) : undefined;
    const named = name !== undefined && type.map?.has(name) === true;
    const childType =
      (name === undefined ? type.list?.element : type.map?.field(name)) ?? deducedType();
    out[element] =
      makeNode(withNamedFields(childType, node), named || hasElement(set, element)) ?? LEAF;
  }
  return out;
}
