/** Lists that are sets or maps (`x-kubernetes-list-type`): nothing may stand in them twice. */
import {
  duplicate,
  type FieldError,
  invalid,
  type Path,
} from '../../../pkg/apimachinery/field-error.js';
import { isMap, itemsOf, type JsonSchema, propertyOf, valuesOf } from './structural.js';

export function validateListTypes(
  value: unknown,
  schema: JsonSchema | undefined,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  if (schema) visit(value, schema, at, errors);
  return errors;
}

function visit(value: unknown, schema: JsonSchema, at: Path, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    const type = schema['x-kubernetes-list-type'];
    if (type === 'set') {
      for (const i of repeated(value)) errors.push(duplicate(at.index(i), value[i]));
    } else if (type === 'map') errors.push(...validateMap(value, schema, at));
    const items = itemsOf(schema);
    if (items) for (const [i, item] of value.entries()) visit(item, items, at.index(i), errors);
    return;
  }
  if (!isMap(value)) return;
  const values = valuesOf(schema);
  for (const [field, part] of Object.entries(value)) {
    const property = propertyOf(schema, field);
    if (property) visit(part, property, at.child(field), errors);
    else if (values) visit(part, values, at.key(field), errors);
  }
}

function validateMap(list: readonly unknown[], schema: JsonSchema, at: Path): FieldError[] {
  const wrong = list.findIndex((item) => item !== null && !isMap(item));
  if (wrong >= 0) {
    const text = 'must be an object for an array of list-type map';
    return [invalid(at.index(wrong), list[wrong], text)];
  }
  const names = schema['x-kubernetes-list-map-keys'] ?? [];
  const keys = list.map((item) => {
    const key: Record<string, unknown> = {};
    if (isMap(item))
      for (const name of names) if (Object.hasOwn(item, name)) key[name] = item[name];
    return key;
  });
  return repeated(keys).map((i) => duplicate(at.index(i), keys[i]));
}

/** Where a value stands for the second time. */
function repeated(list: readonly unknown[]): number[] {
  const times = new Map<string, number>();
  const found: number[] = [];
  for (const [i, item] of list.entries()) {
    const text = canonical(item);
    const count = times.get(text) ?? 0;
    times.set(text, count + 1);
    if (count === 1) found.push(i);
  }
  return found;
}

/** Equal for equal values, whatever the order of their fields. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isMap(value)) return JSON.stringify(value);
  const fields = Object.keys(value).sort();
  return `{${fields.map((field) => `${JSON.stringify(field)}:${canonical(value[field])}`).join(',')}}`;
}
