/**
 * Strategic merge patch, as `k8s.io/apimachinery/pkg/util/strategicpatch` applies it: JSON merge patch
 * in which lists may be merged by a key, with directives in the patch:
 *
 *   $patch: replace | delete       on an object, or on an item of a merged list
 *   $deleteFromPrimitiveList/X     values to take out of the list X
 *   $setElementOrder/X             the order of X; what is not named keeps its place around the others
 *   $retainKeys                    all other keys of the live object go
 *
 * Neither the object nor the patch is changed. Throws StatusErrors with upstream's codes and texts: 400
 * for a directive of a wrong form, 422 for lists of lists; for other faults of a patch upstream has no
 * reason and answers 500.
 */
import type { Schema, SchemaSet } from '../../api/schema/model.js';
import { goText, goType } from '../go-format.js';
import { define, isObject, type JsonObject, withoutNulls } from '../json-object.js';
import { badRequest, failure, type StatusError } from '../status.js';
import { kindOfItems, mergedOrder, partition, sortBy } from './element-order.js';
import { PatchType } from './patch-type.js';

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_PREFIX = '$deleteFromPrimitiveList';
const ORDER_PREFIX = '$setElementOrder';

/** Checks what the body of the request parsed to. Throws a StatusError. */
export function asStrategicMergePatch(body: unknown): JsonObject {
  if (isObject(body)) return body;
  const kind = Array.isArray(body) ? 'array' : body === null ? 'null' : typeof body;
  throw badRequest(`json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`);
}

export function applyStrategicMergePatch<T extends object>(
  obj: T,
  patch: JsonObject,
  schema: Schema,
  schemas: SchemaSet,
): T {
  return mergeMap(obj as JsonObject, patch, PatchType.of(schema, schemas)) as T;
}

function mergeMap(live: JsonObject, patch: JsonObject, type: PatchType): JsonObject {
  if (Object.hasOwn(patch, DIRECTIVE)) return replaceOrDelete(patch);
  const out: JsonObject = { ...live };
  // The keys that are still to be merged; directives take theirs out.
  const rest: JsonObject = { ...patch };
  if (Object.hasOwn(rest, RETAIN_KEYS)) {
    const keys = rest[RETAIN_KEYS];
    delete rest[RETAIN_KEYS];
    retainKeys(out, rest, keys);
  }
  setElementOrders(out, rest, type);
  for (const key of Object.keys(rest)) {
    if (key.startsWith(DELETE_PREFIX)) {
      deleteFromList(out, key, rest[key], type);
      continue;
    }
    const value = rest[key];
    if (value === null || value === undefined) {
      delete out[key];
      continue;
    }
    const old = Object.hasOwn(out, key) ? out[key] : undefined;
    let merged: unknown;
    if (isObject(old) && isObject(value)) {
      const field = type.field(key);
      merged = field.strategy === 'replace' ? value : mergeMap(old, value, field);
    } else if (Array.isArray(old) && Array.isArray(value)) {
      const field = type.field(key);
      merged = field.strategy === 'merge' ? mergeList(old, value, field) : value;
    } else {
      merged = withoutDirectives(withoutNulls(value));
    }
    if (merged === undefined) delete out[key];
    else define(out, key, merged);
  }
  return out;
}

function replaceOrDelete(patch: JsonObject): JsonObject {
  const { [DIRECTIVE]: directive, ...rest } = patch;
  if (directive === 'replace') return rest;
  if (directive === 'delete') return {};
  throw unknownDirective(directive, patch);
}

function retainKeys(out: JsonObject, patch: JsonObject, keys: unknown): void {
  const wrong = () => badRequest('invalid patch format of retainKeys');
  if (!Array.isArray(keys)) throw wrong();
  for (const key of Object.keys(patch)) {
    if (patch[key] === null || key.startsWith(DELETE_PREFIX) || key.startsWith(ORDER_PREFIX)) {
      continue;
    }
    if (!keys.includes(key)) throw wrong();
  }
  for (const key of Object.keys(out)) if (!keys.includes(key)) delete out[key];
}

