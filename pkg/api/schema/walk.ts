/**
 * Finds the schema of a part of an object by its path, for those who walk values and schema side by side:
 * strategic merge, server-side apply, defaulting. References are followed; the result never is one.
 */
import type { Schema, SchemaSet } from './model.js';

/** The schema of an object's field or a map's value; undefined where the schema knows nothing of it. */
export function fieldSchema(set: SchemaSet, schema: Schema, field: string): Schema | undefined {
  const target = set.resolve(schema);
  const found = own(target.properties, field) ?? target.additionalProperties;
  return found && set.resolve(found);
}

/** The schema of a list's items. */
export function itemSchema(set: SchemaSet, schema: Schema): Schema | undefined {
  const { items } = set.resolve(schema);
  return items && set.resolve(items);
}

/** `['spec', 'containers', 0, 'env']`: a string goes into a field or a map, a number into a list. */
export function schemaAt(
  set: SchemaSet,
  schema: Schema,
  path: readonly (string | number)[],
): Schema | undefined {
  let at: Schema | undefined = set.resolve(schema);
  for (const part of path) {
    if (!at) return undefined;
    at = typeof part === 'number' ? itemSchema(set, at) : fieldSchema(set, at, part);
  }
  return at;
}

/**
 * The field as it is declared, not what it refers to: list type, merge key and patch strategy stand beside
 * the reference.
 */
export function fieldDeclaration(
  set: SchemaSet,
  schema: Schema,
  field: string,
): Schema | undefined {
  const target = set.resolve(schema);
  return own(target.properties, field) ?? target.additionalProperties;
}

/** Not `constructor` and the like, which every object inherits. */
function own(properties: Schema['properties'], field: string): Schema | undefined {
  return properties && Object.hasOwn(properties, field) ? properties[field] : undefined;
}
