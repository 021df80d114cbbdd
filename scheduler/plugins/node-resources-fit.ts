/** The node has what the pod requests left over; emptier nodes are better (LeastAllocated). */
import type { Node } from '../../pkg/api/types.js';
import type { NodeInfo } from '../cache/node-info.js';
import { MAX_NODE_SCORE, type Plugin, type Status } from '../framework/interface.js';
import type { PodInfo } from '../framework/pod-info.js';
import { Resource } from '../framework/resource.js';

export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  events: [
    // Freed by deletion, or by a resize in place to less.
    { resource: 'AssignedPod', actions: ['Delete', 'UpdateScaleDown'] },
    {
      resource: 'Node',
      actions: ['Add', 'UpdateAllocatable'],
      helps: (pod, old, now) =>
        couldHold(now as Node, pod) &&
        (old === undefined || hasMore(old as Node, now as Node, pod)),
    },
    { resource: 'Pod', actions: ['UpdateScaleDown'] },
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
  const { allocatable, requested } = node;
  const wanted = pod.requests;
  const shortages: Shortage[] = [];
  if (node.pods.size + 1 > allocatable.pods) shortages.push(TOO_MANY_PODS);
  lack(shortages, 'cpu', wanted.milliCpu, requested.milliCpu, allocatable.milliCpu);
  lack(shortages, 'memory', wanted.memory, requested.memory, allocatable.memory);
  lack(
    shortages,
    'ephemeral-storage',
    wanted.ephemeralStorage,
    requested.ephemeralStorage,
    allocatable.ephemeralStorage,
  );
  if (wanted.scalar.size > 0) {
    for (const [name, amount] of wanted.scalar)
      lack(shortages, name, amount, requested.get(name), allocatable.get(name));
  }
  if (shortages.length === 0) return undefined;
  return {
    code: shortages.every((s) => s.resolvable) ? 'Unschedulable' : 'UnschedulableAndUnresolvable',
    reasons: shortages.map((s) => s.reason),
  };
}

interface Shortage {
  readonly reason: string;
  /** What not even the empty node has, no preemption can give. */
  readonly resolvable: boolean;
}

const TOO_MANY_PODS: Shortage = { reason: 'Too many pods', resolvable: true };

function lack(
  shortages: Shortage[],
  name: string,
  wanted: number,
  used: number,
  capacity: number,
): void {
  if (wanted > 0 && wanted > capacity - used)
    shortages.push({ reason: `Insufficient ${name}`, resolvable: wanted <= capacity });
}

/** Whether the pod would fit were the node empty. */
function couldHold(node: Node | undefined, pod: PodInfo): boolean {
  const allocatable = Resource.of(node?.status?.allocatable);
  const names = ['cpu', 'memory', 'ephemeral-storage', ...pod.requests.scalar.keys()];
  return (
    allocatable.pods > 0 && names.every((name) => pod.requests.get(name) <= allocatable.get(name))
  );
}

/** Whether the node got more of anything that the pod asks for. */
function hasMore(old: Node, now: Node, pod: PodInfo): boolean {
  const before = Resource.of(old.status?.allocatable);
  const after = Resource.of(now.status?.allocatable);
  if (after.pods > before.pods) return true;
  const names = ['cpu', 'memory', 'ephemeral-storage', ...pod.requests.scalar.keys()];
  return names.some((name) => pod.requests.get(name) > 0 && after.get(name) > before.get(name));
}
