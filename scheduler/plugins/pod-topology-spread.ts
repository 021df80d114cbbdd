/**
 * Spreads pods that a selector matches over the values of a node label. `DoNotSchedule` constraints
 * filter, `ScheduleAnyway` ones score. A pod without constraints is spread by the profile's defaults (by
 * default over hosts, skew 3, and zones, skew 5), among the pods of its Services and its controller.
 *
 * Worked example, one constraint `zone, maxSkew 1`, matching pods per zone a:2 b:1 c:1. The least is 1, so
 * a pod may make b or c 2 (skew 1) but not a 3 (skew 2).
 */

import { isDeepStrictEqual } from 'node:util';
import { RequiredNodeAffinity } from '../../pkg/api/scheduling/node-affinity.js';
import { untolerated } from '../../pkg/api/scheduling/taints.js';
import type { Node, Pod, TopologySpreadConstraint } from '../../pkg/api/types.js';
import { type Selector, selectorFromObject } from '../../pkg/apimachinery/labels.js';
import type { NodeInfo } from '../cache/node-info.js';
import type { PodTopologySpreadArgs } from '../config/types.js';
import {
  type CycleState,
  MAX_NODE_SCORE,
  type NodeScore,
  type Plugin,
  SKIP,
  stateKey,
  unresolvable,
  unschedulable,
} from '../framework/interface.js';
import { type PodInfo, withMatchLabelKeys } from '../framework/pod-info.js';

const REASON = "node(s) didn't match pod topology spread constraints";
const REASON_NO_LABEL = `${REASON} (missing required label)`;
const HOSTNAME = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';

/** Of Kubernetes, where a profile says nothing of its own. */
const SYSTEM_DEFAULTS: readonly TopologySpreadConstraint[] = [
  { topologyKey: HOSTNAME, maxSkew: 3, whenUnsatisfiable: 'ScheduleAnyway' },
  { topologyKey: ZONE, maxSkew: 5, whenUnsatisfiable: 'ScheduleAnyway' },
];

interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: Selector;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
}

/** How many matching pods each value of a constraint's key has. */
class FilterState {
  constructor(
    readonly constraints: readonly Constraint[],
    readonly counts: readonly Map<string, number>[],
    readonly required: RequiredNodeAffinity,
  ) {}
  clone(): FilterState {
    return new FilterState(
      this.constraints,
      this.counts.map((counts) => new Map(counts)),
      this.required,
    );
  }
}

interface ScoreState {
  readonly constraints: readonly Constraint[];
  /** Per constraint; undefined for hostnames, whose pods are counted node by node. */
  readonly counts: readonly (Map<string, number> | undefined)[];
  readonly weights: readonly number[];
  readonly ignored: ReadonlySet<string>;
}

const FILTER = stateKey<FilterState>('PodTopologySpread');
const SCORE = stateKey<ScoreState>('PodTopologySpread/score');

/** The selector that the cluster's default constraints use for a pod; empty where nothing selects it. */
export type DefaultSelector = (pod: Pod) => Selector | undefined;

export interface PodTopologySpreadOptions {
  args: PodTopologySpreadArgs;
  defaultSelector: DefaultSelector;
  nodes(): readonly NodeInfo[];
}

