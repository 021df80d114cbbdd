/**
 * Turns a parsed JSON value into the object that Kubernetes' Go types would hold: unknown fields dropped
 * (and reported), types checked, nulls and dropped zeros left out, values that are always there put in,
 * quantities and times in canonical form. The value that came in is not changed, and the result shares
 * nothing with it but opaque parts (RawExtension, JSON, FieldsV1).
 *
 * It stands on the path of every write, so each definition is compiled once into a map from field to
 * closure. Field paths are kept as a stack that only an error reads.
 */
import { apiVersionOf } from '../../apimachinery/meta.js';
import { conversionFault } from './conversion-fault.js';
import type { Fraction } from './json-scanner.js';
import type { Schema, SchemaSet } from './model.js';
import {
  describeValue,
  goTypeOf,
  type ReadScalar,
  ScalarError,
  scalarReader,
  zeroScalar,
} from './scalars.js';

/** The value has a wrong type somewhere: a 400, with Go's text. */
export class DecodeError extends Error {
  override name = 'DecodeError';
  constructor(
    message: string,
    /** What is said where the value is converted, not parsed. */
    readonly converting = message,
  ) {
    super(message);
  }
}

export interface Decoded {
  readonly object: Record<string, unknown>;
  /** Paths, in the order of the value: `spec.containers[0].foo`. */
  readonly unknownFields: readonly string[];
  /** How many members all objects of the value have, for finding duplicates. */
  readonly members: number;
}

const SELF_READING = new Set(['int-or-string', 'quantity', 'date-time', 'micro-time']);

/** Kubernetes stops collecting strict errors here. */
const MAX_UNKNOWN = 100;

interface Pass {
  readonly stack: (string | number)[];
  readonly unknown: string[];
  members: number;
}

type Read = (value: unknown, pass: Pass) => unknown;

/** What the value of a field, or an item, does. */
interface Plan {
  readonly read: Read;
  /** For null, and for what is filled in. A new value each time. */
  readonly zero: () => unknown;
}

interface FieldPlan extends Plan {
  readonly omitZero: boolean;
  /** Null and absence become the zero. */
  readonly fill: boolean;
}

interface ObjectPlan extends Plan {
  readonly fields: Map<string, FieldPlan>;
  readonly filled: [string, () => unknown][];
}

export class Decoder {
  private readonly plans = new Map<string, ObjectPlan | Plan>();

  constructor(private readonly schemas: SchemaSet) {}

  /** Throws DecodeError at the first wrong type. */
  decode(definition: string, value: unknown): Decoded {
    const pass: Pass = { stack: [], unknown: [], members: 0 };
    const object = this.named(definition).read(value, pass);
    return { object: asRecord(object), unknownFields: pass.unknown, members: pass.members };
  }

  /** Go reads no integer from `1.0` or `1e3`, which JavaScript can not tell from 1 and 1000. */
  refuseFraction(definition: string, { path, literal }: Fraction): void {
    let name = definition;
    let schema: Schema | undefined = this.schemas.get(definition);
    const stack: string[] = [];
    for (const part of path) {
      if (typeof part === 'number') schema = schema?.items;
      else if (schema?.properties) {
        stack.push(STRUCT_MARK + name.slice(name.lastIndexOf('.') + 1), part);
        schema = Object.hasOwn(schema.properties, part) ? schema.properties[part] : undefined;
      } else schema = schema?.additionalProperties;
      if (schema?.ref !== undefined) {
        name = schema.ref;
        schema = this.schemas.get(name);
      }
    }
    const mayBeText = schema?.format === 'int-or-string';
    if (!schema || (schema.type !== 'integer' && !mayBeText)) return;
    const wants = mayBeText ? 'int32' : goTypeOf(schema);
    throw wrongType(`number ${literal}`, wants, { stack, unknown: [], members: 0 });
  }

  /** The definition of a kind; undefined where there is none. Slow: for errors. */
  definitionOf(apiVersion: string, kind: string): string | undefined {
    for (const name of this.schemas.names()) {
      if (!name.endsWith(`.${kind}`)) continue;
      const gvks = this.schemas.get(name).groupVersionKinds ?? [];
      if (gvks.some((gvk) => gvk.kind === kind && apiVersionOf(gvk) === apiVersion)) return name;
    }
    return undefined;
  }

