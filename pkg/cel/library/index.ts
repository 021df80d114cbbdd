/** All functions that Kubernetes v1.35 gives to expressions. Functions of one name in several libraries are one. */
import type { Body, CelFunction, Library, Overload } from '../function.js';
import { formatType, isDyn, type Type } from '../types.js';
import { CelMap, isInt, isList, noSuchOverload, typeNameOf, type Value } from '../values.js';
import { authorization } from './authorizer.js';
import { conversions } from './conversions.js';
import { formats } from './formats.js';
import { listExtension } from './list-extension.js';
import { lists } from './lists.js';
import { addresses } from './network.js';
import { optionals } from './optionals.js';
import { quantities } from './quantity.js';
import { regexes } from './regex.js';
import { semvers } from './semver.js';
import { standard } from './standard.js';
import { strings } from './strings.js';
import { times } from './time.js';
import { urls } from './urls.js';

export const FUNCTIONS: ReadonlyMap<string, CelFunction> = merge([
  standard,
  conversions,
  optionals,
  times,
  strings,
  lists,
  listExtension,
  regexes,
  urls,
  quantities,
  addresses,
  formats,
  semvers,
  authorization,
]);

export function merge(libraries: readonly Library[]): ReadonlyMap<string, CelFunction> {
  const byName = new Map<string, CelFunction[]>();
  for (const library of libraries) {
    for (const declared of library)
      byName.set(declared.name, [...(byName.get(declared.name) ?? []), declared]);
  }
  return new Map(
    [...byName].map(([name, same]) => [name, same.length === 1 ? only(same) : union(name, same)]),
  );
}

function only([one]: readonly CelFunction[]): CelFunction {
  if (!one) throw new Error('a name without a function');
  return one;
}

/** Which of them is meant is told by the first argument. */
function union(name: string, same: readonly CelFunction[]): CelFunction {
  const call: Body = (args, evaluation) => {
    const found = same.find(({ overloads }) => overloads.some((overload) => takes(overload, args)));
    if (!found) throw noSuchOverload();
    return found.call(args, evaluation);
  };
  return { name, overloads: same.flatMap(({ overloads }) => overloads), call };
}

function takes({ params }: Overload, args: readonly Value[]): boolean {
  const [param] = params;
  const [arg] = args;
  if (params.length !== args.length) return false;
  return param === undefined || arg === undefined || fits(param, arg);
}

function fits(type: Type, value: Value): boolean {
  if (isDyn(type) || type.kind === 'parameter') return true;
  if (type.kind === 'list') return isList(value);
  if (type.kind === 'map') return value instanceof CelMap;
  if (type.kind === 'optional') return typeNameOf(value) === 'optional_type';
  return formatType(type) === (isInt(value) ? 'int' : typeNameOf(value));
}
