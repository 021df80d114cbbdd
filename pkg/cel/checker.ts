/**
 * Finds the type of every part of an expression, and what cannot be: unknown names, functions without a
 * matching overload, fields that are not there. It reports everything it finds. What it leaves to run time is
 * `dyn`. Types and overloads are written into the tree.
 */
import {
  ACCUMULATOR,
  type Call,
  childrenOf,
  type Expr,
  type Fold,
  qualifiedName,
  type Select,
  type StructExpr,
} from './ast.js';
import type { CelFunction } from './function.js';
import type { Issue } from './issues.js';
import {
  Bindings,
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  ERROR,
  formatType,
  INT,
  isDyn,
  listOf,
  mapOf,
  NULL,
  opaque,
  optionalOf,
  parameter,
  STRING,
  sameType,
  TIMESTAMP,
  type Type,
  typeOf,
  UINT,
} from './types.js';
import { Double, Uint } from './values.js';

export interface CheckerOptions {
  readonly variables: ReadonlyMap<string, Type>;
  readonly functions: ReadonlyMap<string, CelFunction>;
  /** The fields of a type that expressions can construct; undefined where there is no such type. */
  readonly structs?: (name: string) => StructType | undefined;
}

export interface StructType {
  readonly type: Type;
  field(name: string): Type | undefined;
}

export interface Checked {
  readonly type: Type;
  readonly issues: readonly Issue[];
}

const TYPE_NAMES: ReadonlyMap<string, Type> = new Map<string, Type>([
  ['bool', BOOL],
  ['int', INT],
  ['uint', UINT],
  ['double', DOUBLE],
  ['string', STRING],
  ['bytes', BYTES],
  ['null_type', NULL],
  ['list', listOf(DYN)],
  ['map', mapOf(DYN, DYN)],
  ['type', typeOf(DYN)],
  ['optional_type', optionalOf(DYN)],
  ['google.protobuf.Timestamp', TIMESTAMP],
  ['google.protobuf.Duration', DURATION],
  ['net.IP', opaque('net.IP')],
  ['net.CIDR', opaque('net.CIDR')],
]);

export function check(expr: Expr, options: CheckerOptions): Checked {
  const checker = new Checker(options);
  const type = checker.check(expr);
  checker.settle(expr);
  return { type: expr.type ?? type, issues: checker.issues };
}

class Checker {
  readonly issues: Issue[] = [];
  private readonly bindings = new Bindings();
  private readonly scopes: Map<string, Type>[] = [];
  private parameters = 0;

  constructor(private readonly options: CheckerOptions) {}

  check(expr: Expr): Type {
    const type = this.typeOf(expr);
    expr.type = type;
    return type;
  }

  /** Every parameter that nothing was bound to is `dyn`. */
  settle(expr: Expr): void {
    if (expr.type) expr.type = this.bindings.substitute(expr.type, DYN);
    for (const child of childrenOf(expr)) this.settle(child);
  }

  private typeOf(expr: Expr): Type {
    switch (expr.kind) {
      case 'literal': {
        const { value } = expr;
        if (value === null) return NULL;
        if (typeof value === 'boolean') return BOOL;
        if (typeof value === 'string') return STRING;
        if (typeof value === 'number' || typeof value === 'bigint') return INT;
        if (value instanceof Double) return DOUBLE;
        return value instanceof Uint ? UINT : BYTES;
      }
      case 'ident':
        return this.nameType(expr.name) ?? this.undeclared(expr.at, expr.name);
      case 'select':
        return this.select(expr);
      case 'call':
        return this.call(expr);
      case 'list':
        return listOf(
          this.joined(
            expr.elements.map((element, i) =>
              expr.optional.has(i)
                ? this.unwrapped(element)
                : { at: element.at, type: this.check(element) },
            ),
          ),
        );
      case 'map': {
        const keys = expr.entries.map(({ key }) => ({ at: key.at, type: this.check(key) }));
        const values = expr.entries.map(({ value, optional }) =>
          optional ? this.unwrapped(value) : { at: value.at, type: this.check(value) },
        );
        return mapOf(this.joined(keys), this.joined(values));
      }
      case 'struct':
        return this.struct(expr);
      case 'fold':
        return this.fold(expr);
    }
  }

