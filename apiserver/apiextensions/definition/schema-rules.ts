/**
 * What a schema may hold at all: the subset of OpenAPI that Kubernetes takes, and its own extensions where
 * they fit (`apiextensions/validation.ValidateCustomResourceDefinitionOpenAPISchema`).
 */
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import {
  isEmbedded,
  itemsOf,
  type JsonSchema,
  propertyOf,
  valuesOf,
} from '../schema/structural.js';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const META_FIELDS = ['metadata', 'kind', 'apiVersion'];

interface Place {
  readonly root: boolean;
  /** Why no default may stand here. */
  readonly noDefaults?: string;
  readonly inMeta?: boolean;
}

export function validateSchemaRules(schema: JsonSchema, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  visit(schema, at, { root: true }, errors);
  return errors;
}

function visit(schema: JsonSchema, at: Path, place: Place, errors: FieldError[]): void {
  unsupported(schema, at, place, errors);
  const { properties = {}, additionalProperties } = schema;
  const values = valuesOf(schema);
  const below: Place = { ...place, root: false };
  if (additionalProperties !== undefined) {
    if (Object.keys(properties).length > 0 && additionalProperties !== true) {
      const text = 'additionalProperties and properties are mutual exclusive';
      errors.push(forbidden(at.child('additionalProperties'), text));
    }
    const reason = 'inside additionalProperties applying to object metadata';
    const inside = place.inMeta ? { ...below, noDefaults: reason } : below;
    if (values) visit(values, at.child('additionalProperties'), inside, errors);
  }
  for (const [name, property] of Object.entries(properties)) {
    const isMeta = (place.root || isEmbedded(schema)) && META_FIELDS.includes(name);
    visit(
      property,
      at.child('properties').key(name),
      {
        ...below,
        ...(isMeta ? { inMeta: true } : {}),
        ...(isMeta && place.root ? { noDefaults: `in top-level ${name}` } : {}),
      },
      errors,
    );
  }
  const { not, allOf = [], oneOf = [], anyOf = [] } = schema;
  if (not) visit(not, at.child('not'), below, errors);
  for (const [field, parts] of [
    ['allOf', allOf],
    ['oneOf', oneOf],
    ['anyOf', anyOf],
  ] as const) {
    for (const [i, part] of parts.entries()) visit(part, at.child(field).index(i), below, errors);
  }
  const items = itemsOf(schema);
  if (items) visit(items, at.child('items'), below, errors);
  extensions(schema, at, errors);
}

function unsupported(schema: JsonSchema, at: Path, place: Place, errors: FieldError[]): void {
  const { type = '' } = schema;
  if (type !== '' && !TYPES.includes(type))
    errors.push(notSupported(at.child('type'), type, TYPES));
  if (schema.default !== undefined && place.noDefaults !== undefined)
    errors.push(forbidden(at.child('default'), `must not be set ${place.noDefaults}`));
  const never = (field: keyof JsonSchema, set: boolean, text: string) => {
    if (set) errors.push(forbidden(at.child(field), text));
  };
  const has = (value: object | undefined) => value !== undefined && Object.keys(value).length > 0;
  never('id', (schema.id ?? '') !== '', 'id is not supported');
  never(
    'additionalItems',
    schema.additionalItems !== undefined,
    'additionalItems is not supported',
  );
  never('patternProperties', has(schema.patternProperties), 'patternProperties is not supported');
  never('definitions', has(schema.definitions), 'definitions is not supported');
  never('dependencies', schema.dependencies !== undefined, 'dependencies is not supported');
  never('$ref', schema.$ref !== undefined, '$ref is not supported');
  never('type', type === 'null', 'type cannot be set to null, use nullable as an alternative');
  never('items', Array.isArray(schema.items), 'items must be a schema object and not an array');
  never(
    'x-kubernetes-embedded-resource',
    place.inMeta === true && isEmbedded(schema),
    'must not be used inside of resource meta',
  );
  never(
    'uniqueItems',
    schema.uniqueItems === true,
    'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
  );
}

