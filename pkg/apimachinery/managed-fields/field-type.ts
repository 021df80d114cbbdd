/**
 * A kind's schema as server-side apply sees it: every value is a scalar, a list or a map, and lists and
 * maps are either atomic (owned as a whole) or made of parts that have owners of their own.
 *
 * Compiled lazily, since schemas may contain themselves, and kept as long as the schema is.
 */
import type { Schema, SchemaSet } from '../../api/schema/model.js';
import type { JsonObject } from './path-element.js';

export interface FieldType {
  readonly scalar?: 'string' | 'number' | 'boolean' | 'any';
  readonly list?: ListType;
  readonly map?: MapType;
}

export interface ListType {
  readonly atomic: boolean;
  /** Sorted; none: a set of scalars. */
  readonly keys: readonly string[];
  readonly keyDefaults: ReadonlyMap<string, unknown>;
  readonly element: FieldType;
}

export interface MapType {
  readonly atomic: boolean;
  /** Whether the schema names this field; other keys are those of a map. */
  has(name: string): boolean;
  /** Undefined where the schema knows no such field. */
  field(name: string): FieldType | undefined;
  /**
   * What the types of Kubernetes have for the field where JSON has nothing: `{}` for a struct, null for a
   * list without omitempty, a scalar's zero. Undefined: it is really absent.
   */
  whenAbsent(name: string): unknown;
}

/** Any value, as a whole: what stands in a list of unknown type. */
const ATOMIC: FieldType = {
  scalar: 'any',
  get list(): ListType {
    return ATOMIC_LIST;
  },
  map: { atomic: true, has: () => false, field: () => ATOMIC, whenAbsent: () => undefined },
};

const ATOMIC_LIST: ListType = {
  atomic: true,
  keys: [],
  keyDefaults: new Map(),
  element: ATOMIC,
};

/** Any value: objects field by field, lists as a whole. */
const DEDUCED: FieldType = {
  scalar: 'any',
  list: ATOMIC_LIST,
  map: { atomic: false, has: () => false, field: () => DEDUCED, whenAbsent: () => undefined },
};

const NO_STRUCT: JsonObject = Object.freeze({});

/** The type of each schema, per set: the same schema object may stand in two sets. */
const compiled = new WeakMap<SchemaSet, WeakMap<Schema, FieldType>>();

export function fieldTypeOf(schema: Schema, schemas: SchemaSet): FieldType {
  let known = compiled.get(schemas);
  if (known === undefined) {
    known = new WeakMap();
    compiled.set(schemas, known);
  }
  const resolved = schemas.resolve(schema);
  let type = known.get(resolved);
  if (type === undefined) {
    type = compile(resolved, schemas);
    known.set(resolved, type);
  }
  return type;
}

export function deducedType(): FieldType {
  return DEDUCED;
}

function compile(schema: Schema, schemas: SchemaSet): FieldType {
  switch (schema.type) {
    case 'array':
      return { list: new SchemaList(schema, schemas) };
    case 'object':
      return { map: new SchemaMap(schema, schemas) };
    case 'boolean':
      return { scalar: 'boolean' };
    case 'integer':
    case 'number':
      return { scalar: 'number' };
    case 'string':
      return { scalar: hasOtherForms(schema.format) ? 'any' : 'string' };
    case undefined:
      if (schema.properties || schema.additionalProperties) {
        return { map: new SchemaMap(schema, schemas) };
      }
      return schema.format === undefined ? DEDUCED : { scalar: 'any' };
  }
}

/** Types that marshal themselves: their JSON may be a text or a number. */
function hasOtherForms(format: string | undefined): boolean {
  return ['int-or-string', 'quantity', 'date-time', 'micro-time', 'duration'].includes(
    format ?? '',
  );
}

class SchemaList implements ListType {
  readonly atomic: boolean;
  readonly keys: readonly string[];
  private defaults: ReadonlyMap<string, unknown> | undefined;
  private type: FieldType | undefined;

  constructor(
    private readonly schema: Schema,
    private readonly schemas: SchemaSet,
  ) {
    const { listType, listMapKeys, patchStrategy, patchMergeKey } = schema;
    // Without a list type the patch strategy says as much.
    const merged = listType === undefined && patchStrategy?.includes('merge') === true;
    this.atomic = !(listType === 'set' || listType === 'map' || merged);
    const keys =
      listType === 'map'
        ? (listMapKeys ?? [])
        : merged && patchMergeKey !== undefined
          ? [patchMergeKey]
          : [];
    this.keys = [...keys].sort();
  }

  get element(): FieldType {
    const { items } = this.schema;
    this.type ??= items === undefined ? DEDUCED : fieldTypeOf(items, this.schemas);
    return this.type;
  }

  get keyDefaults(): ReadonlyMap<string, unknown> {
    if (this.defaults === undefined) {
      const items = this.schema.items && this.schemas.resolve(this.schema.items);
      const defaults = new Map<string, unknown>();
      for (const key of this.keys) {
        const value = items?.properties?.[key]?.default;
        if (value !== undefined) defaults.set(key, value);
      }
      this.defaults = defaults;
    }
    return this.defaults;
  }
}

class SchemaMap implements MapType {
  readonly atomic: boolean;
  private readonly fields = new Map<string, FieldType>();
  private readonly absent: ReadonlyMap<string, unknown>;
  private readonly other: FieldType | undefined;

  constructor(
    private readonly schema: Schema,
    private readonly schemas: SchemaSet,
  ) {
    this.atomic = schema.mapType === 'atomic';
    const { properties, additionalProperties } = schema;
    if (additionalProperties) this.other = fieldTypeOf(additionalProperties, schemas);
    else if (schema.preserveUnknownFields || properties === undefined) this.other = DEDUCED;
    const absent = new Map<string, unknown>();
    for (const [name, field] of Object.entries(properties ?? {})) {
      const value = absentValue(field, schemas);
      if (value !== undefined) absent.set(name, value);
    }
    this.absent = absent;
  }

  has(name: string): boolean {
    return this.schema.properties !== undefined && Object.hasOwn(this.schema.properties, name);
  }

  field(name: string): FieldType | undefined {
    const known = this.fields.get(name);
    if (known !== undefined) return known;
    const property = this.has(name) ? this.schema.properties?.[name] : undefined;
    // Only the schema's own fields are kept: the keys of a map are the client's and unbounded.
    if (property === undefined) return this.other;
    const type = fieldTypeOf(property, this.schemas);
    this.fields.set(name, type);
    return type;
  }

  whenAbsent(name: string): unknown {
    return this.absent.get(name);
  }
}

function absentValue(field: Schema, schemas: SchemaSet): unknown {
  const { type, format } = schemas.resolve(field);
  if (field.byValue && (type === 'object' || type === undefined)) return NO_STRUCT;
  if (field.zero !== 'fill') return undefined;
  switch (type) {
    case 'string':
      return format === 'date-time' || format === 'micro-time' ? null : '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    default:
      return null;
  }
}
