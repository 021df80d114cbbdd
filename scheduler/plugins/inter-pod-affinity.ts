/**
 * Pods near to, or away from, other pods. Required terms filter: the incoming pod's affinity, its
 * anti-affinity, and the anti-affinity of the pods that are there already. Preferred terms of both sides
 * score, and so do the required affinity terms of existing pods (with weight 1).
 */
import type { Node, Pod } from '../../pkg/api/types.js';
import type { NodeInfo } from '../cache/node-info.js';
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

/** `key\0value` of a topology → how many matching pods are in it. */
type TopologyCounts = Map<string, number>;

class FilterState {
  constructor(
    readonly existingAnti: TopologyCounts,
    readonly affinity: TopologyCounts,
    readonly anti: TopologyCounts,
  ) {}
  clone(): FilterState {
    return new FilterState(new Map(this.existingAnti), new Map(this.affinity), new Map(this.anti));
  }
}

const FILTER = stateKey<FilterState>('InterPodAffinity');
const SCORE = stateKey<TopologyCounts>('InterPodAffinity/score');

export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>>;

export interface InterPodAffinityOptions {
  namespaceLabels: NamespaceLabels;
  nodes(): readonly NodeInfo[];
}

export function interPodAffinity({ namespaceLabels, nodes }: InterPodAffinityOptions): Plugin {
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

  const concerns = (pod: PodInfo, changed: Pod | undefined) => {
    if (!changed) return false;
    const other = podInfoOf(changed);
    return (
      pod.requiredAffinity.some((term) => matches(term, other)) ||
      pod.requiredAntiAffinity.some((term) => matches(term, other)) ||
      other.requiredAntiAffinity.some((term) => matches(term, pod))
    );
  };

  return {
    name: 'InterPodAffinity',
    events: [
      { resource: 'AssignedPod', action: 'Add', helps: (pod, _, now) => concerns(pod, now as Pod) },
      {
        resource: 'AssignedPod',
        action: 'Update',
        helps: (pod, old, now) => concerns(pod, old as Pod) || concerns(pod, now as Pod),
      },
      { resource: 'AssignedPod', action: 'Delete', helps: (pod, old) => concerns(pod, old as Pod) },
      { resource: 'Node', action: 'Add' },
      {
        resource: 'Node',
        action: 'Update',
        helps: (_, old, now) => !sameLabels(old as Node | undefined, now as Node | undefined),
      },
      { resource: 'Pod', action: 'Update' },
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
      for (const [key, users] of found.existingAnti) {
        if (users > 0 && isAt(node, key)) return unschedulable(REASON_EXISTING);
      }
      return undefined;
    },

    preScore(state, pod, feasible) {
      if (feasible.length === 0) return SKIP;
      const preferring = pod.preferredAffinity.length + pod.preferredAntiAffinity.length > 0;
      const scores: TopologyCounts = new Map();
      for (const node of nodes()) {
        const candidates = preferring ? node.pods : node.podsWithAffinity;
        for (const existing of candidates.values()) {
          for (const term of pod.preferredAffinity) {
            if (matches(term, existing)) count(scores, node, term.topologyKey, term.weight);
          }
          for (const term of pod.preferredAntiAffinity) {
            if (matches(term, existing)) count(scores, node, term.topologyKey, -term.weight);
          }
          for (const term of existing.requiredAffinity) {
            if (matches(term, pod)) count(scores, node, term.topologyKey, 1);
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
      for (const [key, weight] of state.get(SCORE) ?? []) if (isAt(node, key)) score += weight;
      return score;
    },

    normalize(_state, _pod, scores) {
      const values = scores.map((s) => s.score);
      const lowest = Math.min(...values);
      const range = Math.max(...values) - lowest;
      for (const entry of scores) {
        entry.score =
          range === 0 ? 0 : Math.floor((MAX_NODE_SCORE * (entry.score - lowest)) / range);
      }
    },
  };
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
  const key = `${topologyKey}\0${value}`;
  const sum = (counts.get(key) ?? 0) + by;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}

function countAt(counts: TopologyCounts, node: NodeInfo, topologyKey: string): number {
  const value = node.labels[topologyKey];
  return value === undefined ? 0 : (counts.get(`${topologyKey}\0${value}`) ?? 0);
}

function isAt(node: NodeInfo, key: string): boolean {
  const split = key.indexOf('\0');
  return node.labels[key.slice(0, split)] === key.slice(split + 1);
}

function sameLabels(a: Node | undefined, b: Node | undefined): boolean {
  const one = a?.metadata?.labels ?? {};
  const other = b?.metadata?.labels ?? {};
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
