/** A schema's defaults must themselves be what the schema asks for: nothing unknown, nothing invalid. */
import { type FieldError, invalid, type Path } from '../../../pkg/apimachinery/field-error.js';
import { validateEmbedded } from '../schema/embedded-objects.js';
import { wouldPrune } from '../schema/pruning.js';
import { isEmbedded, itemsOf, type JsonSchema } from '../schema/structural.js';
import { validateValue } from '../schema/value-validation.js';

export function validateDefaults(schema: JsonSchema, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  visit(schema, at, errors);
  return errors;
}

function visit(schema: JsonSchema, at: Path, errors: FieldError[]): void {
  const fallback = schema.default;
  if (fallback !== undefined && fallback !== null) {
    const here = at.child('default');
    if (wouldPrune(fallback, schema))
      errors.push(invalid(here, fallback, 'must not have unknown fields'));
    const wrong = validateEmbedded(fallback, schema, here, isEmbedded(schema));
    errors.push(...(wrong.length > 0 ? wrong : validateValue(fallback, schema, { prefix: here })));
  }
  const items = itemsOf(schema);
  if (items) visit(items, at.child('items'), errors);
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    visit(property, at.child('properties').key(name), errors);
}
