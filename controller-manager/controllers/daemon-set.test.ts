import t from 'tap';
import type {
  ControllerRevision,
  DaemonSet,
  Event,
  Node,
  Pod,
  Taint,
} from '../../pkg/api/types.js';
import { isNotFound } from '../../pkg/client/errors.js';
import {
  CONTROLLER_REVISIONS,
  CORE_EVENTS,
  DAEMON_SETS,
  NODES,
  PODS,
} from '../../pkg/client/resources.js';
import { FakeClock } from '../../pkg/component/clock.js';
import { eventually, remains } from '../../test/support/eventually.js';
import { FailedPodBackoff } from '../daemon-set/failed-pod-backoff.js';
import {
  judge,
  judgeAll,
  planPlacement,
  podsByNode,
  type Situation,
} from '../daemon-set/placement.js';
import { affinityTo, daemonPod, daemonTolerations, targetNode } from '../daemon-set/pod.js';
import { planUpdate } from '../daemon-set/rolling-update.js';
import { countNodes } from '../daemon-set/status.js';
import { ControlPlane } from '../testing/control-plane.js';
import { HandNodes } from '../testing/hand-nodes.js';

// Whole rollouts, on machines that may be busy with other things.
t.setTimeout(300_000);
const NAMESPACE = 'default';
const SETTLE_MS = 300;

type Spec = NonNullable<DaemonSet['spec']>;
type PodSpec = NonNullable<Pod['spec']>;

function setOf(name: string, spec: Partial<Spec> = {}, pod: Partial<PodSpec> = {}): DaemonSet {
  const labels = { app: name };
  return {
    metadata: { namespace: NAMESPACE, name },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'c', image: 'nginx:1' }], ...pod },
      },
      ...spec,
    },
  };
}

// --- decisions ---

const nodeOf = (name: string, taints: Taint[] = [], labels: Record<string, string> = {}): Node => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
  spec: { taints },
});

type State = 'ready' | 'starting' | 'failed' | 'succeeded' | 'terminating' | 'unbound';
/** `a1 new`: a pod a1 on node a, of revision `new`. */
function podOf(text: string, state: State = 'ready'): Pod {
  const [name = '', revision = ''] = text.split(' ');
  const node = name.slice(0, 1);
  const phases: Partial<Record<State, string>> = {
    failed: 'Failed',
    succeeded: 'Succeeded',
    unbound: 'Pending',
  };
  return {
    metadata: {
      namespace: NAMESPACE,
      name,
      creationTimestamp: `2026-01-01T00:00:0${name.slice(1)}Z`,
      labels: { 'controller-revision-hash': revision },
      ...(state === 'terminating' ? { deletionTimestamp: '2026-01-01T00:01:00Z' } : {}),
    },
    spec: {
      containers: [],
      ...(state === 'unbound' ? { affinity: affinityTo(node, undefined) } : { nodeName: node }),
    },
    status: {
      phase: phases[state] ?? 'Running',
      conditions: [{ type: 'Ready', status: state === 'ready' ? 'True' : 'False' }],
    },
  };
}

const situation = (ds: DaemonSet, nodes: Node[], pods: Pod[]): Situation => ({
  ds,
  verdicts: judgeAll(ds, nodes),
  byNode: podsByNode(pods),
  hash: 'new',
  nowMs: Date.UTC(2026, 0, 2),
});
const shown = (plan: { create: string[]; delete: Pod[] }) => [
  ...plan.create.map((node) => `+${node}`),
  ...plan.delete.map((pod) => `-${pod.metadata?.name}`),
];
const withStrategy = (maxUnavailable: number | string, maxSurge: number | string = 0) =>
  setOf('d', {
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge } },
  });

