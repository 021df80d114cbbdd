/** Static types, when one may stand where another is expected, and how messages write them. */
import type { DeclType } from './decl-type.js';

export type Type =
  | { readonly kind: 'simple'; readonly name: string }
  | { readonly kind: 'list'; readonly element: Type }
  | { readonly kind: 'map'; readonly key: Type; readonly value: Type }
  | { readonly kind: 'optional'; readonly element: Type }
  | { readonly kind: 'type'; readonly of: Type }
  /** With declared fields. */
  | { readonly kind: 'object'; readonly name: string; readonly declared: DeclType | undefined }
  | { readonly kind: 'opaque'; readonly name: string }
  | { readonly kind: 'parameter'; readonly name: string };

const simple = (name: string): Type => ({ kind: 'simple', name });

export const DYN = simple('dyn');
export const ERROR = simple('!error!');
export const NULL = simple('null_type');
export const BOOL = simple('bool');
export const INT = simple('int');
export const UINT = simple('uint');
export const DOUBLE = simple('double');
export const STRING = simple('string');
export const BYTES = simple('bytes');
export const TIMESTAMP = simple('google.protobuf.Timestamp');
export const DURATION = simple('google.protobuf.Duration');

export const listOf = (element: Type): Type => ({ kind: 'list', element });
export const mapOf = (key: Type, value: Type): Type => ({ kind: 'map', key, value });
export const optionalOf = (element: Type): Type => ({ kind: 'optional', element });
export const typeOf = (of: Type): Type => ({ kind: 'type', of });
export const opaque = (name: string): Type => ({ kind: 'opaque', name });
export const parameter = (name: string): Type => ({ kind: 'parameter', name });

export function isDyn(type: Type): boolean {
  return type === DYN || type === ERROR;
}

/** As the type checker's messages write it. */
export function formatType(type: Type): string {
  return written(type, (name) => SHORT[name] ?? name);
}

/** With the full names of what is well known: `google.protobuf.Timestamp`. */
export function declaredName(type: Type): string {
  return written(type, (name) => name);
}

const SHORT: Readonly<Record<string, string>> = {
  null_type: 'null',
  'google.protobuf.Timestamp': 'timestamp',
  'google.protobuf.Duration': 'duration',
};

function written(type: Type, simple: (name: string) => string): string {
  const inner = (of: Type) => written(of, simple);
  switch (type.kind) {
    case 'list':
      return `list(${inner(type.element)})`;
    case 'map':
      return `map(${inner(type.key)}, ${inner(type.value)})`;
    case 'optional':
      return `optional_type(${inner(type.element)})`;
    case 'type':
      return `type(${inner(type.of)})`;
    case 'simple':
      return simple(type.name);
    default:
      return type.name;
  }
}

export function sameType(a: Type, b: Type): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'list' && b.kind === 'list') return sameType(a.element, b.element);
  if (a.kind === 'optional' && b.kind === 'optional') return sameType(a.element, b.element);
  if (a.kind === 'type' && b.kind === 'type') return sameType(a.of, b.of);
  if (a.kind === 'map' && b.kind === 'map')
    return sameType(a.key, b.key) && sameType(a.value, b.value);
  return 'name' in a && 'name' in b && a.name === b.name;
}

/** What type parameters stand for so far. */
export class Bindings {
  constructor(private readonly known: Map<string, Type> = new Map()) {}

  copy(): Bindings {
    return new Bindings(new Map(this.known));
  }

  take(other: Bindings): void {
    for (const [name, type] of other.known) this.known.set(name, type);
  }

  /** With every parameter that is bound replaced; `rest` for those that are not. */
  substitute(type: Type, rest?: Type): Type {
    switch (type.kind) {
      case 'parameter': {
        const bound = this.known.get(type.name);
        return bound ? this.substitute(bound, rest) : (rest ?? type);
      }
      case 'list':
        return listOf(this.substitute(type.element, rest));
      case 'optional':
        return optionalOf(this.substitute(type.element, rest));
      case 'type':
        return typeOf(this.substitute(type.of, rest));
      case 'map':
        return mapOf(this.substitute(type.key, rest), this.substitute(type.value, rest));
      default:
        return type;
    }
  }

  /** Whether `from` may stand where `to` is expected; binds what has to be bound for it. */
  assign(to: Type, from: Type): boolean {
    const trial = this.copy();
    if (!trial.unify(to, from)) return false;
    this.take(trial);
    return true;
  }

  assignAll(to: readonly Type[], from: readonly Type[]): boolean {
    if (to.length !== from.length) return false;
    const trial = this.copy();
    if (!to.every((type, i) => from[i] !== undefined && trial.unify(type, from[i]))) return false;
    this.take(trial);
    return true;
  }

  private unify(to: Type, from: Type): boolean {
    const a = this.resolve(to);
    const b = this.resolve(from);
    if (a.kind === 'parameter' || b.kind === 'parameter') {
      if (a.kind === 'parameter' && b.kind === 'parameter' && a.name === b.name) return true;
      const [free, other] = a.kind === 'parameter' ? [a, b] : b.kind === 'parameter' ? [b, a] : [];
      if (!free || !other || this.mentions(other, free.name)) return false;
      this.known.set(free.name, other);
      return true;
    }
    if (isDyn(a) || isDyn(b)) {
      // What was bound to something narrower takes everything from here on.
      this.widen(to, b);
      return true;
    }
    if (a === NULL || b === NULL) return a === b || nullable(a === NULL ? b : a);
    if (a.kind === 'list' && b.kind === 'list') return this.unify(a.element, b.element);
    if (a.kind === 'optional' && b.kind === 'optional') return this.unify(a.element, b.element);
    // Types as values are all of one kind.
    if (a.kind === 'type' && b.kind === 'type') return true;
    if (a.kind === 'map' && b.kind === 'map')
      return this.unify(a.key, b.key) && this.unify(a.value, b.value);
    return sameType(a, b);
  }

  private widen(to: Type, from: Type): void {
    if (to.kind === 'parameter' && isDyn(from) && this.known.has(to.name))
      this.known.set(to.name, DYN);
  }

  private resolve(type: Type): Type {
    let found = type;
    while (found.kind === 'parameter') {
      const bound = this.known.get(found.name);
      if (!bound) return found;
      found = bound;
    }
    return found;
  }

  private mentions(type: Type, name: string): boolean {
    const found = this.resolve(type);
    switch (found.kind) {
      case 'parameter':
        return found.name === name;
      case 'list':
      case 'optional':
        return this.mentions(found.element, name);
      case 'map':
        return this.mentions(found.key, name) || this.mentions(found.value, name);
      case 'type':
        return this.mentions(found.of, name);
      default:
        return false;
    }
  }
}

/** Null is a value of objects, of times and of what libraries add, not of scalars and collections. */
function nullable(type: Type): boolean {
  return (
    type.kind === 'object' ||
    type.kind === 'opaque' ||
    type.kind === 'optional' ||
    type === TIMESTAMP ||
    type === DURATION
  );
}
