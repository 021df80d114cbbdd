/** The node has what the pod requests left over; which use of a node is best is configured. */
import type { Node, Pod } from '../../pkg/api/types.js';
import type { NodeInfo } from '../cache/node-info.js';
import type { NodeResourcesFitArgs } from '../config/types.js';
import type { Plugin, Status } from '../framework/interface.js';
import type { PodInfo } from '../framework/pod-info.js';
import { podRequests, Resource } from '../framework/resource.js';
import { fitScore } from './resource-scoring.js';

export function nodeResourcesFit(args: NodeResourcesFitArgs): Plugin {
  const score = fitScore(args.scoringStrategy);
  const ignores = ignoring(args);
  return {
    name: 'NodeResourcesFit',
    events: [
      // Freed by deletion, or by a resize in place to less.
      {
        resource: 'AssignedPod',
        actions: ['Delete', 'UpdateScaleDown'],
        helps: (pod, old, now) => now === undefined || frees(old as Pod, now as Pod, pod),
      },
      {
        resource: 'Node',
        actions: ['Add', 'UpdateAllocatable'],
        helps: (pod, old, now) =>
          couldHold(now as Node, pod, ignores) &&
          (old === undefined || hasMore(old as Node, now as Node, pod)),
      },
      { resource: 'Pod', actions: ['UpdateScaleDown'] },
    ],
    filter: (_state, pod, node) => fits(pod, node, ignores),
    score: (_state, pod, node) => score(pod, node),
  };
}

/** Of extended resources alone: those named, and those of the groups named. */
function ignoring(args: NodeResourcesFitArgs): (name: string) => boolean {
  const names = new Set(args.ignoredResources);
  const groups = new Set(args.ignoredResourceGroups);
  if (names.size === 0 && groups.size === 0) return () => false;
  return (name) => isExtended(name) && (names.has(name) || groups.has(name.split('/')[0] ?? ''));
}

function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
}

/** All that is short, so that the message names each. */
function fits(
  pod: PodInfo,
  node: NodeInfo,
  ignores: (name: string) => boolean,
): Status | undefined {
  const { allocatable, requested } = node;
  const wanted = pod.requests;
  // Asked of every node for every pod, and nearly always true.
  if (
    wanted.scalar.size === 0 &&
    node.pods.size < allocatable.pods &&
    wanted.milliCpu <= allocatable.milliCpu - requested.milliCpu &&
    wanted.memory <= allocatable.memory - requested.memory &&
    wanted.ephemeralStorage <= allocatable.ephemeralStorage - requested.ephemeralStorage
  ) {
    return undefined;
  }
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
    for (const [name, amount] of wanted.scalar) {
      if (ignores(name)) continue;
      lack(shortages, name, amount, requested.get(name), allocatable.get(name));
    }
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
function couldHold(
  node: Node | undefined,
  pod: PodInfo,
  ignores: (name: string) => boolean,
): boolean {
  const allocatable = Resource.of(node?.status?.allocatable);
  const devices = [...pod.requests.scalar.keys()].filter((name) => !ignores(name));
  const names = ['cpu', 'memory', 'ephemeral-storage', ...devices];
  return (
    allocatable.pods > 0 && names.every((name) => pod.requests.get(name) <= allocatable.get(name))
  );
}

/** Whether the other pod gives back some of what this one asks for. */
function frees(old: Pod, now: Pod, { requests }: PodInfo): boolean {
  const before = podRequests(old);
  const after = podRequests(now);
  const names = ['cpu', 'memory', 'ephemeral-storage', ...requests.scalar.keys()];
  return names.some((name) => requests.get(name) > 0 && before.get(name) > after.get(name));
}

/** Whether the node got more of anything that the pod asks for. */
function hasMore(old: Node, now: Node, pod: PodInfo): boolean {
  const before = Resource.of(old.status?.allocatable);
  const after = Resource.of(now.status?.allocatable);
  if (after.pods > before.pods) return true;
  const names = ['cpu', 'memory', 'ephemeral-storage', ...pod.requests.scalar.keys()];
  return names.some((name) => pod.requests.get(name) > 0 && after.get(name) > before.get(name));
}
