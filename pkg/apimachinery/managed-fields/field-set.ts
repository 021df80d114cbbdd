/**
 * A set of field paths, held as the very tree that `FieldsV1` is on the wire, so that what is stored in
 * an object's managedFields is used as it is, without decoding.
 *
 *   { "f:spec": { "f:replicas": {}, "f:ports": { ".": {}, "k:{\"port\":80}": { ".": {}, "f:name": {} } } } }
 *
 * holds .spec.replicas, .spec.ports, .spec.ports[port=80] and .spec.ports[port=80].name, but not .spec:
 * a node is a member itself when it is empty or has the key `.`. The root is never a member. Keys are
 * path elements in canonical form (see path-element.ts). Sets are immutable and share their subtrees;
 * no operation changes its arguments.
 */
import { compareElements, normalizeElement } from './path-element.js';

export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** While one is being built, by the function that owns it. */
export type FieldSetBuilder = { [element: string]: FieldSet };

/** A member without children; as a root, the empty set. */
export const LEAF: FieldSet = Object.freeze({});
export const EMPTY_SET: FieldSet = LEAF;

export const SELF = '.';

/** Text that is no FieldsV1. */
export class FieldSetError extends Error {
  override name = 'FieldSetError';
}

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

function isMember(node: FieldSet): boolean {
  return node[SELF] !== undefined || isEmptySet(node);
}

/** A node with these children (whatever their own `.` says); undefined when it would hold nothing. */
export function makeNode(children: FieldSet | undefined, member: boolean): FieldSet | undefined {
  if (children === undefined || !hasChildren(children)) return member ? LEAF : undefined;
  if (member) return children[SELF] ? children : { [SELF]: LEAF, ...children };
  if (!children[SELF]) return children;
  const { [SELF]: _, ...rest } = children;
  return rest;
}

function hasChildren(node: FieldSet): boolean {
  for (const element in node) if (element !== SELF) return true;
  return false;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  const out: FieldSetBuilder = {};
  for (const element in a) {
    if (element === SELF) continue;
    const left = a[element];
    const right = b[element];
    if (left === undefined) continue;
    out[element] = right === undefined || right === left ? left : unionNodes(left, right);
  }
  for (const element in b) {
    const right = b[element];
    if (element !== SELF && right !== undefined && out[element] === undefined) out[element] = right;
  }
  return out;
}

function unionNodes(a: FieldSet, b: FieldSet): FieldSet {
  return makeNode(union(a, b), isMember(a) || isMember(b)) ?? LEAF;
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: FieldSetBuilder = {};
  for (const element in a) {
    if (element === SELF) continue;
    const left = a[element];
    const right = b[element];
    if (left === undefined || right === undefined) continue;
    const node = makeNode(intersection(left, right), isMember(left) && isMember(right));
    if (node !== undefined) out[element] = node;
  }
  return out;
}

/** The paths of `a` that are not in `b`; what lies below a path of `b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return a;
  const out: FieldSetBuilder = {};
  for (const element in a) {
    if (element === SELF) continue;
    const left = a[element];
    const right = b[element];
    if (left === undefined) continue;
    const node =
      right === undefined
        ? left
        : makeNode(difference(left, right), isMember(left) && !isMember(right));
    if (node !== undefined) out[element] = node;
  }
  return out;
}

/** As `difference`, and without what lies below a path of `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return a;
  const out: FieldSetBuilder = {};
  for (const element in a) {
    if (element === SELF) continue;
    const left = a[element];
    const right = b[element];
    if (left === undefined) continue;
    if (right === undefined) out[element] = left;
    else if (!isMember(right)) {
      const node = makeNode(recursiveDifference(left, right), isMember(left));
      if (node !== undefined) out[element] = node;
    }
  }
  return out;
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  return isEmptySet(difference(a, b)) && isEmptySet(difference(b, a));
}

/** Whether the path to this element, seen from the set's root, is a member. */
export function hasElement(set: FieldSet, element: string): boolean {
  const node = set[element];
  return node !== undefined && isMember(node);
}

/** Whether anything lies below the element. */
export function hasBelow(set: FieldSet, element: string): boolean {
  const node = set[element];
  return node !== undefined && hasChildren(node);
}

/** What lies below the element, as a set of its own. */
export function below(set: FieldSet, element: string): FieldSet {
  return set[element] ?? EMPTY_SET;
}

export function hasPath(set: FieldSet, path: readonly string[]): boolean {
  let node: FieldSet = set;
  for (const element of path) {
    const next = node[element];
    if (next === undefined) return false;
    node = next;
  }
  return path.length > 0 && isMember(node);
}

/** Builds a set of paths: `setOf(['f:metadata', 'f:name'], ['f:spec'])`. */
export function setOf(...paths: readonly (readonly string[])[]): FieldSet {
  return paths.reduce<FieldSet>((set, path) => {
    const leaf = path.reduceRight<FieldSet>((below, element) => ({ [element]: below }), LEAF);
    return union(set, leaf);
  }, EMPTY_SET);
}

/** All paths, members of a level before what lies below them, each level in wire order. */
export function paths(set: FieldSet): string[][] {
  const found: string[][] = [];
  const walk = (node: FieldSet, prefix: readonly string[]) => {
    const elements = Object.keys(node)
      .filter((element) => element !== SELF)
      .sort(compareElements);
    for (const element of elements) {
      if (hasElement(node, element)) found.push([...prefix, element]);
    }
    for (const element of elements) walk(below(node, element), [...prefix, element]);
  };
  walk(set, []);
  return found;
}

/** In wire order: `.` first, then fields, keys, values and indices, each sorted. What is so already is shared. */
export function sortSet(set: FieldSet): FieldSet {
  let sorted = true;
  let before: string | undefined;
  let out: FieldSetBuilder | undefined;
  for (const element in set) {
    if (before !== undefined && sorted && compareElements(before, element) > 0) sorted = false;
    before = element;
    const node = set[element];
    if (node === undefined) continue;
    const next = sortSet(node);
    if (next === node) continue;
    out ??= { ...set };
    out[element] = next;
  }
  const same = out ?? set;
  if (sorted) return same;
  const ordered: FieldSetBuilder = {};
  for (const element of Object.keys(same).sort(compareElements)) {
    const node = same[element];
    if (node !== undefined) ordered[element] = node;
  }
  return ordered;
}

/** What a client sent as `fieldsV1`, with its path elements in canonical form. Throws FieldSetError. */
export function parseSet(value: unknown): FieldSet {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FieldSetError('fieldsV1 is not an object');
  }
  const out: FieldSetBuilder = {};
  for (const [element, child] of Object.entries(value)) {
    if (element === SELF) {
      out[SELF] = LEAF;
      continue;
    }
    const canonical = normalizeElement(element);
    if (canonical === undefined) throw new FieldSetError(`invalid path element ${element}`);
    const node = parseSet(child);
    out[canonical] = hasChildren(node) ? node : LEAF;
  }
  return out;
}
