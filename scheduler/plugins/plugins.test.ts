import t from 'tap';
import type {
  Affinity,
  Node,
  Pod,
  PodCondition,
  PodStatus,
  TopologySpreadConstraint,
} from '../../pkg/api/types.js';
import { selectorFromSet } from '../../pkg/apimachinery/labels.js';
import { nodeChanges, podChanges } from '../framework/events.js';
import { CycleState, type NodeScore, type Plugin } from '../framework/interface.js';
import { podInfoOf, updatedPodInfo } from '../framework/pod-info.js';
import {
  Cluster,
  type NodeShape,
  nodeOf,
  type Placed,
  type PodShape,
  podOf,
} from '../testing/builders.js';
import { schedulingGates } from './scheduling-gates.js';

const on = (node: string, pod: Pod): Placed => ({ node, pod });
const zoned = (zone: string): NodeShape => ({ labels: { zone } });
const requires = (
  kind: 'podAffinity' | 'podAntiAffinity',
  topologyKey: string,
  app: string,
  more: object = {},
): { affinity: Affinity } => ({
  affinity: {
    [kind]: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey, labelSelector: { matchLabels: { app } }, ...more },
      ],
    },
  },
});
const nodeRequires = (...nodeSelectorTerms: object[]): { affinity: Affinity } => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
  },
});
const spread = (more: Partial<TopologySpreadConstraint> = {}) => ({
  topologySpreadConstraints: [
    {
      maxSkew: 1,
      topologyKey: 'zone',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'web' } },
      ...more,
    },
  ],
});
const web = (name: string, more = {}) => podOf(name, { labels: { app: 'web' }, ...more });

interface FilterRow {
  name: string;
  nodes: Node[];
  pods?: Placed[];
  pod: Pod;
  namespaces?: Record<string, Record<string, string>>;
  /** The node, or the message. */
  want: string;
}

