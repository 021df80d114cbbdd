/**
 * Random clusters against the rules once more, written plainly from the API's documentation: what is placed
 * breaks no rule, what is refused fits nowhere, and preemption makes room by the fewest and least it may.
 */
import fc from 'fast-check';
import t from 'tap';
import type { Node, Pod, Taint } from '../pkg/api/types.js';
import { defaultArgs } from './config/defaults.js';
import { podInfoOf } from './framework/pod-info.js';
import { preempt } from './preemption.js';
import { Cluster, nodeOf, podOf } from './testing/builders.js';

const HOSTNAME = 'kubernetes.io/hostname';
const RUNS = 300;
const PODS_PER_NODE = 5;

interface NodeShape {
  cpu: number;
  memory: number;
  devices: number;
  zone: string | undefined;
  disk: string | undefined;
  taint: Taint['effect'] | undefined;
  cordoned: boolean;
}

interface Shape {
  namespace: string;
  priority: number;
  cpu: number;
  memory: number;
  /** Of an init container that runs before the rest. */
  initCpu: number;
  devices: number;
  zone: string | undefined;
  disk: { operator: string; values?: string[] } | undefined;
  app: string;
  revision: string;
  hostIP: string | undefined;
  tolerates: boolean;
  near: string | undefined;
  away: string | undefined;
  awayKey: string;
  awayEverywhere: boolean;
  spread: Spread | undefined;
}

interface Spread {
  maxSkew: number;
  key: string;
  minDomains: number | undefined;
  affinityPolicy: string;
  taintsPolicy: string;
  byRevision: boolean;
}

interface Placed {
  readonly name: string;
  readonly shape: Shape;
  readonly node: Node;
}

const apps = fc.constantFrom('web', 'db');
const keys = fc.constantFrom('zone', HOSTNAME);
const maybe = <T>(of: fc.Arbitrary<T>, freq = 2) => fc.option(of, { nil: undefined, freq });
const rarely = fc.integer({ min: 0, max: 9 }).map((n) => n === 0);
const policies = fc.constantFrom('Honor', 'Ignore');

const anyNode: fc.Arbitrary<NodeShape> = fc.record({
  cpu: fc.integer({ min: 1, max: 6 }),
  memory: fc.integer({ min: 2, max: 8 }),
  devices: fc.integer({ min: 0, max: 2 }),
  zone: maybe(fc.constantFrom('1', '2', '3'), 5),
  disk: maybe(fc.constantFrom('10', '20')),
  taint: maybe(fc.constantFrom('NoSchedule', 'NoExecute', 'PreferNoSchedule'), 1),
  cordoned: rarely,
});

const anyPod: fc.Arbitrary<Shape> = fc.record({
  namespace: fc.constantFrom('one', 'two'),
  priority: fc.integer({ min: 0, max: 3 }),
  cpu: fc.integer({ min: 0, max: 3 }),
  memory: fc.integer({ min: 0, max: 3 }),
  initCpu: fc.integer({ min: 0, max: 4 }),
  devices: fc.integer({ min: 0, max: 9 }).map((n) => (n === 0 ? 1 : 0)),
  zone: maybe(fc.constantFrom('1', '2'), 1),
  disk: maybe(
    fc.constantFrom(
      { operator: 'In', values: ['10'] },
      { operator: 'NotIn', values: ['10'] },
      { operator: 'Exists' },
      { operator: 'DoesNotExist' },
      { operator: 'Gt', values: ['15'] },
      { operator: 'Lt', values: ['15'] },
    ),
    1,
  ),
  app: apps,
  revision: fc.constantFrom('r1', 'r2'),
  hostIP: maybe(fc.constantFrom('0.0.0.0', '10.0.0.1', '10.0.0.2'), 1),
  tolerates: fc.boolean(),
  near: maybe(apps, 1),
  away: maybe(apps, 1),
  awayKey: keys,
  awayEverywhere: fc.boolean(),
  spread: maybe(
    fc.record({
      maxSkew: fc.integer({ min: 1, max: 2 }),
      key: keys,
      minDomains: maybe(fc.integer({ min: 1, max: 3 })),
      affinityPolicy: policies,
      taintsPolicy: policies,
      byRevision: fc.boolean(),
    }),
    1,
  ),
});