function extensions(schema: JsonSchema, at: Path, errors: FieldError[]): void {
  const { type = '' } = schema;
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    const here = at.child('x-kubernetes-preserve-unknown-fields');
    errors.push(invalid(here, false, 'must be true or undefined'));
  }
  const mapType = schema['x-kubernetes-map-type'];
  const listType = schema['x-kubernetes-list-type'];
  const wantsType = (wanted: string, because: string) => {
    const text = `must be ${wanted} if ${because} is specified`;
    const here = at.child('type');
    errors.push(type === '' ? required(here, text) : invalid(here, type, text));
  };
  if (mapType !== undefined) {
    if (type !== 'object') wantsType('object', 'x-kubernetes-map-type');
    if (!['atomic', 'granular'].includes(mapType))
      errors.push(notSupported(at.child('x-kubernetes-map-type'), mapType, ['atomic', 'granular']));
  }
  if (listType !== undefined) {
    if (type !== 'array') wantsType('array', 'x-kubernetes-list-type');
    else if (listType === 'set') setItems(schema, at.child('items'), errors);
    const types = ['atomic', 'set', 'map'];
    if (!types.includes(listType))
      errors.push(notSupported(at.child('x-kubernetes-list-type'), listType, types));
  }
  listMap(schema, at, errors);
}

/** Items of a set are compared as a whole. */
function setItems(schema: JsonSchema, at: Path, errors: FieldError[]): void {
  const items = itemsOf(schema);
  const text = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const list = items?.['x-kubernetes-list-type'];
  if (items?.type === 'array' && list !== undefined && list !== 'atomic')
    errors.push(invalid(at.child('x-kubernetes-list-type'), list, text));
  if (items?.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
    errors.push(invalid(at.child('x-kubernetes-map-type'), list ?? null, text));
}

function listMap(schema: JsonSchema, at: Path, errors: FieldError[]): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const items = itemsOf(schema);
  const ofType = at.child('x-kubernetes-list-type');
  const ofKeys = at.child('x-kubernetes-list-map-keys');
  if (keys.length > 0 && listType !== 'map') {
    const text = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(listType === undefined ? required(ofType, text) : invalid(ofType, listType, text));
  }
  if (listType === 'map') {
    if (keys.length === 0)
      errors.push(required(ofKeys, 'must not be empty if x-kubernetes-list-type is map'));
    if (schema.items === undefined)
      errors.push(
        required(at.child('items'), 'must have a schema if x-kubernetes-list-type is map'),
      );
    else if (!items) {
      const text = 'must only have a single schema if x-kubernetes-list-type is map';
      errors.push(invalid(at.child('items'), schema.items, text));
    } else if (items.type !== 'object') {
      const text = "must be object if parent array's x-kubernetes-list-type is map";
      errors.push(invalid(at.child('items', 'type'), items.type ?? '', text));
    } else keyRules(keys, items, at, errors);
  }
  if ((listType === 'map' || listType === 'set') && items) {
    if (items.nullable === true) {
      const text = `cannot be nullable when x-kubernetes-list-type is ${listType}`;
      errors.push(forbidden(at.child('items', 'nullable'), text));
    }
    if (listType === 'map') keyPresence(keys, items, at, errors);
  }
}

function keyRules(
  keys: readonly string[],
  items: JsonSchema,
  at: Path,
  errors: FieldError[],
): void {
  const ofKeys = at.child('x-kubernetes-list-map-keys');
  const seen = new Set<string>();
  for (const key of keys) {
    const property = propertyOf(items, key);
    if (!property)
      errors.push(invalid(ofKeys, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object') {
      const text = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      const here = at.child('items', 'properties').key(key).child('type');
      errors.push(invalid(here, items.type, text));
    }
    if (seen.has(key)) errors.push(invalid(ofKeys, keys, 'must not contain duplicate entries'));
    seen.add(key);
  }
}

function keyPresence(
  keys: readonly string[],
  items: JsonSchema,
  at: Path,
  errors: FieldError[],
): void {
  for (const key of keys) {
    const property = propertyOf(items, key);
    if (!property) continue;
    const here = at.child('items', 'properties').key(key);
    const why = 'this property is in x-kubernetes-list-map-keys, so it';
    if (!items.required?.includes(key) && property.default === undefined) {
      errors.push(
        required(here.child('default'), `${why} must have a default or be a required property`),
      );
    }
    if (property.nullable === true)
      errors.push(forbidden(here.child('nullable'), `${why} cannot be nullable`));
  }
}
