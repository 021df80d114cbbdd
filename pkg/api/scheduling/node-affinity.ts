/**
 * Does a node satisfy a pod's nodeSelector and required node affinity?
 * (`k8s.io/component-helpers/scheduling/corev1/nodeaffinity`)
 */

import {
  newRequirement,
  type Requirement,
  type Selector,
  SelectorError,
  selectorFromRequirements,
} from '../../apimachinery/labels.js';
import type { NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../types.js';

/** What selectors and affinity see of a node. */
export interface NodeIdentity {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** One term with its label requirements compiled; a term without any requirement matches nothing. */
export class NodeTerm {
  /** Undefined where the term says what cannot be; it matches nothing then. */
  private readonly labels: Selector | undefined;
  private readonly fields: readonly NodeSelectorRequirement[];
  readonly empty: boolean;
  constructor(term: NodeSelectorTerm) {
    this.labels = compiled(term);
    this.fields = term.matchFields ?? [];
    this.empty = this.labels?.empty === true && this.fields.length === 0;
  }
  matches(node: NodeIdentity): boolean {
    if (this.empty || !this.labels) return false;
    return (
      this.labels.matches(node.labels) &&
      this.fields.every((field) => matchesField(field, node.name))
    );
  }
  /** Names of nodes that the term's fields allow; undefined where fields say nothing. */
  nodeNames(): ReadonlySet<string> | undefined {
    const named = this.fields.filter((f) => f.key === 'metadata.name' && f.operator === 'In');
    if (named.length === 0) return undefined;
    const sets = named.map((f) => new Set(f.values ?? []));
    return new Set(
      [...(sets[0] as Set<string>)].filter((name) => sets.every((set) => set.has(name))),
    );
  }
}

export class RequiredNodeAffinity {
  private readonly selector: readonly [string, string][];
  private readonly terms: readonly NodeTerm[] | undefined;
  constructor(pod: Pod) {
    this.selector = Object.entries(pod.spec?.nodeSelector ?? {});
    this.terms =
      pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms.map(
        (term) => new NodeTerm(term),
      );
  }
  get isEmpty(): boolean {
    return this.selector.length === 0 && this.terms === undefined;
  }
  matches(node: NodeIdentity): boolean {
    if (!this.selector.every(([key, value]) => node.labels[key] === value)) return false;
    return this.terms === undefined || this.terms.some((term) => term.matches(node));
  }
  /** The only nodes that can match, where every term names its nodes (as the DaemonSet controller does). */
  nodeNames(): ReadonlySet<string> | undefined {
    if (!this.terms || this.terms.length === 0) return undefined;
    const names = new Set<string>();
    for (const term of this.terms) {
      const named = term.nodeNames();
      if (!named) return undefined;
      for (const name of named) names.add(name);
    }
    return names;
  }
}

const OPERATORS = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
} as const;

function compiled(term: NodeSelectorTerm): Selector | undefined {
  try {
    return selectorFromRequirements((term.matchExpressions ?? []).map(compile));
  } catch (err) {
    if (err instanceof SelectorError) return undefined;
    throw err;
  }
}

function compile(requirement: NodeSelectorRequirement): Requirement {
  const operator = OPERATORS[requirement.operator as keyof typeof OPERATORS];
  return newRequirement(requirement.key, operator, requirement.values ?? []);
}

/** The only field that there is, is the node's name. */
function matchesField(field: NodeSelectorRequirement, name: string): boolean {
  const among = (field.values ?? []).includes(name);
  return field.operator === 'In' ? among : field.operator === 'NotIn' ? !among : false;
}
