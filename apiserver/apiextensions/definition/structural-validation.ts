/**
 * Whether a schema is structural: every field is described outside of `allOf`, `anyOf`, `oneOf` and `not`,
 * every field has a type, and metadata is left to the API. What is not structural cannot be pruned or
 * defaulted (`apiextensions-apiserver/pkg/apiserver/schema/validation.go`).
 */
import {
  type FieldError,
  forbidden,
  formatFieldError,
  invalid,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { patternFault } from '../schema/patterns.js';
import {
  isEmbedded,
  isIntOrString,
  itemsOf,
  type JsonSchema,
  keepsUnknown,
  propertyOf,
  valuesOf,
} from '../schema/structural.js';

type Level = 'root' | 'item' | 'field';

const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

export function validateStructural(schema: JsonSchema, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  invariants(schema, 'root', at, errors);
  completeness(schema, schema, at, at, errors);
  return errors.sort((a, b) => (formatFieldError(a) < formatFieldError(b) ? -1 : 1));
}

function invariants(schema: JsonSchema, level: Level, at: Path, errors: FieldError[]): void {
  const { type = '', properties = {}, additionalProperties } = schema;
  const items = itemsOf(schema);
  const values = valuesOf(schema);
  if (type === 'array' && !items) errors.push(required(at.child('items'), 'must be specified'));
  if (items) invariants(items, 'item', at.child('items'), errors);
  for (const [name, property] of Object.entries(properties))
    invariants(property, 'field', at.child('properties').key(name), errors);
  if (additionalProperties !== undefined && level === 'root')
    errors.push(forbidden(at.child('additionalProperties'), 'must not be used at the root'));
  if (values) invariants(values, 'field', at.child('additionalProperties'), errors);
  extensions(schema, at, errors);
  restrictions(schema, intOrStringAnyOf(schema), intOrStringAllOf(schema), at, errors);
  typeInvariants(schema, level, at, errors);
  metadataInvariants(schema, level, at, errors);
}

function extensions(schema: JsonSchema, at: Path, errors: FieldError[]): void {
  if (!isIntOrString(schema)) return;
  for (const [field, set] of [
    ['x-kubernetes-preserve-unknown-fields', keepsUnknown(schema)],
    ['x-kubernetes-embedded-resource', isEmbedded(schema)],
  ] as const) {
    const text = 'must be false if x-kubernetes-int-or-string is true';
    if (set) errors.push(invalid(at.child(field), true, text));
  }
}

function typeInvariants(schema: JsonSchema, level: Level, at: Path, errors: FieldError[]): void {
  const { type = '', additionalProperties, properties = {} } = schema;
  const here = at.child('type');
  if (isEmbedded(schema) && type !== 'object') {
    const text = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? required(here, text) : invalid(here, type, text));
  } else if (type === '' && !isIntOrString(schema) && !keepsUnknown(schema)) {
    errors.push(required(here, EMPTY_TYPE[level]));
  }
  if (isEmbedded(schema) && additionalProperties !== undefined) {
    const text = 'must not be used if x-kubernetes-embedded-resource is set';
    errors.push(forbidden(at.child('additionalProperties'), text));
  }
  if (level === 'root' && type !== '' && type !== 'object')
    errors.push(invalid(here, type, 'must be object at the root'));
  if (isEmbedded(schema) && !keepsUnknown(schema) && Object.keys(properties).length === 0) {
    const text =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(required(at.child('properties'), text));
  }
}

function metadataInvariants(
  schema: JsonSchema,
  level: Level,
  at: Path,
  errors: FieldError[],
): void {
  const isObject = level === 'root' || isEmbedded(schema);
  const wants = (name: string, type: string) => {
    const property = propertyOf(schema, name);
    if (!property || (property.type ?? '') === type) return;
    const here = at.child('properties').key(name).child('type');
    errors.push(invalid(here, property.type ?? '', `must be ${type}`));
  };
  if (!isObject) return;
  wants('kind', 'string');
  wants('apiVersion', 'string');
  wants('metadata', 'object');
  const metadata = level === 'root' ? propertyOf(schema, 'metadata') : undefined;
  if (!metadata) return;
  const {
    type: _type,
    properties: parts = {},
    default: _default,
    description: _d,
    ...rest
  } = metadata;
  const names = Object.keys(parts).every((name) => name === 'name' || name === 'generateName');
  const says = Object.keys(rest).some((field) => GENERIC.includes(field));
  if (names && !says && metadata.description === undefined) return;
  const text =
    'must not specify anything other than name and generateName, but metadata is implicitly specified';
  errors.push(forbidden(at.child('properties').key('metadata'), text));
}

/** Of a schema, besides what restricts its values. */
const GENERIC = [
  'title',
  'nullable',
  'items',
  'additionalProperties',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
];

