/** What calls of Kubernetes' own functions cost at worst, and how large their results are (`library/cost.go`). */
import type { Call, Expr } from './ast.js';
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
} from './cost-range.js';
import { BYTES, STRING } from './types.js';

/** Characters of the pattern behind a named format, and of its name, at most. */
const MAX_FORMAT_REGEX = 128;
const MAX_FORMAT_NAME = 64;
const LIST_CREATE = 10;
/** Of two items of a list. */
const COMPARISON = 2;

export interface Estimate {
  readonly cost: Range;
  readonly size?: Range;
}

/** What is known of the sizes of a call's target and arguments. */
export interface Sizes {
  of(expr: Expr): Range;
  ofElements(list: Expr): Range;
}

/** What Kubernetes' own functions cost, by their names. */
export function libraryEstimate(
  expr: Call,
  name: string,
  id: string,
  sizes: Sizes,
): Estimate | undefined {
  const { target, args } = expr;
  const size = (of: Expr | undefined) => (of ? sizes.of(of) : UNKNOWN);
  const text = (of: Range, by = 1): Estimate => ({ cost: factor(of, by * STRING_FACTOR) });
  switch (name) {
    case 'check':
      return { cost: fixed(350_000) };
    case 'serviceAccount':
    case 'path':
    case 'group':
    case 'resource':
    case 'subresource':
    case 'namespace':
    case 'name':
    case 'allowed':
    case 'reason':
    case 'error':
    case 'errored':
    case 'sign':
    case 'asInteger':
    case 'isInteger':
    case 'asApproximateFloat':
    case 'isGreaterThan':
    case 'isLessThan':
    case 'compareTo':
    case 'add':
    case 'sub':
    case 'masked':
    case 'prefixLength':
    case 'family':
    case 'isUnspecified':
    case 'isLoopback':
    case 'isLinkLocalMulticast':
    case 'isLinkLocalUnicast':
    case 'isGlobalUnicast':
    case 'major':
    case 'minor':
    case 'patch':
    case 'format.named':
      return { cost: ONE };
    case 'fieldSelector':
    case 'labelSelector':
      return { ...text(size(args[0])) };
    case 'isSorted':
    case 'sum':
    case 'max':
    case 'min':
    case 'indexOf':
    case 'lastIndexOf': {
      if (!target) return undefined;
      const element = target.type?.kind === 'list' ? target.type.element : undefined;
      if (!element) return text(size(target));
      let each = ONE;
      if (element === STRING || element === BYTES)
        each = add(ONE, factor(sizes.ofElements(target), STRING_FACTOR));
      return { cost: times(size(target), each) };
    }
    case 'url':
    case 'jsonpatch.escapeKey':
      return args.length === 1 ? text(size(args[0])) : undefined;
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
      return target ? { ...text(size(target)), size: size(target) } : undefined;
    case 'replace':
      return target && args.length >= 2
        ? { ...text(size(target), 2), size: replaced(size(target), size(args[0]), size(args[1])) }
        : undefined;
    case 'split':
      return target
        ? { ...text(size(target), 2), size: { min: 0, max: size(target).max } }
        : undefined;
    case 'join': {
      if (!target) return undefined;
      const list = size(target);
      let total = times(list, sizes.ofElements(target));
      if (args[0]) {
        const separators = { min: Math.max(0, list.min - 1), max: Math.max(0, list.max - 1) };
        total = add(total, times(size(args[0]), separators));
      }
      return { ...text(total), size: total };
    }
    case 'find':
    case 'findAll': {
      if (!target || args.length < 1) return undefined;
      const subject = factor(add(size(target), ONE), STRING_FACTOR);
      return {
        cost: times(subject, factor(size(args[0]), REGEX_FACTOR)),
        size: { min: 0, max: size(target).max },
      };
    }
    case 'cidr':
    case 'isIP':
    case 'isCIDR':
    case 'quantity':
    case 'isQuantity':
    case 'semver':
    case 'isSemver':
      return args.length >= 1 ? text(size(args[0])) : undefined;
    case 'ip':
      return id === 'cidr_ip' ? { cost: ONE } : text(size(args[0]));
    case 'ip.isCanonical':
      return text(size(args[0]), 2);
    case 'containsIP':
    case 'containsCIDR': {
      const bytes: Range = { min: 4, max: 16 };
      let cost = factor(add(bytes, bytes), STRING_FACTOR);
      if (name === 'containsCIDR') cost = add(add(cost, factor(bytes, STRING_FACTOR)), ONE);
      if (id.endsWith('_string')) cost = add(cost, factor(size(args[0]), STRING_FACTOR));
      return { cost };
    }
    case 'sets.contains':
    case 'sets.intersects':
    case 'sets.equivalent': {
      const product = times(size(args[0]), size(args[1]));
      return {
        cost: name === 'sets.equivalent' ? add(times(product, fixed(2)), ONE) : add(product, ONE),
      };
    }
    case 'validate':
      return args.length < 1
        ? undefined
        : { cost: factor(text(size(args[0])).cost, MAX_FORMAT_REGEX * REGEX_FACTOR) };
    case 'slice':
      return target && args.length === 2
        ? newList(1, fixed(Math.max(0, intOf(args[1], size(target).max) - intOf(args[0], 0))))
        : undefined;
    case 'lists.range':
      return newList(1, fixed(intOf(args[0], MAX_COST)));
    case 'reverse':
      return target && newList(1, size(target));
    case 'flatten':
      return target && newList(args.length === 0 ? 1 : intOf(args[0], MAX_COST), size(target));
    case 'distinct':
      return target && newList(COMPARISON, times(size(target), size(target)));
    case 'sort':
    case '@sortByAssociatedKeys': {
      const keys = name === 'sort' ? target : args[0];
      const text = id.startsWith('list_string') || id.startsWith('list_bytes');
      const each = text ? COMPARISON + STRING_FACTOR : COMPARISON;
      return keys && newList(each, times(size(keys), size(keys)));
    }
    case 'strings.quote': {
      const own = size(args[0]);
      // Every character may have to be escaped.
      return { ...text(own), size: { min: cap(own.min + 2), max: cap(own.max * 2 + 2) } };
    }
    case '_==_': {
      const same = sameTypeCost(args);
      return same && { cost: same };
    }
    default:
      return undefined;
  }
}

