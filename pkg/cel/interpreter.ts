/**
 * Turns a checked tree into closures, once, and runs them as often as wanted. Evaluation is synchronous and
 * counts its cost as it goes (`interpreter/runtimecost.go`): beyond the limit it ends with an error. Steps that
 * the cost model does not see are bounded by a second count, so nothing runs for long.
 *
 * Failures are thrown. `&&` and `||` absorb those of one side when the other side decides.
 */
import { isPresent, keyText, lookUp, optionalLookUp, selectField, unwrap } from './access.js';
import {
  ACCUMULATOR,
  type Call,
  type Expr,
  type Fold,
  type ListExpr,
  type MapExpr,
  type StructExpr,
} from './ast.js';
import { callCost } from './call-cost.js';
import { Frame } from './frame.js';
import type { CelFunction } from './function.js';
import {
  CelFailure,
  CelMap,
  isList,
  LiteralMap,
  noSuchOverload,
  TypeValue,
  typeNameOf,
  type Value,
} from './values.js';

export type Step = (frame: Frame) => Value;

const LIST_CREATE = 10;
const MAP_CREATE = 30;
const STRUCT_CREATE = 40;

export interface InterpreterOptions {
  readonly functions: ReadonlyMap<string, CelFunction>;
  /** Makes a value of a type that expressions can construct. */
  readonly construct?: (type: string, fields: ReadonlyMap<string, Value>) => Value;
}

export function interpret(expr: Expr, options: InterpreterOptions): Step {
  return new Compiler(options).compile(expr);
}

const TYPE_NAMES = new Set([
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'null_type',
  'list',
  'map',
  'type',
  'optional_type',
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'net.IP',
  'net.CIDR',
]);

class Compiler {
  /** Names of macros' variables, innermost last, by their place in `locals`. */
  private readonly scope: string[] = [];

  constructor(private readonly options: InterpreterOptions) {}

  compile(expr: Expr): Step {
    switch (expr.kind) {
      case 'literal': {
        const { value } = expr;
        return () => value;
      }
      case 'ident':
        return this.name(expr.name);
      case 'select': {
        if (expr.variable !== undefined) return this.global(expr.variable);
        const operand = this.compile(expr.operand);
        const { field } = expr;
        if (expr.test) return (frame) => isPresent(operand(frame), field);
        return (frame) => {
          const value = operand(frame);
          frame.charge(1);
          return selectField(value, field);
        };
      }
      case 'call':
        return this.call(expr);
      case 'list':
        return this.list(expr);
      case 'map':
        return this.map(expr);
      case 'struct':
        return this.struct(expr);
      case 'fold':
        return this.fold(expr);
    }
  }

  private name(name: string): Step {
    const place = this.scope.lastIndexOf(name);
    if (place < 0) return this.global(name.startsWith('.') ? name.slice(1) : name);
    return (frame) => {
      frame.charge(1);
      const value = frame.locals[place];
      if (value === undefined) throw new Error(`the variable ${name} was read outside its macro`);
      if (value instanceof CelFailure) throw value;
      return value;
    };
  }

  private global(name: string): Step {
    const type = TYPE_NAMES.has(name) ? new TypeValue(name) : undefined;
    return (frame) => {
      frame.charge(1);
      const found = frame.activation.variable(name);
      const value = found === undefined ? type : found;
      if (value === undefined) throw new CelFailure(`no such attribute(s): ${name}`);
      return value;
    };
  }