const FILTERS: FilterRow[] = [
  {
    name: 'no nodes at all',
    nodes: [],
    pod: podOf('p'),
    want: 'no nodes available to schedule pods',
  },
  {
    name: 'NodeResourcesFit names each resource that is short',
    nodes: [nodeOf('a', { cpu: '1', memory: '1Gi' }), nodeOf('b', { cpu: '1' })],
    pod: podOf('p', { requests: { cpu: '2', memory: '2Gi' } }),
    want: '0/2 nodes are available: 1 Insufficient memory, 2 Insufficient cpu.',
  },
  {
    name: 'NodeResourcesFit counts what is used, by containers, sidecars, the largest init container and overhead',
    nodes: [nodeOf('a', { cpu: '4' }), nodeOf('b', { cpu: '3900m' })],
    pod: podOf('p', {
      requests: { cpu: '1' },
      spec: {
        overhead: { cpu: '500m' },
        initContainers: [
          { name: 's', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } },
          { name: 'i', resources: { requests: { cpu: '2500m' } } },
        ],
      },
    }),
    want: 'a',
  },
  {
    name: 'NodeResourcesFit knows extended resources',
    nodes: [nodeOf('a'), nodeOf('b', { extra: { 'example.com/gpu': '2' } })],
    pods: [on('b', podOf('x', { requests: { 'example.com/gpu': '1' } }))],
    pod: podOf('p', { requests: { 'example.com/gpu': '2' } }),
    want: '0/2 nodes are available: 2 Insufficient example.com/gpu.',
  },
  {
    name: 'NodeResourcesFit: a node has room for so many pods',
    nodes: [nodeOf('a', { pods: '1' })],
    pods: [on('a', podOf('x'))],
    pod: podOf('p'),
    want: '0/1 nodes are available: 1 Too many pods.',
  },
  {
    name: 'NodeUnschedulable keeps pods away from a cordoned node',
    nodes: [nodeOf('a', { unschedulable: true })],
    pod: podOf('p'),
    want: '0/1 nodes are available: 1 node(s) were unschedulable.',
  },
  {
    name: 'NodeUnschedulable lets by who tolerates it',
    nodes: [nodeOf('a', { unschedulable: true })],
    pod: podOf('p', {
      spec: { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] },
    }),
    want: 'a',
  },
  {
    name: 'NodeName: another node will not do',
    nodes: [nodeOf('a'), nodeOf('b')],
    pod: podOf('p', { spec: { nodeName: 'c' } }),
    want: "0/2 nodes are available: 2 node(s) didn't match the requested node name.",
  },
  {
    name: 'TaintToleration keeps the taint to itself',
    nodes: [nodeOf('a', { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] })],
    pod: podOf('p', { spec: { tolerations: [{ key: 'k', operator: 'Equal', value: 'w' }] } }),
    want: '0/1 nodes are available: 1 node(s) had untolerated taint(s).',
  },
  {
    name: 'TaintToleration: PreferNoSchedule keeps nobody away, and a toleration without key takes all',
    nodes: [
      nodeOf('a', {
        taints: [
          { key: 'x', effect: 'PreferNoSchedule' },
          { key: 'k', effect: 'NoExecute' },
        ],
      }),
    ],
    pod: podOf('p', { spec: { tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] } }),
    want: 'a',
  },
  {
    name: 'NodeAffinity: nodeSelector',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('2'))],
    pod: podOf('p', { spec: { nodeSelector: { zone: '3' } } }),
    want: "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
  },
  {
    name: 'NodeAffinity: terms are alternatives, requirements of a term go together',
    nodes: [nodeOf('a', { labels: { zone: '1', cores: '8' } }), nodeOf('b', zoned('1'))],
    pod: podOf('p', {
      spec: nodeRequires(
        { matchExpressions: [{ key: 'zone', operator: 'In', values: ['7'] }] },
        {
          matchExpressions: [
            { key: 'zone', operator: 'Exists' },
            { key: 'cores', operator: 'Gt', values: ['4'] },
          ],
        },
      ),
    }),
    want: 'a',
  },
  {
    name: 'NodeAffinity: an empty term matches no node',
    nodes: [nodeOf('a')],
    pod: podOf('p', { spec: nodeRequires({}) }),
    want: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
  },
  {
    name: 'NodeAffinity by name leaves the other nodes out, as for the pods of a DaemonSet',
    nodes: [nodeOf('a', { cpu: '1' }), nodeOf('b'), nodeOf('c')],
    pod: podOf('p', {
      requests: { cpu: '2' },
      spec: nodeRequires({
        matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }],
      }),
    }),
    want: "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
  },
  {
    name: 'NodeAffinity by names that exclude each other',
    nodes: [nodeOf('a'), nodeOf('b')],
    pod: podOf('p', {
      spec: nodeRequires({
        matchFields: [
          { key: 'metadata.name', operator: 'In', values: ['a'] },
          { key: 'metadata.name', operator: 'In', values: ['b'] },
        ],
      }),
    }),
    want: '0/2 nodes are available: pod affinity terms conflict.',
  },
  {
    name: 'NodePorts: one host port, one pod',
    nodes: [nodeOf('a')],
    pods: [on('a', podOf('x', { hostPort: 80 }))],
    pod: podOf('p', { hostPort: 80 }),
    want: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  },
  {
    name: 'PodTopologySpread: the emptier zone is the only one left',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('2'))],
    pods: [on('a', web('x'))],
    pod: web('p', { spec: spread() }),
    want: 'b',
  },
  {
    name: 'PodTopologySpread: pods on their way out and of other namespaces do not count',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', { ...zoned('2'), cpu: '0' })],
    pods: [on('a', web('x', { terminating: true })), on('a', web('y', { namespace: 'other' }))],
    pod: web('p', { requests: { cpu: '1' }, spec: spread() }),
    want: 'a',
  },
  {
    name: 'PodTopologySpread: too uneven where there is room, no label where there is none',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', { ...zoned('2'), cpu: '0' }), nodeOf('c')],
    pods: [on('a', web('x'))],
    pod: web('p', { requests: { cpu: '1' }, spec: spread() }),
    want: "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label).",
  },
  {
    name: 'PodTopologySpread: fewer zones than minDomains count as if one were empty',
    nodes: [nodeOf('a', zoned('1'))],
    pods: [on('a', web('x'))],
    pod: web('p', { spec: spread({ minDomains: 2 }) }),
    want: "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints.",
  },
  {
    name: 'PodTopologySpread: nodeTaintsPolicy Honor leaves out zones that the pod cannot use',
    nodes: [
      nodeOf('a', zoned('1')),
      nodeOf('b', { ...zoned('2'), taints: [{ key: 'k', effect: 'NoSchedule' }] }),
    ],
    pods: [on('a', web('x'))],
    pod: web('p', { spec: spread({ nodeTaintsPolicy: 'Honor' }) }),
    want: 'a',
  },
  {
    name: 'PodTopologySpread: nodeAffinityPolicy Ignore counts zones that the pod cannot use',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('2'))],
    pods: [on('a', web('x'))],
    pod: web('p', {
      spec: { ...spread({ nodeAffinityPolicy: 'Ignore' }), nodeSelector: { zone: '1' } },
    }),
    want: "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) didn't match pod topology spread constraints.",
  },
  {
    name: 'PodTopologySpread: matchLabelKeys compares only pods of the same revision',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', { ...zoned('2'), cpu: '0' })],
    pods: [on('a', podOf('x', { labels: { app: 'web', rev: '1' } }))],
    pod: podOf('p', {
      labels: { app: 'web', rev: '2' },
      requests: { cpu: '1' },
      spec: spread({ matchLabelKeys: ['rev'] }),
    }),
    want: 'a',
  },
  {
    name: 'InterPodAffinity: near to a pod',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('2'))],
    pods: [on('b', podOf('x', { labels: { app: 'db' } }))],
    pod: podOf('p', { spec: requires('podAffinity', 'zone', 'db') }),
    want: 'b',
  },
  {
    name: 'InterPodAffinity: near to a pod that is nowhere',
    nodes: [nodeOf('a', zoned('1'))],
    pod: podOf('p', { spec: requires('podAffinity', 'zone', 'db') }),
    want: "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.",
  },
  {
    name: 'InterPodAffinity: the first of a group may start it, where the label is',
    nodes: [nodeOf('a'), nodeOf('b', zoned('2'))],
    pod: web('p', { spec: requires('podAffinity', 'zone', 'web') }),
    want: 'b',
  },
  {
    name: 'InterPodAffinity: other namespaces count by list and by selector',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('2'))],
    pods: [
      on('a', podOf('x', { labels: { app: 'db' } })),
      on('b', podOf('y', { labels: { app: 'db' }, namespace: 'data' })),
    ],
    namespaces: { data: { team: 'd' } },
    pod: podOf('p', {
      spec: requires('podAffinity', 'zone', 'db', {
        namespaceSelector: { matchLabels: { team: 'd' } },
      }),
    }),
    want: 'b',
  },
  {
    name: 'InterPodAffinity: away from a pod',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('1'))],
    pods: [on('b', web('x'))],
    pod: web('p', { spec: requires('podAntiAffinity', 'zone', 'web') }),
    want: "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
  },
  {
    name: 'InterPodAffinity: a pod that is there wants to be alone',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('1'))],
    pods: [on('b', podOf('x', { spec: requires('podAntiAffinity', 'zone', 'web') }))],
    pod: web('p'),
    want: "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules.",
  },
];

