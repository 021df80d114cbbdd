import t from 'tap';
import type { Node, Pod, PodDisruptionBudget } from '../pkg/api/types.js';
import { defaultArgs } from './config/defaults.js';
import { podInfoOf } from './framework/pod-info.js';
import { preempt } from './preemption.js';
import { Cluster, nodeOf, type Placed, type PodShape, podOf } from './testing/builders.js';

const on = (
  node: string,
  name: string,
  cpu: string,
  priority = 0,
  more: PodShape = {},
): Placed => ({
  node,
  pod: podOf(name, { requests: { cpu }, priority, ...more }),
});
const budget = (name: string, app: string, disruptionsAllowed: number): PodDisruptionBudget => ({
  metadata: { name, namespace: 'default' },
  spec: { selector: { matchLabels: { app } } },
  status: { disruptionsAllowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
});
const wants = (cpu: string, more: PodShape = {}) =>
  podOf('urgent', { requests: { cpu }, priority: 100, ...more });

interface Row {
  name: string;
  nodes: Node[];
  pods: Placed[];
  pod: Pod;
  budgets?: PodDisruptionBudget[];
  /** Node and victims, or the message. */
  want: [string, string[]] | string;
}

const ROWS: Row[] = [
  {
    name: 'only as many as have to go, the least important first',
    nodes: [nodeOf('a')],
    pods: [on('a', 'x', '1', 1), on('a', 'y', '1', 2), on('a', 'z', '2', 3)],
    pod: wants('2'),
    want: ['a', ['y', 'x']],
  },
  {
    name: 'nobody is less important',
    nodes: [nodeOf('a'), nodeOf('b')],
    pods: [on('a', 'x', '4', 100), on('b', 'y', '4', 200)],
    pod: wants('2'),
    want: '0/2 nodes are available: 2 No preemption victims found for incoming pod.',
  },
  {
    name: 'those that can go are not enough: the message says what stays short',
    nodes: [nodeOf('a'), nodeOf('b', { unschedulable: true })],
    pods: [on('a', 'x', '3', 100), on('a', 'y', '1', 1)],
    pod: wants('2'),
    want: '0/2 nodes are available: 1 Insufficient cpu, 1 Preemption is not helpful for scheduling.',
  },
  {
    name: 'a node that is too small',
    nodes: [nodeOf('a')],
    pods: [on('a', 'x', '1', 1)],
    pod: wants('5'),
    want: '0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
  },
  {
    name: 'the pod does not preempt',
    nodes: [nodeOf('a')],
    pods: [on('a', 'x', '4', 1)],
    pod: wants('2', { spec: { preemptionPolicy: 'Never' } }),
    want: 'not eligible due to preemptionPolicy=Never.',
  },
  {
    name: 'its victims are still on their way out',
    nodes: [nodeOf('a'), nodeOf('b')],
    pods: [
      on('a', 'x', '4', 1, {
        terminating: true,
        status: {
          conditions: [
            { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' },
          ],
        },
      }),
      on('b', 'y', '4', 1),
    ],
    pod: wants('2', { status: { nominatedNodeName: 'a' } }),
    want: 'not eligible due to a terminating pod on the nominated node.',
  },
  {
    name: 'the node where no budget is broken, though more important pods go',
    nodes: [nodeOf('a'), nodeOf('b')],
    pods: [on('a', 'x', '4', 1, { labels: { app: 'db' } }), on('b', 'y', '4', 50)],
    pod: wants('2'),
    budgets: [budget('db', 'db', 0)],
    want: ['b', ['y']],
  },
  {
    name: 'on one node those whose budget would be broken stay, as far as they can',
    nodes: [nodeOf('a')],
    pods: [on('a', 'x', '2', 1, { labels: { app: 'db' } }), on('a', 'y', '2', 50)],
    pod: wants('2'),
    budgets: [budget('db', 'db', 0)],
    want: ['a', ['y']],
  },
  {
    name: 'a budget for all that lack a label is none of those that have no label at all',
    nodes: [nodeOf('a')],
    pods: [on('a', 'x', '2', 1), on('a', 'y', '2', 50)],
    pod: wants('2'),
    budgets: [
      {
        ...budget('rest', 'rest', 0),
        spec: { selector: { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] } },
      },
    ],
    want: ['a', ['x']],
  },
  {
    name: 'the node whose most important victim is least important',
    nodes: [nodeOf('a'), nodeOf('b')],
    pods: [on('a', 'x', '4', 20), on('b', 'y', '2', 10), on('b', 'z', '2', 10)],
    pod: wants('4'),
    want: ['b', ['y', 'z']],
  },
  {
    name: 'then the lower sum of priorities',
    nodes: [nodeOf('a'), nodeOf('b')],
    pods: [
      on('a', 'w', '2', 10),
      on('a', 'x', '2', 9),
      on('b', 'y', '2', 10),
      on('b', 'z', '2', 1),
    ],
    pod: wants('4'),
    want: ['b', ['y', 'z']],
  },
  {
    name: 'then fewer victims',
    nodes: [nodeOf('a'), nodeOf('b')],
    pods: [on('a', 'w', '2', 10), on('a', 'x', '2', 10), on('b', 'y', '4', 10)],
    pod: wants('4'),
    want: ['b', ['y']],
  },
  {
    name: 'then those that started last',
    nodes: [nodeOf('a'), nodeOf('b')],
    pods: [on('a', 'x', '4', 10, { started: 10 }), on('b', 'y', '4', 10, { started: 20 })],
    pod: wants('4'),
    want: ['b', ['y']],
  },
  {
    name: 'a clash of host ports is solved too',
    nodes: [nodeOf('a')],
    pods: [on('a', 'x', '1', 1, { hostPort: 80 }), on('a', 'y', '1', 1)],
    pod: wants('1', { hostPort: 80 }),
    want: ['a', ['x']],
  },
  {
    name: 'so is the anti-affinity of a pod that is there',
    nodes: [nodeOf('a')],
    pods: [
      on('a', 'x', '1', 1, {
        spec: {
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { topologyKey: 'kubernetes.io/hostname', labelSelector: {} },
              ],
            },
          },
        },
      }),
    ],
    pod: wants('1'),
    want: ['a', ['x']],
  },
];

t.test('preemption makes room where it hurts least, or says why it does not', async (t) => {
  for (const { name, nodes, pods, pod, budgets = [], want } of ROWS) {
    const cluster = new Cluster(nodes, pods);
    const info = podInfoOf(pod);
    const outcome = cluster.algorithm.schedule(info);
    if ('node' in outcome) throw new Error(`${name}: the pod fits without preemption`);
    const before = cluster.cache.nodeList().map((node) => [...node.pods.keys()]);
    const result = preempt(
      {
        cache: cluster.cache,
        args: defaultArgs('DefaultPreemption'),
        framework: cluster.framework,
        algorithm: cluster.algorithm,
        budgets: () => budgets,
        random: () => 0,
      },
      outcome.state,
      info,
      outcome.diagnosis,
    );
    const found =
      'message' in result ? result.message : [result.node, result.victims.map((v) => v.name)];
    t.same(found, want, name);
    t.same(
      cluster.cache.nodeList().map((node) => [...node.pods.keys()]),
      before,
      `${name}: the cluster is as it was`,
    );
  }
});
