/** The node has what the pod requests left over; emptier nodes are better (LeastAllocated). */
import type { Node, Pod } from '../../pkg/api/types.js';
import type { NodeInfo } from '../cache/node-info.js';
import { MAX_NODE_SCORE, type Plugin, type Status } from '../framework/interface.js';
import type { PodInfo } from '../framework/pod-info.js';
import { podRequests, Resource } from '../framework/resource.js';

export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  events: [
    { resource: 'AssignedPod', action: 'Delete' },
    {
      resource: 'AssignedPod',
      action: 'Update',
      // Resized in place, to less.
      helps: (_, old, now) =>
        old !== undefined &&
        now !== undefined &&
        asksLess(podRequests(now as Pod), podRequests(old as Pod)),
    },
    { resource: 'Node', action: 'Add', helps: (pod, _, now) => couldHold(now as Node, pod) },
    { resource: 'Node', action: 'Update', helps: (pod, _, now) => couldHold(now as Node, pod) },
    { resource: 'Pod', action: 'Update' },
  ],
  filter(_state, pod, node) {
    return fits(pod, node);
  },
  score(_state, pod, node) {
    const left = (used: number, wanted: number, capacity: number) =>
      capacity === 0 || used + wanted > capacity
        ? 0
        : Math.floor(((capacity - used - wanted) * MAX_NODE_SCORE) / capacity);
    const cpu = left(
      node.nonZeroRequested.milliCpu,
      pod.nonZeroRequests.milliCpu,
      node.allocatable.milliCpu,
    );
    const memory = left(
      node.nonZeroRequested.memory,
      pod.nonZeroRequests.memory,
      node.allocatable.memory,
    );
    const resources = Number(node.allocatable.milliCpu > 0) + Number(node.allocatable.memory > 0);
    return resources === 0 ? 0 : Math.floor((cpu + memory) / resources);
  },
};

/** All that is short, so that the message names each. */
export function fits(pod: PodInfo, node: NodeInfo): Status | undefined {
  const reasons: string[] = [];
  // What not even the empty node has, no preemption can give.
  let resolvable = false;
  const { allocatable, requested } = node;
  if (node.pods.size + 1 > allocatable.pods) {
    reasons.push('Too many pods');
    resolvable = true;
  }
  const check = (name: string, wanted: number, used: number, capacity: number) => {
    if (wanted === 0 || wanted <= capacity - used) return;
    reasons.push(`Insufficient ${name}`);
    if (wanted <= capacity) resolvable = true;
  };
  check('cpu', pod.requests.milliCpu, requested.milliCpu, allocatable.milliCpu);
  check('memory', pod.requests.memory, requested.memory, allocatable.memory);
  check(
    'ephemeral-storage',
    pod.requests.ephemeralStorage,
    requested.ephemeralStorage,
    allocatable.ephemeralStorage,
  );
  for (const [name, wanted] of pod.requests.scalar) {
    check(name, wanted, requested.get(name), allocatable.get(name));
  }
  if (reasons.length === 0) return undefined;
  return { code: resolvable ? 'Unschedulable' : 'UnschedulableAndUnresolvable', reasons };
}

/** Whether the pod would fit were the node empty. */
function couldHold(node: Node | undefined, pod: PodInfo): boolean {
  const allocatable = Resource.of(node?.status?.allocatable);
  const names = ['cpu', 'memory', 'ephemeral-storage', ...pod.requests.scalar.keys()];
  return (
    allocatable.pods > 0 && names.every((name) => pod.requests.get(name) <= allocatable.get(name))
  );
}

function asksLess(now: Resource, old: Resource): boolean {
  return now.milliCpu < old.milliCpu || now.memory < old.memory;
}
