/**
 * Walks over objects by their field types: the set of the fields that an object has, what differs
 * between two, two merged into one, and one without some of its fields. The rules are those of
 * `sigs.k8s.io/structured-merge-diff/typed`.
 *
 * Nothing here changes its arguments; results share what they can with them, so treat both as frozen.
 * A key whose value is undefined is absent.
 */
import { deepEqual } from '../equality.js';
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
import { fieldElement, type JsonObject, keyElement, valueElement } from './path-element.js';

export interface Comparison {
  readonly added?: FieldSet;
  readonly modified?: FieldSet;
  readonly removed?: FieldSet;
}

interface Changes {
  added?: FieldSetBuilder;
  modified?: FieldSetBuilder;
  removed?: FieldSetBuilder;
}

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

function isEmpty(map: JsonObject): boolean {
  for (const key in map) if (map[key] !== undefined) return false;
  return true;
}

/** The one form that the value has: a scalar, a list or a map; the type's own where the value fits none. */
type Form = 'map' | 'scalar' | 'list';

function formOf(type: FieldType, value: unknown): Form {
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

// --- the fields of an object ---

/** The fields that an applied object sets. */
export function toFieldSet(type: FieldType, value: unknown): FieldSet {
  return fieldsBelow(type, value) ?? LEAF;
}

/** Undefined: none. Whether the value's own path is a member is its container's to say, see `ownsSelf`. */
function fieldsBelow(type: FieldType, value: unknown): FieldSet | undefined {
  const form = formOf(type, value);
  const out: FieldSetBuilder = {};
  if (form === 'map' && type.map && !type.map.atomic && isMap(value)) {
    for (const key in value) {
      const child = value[key];
      if (child === undefined) continue;
      const childType = type.map.field(key) ?? deducedType();
      const self =
        ownsSelf(childType, child) ||
        child === null ||
        (isMap(child) && isEmpty(child)) ||
        !type.map.has(key);
      const node = makeNode(fieldsBelow(childType, child), self);
      if (node !== undefined) out[fieldElement(key)] = node;
    }
  } else if (form === 'list' && type.list && !type.list.atomic && Array.isArray(value)) {
    const seen = new Set<string>();
    for (const item of value) {
      const element = itemElement(type.list, item);
      if (element === undefined) continue;
      // An item that stands there twice is owned as one, and as a whole.
      out[element] = seen.has(element)
        ? LEAF
        : (makeNode(fieldsBelow(type.list.element, item), true) ?? LEAF);
      seen.add(element);
    }
  }
  return out;
}

function ownsSelf(type: FieldType, value: unknown): boolean {
  switch (formOf(type, value)) {
    case 'scalar':
      return true;
    case 'map':
      return type.map?.atomic === true;
    case 'list':
      return type.list?.atomic === true;
  }
}

// --- what differs ---

/** Undefined when nothing does. */
export function compare(type: FieldType, from: unknown, to: unknown): Comparison | undefined {
  const changes: Changes = {};
  compareForms(type, from ?? null, to ?? null, '', changes, changes);
  return changes.added || changes.modified || changes.removed ? changes : undefined;
}

/** One child, present on at least one side. */
function compareChild(
  type: FieldType,
  from: unknown,
  to: unknown,
  element: string,
  out: Changes,
): void {
  if (from === to) return;
  if (from === undefined) {
    out.added ??= {};
    out.added[element] = whole(type, to);
  } else if (to === undefined) {
    out.removed ??= {};
    out.removed[element] = whole(type, from);
  } else {
    const inner: Changes = {};
    compareForms(type, from, to, element, out, inner);
    if (inner.added) put(out, 'added', element, inner.added);
    if (inner.modified) put(out, 'modified', element, inner.modified);
    if (inner.removed) put(out, 'removed', element, inner.removed);
  }
}

/** Both are there, null counting as there. `at` takes the element itself, `inner` what lies below. */
function compareForms(
  type: FieldType,
  from: unknown,
  to: unknown,
  element: string,
  at: Changes,
  inner: Changes,
): void {
  const formFrom = formOf(type, from);
  const formTo = formOf(type, to);
  compareForm(formTo, type, from, to, element, at, inner);
  if (formFrom !== formTo) compareForm(formFrom, type, from, to, element, at, inner);
}

function compareForm(
  form: Form,
  type: FieldType,
  from: unknown,
  to: unknown,
  element: string,
  at: Changes,
  inner: Changes,
): void {
  if (form === 'map' && type.map && !type.map.atomic) {
    const left = isMap(from) ? from : undefined;
    const right = isMap(to) ? to : undefined;
    if ((left && !isEmpty(left)) || (right && !isEmpty(right))) {
      compareMaps(type.map, left ?? NOTHING, right ?? NOTHING, inner);
      return;
    }
  } else if (form === 'list' && type.list && !type.list.atomic) {
    const left = Array.isArray(from) ? from : NO_ITEMS;
    const right = Array.isArray(to) ? to : NO_ITEMS;
    if (left.length > 0 || right.length > 0) {
      compareLists(type.list, left, right, inner);
      return;
    }
  }
  if (element !== '' && !deepEqual(from, to)) {
    at.modified ??= {};
    at.modified[element] = LEAF;
  }
}

const NOTHING: JsonObject = Object.freeze({});
const NO_ITEMS: readonly unknown[] = Object.freeze([]);

function compareMaps(type: MapType, from: JsonObject, to: JsonObject, out: Changes): void {
  for (const key in from) {
    const left = from[key];
    if (left === undefined) continue;
    let right = get(to, key);
    if (left === right) continue;
    if (right === undefined) right = type.whenAbsent(key);
    compareChild(type.field(key) ?? deducedType(), left, right, fieldElement(key), out);
  }
  for (const key in to) {
    const right = to[key];
    if (right === undefined || get(from, key) !== undefined) continue;
    const left = type.whenAbsent(key);
    compareChild(type.field(key) ?? deducedType(), left, right, fieldElement(key), out);
  }
}

function compareLists(
  type: ListType,
  from: readonly unknown[],
  to: readonly unknown[],
  out: Changes,
): void {
  // The usual case: the same items in the same places.
  if (from.length === to.length && from.every((item, i) => deepEqual(item, to[i]))) return;
  const left = indexItems(type, from);
  const right = indexItems(type, to);
  for (const [element, items] of left) {
    compareItems(type, items, right.get(element) ?? NO_ITEMS, element, out);
  }
  for (const [element, items] of right) {
    if (!left.has(element)) compareItems(type, NO_ITEMS, items, element, out);
  }
}

function indexItems(type: ListType, list: readonly unknown[]): Map<string, unknown[]> {
  const index = new Map<string, unknown[]>();
  for (const item of list) {
    const element = itemElement(type, item);
    if (element === undefined) continue;
    const same = index.get(element);
    if (same) same.push(item);
    else index.set(element, [item]);
  }
  return index;
}

/** Items with the same keys; more than one on a side are owned as one, and as a whole. */
function compareItems(
  type: ListType,
  from: readonly unknown[],
  to: readonly unknown[],
  element: string,
  out: Changes,
): void {
  if (from.length <= 1 && to.length <= 1) {
    compareChild(type.element, from[0], to[0], element, out);
  } else if (from.length >= 2 && to.length >= 2) {
    if (!deepEqual(from, to)) put(out, 'modified', element, LEAF);
  } else if (from.length >= 2) {
    if (to.length > 0) compareChild(type.element, undefined, to[0], element, out);
    put(out, 'removed', element, LEAF);
  } else {
    if (from.length > 0) compareChild(type.element, from[0], undefined, element, out);
    put(out, 'added', element, LEAF);
  }
}

function put(out: Changes, change: keyof Changes, element: string, node: FieldSet): void {
  let set = out[change];
  if (set === undefined) {
    set = {};
    out[change] = set;
  }
  const old = set[element];
  if (old === undefined) set[element] = node;
  else if (node === LEAF) set[element] = makeNode(old, true) ?? LEAF;
  else set[element] = makeNode({ ...old, ...node }, old === LEAF || old['.'] !== undefined) ?? LEAF;
}

/** A value that came or went as a whole: all its fields, and itself. */
function whole(type: FieldType, value: unknown): FieldSet {
  const form = formOf(type, value);
  if (form === 'map' && type.map && !type.map.atomic && isMap(value)) {
    const out: FieldSetBuilder = {};
    for (const key in value) {
      const child = value[key];
      if (child === undefined) continue;
      out[fieldElement(key)] = whole(type.map.field(key) ?? deducedType(), child);
    }
    return makeNode(out, true) ?? LEAF;
  }
  if (form === 'list' && type.list && !type.list.atomic && Array.isArray(value)) {
    const out: FieldSetBuilder = {};
    const seen = new Set<string>();
    for (const item of value) {
      const element = itemElement(type.list, item);
      if (element === undefined) continue;
      out[element] = seen.has(element) ? LEAF : whole(type.list.element, item);
      seen.add(element);
    }
    return makeNode(out, true) ?? LEAF;
  }
  return LEAF;
}

// --- merging ---

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
    else setOwn(out, key, value);
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
    if (child !== undefined && child !== null) setOwn(out, key, withoutNulls(child));
  }
  return out;
}

// --- removing ---

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
      if (child !== undefined) setOwn(out, key, child);
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

/** Assigning `__proto__` would set the prototype instead of the key. */
function setOwn(to: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') to[key] = value;
  else {
    Object.defineProperty(to, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}
