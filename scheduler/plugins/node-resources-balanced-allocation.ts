/** Prefers nodes on which CPU and memory would be used to a like degree. */
import { MAX_NODE_SCORE, type Plugin, SKIP } from '../framework/interface.js';

export const nodeResourcesBalancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  preScore(_state, pod) {
    // A pod that asks for nothing changes no balance.
    return pod.requests.milliCpu === 0 && pod.requests.memory === 0 ? SKIP : undefined;
  },
  score(_state, pod, node) {
    const fractions: number[] = [];
    const fraction = (used: number, capacity: number) => {
      if (capacity > 0) fractions.push(Math.min(1, used / capacity));
    };
    fraction(node.requested.milliCpu + pod.requests.milliCpu, node.allocatable.milliCpu);
    fraction(node.requested.memory + pod.requests.memory, node.allocatable.memory);
    const [cpu = 0, memory = cpu] = fractions;
    // The standard deviation of two numbers is half their difference.
    return Math.floor((1 - Math.abs(cpu - memory) / 2) * MAX_NODE_SCORE);
  },
};
