/**
 * A type declared by a structural schema: what the checker knows of the data, how big it can get (for cost
 * estimates), and how JSON becomes values of it. What a schema leaves open is not visible to expressions.
 */
import type { JSONSchemaProps } from '../api/types.js';
import { KEYWORDS, RESERVED } from './grammar.js';
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  STRING,
  TIMESTAMP,
  type Type,
} from './types.js';
import type { ListSemantics } from './values.js';

export interface DeclField {
  /** As JSON has it; expressions use the escaped form. */
  readonly name: string;
  readonly declared: DeclType;
}

export interface DeclType {
  readonly type: Type;
  /** By escaped name. Of an object alone. */
  readonly fields?: ReadonlyMap<string, DeclField>;
  /** Of lists and maps. */
  readonly element?: DeclType;
  /** Bytes that the smallest value takes in JSON. */
  readonly minSize: number;
  /** The largest `size()`; 0 where there is none. */
  readonly maxElements: number;
  readonly nullable: boolean;
  readonly list?: ListSemantics;
}

/** The largest request that is accepted. */
export const MAX_REQUEST_BYTES = 3 * 1024 * 1024;
const MIN_STRING = 2;
const MIN_OBJECT = 2;
const MIN_BOOL = 4;
const MIN_NUMBER = 1;
const DATE_SIZE = 12;
const MIN_DATE_TIME = 22;
const MAX_DATE_TIME = 44;
const MIN_DURATION = 4;
const MAX_DURATION = 32;

