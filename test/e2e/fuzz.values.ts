/**
 * Values at random, from a seed: what a schema allows, what it nearly allows, and what nobody sends. The same
 * seed makes the same values.
 */
import type { Schema, SchemaSet } from '../../pkg/api/schema/model.js';

/** Structures this deep are left empty. */
const MAX_DEPTH = 4;

/** mulberry32: a number in [0, 1) at each call. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return new Random(() => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  });
}

export class Random {
  constructor(readonly next: () => number) {}

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(part: number): boolean {
    return this.next() < part;
  }

  one<T>(values: readonly [T, ...T[]]): T;
  one<T>(values: readonly T[]): T | undefined;
  one<T>(values: readonly T[]): T | undefined {
    return values[this.below(values.length)];
  }
}

const TEXTS = [
  ...[
    '',
    'a',
    'have',
    'Always',
    'TCP',
    'IPv4',
    'v1',
    'apps/v1',
    'Pod',
    'UPPER',
    'a b',
    'a/b/c',
    '/',
  ],
  ...['10.0.0.1', '010.0.0.1', '::1', '10.0.0.0/8', '1.2.3.4/33', 'example.com', 'example.com/x'],
  ...['5', '-1', '50%', '101%', '1Gi', '1e3', '1.5.5', '100m', '9'.repeat(40), '0x10', 'NaN'],
  ...['x'.repeat(300), 'é', '💥', '\u0000', '\n', '{{', '$(x)', 'a=b', 'a in (b', '../..', '%2f'],
  ...[
    '2026-01-01T00:00:00Z',
    '2026-13-01',
    '* * * * *',
    '60 * * * *',
    'TZ=x * * * * *',
    '1h',
    '1x',
  ],
  ...['self.x', 'true', '[', '(a+)+$', '__proto__', 'constructor', 'toString', 'eA==', '=', '-'],
  ...['kubernetes.io/hostname', 'system:masters', 'kube-system', 'RuntimeDefault', 'spec.nodeName'],
] as const;
const NUMBERS = [
  ...[0, 1, 2, -1, 80, 443, 65_535, 65_536, 100, 101, 3_600, 2 ** 31 - 1, 2 ** 31, -(2 ** 31)],
  ...[2 ** 53 - 1, 2 ** 53, -(2 ** 53), 1.5, 1e300, -0.1],
] as const;
const NONSENSE = [
  ...[null, true, false, 0, -1, 1.5, '', 'a', [], {}, [null], [[]], [{}], { a: null }, ['a', 'a']],
  ...[
    { '': '' },
    { __proto__x: 1 },
    { $patch: 'delete' },
    { $patch: 'replace' },
    [{ $patch: 'x' }],
  ],
] as const;

/** Of a schema's type, mostly; fields that are required may be missing. */
export function valueFor(given: Schema, schemas: SchemaSet, random: Random, depth = 0): unknown {
  if (random.chance(0.04)) return random.one<unknown>(NONSENSE);
  const schema = schemas.resolve(given);
  const again = (of: Schema) => valueFor(of, schemas, random, depth + 1);
  if (schema.enum && random.chance(0.8)) return random.one(schema.enum);
  switch (schema.format) {
    case 'int-or-string':
      return random.one<string | number>(random.chance(0.5) ? NUMBERS : TEXTS);
    case 'quantity':
      return random.one<string | number>(['1', '100m', '1Gi', '-1', '0', '1e3', 5, '1.0.0', '']);
    case 'date-time':
    case 'micro-time':
      return random.one(['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000000Z', 'now', '']);
    case 'byte':
      return random.one(['', 'eA==', 'eA', '!', 'LS0tLS1CRUdJTiBYLS0tLS0K']);
  }
  switch (schema.type) {
    case 'string':
      return random.one(TEXTS);
    case 'integer':
    case 'number':
      return random.one(NUMBERS);
    case 'boolean':
      return random.chance(0.5);
    case 'array': {
      const items = schema.items;
      if (!items || depth >= MAX_DEPTH) return [];
      const made = Array.from({ length: random.below(3) }, () => again(items));
      return made.length > 0 && random.chance(0.2) ? [...made, made[0]] : made;
    }
    case 'object': {
      const values = schema.additionalProperties;
      if (values)
        return Object.fromEntries(
          Array.from({ length: random.below(3) }, () => [random.one(TEXTS), again(values)]),
        );
      const fields = Object.entries(schema.properties ?? {});
      if (depth >= MAX_DEPTH) return {};
      // As many as make something of it, whatever the number of fields.
      const part = Math.min(0.6, 3 / Math.max(1, fields.length));
      const wanted = fields.filter(
        ([name]) =>
          random.chance(part) || (schema.required?.includes(name) === true && random.chance(0.8)),
      );
      return Object.fromEntries(wanted.map(([name, field]) => [name, again(field)]));
    }
    default:
      return random.one<unknown>(NONSENSE);
  }
}

type Path = readonly (string | number)[];

/** The object with the value at a path; nothing on the way there is changed in place. */
function withAt(obj: unknown, at: Path, value: unknown): unknown {
  const [key, ...rest] = at;
  if (key === undefined) return value;
  if (Array.isArray(obj)) {
    const copy: unknown[] = [...obj];
    copy[Number(key)] = withAt(obj[Number(key)], rest, value);
    return copy;
  }
  const fields = typeof obj === 'object' && obj !== null ? obj : {};
  const child: unknown = Object.entries(fields).find(([name]) => name === key)?.[1];
  return { ...fields, [key]: withAt(child, rest, value) };
}

/**
 * One change that a schema can explain: somewhere in the object, following fields that it has as long as luck
 * holds, a field is given a value of its type, or is taken away, or gets one that its type has not.
 */
export function mutate(
  obj: unknown,
  definition: Schema,
  schemas: SchemaSet,
  random: Random,
): unknown {
  const at: (string | number)[] = [];
  let schema = schemas.resolve(definition);
  let here: unknown = obj;
  for (;;) {
    if (Array.isArray(here) && schema.items && here.length > 0 && random.chance(0.85)) {
      const i = random.below(here.length);
      at.push(i);
      here = here[i];
      schema = schemas.resolve(schema.items);
      continue;
    }
    const fields = Object.keys(schema.properties ?? {}).filter(
      (name) => !(at.length === 0 && (name === 'apiVersion' || name === 'kind')),
    );
    const present = fields.filter((name) => valueAt(here, name) !== undefined);
    // `spec` is where most is to be found.
    const inside = at.length === 0 && present.includes('spec') ? 'spec' : random.one(present);
    if (inside !== undefined && random.chance(0.7)) {
      at.push(inside);
      here = valueAt(here, inside);
      schema = schemas.resolve(schema.properties?.[inside] ?? {});
      continue;
    }
    const field = random.one(fields);
    if (field !== undefined) {
      at.push(field);
      schema = schema.properties?.[field] ?? {};
    }
    break;
  }
  const kind = random.below(20);
  if (kind < 14) return withAt(obj, at, valueFor(schema, schemas, random));
  if (kind < 17) return withAt(obj, at, undefined);
  if (kind < 19) return withAt(obj, at, random.one<unknown>(NONSENSE));
  return withAt(obj, [...at.slice(0, -1), 'unknownField'], random.one<unknown>(NONSENSE));
}

function valueAt(obj: unknown, name: string): unknown {
  if (typeof obj !== 'object' || obj === null || Array.isArray(obj)) return undefined;
  return Object.entries(obj).find(([key]) => key === name)?.[1];
}
