/** NoSchedule and NoExecute taints keep pods away; PreferNoSchedule makes a node a worse choice. */

import { tolerates, untolerated } from '../../pkg/api/scheduling/taints.js';
import type { Node, Toleration } from '../../pkg/api/types.js';
import {
  normalizeByMaximum,
  type Plugin,
  SKIP,
  stateKey,
  unresolvable,
} from '../framework/interface.js';

const REPELLING = ['NoSchedule', 'NoExecute'];
/** The pod's tolerations that speak of PreferNoSchedule. */
const STATE = stateKey<readonly Toleration[]>('TaintToleration');

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  events: [
    {
      resource: 'Node',
      actions: ['Add', 'UpdateTaint'],
      helps: (pod, old, now) => {
        const repelled = (node: Node | undefined) =>
          untolerated(node?.spec?.taints ?? [], pod.pod.spec?.tolerations ?? [], REPELLING) !==
          undefined;
        const before = old === undefined || repelled(old as Node);
        return before && !repelled(now as Node | undefined);
      },
    },
    { resource: 'Pod', actions: ['UpdateToleration'] },
  ],
  filter(_state, pod, node) {
    if (node.taints.length === 0) return undefined;
    const taint = untolerated(node.taints, pod.pod.spec?.tolerations ?? [], REPELLING);
    return taint && unresolvable('node(s) had untolerated taint(s)');
  },
  preScore(state, pod, nodes) {
    // Without such a taint anywhere all nodes would get the same score.
    if (!nodes.some((node) => node.taints.some((t) => t.effect === 'PreferNoSchedule')))
      return SKIP;
    const tolerations = (pod.pod.spec?.tolerations ?? []).filter(
      (t) => !t.effect || t.effect === 'PreferNoSchedule',
    );
    state.set(STATE, tolerations);
    return undefined;
  },
  score(state, _pod, node) {
    const tolerations = state.get(STATE) ?? [];
    return node.taints.filter(
      (taint) =>
        taint.effect === 'PreferNoSchedule' && !tolerations.some((t) => tolerates(t, taint)),
    ).length;
  },
  normalize(_state, _pod, scores) {
    normalizeByMaximum(scores, true);
  },
};
