/**
 * What differs between two objects, as sets of fields. This is on the path of every write: what is equal
 * costs a walk and nothing more.
 */
import { deepEqual } from '../equality.js';
import { type FieldSet, type FieldSetBuilder, LEAF, makeNode } from './field-set.js';
import { deducedType, type FieldType, type ListType, type MapType } from './field-type.js';
import { fieldElement, type JsonObject } from './path-element.js';
import { type Form, formOf, get, isEmpty, isMap, itemElement } from './typed.js';

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