t.test(
  'placements break no rule, refusals are true, preemption makes room as it may',
  async (t) => {
    const seen = { placed: 0, refused: 0, preempted: 0, helpless: 0 };
    fc.assert(
      fc.property(
        fc.array(anyNode, { minLength: 1, maxLength: 6 }),
        fc.array(anyPod, { minLength: 1, maxLength: 16 }),
        (nodeShapes, podShapes) => {
          const nodes = nodeShapes.map(madeNode);
          const cluster = new Cluster(nodes);
          let placed: Placed[] = [];
          for (const [i, shape] of podShapes.entries()) {
            const name = `p${i}`;
            const pod = podInfoOf(madePod(name, shape));
            const outcome = cluster.algorithm.schedule(pod);
            const possible = nodes.filter((node) => fits(shape, node, nodes, placed));
            if ('node' in outcome) {
              const node = possible.find((n) => n.metadata?.name === outcome.node);
              if (!node) throw new Error(`${name} breaks a rule on ${outcome.node}`);
              cluster.cache.assume(pod, outcome.node);
              placed.push({ name, shape, node });
              seen.placed++;
              continue;
            }
            if (possible.length > 0)
              throw new Error(`${name} fits on ${possible[0]?.metadata?.name}, and was refused`);
            seen.refused++;
            const decision = preempt(
              {
                args: defaultArgs('DefaultPreemption'),
                cache: cluster.cache,
                framework: cluster.framework,
                algorithm: cluster.algorithm,
                budgets: () => [],
                random: () => 0,
              },
              outcome.state,
              pod,
              outcome.diagnosis,
            );
            if ('message' in decision) {
              seen.helpless++;
              const missed = nodes.find((node) => couldMakeRoom(shape, node, nodes, placed));
              if (missed) throw new Error(`${name} could have had ${missed.metadata?.name}`);
              continue;
            }
            seen.preempted++;
            const victims = new Set(decision.victims.map((victim) => victim.name));
            const node = nodes.find((n) => n.metadata?.name === decision.node);
            if (!node) throw new Error('preemption on a node that is not there');
            if (placed.some((p) => victims.has(p.name) && p.shape.priority >= shape.priority))
              throw new Error(`${name} drove out a pod that matters as much`);
            if (placed.some((p) => victims.has(p.name) && p.node !== node))
              throw new Error(`${name} drove out a pod of another node`);
            const left = placed.filter((p) => !victims.has(p.name));
            if (!fits(shape, node, nodes, left))
              throw new Error(`${name} does not fit on ${decision.node} after its preemption`);
            // Carried out, so that what follows meets a cluster that was preempted in.
            for (const { uid } of decision.victims) cluster.cache.forget(uid);
            cluster.cache.assume(pod, decision.node);
            placed = [...left, { name, shape, node }];
          }
          return true;
        },
      ),
      { seed: 35, numRuns: RUNS },
    );
    t.ok(seen.placed > RUNS, `placed ${seen.placed}`);
    t.ok(seen.refused > RUNS, `refused ${seen.refused}`);
    t.ok(seen.preempted > RUNS / 10, `preempted ${seen.preempted}`);
    t.ok(seen.helpless > RUNS, `helpless ${seen.helpless}`);
  },
);

function madeNode(shape: NodeShape, i: number): Node {
  const { cpu, memory, devices, zone, disk, taint, cordoned } = shape;
  return nodeOf(`n${i}`, {
    cpu: `${cpu}`,
    memory: `${memory}Gi`,
    pods: `${PODS_PER_NODE}`,
    extra: { 'example.com/device': `${devices}` },
    labels: { ...(zone ? { zone } : {}), ...(disk ? { disk } : {}) },
    ...(taint ? { taints: [{ key: 'k', effect: taint }] } : {}),
    unschedulable: cordoned,
  });
}