t.test('which nodes are due a pod', async (t) => {
  const noSchedule: Taint = { key: 'k', value: 'v', effect: 'NoSchedule' };
  const noExecute: Taint = { key: 'k', value: 'v', effect: 'NoExecute' };
  const affinity = (key: string, value: string) => ({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values: [value] }] }],
      },
    },
  });
  const rows: [string, Partial<PodSpec>, Node, 'run' | 'stay' | 'go'][] = [
    ['any', {}, nodeOf('a'), 'run'],
    ['another is named', { nodeName: 'b' }, nodeOf('a'), 'go'],
    ['it is named', { nodeName: 'a' }, nodeOf('a'), 'run'],
    ['selected', { nodeSelector: { disk: 'ssd' } }, nodeOf('a', [], { disk: 'ssd' }), 'run'],
    ['not selected', { nodeSelector: { disk: 'ssd' } }, nodeOf('a'), 'go'],
    ['affinity', { affinity: affinity('disk', 'ssd') }, nodeOf('a', [], { disk: 'hdd' }), 'go'],
    ['NoSchedule', {}, nodeOf('a', [noSchedule]), 'stay'],
    ['NoExecute', {}, nodeOf('a', [noExecute]), 'go'],
    [
      'tolerated',
      { tolerations: [{ key: 'k', operator: 'Exists' }] },
      nodeOf('a', [noExecute, noSchedule]),
      'run',
    ],
    ['PreferNoSchedule', {}, nodeOf('a', [{ key: 'k', effect: 'PreferNoSchedule' }]), 'run'],
    [
      'cordoned',
      {},
      nodeOf('a', [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }]),
      'run',
    ],
    [
      'unreachable',
      {},
      nodeOf('a', [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }]),
      'run',
    ],
    [
      'no network',
      {},
      nodeOf('a', [{ key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule' }]),
      'stay',
    ],
    [
      'no network, on the host',
      { hostNetwork: true },
      nodeOf('a', [{ key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule' }]),
      'run',
    ],
  ];
  for (const [title, pod, node, expected] of rows) {
    const { shouldRun, mayStay } = judge(setOf('d', {}, pod))(node);
    t.equal(shouldRun ? 'run' : mayStay ? 'stay' : 'go', expected, title);
  }
});

t.test('placement', async (t) => {
  const nodes = [nodeOf('a'), nodeOf('b', [{ key: 'k', effect: 'NoExecute' }])];
  const ds = withStrategy(1);
  const surging = withStrategy(0, 1);
  const rows: [string, DaemonSet, Pod[], string[]][] = [
    ['a node without a pod gets one', ds, [], ['+a']],
    ['one that has it is left alone', ds, [podOf('a1 old')], []],
    ['a pod waits for the scheduler', ds, [podOf('a1 new', 'unbound')], []],
    ['one that ends has to end first', ds, [podOf('a1 new', 'terminating')], []],
    [
      'a node that is not wanted loses its pods',
      ds,
      [podOf('a1 new'), podOf('b1 new'), podOf('b2 new', 'terminating')],
      ['-b1'],
    ],
    [
      'of several the oldest stays',
      ds,
      [podOf('a2 new'), podOf('a1 old'), podOf('a3 new')],
      ['-a2', '-a3'],
    ],
    [
      'a bound one before an older that is not',
      ds,
      [podOf('a1 new', 'unbound'), podOf('a2 new')],
      ['-a1'],
    ],
    ['a failed one goes', ds, [podOf('a1 new', 'failed')], ['-a1']],
    ['one that has succeeded goes', ds, [podOf('a1 new', 'succeeded')], ['-a1']],
    [
      'an unbound pod of a node that is gone goes',
      ds,
      [podOf('a1 new'), podOf('x1 new', 'unbound'), podOf('x2 new')],
      ['-x1'],
    ],
    ['surging, one that ends is no obstacle', surging, [podOf('a1 old', 'terminating')], ['+a']],
    ['surging, two may be there', surging, [podOf('a1 old'), podOf('a2 new', 'starting')], []],
    [
      'surging, the old one goes when the new one is ready',
      surging,
      [podOf('a1 old'), podOf('a2 new')],
      ['-a1'],
    ],
    [
      'surging, an old one that is broken goes at once',
      surging,
      [podOf('a1 old', 'starting'), podOf('a2 new', 'starting')],
      ['-a1'],
    ],
    [
      'surging, one of each is enough',
      surging,
      [podOf('a1 old'), podOf('a2 new', 'starting'), podOf('a3 new')],
      ['-a3'],
    ],
  ];
  for (const [title, set, pods, expected] of rows) {
    const ended = { mayReplace: () => true, succeeded: () => undefined };
    t.same(shown(planPlacement(situation(set, nodes, pods), ended)), expected, title);
  }
  const later = { mayReplace: () => false, succeeded: () => undefined };
  t.same(
    shown(planPlacement(situation(ds, nodes, [podOf('a1 new', 'failed')]), later)),
    [],
    'not yet',
  );
});

t.test('a step of a rolling update', async (t) => {
  const nodes = ['a', 'b', 'c'].map((name) => nodeOf(name));
  const all = (revision: string) => ['a', 'b', 'c'].map((node) => podOf(`${node}1 ${revision}`));
  const rows: [string, DaemonSet, Pod[], string[]][] = [
    ['one at a time', withStrategy(1), all('old'), ['-a1']],
    ['two at a time', withStrategy(2), all('old'), ['-a1', '-b1']],
    ['a percentage rounds up', withStrategy('40%'), all('old'), ['-a1', '-b1']],
    [
      'none while a node has none',
      withStrategy(1),
      [podOf('a1 new', 'terminating'), podOf('b1 old'), podOf('c1 old')],
      [],
    ],
    [
      'none while a new one is not ready',
      withStrategy(1),
      [podOf('a1 new', 'starting'), podOf('b1 old'), podOf('c1 old')],
      [],
    ],
    [
      'an old one that is broken goes at any rate',
      withStrategy(1),
      [podOf('a1 old', 'starting'), podOf('b1 old', 'starting'), podOf('c1 old')],
      ['-a1', '-b1'],
    ],
    ['nothing when all are new', withStrategy(1), all('new'), []],
    ['surge: a second one first', withStrategy(0, 1), all('old'), ['+a']],
    [
      'surge: none while one is starting',
      withStrategy(0, 1),
      [...all('old'), podOf('a2 new', 'starting')],
      [],
    ],
    [
      'surge: the old one goes, the next begins',
      withStrategy(0, 1),
      [...all('old'), podOf('a2 new')],
      ['+b', '-a1'],
    ],
    [
      'surge: beside a broken one at any rate',
      withStrategy(0, 1),
      [podOf('a1 old', 'starting'), podOf('b1 old'), podOf('c1 old')],
      ['+a', '+b'],
    ],
    [
      'surge: an unwanted node is left when enough others are available',
      withStrategy(0, 1),
      [...all('new'), podOf('x1 old')],
      ['-x1'],
    ],
    [
      'surge: and not before',
      withStrategy(0, 1),
      [podOf('a1 new', 'starting'), podOf('b1 new'), podOf('c1 new'), podOf('x1 old')],
      [],
    ],
  ];
  for (const [title, set, pods, expected] of rows) {
    t.same(shown(planUpdate(situation(set, nodes, pods))), expected, title);
  }
});

t.test('counts', async (t) => {
  const nodes = [
    nodeOf('a'),
    nodeOf('b'),
    nodeOf('c'),
    nodeOf('x', [{ key: 'k', effect: 'NoSchedule' }]),
  ];
  const pods = [podOf('a1 new'), podOf('b1 old', 'starting'), podOf('x1 old')];
  t.same(countNodes(situation(withStrategy(1), nodes, pods)), {
    desiredNumberScheduled: 3,
    currentNumberScheduled: 2,
    numberMisscheduled: 1,
    numberReady: 1,
    updatedNumberScheduled: 1,
    numberAvailable: 1,
    numberUnavailable: 2,
  });
});

t.test('the pod of a node', async (t) => {
  const ds = setOf(
    'd',
    {},
    {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'Exists' }] }],
          },
        },
      },
    },
  );
  const annotations = { 'deprecated.daemonset.template.generation': '3' };
  const pod = daemonPod({ ...ds, metadata: { ...ds.metadata, annotations } }, 'n', 'abc');
  t.match(pod, {
    metadata: {
      generateName: 'd-',
      labels: { app: 'd', 'controller-revision-hash': 'abc', 'pod-template-generation': '3' },
    },
    spec: {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] },
            ],
          },
        },
      },
    },
  });
  t.equal(targetNode(pod), 'n');
  t.equal(targetNode({ spec: { containers: [] } }), undefined);
  const own = [
    {
      key: 'node.kubernetes.io/not-ready',
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 5,
    },
  ];
  const tolerations = daemonTolerations({ tolerations: own });
  t.equal(tolerations.length, 6, 'one like ours is replaced');
  t.equal(tolerations[0]?.tolerationSeconds, undefined);
});