t.test('a pod gets a node that passes every filter, or the words that say why not', async (t) => {
  for (const { name, nodes, pods, pod, namespaces, want } of FILTERS) {
    const cluster = new Cluster(nodes, pods, namespaces ? { namespaces } : {});
    t.equal(cluster.schedule(pod), want, name);
  }
});

t.test(
  'a node that could not even hold the pod when empty is no case for preemption',
  async (t) => {
    for (const [name, cpu, memory, code] of [
      ['one of two is beyond the node', '5', '8Gi', 'UnschedulableAndUnresolvable'],
      ['both are only in use', '4', '8Gi', 'Unschedulable'],
    ] as const) {
      const cluster = new Cluster(
        [nodeOf('a')],
        [on('a', podOf('x', { requests: { cpu: '1', memory: '1Gi' } }))],
      );
      const outcome = cluster.algorithm.schedule(
        podInfoOf(podOf('p', { requests: { cpu, memory } })),
      );
      t.equal('diagnosis' in outcome && outcome.diagnosis.codeOf('a'), code, name);
    }
  },
);

interface ScoreRow {
  name: string;
  plugin: string;
  nodes: Node[];
  pods?: Placed[];
  pod: Pod;
  selects?: Record<string, string>;
  want: Record<string, number> | 'skip';
}

