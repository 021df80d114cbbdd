/**
 * What the schema alone demands of an object: required fields, enums. For kinds whose strategy has no
 * validation of its own; where there is one, it is complete and says the same in Kubernetes' words.
 */

import type { Schema, SchemaSet } from '../../pkg/api/schema/model.js';
import {
  type FieldError,
  notSupported,
  type Path,
  path,
  required,
} from '../../pkg/apimachinery/field-error.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';

/** Checked by the generic store for every kind, or written by the server's own components only. */
const SKIPPED = ['apiVersion', 'kind', 'metadata', 'status'];

export function validateAgainstSchema(
  schemas: SchemaSet,
  definition: string,
  obj: KubeObject,
): FieldError[] {
  const errors: FieldError[] = [];
  const root = schemas.get(definition);
  const fields = obj as Readonly<Record<string, unknown>>;
  for (const [name, property] of Object.entries(root.properties ?? {})) {
    if (SKIPPED.includes(name)) continue;
    if (isAbsent(fields[name])) {
      if (root.required?.includes(name)) errors.push(required(path(name), ''));
    } else visit(schemas, property, fields[name], path(name), errors);
  }
  return errors;
}

function visit(
  schemas: SchemaSet,
  declared: Schema,
  value: unknown,
  at: Path,
  errors: FieldError[],
): void {
  const schema = schemas.resolve(declared);
  if (typeof value === 'string') {
    if (schema.enum && value !== '' && !schema.enum.includes(value))
      errors.push(notSupported(at, value, schema.enum));
    return;
  }
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return;
    for (const [i, item] of value.entries()) visit(schemas, items, item, at.index(i), errors);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [name, part] of Object.entries(value)) {
    const property =
      schema.properties && Object.hasOwn(schema.properties, name)
        ? schema.properties[name]
        : undefined;
    if (property) {
      if (!isAbsent(part)) visit(schemas, property, part, at.child(name), errors);
    } else if (schema.additionalProperties)
      visit(schemas, schema.additionalProperties, part, at.key(name), errors);
  }
  for (const name of schema.required ?? []) {
    if (isAbsent((value as Record<string, unknown>)[name]))
      errors.push(required(at.child(name), ''));
  }
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}