t.test('failed pods are replaced later and later', async (t) => {
  const clock = new FakeClock();
  const backoff = new FailedPodBackoff(clock);
  t.equal(backoff.wait('k'), 0);
  t.equal(backoff.wait('k'), 1000);
  await clock.advance(1000);
  t.equal(backoff.wait('k'), 0);
  t.equal(backoff.wait('k'), 2000);
  t.equal(backoff.wait('other'), 0);
  for (let i = 0; i < 20; i++) {
    await clock.advance(backoff.wait('k'));
    t.equal(backoff.wait('k'), 0);
  }
  t.equal(backoff.wait('k'), 15 * 60_000);
  await clock.advance(31 * 60_000);
  backoff.wait('k');
  t.equal(backoff.wait('k'), 1000, 'and from the beginning after a quiet time');
});

// --- on a control plane ---

const plane = await ControlPlane.start();
const { client } = plane;
const hands = await HandNodes.start(client, ['n1', 'n2', 'n3']);
t.teardown(async () => {
  await hands.stop();
  await plane.stop();
});
const sets = client.resource<DaemonSet>(DAEMON_SETS);
const pods = client.resource<Pod>(PODS);
const nodes = client.resource<Node>(NODES);
const revisions = client.resource<ControllerRevision>(CONTROLLER_REVISIONS);

