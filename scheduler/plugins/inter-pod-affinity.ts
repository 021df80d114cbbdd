/**
 * Pods near to, or away from, other pods. Required terms filter: the incoming pod's affinity, its
 * anti-affinity, and the anti-affinity of the pods that are there already. Preferred terms of both sides
 * score, and so do the required affinity terms of existing pods (with `hardPodAffinityWeight`).
 */
import type { Pod } from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { NodeInfo } from '../cache/node-info.js';
import type { InterPodAffinityArgs } from '../config/types.js';
import {
  type CycleState,
  MAX_NODE_SCORE,
  type Plugin,
  SKIP,
  stateKey,
  unresolvable,
  unschedulable,
} from '../framework/interface.js';
import { type AffinityTerm, matchesTerm, type PodInfo, podInfoOf } from '../framework/pod-info.js';

const REASON_AFFINITY = "node(s) didn't match pod affinity rules";
const REASON_ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules";
const REASON_EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules";

/** Topology key → its value → how many matching pods are there, or what they weigh. */
type TopologyCounts = Map<string, Map<string, number>>;

class FilterState {
  constructor(
    readonly existingAnti: TopologyCounts,
    readonly affinity: TopologyCounts,
    readonly anti: TopologyCounts,
  ) {}
  clone(): FilterState {
    return new FilterState(copy(this.existingAnti), copy(this.affinity), copy(this.anti));
  }
}

const FILTER = stateKey<FilterState>('InterPodAffinity');
const SCORE = stateKey<TopologyCounts>('InterPodAffinity/score');

export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>>;

export interface InterPodAffinityOptions {
  args: InterPodAffinityArgs;
  namespaceLabels: NamespaceLabels;
  nodes(): readonly NodeInfo[];
}

export function interPodAffinity({
  args,
  namespaceLabels,
  nodes,
}: InterPodAffinityOptions): Plugin {
  const { hardPodAffinityWeight, ignorePreferredTermsOfExistingPods } = args;
  const matches = (term: AffinityTerm, pod: PodInfo) =>
    matchesTerm(term, pod, term.namespaceSelector ? namespaceLabels(pod.namespace) : {});

  /** Adds what `existing` on `node` means for the incoming pod, or takes it away. */
  const account = (
    state: FilterState,
    pod: PodInfo,
    existing: PodInfo,
    node: NodeInfo,
    by: 1 | -1,
  ) => {
    for (const term of existing.requiredAntiAffinity) {
      if (matches(term, pod)) count(state.existingAnti, node, term.topologyKey, by);
    }
    // All of the incoming pod's affinity terms must match the one existing pod.
    if (
      pod.requiredAffinity.length > 0 &&
      pod.requiredAffinity.every((term) => matches(term, existing))
    ) {
      for (const term of pod.requiredAffinity) count(state.affinity, node, term.topologyKey, by);
    }
    for (const term of pod.requiredAntiAffinity) {
      if (matches(term, existing)) count(state.anti, node, term.topologyKey, by);
    }
  };

  const update = (state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, by: 1 | -1) => {
    const found = state.get(FILTER);
    if (found) account(found, pod, other, node, by);
  };

  /** The other is what the pod wants to be near to. */
  const attracts = (pod: PodInfo, other: PodInfo) =>
    pod.requiredAffinity.length > 0 && pod.requiredAffinity.every((term) => matches(term, other));
  const repels = (pod: PodInfo, other: PodInfo) =>
    pod.requiredAntiAffinity.some((term) => matches(term, other)) ||
    other.requiredAntiAffinity.some((term) => matches(term, pod));

  return {
    name: 'InterPodAffinity',
    events: [
      {
        resource: 'AssignedPod',
        actions: ['Add', 'UpdateLabel', 'Delete'],
        helps: (pod, old, now) => {
          const before = old && podInfoOf(old as Pod);
          const after = now && podInfoOf(now as Pod);
          const comes = after && attracts(pod, after) && !(before && attracts(pod, before));
          const leaves = before && repels(pod, before) && !(after && repels(pod, after));
          return comes === true || leaves === true;
        },
      },
      {
        resource: 'Node',
        actions: ['Add', 'UpdateLabel'],
        helps: (pod, old, now) => nodeHelps(pod, old, now?.metadata?.labels ?? {}),
      },
      { resource: 'Pod', actions: ['UpdateLabel'] },
    ],

    preFilter(state, pod, all) {
      const found = new FilterState(new Map(), new Map(), new Map());
      const selective = pod.requiredAffinity.length + pod.requiredAntiAffinity.length > 0;
      for (const node of all) {
        const candidates = selective ? node.pods : node.podsWithRequiredAntiAffinity;
        for (const existing of candidates.values()) account(found, pod, existing, node, 1);
      }
      if (!selective && found.existingAnti.size === 0) return SKIP;
      state.set(FILTER, found);
      return undefined;
    },

    addPod: (state, pod, added, node) => update(state, pod, added, node, 1),
    removePod: (state, pod, removed, node) => update(state, pod, removed, node, -1),

    filter(state, pod, node) {
      const found = state.get(FILTER);
      if (!found) return undefined;
      if (!satisfiesAffinity(found, pod, node, matches)) return unresolvable(REASON_AFFINITY);
      const clashes = pod.requiredAntiAffinity.some(
        (term) => countAt(found.anti, node, term.topologyKey) > 0,
      );
      if (clashes) return unschedulable(REASON_ANTI_AFFINITY);
      for (const key of found.existingAnti.keys()) {
        if (countAt(found.existingAnti, node, key) > 0) return unschedulable(REASON_EXISTING);
      }
      return undefined;
    },

    preScore(state, pod, feasible) {
      if (feasible.length === 0) return SKIP;
      const preferring = pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0;
      if (ignorePreferredTermsOfExistingPods && !preferring) return SKIP;
      const scores: TopologyCounts = new Map();
      for (const node of nodes()) {
        const candidates = preferring ? node.pods : node.podsWithPreferences;
        for (const existing of candidates.values()) {
          for (const term of pod.preferredAffinity) {
            if (matches(term, existing)) count(scores, node, term.topologyKey, term.weight);
          }
          for (const term of pod.preferredAntiAffinity) {
            if (matches(term, existing)) count(scores, node, term.topologyKey, -term.weight);
          }
          for (const term of hardPodAffinityWeight > 0 ? existing.requiredAffinity : []) {
            if (matches(term, pod)) count(scores, node, term.topologyKey, hardPodAffinityWeight);
          }
          for (const term of existing.preferredAffinity) {
            if (matches(term, pod)) count(scores, node, term.topologyKey, term.weight);
          }
          for (const term of existing.preferredAntiAffinity) {
            if (matches(term, pod)) count(scores, node, term.topologyKey, -term.weight);
          }
        }
      }
      if (scores.size === 0) return SKIP;
      state.set(SCORE, scores);
      return undefined;
    },

    score(state, _pod, node) {
      let score = 0;
      const counts = state.get(SCORE);
      for (const key of counts?.keys() ?? []) score += countAt(counts as TopologyCounts, node, key);
      return score;
    },

    normalize(_state, _pod, scores) {
      let lowest = Number.POSITIVE_INFINITY;
      let highest = Number.NEGATIVE_INFINITY;
      for (const { score } of scores) {
        lowest = Math.min(lowest, score);
        highest = Math.max(highest, score);
      }
      const range = highest - lowest;
      // Divided before it is multiplied, so that it is cut off where upstream cuts it off.
      for (const entry of scores) {
        entry.score =
          range === 0 ? 0 : Math.trunc(MAX_NODE_SCORE * ((entry.score - lowest) / range));
      }
    },
  };
}

