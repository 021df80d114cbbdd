import fc from 'fast-check';
import t from 'tap';
import type { Node, Pod } from '../pkg/api/types.js';
import { FakeClock } from '../pkg/component/clock.js';
import { podInfoOf } from './framework/pod-info.js';
import { Cluster, nodeOf, podOf } from './testing/builders.js';

t.test('equally good nodes get their turn by chance, and the better one always', async (t) => {
  const clock = new FakeClock();
  const cluster = new Cluster([nodeOf('a'), nodeOf('b'), nodeOf('small', { cpu: '1' })], [], {
    random: () => clock.random(),
  });
  const counts = new Map<string, number>();
  for (let i = 0; i < 200; i++) {
    const node = cluster.schedule(podOf('p', { requests: { cpu: '500m' } }));
    counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  t.equal(counts.get('small'), undefined);
  t.ok((counts.get('a') ?? 0) > 60 && (counts.get('b') ?? 0) > 60, 'about half each');
});

t.test('in a large cluster only so many nodes are looked at, each time others', async (t) => {
  const cluster = new Cluster(Array.from({ length: 1000 }, (_, i) => nodeOf(`n${i}`)));
  const looked = new Set<string>();
  let calls = 0;
  const filter = cluster.framework.filter.bind(cluster.framework);
  cluster.framework.filter = (state, pod, node) => {
    calls++;
    looked.add(node.name);
    return filter(state, pod, node);
  };
  cluster.schedule(podOf('p'));
  // 50 - 1000/125 = 42 % of 1000
  t.equal(calls, 420);
  cluster.schedule(podOf('p'));
  cluster.schedule(podOf('p'));
  t.equal(looked.size, 1000);
});

t.test('a pod leaves room for those nominated to a node, unless they matter less', async (t) => {
  for (const [name, priority, want] of [
    ['more important', 10, '0/1 nodes are available: 1 Insufficient cpu.'],
    ['as important', 5, '0/1 nodes are available: 1 Insufficient cpu.'],
    ['less important', 1, 'a'],
  ] as const) {
    const cluster = new Cluster([nodeOf('a')]);
    const requests = { cpu: '3' };
    cluster.nominator.set(podInfoOf(podOf('n', { priority, requests })), 'a');
    t.equal(cluster.schedule(podOf('p', { priority: 5, requests })), want, name);
  }
});

t.test('the nominated node comes first, if the pod fits there', async (t) => {
  const nodes = [nodeOf('a', { cpu: '2' }), nodeOf('b', { cpu: '64', memory: '64Gi' })];
  const pod = (cpu: string) =>
    podOf('p', { requests: { cpu }, status: { nominatedNodeName: 'a' } });
  t.equal(new Cluster(nodes).schedule(pod('1')), 'a');
  t.equal(new Cluster(nodes).schedule(pod('3')), 'b');
});

interface Shape {
  cpu: number;
  zone: string | undefined;
  app: string;
  port: boolean;
  tolerates: boolean;
  near: string | undefined;
  away: string | undefined;
  awayKey: string;
  skew: number | undefined;
}
const apps = fc.constantFrom('web', 'db');
const keys = fc.constantFrom('zone', 'kubernetes.io/hostname');
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined, freq: 2 });
const anyNode = fc.record({
  cpu: fc.integer({ min: 1, max: 6 }),
  zone: maybe(fc.constantFrom('1', '2', '3')),
  tainted: fc.boolean(),
  cordoned: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
const anyPod: fc.Arbitrary<Shape> = fc.record({
  cpu: fc.integer({ min: 0, max: 3 }),
  zone: maybe(fc.constantFrom('1', '2')),
  app: apps,
  port: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  tolerates: fc.boolean(),
  near: maybe(apps),
  away: maybe(apps),
  awayKey: keys,
  skew: maybe(fc.integer({ min: 1, max: 2 })),
});

t.test(
  'of random clusters: a placement passes every rule, a pod without place passes none',
  async (t) => {
    let placements = 0;
    let refusals = 0;
    fc.assert(
      fc.property(
        fc.array(anyNode, { minLength: 1, maxLength: 6 }),
        fc.array(anyPod, { minLength: 1, maxLength: 14 }),
        (nodeShapes, podShapes) => {
          const nodes = nodeShapes.map(({ cpu, zone, tainted, cordoned }, i) =>
            nodeOf(`n${i}`, {
              cpu: `${cpu}`,
              ...(zone ? { labels: { zone } } : {}),
              ...(tainted ? { taints: [{ key: 'k', effect: 'NoSchedule' }] } : {}),
              unschedulable: cordoned,
            }),
          );
          const cluster = new Cluster(nodes);
          const placed: { shape: Shape; node: Node }[] = [];
          for (const [i, shape] of podShapes.entries()) {
            const pod = madeOf(`p${i}`, shape);
            const outcome = cluster.algorithm.schedule(podInfoOf(pod));
            const possible = nodes.filter((node) => fits(shape, node, nodes, placed));
            if ('node' in outcome) {
              const node = possible.find((n) => n.metadata?.name === outcome.node);
              if (!node) return false;
              cluster.cache.assume(podInfoOf(pod), outcome.node);
              placed.push({ shape, node });
              placements++;
            } else {
              if (possible.length > 0) return false;
              refusals++;
            }
          }
          return true;
        },
      ),
      { seed: 1, numRuns: 400 },
    );
    t.ok(placements > 500 && refusals > 500, 'both happen often');
  },
);

function madeOf(name: string, shape: Shape): Pod {
  const term = (app: string, topologyKey: string) => ({
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey, labelSelector: { matchLabels: { app } } },
    ],
  });
  return podOf(name, {
    labels: { app: shape.app },
    requests: { cpu: `${shape.cpu}` },
    ...(shape.port ? { hostPort: 80 } : {}),
    spec: {
      ...(shape.zone ? { nodeSelector: { zone: shape.zone } } : {}),
      ...(shape.tolerates ? { tolerations: [{ key: 'k', operator: 'Exists' }] } : {}),
      affinity: {
        ...(shape.near ? { podAffinity: term(shape.near, 'zone') } : {}),
        ...(shape.away ? { podAntiAffinity: term(shape.away, shape.awayKey) } : {}),
      },
      ...(shape.skew
        ? {
            topologySpreadConstraints: [
              {
                maxSkew: shape.skew,
                topologyKey: 'zone',
                whenUnsatisfiable: 'DoNotSchedule',
                labelSelector: { matchLabels: { app: shape.app } },
              },
            ],
          }
        : {}),
    },
  });
}