  private call(expr: Call): Step {
    const { args } = expr;
    switch (expr.name) {
      case '_&&_':
        return this.logical(args, false);
      case '_||_':
        return this.logical(args, true);
      case '_?_:_': {
        const [test, yes, no] = args.map((arg) => this.compile(arg));
        if (!test || !yes || !no) break;
        return (frame) => {
          const decided = test(frame);
          if (typeof decided !== 'boolean') throw noSuchOverload();
          return decided ? yes(frame) : no(frame);
        };
      }
      case '@not_strictly_false': {
        const operand = this.compile(given(args[0]));
        return (frame) => {
          frame.charge(1);
          try {
            return operand(frame) !== false;
          } catch (err) {
            if (isAbsorbable(err)) return true;
            throw err;
          }
        };
      }
      case '_[_]':
        return this.twoArgs(args, (value, key) => lookUp(value, key));
      case '_[?_]':
        return this.twoArgs(args, optionalLookUp);
      case '_?._':
        return this.twoArgs(args, optionalLookUp);
      case '_+_': {
        const appended =
          args[0]?.kind === 'ident' && args[0].name === ACCUMULATOR ? args[1] : undefined;
        const element =
          appended?.kind === 'list' && appended.elements.length === 1
            ? appended.elements[0]
            : undefined;
        if (element) return this.append(element);
        break;
      }
      case 'cel.@mapInsert':
        return this.insert(args);
    }
    return this.function(expr);
  }

  private function(expr: Call): Step {
    const name = expr.qualified ?? expr.name.replace(/^\./, '');
    const found = this.options.functions.get(name);
    if (!found) throw new Error(`the function ${name} was not checked`);
    const steps = (expr.target ? [expr.target, ...expr.args] : expr.args).map((arg) =>
      this.compile(arg),
    );
    const { call: body, cost } = found;
    return (frame) => {
      const values = steps.map((step) => step(frame));
      const result = body(values, frame);
      frame.charge(cost?.(values, result) ?? callCost(name, values, result));
      return result;
    };
  }

  private twoArgs(args: readonly Expr[], body: (a: Value, b: Value) => Value): Step {
    const [first, second] = args.map((arg) => this.compile(arg));
    if (!first || !second) throw new Error('an operator lacks an operand');
    return (frame) => {
      const a = first(frame);
      const b = second(frame);
      frame.charge(1);
      return body(a, b);
    };
  }

  /** `deciding`: the value of one side that makes the other not matter. */
  private logical(args: readonly Expr[], deciding: boolean): Step {
    const [left, right] = args.map((arg) => this.compile(arg));
    if (!left || !right) throw new Error('an operator lacks an operand');
    return (frame) => {
      let failure: CelFailure | undefined;
      try {
        const value = left(frame);
        if (value === deciding) return deciding;
        if (value !== !deciding) failure = noSuchOverload();
      } catch (err) {
        if (!isAbsorbable(err)) throw err;
        failure = err;
      }
      const value = right(frame);
      if (value === deciding) return deciding;
      if (failure) throw failure;
      if (value !== !deciding) throw noSuchOverload();
      return value;
    };
  }

  private list({ elements, optional }: ListExpr): Step {
    if (elements.every(isConstant)) {
      const frame = new Frame({ variable: () => undefined }, Number.POSITIVE_INFINITY);
      const steps = elements.map((element) => this.compile(element));
      const value = steps.map((step) => step(frame));
      return () => value;
    }
    const steps = elements.map((element) => this.compile(element));
    return (frame) => {
      const values: Value[] = [];
      steps.forEach((step, i) => {
        const value = step(frame);
        const kept = optional.has(i) ? unwrap(value) : value;
        if (kept !== undefined) values.push(kept);
      });
      frame.charge(LIST_CREATE);
      return values;
    };
  }

  private map({ entries }: MapExpr): Step {
    const steps = entries.map(({ key, value, optional }) => ({
      key: this.compile(key),
      value: this.compile(value),
      optional,
    }));
    const constant = entries.every(({ key, value }) => isConstant(key) && isConstant(value));
    return (frame) => {
      const made: [Value, Value][] = [];
      for (const { key, value, optional } of steps) {
        const own = key(frame);
        const member = optional ? unwrap(value(frame)) : value(frame);
        if (member !== undefined) made.push([own, member]);
      }
      frame.charge(constant ? 0 : MAP_CREATE);
      const map = LiteralMap.of(made);
      if (!map) throw new CelFailure('Failed with repeated key');
      return map;
    };
  }

