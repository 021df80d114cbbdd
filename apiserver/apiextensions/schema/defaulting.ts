/**
 * Defaults of a schema, put into an object in place: where a field is absent, or null and not nullable.
 * Not into structures that are absent themselves. Applied to what clients send and to what is read from
 * the store, so it must find nothing to do the second time.
 */
import { clone } from '../../../pkg/apimachinery/clone.js';
import {
  childOf,
  isMap,
  itemsOf,
  type JsonSchema,
  propertyOf,
  put,
  valuesOf,
} from './structural.js';

/** True when something was put in. */
export function applyDefaults(value: unknown, schema: JsonSchema): boolean {
  let changed = false;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (!items) return false;
    for (let i = 0; i < value.length; i++) {
      if (isNullToFill(value[i], items)) {
        value[i] = clone(items.default);
        changed = true;
      }
      changed = applyDefaults(value[i], items) || changed;
    }
    return changed;
  }
  if (!isMap(value)) return false;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.default === undefined) continue;
    const present = Object.hasOwn(value, name);
    if (present && !isNullToFill(value[name], property)) continue;
    put(value, name, clone(property.default));
    changed = true;
  }
  const values = valuesOf(schema);
  for (const field of Object.keys(value)) {
    const property = propertyOf(schema, field) ?? values;
    if (!property) continue;
    if (property === values && isNullToFill(value[field], property)) {
      put(value, field, clone(property.default));
      changed = true;
    }
    changed = applyDefaults(value[field], property) || changed;
  }
  return changed;
}

/** Nulls of fields that may not be null and have no default go, as if they had not been sent. */
export function dropNulls(value: unknown, schema: JsonSchema): boolean {
  let changed = false;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items) for (const item of value) changed = dropNulls(item, items) || changed;
    return changed;
  }
  if (!isMap(value)) return false;
  for (const field of Object.keys(value)) {
    const property = childOf(schema, field);
    if (!property) continue;
    if (value[field] === null && property.nullable !== true && property.default === undefined) {
      delete value[field];
      changed = true;
    } else changed = dropNulls(value[field], property) || changed;
  }
  return changed;
}

export function hasDefaults(schema: JsonSchema): boolean {
  if (schema.default !== undefined) return true;
  if (Object.values(schema.properties ?? {}).some(hasDefaults)) return true;
  const items = itemsOf(schema);
  const values = valuesOf(schema);
  return (
    (items !== undefined && hasDefaults(items)) || (values !== undefined && hasDefaults(values))
  );
}

function isNullToFill(value: unknown, schema: JsonSchema): boolean {
  return value === null && schema.nullable !== true && schema.default !== undefined;
}