/**
 * A node comes with what the pod wants to be near to by, or leaves a place that the pod keeps away from. Of a
 * pod that wants neither others have kept it away, by what is not known here.
 */
function nodeHelps(
  { requiredAffinity, requiredAntiAffinity }: PodInfo,
  old: KubeObject | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  const before = old?.metadata?.labels ?? {};
  const changes = ({ topologyKey }: AffinityTerm) => before[topologyKey] !== labels[topologyKey];
  const near = requiredAffinity.some((t) => labels[t.topologyKey] !== undefined && changes(t));
  if (near) return true;
  if (!old) return requiredAffinity.length === 0;
  if (requiredAntiAffinity.length > 0)
    return requiredAntiAffinity.some((t) => before[t.topologyKey] !== undefined && changes(t));
  return requiredAffinity.length === 0;
}

function satisfiesAffinity(
  state: FilterState,
  pod: PodInfo,
  node: NodeInfo,
  matches: (term: AffinityTerm, pod: PodInfo) => boolean,
): boolean {
  let found = true;
  for (const term of pod.requiredAffinity) {
    if (node.labels[term.topologyKey] === undefined) return false;
    if (countAt(state.affinity, node, term.topologyKey) <= 0) found = false;
  }
  if (found) return true;
  // The first of a group of pods that want to be together may start it.
  return state.affinity.size === 0 && pod.requiredAffinity.every((term) => matches(term, pod));
}

function count(counts: TopologyCounts, node: NodeInfo, topologyKey: string, by: number): void {
  const value = node.labels[topologyKey];
  if (value === undefined) return;
  let values = counts.get(topologyKey);
  if (!values) {
    values = new Map();
    counts.set(topologyKey, values);
  }
  const sum = (values.get(value) ?? 0) + by;
  if (sum !== 0) values.set(value, sum);
  else {
    values.delete(value);
    if (values.size === 0) counts.delete(topologyKey);
  }
}

function countAt(counts: TopologyCounts, node: NodeInfo, topologyKey: string): number {
  const value = node.labels[topologyKey];
  return value === undefined ? 0 : (counts.get(topologyKey)?.get(value) ?? 0);
}

function copy(counts: TopologyCounts): TopologyCounts {
  return new Map([...counts].map(([key, values]) => [key, new Map(values)]));
}
