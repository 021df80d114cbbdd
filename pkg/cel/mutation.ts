/**
 * What expressions of a MutatingAdmissionPolicy make: objects (`Object{spec: Object.spec{replicas: 1}}`), each
 * of a type that is named by the path to it, and operations of a JSON Patch (`JSONPatch{op: 'add', …}`). No
 * schema stands behind the types (`k8s.io/apiserver/pkg/cel/mutation`): a field may be of any type when the
 * expression is compiled; whether it is the right one is seen when the object is merged.
 */
import type { StructType } from './checker.js';
import { DataMap, toJson } from './data.js';
import type { CelFunction } from './function.js';
import { FUNCTIONS, merge } from './library/index.js';
import { jsonPatches } from './library/json-patch.js';
import type { Environment } from './program.js';
import { DYN, listOf, STRING, type Type } from './types.js';
import { CelFailure, CelMap, isList, Opaque, type Value } from './values.js';

const OBJECT = 'Object';
const JSON_PATCH = 'JSONPatch';

const PATCH_FIELDS: Readonly<Record<string, Type>> = {
  op: STRING,
  path: STRING,
  from: STRING,
  value: DYN,
};

const typeNamed = (name: string): Type => ({ kind: 'object', name, declared: undefined });

export const OBJECT_TYPE = typeNamed(OBJECT);
export const JSON_PATCH_LIST = listOf(typeNamed(JSON_PATCH));

/** `Object{…}` and `Object.spec{…}`. Equal only to one of the same type and fields. */
export class ObjectValue extends Opaque {
  constructor(
    readonly type: string,
    readonly fields: ReadonlyMap<string, Value>,
  ) {
    super();
  }

  equals(other: Opaque): boolean {
    if (!(other instanceof ObjectValue) || other.fields.size !== this.fields.size) return false;
    return JSON.stringify(plain(this)) === JSON.stringify(plain(other));
  }
}

/** `JSONPatch{…}`. Texts that were not given are empty. */
export class JsonPatchValue extends CelMap {
  override readonly typeName = JSON_PATCH;

  constructor(private readonly fields: ReadonlyMap<string, Value>) {
    super();
  }

  get size(): number {
    return this.keys().length;
  }

  keys(): string[] {
    return Object.keys(PATCH_FIELDS).filter((name) => this.has(name));
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(PATCH_FIELDS, key)) return undefined;
    return this.fields.get(key) ?? (key === 'value' ? undefined : '');
  }

  override has(key: Value): boolean {
    const value = this.get(key);
    return value !== undefined && (value !== '' || key === 'value');
  }

  /** As RFC 6902 has it. */
  operation(): Record<string, unknown> {
    const value = this.get('value');
    return {
      op: this.get('op'),
      path: this.get('path'),
      ...(this.has('from') ? { from: this.get('from') } : {}),
      ...(value === undefined ? {} : { value: plain(value) }),
    };
  }
}

/** Besides those of admission: the functions, and the types that can be constructed. */
export const MUTATION: Pick<Environment, 'functions' | 'structs' | 'construct'> = {
  functions: withPatches(),
  structs(name): StructType | undefined {
    if (name === JSON_PATCH) {
      return { type: typeNamed(name), field: (field) => PATCH_FIELDS[field] };
    }
    if (name !== OBJECT && !name.startsWith(`${OBJECT}.`)) return undefined;
    return { type: typeNamed(name), field: () => DYN };
  },
  construct(name, fields) {
    if (name !== JSON_PATCH) return new ObjectValue(name, fields);
    for (const [field, value] of fields) {
      if (field !== 'value' && typeof value !== 'string')
        throw new CelFailure(`unexpected type for JSONPatchType '${field}' field`);
    }
    return new JsonPatchValue(fields);
  },
};

function withPatches(): ReadonlyMap<string, CelFunction> {
  return new Map([...FUNCTIONS, ...merge([jsonPatches])]);
}

/** A value as JSON, with what was constructed in it. Throws a CelFailure for what JSON has no form for. */
export function plain(value: Value): unknown {
  if (value instanceof ObjectValue) {
    return Object.fromEntries([...value.fields].map(([name, field]) => [name, plain(field)]));
  }
  if (isList(value)) return value.map(plain);
  if (value instanceof CelMap) {
    const entries = value.keys().map((key) => {
      if (typeof key !== 'string') throw new CelFailure(`map key is not a string: ${toJson(key)}`);
      return [key, plain(value.get(key) ?? null)] as const;
    });
    return Object.fromEntries(entries);
  }
  return toJson(value);
}

/** Where a type's name is not that of the path at which its object stands; empty where all are right. */
export function misnamedTypes(root: ObjectValue): string[] {
  return misnamed(root, root.type);
}

function misnamed(value: Value, path: string): string[] {
  if (value instanceof ObjectValue) {
    const wrong = `unexpected type name "${value.type}", expected "${path}", which matches field name path from root Object type`;
    const below = [...value.fields].flatMap(([name, field]) => misnamed(field, `${path}.${name}`));
    return value.type === path ? below : [wrong, ...below];
  }
  if (isList(value)) return value.flatMap((item) => misnamed(item, path));
  if (value instanceof CelMap && !(value instanceof DataMap)) {
    return value.keys().flatMap((key) => misnamed(value.get(key) ?? null, path));
  }
  return [];
}
