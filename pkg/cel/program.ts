/**
 * An expression from its text to its value: compile once, evaluate as often as wanted.
 *
 *   const program = compile('self.replicas <= 5', { variables });     throws CelIssues, all there are
 *   const { value, cost } = program.evaluate({ variable }, limit);     failures are values, never thrown
 *
 * A program is immutable and holds nothing of an evaluation.
 */
import { childrenOf, type Expr } from './ast.js';
import { check, type StructType } from './checker.js';
import { estimateCost, type SizeOfPath } from './cost-estimate.js';
import { type Activation, Frame } from './frame.js';
import type { CelFunction } from './function.js';
import { interpret, type Step } from './interpreter.js';
import { CelIssues, type Issue } from './issues.js';
import { type Check, PendingCheck } from './library/authorizer.js';
import { FUNCTIONS } from './library/index.js';
import { compileRegex } from './library/regex.js';
import { parseDuration, parseTimestamp } from './library/time.js';
import { parse } from './parser.js';
import type { Type } from './types.js';
import { CelFailure, type Value } from './values.js';

/** Kubernetes' limits: of one expression, and of all that one request or one object has evaluated. */
export const PER_CALL_LIMIT = 1_000_000;
export const RUNTIME_BUDGET = 10_000_000;
export const MATCH_CONDITIONS_BUDGET = 2_500_000;
/** Of what a messageExpression makes. */
export const MAX_MESSAGE_BYTES = 5 * 1024;

export interface Environment {
  readonly variables: ReadonlyMap<string, Type>;
  readonly functions?: ReadonlyMap<string, CelFunction>;
  /** With the macro `cel.bind`, which admission and rules of custom resources do not have. */
  readonly bindings?: boolean;
  /** Types that expressions can construct, and how. */
  readonly structs?: (name: string) => StructType | undefined;
  readonly construct?: (type: string, fields: ReadonlyMap<string, Value>) => Value;
}

export type Evaluated =
  | { readonly value: Value; readonly cost: number; readonly failure?: undefined }
  | { readonly failure: CelFailure; readonly cost: number; readonly value?: undefined };

export interface Program {
  /** What the expression results in, as far as is known before it runs. */
  readonly type: Type;
  /** The names of the environment that it uses. */
  readonly variables: ReadonlySet<string>;
  /** Whether it reads this field of this variable by its name: `a.b`, `has(a.b)` or `a.?b`. */
  selects(variable: string, field: string): boolean;
  estimate(sizeOfPath: SizeOfPath): { readonly min: number; readonly max: number };
  evaluate(activation: Activation, limit?: number): Evaluated;
  /** Like `evaluate`, for expressions that ask the authorizer: `decide` answers what they ask. */
  evaluateAsking(
    activation: Activation,
    decide: (check: Check) => Promise<void>,
    limit?: number,
  ): Promise<Evaluated>;
}

export function compile(text: string, env: Environment): Program {
  const source = [...text];
  const { expr, issues } = parse(source, env.bindings);
  if (!expr || issues.length > 0) throw new CelIssues(source, issues);
  const functions = env.functions ?? FUNCTIONS;
  const checked = check(expr, {
    variables: env.variables,
    functions,
    ...(env.structs ? { structs: env.structs } : {}),
  });
  const found = checked.issues.length > 0 ? checked.issues : literalIssues(expr);
  if (found.length > 0) throw new CelIssues(source, found);
  const step = interpret(expr, {
    functions,
    ...(env.construct ? { construct: env.construct } : {}),
  });
  return {
    type: checked.type,
    variables: namesIn(expr, env.variables),
    selects: (variable, field) => selects(expr, variable, field),
    estimate: (sizeOfPath) => estimateCost(expr, sizeOfPath),
    evaluate: (activation, limit = PER_CALL_LIMIT) => run(step, activation, limit),
    async evaluateAsking(activation, decide, limit = PER_CALL_LIMIT) {
      // Each round knows one decision more, and their cost bounds how many there can be.
      for (;;) {
        try {
          return run(step, activation, limit);
        } catch (err) {
          if (!(err instanceof PendingCheck)) throw err;
          await decide(err.check);
        }
      }
    },
  };
}

function run(step: Step, activation: Activation, limit: number): Evaluated {
  const frame = new Frame(activation, limit);
  try {
    return { value: step(frame), cost: frame.cost };
  } catch (err) {
    if (err instanceof CelFailure) return { failure: err, cost: frame.cost };
    throw err;
  }
}

function namesIn(expr: Expr, variables: ReadonlyMap<string, Type>): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: Expr, hidden: readonly string[]): void => {
    const name =
      node.kind === 'ident'
        ? node.name.replace(/^\./, '')
        : node.kind === 'select'
          ? node.variable
          : undefined;
    if (name !== undefined && variables.has(name) && !hidden.includes(name)) names.add(name);
    if (node.kind !== 'fold') {
      for (const child of childrenOf(node)) visit(child, hidden);
      return;
    }
    visit(node.range, hidden);
    visit(node.init, hidden);
    const inner = [...hidden, node.variable, node.variable2 ?? '', node.accumulator ?? ''];
    for (const child of [node.condition, node.step, node.result]) visit(child, inner);
  };
  visit(expr, []);
  return names;
}

function selects(expr: Expr, variable: string, field: string): boolean {
  const [of, name] =
    expr.kind === 'select'
      ? [expr.operand, expr.field]
      : expr.kind === 'call' && expr.name === '_?._' && expr.args[1]?.kind === 'literal'
        ? [expr.args[0], expr.args[1].value]
        : [];
  if (of?.kind === 'ident' && of.name === variable && name === field) return true;
  return childrenOf(expr).some((child) => selects(child, variable, field));
}

/** Literals that can be seen not to work. */
function literalIssues(expr: Expr): Issue[] {
  const issues: Issue[] = [];
  const visit = (node: Expr): void => {
    for (const child of childrenOf(node)) visit(child);
    if (node.kind !== 'call') return;
    const literal = node.args.at(-1);
    if (literal?.kind !== 'literal' || typeof literal.value !== 'string') return;
    if (isWrong(node.name, literal.value)) {
      issues.push({ at: literal.at, message: `invalid ${node.name} argument` });
    }
  };
  visit(expr);
  return issues;
}

function isWrong(name: string, text: string): boolean {
  if (name === 'timestamp') return parseTimestamp(text) === undefined;
  if (name === 'duration') return parseDuration(text) === undefined;
  if (name !== 'matches') return false;
  try {
    compileRegex(text);
    return false;
  } catch (err) {
    if (err instanceof CelFailure) return true;
    throw err;
  }
}
