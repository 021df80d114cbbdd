/**
 * Joins the models of the client library with our table of facts into the definitions of the schema, under
 * the names that OpenAPI gives them. A fact that fits nothing is an error, so that the table stays true.
 */
import {
  GROUPS,
  KINDS_WITHOUT_METADATA,
  META_PACKAGE,
  NOT_IN_THIS_RELEASE,
  OPAQUE,
  PACKAGES,
} from '../../pkg/api/schema/facts.js';
import { ENUMS } from '../../pkg/api/schema/facts-enums.js';
import type { Schema, SchemaType } from '../../pkg/api/schema/model.js';
import type { Model, ModelField } from './models.js';

/** A schema while it is being made. */
export type Draft = { -readonly [K in keyof Schema]: Schema[K] };

export interface Definition {
  /** `io.k8s.api.core.v1.Pod` */
  readonly name: string;
  readonly package: string;
  readonly short: string;
  /** Without descriptions. */
  readonly schema: Draft;
  /** What the newer release demands; the types, which only our own code sees, follow it. */
  readonly requiredByModels: readonly string[];
  /** By field; `''` is the definition's own. */
  readonly descriptions: Record<string, string>;
}

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
const RAW_EXTENSION = 'io.k8s.apimachinery.pkg.runtime.RawExtension';

type Facts = Map<string, string>;