const prefers = (weight: number, zone: string) => ({
  weight,
  preference: { matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] },
});
const SCORES: ScoreRow[] = [
  {
    name: 'LeastAllocated, with the defaults for who asks for nothing',
    plugin: 'NodeResourcesFit',
    nodes: [
      nodeOf('empty', { cpu: '4', memory: '1000Mi' }),
      nodeOf('used', { cpu: '4', memory: '1000Mi' }),
    ],
    pods: [on('used', podOf('x'))],
    pod: podOf('p', { requests: { cpu: '1', memory: '500Mi' } }),
    // (75 + 50) / 2, and (72 + 30) / 2
    want: { empty: 62, used: 51 },
  },
  {
    name: 'balance of CPU and memory',
    plugin: 'NodeResourcesBalancedAllocation',
    nodes: [nodeOf('a', { cpu: '4', memory: '8Gi' }), nodeOf('b', { cpu: '8', memory: '8Gi' })],
    pod: podOf('p', { requests: { cpu: '2', memory: '4Gi' } }),
    want: { a: 100, b: 87 },
  },
  {
    name: 'a pod that asks for nothing changes no balance',
    plugin: 'NodeResourcesBalancedAllocation',
    nodes: [nodeOf('a')],
    pod: podOf('p'),
    want: 'skip',
  },
  {
    name: 'preferred node affinity; an empty term counts for nothing',
    plugin: 'NodeAffinity',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('2')), nodeOf('c', zoned('3'))],
    pod: podOf('p', {
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              prefers(8, '1'),
              prefers(2, '2'),
              { weight: 50, preference: {} },
            ],
          },
        },
      },
    }),
    want: { a: 100, b: 25, c: 0 },
  },
  {
    name: 'fewer taints that are only to be avoided',
    plugin: 'TaintToleration',
    nodes: [
      nodeOf('none'),
      nodeOf('one', { taints: [{ key: 'x', effect: 'PreferNoSchedule' }] }),
      nodeOf('two', {
        taints: [
          { key: 'x', effect: 'PreferNoSchedule' },
          { key: 'y', effect: 'PreferNoSchedule' },
        ],
      }),
    ],
    pod: podOf('p'),
    want: { none: 100, one: 50, two: 0 },
  },
  {
    name: 'the image is there: 500 MiB on one of two nodes',
    plugin: 'ImageLocality',
    nodes: [nodeOf('a', { images: { 'app:latest': 500 * 1024 * 1024 } }), nodeOf('b')],
    pod: podOf('p'),
    // (250 - 23) of (1000 - 23) MiB
    want: { a: 23, b: 0 },
  },
  {
    name: 'preferred affinity of the pod, of pods that are there, and what they require',
    plugin: 'InterPodAffinity',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('2')), nodeOf('c', zoned('3'))],
    pods: [
      on('a', podOf('x', { labels: { app: 'db' } })),
      on('b', podOf('y', { spec: requires('podAffinity', 'zone', 'web') })),
    ],
    pod: web('p', {
      spec: {
        affinity: {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 4,
                podAffinityTerm: {
                  topologyKey: 'zone',
                  labelSelector: { matchLabels: { app: 'db' } },
                },
              },
            ],
          },
        },
      },
    }),
    want: { a: 100, b: 25, c: 0 },
  },
  {
    name: 'preferred anti-affinity',
    plugin: 'InterPodAffinity',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('2'))],
    pods: [on('a', web('x'))],
    pod: web('p', {
      spec: {
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 1,
                podAffinityTerm: {
                  topologyKey: 'zone',
                  labelSelector: { matchLabels: { app: 'web' } },
                },
              },
            ],
          },
        },
      },
    }),
    want: { a: 0, b: 100 },
  },
  {
    name: 'ScheduleAnyway: the emptier zone is better, a node without the label is worst',
    plugin: 'PodTopologySpread',
    nodes: [nodeOf('a', zoned('1')), nodeOf('b', zoned('2')), nodeOf('c')],
    pods: [on('a', web('x')), on('a', web('y')), on('b', web('z'))],
    pod: web('p', { spec: spread({ whenUnsatisfiable: 'ScheduleAnyway' }) }),
    // counts 2 and 1, weight ln(2 + 2): 3 and 1
    want: { a: 33, b: 100, c: 0 },
  },
  {
    name: 'the default constraints spread the pods of a Service over hosts',
    plugin: 'PodTopologySpread',
    nodes: [nodeOf('a'), nodeOf('b')],
    pods: [on('a', web('x')), on('a', web('y'))],
    pod: web('p'),
    selects: { app: 'web' },
    // 2 · ln 4 + 2 = 5 and 2
    want: { a: 40, b: 100 },
  },
  {
    name: 'nobody selects the pod, so nothing is spread by default',
    plugin: 'PodTopologySpread',
    nodes: [nodeOf('a')],
    pod: web('p'),
    want: 'skip',
  },
];

