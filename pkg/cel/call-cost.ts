/** What one call cost, from the sizes of what it was given (`library/cost.go` and CEL's own defaults). */
import { REGEX_FACTOR, STRING_FACTOR } from './cost-range.js';
import { CelMap, isList, sizeOf, type Value } from './values.js';

/** Upstream allows for two checks an expression. */
const AUTHORIZATION_CHECK = 350_000;

export function callCost(name: string, args: readonly Value[], result: Value): number {
  const size = (i: number): number => {
    const value = args[i];
    return value === undefined ? 0 : sizeOf(value);
  };
  const text = (count: number) => Math.ceil(count * STRING_FACTOR);
  switch (name) {
    case 'check':
      return AUTHORIZATION_CHECK;
    case '_==_':
    case '_!=_':
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      return text(Math.min(size(0), size(1)));
    case '_+_':
      return isText(args[0]) ? text(size(0) + size(1)) : 1;
    case '@in':
      return isList(args[1] ?? null) ? size(1) : 1;
    case 'string':
    case 'bytes':
      return isText(args[0]) ? text(size(0)) : 1;
    case 'startsWith':
    case 'endsWith':
      return text(size(0));
    case 'contains':
      return text(size(0)) * text(size(1));
    case 'matches':
    case 'find':
    case 'findAll':
      return Math.ceil((1 + size(0)) * STRING_FACTOR) * Math.ceil(size(1) * REGEX_FACTOR);
    case 'isSorted':
    case 'sum':
    case 'max':
    case 'min':
    case 'indexOf':
    case 'lastIndexOf':
      return traversal(args[0] ?? null);
    case 'url':
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
    case 'jsonpatch.escapeKey':
    case 'strings.quote':
    case 'cidr':
    case 'isIP':
    case 'isCIDR':
    case 'quantity':
    case 'isQuantity':
    case 'semver':
    case 'isSemver':
    case 'format':
      return text(size(0));
    case 'ip':
      return typeof args[0] === 'string' ? text(size(0)) : 1;
    case 'ip.isCanonical':
      return text(2 * size(0));
    case 'replace':
    case 'split':
      return text(2 * size(0));
    case 'join':
      return text(2 * sizeOf(result));
    case 'fieldSelector':
    case 'labelSelector':
      return text(size(1));
    case 'containsIP':
      return addresses(args);
    case 'containsCIDR':
      return addresses(args) + 3;
    case 'sets.contains':
    case 'sets.intersects':
      return 1 + size(0) * size(1);
    case 'sets.equivalent':
      return 1 + 2 * size(0) * size(1);
    default:
      return 1;
  }
}

/** Two addresses of 16 bytes at most are compared; a text is read first. */
function addresses(args: readonly Value[]): number {
  const other = args[1] ?? null;
  return 4 + (typeof other === 'string' ? Math.ceil(sizeOf(other) * STRING_FACTOR) : 0);
}

function isText(value: Value | undefined): boolean {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function traversal(value: Value): number {
  if (typeof value === 'string' || value instanceof Uint8Array)
    return Math.floor(sizeOf(value) * STRING_FACTOR);
  if (isList(value)) return value.reduce<number>((sum, item) => sum + traversal(item), 0);
  if (value instanceof CelMap) {
    return value
      .keys()
      .reduce<number>((sum, key) => sum + traversal(key) + traversal(value.get(key) ?? null), 0);
  }
  return 1;
}
