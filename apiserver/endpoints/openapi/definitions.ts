/** The internal schema as definitions of OpenAPI, version 2 or 3, with their descriptions. */
import type { Descriptions } from '../../../pkg/api/schema/builtin.js';
import type { Schema, SchemaSet } from '../../../pkg/api/schema/model.js';
import { META } from './operation.js';

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };
export type JsonObject = { [key: string]: Json | undefined };

type Gvk = { group: string; version: string; kind: string };

/** Where definitions stand in each version's document. */
export const REF_PREFIX = { 2: '#/definitions/', 3: '#/components/schemas/' } as const;

/** Format names that are the model's own. */
const FORMATS: Readonly<Record<string, string>> = { 'micro-time': 'date-time' };
/** Kinds that stand in every group version: the body of a DELETE, and what a watch sends. */
const EVERYWHERE = [`${META}DeleteOptions`, `${META}WatchEvent`];

const CONVENTIONS =
  'More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';

export class DefinitionWriter {
  constructor(
    private readonly version: 2 | 3,
    private readonly schemas: SchemaSet,
    private readonly descriptions: Descriptions,
    /** Of every group version that is served. */
    private readonly groupVersions: readonly { group: string; version: string }[],
    /** Of kinds that users added, as they are. */
    private readonly custom: Readonly<Record<string, object>> = {},
  ) {}

  /** All definitions that these need, with themselves, sorted by name. */
  closure(names: Iterable<string>): string[] {
    const found = new Set<string>();
    const visit = (name: string) => {
      if (found.has(name)) return;
      found.add(name);
      const own = this.custom[name];
      for (const ref of own ? refsInJson(own) : refsIn(this.schemas.get(name))) visit(ref);
    };
    for (const name of names) visit(name);
    return [...found].sort();
  }

  definitions(names: readonly string[]): JsonObject {
    return Object.fromEntries(names.map((name) => [name, this.definition(name)]));
  }

  private definition(name: string): Json {
    const own = this.custom[name];
    if (own) return own as JsonObject;
    const schema = this.schemas.get(name);
    const texts = this.descriptions[name] ?? {};
    const out: JsonObject = { description: texts[''], ...this.typeOf(schema) };
    if (schema.properties) {
      out['properties'] = Object.fromEntries(
        Object.entries(schema.properties).map(([field, property]) => [
          field,
          this.property(property, texts[field] ?? this.textFor(name, field, property)),
        ]),
      );
    }
    if (schema.required) out['required'] = schema.required;
    const kinds: readonly Gvk[] = EVERYWHERE.includes(name)
      ? this.groupVersions.map((gv) => ({ ...gv, kind: name.slice(META.length) }))
      : (schema.groupVersionKinds ?? []);
    if (kinds.length > 0) {
      out['x-kubernetes-group-version-kind'] = kinds.map(({ group, version, kind }) => ({
        group,
        kind,
        version,
      }));
    }
    Object.assign(out, this.extensions(schema));
    return out;
  }

  /** The models have no text for a field that is a structure: what the structure is must do. */
  private textFor(owner: string, field: string, { ref }: Schema): string | undefined {
    if (ref === undefined) return undefined;
    if (ref === `${META}ObjectMeta`) return `Standard object's metadata. ${CONVENTIONS}#metadata`;
    if (ref === `${META}ListMeta`) return `Standard list metadata. ${CONVENTIONS}#types-kinds`;
    const kind = owner.slice(owner.lastIndexOf('.') + 1);
    if (field === 'spec') return `Specification of the desired behavior of the ${kind}.`;
    if (field === 'status') return `Most recently observed status of the ${kind}.`;
    return this.descriptions[ref]?.[''];
  }

  private property(schema: Schema, text: string | undefined): Json {
    const fallback = this.version === 3 ? defaultOf(schema) : undefined;
    const values = schema.enum?.map((value) => `\n - \`${JSON.stringify(value)}\``).join('');
    const description = values ? `${text ?? ''}\n\nPossible enum values:${values}` : text;
    return {
      description,
      ...this.reference(schema, fallback, description),
      ...this.extensions(schema),
    };
  }

  /** A reference stands alone in version 3: beside a description or a default it goes into `allOf`. */
  private reference(schema: Schema, fallback: Json | undefined, description?: string): JsonObject {
    if (schema.ref === undefined) return { ...this.typeOf(schema), default: fallback };
    const ref = { $ref: REF_PREFIX[this.version] + schema.ref };
    if (this.version === 2 || (fallback === undefined && description === undefined)) return ref;
    return { allOf: [ref], default: fallback };
  }

  private typeOf(schema: Schema): JsonObject {
    if (this.version === 3 && schema.format === 'int-or-string') {
      return { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] };
    }
    if (schema.format === 'quantity') {
      return this.version === 3
        ? { oneOf: [{ type: 'string' }, { type: 'number' }] }
        : { type: 'string' };
    }
    const out: JsonObject = { type: schema.type };
    if (schema.format) out['format'] = FORMATS[schema.format] ?? schema.format;
    if (schema.enum) out['enum'] = schema.enum;
    if (schema.items) out['items'] = this.element(schema.items);
    if (schema.additionalProperties)
      out['additionalProperties'] = this.element(schema.additionalProperties);
    if (schema.preserveUnknownFields && schema.properties)
      out['x-kubernetes-preserve-unknown-fields'] = true;
    return out;
  }

  private element(schema: Schema): Json {
    return this.reference(schema, this.version === 3 ? elementDefault(schema) : undefined);
  }

  private extensions(schema: Schema): JsonObject {
    const out: JsonObject = {};
    if (schema.listType) out['x-kubernetes-list-type'] = schema.listType;
    if (schema.listMapKeys) out['x-kubernetes-list-map-keys'] = schema.listMapKeys;
    if (schema.mapType) out['x-kubernetes-map-type'] = schema.mapType;
    if (schema.patchStrategy) out['x-kubernetes-patch-strategy'] = schema.patchStrategy.join(',');
    if (schema.patchMergeKey) out['x-kubernetes-patch-merge-key'] = schema.patchMergeKey;
    if (schema.unions) out['x-kubernetes-unions'] = JSON.parse(JSON.stringify(schema.unions));
    return out;
  }
}

/** The zero of a value that is always there; version 3 lists it as the field's default. */
function defaultOf(schema: Schema): Json | undefined {
  if (schema.default !== undefined) return JSON.parse(JSON.stringify(schema.default));
  if (schema.ref !== undefined) return schema.byValue ? {} : undefined;
  return schema.zero === 'fill' ? elementDefault(schema) : undefined;
}

function elementDefault(schema: Schema): Json | undefined {
  if (schema.ref !== undefined) return {};
  if (schema.format === 'byte') return undefined;
  switch (schema.type) {
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    default:
      return undefined;
  }
}

function refsInJson(value: object): string[] {
  return Object.entries(value).flatMap(([field, part]) => {
    if (field === '$ref' && typeof part === 'string')
      return [part.slice(part.lastIndexOf('/') + 1)];
    return typeof part === 'object' && part !== null ? refsInJson(part) : [];
  });
}

function refsIn(schema: Schema): string[] {
  const refs = schema.ref === undefined ? [] : [schema.ref];
  if (schema.items) refs.push(...refsIn(schema.items));
  if (schema.additionalProperties) refs.push(...refsIn(schema.additionalProperties));
  for (const property of Object.values(schema.properties ?? {})) refs.push(...refsIn(property));
  return refs;
}