export function podTopologySpread({
  args,
  defaultSelector,
  nodes,
}: PodTopologySpreadOptions): Plugin {
  const system = args.defaultingType === 'System';
  const defaults = system ? SYSTEM_DEFAULTS : args.defaultConstraints;
  /** The pod's own constraints, or where it has none at all the defaults, among the pods it belongs to. */
  const constraintsOf = (pod: Pod, action: string): Constraint[] => {
    const own = pod.spec?.topologySpreadConstraints ?? [];
    const wanted = (own.length > 0 ? own : defaults).filter((c) => c.whenUnsatisfiable === action);
    if (wanted.length === 0 || own.length > 0) return wanted.map((c) => constraintOf(c, pod));
    const selector = defaultSelector(pod);
    if (!selector || selector.empty) return [];
    return wanted.map((c) => ({ ...constraintOf(c, pod), selector }));
  };
  const concerns = (pod: PodInfo, changed: Pod | undefined): boolean => {
    if (!changed || changed.metadata?.namespace !== pod.namespace) return false;
    const labels = changed.metadata?.labels ?? {};
    return constraintsOf(pod.pod, 'DoNotSchedule').some((c) => c.selector.matches(labels));
  };
  const nodeHelps = (pod: PodInfo, old: Node | undefined, now: Node | undefined): boolean => {
    const keys = constraintsOf(pod.pod, 'DoNotSchedule').map((c) => c.topologyKey);
    const counts = (node: Node | undefined) =>
      node !== undefined && keys.every((key) => node.metadata?.labels?.[key] !== undefined);
    if (!old || !now || counts(old) !== counts(now)) return counts(old) || counts(now);
    const moved = keys.some((key) => old.metadata?.labels?.[key] !== now.metadata?.labels?.[key]);
    return (
      counts(now) && (moved || !isDeepStrictEqual(old.spec?.taints ?? [], now.spec?.taints ?? []))
    );
  };

  return {
    name: 'PodTopologySpread',
    events: [
      {
        resource: 'AssignedPod',
        actions: ['Add', 'UpdateLabel', 'Delete'],
        helps: (pod, old, now) => concerns(pod, old as Pod) !== concerns(pod, now as Pod),
      },
      {
        resource: 'Node',
        actions: ['Add', 'Delete', 'UpdateLabel', 'UpdateTaint'],
        helps: (pod, old, now) => nodeHelps(pod, old as Node, now as Node),
      },
      {
        resource: 'Pod',
        actions: ['UpdateLabel'],
        helps: (pod, old, now) => concerns(pod, old as Pod) !== concerns(pod, now as Pod),
      },
      {
        resource: 'Pod',
        actions: ['UpdateToleration'],
        helps: (pod) => constraintsOf(pod.pod, 'DoNotSchedule').some((c) => c.honorTaints),
      },
    ],

    preFilter(state, pod, all) {
      const constraints = constraintsOf(pod.pod, 'DoNotSchedule');
      if (constraints.length === 0) return SKIP;
      const required = new RequiredNodeAffinity(pod.pod);
      const counts = constraints.map(() => new Map<string, number>());
      for (const node of all) {
        if (!hasAllKeys(node, constraints)) continue;
        constraints.forEach((constraint, i) => {
          if (!includes(constraint, pod.pod, node, required)) return;
          const value = node.labels[constraint.topologyKey] as string;
          const counted = counts[i] as Map<string, number>;
          counted.set(
            value,
            (counted.get(value) ?? 0) + matching(node, constraint.selector, pod.namespace),
          );
        });
      }
      state.set(FILTER, new FilterState(constraints, counts, required));
      return undefined;
    },

    addPod: (state, pod, added, node) => recount(state, pod, added, node, 1),
    removePod: (state, pod, removed, node) => recount(state, pod, removed, node, -1),

    filter(state, pod, node) {
      const found = state.get(FILTER);
      if (!found) return undefined;
      for (const [i, constraint] of found.constraints.entries()) {
        const value = node.labels[constraint.topologyKey];
        if (value === undefined) return unresolvable(REASON_NO_LABEL);
        const counts = found.counts[i] as Map<string, number>;
        const self = constraint.selector.matches(pod.labels) ? 1 : 0;
        const skew = (counts.get(value) ?? 0) + self - least(counts, constraint.minDomains);
        if (skew > constraint.maxSkew) return unschedulable(REASON);
      }
      return undefined;
    },

    preScore(state, pod, feasible) {
      const constraints = constraintsOf(pod.pod, 'ScheduleAnyway');
      if (constraints.length === 0) return SKIP;
      const own = (pod.pod.spec?.topologySpreadConstraints ?? []).length > 0;
      // The system's defaults serve clusters without zones too; all others demand their labels.
      state.set(SCORE, scoreState(constraints, own || !system, pod, feasible, nodes()));
      return undefined;
    },

    score(state, pod, node) {
      const found = state.get(SCORE);
      if (!found || found.ignored.has(node.name)) return 0;
      let score = 0;
      for (const [i, constraint] of found.constraints.entries()) {
        const value = node.labels[constraint.topologyKey];
        if (value === undefined) continue;
        const counts = found.counts[i];
        const count = counts
          ? (counts.get(value) ?? 0)
          : matching(node, constraint.selector, pod.namespace);
        score += count * (found.weights[i] as number) + (constraint.maxSkew - 1);
      }
      return Math.round(score);
    },

    /** Fewer is better: the emptiest gets the highest score. */
    normalize(state, _pod, scores) {
      const found = state.get(SCORE);
      if (found) normalizeInverted(scores, found.ignored);
    },
  };
}

function normalizeInverted(scores: NodeScore[], ignored: ReadonlySet<string>): void {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = 0;
  for (const { node, score } of scores) {
    if (ignored.has(node.name)) continue;
    lowest = Math.min(lowest, score);
    highest = Math.max(highest, score);
  }
  for (const entry of scores) {
    if (ignored.has(entry.node.name)) entry.score = 0;
    else if (highest === 0) entry.score = MAX_NODE_SCORE;
    else entry.score = Math.floor((MAX_NODE_SCORE * (highest + lowest - entry.score)) / highest);
  }
}