function madePod(name: string, shape: Shape): Pod {
  const term = (app: string, topologyKey: string, everywhere = false) => ({
    requiredDuringSchedulingIgnoredDuringExecution: [
      {
        topologyKey,
        labelSelector: { matchLabels: { app } },
        ...(everywhere ? { namespaceSelector: {} } : {}),
      },
    ],
  });
  const { spread, disk, near, away } = shape;
  const pod = podOf(name, {
    namespace: shape.namespace,
    priority: shape.priority,
    labels: { app: shape.app, revision: shape.revision },
    spec: {
      initContainers: [{ name: 'init', resources: { requests: { cpu: `${shape.initCpu}` } } }],
      ...(shape.zone ? { nodeSelector: { zone: shape.zone } } : {}),
      ...(shape.tolerates ? { tolerations: [{ key: 'k', operator: 'Exists' }] } : {}),
      affinity: {
        ...(disk
          ? {
              nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: {
                  nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', ...disk }] }],
                },
              },
            }
          : {}),
        ...(near ? { podAffinity: term(near, 'zone') } : {}),
        ...(away ? { podAntiAffinity: term(away, shape.awayKey, shape.awayEverywhere) } : {}),
      },
      ...(spread
        ? {
            topologySpreadConstraints: [
              {
                maxSkew: spread.maxSkew,
                topologyKey: spread.key,
                whenUnsatisfiable: 'DoNotSchedule',
                labelSelector: { matchLabels: { app: shape.app } },
                nodeAffinityPolicy: spread.affinityPolicy,
                nodeTaintsPolicy: spread.taintsPolicy,
                ...(spread.minDomains ? { minDomains: spread.minDomains } : {}),
                ...(spread.byRevision ? { matchLabelKeys: ['revision'] } : {}),
              },
            ],
          }
        : {}),
    },
  });
  const requests = {
    cpu: `${shape.cpu}`,
    memory: `${shape.memory}Gi`,
    ...(shape.devices > 0 ? { 'example.com/device': `${shape.devices}` } : {}),
  };
  const ports = shape.hostIP
    ? [{ containerPort: 80, hostPort: 80, hostIP: shape.hostIP }]
    : undefined;
  if (pod.spec)
    pod.spec.containers = [{ name: 'main', resources: { requests }, ...(ports ? { ports } : {}) }];
  return pod;
}

/** Whether the pod would fit if all that matters less went from the node. */
function couldMakeRoom(
  pod: Shape,
  node: Node,
  nodes: readonly Node[],
  placed: readonly Placed[],
): boolean {
  const left = placed.filter((p) => p.node !== node || p.shape.priority >= pod.priority);
  return left.length < placed.length && fits(pod, node, nodes, left);
}

function fits(pod: Shape, node: Node, nodes: readonly Node[], placed: readonly Placed[]): boolean {
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
  const cpuOf = (shape: Shape) => Math.max(shape.cpu, shape.initCpu);
  const within = (capacity: number, amountOf: (shape: Shape) => number) =>
    amountOf(pod) === 0 || here.reduce((sum, p) => sum + amountOf(p), amountOf(pod)) <= capacity;
  return (
    here.length < PODS_PER_NODE &&
    within(Number(there['cpu']), cpuOf) &&
    within(Number.parseInt(String(there['memory']), 10), (shape) => shape.memory) &&
    within(Number(there['example.com/device']), (shape) => shape.devices)
  );
}

function portsClash(a: Shape, b: Shape): boolean {
  if (!a.hostIP || !b.hostIP) return false;
  return a.hostIP === b.hostIP || a.hostIP === '0.0.0.0' || b.hostIP === '0.0.0.0';
}

function keepsAway(pod: Shape, node: Node, placed: readonly Placed[]): boolean {
  const repels = (from: Shape, other: Shape) =>
    from.away === other.app && (from.awayEverywhere || from.namespace === other.namespace);
  return !placed.some(
    ({ shape, node: there }) =>
      (repels(pod, shape) && together(node, there, pod.awayKey)) ||
      (repels(shape, pod) && together(node, there, shape.awayKey)),
  );
}

function findsNeighbours(pod: Shape, node: Node, placed: readonly Placed[]): boolean {
  if (!pod.near) return true;
  if (label(node, 'zone') === undefined) return false;
  const wanted = placed.filter(
    ({ shape, node: there }) =>
      shape.app === pod.near &&
      shape.namespace === pod.namespace &&
      label(there, 'zone') !== undefined,
  );
  // The first of a group that wants to be together may go anywhere.
  if (wanted.length === 0) return pod.app === pod.near;
  return wanted.some((p) => together(node, p.node, 'zone'));
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
