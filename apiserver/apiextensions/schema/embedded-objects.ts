/**
 * Objects inside of objects (`x-kubernetes-embedded-resource`): each has an apiVersion, a kind and metadata
 * as every object of the API has them, whether or not the schema says so.
 */
import {
  type FieldError,
  invalid,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import type { ObjectMeta } from '../../../pkg/apimachinery/meta.js';
import {
  isDNS1035Label,
  isValidPathSegmentName,
} from '../../../pkg/apimachinery/validation/names.js';
import { validateObjectMeta } from '../../../pkg/apimachinery/validation/object-meta.js';
import {
  childOf,
  isEmbedded,
  isMap,
  itemsOf,
  type JsonMap,
  type JsonSchema,
  propertyOf,
} from './structural.js';

/** Reads metadata as the API's own type has it: unknown fields dropped and told, times in one form. */
export interface MetaReader {
  /** Throws an Error with Go's text for a wrong type. */
  read(metadata: unknown): { readonly metadata: ObjectMeta; readonly unknown: readonly string[] };
}

/** `at` names the object itself; undefined for the whole. */
export function validateEmbedded(
  value: unknown,
  schema: JsonSchema,
  at: Path,
  isResource = false,
): FieldError[] {
  const errors: FieldError[] = [];
  visit(value, schema, at, isResource, errors);
  return errors;
}

/**
 * Brings the metadata of embedded objects into the form of the API, in place. Resolves to paths of unknown
 * fields; throws a FieldFault for what can not be read, unless it is to be dropped (objects in the store).
 */
export function coerceEmbedded(
  value: unknown,
  schema: JsonSchema,
  at: string,
  reader: MetaReader,
  drop: boolean,
): string[] {
  const unknown: string[] = [];
  coerce(value, schema, at, reader, drop, unknown);
  return unknown.sort();
}

/** Whether anything in the schema is an object of its own, so that most need not be walked. */
export function hasEmbedded(schema: JsonSchema): boolean {
  if (isEmbedded(schema)) return true;
  const below = [...Object.values(schema.properties ?? {})];
  const items = itemsOf(schema);
  if (items) below.push(items);
  if (typeof schema.additionalProperties === 'object') below.push(schema.additionalProperties);
  return below.some(hasEmbedded);
}

function coerce(
  value: unknown,
  schema: JsonSchema,
  at: string,
  reader: MetaReader,
  drop: boolean,
  unknown: string[],
): void {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items)
      for (const [i, item] of value.entries())
        coerce(item, items, `${at}[${i}]`, reader, drop, unknown);
    return;
  }
  if (!isMap(value)) return;
  if (isEmbedded(schema)) coerceObject(value, at, reader, drop, unknown);
  for (const [field, part] of Object.entries(value)) {
    const below = childOf(schema, field);
    const path = at === '' ? field : `${at}.${field}`;
    if (below) coerce(part, below, path, reader, drop, unknown);
  }
}

function coerceObject(
  value: JsonMap,
  at: string,
  reader: MetaReader,
  drop: boolean,
  unknown: string[],
): void {
  const place = (field: string) => (at === '' ? field : `${at}.${field}`);
  for (const field of ['apiVersion', 'kind']) {
    if (!Object.hasOwn(value, field) || typeof value[field] === 'string') continue;
    if (!drop)
      throw new Error(
        `${place(field)}: Invalid value: ${JSON.stringify(value[field])}: must be a string`,
      );
    delete value[field];
  }
  if (!Object.hasOwn(value, 'metadata')) return;
  try {
    const read = reader.read(value['metadata']);
    value['metadata'] = read.metadata;
    unknown.push(...read.unknown.map((field) => `${place('metadata')}.${field}`));
  } catch (err) {
    if (!drop)
      throw new Error(
        `${place('metadata')}: Invalid value: ${JSON.stringify(value['metadata'])}: ${err instanceof Error ? err.message : String(err)}`,
      );
    delete value['metadata'];
  }
}

function visit(
  value: unknown,
  schema: JsonSchema,
  at: Path,
  isResource: boolean,
  errors: FieldError[],
): void {
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items)
      for (const [i, item] of value.entries()) visit(item, items, at.index(i), false, errors);
    return;
  }
  if (!isMap(value)) return;
  if (isResource || isEmbedded(schema)) errors.push(...validateObject(value, at));
  for (const [field, part] of Object.entries(value)) {
    const below = childOf(schema, field);
    if (!below) continue;
    visit(part, below, propertyOf(schema, field) ? at.child(field) : at.key(field), false, errors);
  }
}

function validateObject(value: JsonMap, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { apiVersion, kind, metadata } = value as {
    apiVersion?: unknown;
    kind?: unknown;
    metadata?: unknown;
  };
  if (apiVersion === undefined) errors.push(required(at.child('apiVersion')));
  else if (typeof apiVersion !== 'string')
    errors.push(invalid(at.child('apiVersion'), apiVersion, 'must be a string'));
  else if (apiVersion === '')
    errors.push(invalid(at.child('apiVersion'), apiVersion, 'must not be empty'));
  else if (apiVersion.split('/').length > 2)
    errors.push(
      invalid(at.child('apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`),
    );
  if (kind === undefined) errors.push(required(at.child('kind')));
  else if (typeof kind !== 'string')
    errors.push(invalid(at.child('kind'), kind, 'must be a string'));
  else if (kind === '') errors.push(invalid(at.child('kind'), kind, 'must not be empty'));
  else {
    const wrong = isDNS1035Label(kind.toLowerCase());
    const text = `may have mixed case, but should otherwise match: ${wrong.join(',')}`;
    if (wrong.length > 0) errors.push(invalid(at.child('kind'), kind, text));
  }
  if (isMap(metadata)) {
    const meta: ObjectMeta = { ...metadata };
    meta.name ||= 'fakename';
    const rules = {
      namespaced: (meta.namespace ?? '') !== '',
      validateName: (name: string) => isValidPathSegmentName(name),
    };
    errors.push(...validateObjectMeta(meta, rules, at.child('metadata')));
  }
  return errors;
}