  private struct(expr: StructExpr): Step {
    const { construct } = this.options;
    if (!construct) throw new Error('structs were not checked');
    const name = expr.name.replace(/^\./, '');
    const steps = expr.fields.map((field) => ({ ...field, step: this.compile(field.value) }));
    return (frame) => {
      const fields = new Map<string, Value>();
      for (const { name: field, step, optional } of steps) {
        const value = optional ? unwrap(step(frame)) : step(frame);
        if (value !== undefined) fields.set(field, value);
      }
      frame.charge(STRUCT_CREATE);
      return construct(name, fields);
    };
  }

  private fold(expr: Fold): Step {
    const range = this.compile(expr.range);
    const fresh = expr.init.kind === 'list' && expr.init.elements.length === 0;
    const init = fresh ? () => [] : this.compile(expr.init);
    const accu = this.scope.push(expr.accumulator ?? ACCUMULATOR) - 1;
    const first = this.scope.push(expr.variable) - 1;
    const second = expr.variable2 === undefined ? -1 : this.scope.push(expr.variable2) - 1;
    const condition = this.compile(expr.condition);
    const step = this.compile(expr.step);
    this.scope.length = accu + 1;
    const result = this.compile(expr.result);
    this.scope.length = accu;
    const absorbs =
      expr.step.kind === 'call' && (expr.step.name === '_&&_' || expr.step.name === '_||_');
    return (frame) => {
      const { locals } = frame;
      const over = range(frame);
      locals[accu] = init(frame);
      const once = (key: Value, value: Value): boolean => {
        locals[first] = second < 0 ? (isList(over) ? value : key) : key;
        if (second >= 0) locals[second] = value;
        if (condition(frame) !== true) return false;
        try {
          locals[accu] = step(frame);
        } catch (err) {
          if (!absorbs || !isAbsorbable(err)) throw err;
          locals[accu] = err;
        }
        return true;
      };
      if (isList(over)) {
        for (const [i, item] of over.entries()) if (!once(i, item)) break;
      } else if (over instanceof CelMap) {
        for (const key of over.keys()) {
          const value = second < 0 ? null : over.get(key);
          if (value !== undefined && !once(key, value)) break;
        }
      } else throw new CelFailure(`got '${typeNameOf(over)}', expected iterable type`);
      return result(frame);
    };
  }

  /** `accu + [element]`, in place: nothing else can see the accumulator of a macro. */
  private append(element: Expr): Step {
    const accu = this.scope.lastIndexOf(ACCUMULATOR);
    const step = this.compile(element);
    return (frame) => {
      const value = step(frame);
      frame.charge(2 + LIST_CREATE);
      const list = frame.locals[accu];
      if (!Array.isArray(list)) throw noSuchOverload();
      list.push(value);
      return list;
    };
  }

  private insert(args: readonly Expr[]): Step {
    const steps = args.map((arg) => this.compile(arg));
    return (frame) => {
      const [map, key, value] = steps.map((step) => step(frame));
      frame.charge(1);
      if (!(map instanceof LiteralMap) || key === undefined) throw noSuchOverload();
      const added: readonly (readonly [Value, Value])[] =
        value !== undefined ? [[key, value]] : key instanceof LiteralMap ? key.entries() : [];
      frame.work(added.length);
      for (const entry of added) {
        if (!map.insert(entry))
          throw new CelFailure(`insert failed: key ${keyText(entry[0])} already exists`);
      }
      return map;
    };
  }
}

function isAbsorbable(err: unknown): err is CelFailure {
  return err instanceof CelFailure && !err.fatal;
}

function isConstant(expr: Expr): boolean {
  if (expr.kind === 'literal') return true;
  return (
    expr.kind === 'list' &&
    expr.optional.size === 0 &&
    expr.elements.length > 0 &&
    expr.elements.every(isConstant)
  );
}

function given(expr: Expr | undefined): Expr {
  if (!expr) throw new Error('an operator lacks an operand');
  return expr;
}