function deleteFromList(out: JsonObject, key: string, values: unknown, type: PatchType): void {
  const name = directiveTarget(key, DELETE_PREFIX, 'invalid patch format of primitive list');
  const old = Object.hasOwn(out, name) ? out[name] : undefined;
  if (values === null) {
    delete out[name];
    return;
  }
  if (!Array.isArray(old) || !Array.isArray(values)) return;
  if (old.length === 0 && values.length === 0) return;
  const kind = elementKind(old, values);
  define(
    out,
    name,
    kind === 'map'
      ? mergeList(old, values, type.field(name))
      : old.filter((value) => !values.includes(value)),
  );
}

/** Merges the lists that have an order in the patch, and takes both out of what is left to merge. */
function setElementOrders(out: JsonObject, patch: JsonObject, type: PatchType): void {
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(ORDER_PREFIX)) continue;
    const order = patch[key];
    delete patch[key];
    if (!Array.isArray(order)) throw badArgument([], order);
    const name = directiveTarget(key, ORDER_PREFIX, 'invalid patch format of setElementOrder list');
    const live = listOf(out, name);
    const changes = listOf(patch, name);
    const field = type.field(name);
    checkOrder(changes ?? [], order, field.mergeKey);
    if (live === undefined && changes === undefined) continue;
    let merged: readonly unknown[];
    if (changes === undefined) merged = live ?? [];
    else if (live === undefined) merged = listWithoutDirectives(changes);
    else merged = field.strategy === 'merge' ? mergeList(live, changes, field) : changes;

    const kind = elementKind(live ?? [], changes ?? []);
    const [patched, others] = partition(merged, order, field.mergeKey);
    const ordered = mergedOrder(
      kind === 'map' ? deletesLast(patched, order, field.mergeKey) : sortBy(patched, order, ''),
      kind === 'map'
        ? deletesLast(others, live ?? [], field.mergeKey)
        : sortBy(others, live ?? [], ''),
      live ?? [],
      kind === 'map' ? field.mergeKey : '',
    );
    define(out, name, ordered);
    delete patch[name];
  }
}

function listOf(from: JsonObject, name: string): readonly unknown[] | undefined {
  if (!Object.hasOwn(from, name)) return undefined;
  const value = from[name];
  if (!Array.isArray(value)) throw badArgument([], value);
  return value;
}

/** The patch's items must stand in the order that the patch itself asks for. */
function checkOrder(
  changes: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string,
): void {
  if (changes.length === 0 || order.length === 0) return;
  const items = changes.filter((item) => {
    if (mergeKey === '') return true;
    if (!isObject(item)) throw badArgument({}, item);
    return !Object.hasOwn(item, DIRECTIVE);
  });
  let at = 0;
  for (const wanted of order) {
    if (at < items.length && sameKey(items[at], wanted, mergeKey)) at++;
  }
  if (at < items.length) {
    throw failure(
      500,
      '',
      `The order in patch list:\n${goText(changes)}\n doesn't match ${ORDER_PREFIX} list:\n${goText(order)}\n`,
    );
  }
}

function sameKey(a: unknown, b: unknown, mergeKey: string): boolean {
  if (mergeKey === '') return a === b;
  return keyOf(a, mergeKey) === keyOf(b, mergeKey);
}

/** Two lists whose field merges: scalars as a set, objects by their key. */
function mergeList(
  live: readonly unknown[],
  patch: readonly unknown[],
  type: PatchType,
): readonly unknown[] {
  if (live.length === 0 && patch.length === 0) return live;
  const { mergeKey } = type;
  if (elementKind(live, patch) !== 'map') {
    const merged = [...new Set([...live, ...patch])];
    const [patched, others] = partition(merged, patch, '');
    return mergedOrder(sortBy(patched, patch, ''), sortBy(others, live, ''), live, '');
  }
  if (mergeKey === '') {
    throw failure(500, '', 'cannot merge lists without merge key for struct');
  }
  const { base, changes } = applyItemDirectives(live, patch, mergeKey);
  const merged = [...base];
  for (const change of changes) {
    const key = keyOf(change, mergeKey);
    const at = merged.findIndex((item) => isObject(item) && item[mergeKey] === key);
    const old = merged[at];
    if (isObject(old) && isObject(change)) merged[at] = mergeMap(old, change, type);
    else merged.push(change);
  }
  const [patched, others] = partition(merged, changes, mergeKey);
  return mergedOrder(
    sortBy(patched, changes, mergeKey),
    sortBy(others, base, mergeKey),
    base,
    mergeKey,
  );
}