  private named(name: string): Plan {
    const known = this.plans.get(name);
    if (known) return known;
    const schema = this.schemas.get(name);
    const plan = schema.properties
      ? this.compileObject(name, schema, schema.properties)
      : this.compile(schema, name);
    this.plans.set(name, plan);
    return plan;
  }

  /** Definitions refer to each other in circles (JSONSchemaProps), so the plan is known before its fields. */
  private compileObject(
    name: string,
    schema: Schema,
    properties: Readonly<Record<string, Schema>>,
  ): ObjectPlan {
    const fields = new Map<string, FieldPlan>();
    const filled: [string, () => unknown][] = [];
    const short = name.slice(name.lastIndexOf('.') + 1);
    const wants = goName(name);
    const plan: ObjectPlan = {
      fields,
      filled,
      read: (value, pass) => readObject(value, pass, fields, filled, short, wants),
      zero: () => {
        const out: Record<string, unknown> = {};
        for (const [field, zero] of filled) out[field] = zero();
        return out;
      },
    };
    this.plans.set(name, plan);
    for (const [field, property] of Object.entries(properties)) {
      const inner = this.compile(property, property.ref);
      const fill = property.zero === 'fill';
      fields.set(field, { ...inner, omitZero: property.zero === 'omit', fill });
      if (fill) filled.push([field, inner.zero]);
    }
    if (schema.preserveUnknownFields)
      throw new Error(`${name} keeps unknown fields beside known ones`);
    return plan;
  }

  private compile(schema: Schema, name: string | undefined): Plan {
    if (schema.ref !== undefined) {
      const ref = schema.ref;
      // Looked up late: the definition may still be in the making.
      let plan: Plan | undefined;
      const get = () => {
        plan ??= this.named(ref);
        return plan;
      };
      const target = this.schemas.get(ref);
      if (!target.properties) return this.named(ref);
      return { read: (value, pass) => get().read(value, pass), zero: () => get().zero() };
    }
    if (schema.preserveUnknownFields || schema.type === undefined) {
      return { read: readOpaque, zero: () => null };
    }
    if (schema.type === 'array') {
      const items = this.compile(schema.items ?? {}, schema.items?.ref);
      const wants = `[]${goTypeName(schema.items ?? {})}`;
      return { read: (value, pass) => readList(value, pass, items, wants), zero: () => [] };
    }
    if (schema.additionalProperties) {
      const values = this.compile(schema.additionalProperties, schema.additionalProperties.ref);
      const wants = `map[string]${goTypeName(schema.additionalProperties)}`;
      return { read: (value, pass) => readMap(value, pass, values, wants), zero: () => ({}) };
    }
    const scalar = scalarReader(schema);
    if (!scalar) return { read: (value, pass) => readEmpty(value, pass, name), zero: () => ({}) };
    const zero = zeroScalar(schema);
    // Of these types Go's read themselves, wherever they stand.
    const itself = SELF_READING.has(schema.format ?? '');
    return { read: (value, pass) => readScalar(value, pass, scalar, itself), zero: () => zero };
  }
}

/** The name of the structure that an error is in, kept on the stack before its fields. */
const STRUCT_MARK = '\0';

function readObject(
  value: unknown,
  pass: Pass,
  fields: ReadonlyMap<string, FieldPlan>,
  filled: readonly [string, () => unknown][],
  short: string,
  wants: string,
): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongType(describeValue(value), wants, pass, conversionFault(value, wants));
  }
  const { stack } = pass;
  const out: Record<string, unknown> = {};
  stack.push(STRUCT_MARK + short);
  for (const [field, part] of Object.entries(value)) {
    pass.members++;
    const plan = fields.get(field);
    if (plan === undefined) {
      reportUnknown(pass, field);
      pass.members += membersOf(part);
      continue;
    }
    if (part === null || part === undefined) continue;
    stack.push(field);
    const read = plan.read(part, pass);
    stack.pop();
    if (plan.omitZero && isZero(read)) continue;
    out[field] = read;
  }
  stack.pop();
  for (const [field, zero] of filled) if (!(field in out)) out[field] = zero();
  return out;
}

