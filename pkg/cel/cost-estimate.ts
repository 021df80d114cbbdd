/**
 * The worst case that an expression can cost, before it ever runs (`checker/cost.go` of CEL and
 * `library/cost.go` of Kubernetes). Rules of a CustomResourceDefinition are accepted or refused by it, so the
 * numbers are those of upstream.
 *
 * A size is a range of what `size()` may be: known of literals, bounded by the schema for data.
 */
import {
  ACCUMULATOR,
  type Call,
  type Expr,
  type Fold,
  type ListExpr,
  type MapExpr,
} from './ast.js';
import {
  add,
  cap,
  factor,
  fixed,
  MAX_COST,
  ONE,
  type Range,
  REGEX_FACTOR,
  STRING_FACTOR,
  times,
  UNKNOWN,
  union,
  ZERO,
} from './cost-range.js';
import { type Estimate, libraryEstimate, type Sizes } from './library-estimate.js';
import { BOOL, DOUBLE, DURATION, INT, TIMESTAMP, type Type, UINT } from './types.js';
import { codePoints } from './values.js';

/** Characters of a number, a time or a boolean. */
const MAX_SCALAR_TEXT = 36;
const LIST_CREATE = 10;
const MAP_CREATE = 30;
const STRUCT_CREATE = 40;

/** The size that the schema allows for the data at a path from a variable: `['self', 'spec', '@items']`. */
export type SizeOfPath = (path: readonly string[]) => number | undefined;

interface Entry {
  readonly map: boolean;
  readonly key: Range;
  readonly value: Range;
}

interface Local {
  readonly path: readonly string[];
  readonly size: Range | undefined;
  readonly entry: Entry | undefined;
}

export function estimateCost(expr: Expr, sizeOfPath: SizeOfPath): Range {
  return new Coster(sizeOfPath).cost(expr);
}

class Coster {
  private readonly paths = new Map<Expr, readonly string[]>();
  private readonly sizes = new Map<Expr, Range>();
  private readonly entries = new Map<Expr, Entry>();
  private readonly locals = new Map<string, Local[]>();

  private readonly known: Sizes = {
    of: (expr) => this.sizeOrUnknown(expr),
    ofElements: (list) => this.elementSize(list),
  };