  private nameType(name: string): Type | undefined {
    const plain = name.startsWith('.') ? name.slice(1) : name;
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const found = this.scopes[i]?.get(name);
      if (found) return found;
    }
    const variable = this.options.variables.get(plain);
    if (variable) return variable;
    const type = TYPE_NAMES.get(plain);
    return type && typeOf(type);
  }

  private undeclared(at: number, name: string): Type {
    return this.report(at, `undeclared reference to '${name}' (in container '')`);
  }

  private select(expr: Select): Type {
    const name = expr.test ? undefined : qualifiedName(expr);
    if (name !== undefined && !this.shadowed(expr)) {
      const type =
        this.options.variables.get(name) ??
        (TYPE_NAMES.has(name) ? this.nameType(name) : undefined);
      if (type) {
        expr.variable = name;
        return type;
      }
    }
    const operand = this.check(expr.operand);
    const type = this.fieldType(expr.at, operand, expr.field);
    return expr.test ? BOOL : type;
  }

  /** A variable of a macro hides what is named like it. */
  private shadowed(expr: Select): boolean {
    let root: Expr = expr;
    while (root.kind === 'select') root = root.operand;
    const { name } = root.kind === 'ident' ? root : { name: '' };
    return this.scopes.some((scope) => scope.has(name));
  }

  private fieldType(at: number, operand: Type, field: string): Type {
    const type = this.bindings.substitute(operand);
    if (isDyn(type)) return DYN;
    switch (type.kind) {
      case 'map':
        return type.value;
      case 'optional':
        return optionalOf(this.fieldType(at, type.element, field));
      case 'object': {
        const found =
          type.declared?.fields?.get(field)?.declared.type ??
          (type.declared ? undefined : this.options.structs?.(type.name)?.field(field));
        return found ?? this.report(at, `undefined field '${field}'`);
      }
      case 'parameter':
        this.bindings.assign(type, DYN);
        return DYN;
      default:
        return this.report(at, `type '${formatType(type)}' does not support field selection`);
    }
  }

  private call(expr: Call): Type {
    const { target } = expr;
    if (expr.qualified !== undefined) {
      // A macro may use an expression twice.
      return this.overloaded(
        expr,
        expr.qualified,
        expr.args.map((arg) => this.check(arg)),
        false,
      );
    }
    if (target) {
      const prefix = qualifiedName(target);
      const qualified =
        prefix === undefined ? undefined : `${prefix}.${expr.name}`.replace(/^\./, '');
      if (qualified !== undefined && this.options.functions.has(qualified)) {
        expr.qualified = qualified;
        delete expr.target;
        return this.overloaded(
          expr,
          qualified,
          expr.args.map((arg) => this.check(arg)),
          false,
        );
      }
      const types = [this.check(target), ...expr.args.map((arg) => this.check(arg))];
      return this.overloaded(expr, expr.name, types, true);
    }
    const name = expr.name.replace(/^\./, '');
    const types = expr.args.map((arg) => this.check(arg));
    if (name === '_?._') return this.optionalSelect(expr, types);
    return this.overloaded(expr, name, types, false);
  }

  private optionalSelect(expr: Call, [operand = DYN]: readonly Type[]): Type {
    const field = expr.args[1];
    expr.overloads = ['select_optional_field'];
    const name = field?.kind === 'literal' && typeof field.value === 'string' ? field.value : '';
    const type = this.fieldType(expr.at, operand, name);
    return type.kind === 'optional' ? type : optionalOf(type);
  }

  private overloaded(expr: Call, name: string, types: readonly Type[], member: boolean): Type {
    const found = this.options.functions.get(name);
    if (!found) return this.undeclared(expr.at, name);
    const ids: string[] = [];
    let result: Type | undefined;
    for (const overload of found.overloads) {
      if (overload.member !== member) continue;
      const fresh = new Bindings(this.freshen(overload.params));
      const params = overload.params.map((type) => fresh.substitute(type));
      if (!this.bindings.assignAll(params, types)) continue;
      ids.push(overload.id);
      const type = this.bindings.substitute(fresh.substitute(overload.result));
      if (!result) result = type;
      else if (!isDyn(result) && !sameType(result, type)) result = DYN;
    }
    expr.overloads = ids;
    if (result) return result;
    const shown = types.map((type) => formatType(this.bindings.substitute(type, DYN)));
    const signature = member
      ? `${shown[0]}.(${shown.slice(1).join(', ')})`
      : `(${shown.join(', ')})`;
    return this.report(
      expr.at,
      `found no matching overload for '${name}' applied to '${signature}'`,
    );
  }

  /** New parameters for those of an overload, so that two calls of it do not meet. */
  private freshen(params: readonly Type[]): Map<string, Type> {
    const names = new Set(params.flatMap(parametersOf));
    return new Map([...names].map((name) => [name, this.parameter()]));
  }

  private parameter(): Type {
    return parameter(`_var${this.parameters++}`);
  }

  private unwrapped(expr: Expr): { at: number; type: Type } {
    const type = this.bindings.substitute(this.check(expr));
    if (type.kind === 'optional') return { at: expr.at, type: type.element };
    if (!isDyn(type)) this.mismatch(expr.at, optionalOf(type), type);
    return { at: expr.at, type: DYN };
  }

  /** Of the members of a literal, which all have one type. */
  private joined(members: readonly { at: number; type: Type }[]): Type {
    let joined: Type | undefined;
    for (const { at, type } of members) {
      if (!joined) joined = type;
      else if (isDyn(this.bindings.substitute(type))) joined = DYN;
      else if (!this.bindings.assign(joined, type)) {
        if (isDyn(this.bindings.substitute(joined))) continue;
        this.mismatch(at, joined, type);
        joined = DYN;
      } else if (joined === NULL) joined = type;
    }
    return joined ?? this.parameter();
  }

  private struct(expr: StructExpr): Type {
    const name = expr.name.replace(/^\./, '');
    const struct = this.options.structs?.(name);
    for (const { at, name: field, value, optional } of expr.fields) {
      const type = optional ? this.unwrapped(value).type : this.check(value);
      if (!struct) continue;
      const expected = struct.field(field);
      if (!expected) this.report(at, `undefined field '${field}'`);
      else if (!this.bindings.assign(expected, type)) {
        this.report(
          at,
          `expected type of field '${field}' is '${formatType(expected)}' but provided type is '${formatType(this.bindings.substitute(type, DYN))}'`,
        );
      }
    }
    return struct ? struct.type : this.undeclared(expr.at, name);
  }

  private fold(expr: Fold): Type {
    const range = this.bindings.substitute(this.check(expr.range));
    const [first, second] = this.rangeTypes(expr, range);
    const accu = this.check(expr.init);
    const accumulator = expr.accumulator ?? ACCUMULATOR;
    this.scopes.push(new Map([[accumulator, accu]]));
    const variables = new Map([[expr.variable, expr.variable2 === undefined ? second : first]]);
    if (expr.variable2 !== undefined) variables.set(expr.variable2, second);
    this.scopes.push(variables);
    this.expectType(expr.condition, BOOL);
    this.expectType(expr.step, accu);
    this.scopes.pop();
    const result = this.check(expr.result);
    this.scopes.pop();
    return this.bindings.substitute(result);
  }

  private expectType(expr: Expr, type: Type): void {
    const found = this.check(expr);
    if (!this.bindings.assign(type, found)) this.mismatch(expr.at, type, found);
  }

  /** Index or key, and value; of one variable over a map, the key. */
  private rangeTypes(expr: Fold, range: Type): [Type, Type] {
    if (range.kind === 'list') return [INT, range.element];
    if (range.kind === 'map')
      return [range.key, expr.variable2 === undefined ? range.key : range.value];
    if (range.kind === 'parameter') this.bindings.assign(range, DYN);
    else if (!isDyn(range)) {
      this.report(
        expr.range.at,
        `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
      );
      return [ERROR, ERROR];
    }
    return [DYN, DYN];
  }

  private mismatch(at: number, expected: Type, found: Type): void {
    const shown = [expected, found].map((type) => formatType(this.bindings.substitute(type, DYN)));
    this.report(at, `expected type '${shown[0]}' but found '${shown[1]}'`);
  }

  private report(at: number, message: string): Type {
    if (!this.issues.some((issue) => issue.at === at && issue.message === message))
      this.issues.push({ at, message });
    return ERROR;
  }
}

function parametersOf(type: Type): string[] {
  switch (type.kind) {
    case 'parameter':
      return [type.name];
    case 'list':
    case 'optional':
      return parametersOf(type.element);
    case 'map':
      return [...parametersOf(type.key), ...parametersOf(type.value)];
    case 'type':
      return parametersOf(type.of);
    default:
      return [];
  }
}
