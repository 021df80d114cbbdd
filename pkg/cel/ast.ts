/**
 * The syntax tree of a CEL expression, macros expanded. The parser makes it, the checker writes `type` and
 * `overloads` into it, and then nobody changes it: cost estimation and the interpreter only read.
 */
import type { Type } from './types.js';
import type { Value } from './values.js';

interface Node {
  /** Offset of the token that stands for the expression, in code points: where an error points. */
  readonly at: number;
  type?: Type;
}

export interface Literal extends Node {
  readonly kind: 'literal';
  readonly value: Value;
}

export interface Ident extends Node {
  readonly kind: 'ident';
  readonly name: string;
}

export interface Select extends Node {
  readonly kind: 'select';
  readonly operand: Expr;
  readonly field: string;
  /** Of `has(a.b)`: whether the field is there. */
  readonly test: boolean;
  /** Of `a.?b`. */
  readonly optional: boolean;
  /** The operand and field together name a variable: `authorizer.requestResource`. */
  variable?: string;
}

export interface Call extends Node {
  readonly kind: 'call';
  readonly name: string;
  /** Of a member call; `namespace.function(…)` has none once it is checked. */
  target?: Expr;
  qualified?: string;
  readonly args: readonly Expr[];
  /** Which overloads the checker found possible. */
  overloads?: readonly string[];
}

export interface ListExpr extends Node {
  readonly kind: 'list';
  readonly elements: readonly Expr[];
  /** `[?a]`: elements that are there only if the optional has a value. */
  readonly optional: ReadonlySet<number>;
}

export interface MapEntry {
  readonly at: number;
  readonly key: Expr;
  readonly value: Expr;
  readonly optional: boolean;
}

export interface MapExpr extends Node {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
}

export interface StructField {
  readonly at: number;
  readonly name: string;
  readonly value: Expr;
  readonly optional: boolean;
}

export interface StructExpr extends Node {
  readonly kind: 'struct';
  readonly name: string;
  readonly fields: readonly StructField[];
}

/**
 * What every macro over a list or map becomes:
 *
 *   accu = init; for (v in range) { if (!condition) break; accu = step }; result
 */
export interface Fold extends Node {
  readonly kind: 'fold';
  readonly range: Expr;
  readonly variable: string;
  /** Of the macros with two variables; then `variable` is the index or key. */
  readonly variable2?: string;
  /** What the accumulator is called; `ACCUMULATOR` but where a macro binds a name. */
  readonly accumulator?: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

export type Expr = Literal | Ident | Select | Call | ListExpr | MapExpr | StructExpr | Fold;

/** The variable of a fold's accumulator; no source text can name it. */
export const ACCUMULATOR = '@result';

export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'ident':
      return [];
    case 'select':
      return [expr.operand];
    case 'call':
      return expr.target ? [expr.target, ...expr.args] : expr.args;
    case 'list':
      return expr.elements;
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return expr.fields.map(({ value }) => value);
    case 'fold':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
  }
}

/** `a.b.c`, where the expression is a plain chain of names. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.test || expr.optional) return undefined;
  const operand = qualifiedName(expr.operand);
  return operand === undefined ? undefined : `${operand}.${expr.field}`;
}
