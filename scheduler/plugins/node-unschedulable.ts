/** A cordoned node takes only pods that tolerate its being unschedulable. */

import { tolerates } from '../../pkg/api/scheduling/taints.js';
import type { Node, Taint } from '../../pkg/api/types.js';
import { type Plugin, unresolvable } from '../framework/interface.js';

const REASON = 'node(s) were unschedulable';
const TAINT: Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  events: [
    {
      resource: 'Node',
      actions: ['Add', 'UpdateTaint'],
      helps: (_, old, now) =>
        (old === undefined || isCordoned(old as Node)) && !isCordoned(now as Node),
    },
    {
      resource: 'Pod',
      actions: ['UpdateToleration'],
      helps: (pod) => (pod.pod.spec?.tolerations ?? []).some((t) => tolerates(t, TAINT)),
    },
  ],
  filter(_state, pod, node) {
    if (!node.node || !isCordoned(node.node)) return undefined;
    const tolerated = (pod.pod.spec?.tolerations ?? []).some((t) => tolerates(t, TAINT));
    return tolerated ? undefined : unresolvable(REASON);
  },
};

function isCordoned({ spec }: Node): boolean {
  return spec?.unschedulable === true;
}
