/**
 * The schema of a custom resource as its author wrote it (JSONSchemaProps), and how to walk along it beside
 * a value. The schemas here are structural: every field is described outside of `allOf`, `anyOf`, `oneOf`
 * and `not`, which only restrict values. Shared and frozen: never change one.
 */
import type { JSONSchemaProps } from '../../../pkg/api/types.js';

export type JsonSchema = Readonly<JSONSchemaProps>;
export type JsonMap = Record<string, unknown>;

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The schema of a list's items; undefined where there is none, or an (unsupported) list of them. */
export function itemsOf(schema: JsonSchema): JsonSchema | undefined {
  const { items } = schema;
  return items === undefined || Array.isArray(items) ? undefined : items;
}

/** The schema of a map's values; undefined where anything or nothing is allowed. */
export function valuesOf(schema: JsonSchema): JsonSchema | undefined {
  const { additionalProperties } = schema;
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

/** Not `constructor` and the like, which every object inherits. */
export function propertyOf(schema: JsonSchema, field: string): JsonSchema | undefined {
  const { properties } = schema;
  return properties && Object.hasOwn(properties, field) ? properties[field] : undefined;
}

/** Where a key of an object leads: the field of that name, else the values of the map. */
export function childOf(schema: JsonSchema, field: string): JsonSchema | undefined {
  return propertyOf(schema, field) ?? valuesOf(schema);
}

export function keepsUnknown(schema: JsonSchema): boolean {
  return schema['x-kubernetes-preserve-unknown-fields'] === true;
}

export function isEmbedded(schema: JsonSchema): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

export function isIntOrString(schema: JsonSchema): boolean {
  return schema['x-kubernetes-int-or-string'] === true;
}

/** Sets a field, `__proto__` among them, as plain data. */
export function put(map: JsonMap, field: string, value: unknown): void {
  if (field !== '__proto__') {
    map[field] = value;
    return;
  }
  Object.defineProperty(map, field, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}

/**
 * The schema and every schema below it that describes fields or values, each before those below it. Schemas
 * are large and deep, so it keeps a stack in place of a generator within a generator.
 */
export function* schemasIn(schema: JsonSchema): Generator<JsonSchema> {
  const left = [schema];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    yield next;
    const { properties, allOf, anyOf, oneOf, not } = next;
    const items = itemsOf(next);
    const values = valuesOf(next);
    // The last in comes out first.
    if (not) left.push(not);
    for (const parts of [oneOf, anyOf, allOf]) if (parts) left.push(...parts.toReversed());
    if (values) left.push(values);
    if (items) left.push(items);
    if (properties) left.push(...Object.values(properties).reverse());
  }
}
