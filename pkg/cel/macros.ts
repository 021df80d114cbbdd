/**
 * The macros: has, all, exists, exists_one, map, filter, sortBy; those of two variables (all, exists, existsOne,
 * transformList, transformMap, transformMapEntry); optMap and optFlatMap; cel.bind where it is allowed. Each becomes plain syntax, as in
 * CEL's definition, so that types, costs and evaluation need no rules for them.
 */
import { ACCUMULATOR, type Call, type Expr, type Fold } from './ast.js';
import { RESERVED } from './grammar.js';
import type { Issue } from './issues.js';
import type { Value } from './values.js';

type Expansion = Expr | Issue;
/** Undefined: not a macro after all. */
type Expander = (call: Call, target: Expr, args: readonly Expr[]) => Expansion | undefined;

/** The expression in the macro's place; what is wrong with it; undefined where the call is no macro. */
export function expandMacro(call: Call, bindings: boolean): Expansion | undefined {
  if (!call.target) {
    const [operand] = call.args;
    return call.name === 'has' && call.args.length === 1 && operand ? has(operand) : undefined;
  }
  if (
    bindings &&
    call.name === 'bind' &&
    call.target.kind === 'ident' &&
    call.target.name === 'cel'
  ) {
    return bind(call);
  }
  const expander = MEMBERS.get(`${call.name}/${call.args.length}`);
  return expander?.(call, call.target, call.args);
}

const NOT_SIMPLE = 'argument must be a simple name';
const NO_IDENTIFIER = 'argument is not an identifier';

const MEMBERS: ReadonlyMap<string, Expander> = new Map<string, Expander>([
  ['all/2', one(all)],
  ['exists/2', one(exists)],
  ['exists_one/2', one(existsOne)],
  ['existsOne/2', one(existsOne)],
  ['map/2', one((at, [transform]) => collect(at, undefined, transform), NO_IDENTIFIER)],
  ['map/3', one((at, [filter, transform]) => collect(at, filter, transform), NO_IDENTIFIER)],
  ['filter/2', filter],
  ['sortBy/2', sortBy],
  ['all/3', two(all)],
  ['exists/3', two(exists)],
  ['exists_one/3', two(existsOne)],
  ['existsOne/3', two(existsOne)],
  ['transformList/3', two((at, [transform]) => collect(at, undefined, transform))],
  ['transformList/4', two((at, [filter, transform]) => collect(at, filter, transform))],
  ['transformMap/3', two((at, [transform], key) => intoMap(at, undefined, [key, transform]))],
  ['transformMap/4', two((at, [filter, transform], key) => intoMap(at, filter, [key, transform]))],
  ['transformMapEntry/3', two((at, [entry]) => intoMap(at, undefined, [entry]))],
  ['transformMapEntry/4', two((at, [filter, entry]) => intoMap(at, filter, [entry]))],
  ['optMap/2', optMap(false)],
  ['optFlatMap/2', optMap(true)],
]);

function has(operand: Expr): Expansion {
  if (operand.kind === 'select' && !operand.test) return { ...operand, test: true };
  return { at: operand.at, message: 'invalid argument to has() macro' };
}

type Parts = Pick<Fold, 'init' | 'condition' | 'step' | 'result'>;
type Body = (at: number, args: readonly Expr[], variable: Expr) => Parts;

function one(body: Body, otherwise = NOT_SIMPLE): Expander {
  return (call, range, [variable, ...args]) => {
    const name = nameOf(variable, otherwise);
    if (typeof name !== 'string') return name;
    return {
      kind: 'fold',
      at: call.at,
      range,
      variable: name,
      ...body(call.at, args, ident(call.at, name)),
    };
  };
}

function two(body: Body): Expander {
  return (call, range, [first, second, ...args]) => {
    const name = nameOf(first);
    if (typeof name !== 'string') return name;
    const name2 = nameOf(second);
    if (typeof name2 !== 'string') return name2;
    if (name === name2) {
      return { at: second?.at ?? call.at, message: `duplicate variable name: ${name}` };
    }
    return {
      kind: 'fold',
      at: call.at,
      range,
      variable: name,
      variable2: name2,
      ...body(call.at, args, ident(call.at, name)),
    };
  };
}

function nameOf(variable: Expr | undefined, otherwise = NOT_SIMPLE): string | Issue {
  if (variable?.kind !== 'ident') return { at: variable?.at ?? -1, message: otherwise };
  if (variable.name.startsWith('.') || RESERVED.has(variable.name))
    return { at: variable.at, message: otherwise };
  if (variable.name === '__result__') {
    return { at: variable.at, message: 'iteration variable overwrites accumulator variable' };
  }
  return variable.name;
}

function all(at: number, [predicate]: readonly Expr[]): Parts {
  const accu = ident(at, ACCUMULATOR);
  return {
    init: literal(at, true),
    condition: call(at, '@not_strictly_false', accu),
    step: call(at, '_&&_', accu, given(predicate)),
    result: accu,
  };
}

