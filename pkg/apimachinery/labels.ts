/**
 * Label selectors: the string grammar of `k8s.io/apimachinery/pkg/labels` (`x in (a,b),y,!z,k=v,n>1`)
 * and the `LabelSelector` object, both compiled to a `Selector` that matches a label map.
 *
 * Absent object → nothing; empty object or text → everything. Selectors are immutable and may be shared;
 * `matches` allocates nothing. Parse errors carry upstream's text; an HTTP edge makes a 400 of them.
 */
import { parseRequirements } from './label-parser.js';
import {
  compileRequirement,
  type LabelCheck,
  type Labels,
  newRequirement,
  type Operator,
  type Requirement,
  requirementToString,
  SelectorError,
} from './label-requirement.js';

export { type Labels, newRequirement, type Operator, type Requirement, SelectorError };

export interface LabelSelectorRequirement {
  key: string;
  operator: string;
  values?: string[];
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: LabelSelectorRequirement[];
}

export interface Selector {
  matches(labels: Labels | undefined): boolean;
  /** It lets everything through. */
  readonly empty: boolean;
  /** It lets nothing through, by construction. */
  readonly nothing: boolean;
  readonly requirements: readonly Requirement[];
  /** The value that the key must have, if the selector asks for exactly one. */
  requiresExactMatch(key: string): string | undefined;
  /** Requirements sorted by key: equal selectors print equally. */
  toString(): string;
}

const NO_LABELS: Labels = Object.freeze({});

class Requirements implements Selector {
  readonly nothing = false;
  private readonly checks: readonly LabelCheck[];
  constructor(readonly requirements: readonly Requirement[]) {
    this.checks = requirements.map(compileRequirement);
  }
  get empty(): boolean {
    return this.checks.length === 0;
  }
  matches(labels: Labels | undefined): boolean {
    const of = labels ?? NO_LABELS;
    for (const check of this.checks) if (!check(of)) return false;
    return true;
  }
  requiresExactMatch(key: string): string | undefined {
    const found = this.requirements.find((r) => r.key === key);
    if (found?.values.length !== 1) return undefined;
    return ['=', '==', 'in'].includes(found.operator) ? found.values[0] : undefined;
  }
  toString(): string {
    return this.requirements.map(requirementToString).join(',');
  }
}

class Nothing implements Selector {
  readonly empty = false;
  readonly nothing = true;
  readonly requirements: readonly Requirement[] = [];
  matches(): boolean {
    return false;
  }
  requiresExactMatch(): undefined {
    return undefined;
  }
  toString(): string {
    return '';
  }
}

const EVERYTHING: Selector = Object.freeze(new Requirements([]));
const NOTHING: Selector = Object.freeze(new Nothing());

export function everything(): Selector {
  return EVERYTHING;
}

export function nothing(): Selector {
  return NOTHING;
}

/** Throws SelectorError with upstream's text. */
export function parseSelector(text: string): Selector {
  const requirements = parseRequirements(text);
  return requirements.length === 0 ? EVERYTHING : new Requirements(sortByKey(requirements));
}

/** The `LabelSelector` object; throws SelectorError on an operator, key or value that is none. */
export function selectorFromObject(selector: LabelSelector | undefined | null): Selector {
  if (selector === undefined || selector === null) return NOTHING;
  const requirements: Requirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push(newRequirement(key, '=', [value]));
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const op = OBJECT_OPERATORS.get(operator);
    if (op === undefined) {
      throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`);
    }
    requirements.push(newRequirement(key, op, values ?? []));
  }
  return requirements.length === 0 ? EVERYTHING : new Requirements(sortByKey(requirements));
}

/** Requirements that are checked already; none is everything. */
export function selectorFromRequirements(requirements: readonly Requirement[]): Selector {
  return requirements.length === 0 ? EVERYTHING : new Requirements(sortByKey([...requirements]));
}

/** A plain map, as `spec.selector` of Services and ReplicationControllers; unchecked, empty is everything. */
export function selectorFromSet(labels: Labels | undefined | null): Selector {
  const requirements = Object.entries(labels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: '=', values: [value] }),
  );
  return requirements.length === 0 ? EVERYTHING : new Requirements(sortByKey(requirements));
}

/** The LabelSelector of selector text (`kubectl expose`, PodDisruptionBudget of a scale); throws on > and <. */
export function parseToLabelSelector(text: string): LabelSelector {
  let parsed: Selector;
  try {
    parsed = parseSelector(text);
  } catch (err) {
    throw new SelectorError(
      `couldn't parse the selector string "${text}": ${err instanceof Error ? err.message : String(err)}`,
      { cause: err },
    );
  }
  const matchLabels: Record<string, string> = {};
  const matchExpressions: LabelSelectorRequirement[] = [];
  for (const { key, operator, values } of parsed.requirements) {
    if (operator === '=' || operator === '==') {
      matchLabels[key] = values[0] ?? '';
      continue;
    }
    const name = [...OBJECT_OPERATORS].find(([, op]) => op === operator)?.[0];
    if (name === undefined) {
      const why =
        operator === 'gt' || operator === 'lt'
          ? "isn't supported in label selectors"
          : 'is not a valid label selector operator';
      throw new SelectorError(`${JSON.stringify(operator)} ${why}`);
    }
    matchExpressions.push({
      key,
      operator: name,
      ...(values.length ? { values: [...values] } : {}),
    });
  }
  return { matchLabels, matchExpressions };
}

/** `kubectl` and `/scale` show a LabelSelector this way: `a=b,c in (d,e)`; `<none>` when empty, `<error>` when bad. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  try {
    const text = selectorFromObject(selector).toString();
    return text === '' ? '<none>' : text;
  } catch (err) {
    if (err instanceof SelectorError) return '<error>';
    throw err;
  }
}

/** `in` is listed first so that a reverse look-up finds it; `!=` prints as NotIn, as upstream. */
const OBJECT_OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

function sortByKey(requirements: Requirement[]): Requirement[] {
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}