function readList(value: unknown, pass: Pass, items: Plan, wants: string): unknown {
  if (!Array.isArray(value))
    throw wrongType(describeValue(value), wants, pass, conversionFault(value, wants));
  const out: unknown[] = new Array(value.length);
  for (let i = 0; i < value.length; i++) {
    const item: unknown = value[i];
    pass.stack.push(i);
    out[i] = item === null ? items.zero() : items.read(item, pass);
    pass.stack.pop();
  }
  return out;
}

function readMap(value: unknown, pass: Pass, values: Plan, wants: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongType(describeValue(value), wants, pass, conversionFault(value, wants));
  }
  const out: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(value)) {
    pass.members++;
    pass.stack.push(key);
    const read = part === null ? values.zero() : values.read(part, pass);
    pass.stack.pop();
    if (key === '__proto__') {
      Object.defineProperty(out, key, {
        value: read,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    } else out[key] = read;
  }
  return out;
}

/** RawExtension, JSON, FieldsV1: kept as they are. */
function readOpaque(value: unknown, pass: Pass): unknown {
  pass.members += membersOf(value);
  return value;
}

/** A structure without fields. */
function readEmpty(value: unknown, pass: Pass, name: string | undefined): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const wants = name ? goName(name) : 'struct {}';
    throw wrongType(describeValue(value), wants, pass, conversionFault(value, wants));
  }
  for (const [field, part] of Object.entries(value)) {
    pass.members += 1 + membersOf(part);
    reportUnknown(pass, field);
  }
  return {};
}

function readScalar(value: unknown, pass: Pass, scalar: ReadScalar, readsItself: boolean): unknown {
  try {
    return scalar(value);
  } catch (err) {
    if (!(err instanceof ScalarError)) throw err;
    if (err.came === undefined || err.wants === undefined) throw new DecodeError(err.message);
    const { came, wants } = err;
    const converting = readsItself
      ? `json: cannot unmarshal ${came} into Go value of type ${wants}`
      : conversionFault(value, wants);
    throw wrongType(came, wants, pass, converting);
  }
}

/** `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32` */
function wrongType(came: string, wants: string, pass: Pass, converting?: string): DecodeError {
  const structs = pass.stack.filter(
    (part) => typeof part === 'string' && part.startsWith(STRUCT_MARK),
  );
  const struct = String(structs.at(-1) ?? '').slice(1);
  // Go's path has neither indexes nor the keys of maps.
  const fields = pass.stack.filter((part, i) => isField(pass.stack, part, i));
  const where = fields.length > 0 ? `Go struct field ${struct}.${fields.join('.')}` : 'Go value';
  return new DecodeError(
    `json: cannot unmarshal ${came} into ${where} of type ${wants}`,
    converting,
  );
}

function isField(stack: readonly (string | number)[], part: string | number, at: number): boolean {
  const before = stack[at - 1];
  return typeof part === 'string' && typeof before === 'string' && before.startsWith(STRUCT_MARK);
}

function reportUnknown(pass: Pass, field: string): void {
  if (pass.unknown.length >= MAX_UNKNOWN) return;
  let path = '';
  for (const part of [...pass.stack, field]) {
    if (typeof part === 'number') path += `[${part}]`;
    else if (!part.startsWith(STRUCT_MARK)) path += path === '' ? part : `.${part}`;
  }
  if (!pass.unknown.includes(path)) pass.unknown.push(path);
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  for (const part of Object.values(value)) members += membersOf(part);
  return Array.isArray(value) ? members : members + Object.keys(value).length;
}

function isZero(value: unknown): boolean {
  if (typeof value !== 'object') return value === '' || value === 0 || value === false;
  if (value === null) return true;
  for (const _ in value) return false;
  return true;
}

/** `io.k8s.api.core.v1.PodSpec` → `v1.PodSpec` */
function goName(definition: string): string {
  return definition.split('.').slice(-2).join('.');
}

function goTypeName(schema: Schema): string {
  if (schema.ref) return goName(schema.ref);
  if (schema.type === 'array') return `[]${goTypeName(schema.items ?? {})}`;
  return goTypeOf(schema);
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new DecodeError('expected an object');
}
