/**
 * JSON → values. With a declared type, times, bytes and doubles become what the type says and only declared
 * fields are visible; without one, everything is, as it is. Objects are converted field by field as they are
 * asked for; lists at once, and once.
 */

import type { DeclType } from './decl-type.js';
import { parseDuration, parseTimestamp } from './library/time.js';
import { BYTES, DOUBLE, DURATION, DYN, TIMESTAMP } from './types.js';
import {
  CelFailure,
  CelMap,
  Double,
  Duration,
  isList,
  LiteralMap,
  Optional,
  QuantityValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
  withSemantics,
} from './values.js';

/** `raw`: JSON, as parsed. */
export function toValue(raw: unknown, declared: DeclType | undefined): Value {
  if (!declared || declared.type === DYN) return dynamic(raw);
  if (raw === null || raw === undefined) {
    if (declared.nullable) return null;
    throw new CelFailure('invalid data, got null for schema with nullable=false');
  }
  if (declared.fields) {
    if (!isRecord(raw))
      throw new CelFailure(`invalid data, expected a map for the provided schema with type=object`);
    return new DataMap(raw, declared);
  }
  if (declared.element) {
    const { element } = declared;
    if (declared.type.kind === 'map') {
      if (!isRecord(raw))
        throw new CelFailure(
          `invalid data, expected a map for the provided schema with type=object`,
        );
      return new DataMap(raw, declared);
    }
    if (!Array.isArray(raw))
      throw new CelFailure(
        `invalid data, expected an array for the provided schema with type=array`,
      );
    const items = raw.map((item: unknown) => toValue(item, element));
    return declared.list ? withSemantics(items, declared.list) : items;
  }
  return scalarValue(raw, declared);
}

function scalarValue(raw: unknown, { type }: DeclType): Value {
  if (typeof raw === 'number') return type === DOUBLE ? new Double(raw) : dynamic(raw);
  if (typeof raw !== 'string') return dynamic(raw);
  if (type === TIMESTAMP) {
    const at = parseTimestamp(/^\d{4}-\d\d-\d\d$/.test(raw) ? `${raw}T00:00:00Z` : raw);
    if (!at) throw new CelFailure(`Invalid date-time formatted string "${raw}"`);
    return at;
  }
  if (type === DURATION) {
    const duration = parseDuration(raw);
    if (!duration) throw new CelFailure(`Invalid duration formatted string "${raw}"`);
    return duration;
  }
  return type === BYTES ? new Uint8Array(Buffer.from(raw, 'base64')) : raw;
}

function dynamic(raw: unknown): Value {
  switch (typeof raw) {
    case 'string':
    case 'boolean':
      return raw;
    case 'number':
      return Number.isInteger(raw) ? wholeNumber(raw) : new Double(raw);
    case 'bigint':
      return raw;
    case 'undefined':
      return null;
    case 'object':
      if (raw === null) return null;
      if (Array.isArray(raw)) return raw.map(dynamic);
      if (isRecord(raw)) return new DataMap(raw, undefined);
  }
  throw new CelFailure(`unsupported conversion to value: ${typeof raw}`);
}

function wholeNumber(raw: number): Value {
  if (Number.isSafeInteger(raw)) return raw;
  return Math.abs(raw) < 2 ** 63 ? BigInt(raw) : new Double(raw);
}

function isRecord(raw: unknown): raw is Readonly<Record<string, unknown>> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}

/** A JSON object. */
export class DataMap extends CelMap {
  private readonly made = new Map<string, Value>();
  override readonly typeName: string;

  constructor(
    readonly raw: Readonly<Record<string, unknown>>,
    private readonly declared: DeclType | undefined,
  ) {
    super();
    this.typeName =
      declared?.fields && declared.type.kind === 'object' ? declared.type.name : 'map';
  }

  get size(): number {
    return this.declared?.fields ? this.keys().length : Object.keys(this.raw).length;
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const field = this.declared?.fields?.get(key);
    if (this.declared?.fields && !field) return undefined;
    const name = field?.name ?? key;
    if (!Object.hasOwn(this.raw, name) || this.raw[name] === undefined) return undefined;
    const value = toValue(this.raw[name], field?.declared ?? this.declared?.element);
    this.made.set(key, value);
    return value;
  }

  keys(): string[] {
    if (!this.declared?.fields) return Object.keys(this.raw);
    return [...this.declared.fields]
      .filter(([, { name }]) => Object.hasOwn(this.raw, name) && this.raw[name] !== undefined)
      .map(([key]) => key);
  }
}

/** A value as JSON; throws a CelFailure for what JSON has no form for. */
export function toJson(value: Value): unknown {
  switch (typeof value) {
    case 'bigint':
      return Number(value);
    case 'string':
    case 'boolean':
    case 'number':
      return value;
  }
  if (value === null) return null;
  if (isList(value)) return value.map(toJson);
  if (value instanceof DataMap) return value.raw;
  if (value instanceof CelMap) {
    return Object.fromEntries(
      value.keys().map((key) => {
        const member = value.get(key);
        return [
          typeof key === 'string' ? key : String(toJson(key)),
          member === undefined ? null : toJson(member),
        ];
      }),
    );
  }
  if (value instanceof Double) return value.value;
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Timestamp || value instanceof Duration) return String(value);
  if (value instanceof QuantityValue) return value.quantity.toString();
  if (value instanceof Optional) return value.value === undefined ? null : toJson(value.value);
  if (value instanceof TypeValue || value instanceof LiteralMap) return String(value);
  throw new CelFailure(`type conversion error from '${value.type}' to JSON`);
}