  constructor(private readonly sizeOfPath: SizeOfPath) {}

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case 'literal':
        return ZERO;
      case 'ident':
        this.paths.set(expr, this.local(expr.name)?.path ?? [expr.name]);
        return ONE;
      case 'select': {
        if (expr.variable !== undefined) {
          this.paths.set(expr, [expr.variable]);
          return ONE;
        }
        const operand = this.cost(expr.operand);
        if (expr.test) return operand;
        this.paths.set(expr, [...this.path(expr.operand), expr.field]);
        const kind = expr.operand.type?.kind;
        const counts = kind === 'map' || kind === 'object' || kind === 'parameter';
        return counts ? add(operand, ONE) : operand;
      }
      case 'call':
        return this.call(expr);
      case 'list':
        return this.list(expr);
      case 'map':
        return this.map(expr);
      case 'struct':
        return expr.fields.reduce(
          (sum, { value }) => add(sum, this.cost(value)),
          fixed(STRUCT_CREATE),
        );
      case 'fold':
        return expr.accumulator === undefined ? this.fold(expr) : this.bind(expr, expr.accumulator);
    }
  }

  private list(expr: ListExpr): Range {
    let sum = ZERO;
    let value: Range = { min: expr.elements.length === 0 ? 0 : MAX_COST, max: 0 };
    for (const element of expr.elements) {
      sum = add(sum, this.cost(element));
      value = union(value, this.sizeOrUnknown(element));
    }
    this.entries.set(expr, { map: false, key: ONE, value });
    return add(sum, fixed(LIST_CREATE));
  }

  private map(expr: MapExpr): Range {
    let sum = ZERO;
    const none = expr.entries.length === 0 ? 0 : MAX_COST;
    let keys: Range = { min: none, max: 0 };
    let values: Range = { min: none, max: 0 };
    for (const { key, value } of expr.entries) {
      sum = add(add(sum, this.cost(key)), this.cost(value));
      keys = union(keys, this.sizeOrUnknown(key));
      values = union(values, this.sizeOrUnknown(value));
    }
    this.entries.set(expr, { map: true, key: keys, value: values });
    return add(sum, fixed(MAP_CREATE));
  }

  private fold(expr: Fold): Range {
    let sum = add(this.cost(expr.range), this.cost(expr.init));
    this.push(ACCUMULATOR, {
      path: this.path(expr.init),
      size: this.size(expr.init),
      entry: this.entry(expr.init),
    });
    const entry = this.entry(expr.range);
    const overMap = entry ? entry.map : expr.range.type?.kind !== 'list';
    const path = this.path(expr.range);
    const key: Local = {
      path: [...path, overMap ? '@keys' : '@indices'],
      size: entry?.key,
      entry: undefined,
    };
    const value: Local = {
      path: [...path, overMap ? '@values' : '@items'],
      size: entry?.value,
      entry: undefined,
    };
    this.push(expr.variable, expr.variable2 !== undefined || overMap ? key : value);
    if (expr.variable2 !== undefined) this.push(expr.variable2, value);
    const loop = add(this.cost(expr.condition), this.cost(expr.step));
    this.pop(expr.variable);
    if (expr.variable2 !== undefined) this.pop(expr.variable2);
    sum = add(sum, this.cost(expr.result));
    this.pop(ACCUMULATOR);
    const count = this.sizeOrUnknown(expr.range);
    if (expr.init.kind === 'literal') this.setSize(expr, this.size(expr.init));
    else if (expr.init.kind === 'list' || expr.init.kind === 'map') {
      this.setSize(expr, count);
      const stepEntry = this.entry(expr.step);
      if (stepEntry) this.entries.set(expr, stepEntry);
    }
    return add(sum, times(count, loop));
  }

  private bind(expr: Fold, name: string): Range {
    const sum = add(this.cost(expr.range), this.cost(expr.init));
    this.push(name, {
      path: this.path(expr.init),
      size: this.size(expr.init),
      entry: this.entry(expr.init),
    });
    const result = this.cost(expr.result);
    this.pop(name);
    this.setSize(expr, this.size(expr.result));
    const entry = this.entry(expr.result);
    if (entry) this.entries.set(expr, entry);
    return add(sum, result);
  }

  private call(expr: Call): Range {
    if (expr.name === 'dyn' && expr.args[0]) {
      const cost = this.cost(expr.args[0]);
      this.setSize(expr, this.size(expr.args[0]));
      return add(ONE, cost);
    }
    const args = expr.args.map((arg) => this.cost(arg));
    const target = expr.target ? this.cost(expr.target) : ZERO;
    let cost: Range = { min: MAX_COST, max: 0 };
    let size: Range | undefined;
    const ids = expr.overloads ?? [];
    if (ids.length === 0) return ZERO;
    for (const id of ids) {
      const estimate = this.overload(expr, id, args);
      cost = union(cost, estimate.cost);
      if (estimate.size) size = size ? union(size, estimate.size) : estimate.size;
      if ((id === 'index_list' || id === 'index_map') && expr.args[0]) {
        size = this.entry(expr.args[0])?.value;
        this.paths.set(expr, [
          ...this.path(expr.args[0]),
          id === 'index_list' ? '@items' : '@values',
        ]);
      }
      size ??= this.size(expr);
    }
    this.setSize(expr, size);
    return add(target, cost);
  }

  private overload(expr: Call, id: string, costs: readonly Range[]): Estimate {
    const sum = costs.reduce(add, ZERO);
    const sizes = expr.args.map((arg) => () => this.sizeOrUnknown(arg));
    const target = expr.target;
    const library = libraryEstimate(expr, expr.qualified ?? expr.name, id, this.known);
    if (library)
      return { cost: add(library.cost, sum), ...(library.size ? { size: library.size } : {}) };
    const size = (i: number) => sizes[i]?.() ?? UNKNOWN;
    const text = (range: Range): Estimate => ({ cost: add(factor(range, STRING_FACTOR), sum) });
    switch (id) {
      case 'string_to_bytes':
        return { ...text(size(0)), size: { min: size(0).min, max: cap(size(0).max * 4) } };
      case 'bytes_to_string':
        return { ...text(size(0)), size: { min: Math.floor(size(0).min / 4), max: size(0).max } };
      case 'int_to_string':
      case 'uint_to_string':
      case 'double_to_string':
      case 'bool_to_string':
      case 'timestamp_to_string':
      case 'duration_to_string':
        // DEVIATION: a number has few digits; without a bound no message could name one.
        return { cost: add(ONE, sum), size: { min: 1, max: MAX_SCALAR_TEXT } };
      case 'string_format':
        return target ? text(this.sizeOrUnknown(target)) : { cost: add(ONE, sum) };
      case 'starts_with_string':
      case 'ends_with_string':
        return text(size(0));
      case 'in_list':
        return { cost: add(size(1), sum) };
      case 'matches_string': {
        if (!target) break;
        const subject = factor(add(this.sizeOrUnknown(target), ONE), STRING_FACTOR);
        return { cost: add(times(subject, factor(size(0), REGEX_FACTOR)), sum) };
      }
      case 'contains_string':
        if (!target) break;
        return {
          cost: add(
            times(
              factor(this.sizeOrUnknown(target), STRING_FACTOR),
              factor(size(0), STRING_FACTOR),
            ),
            sum,
          ),
        };
      case 'logical_or':
      case 'logical_and':
        return { cost: { min: (costs[0] ?? ZERO).min, max: sum.max } };
      case 'conditional': {
        const yes = this.entry(expr.args[1]);
        const no = this.entry(expr.args[2]);
        if (yes && no) this.entries.set(expr, unionEntry(yes, no));
        const [test = ZERO, first = ZERO, second = ZERO] = costs;
        return { cost: add(test, union(first, second)), size: union(size(1), size(2)) };
      }
      case 'add_string':
      case 'add_bytes':
      case 'add_list': {
        const left = this.entry(expr.args[0]);
        const right = this.entry(expr.args[1]);
        if (left && right) this.entries.set(expr, unionEntry(left, right));
        const total = add(size(0), size(1));
        return id === 'add_list'
          ? { cost: add(ONE, sum), size: total }
          : { ...text(total), size: total };
      }
      case 'equals':
      case 'not_equals':
      case 'less_string':
      case 'less_equals_string':
      case 'greater_string':
      case 'greater_equals_string':
      case 'less_bytes':
      case 'less_equals_bytes':
      case 'greater_bytes':
      case 'greater_equals_bytes': {
        const max = Math.min(size(0).max, size(1).max);
        return text({ min: max > 0 ? 1 : 0, max });
      }
    }
    return { cost: add(ONE, sum) };
  }

  private elementSize(list: Expr): Range {
    const path = this.path(list);
    const max = path.length > 0 ? this.sizeOfPath([...path, '@items']) : undefined;
    return max === undefined ? UNKNOWN : { min: 0, max };
  }

  private local(name: string): Local | undefined {
    return this.locals.get(name)?.at(-1);
  }
  private push(name: string, local: Local): void {
    this.locals.set(name, [...(this.locals.get(name) ?? []), local]);
  }
  private pop(name: string): void {
    this.locals.set(name, (this.locals.get(name) ?? []).slice(0, -1));
  }

  private path(expr: Expr): readonly string[] {
    const local = expr.kind === 'ident' ? this.local(expr.name) : undefined;
    return local?.path ?? this.paths.get(expr) ?? [];
  }

  private entry(expr: Expr | undefined): Entry | undefined {
    if (!expr) return undefined;
    return (
      this.entries.get(expr) ?? (expr.kind === 'ident' ? this.local(expr.name)?.entry : undefined)
    );
  }

  private setSize(expr: Expr, size: Range | undefined): void {
    if (size) this.sizes.set(expr, size);
  }

  private sizeOrUnknown(expr: Expr): Range {
    return this.size(expr) ?? UNKNOWN;
  }

  private size(expr: Expr): Range | undefined {
    const known = this.sizes.get(expr) ?? literalSize(expr);
    if (known) return known;
    const path = this.path(expr);
    const max = path.length > 0 ? this.sizeOfPath(path) : undefined;
    if (max !== undefined) return { min: 0, max };
    if (expr.type && isScalar(expr.type)) return ONE;
    return expr.kind === 'ident' ? this.local(expr.name)?.size : undefined;
  }
}

function literalSize(expr: Expr): Range | undefined {
  switch (expr.kind) {
    case 'literal':
      if (typeof expr.value === 'string') return fixed(codePoints(expr.value));
      return fixed(expr.value instanceof Uint8Array ? expr.value.length : 1);
    case 'list':
      return fixed(expr.elements.length);
    case 'map':
      return fixed(expr.entries.length);
    default:
      return undefined;
  }
}

const SCALARS: readonly Type[] = [BOOL, INT, UINT, DOUBLE, TIMESTAMP, DURATION];

function isScalar(type: Type): boolean {
  return type.kind === 'optional' ? isScalar(type.element) : SCALARS.includes(type);
}

function unionEntry(a: Entry, b: Entry): Entry {
  return { map: a.map, key: union(a.key, b.key), value: union(a.value, b.value) };
}
