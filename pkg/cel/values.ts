/**
 * What expressions compute with. Plain JavaScript where it says enough: null, booleans, strings, arrays for
 * lists. An int is a number while that is safe and a bigint beyond, so JSON's integers need no conversion; a
 * double is therefore wrapped. Nothing here is ever changed after it was made.
 */
import type { Quantity } from '../apimachinery/quantity.js';

export type Value =
  | null
  | boolean
  | string
  | number
  | bigint
  | Uint8Array
  | readonly Value[]
  | Double
  | Uint
  | CelMap
  | Timestamp
  | Duration
  | TypeValue
  | Optional
  | Opaque
  | QuantityValue;

/** An evaluation that failed. Not an Error: it is thrown often, and nobody needs the stack. */
export class CelFailure {
  constructor(
    readonly message: string,
    /** Ends everything: neither `&&` nor `||` can absorb it. */
    readonly fatal = false,
  ) {}
}

export function noSuchOverload(): CelFailure {
  return new CelFailure('no such overload');
}

export class Double {
  constructor(readonly value: number) {}
}

export class Uint {
  constructor(readonly value: bigint) {}
}

export class Timestamp {
  /** Since the epoch. */
  constructor(readonly nanos: bigint) {}
}

export class Duration {
  constructor(readonly nanos: bigint) {}
}

export class TypeValue {
  constructor(readonly name: string) {}
}

export class Optional {
  static readonly none = new Optional(undefined);
  constructor(readonly value: Value | undefined) {}
}

/** A value of a library: URL, IP, CIDR, Semver, a format, an authorizer. */
export abstract class Opaque {
  abstract readonly type: string;
  abstract equals(other: Opaque): boolean;
}

export class QuantityValue {
  constructor(readonly quantity: Quantity) {}
}

/** A map, or an object with declared fields. */
export abstract class CelMap {
  abstract readonly size: number;
  /** Undefined where there is no such key. */
  abstract get(key: Value): Value | undefined;
  abstract keys(): readonly Value[];
  /** Whether `has()` finds it. */
  has(key: Value): boolean {
    return this.get(key) !== undefined;
  }
  /** Of an object: its type's name. */
  readonly typeName: string = 'map';
}

export class LiteralMap extends CelMap {
  private constructor(private readonly members: Map<string, readonly [Value, Value]>) {
    super();
  }

  /** Undefined where two keys are the same. */
  static of(entries: Iterable<readonly [Value, Value]>): LiteralMap | undefined {
    const members = new Map<string, readonly [Value, Value]>();
    let count = 0;
    for (const entry of entries) {
      const id = keyOf(entry[0]);
      if (id === undefined) throw new CelFailure('unsupported key type');
      members.set(id, entry);
      count++;
    }
    return members.size === count ? new LiteralMap(members) : undefined;
  }

  get size(): number {
    return this.members.size;
  }
  get(key: Value): Value | undefined {
    const id = keyOf(key);
    return id === undefined ? undefined : this.members.get(id)?.[1];
  }
  keys(): Value[] {
    return [...this.members.values()].map(([key]) => key);
  }
  entries(): (readonly [Value, Value])[] {
    return [...this.members.values()];
  }
  /** For whoever makes the map, before anybody else sees it. False where the key is there already. */
  insert(entry: readonly [Value, Value]): boolean {
    const id = keyOf(entry[0]);
    if (id === undefined) throw new CelFailure('unsupported key type');
    if (this.members.has(id)) return false;
    this.members.set(id, entry);
    return true;
  }
}

/** Keys that are equal have the same text; numbers of all kinds are compared by what they count. */
export function keyOf(key: Value): string | undefined {
  switch (typeof key) {
    case 'string':
      return `s${key}`;
    case 'boolean':
      return key ? 'true' : 'false';
    case 'number':
    case 'bigint':
      return `n${key}`;
  }
  if (key instanceof Uint) return `n${key.value}`;
  if (key instanceof Double && Number.isInteger(key.value)) return `n${BigInt(key.value)}`;
  return undefined;
}

const MAX_INT64 = (1n << 63n) - 1n;
const MIN_INT64 = -(1n << 63n);
const MAX_UINT64 = (1n << 64n) - 1n;

export function isInt(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** The int of a bigint that fits 64 bits. */
export function int(value: bigint): number | bigint {
  if (value > MAX_INT64 || value < MIN_INT64) throw new CelFailure('integer overflow');
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

export function uint(value: bigint): Uint {
  if (value > MAX_UINT64 || value < 0n) throw new CelFailure('unsigned integer overflow');
  return new Uint(value);
}

/** Lists of a schema whose order says nothing: equality and `+` follow the list's type. */
export type ListSemantics =
  | { readonly type: 'set' }
  | { readonly type: 'map'; readonly keys: readonly string[] };
const semantics = new WeakMap<object, ListSemantics>();

export function withSemantics(list: readonly Value[], of: ListSemantics): readonly Value[] {
  semantics.set(list, of);
  return list;
}

export function semanticsOf(list: readonly Value[]): ListSemantics | undefined {
  return semantics.get(list);
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** The number of characters, bytes, items or entries; 1 for anything else. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return codePoints(value);
  if (isList(value) || value instanceof Uint8Array) return value.length;
  if (value instanceof CelMap) return value.size;
  return 1;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this is what ASCII is
const ASCII = /^[\x00-\x7f]*$/;

export function codePoints(text: string): number {
  if (ASCII.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** The characters by index; the text itself where every character is one unit. */
export function characters(text: string): string | readonly string[] {
  return ASCII.test(text) ? text : [...text];
}

export function typeNameOf(value: Value): string {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
    case 'bigint':
      return 'int';
  }
  if (value === null) return 'null_type';
  if (isList(value)) return 'list';
  if (value instanceof CelMap) return value.typeName;
  if (value instanceof Double) return 'double';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof Optional) return 'optional_type';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof QuantityValue) return 'kubernetes.Quantity';
  return value.type;
}