/** The size of a text in which each `old` became `by`. */
function replaced(text: Range, old: Range, by: Range): Range {
  const bound = (size: number, oldSize: number, bySize: number, grows: boolean): number => {
    if (oldSize === 0) return cap((size + 1) * bySize + size);
    if (!grows) return size;
    return cap(Math.ceil(size / oldSize) * bySize);
  };
  return {
    min: bound(text.min, old.max, by.min, old.max > by.min),
    max: bound(text.max, old.min, by.max, by.max > old.min),
  };
}

/** A call that makes a list of this size, at a cost for each of its items. */
function newList(each: number, size: Range): Estimate {
  return { cost: add(factor(size, each), fixed(1 + LIST_CREATE)), size };
}

/** The number that a literal is. */
function intOf(expr: Expr | undefined, otherwise: number): number {
  const value = expr?.kind === 'literal' ? expr.value : undefined;
  return typeof value === 'number' || typeof value === 'bigint'
    ? Math.max(0, Number(value))
    : otherwise;
}

/** Of values that are compared as a whole, whatever is in them; undefined for all others. */
function sameTypeCost([left, right]: readonly Expr[]): Range | undefined {
  const [a, b] = [left?.type, right?.type];
  if (a?.kind !== 'opaque' || b?.kind !== 'opaque' || a.name !== b.name) return undefined;
  if (a.name === 'kubernetes.NamedFormat')
    return factor({ min: 1, max: MAX_FORMAT_NAME }, STRING_FACTOR);
  return ONE;
}
