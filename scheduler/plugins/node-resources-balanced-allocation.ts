/** Prefers nodes on which CPU and memory, or the resources configured, would be used to a like degree. */
import type { NodeResourcesBalancedAllocationArgs } from '../config/types.js';
import { type Plugin, SKIP } from '../framework/interface.js';
import { balanceScore } from './resource-scoring.js';

export function nodeResourcesBalancedAllocation({
  resources,
}: NodeResourcesBalancedAllocationArgs): Plugin {
  const score = balanceScore(resources);
  return {
    name: 'NodeResourcesBalancedAllocation',
    preScore(_state, pod) {
      // A pod that asks for nothing changes no balance.
      return resources.every(({ name }) => pod.requests.get(name) === 0) ? SKIP : undefined;
    },
    score: (_state, pod, node) => score(pod, node),
  };
}
