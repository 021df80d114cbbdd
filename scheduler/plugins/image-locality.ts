/** Prefers nodes that hold the pod's images already, the more so the larger they are. */

import type { SchedulerCache } from '../cache/cache.js';
import { MAX_NODE_SCORE, type Plugin } from '../framework/interface.js';

const MIB = 1024 * 1024;
/** Images smaller than this in all do not matter. */
const SMALLEST = 23 * MIB;
/** A container's images larger than this matter no more than this. */
const LARGEST_PER_CONTAINER = 1000 * MIB;

export function imageLocality(cache: SchedulerCache): Plugin {
  return {
    name: 'ImageLocality',
    score(_state, pod, node) {
      if (node.images.size === 0) return 0;
      const spec = pod.pod.spec;
      const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
      const total = Math.max(1, cache.nodeCount);
      let sum = 0;
      for (const container of containers) {
        const image = normalizedImage(container.image ?? '');
        const size = node.images.get(image);
        // An image that many nodes have counts more, lest all pods run to the one node that has it.
        if (size !== undefined) sum += Math.floor((size * cache.nodesHavingImage(image)) / total);
      }
      const largest = LARGEST_PER_CONTAINER * containers.length;
      const bounded = Math.min(Math.max(sum, SMALLEST), largest);
      return Math.floor((MAX_NODE_SCORE * (bounded - SMALLEST)) / (largest - SMALLEST));
    },
  };
}

/** A name without tag or digest means `:latest`. */
function normalizedImage(name: string): string {
  return name.lastIndexOf(':') <= name.lastIndexOf('/') ? `${name}:latest` : name;
}
