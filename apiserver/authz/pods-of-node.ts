/** Pods by the node that they are bound to, kept up to date from the watch cache. */
import type { Pod } from '../../pkg/api/types.js';
import type { WatchCache } from '../storage/watch-cache.js';

export function podsOfNode(cache: WatchCache): (node: string) => Iterable<Pod> {
  let index: Map<string, Map<string, Pod>> | undefined;
  const keyOf = (pod: Pod) => `${pod.metadata?.namespace}/${pod.metadata?.name}`;
  const place = (pod: Pod) => {
    const node = pod.spec?.nodeName;
    if (!node || !index) return;
    let pods = index.get(node);
    if (!pods) {
      pods = new Map();
      index.set(node, pods);
    }
    pods.set(keyOf(pod), pod);
  };
  cache.subscribe({
    interest: { namespace: '' },
    onEvent(event) {
      if (!index) return;
      const pod: Pod = event.object.object;
      if (event.type === 'DELETED') index.get(pod.spec?.nodeName ?? '')?.delete(keyOf(pod));
      else place(pod);
    },
    onReset() {
      index = undefined;
    },
  });
  return (node) => {
    if (!cache.live) return [];
    if (!index) {
      index = new Map();
      for (const stored of cache.list('')) place(stored.object as Pod);
    }
    return index.get(node)?.values() ?? [];
  };
}
