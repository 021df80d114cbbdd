/**
 * JSON Merge Patch (RFC 7396). Nothing is changed in place; the result shares with its sources what did
 * not change. Nulls are taken out of objects that the patch brings, in lists too, as upstream does.
 */

import { define, isObject, type JsonObject, withoutNulls } from '../json-object.js';
import { badRequest } from '../status.js';

/** Checks what the body of the request parsed to. Throws a StatusError. */
export function asMergePatch(body: unknown): JsonObject {
  if (isObject(body)) return body;
  const kind = Array.isArray(body) ? 'array' : typeof body === 'boolean' ? 'bool' : typeof body;
  throw badRequest(
    `error decoding patch: json: cannot unmarshal ${body === null ? 'null' : kind} into Go value of type map[string]interface {}`,
  );
}

export function applyMergePatch<T extends object>(obj: T, patch: JsonObject): T {
  return mergeObjects(obj as JsonObject, patch) as T;
}

function mergeObjects(target: JsonObject, patch: JsonObject): JsonObject {
  const out: JsonObject = { ...target };
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    const old = Object.hasOwn(target, key) ? target[key] : undefined;
    if (value === null || value === undefined) delete out[key];
    else
      define(
        out,
        key,
        isObject(old) && isObject(value) ? mergeObjects(old, value) : withoutNulls(value),
      );
  }
  return out;
}