t.test('each plugin scores from 0 to 100 as upstream does', async (t) => {
  for (const { name, plugin, nodes, pods, pod, selects, want } of SCORES) {
    const cluster = new Cluster(nodes, pods, {
      defaultSelector: () => (selects ? selectorFromSet(selects) : undefined),
    });
    const found = cluster.framework.plugins.find((p) => p.name === plugin);
    if (!found) throw new Error(`no plugin ${plugin}`);
    t.same(scoresOf(found, cluster, pod), want, `${plugin}: ${name}`);
  }
});

function scoresOf(plugin: Plugin, cluster: Cluster, pod: Pod): Record<string, number> | 'skip' {
  const state = new CycleState();
  const info = podInfoOf(pod);
  const nodes = cluster.cache.nodeList();
  if (plugin.preScore?.(state, info, nodes)?.code === 'Skip') return 'skip';
  const scores: NodeScore[] = nodes.map((node) => ({
    node,
    score: plugin.score?.(state, info, node) ?? Number.NaN,
  }));
  plugin.normalize?.(state, info, scores);
  return Object.fromEntries(scores.map(({ node, score }) => [node.name, score]));
}

t.test('a gated pod names its gates', async (t) => {
  const pod = podOf('p', { spec: { schedulingGates: [{ name: 'a' }, { name: 'b' }] } });
  t.same(schedulingGates.preEnqueue?.(pod)?.reasons, ['waiting for scheduling gates: [a b]']);
  t.equal(schedulingGates.preEnqueue?.(podOf('p')), undefined);
});

const holds = (cpu: string, promised = cpu, ...conditions: PodCondition[]): PodStatus => ({
  conditions,
  containerStatuses: [
    {
      name: 'main',
      image: '',
      imageID: '',
      ready: true,
      restartCount: 0,
      resources: { requests: { cpu } },
      allocatedResources: { cpu: promised },
    },
  ],
});

t.test(
  'a container that is resized counts with the most it asks for, has or was promised',
  async (t) => {
    const infeasible = { type: 'PodResizePending', status: 'True', reason: 'Infeasible' };
    const rows: [string, PodStatus, number][] = [
      ['not yet seen by its node', {}, 2000],
      ['still with more', holds('3'), 3000],
      ['promised more', holds('1', '3'), 3000],
      ['with less, and more on the way', holds('1'), 2000],
      ['with less, and never to get more', holds('1', '1', infeasible), 1000],
      ['done', holds('2'), 2000],
    ];
    for (const [name, status, cpu] of rows) {
      const info = podInfoOf(podOf('p', { requests: { cpu: '2' }, status }));
      t.equal(info.requests.milliCpu, cpu, name);
      t.equal(info.nonZeroRequests.milliCpu, cpu, `${name}, compared`);
    }
    const before = { ...podOf('p', { requests: { cpu: '2' }, status: holds('3') }) };
    before.metadata = { ...before.metadata, generation: 2 };
    const known = podInfoOf(before);
    const done = updatedPodInfo(known, { ...before, status: holds('2') });
    t.equal(done.requests.milliCpu, 2000, 'news of its status count, though its spec is the same');
  },
);

t.test('news of a status is no change that scheduling reads', async (t) => {
  const pod = (more: PodShape) => podOf('p', more);
  t.same(podChanges(pod({}), pod({ status: { phase: 'Running' } })), []);
  t.same(podChanges(pod({}), pod({ labels: { a: 'b' } })), ['UpdateLabel']);
  t.same(podChanges(pod({ requests: { cpu: '2' } }), pod({ requests: { cpu: '1' } })), [
    'UpdateScaleDown',
  ]);
  t.same(podChanges(pod({ requests: { cpu: '1' } }), pod({ requests: { cpu: '2' } })), []);
  // The API is asked for less; the node gives it back when it has done it.
  const asks = { requests: { cpu: '1' } };
  t.same(
    podChanges(pod({ ...asks, status: holds('2') }), pod({ ...asks, status: holds('2') })),
    [],
  );
  t.same(podChanges(pod({ ...asks, status: holds('2') }), pod({ ...asks, status: holds('1') })), [
    'UpdateScaleDown',
  ]);
  const heartbeat = nodeOf('n');
  heartbeat.status = { ...heartbeat.status, conditions: [{ type: 'Ready', status: 'True' }] };
  t.same(nodeChanges(nodeOf('n'), heartbeat), []);
  t.same(nodeChanges(nodeOf('n'), nodeOf('n', { unschedulable: true, cpu: '9' })), [
    'UpdateAllocatable',
    'UpdateTaint',
  ]);
});
