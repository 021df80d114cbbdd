/**
 * Whether a pod fits on a node, once more and plainly, from the words of the API's documentation. It knows
 * nothing of plugins, shares no code with them, and tries things out where they are clever.
 */
import type { Node } from '../../pkg/api/types.js';
import { NAMESPACES, PODS_PER_NODE, type Shape, type Wish } from './random-cluster.js';

export interface Placed {
  readonly name: string;
  readonly shape: Shape;
  readonly node: Node;
}

/** Whether the pod would fit if all that matters less went from the node. */
export function couldMakeRoom(
  pod: Shape,
  node: Node,
  nodes: readonly Node[],
  placed: readonly Placed[],
): boolean {
  const left = placed.filter((p) => p.node !== node || p.shape.priority >= pod.priority);
  return left.length < placed.length && fits(pod, node, nodes, left);
}

export function fits(
  pod: Shape,
  node: Node,
  nodes: readonly Node[],
  placed: readonly Placed[],
): boolean {
  const here = placed.filter((p) => p.node === node).map((p) => p.shape);
  return (
    node.spec?.unschedulable !== true &&
    toleratesAll(pod, node) &&
    matchesNode(pod, node) &&
    hasRoom(pod, node, here) &&
    !here.some((other) => portsClash(pod, other)) &&
    keepsAway(pod, node, placed) &&
    findsNeighbours(pod, node, placed) &&
    isSpread(pod, node, nodes, placed)
  );
}

function toleratesAll(pod: Shape, node: Node): boolean {
  return (
    pod.tolerates || !(node.spec?.taints ?? []).some(({ effect }) => effect !== 'PreferNoSchedule')
  );
}

function matchesNode(pod: Shape, node: Node): boolean {
  if (pod.zone && label(node, 'zone') !== pod.zone) return false;
  const disk = label(node, 'disk');
  const [value = ''] = pod.disk?.values ?? [];
  switch (pod.disk?.operator) {
    case 'In':
      return disk === value;
    case 'NotIn':
      return disk !== value;
    case 'Exists':
      return disk !== undefined;
    case 'DoesNotExist':
      return disk === undefined;
    case 'Gt':
      return disk !== undefined && Number(disk) > Number(value);
    case 'Lt':
      return disk !== undefined && Number(disk) < Number(value);
    default:
      return true;
  }
}

function hasRoom(pod: Shape, node: Node, here: readonly Shape[]): boolean {
  const there = node.status?.allocatable ?? {};
  const within = (capacity: number, amountOf: (shape: Shape, runs: boolean) => number) =>
    amountOf(pod, false) === 0 ||
    here.reduce((sum, p) => sum + amountOf(p, true), amountOf(pod, false)) <= capacity;
  return (
    here.length < PODS_PER_NODE &&
    within(Number(there['cpu']), cpuOf) &&
    within(Number.parseInt(String(there['memory']), 10), (shape) => shape.memory) &&
    within(Number(there['example.com/device']), (shape) => shape.devices)
  );
}

/** The whole pod's where it says so, else what runs at the same time at the most; overhead comes on top. */
function cpuOf(pod: Shape, runs: boolean): number {
  const { resize } = pod;
  const has = resize ? Math.max(resize.held, resize.promised) : 0;
  const wants = resize?.infeasible ? 0 : pod.cpu;
  const main = runs && resize ? Math.max(has, wants) : pod.cpu;
  const together = pod.sidecarCpu + Math.max(main, pod.initCpu);
  return (pod.podCpu ?? together) + pod.overheadCpu;
}

function portsClash(a: Shape, b: Shape): boolean {
  if (a.hostIP === undefined || b.hostIP === undefined || a.protocol !== b.protocol) return false;
  const everywhere = (ip: string) => ip === '' || ip === '0.0.0.0';
  return a.hostIP === b.hostIP || everywhere(a.hostIP) || everywhere(b.hostIP);
}

/** Whether the other is one that this pod's wish speaks of. */
function meant(wish: Wish, pod: Shape, other: Shape): boolean {
  const inNamespace = {
    own: other.namespace === pod.namespace,
    everywhere: true,
    'team x': NAMESPACES[other.namespace]?.['team'] === 'x',
    'listed two': other.namespace === 'two',
  }[wish.where];
  const ofRevision = {
    any: true,
    same: other.revision === pod.revision,
    other: other.revision !== pod.revision,
  }[wish.revision];
  return other.app === wish.app && inNamespace && ofRevision;
}

function keepsAway(pod: Shape, node: Node, placed: readonly Placed[]): boolean {
  const repels = (from: Shape, other: Shape, here: Node, there: Node) =>
    from.away !== undefined &&
    meant(from.away, from, other) &&
    together(here, there, from.away.key);
  return !placed.some(
    ({ shape, node: there }) => repels(pod, shape, node, there) || repels(shape, pod, there, node),
  );
}

function findsNeighbours(pod: Shape, node: Node, placed: readonly Placed[]): boolean {
  const { near } = pod;
  if (!near) return true;
  if (label(node, near.key) === undefined) return false;
  const wanted = placed.filter(
    ({ shape, node: there }) => meant(near, pod, shape) && label(there, near.key) !== undefined,
  );
  // The first of a group that wants to be together may go anywhere.
  if (wanted.length === 0) return meant(near, pod, pod);
  return wanted.some((p) => together(node, p.node, near.key));
}

function isSpread(
  pod: Shape,
  node: Node,
  nodes: readonly Node[],
  placed: readonly Placed[],
): boolean {
  const { spread } = pod;
  if (!spread) return true;
  const { key } = spread;
  const own = label(node, key);
  if (own === undefined) return false;
  const counts = (n: Node) =>
    label(n, key) !== undefined &&
    (spread.affinityPolicy === 'Ignore' || matchesNode(pod, n)) &&
    (spread.taintsPolicy === 'Ignore' || toleratesAll(pod, n));
  const alike = ({ shape }: Placed) =>
    shape.namespace === pod.namespace &&
    shape.app === pod.app &&
    (!spread.byRevision || shape.revision === pod.revision);
  const matching = (domain: string | undefined) =>
    placed.filter((p) => counts(p.node) && label(p.node, key) === domain && alike(p)).length;
  const domains = new Set(nodes.filter(counts).map((n) => label(n, key)));
  const least = Math.min(...[...domains].map(matching));
  const fewest = domains.size < (spread.minDomains ?? 1) ? 0 : Number.isFinite(least) ? least : 0;
  return matching(own) + 1 - fewest <= spread.maxSkew;
}

function together(a: Node, b: Node, key: string): boolean {
  return label(a, key) !== undefined && label(a, key) === label(b, key);
}

function label(node: Node, key: string): string | undefined {
  return node.metadata?.labels?.[key];
}
