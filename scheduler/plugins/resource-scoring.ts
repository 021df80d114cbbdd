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
const NATIVE = ['ephemeral-storage', 'pods'];

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
function weighted(specs: readonly ResourceSpec[], rate: Rate): ResourceScore {
  const resources = specs.map(measured);
  return (pod, node) => {
    let score = 0;
    let weights = 0;
    for (const { weight, capacity, used } of resources) {
      const all = capacity(pod, node);
      if (all === 0) continue;
      score += weight * rate(used(pod, node), all);
      weights += weight;
    }
    return weights === 0 ? 0 : Math.floor(score / weights);
  };
}

function byShape(specs: readonly ResourceSpec[], shape: readonly ShapePoint[]): ResourceScore {
  const resources = specs.map(measured);
  const points = shape.map(({ utilization, score }) => ({
    utilization,
    score: score * SHAPE_SCALE,
  }));
  return (pod, node) => {
    let score = 0;
    let weights = 0;
    for (const { weight, capacity, used } of resources) {
      const all = capacity(pod, node);
      if (all === 0) continue;
      const taken = Math.min(used(pod, node), all);
      const rate = brokenLinear(points, Math.floor((taken * 100) / all));
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
export function balanceScore(specs: readonly ResourceSpec[]): ResourceScore {
  const resources = specs.map(measured);
  return (pod, node) => {
    const shares: number[] = [];
    for (const { name, capacity } of resources) {
      const all = capacity(pod, node);
      if (all === 0) continue;
      const taken = node.requested.get(name) + pod.requests.get(name);
      shares.push(Math.min(1, taken / all));
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

interface Measured extends ResourceSpec {
  readonly capacity: ResourceScore;
  readonly used: ResourceScore;
}

/** How much of a resource a node has, and how much of it is used with the pod there. */
function measured(spec: ResourceSpec): Measured {
  const { name } = spec;
  switch (name) {
    // Containers that ask for no CPU or memory count as if they asked for a little.
    case 'cpu':
      return {
        ...spec,
        capacity: (_, node) => node.allocatable.milliCpu,
        used: (pod, node) => node.nonZeroRequested.milliCpu + pod.nonZeroRequests.milliCpu,
      };
    case 'memory':
      return {
        ...spec,
        capacity: (_, node) => node.allocatable.memory,
        used: (pod, node) => node.nonZeroRequested.memory + pod.nonZeroRequests.memory,
      };
    default:
      return {
        ...spec,
        // A device that the pod does not ask for says nothing about where it should run.
        capacity: (pod, node) =>
          !NATIVE.includes(name) && pod.requests.get(name) === 0 ? 0 : node.allocatable.get(name),
        used: (pod, node) => node.requested.get(name) + pod.requests.get(name),
      };
  }
}