/** `$patch: delete` takes the item with that key away, `$patch: replace` anywhere in the list all of them. */
function applyItemDirectives(
  live: readonly unknown[],
  patch: readonly unknown[],
  mergeKey: string,
): { base: readonly unknown[]; changes: readonly unknown[] } {
  let base = live;
  let replace = false;
  const changes: unknown[] = [];
  for (const item of patch) {
    if (!isObject(item) || !Object.hasOwn(item, DIRECTIVE)) {
      changes.push(item);
      continue;
    }
    const directive = item[DIRECTIVE];
    if (directive === 'delete') {
      const key = keyOf(item, mergeKey);
      base = base.filter((other) => !isObject(other) || other[mergeKey] !== key);
    } else if (directive === 'replace') {
      replace = true;
    } else if (directive === 'merge') {
      throw failure(500, '', 'merging lists cannot yet be specified in the patch');
    } else {
      throw unknownDirective(directive, item);
    }
  }
  return replace ? { base: changes, changes: [] } : { base, changes };
}

/** In the given order, items that are marked for deletion at the end. */
function deletesLast(
  items: readonly unknown[],
  order: readonly unknown[],
  mergeKey: string,
): readonly unknown[] {
  for (const item of [...items, ...order]) keyOf(item, mergeKey);
  const isDelete = (item: unknown) => isObject(item) && item[DIRECTIVE] === 'delete';
  return [
    ...sortBy(
      items.filter((item) => !isDelete(item)),
      order,
      mergeKey,
    ),
    ...items.filter(isDelete),
  ];
}

function keyOf(item: unknown, mergeKey: string): unknown {
  if (!isObject(item)) throw badArgument({}, item);
  const key = Object.hasOwn(item, mergeKey) ? item[mergeKey] : undefined;
  if (key === undefined) {
    throw failure(500, '', `map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
  }
  return key;
}

function elementKind(...lists: readonly (readonly unknown[])[]): string {
  const { kind, mixed } = kindOfItems(lists);
  if (kind === 'list') {
    throw failure(
      422,
      'Invalid',
      'the server rejected our request due to an error in our request',
      {},
    );
  }
  if (mixed) {
    throw failure(500, '', `list element types are not identical: ${goText(lists)}`);
  }
  if (kind === undefined) {
    throw failure(500, '', 'no elements in any of the given slices');
  }
  return kind;
}

/** `$setElementOrder/ports` → `ports`. */
function directiveTarget(key: string, prefix: string, wrong: string): string {
  const slash = key.indexOf('/');
  if (slash < 0 || key.slice(0, slash) !== prefix) throw badRequest(wrong);
  return key.slice(slash + 1);
}

/** Undefined: the value is itself one to be deleted or replaced, and there is nothing to do that to. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return listWithoutDirectives(value);
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, DIRECTIVE)) return undefined;
  const out: JsonObject = {};
  for (const key of Object.keys(value)) {
    const child = withoutDirectives(value[key]);
    if (child !== undefined) define(out, key, child);
  }
  return out;
}

function listWithoutDirectives(list: readonly unknown[]): unknown[] {
  return list.map(withoutDirectives).filter((item) => item !== undefined);
}

function badArgument(expected: unknown, actual: unknown): StatusError {
  return failure(500, '', `expected a ${goType(expected)}, but received a ${goType(actual)}`);
}

function unknownDirective(directive: unknown, item: JsonObject): StatusError {
  return failure(500, '', `unknown patch type: ${goText(directive)} in map: ${goText(item)}`);
}
