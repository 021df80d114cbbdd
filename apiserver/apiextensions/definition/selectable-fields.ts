/** The fields of a version that field selectors may name. */
import type { SelectableField } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  type Path,
  required,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { type JsonSchema, propertyOf, valuesOf } from '../schema/structural.js';

const MAX_FIELDS = 8;
const SELECTABLE = ['string', 'boolean', 'integer'];

export function validateSelectableFields(
  fields: readonly SelectableField[],
  schema: JsonSchema,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { jsonPath }] of fields.entries()) {
    const here = at.index(i).child('jsonPath');
    if (!jsonPath) {
      errors.push(required(here));
      continue;
    }
    const found = schemaAt(schema, jsonPath);
    if (typeof found === 'string') {
      errors.push(invalid(here, jsonPath, `is an invalid path: ${found}`));
      continue;
    }
    if (/^\.metadata(\.|$)/.test(jsonPath))
      errors.push(invalid(here, jsonPath, 'must not point to fields in metadata'));
    if (!SELECTABLE.includes(found.type ?? '')) {
      const text =
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
      errors.push(invalid(here, jsonPath, text));
    }
    if (seen.has(jsonPath)) errors.push(duplicate(here, jsonPath));
    seen.add(jsonPath);
  }
  if (seen.size > MAX_FIELDS) errors.push(tooMany(at, seen.size, MAX_FIELDS));
  return errors;
}

/** The schema that `.spec.a` leads to, or why it leads nowhere. */
function schemaAt(root: JsonSchema, jsonPath: string): JsonSchema | string {
  if (jsonPath.includes('[')) return 'array notation is not allowed';
  if (!jsonPath.startsWith('.')) return `expected [ or . but got: ${jsonPath.split('.')[0]}`;
  let schema = root;
  for (const field of jsonPath.slice(1).split('.')) {
    if (field === '') return 'unexpected end of JSON path';
    const next = schema.properties ? propertyOf(schema, field) : valuesOf(schema);
    if (!next) return 'does not refer to a valid field';
    schema = next;
  }
  return schema;
}