const patch = (name: string, spec: object) => sets.patch(NAMESPACE, name, 'strategic', { spec });
const setImage = (name: string, image: string) =>
  patch(name, { template: { spec: { containers: [{ name: 'c', image }] } } });
const podsOf = async (name: string) =>
  (await pods.list({ namespace: NAMESPACE, labelSelector: `app=${name}` })).items;
/** NODE=IMAGE of every pod. */
const placed = async (name: string) =>
  (await podsOf(name))
    .map((pod) => `${pod.spec?.nodeName}=${pod.spec?.containers[0]?.image}`)
    .sort();
const nodesOf = async (name: string) =>
  `${(await podsOf(name)).map((pod) => pod.spec?.nodeName).sort()}`;
const revisionsOf = async (name: string) =>
  (await revisions.list({ namespace: NAMESPACE, labelSelector: `app=${name}` })).items.sort(
    (a, b) => a.revision - b.revision,
  );
const eventsOf = async (name: string) => {
  const { items } = await client.resource<Event>(CORE_EVENTS).list({ namespace: NAMESPACE });
  return items.filter(
    ({ involvedObject: { kind, name: of } }) => kind === 'DaemonSet' && of === name,
  );
};
const rolledOut = (name: string, wanted: number) =>
  eventually(`${name} rolled out`, async () => {
    const ds = await sets.get(NAMESPACE, name);
    const { status, metadata } = ds;
    return (
      status?.observedGeneration === metadata?.generation &&
      status?.desiredNumberScheduled === wanted &&
      (status.updatedNumberScheduled ?? 0) === wanted &&
      (status.numberAvailable ?? 0) === wanted &&
      ds
    );
  });
const taint = (name: string, taints: Taint[]) =>
  nodes.patch('', name, 'merge', { spec: { taints } });

