/** A Node cut down to what its agent reads. Pure. */
import type { Node } from '../../pkg/api/types.js';

/** What an agent reads of its Node; a process may keep a thousand of them. */
export function slimNode(node: Node): Node {
  const { name, uid, resourceVersion, labels } = node.metadata ?? {};
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(labels === undefined ? {} : { labels }),
    },
    spec: {
      ...(node.spec?.podCIDR === undefined ? {} : { podCIDR: node.spec.podCIDR }),
      ...(node.spec?.taints === undefined ? {} : { taints: node.spec.taints }),
    },
    status: {
      conditions: (node.status?.conditions ?? []).map(({ type, status, lastTransitionTime }) => ({
        type,
        status,
        ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }),
      })),
    },
  };
}
