/** Functions as libraries declare them: overloads for the checker, one body for the interpreter. */
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL,
  opaque,
  optionalOf,
  parameter,
  STRING,
  TIMESTAMP,
  type Type,
  typeOf,
  UINT,
} from './types.js';
import type { Value } from './values.js';

export interface Overload {
  readonly id: string;
  /** The target first, of a member. */
  readonly params: readonly Type[];
  readonly result: Type;
  readonly member: boolean;
}

/** What a body may use of the evaluation it belongs to. */
export interface Evaluation {
  /**
   * Accounts for steps that the cost model of expressions does not see (deep comparisons, large results), and
   * throws when there are too many: no expression can keep the server busy.
   */
  work(steps: number): void;
}

export type Body = (args: readonly Value[], evaluation: Evaluation) => Value;
/** What a call costs; undefined where it is what other calls cost. */
export type CallCost = (args: readonly Value[], result: Value) => number | undefined;

export interface CelFunction {
  readonly name: string;
  readonly overloads: readonly Overload[];
  readonly call: Body;
  readonly cost?: CallCost;
}

export type Library = readonly CelFunction[];

/** `define('size', ['size_string: (string) -> int', 'string_size: string.() -> int'], body)`. */
export function define(
  name: string,
  overloads: readonly string[],
  call: Body,
  cost?: CallCost,
): CelFunction {
  return { name, overloads: overloads.map(readOverload), call, ...(cost ? { cost } : {}) };
}

const FORM = /^([\w.-]+): (?:(.+)\.)?\((.*)\) -> (.+)$/;

function readOverload(text: string): Overload {
  const [, id, target, params, result] = FORM.exec(text) ?? [];
  if (id === undefined || params === undefined || result === undefined)
    throw new Error(`no overload: ${text}`);
  const types = [...(target === undefined ? [] : [target]), ...splitTypes(params)].map(readType);
  return { id, params: types, result: readType(result), member: target !== undefined };
}

function splitTypes(text: string): string[] {
  const types: string[] = [];
  let depth = 0;
  let current = '';
  for (const char of text) {
    if (char === ',' && depth === 0) {
      types.push(current);
      current = '';
      continue;
    }
    if (char === '(') depth++;
    if (char === ')') depth--;
    current += char;
  }
  if (current.trim() !== '') types.push(current);
  return types.map((type) => type.trim());
}

const SIMPLE: Readonly<Record<string, Type>> = {
  bool: BOOL,
  int: INT,
  uint: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
  timestamp: TIMESTAMP,
  duration: DURATION,
  null: NULL,
  dyn: DYN,
};

function readType(text: string): Type {
  const simple = SIMPLE[text];
  if (simple) return simple;
  const [, name, inner] = /^(\w+)\((.+)\)$/.exec(text) ?? [];
  if (name === undefined || inner === undefined)
    return /^[A-Z]$/.test(text) ? parameter(text) : opaque(text);
  const [first = DYN, second = DYN] = splitTypes(inner).map(readType);
  switch (name) {
    case 'list':
      return listOf(first);
    case 'map':
      return mapOf(first, second);
    case 'optional':
      return optionalOf(first);
    case 'type':
      return typeOf(first);
    default:
      throw new Error(`no type: ${text}`);
  }
}
