/** nodeSelector and node affinity: required terms filter, preferred terms score. */

import { NodeTerm, RequiredNodeAffinity } from '../../pkg/api/scheduling/node-affinity.js';
import type { Node } from '../../pkg/api/types.js';
import { NodeInfo } from '../cache/node-info.js';
import {
  normalizeByMaximum,
  type Plugin,
  SKIP,
  stateKey,
  unresolvable,
} from '../framework/interface.js';

const REASON = "node(s) didn't match Pod's node affinity/selector";
const REQUIRED = stateKey<RequiredNodeAffinity>('NodeAffinity');
const PREFERRED = stateKey<readonly { term: NodeTerm; weight: number }[]>('NodeAffinity/preferred');

export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  events: [
    {
      resource: 'Node',
      actions: ['Add', 'UpdateLabel'],
      helps: (pod, old, now) => {
        const required = new RequiredNodeAffinity(pod.pod);
        return !matches(required, old as Node) && matches(required, now as Node);
      },
    },
  ],
  preFilter(state, pod) {
    const required = new RequiredNodeAffinity(pod.pod);
    if (required.isEmpty) return SKIP;
    state.set(REQUIRED, required);
    const nodes = required.nodeNames();
    if (nodes?.size === 0) return unresolvable('pod affinity terms conflict');
    return nodes ? { nodes } : undefined;
  },
  filter(state, _pod, node) {
    return state.get(REQUIRED)?.matches(node) === false ? unresolvable(REASON) : undefined;
  },
  preScore(state, pod) {
    const preferred =
      pod.pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    if (preferred.length === 0) return SKIP;
    state.set(
      PREFERRED,
      preferred
        .map((p) => ({ term: new NodeTerm(p.preference), weight: p.weight }))
        .filter((p) => p.weight !== 0 && !p.term.empty),
    );
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

function matches(required: RequiredNodeAffinity, node: Node | undefined): boolean {
  if (!node) return false;
  const info = new NodeInfo(node.metadata?.name ?? '');
  info.setNode(node);
  return required.matches(info);
}
