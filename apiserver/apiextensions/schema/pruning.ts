/**
 * Takes out of an object what its schema does not know, in place. Fields under
 * `x-kubernetes-preserve-unknown-fields` stay; `apiVersion`, `kind` and `metadata` stay at the root and in
 * embedded resources, where they are checked elsewhere.
 */
import { clone } from '../../../pkg/apimachinery/clone.js';
import {
  isEmbedded,
  isMap,
  itemsOf,
  type JsonMap,
  type JsonSchema,
  keepsUnknown,
  propertyOf,
  valuesOf,
} from './structural.js';

/** Upstream stops to list unknown fields here. */
const MAX_PATHS = 100;

/** Resolves to the paths of what was taken out, as `unknown field` errors name them. */
export function prune(obj: JsonMap, schema: JsonSchema | undefined): string[] {
  const removed: string[] = [];
  pruneMap(obj, schema, true, '', removed, schema !== undefined && keepsUnknown(schema));
  return removed.sort();
}

/** Whether a value of the schema would lose something. */
export function wouldPrune(value: unknown, schema: JsonSchema): boolean {
  const removed: string[] = [];
  pruneValue(clone(value), schema, '', removed);
  return removed.length > 0;
}

function pruneValue(
  value: unknown,
  schema: JsonSchema | undefined,
  at: string,
  removed: string[],
  inKept = false,
): void {
  const keeps = inKept || (schema !== undefined && keepsUnknown(schema));
  if (Array.isArray(value)) {
    const items = schema && itemsOf(schema);
    if (items === undefined && keeps) return;
    for (let i = 0; i < value.length; i++)
      pruneValue(value[i], items, `${at}[${i}]`, removed, keeps);
  } else if (isMap(value)) {
    pruneMap(value, schema, schema !== undefined && isEmbedded(schema), at, removed, keeps);
  }
}

function pruneMap(
  map: JsonMap,
  schema: JsonSchema | undefined,
  isResource: boolean,
  at: string,
  removed: string[],
  keeps: boolean,
): void {
  const isMapOfValues =
    schema?.additionalProperties !== undefined && schema.additionalProperties !== null;
  for (const field of Object.keys(map)) {
    if (isResource && (field === 'apiVersion' || field === 'kind' || field === 'metadata'))
      continue;
    const path = at === '' ? field : `${at}.${field}`;
    const property = schema && propertyOf(schema, field);
    if (property) pruneValue(map[field], property, path, removed);
    else if (isMapOfValues) pruneValue(map[field], valuesOf(schema), path, removed);
    else if (!keeps) {
      delete map[field];
      if (removed.length < MAX_PATHS) removed.push(path);
    }
  }
}
