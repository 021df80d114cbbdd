/** A pod that names its node gets that node or none. */
import { type Plugin, unresolvable } from '../framework/interface.js';

const REASON = "node(s) didn't match the requested node name";

export const nodeName: Plugin = {
  name: 'NodeName',
  events: [
    {
      resource: 'Node',
      actions: ['Add'],
      helps: (pod, _, now) =>
        !pod.pod.spec?.nodeName || pod.pod.spec.nodeName === now?.metadata?.name,
    },
  ],
  filter(_state, pod, node) {
    const wanted = pod.pod.spec?.nodeName;
    return !wanted || wanted === node.name ? undefined : unresolvable(REASON);
  },
};