t.test('a DaemonSet', async (t) => {
  await sets.create(setOf('agent'));
  const ds = await rolledOut('agent', 3);
  t.equal(await nodesOf('agent'), 'n1,n2,n3');
  t.same(ds.status, {
    observedGeneration: 1,
    desiredNumberScheduled: 3,
    currentNumberScheduled: 3,
    numberMisscheduled: 0,
    numberReady: 3,
    updatedNumberScheduled: 3,
    numberAvailable: 3,
  });
  const [revision] = await revisionsOf('agent');
  const hash = revision?.metadata?.labels?.['controller-revision-hash'];
  t.equal(revision?.metadata?.name, `agent-${hash}`);
  t.equal((await podsOf('agent'))[0]?.metadata?.labels?.['controller-revision-hash'], hash);
  const told = await eventually('Events', async () => {
    const all = await eventsOf('agent');
    return all.length >= 3 && all;
  });
  t.match(told[0], {
    type: 'Normal',
    reason: 'SuccessfulCreate',
    message: /^Created pod: agent-\w{5}$/,
  });

  await t.test('follows nodes that come, go and change', async (t) => {
    await hands.add('n4');
    await rolledOut('agent', 4);
    await nodes.delete('', 'n4');
    await rolledOut('agent', 3);
    // The pod garbage collector would, after a minute.
    const left = (await podsOf('agent')).find((pod) => pod.spec?.nodeName === 'n4');
    await pods.delete(NAMESPACE, left?.metadata?.name ?? '', { gracePeriodSeconds: 0 });
    await taint('n1', [{ key: 'k', effect: 'NoSchedule' }]);
    const stays = await eventually('misscheduled', async () => {
      const { status } = await sets.get(NAMESPACE, 'agent');
      return status?.numberMisscheduled === 1 && status;
    });
    t.equal(stays.desiredNumberScheduled, 2);
    t.equal(await nodesOf('agent'), 'n1,n2,n3', 'NoSchedule drives nobody away');
    await taint('n1', [{ key: 'k', effect: 'NoExecute' }]);
    await eventually('driven away', async () => (await nodesOf('agent')) === 'n2,n3');
    await taint('n1', []);
    await rolledOut('agent', 3);
    await patch('agent', { template: { spec: { nodeSelector: { role: 'edge' } } } });
    await eventually('nowhere', async () => (await nodesOf('agent')) === '');
    await nodes.patch('', 'n2', 'merge', { metadata: { labels: { role: 'edge' } } });
    await rolledOut('agent', 1);
    t.equal(await nodesOf('agent'), 'n2');
    await patch('agent', { template: { spec: { nodeSelector: null } } });
    await rolledOut('agent', 3);
  });

  await t.test('rolls out one node at a time, and back', async (t) => {
    const before = await revisionsOf('agent');
    hands.runs = (pod) => pod.spec?.containers[0]?.image !== 'nginx:2';
    await setImage('agent', 'nginx:2');
    const updated = async () =>
      (await placed('agent')).filter((text) => text.endsWith('=nginx:2')).length;
    await eventually(
      'the first',
      async () => (await updated()) === 1 && (await podsOf('agent')).length === 3,
    );
    await remains('one at a time', async () => (await updated()) === 1, SETTLE_MS);
    hands.runs = () => true;
    hands.again();
    await rolledOut('agent', 3);
    t.same(await placed('agent'), ['n1=nginx:2', 'n2=nginx:2', 'n3=nginx:2']);
    await setImage('agent', 'nginx:1');
    await rolledOut('agent', 3);
    const after = await revisionsOf('agent');
    t.equal(after.at(-1)?.metadata?.name, before.at(-1)?.metadata?.name, 'the former revision');
    t.equal(after.at(-1)?.revision, Number(before.at(-1)?.revision) + 2);
  });

  await t.test('goes back without touching the pods that were not updated', async (t) => {
    const uidsOf = async () => (await podsOf('agent')).map((pod) => pod.metadata?.uid);
    const before = new Set(await uidsOf());
    hands.runs = (pod) => pod.spec?.containers[0]?.image !== 'broken';
    await setImage('agent', 'broken');
    await eventually('one is broken', async () => {
      const there = await podsOf('agent');
      const isNew = there.filter((pod) => pod.spec?.containers[0]?.image === 'broken');
      return there.length === 3 && isNew.length === 1;
    });
    await setImage('agent', 'nginx:1');
    await rolledOut('agent', 3);
    t.equal((await uidsOf()).filter((uid) => before.has(uid)).length, 2);
    hands.runs = () => true;
  });

  await t.test('brings the new pod first when it may surge', async (t) => {
    await patch('agent', {
      updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    });
    hands.runs = (pod) => pod.spec?.containers[0]?.image !== 'nginx:3';
    await setImage('agent', 'nginx:3');
    await eventually('a fourth', async () => (await podsOf('agent')).length === 4);
    await remains('no fifth', async () => (await podsOf('agent')).length === 4, SETTLE_MS);
    hands.runs = () => true;
    hands.again();
    await rolledOut('agent', 3);
    await eventually(
      'three',
      async () => `${await placed('agent')}` === 'n1=nginx:3,n2=nginx:3,n3=nginx:3',
    );
    t.pass();
  });

  await t.test('waits for the user with OnDelete', async (t) => {
    await patch('agent', { updateStrategy: { $retainKeys: ['type'], type: 'OnDelete' } });
    await setImage('agent', 'nginx:4');
    await eventually('observed', async () => {
      const { status, metadata } = await sets.get(NAMESPACE, 'agent');
      return status?.observedGeneration === metadata?.generation && !status?.updatedNumberScheduled;
    });
    const [one] = await podsOf('agent');
    await pods.delete(NAMESPACE, one?.metadata?.name ?? '');
    await eventually('one anew', async () => {
      const { status } = await sets.get(NAMESPACE, 'agent');
      return status?.updatedNumberScheduled === 1 && status.numberReady === 3;
    });
    t.equal((await placed('agent')).filter((text) => text.endsWith('=nginx:4')).length, 1);
  });

  await t.test('goes on when its strategy changes', async (t) => {
    await patch('agent', { updateStrategy: { type: 'RollingUpdate' } });
    await rolledOut('agent', 3);
    t.same(await placed('agent'), ['n1=nginx:4', 'n2=nginx:4', 'n3=nginx:4']);
  });

  await t.test('adopts what another of its name has left', async (t) => {
    const before = (await podsOf('agent')).map((pod) => pod.metadata?.uid).sort();
    const { spec } = await sets.get(NAMESPACE, 'agent');
    await sets.delete(NAMESPACE, 'agent', { propagationPolicy: 'Orphan' });
    await eventually('orphans', async () => {
      const gone = await sets.get(NAMESPACE, 'agent').then(() => false, isNotFound);
      return gone && (await podsOf('agent')).every((pod) => !pod.metadata?.ownerReferences?.length);
    });
    const metadata = { namespace: NAMESPACE, name: 'agent' };
    await sets.create({ metadata, ...(spec ? { spec } : {}) });
    await rolledOut('agent', 3);
    t.same((await podsOf('agent')).map((pod) => pod.metadata?.uid).sort(), before);
    t.ok(
      (await revisionsOf('agent')).every((each) => each.metadata?.ownerReferences?.length === 1),
    );
  });

  await t.test('takes revisions of the same template together', async (t) => {
    const [newest] = (await revisionsOf('agent')).slice(-1);
    const labels = { app: 'agent', 'controller-revision-hash': 'twin' };
    await revisions.create({
      metadata: { namespace: NAMESPACE, name: 'agent-twin', labels },
      data: newest?.data ?? {},
      revision: 99,
    });
    await eventually('one of them gone', () =>
      revisions.get(NAMESPACE, newest?.metadata?.name ?? '').then(() => false, isNotFound),
    );
    t.equal((await revisionsOf('agent')).at(-1)?.metadata?.name, 'agent-twin');
    const hashes = (await podsOf('agent')).map(
      (pod) => pod.metadata?.labels?.['controller-revision-hash'],
    );
    t.same(hashes, ['twin', 'twin', 'twin']);
    await rolledOut('agent', 3);
  });

  await t.test('is not woken by a revision that is its own already', async (t) => {
    const newest = (await revisionsOf('agent')).at(-1);
    await revisions.create({
      metadata: {
        namespace: NAMESPACE,
        name: 'agent-copy',
        labels: newest?.metadata?.labels ?? {},
        ownerReferences: newest?.metadata?.ownerReferences ?? [],
      },
      data: newest?.data ?? {},
      revision: (newest?.revision ?? 0) + 1,
    });
    const there = async () => (await revisionsOf('agent')).map(({ metadata }) => metadata?.name);
    const names = [newest?.metadata?.name, 'agent-copy'];
    await remains(
      'both there',
      async () => (await there()).filter((name) => names.includes(name)).length === 2,
      SETTLE_MS,
    );
    await revisions.delete(NAMESPACE, 'agent-copy');
    t.ok((await there()).includes(newest?.metadata?.name));
  });

  await t.test('keeps history to its limit', async (t) => {
    await patch('agent', { revisionHistoryLimit: 0 });
    await setImage('agent', 'nginx:9');
    await rolledOut('agent', 3);
    await eventually('one revision', async () => (await revisionsOf('agent')).length === 1);
    t.pass();
  });

  await sets.delete(NAMESPACE, 'agent');
  await eventually('all gone', async () => (await podsOf('agent')).length === 0);
});

t.test('a DaemonSet replaces pods that have failed, and says so', async (t) => {
  // A new one: of another that has told much already, the recorder would drop the Event.
  await sets.create(setOf('frail'));
  await rolledOut('frail', 3);
  const [one] = await podsOf('frail');
  const { name = '', uid } = one?.metadata ?? {};
  await pods.patch(
    NAMESPACE,
    name,
    'merge',
    { status: { phase: 'Failed' } },
    { subresource: 'status' },
  );
  await eventually('gone', async () =>
    (await podsOf('frail')).every((pod) => pod.metadata?.uid !== uid),
  );
  await rolledOut('frail', 3);
  const event = await eventually('the Event', async () =>
    (await eventsOf('frail')).find(({ reason }) => reason === 'FailedDaemonPod'),
  );
  t.equal(event.type, 'Warning');
  t.equal(
    event.message,
    `Found failed daemon pod ${NAMESPACE}/${name} on node ${one?.spec?.nodeName}, will try to kill it`,
  );
  await sets.delete(NAMESPACE, 'frail');
});