function exists(at: number, [predicate]: readonly Expr[]): Parts {
  const accu = ident(at, ACCUMULATOR);
  return {
    init: literal(at, false),
    condition: call(at, '@not_strictly_false', call(at, '!_', accu)),
    step: call(at, '_||_', accu, given(predicate)),
    result: accu,
  };
}

function existsOne(at: number, [predicate]: readonly Expr[]): Parts {
  const accu = ident(at, ACCUMULATOR);
  return {
    init: literal(at, 0),
    condition: literal(at, true),
    step: call(at, '_?_:_', given(predicate), call(at, '_+_', accu, literal(at, 1)), accu),
    result: call(at, '_==_', accu, literal(at, 1)),
  };
}

function collect(at: number, filter: Expr | undefined, transform: Expr | undefined): Parts {
  return into(
    at,
    list(at),
    call(at, '_+_', ident(at, ACCUMULATOR), list(at, given(transform))),
    filter,
  );
}

function intoMap(
  at: number,
  filter: Expr | undefined,
  entry: readonly (Expr | undefined)[],
): Parts {
  const step = call(at, 'cel.@mapInsert', ident(at, ACCUMULATOR), ...entry.map(given));
  return into(at, { kind: 'map', at, entries: [] }, step, filter);
}

function into(at: number, init: Expr, step: Expr, filter: Expr | undefined): Parts {
  const accu = ident(at, ACCUMULATOR);
  return {
    init,
    condition: literal(at, true),
    step: filter ? call(at, '_?_:_', filter, step, accu) : step,
    result: accu,
  };
}

function filter(of: Call, range: Expr, [variable, predicate]: readonly Expr[]): Expansion {
  const name = nameOf(variable, NO_IDENTIFIER);
  if (typeof name !== 'string') return name;
  const at = of.at;
  return {
    kind: 'fold',
    at,
    range,
    variable: name,
    ...collect(at, given(predicate), ident(at, name)),
  };
}

/** `list.sortBy(v, key)`: the list, bound to a name, sorted by the list of its keys. */
function sortBy(of: Call, target: Expr, args: readonly Expr[]): Expansion {
  const { at } = of;
  if (!SORTABLE.has(target.kind)) {
    const message =
      'sortBy can only be applied to a list, identifier, comprehension, call or select expression';
    return { at: target.at, message };
  }
  const input = ident(at, SORT_INPUT);
  const keys = one((mark, [key]) => collect(mark, undefined, key), NO_IDENTIFIER)(of, input, args);
  if (!keys || !('kind' in keys)) return keys ?? of;
  const sorted: Expr = {
    kind: 'call',
    at,
    name: '@sortByAssociatedKeys',
    target: input,
    args: [keys],
  };
  return binding(at, SORT_INPUT, target, sorted);
}

/** No source text can name it. */
const SORT_INPUT = '@__sortBy_input__';
const SORTABLE: ReadonlySet<Expr['kind']> = new Set(['list', 'select', 'ident', 'fold', 'call']);

/** `a.optMap(v, f)`: `a.hasValue() ? optional.of(f with v = a.value()) : optional.none()`. */
function optMap(flat: boolean): Expander {
  return (of, target, [variable, transform]) => {
    const name = nameOf(variable);
    if (typeof name !== 'string') return name;
    const { at } = of;
    const member = (method: string): Expr => ({ kind: 'call', at, name: method, target, args: [] });
    const bound = binding(at, name, member('value'), given(transform));
    const some = flat ? bound : call(at, 'optional.of', bound);
    return call(at, '_?_:_', member('hasValue'), some, call(at, 'optional.none'));
  };
}

/** `cel.bind(v, value, expr)`: `expr`, in which `v` is the value. */
function bind(of: Call): Expansion | undefined {
  const [variable, value, result] = of.args;
  if (!value || !result || of.args.length !== 3) return undefined;
  if (variable?.kind !== 'ident') {
    return {
      at: variable?.at ?? of.at,
      message: 'cel.bind() variable names must be simple identifiers',
    };
  }
  return binding(of.at, variable.name, value, result);
}

function binding(at: number, name: string, init: Expr, result: Expr): Fold {
  return {
    kind: 'fold',
    at,
    range: list(at),
    variable: '#unused',
    init,
    condition: literal(at, false),
    step: ident(at, name),
    result,
    accumulator: name,
  };
}

/** The number of arguments was checked before. */
function given(expr: Expr | undefined): Expr {
  if (!expr) throw new Error('a macro was expanded without its argument');
  return expr;
}

function ident(at: number, name: string): Expr {
  return { kind: 'ident', at, name };
}

function literal(at: number, value: Value): Expr {
  return { kind: 'literal', at, value };
}

function list(at: number, ...elements: Expr[]): Expr {
  return { kind: 'list', at, elements, optional: new Set() };
}

function call(at: number, name: string, ...args: Expr[]): Expr {
  return { kind: 'call', at, name, args };
}
