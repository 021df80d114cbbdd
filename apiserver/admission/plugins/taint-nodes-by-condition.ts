/** TaintNodesByCondition: a new node takes no pods before its controller has seen it ready. */
import type { Node } from '../../../pkg/api/types.js';
import type { AdmissionPluginFactory } from '../admission.js';

const NOT_READY = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

export const taintNodesByCondition: AdmissionPluginFactory = {
  name: 'TaintNodesByCondition',
  create: () => ({
    name: 'TaintNodesByCondition',
    handles: (operation, group, resource, subresource) =>
      operation === 'CREATE' && group === '' && resource === 'nodes' && subresource === '',
    admit(attributes) {
      const node: Node = attributes.object ?? {};
      node.spec ??= {};
      const taints = node.spec.taints ?? [];
      const present = taints.some(
        (taint) => taint.key === NOT_READY.key && taint.effect === NOT_READY.effect,
      );
      if (!present) node.spec.taints = [...taints, { ...NOT_READY }];
    },
  }),
};