function scoreState(
  constraints: readonly Constraint[],
  needsAllLabels: boolean,
  pod: PodInfo,
  feasible: readonly NodeInfo[],
  all: readonly NodeInfo[],
): ScoreState {
  const required = new RequiredNodeAffinity(pod.pod);
  const ignored = new Set<string>();
  const counts = constraints.map((c) =>
    c.topologyKey === HOSTNAME ? undefined : new Map<string, number>(),
  );
  for (const node of feasible) {
    if (needsAllLabels && !hasAllKeys(node, constraints)) {
      ignored.add(node.name);
      continue;
    }
    constraints.forEach((constraint, i) => {
      // All nodes without the label together count as one domain, as upstream has it.
      counts[i]?.set(node.labels[constraint.topologyKey] ?? '', 0);
    });
  }
  if (counts.some((c) => c !== undefined)) {
    for (const node of all) {
      if (needsAllLabels && !hasAllKeys(node, constraints)) continue;
      constraints.forEach((constraint, i) => {
        const counted = counts[i];
        const value = node.labels[constraint.topologyKey] ?? '';
        if (!counted?.has(value)) return;
        if (!includes(constraint, pod.pod, node, required)) return;
        counted.set(
          value,
          (counted.get(value) ?? 0) + matching(node, constraint.selector, pod.namespace),
        );
      });
    }
  }
  // A key with many values would otherwise always look better spread than one with few.
  const weights = counts.map((c) => Math.log((c ? c.size : feasible.length - ignored.size) + 2));
  return { constraints, counts, weights, ignored };
}

function recount(
  state: CycleState,
  pod: PodInfo,
  changed: PodInfo,
  node: NodeInfo,
  by: 1 | -1,
): void {
  const found = state.get(FILTER);
  if (!found || changed.namespace !== pod.namespace || isTerminating(changed)) return;
  if (!hasAllKeys(node, found.constraints)) return;
  found.constraints.forEach((constraint, i) => {
    const value = node.labels[constraint.topologyKey];
    if (value === undefined || !constraint.selector.matches(changed.labels)) return;
    if (!includes(constraint, pod.pod, node, found.required)) return;
    const counts = found.counts[i] as Map<string, number>;
    counts.set(value, (counts.get(value) ?? 0) + by);
  });
}

/** The count of the emptiest domain; 0 while there are fewer domains than `minDomains`. */
function least(counts: ReadonlyMap<string, number>, minDomains: number): number {
  if (counts.size < minDomains) return 0;
  let lowest = Number.POSITIVE_INFINITY;
  for (const count of counts.values()) lowest = Math.min(lowest, count);
  return lowest === Number.POSITIVE_INFINITY ? 0 : lowest;
}

/** Whether the node counts for the constraint at all, by its inclusion policies. */
function includes(
  constraint: Constraint,
  pod: Pod,
  node: NodeInfo,
  required: RequiredNodeAffinity,
): boolean {
  if (constraint.honorAffinity && !required.matches(node)) return false;
  if (!constraint.honorTaints) return true;
  return !untolerated(node.taints, pod.spec?.tolerations ?? [], ['NoSchedule', 'NoExecute']);
}

/** Pods on their way out do not count. */
function matching(node: NodeInfo, selector: Selector, namespace: string): number {
  if (selector.nothing) return 0;
  let count = 0;
  for (const pod of node.pods.values()) {
    if (pod.namespace === namespace && !isTerminating(pod) && selector.matches(pod.labels)) count++;
  }
  return count;
}

function isTerminating(pod: PodInfo): boolean {
  return pod.pod.metadata?.deletionTimestamp !== undefined;
}

function hasAllKeys(node: NodeInfo, constraints: readonly Constraint[]): boolean {
  return constraints.every((c) => node.labels[c.topologyKey] !== undefined);
}

function constraintOf(given: TopologySpreadConstraint, pod: Pod): Constraint {
  return {
    topologyKey: given.topologyKey,
    maxSkew: given.maxSkew,
    minDomains: given.minDomains ?? 1,
    selector: selectorFromObject(withMatchLabelKeys(given, pod.metadata?.labels ?? {})),
    honorAffinity: (given.nodeAffinityPolicy ?? 'Honor') === 'Honor',
    honorTaints: given.nodeTaintsPolicy === 'Honor',
  };
}
