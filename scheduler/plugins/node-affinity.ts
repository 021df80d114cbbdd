/**
 * nodeSelector and node affinity: required terms filter, preferred terms score. A profile may add an
 * affinity of its own (`addedAffinity`) to that of every pod.
 */

import { NodeTerm, RequiredNodeAffinity } from '../../pkg/api/scheduling/node-affinity.js';
import type { Node, PreferredSchedulingTerm } from '../../pkg/api/types.js';
import { NodeInfo } from '../cache/node-info.js';
import type { NodeAffinityArgs } from '../config/types.js';
import {
  normalizeByMaximum,
  type Plugin,
  SKIP,
  stateKey,
  unresolvable,
} from '../framework/interface.js';

const REASON = "node(s) didn't match Pod's node affinity/selector";
const REASON_ENFORCED = "node(s) didn't match scheduler-enforced node affinity";
const REQUIRED = stateKey<RequiredNodeAffinity>('NodeAffinity');
const PREFERRED = stateKey<readonly Preference[]>('NodeAffinity/preferred');

interface Preference {
  readonly term: NodeTerm;
  readonly weight: number;
}

export function nodeAffinity({ addedAffinity }: NodeAffinityArgs): Plugin {
  const must = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const enforced = must?.nodeSelectorTerms.map((term) => new NodeTerm(term));
  const added = preferencesOf(addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution);
  const isEnforcedOn = (node: NodeInfo) => !enforced || enforced.some((term) => term.matches(node));
  return {
    name: 'NodeAffinity',
    events: [
      {
        resource: 'Node',
        actions: ['Add', 'UpdateLabel'],
        helps: (pod, old, now) => {
          const required = new RequiredNodeAffinity(pod.pod);
          const accepts = (node: Node | undefined) => {
            const info = node && infoOf(node);
            return info !== undefined && isEnforcedOn(info) && required.matches(info);
          };
          return !accepts(old as Node | undefined) && accepts(now as Node | undefined);
        },
      },
    ],
    preFilter(state, pod) {
      const required = new RequiredNodeAffinity(pod.pod);
      if (required.isEmpty && !enforced) return SKIP;
      state.set(REQUIRED, required);
      const nodes = required.nodeNames();
      if (nodes?.size === 0) return unresolvable('pod affinity terms conflict');
      return nodes ? { nodes } : undefined;
    },
    filter(state, _pod, node) {
      if (!isEnforcedOn(node)) return unresolvable(REASON_ENFORCED);
      return state.get(REQUIRED)?.matches(node) === false ? unresolvable(REASON) : undefined;
    },
    preScore(state, pod) {
      const own = preferencesOf(
        pod.pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution,
      );
      if (own.length === 0 && added.length === 0) return SKIP;
      state.set(PREFERRED, [...added, ...own]);
      return undefined;
    },
    score(state, _pod, node) {
      let score = 0;
      for (const { term, weight } of state.get(PREFERRED) ?? []) {
        if (term.matches(node)) score += weight;
      }
      return score;
    },
    normalize(_state, _pod, scores) {
      normalizeByMaximum(scores, false);
    },
  };
}

function preferencesOf(given: readonly PreferredSchedulingTerm[] = []): Preference[] {
  return given
    .map(({ preference, weight }) => ({ term: new NodeTerm(preference), weight }))
    .filter(({ term, weight }) => weight !== 0 && !term.empty);
}

function infoOf(node: Node): NodeInfo {
  const info = new NodeInfo(node.metadata?.name ?? '');
  info.setNode(node);
  return info;
}