function restrictions(
  schema: JsonSchema,
  skipAnyOf: boolean,
  skipFirstAllOf: boolean,
  at: Path,
  errors: FieldError[],
): void {
  const { anyOf = [], allOf = [], oneOf = [], not, pattern } = schema;
  if (!skipAnyOf)
    for (const [i, part] of anyOf.entries())
      nested(part, false, at.child('anyOf').index(i), errors);
  for (const [i, part] of allOf.entries())
    nested(part, skipFirstAllOf && i === 0, at.child('allOf').index(i), errors);
  for (const [i, part] of oneOf.entries()) nested(part, false, at.child('oneOf').index(i), errors);
  if (not) nested(not, false, at.child('not'), errors);
  const fault = pattern ? patternFault(pattern) : undefined;
  if (fault !== undefined) {
    const text = `must be a valid regular expression, but isn't: ${fault}`;
    errors.push(invalid(at.child('pattern'), pattern, text));
  }
}

/** Under `allOf` and the like only values may be restricted. */
function nested(schema: JsonSchema, skipAnyOf: boolean, at: Path, errors: FieldError[]): void {
  restrictions(schema, skipAnyOf, false, at, errors);
  const items = itemsOf(schema);
  if (items) nested(items, false, at.child('items'), errors);
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    nested(property, false, at.child('properties').key(name), errors);
  const never = (field: keyof JsonSchema, set: boolean, how: 'empty' | 'undefined' | 'false') => {
    if (set) errors.push(forbidden(at.child(field), `must be ${how} to be structural`));
  };
  never('type', (schema.type ?? '') !== '', 'empty');
  never('additionalProperties', schema.additionalProperties !== undefined, 'undefined');
  never('default', schema.default !== undefined, 'undefined');
  never('title', (schema.title ?? '') !== '', 'empty');
  never('description', (schema.description ?? '') !== '', 'empty');
  never('nullable', schema.nullable === true, 'false');
  never('x-kubernetes-preserve-unknown-fields', keepsUnknown(schema), 'false');
  never('x-kubernetes-embedded-resource', isEmbedded(schema), 'false');
  never('x-kubernetes-int-or-string', isIntOrString(schema), 'false');
  never(
    'x-kubernetes-list-map-keys',
    (schema['x-kubernetes-list-map-keys'] ?? []).length > 0,
    'empty',
  );
  never('x-kubernetes-list-type', schema['x-kubernetes-list-type'] !== undefined, 'undefined');
  never('x-kubernetes-map-type', schema['x-kubernetes-map-type'] !== undefined, 'undefined');
  never('x-kubernetes-validations', (schema['x-kubernetes-validations'] ?? []).length > 0, 'empty');
  if (propertyOf(schema, 'metadata')) {
    const text = 'must not be specified in a nested context';
    errors.push(forbidden(at.child('properties').key('metadata'), text));
  }
}

/** Every field that a junctor restricts must be described outside of it. */
function completeness(
  nestedIn: JsonSchema,
  schema: JsonSchema,
  at: Path,
  here: Path,
  errors: FieldError[],
): void {
  const { allOf = [], anyOf = [], oneOf = [], not } = nestedIn;
  if (not) complete(not, schema, at, here.child('not'), errors);
  for (const [field, parts] of [
    ['allOf', allOf],
    ['anyOf', anyOf],
    ['oneOf', oneOf],
  ] as const) {
    for (const [i, part] of parts.entries())
      complete(part, schema, at, here.child(field).index(i), errors);
  }
}

function complete(
  part: JsonSchema,
  schema: JsonSchema,
  at: Path,
  here: Path,
  errors: FieldError[],
): void {
  completeness(part, schema, at, here, errors);
  const missing = (place: Path, because: Path) =>
    errors.push(required(place, `because it is defined in ${because}`));
  const items = itemsOf(part);
  const described = itemsOf(schema);
  if (items) {
    if (described) complete(items, described, at.child('items'), here.child('items'), errors);
    else missing(at.child('items'), here.child('items'));
  }
  for (const [name, property] of Object.entries(part.properties ?? {})) {
    const place = at.child('properties').key(name);
    const because = here.child('properties').key(name);
    const own = propertyOf(schema, name);
    if (own) complete(property, own, place, because, errors);
    else missing(place, because);
  }
}

function isIntOrStringPair(parts: readonly JsonSchema[]): boolean {
  const types = parts.map((part) => (Object.keys(part).length === 1 ? part.type : ''));
  return types.length === 2 && types[0] === 'integer' && types[1] === 'string';
}

function intOrStringAnyOf({ anyOf = [] }: JsonSchema): boolean {
  return isIntOrStringPair(anyOf);
}

function intOrStringAllOf({ allOf = [] }: JsonSchema): boolean {
  return isIntOrStringPair(allOf[0]?.anyOf ?? []);
}
