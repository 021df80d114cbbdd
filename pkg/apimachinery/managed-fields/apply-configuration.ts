/**
 * An apply configuration merged into an object without any owners, as a MutatingAdmissionPolicy does it
 * (`policy/mutating/patch/smd.go`). It may not name what is replaced as a whole: who sets one field of an
 * atomic list or map would take away all others without knowing.
 */
import type { FieldType } from './field-type.js';
import { merge } from './merge.js';
import { fieldElement, formatElement, type JsonObject } from './path-element.js';
import { get, isMap } from './typed.js';
import { typeErrors } from './validate-typed.js';

export class ApplyConfigurationError extends Error {
  override name = 'ApplyConfigurationError';
}

/** Changes neither. Throws an ApplyConfigurationError. */
export function applyConfiguration(
  type: FieldType,
  live: JsonObject,
  configuration: JsonObject,
): unknown {
  const wrong = typeErrors(type, configuration);
  if (wrong !== undefined)
    throw new ApplyConfigurationError(`failed to convert patch object to typed object: ${wrong}`);
  const atomic = atomics(type, configuration, '');
  if (atomic.length > 0)
    throw new ApplyConfigurationError(
      `invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`,
    );
  const broken = typeErrors(type, live);
  if (broken !== undefined)
    throw new ApplyConfigurationError(
      `failed to convert original object to typed object: ${broken}`,
    );
  return merge(type, live, configuration);
}

/** Where values of atomic types stand. */
function atomics(type: FieldType, value: unknown, path: string): string[] {
  const found: string[] = [];
  if (isMap(value) && type.map) {
    if (type.map.atomic) found.push(path);
    for (const key of Object.keys(value)) {
      const field = type.map.has(key) ? type.map.field(key) : undefined;
      const below = path + formatElement(fieldElement(key));
      if (field) found.push(...atomics(field, get(value, key), below));
    }
  } else if (Array.isArray(value) && type.list) {
    if (type.list.atomic) found.push(path);
    for (const [i, item] of value.entries())
      found.push(...atomics(type.list.element, item, `${path}[${i}]`));
  }
  return found;
}
