/**
 * How good a node's use of resources would be with the pod on it (`plugins/noderesources`): the strategies
 * of NodeResourcesFit and the balance of NodeResourcesBalancedAllocation, over configured resources.
 */
import type { NodeInfo } from '../cache/node-info.js';
import type { NodeResourcesFitArgs, ResourceSpec, ShapePoint } from '../config/types.js';
import { MAX_NODE_SCORE } from '../framework/interface.js';
import type { PodInfo } from '../framework/pod-info.js';

/** A shape's scores go to ten, a node's to a hundred. */
const SHAPE_SCALE = MAX_NODE_SCORE / 10;
const NATIVE = ['cpu', 'memory', 'ephemeral-storage', 'pods'];

export type ResourceScore = (pod: PodInfo, node: NodeInfo) => number;

/** Of what is used with the pod there, and of what there is, 0 to 100. */
type Rate = (used: number, capacity: number) => number;

export function fitScore({
  type,
  resources,
  requestedToCapacityRatio,
}: NodeResourcesFitArgs['scoringStrategy']): ResourceScore {
  switch (type) {
    case 'MostAllocated':
      return weighted(resources, (used, capacity) =>
        Math.floor((Math.min(used, capacity) * MAX_NODE_SCORE) / capacity),
      );
    case 'RequestedToCapacityRatio':
      return byShape(resources, requestedToCapacityRatio?.shape ?? []);
    default:
      return weighted(resources, (used, capacity) =>
        used > capacity ? 0 : Math.floor(((capacity - used) * MAX_NODE_SCORE) / capacity),
      );
  }
}

/** The mean of the rates by their weights; what the node does not have does not count. */
function weighted(resources: readonly ResourceSpec[], rate: Rate): ResourceScore {
  return (pod, node) => {
    let score = 0;
    let weights = 0;
    for (const { name, weight } of resources) {
      const capacity = capacityFor(pod, node, name);
      if (capacity === 0) continue;
      score += weight * rate(usedWith(pod, node, name), capacity);
      weights += weight;
    }
    return weights === 0 ? 0 : Math.floor(score / weights);
  };
}

function byShape(resources: readonly ResourceSpec[], shape: readonly ShapePoint[]): ResourceScore {
  const points = shape.map(({ utilization, score }) => ({
    utilization,
    score: score * SHAPE_SCALE,
  }));
  return (pod, node) => {
    let score = 0;
    let weights = 0;
    for (const { name, weight } of resources) {
      const capacity = capacityFor(pod, node, name);
      if (capacity === 0) continue;
      const used = Math.min(usedWith(pod, node, name), capacity);
      const rate = brokenLinear(points, Math.floor((used * 100) / capacity));
      if (rate <= 0) continue;
      score += weight * rate;
      weights += weight;
    }
    return weights === 0 ? 0 : Math.round(score / weights);
  };
}

/** Straight lines between the points, level before the first and after the last. */
export function brokenLinear(points: readonly ShapePoint[], at: number): number {
  for (const [i, point] of points.entries()) {
    if (at > point.utilization) continue;
    const before = points[i - 1];
    if (!before) return point.score;
    const rise = (point.score - before.score) * (at - before.utilization);
    return before.score + Math.trunc(rise / (point.utilization - before.utilization));
  }
  return points.at(-1)?.score ?? 0;
}

/** How alike the shares of the resources in use would be: 100 less their standard deviation. */
export function balanceScore(resources: readonly ResourceSpec[]): ResourceScore {
  const names = resources.map(({ name }) => name);
  return (pod, node) => {
    const shares: number[] = [];
    for (const name of names) {
      const capacity = capacityFor(pod, node, name);
      if (capacity === 0) continue;
      const used = node.requested.get(name) + pod.requests.get(name);
      shares.push(Math.min(1, used / capacity));
    }
    return Math.floor((1 - deviation(shares)) * MAX_NODE_SCORE);
  };
}

function deviation(shares: readonly number[]): number {
  const [first = 0, second = 0] = shares;
  if (shares.length < 2) return 0;
  if (shares.length === 2) return Math.abs(first - second) / 2;
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const squares = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0);
  return Math.sqrt(squares / shares.length);
}

/** A device that the pod does not ask for says nothing about where it should run. */
function capacityFor(pod: PodInfo, node: NodeInfo, name: string): number {
  if (!NATIVE.includes(name) && pod.requests.get(name) === 0) return 0;
  return node.allocatable.get(name);
}

/** Containers that ask for no CPU or memory count as if they asked for a little. */
function usedWith(pod: PodInfo, node: NodeInfo, name: string): number {
  if (name === 'cpu' || name === 'memory')
    return node.nonZeroRequested.get(name) + pod.nonZeroRequests.get(name);
  return node.requested.get(name) + pod.requests.get(name);
}