/** The rules once more, plainly, from the API's documentation. */
function fits(
  pod: Shape,
  node: Node,
  nodes: readonly Node[],
  placed: readonly { shape: Shape; node: Node }[],
): boolean {
  const label = (of: Node, key: string) => of.metadata?.labels?.[key];
  const here = placed.filter((p) => p.node === node).map((p) => p.shape);
  const together = (key: string) => {
    const value = label(node, key);
    return placed.filter((p) => value !== undefined && label(p.node, key) === value);
  };
  if (node.spec?.unschedulable) return false;
  if (node.spec?.taints && !pod.tolerates) return false;
  if (pod.zone && label(node, 'zone') !== pod.zone) return false;
  const capacity = Number(node.status?.allocatable?.['cpu']);
  if (pod.cpu > 0 && here.reduce((sum, p) => sum + p.cpu, pod.cpu) > capacity) return false;
  if (pod.port && here.some((p) => p.port)) return false;
  if (pod.away && together(pod.awayKey).some((p) => p.shape.app === pod.away)) return false;
  if (placed.some((p) => p.shape.away === pod.app && together(p.shape.awayKey).includes(p)))
    return false;
  if (pod.near) {
    if (label(node, 'zone') === undefined) return false;
    const anywhere = placed.some(
      (p) => p.shape.app === pod.near && label(p.node, 'zone') !== undefined,
    );
    const first = !anywhere && pod.app === pod.near;
    if (!first && !together('zone').some((p) => p.shape.app === pod.near)) return false;
  }
  if (pod.skew) {
    const zone = label(node, 'zone');
    if (zone === undefined) return false;
    const eligible = nodes
      .map((n) => label(n, 'zone'))
      .filter((z) => z !== undefined && (!pod.zone || z === pod.zone));
    const count = (z: string | undefined) =>
      placed.filter((p) => label(p.node, 'zone') === z && p.shape.app === pod.app).length;
    if (count(zone) + 1 - Math.min(...eligible.map(count)) > pod.skew) return false;
  }
  return true;
}
