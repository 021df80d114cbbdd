/** The set of the fields that an applied object sets. */
import { type FieldSet, type FieldSetBuilder, LEAF, makeNode } from './field-set.js';
import { deducedType, type FieldType } from './field-type.js';
import { fieldElement } from './path-element.js';
import { formOf, isEmpty, isMap, itemElement } from './typed.js';

/** The fields that an applied object sets. */
export function toFieldSet(type: FieldType, value: unknown): FieldSet {
  return fieldsBelow(type, value) ?? LEAF;
}

/** Undefined: none. Whether the value's own path is a member is its container's to say, see `ownsSelf`. */
function fieldsBelow(type: FieldType, value: unknown): FieldSet | undefined {
  const form = formOf(type, value);
  const out: FieldSetBuilder = {};
  if (form === 'map' && type.map && !type.map.atomic && isMap(value)) {
    for (const key in value) {
      const child = value[key];
      if (child === undefined) continue;
      const childType = type.map.field(key) ?? deducedType();
      const self =
        ownsSelf(childType, child) ||
        child === null ||
        (isMap(child) && isEmpty(child)) ||
        !type.map.has(key);
      const node = makeNode(fieldsBelow(childType, child), self);
      if (node !== undefined) out[fieldElement(key)] = node;
    }
  } else if (form === 'list' && type.list && !type.list.atomic && Array.isArray(value)) {
    const seen = new Set<string>();
    for (const item of value) {
      const element = itemElement(type.list, item);
      if (element === undefined) continue;
      // An item that stands there twice is owned as one, and as a whole.
      out[element] = seen.has(element)
        ? LEAF
        : (makeNode(fieldsBelow(type.list.element, item), true) ?? LEAF);
      seen.add(element);
    }
  }
  return out;
}

function ownsSelf(type: FieldType, value: unknown): boolean {
  switch (formOf(type, value)) {
    case 'scalar':
      return true;
    case 'map':
      return type.map?.atomic === true;
    case 'list':
      return type.list?.atomic === true;
  }
}