export function makeDefinitions(models: ReadonlyMap<string, Model>): Definition[] {
  const classes = new Map<string, string>();
  const wanted: { pkg: string; short: string; facts: string; model: Model }[] = [];
  for (const { package: pkg, plain = '', facts } of PACKAGES) {
    const all = { ...Object.fromEntries(words(plain).map((name) => [name, ''])), ...facts };
    for (const [short, text] of Object.entries(all)) {
      const className = classOf(models, pkg, short);
      if (classes.has(className)) throw new Error(`${className} is named twice`);
      classes.set(className, `${pkg}.${short}`);
      wanted.push({ pkg, short, facts: text, model: models.get(className) as Model });
    }
  }
  const made = wanted.map(({ pkg, short, facts, model }) =>
    define(pkg, short, parseFacts(facts), model, classes),
  );
  for (const [name, { description, ...schema }] of Object.entries(OPAQUE)) {
    const dot = name.lastIndexOf('.');
    const draft: Draft = { ...schema };
    if (name === RAW_EXTENSION || schema.type !== 'string') draft.preserveUnknownFields = true;
    made.push({
      name,
      package: name.slice(0, dot),
      short: name.slice(dot + 1),
      schema: draft,
      requiredByModels: [],
      descriptions: { '': description },
    });
  }
  return made.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `io.k8s.api.core.v1` and `Event` → `CoreV1Event`; and `Pod` → `V1Pod`, since no other package has one. */
function classOf(models: ReadonlyMap<string, Model>, pkg: string, short: string): string {
  const [group = '', version = ''] = pkg.split('.').slice(-2);
  if (short === 'Info' && version === 'version') return 'VersionInfo';
  const plain = `${capital(version)}${short}`;
  const found = [`${capital(group)}${plain}`, plain].find((name) => models.has(name));
  if (!found) throw new Error(`no model for ${pkg}.${short}`);
  return found;
}

function define(
  pkg: string,
  short: string,
  facts: Facts,
  model: Model,
  classes: ReadonlyMap<string, string>,
): Definition {
  const name = `${pkg}.${short}`;
  const absent = NOT_IN_THIS_RELEASE[name] ?? [];
  const properties: Record<string, Draft> = {};
  const descriptions: Record<string, string> = {};
  if (model.description) descriptions[''] = model.description;
  const required: string[] = [];
  const requiredByModels: string[] = [];
  for (const field of model.fields) {
    if (absent.includes(field.name)) continue;
    const text = facts.get(field.name) ?? '';
    properties[field.name] = makeField(name, field, text, classes);
    facts.delete(field.name);
    if (field.description) descriptions[field.name] = field.description;
    if (field.required) requiredByModels.push(field.name);
    if (isRequired(field, text)) required.push(field.name);
  }
  for (const [field, text] of facts) {
    const added = /^add=(\w+)$/.exec(text)?.[1];
    if (added) properties[field] = { ref: `${pkg}.${added}` };
    else if (field !== '.') throw new Error(`${name} has no field ${field}`);
  }
  const schema: Draft = { type: 'object' };
  if (Object.keys(properties).length > 0) schema.properties = sorted(properties);
  if (required.length > 0) schema.required = required;
  applyOwnFacts(schema, facts.get('.') ?? '');
  if (isKind(pkg, short, properties)) {
    const [group = '', version = ''] = pkg.split('.').slice(-2);
    schema.groupVersionKinds = [{ group: GROUPS[group] ?? group, version, kind: short }];
  }
  return { name, package: pkg, short, schema, requiredByModels, descriptions };
}

/** A fact overrules the models, which are of another release. */
function isRequired(field: ModelField, text: string): boolean {
  const facts = words(text);
  return facts.includes('required') || (field.required && !facts.includes('optional'));
}

function isKind(pkg: string, short: string, properties: Record<string, Draft>): boolean {
  if (pkg === META_PACKAGE && KINDS_WITHOUT_METADATA.includes(short)) return true;
  return 'apiVersion' in properties && 'kind' in properties && 'metadata' in properties;
}

function applyOwnFacts(schema: Draft, text: string): void {
  for (const fact of words(text)) {
    const [key, value = ''] = cut(fact, '=');
    if (key === 'map') schema.mapType = 'atomic';
    else if (key === 'union') {
      const [discriminator, fields = ''] = cut(value, ':');
      const pairs = fields.split(',').map((field) => [field, capital(field)]);
      schema.unions = [{ discriminator, 'fields-to-discriminateBy': Object.fromEntries(pairs) }];
    } else throw new Error(`unknown fact ${fact}`);
  }
}

function makeField(
  owner: string,
  field: ModelField,
  text: string,
  classes: ReadonlyMap<string, string>,
): Draft {
  const facts = new Map(words(text).map((fact) => cut(fact, '=')));
  const leaf = leafOf(owner, field, facts, classes);
  const list = /^Array<(.*)>$/.exec(field.type)?.[1] !== undefined;
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(field.type)?.[1];
  let schema: Draft = leaf;
  if (list) schema = { type: 'array', items: leaf };
  else if (map !== undefined) {
    const nested = /^Array<(.*)>$/.exec(map) !== null;
    schema = {
      type: 'object',
      additionalProperties: nested ? { type: 'array', items: leaf } : leaf,
    };
  }
  const container = list || map !== undefined || schema.format === 'byte';
  for (const [fact, value] of facts) applyFact(schema, leaf, owner, field.name, fact, value);
  zeroOf(schema, facts, field, container);
  return schema;
}

function applyFact(
  schema: Draft,
  leaf: Draft,
  owner: string,
  field: string,
  fact: string,
  value: string,
): void {
  switch (fact) {
    case 'list': {
      const [type, keys] = cut(value, ':');
      if (type !== 'map' && type !== 'set' && type !== 'atomic') break;
      schema.listType = type;
      if (keys) schema.listMapKeys = keys.split(',');
      return;
    }
    case 'map':
      schema.mapType = value === 'granular' ? 'granular' : 'atomic';
      return;
    case 'patch': {
      const [strategies, key] = cut(value, ':');
      if (strategies) schema.patchStrategy = strategies.split(',') as ('merge' | 'retainKeys')[];
      if (key) schema.patchMergeKey = key;
      return;
    }
    case 'default':
      schema.default = JSON.parse(value);
      return;
    case 'enum': {
      const values = ENUMS[value];
      if (!values) break;
      leaf.enum = values;
      return;
    }
    case '*':
    case 'value':
    case 'fill':
    case 'omit':
    case 'quantity':
    case 'ref':
    case 'nullable':
    case 'optional':
    case 'required':
      return;
  }
  throw new Error(`${owner}.${field}: unknown fact ${fact}=${value}`);
}

/** See `facts.ts` for the rule. */
function zeroOf(
  schema: Draft,
  facts: ReadonlyMap<string, string>,
  field: ModelField,
  container: boolean,
): void {
  if (schema.ref !== undefined && !container) {
    if (facts.has('value')) {
      schema.byValue = true;
      // A port 0 that nobody sent would hide from defaulting that the port is absent.
      if (schema.ref !== INT_OR_STRING) schema.zero = 'fill';
      else if (!field.required) schema.zero = 'omit';
    }
    return;
  }
  if (facts.has('*')) return;
  const keeps = field.required ? !facts.has('omit') : facts.has('fill');
  schema.zero = keeps ? 'fill' : 'omit';
}

/** The schema of a field, or of the items or values of a list or map. */
function leafOf(
  owner: string,
  field: ModelField,
  facts: ReadonlyMap<string, string>,
  classes: ReadonlyMap<string, string>,
): Draft {
  if (facts.has('quantity')) return { ref: QUANTITY };
  const opaque = facts.get('ref');
  if (opaque) {
    const name = Object.keys(OPAQUE).find((known) => known.endsWith(`.${opaque}`));
    if (!name) throw new Error(`${owner}.${field.name}: unknown definition ${opaque}`);
    return { ref: name };
  }
  const inner = field.type
    .replace(/^\{ \[key: string\]: (.*); \}$/, '$1')
    .replace(/^Array<(.*)>$/, '$1');
  switch (inner) {
    case 'string':
      return field.format ? { type: 'string', format: field.format } : { type: 'string' };
    case 'boolean':
      return { type: 'boolean' };
    case 'number': {
      const type: SchemaType = field.format === 'double' ? 'number' : 'integer';
      return { type, format: field.format };
    }
    case 'Date':
      return { ref: `${META_PACKAGE}.Time` };
    case 'V1MicroTime':
      return { ref: `${META_PACKAGE}.MicroTime` };
    case 'IntOrString':
      return { ref: INT_OR_STRING };
  }
  const ref = classes.get(inner);
  if (!ref) throw new Error(`${owner}.${field.name}: ${inner} is no definition of this release`);
  return { ref };
}

function parseFacts(text: string): Facts {
  const facts: Facts = new Map();
  for (const part of text.split(';')) {
    const trimmed = part.trim();
    if (trimmed === '') continue;
    const blank = trimmed.indexOf(' ');
    facts.set(trimmed.slice(0, blank), trimmed.slice(blank + 1));
  }
  return facts;
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  const byName = (a: [string, T], b: [string, T]) => (a[0] < b[0] ? -1 : 1);
  return Object.fromEntries(Object.entries(record).sort(byName));
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function cut(text: string, at: string): [string, string] {
  const i = text.indexOf(at);
  return i < 0 ? [text, ''] : [text.slice(0, i), text.slice(i + 1)];
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