/** Undefined where no expression can name the field. */
export function escapeField(name: string): string | undefined {
  if (!/^[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*$/.test(name)) return undefined;
  // CEL itself uses the name.
  if (RESERVED.has(name) || KEYWORDS.has(name)) return `__${name}__`;
  return name.replace(/__|[.\-/]/g, (found) => ESCAPES[found] ?? found);
}
const ESCAPES: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** The field that an escaped name is for; undefined where nothing in it is escaped. */
export function escapedFieldOf(escaped: string): string | undefined {
  const whole = /^__([a-z]+)__$/.exec(escaped)?.[1] ?? '';
  if (RESERVED.has(whole) || KEYWORDS.has(whole)) return whole;
  let known = true;
  const name = escaped.replace(/__[^_]+__/g, (found) => {
    const plain = UNESCAPES.get(found);
    known &&= plain !== undefined;
    return plain ?? '';
  });
  return known && name !== escaped ? name : undefined;
}
const UNESCAPES: ReadonlyMap<string, string> = new Map(
  Object.entries(ESCAPES).map(([plain, escaped]) => [escaped, plain]),
);

export function object(
  name: string,
  fields: ReadonlyMap<string, DeclField>,
  minSize = MIN_OBJECT,
  nullable = false,
): DeclType {
  const type: { kind: 'object'; name: string; declared: DeclType | undefined } = {
    kind: 'object',
    name,
    declared: undefined,
  };
  const declared: DeclType = { type, fields, minSize, maxElements: 0, nullable };
  type.declared = declared;
  return declared;
}

export function list(
  element: DeclType,
  maxElements: number,
  nullable = false,
  semantics?: ListSemantics,
): DeclType {
  return {
    type: listOf(element.type),
    element,
    minSize: MIN_OBJECT,
    maxElements,
    nullable,
    ...(semantics ? { list: semantics } : {}),
  };
}

export function map(element: DeclType, maxElements: number, nullable = false): DeclType {
  return { type: mapOf(STRING, element.type), element, minSize: MIN_OBJECT, maxElements, nullable };
}

export function scalar(type: Type, nullable = false, minSize = 1, maxElements = 0): DeclType {
  return { type, minSize, maxElements, nullable };
}

/** Undefined where expressions cannot see values of this schema. `root`: a whole resource, custom or embedded. */
export function declTypeOf(
  schema: JSONSchemaProps,
  root: boolean,
  name: string,
): DeclType | undefined {
  const nullable = schema.nullable === true;
  if (schema['x-kubernetes-int-or-string'] === true) {
    return scalar(DYN, nullable, 1, maxStringLength(schema, MAX_REQUEST_BYTES - 2));
  }
  switch (schema.type) {
    case 'array': {
      const items = Array.isArray(schema.items) ? undefined : schema.items;
      const element = items && declTypeOf(items, isEmbedded(items), `${name}.@idx`);
      if (!element) return undefined;
      const most = schema.maxItems ?? Math.floor((MAX_REQUEST_BYTES - 2) / (element.minSize + 1));
      return list(element, Math.max(0, most), nullable, semanticsOf(schema));
    }
    case 'object':
      return objectOrMap(schema, root, name, nullable);
    case 'string':
      return stringType(schema, nullable);
    case 'boolean':
      return scalar(BOOL, nullable, MIN_BOOL);
    case 'number':
      return scalar(DOUBLE, nullable, MIN_NUMBER);
    case 'integer':
      return scalar(INT, nullable, MIN_NUMBER);
    default:
      return undefined;
  }
}

function objectOrMap(
  schema: JSONSchemaProps,
  root: boolean,
  name: string,
  nullable: boolean,
): DeclType | undefined {
  const values = schema.additionalProperties;
  if (typeof values === 'object') {
    const element = declTypeOf(values, isEmbedded(values), `${name}.@elem`);
    if (!element) return undefined;
    const most =
      schema.maxProperties ?? Math.floor((MAX_REQUEST_BYTES - 2) / (element.minSize + 6));
    return map(element, Math.max(0, most), nullable);
  }
  const properties = root ? withObjectMeta(schema.properties) : (schema.properties ?? {});
  const required = new Set(schema.required);
  const fields = new Map<string, DeclField>();
  let minSize = MIN_OBJECT;
  for (const [key, property] of Object.entries(properties)) {
    const escaped = escapeField(key);
    const declared = declTypeOf(property, isEmbedded(property), `${name}.${escaped ?? key}`);
    if (!declared) continue;
    if (escaped !== undefined) fields.set(escaped, { name: key, declared });
    // What has a default need not be sent.
    if (required.has(key) && property.default === undefined)
      minSize += key.length + declared.minSize + 4;
  }
  return object(name, fields, minSize, nullable);
}

/** Every resource has these, and a schema that does not describe them fully gets them. */
function withObjectMeta(
  properties: JSONSchemaProps['properties'] = {},
): Record<string, JSONSchemaProps> {
  const { kind, apiVersion, metadata } = properties;
  const { name, generateName } = metadata?.properties ?? {};
  if ([kind, apiVersion, name, generateName].every((field) => field?.type === 'string')) {
    return properties;
  }
  const text: JSONSchemaProps = { type: 'string' };
  return {
    ...properties,
    kind: text,
    apiVersion: text,
    metadata: { type: 'object', properties: { name: text, generateName: text } },
  };
}

function isEmbedded(schema: JSONSchemaProps): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

function semanticsOf(schema: JSONSchemaProps): ListSemantics | undefined {
  const type = schema['x-kubernetes-list-type'];
  if (type === 'set') return { type };
  return type === 'map' ? { type, keys: schema['x-kubernetes-list-map-keys'] ?? [] } : undefined;
}

function stringType(schema: JSONSchemaProps, nullable: boolean): DeclType {
  switch (schema.format) {
    case 'byte':
      return scalar(
        BYTES,
        nullable,
        MIN_STRING,
        Math.max(0, schema.maxLength ?? MAX_REQUEST_BYTES - 2),
      );
    case 'duration':
      return scalar(DURATION, nullable, MIN_DURATION, MAX_DURATION);
    case 'date':
      return scalar(TIMESTAMP, nullable, DATE_SIZE, DATE_SIZE);
    case 'date-time':
      return scalar(TIMESTAMP, nullable, MIN_DATE_TIME, MAX_DATE_TIME);
    default:
      return scalar(STRING, nullable, MIN_STRING, maxStringLength(schema, longestOf(schema.enum)));
  }
}

/** In bytes: a character takes four at most. */
function maxStringLength(schema: JSONSchemaProps, otherwise: number): number {
  return schema.maxLength === undefined ? otherwise : Math.max(0, schema.maxLength) * 4;
}

function longestOf(values: readonly unknown[] | undefined): number {
  if (!values || values.length === 0) return MAX_REQUEST_BYTES - 2;
  return Math.max(
    ...values.map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0)),
  );
}
