import t from 'tap';
import type {
  ControllerRevision,
  Event,
  PersistentVolumeClaim,
  Pod,
  StatefulSet,
} from '../../pkg/api/types.js';
import { templateHash } from '../../pkg/apimachinery/hash.js';
import type { OwnerReference } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import {
  CONTROLLER_REVISIONS,
  CORE_EVENTS,
  PERSISTENT_VOLUME_CLAIMS,
  PODS,
  RESOURCE_QUOTAS,
  STATEFUL_SETS,
} from '../../pkg/client/resources.js';
import { eventually, remains } from '../../test/support/eventually.js';
import { revisionData } from '../history.js';
import { ownersFor, ownersMatch } from '../stateful-set/claim-retention.js';
import { podsToUpdate } from '../stateful-set/rollout.js';
import { statusOf } from '../stateful-set/status.js';
import { ControlPlane } from '../testing/control-plane.js';
import { HandNodes } from '../testing/hand-nodes.js';

// Whole rollouts, on machines that may be busy with other things.
t.setTimeout(300_000);
const NAMESPACE = 'default';
const SETTLE_MS = 300;

// --- decisions ---

const podOf = (
  ordinal: number,
  revision: string,
  state: 'ready' | 'broken' | 'terminating' = 'ready',
): Pod => ({
  metadata: {
    name: `web-${ordinal}`,
    uid: `uid-${ordinal}`,
    labels: { 'controller-revision-hash': revision },
    ...(state === 'terminating' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  spec: { containers: [] },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: state === 'ready' ? 'True' : 'False' }],
  },
});

t.test('which replicas an update deletes', async (t) => {
  const old = (...states: ('ready' | 'broken' | 'terminating')[]) =>
    states.map((state, ordinal) => podOf(ordinal, 'old', state));
  const withNew = (replicas: Pod[], at: number, state: 'ready' | 'broken' = 'ready') =>
    replicas.with(at, podOf(at, 'new', state));
  const rows: [string, Pod[], { partition?: number; max?: number }, string[]][] = [
    ['the highest first', old('ready', 'ready', 'ready'), {}, ['web-2']],
    [
      'none while a new one above is not ready',
      withNew(old('ready', 'ready'), 1, 'broken'),
      {},
      [],
    ],
    ['the next when all above are ready', withNew(old('ready', 'ready'), 1), {}, ['web-0']],
    ['none while one terminates', old('ready', 'terminating'), {}, []],
    ['a broken one of the old revision', old('ready', 'broken'), {}, ['web-1']],
    ['none below the partition', withNew(old('ready', 'ready'), 1), { partition: 1 }, []],
    ['none of a partition beyond the size', old('ready', 'ready'), { partition: 5 }, []],
    ['several at a time', old('ready', 'ready', 'ready'), { max: 2 }, ['web-2', 'web-1']],
    [
      'fewer when some are unavailable',
      withNew(old('ready', 'ready', 'ready'), 2, 'broken'),
      { max: 2 },
      ['web-1'],
    ],
    [
      'what is broken below the partition does not count',
      old('broken', 'broken', 'ready', 'ready'),
      { max: 2, partition: 2 },
      ['web-3', 'web-2'],
    ],
    [
      'what is broken anyway costs nothing',
      old('broken', 'broken', 'ready'),
      { max: 2 },
      ['web-1', 'web-0'],
    ],
  ];
  for (const [title, replicas, { partition = 0, max = 1 }, expected] of rows) {
    const chosen = podsToUpdate({
      replicas,
      partition,
      max,
      revision: 'new',
      isUnavailable: (pod) =>
        pod.metadata?.deletionTimestamp !== undefined ||
        pod.status?.conditions?.[0]?.status !== 'True',
    });
    t.same(
      chosen.map((pod) => pod.metadata?.name),
      expected,
      title,
    );
  }
});

t.test('a claim is owned as the retention policy says', async (t) => {
  const set = (whenScaled: string, whenDeleted: string): StatefulSet => ({
    metadata: { name: 'web', uid: 'set' },
    spec: {
      replicas: 1,
      selector: {},
      template: {},
      persistentVolumeClaimRetentionPolicy: { whenScaled, whenDeleted },
    },
  });
  const ref = (kind: string, name: string, uid: string, controller = true): OwnerReference => ({
    apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1',
    kind,
    name,
    uid,
    controller,
    ...(controller ? { blockOwnerDeletion: true } : {}),
  });
  const ofSet = ref('StatefulSet', 'web', 'set');
  const ofPod = ref('Pod', 'web-1', 'uid-1');
  const foreign = ref('Operator', 'other', 'x');
  type Row = [string, StatefulSet, number, OwnerReference[], OwnerReference[] | 'as it is'];
  const rows: Row[] = [
    ['retain: nobody', set('Retain', 'Retain'), 0, [ofSet], []],
    ['delete with the set', set('Retain', 'Delete'), 0, [], [ofSet]],
    ['delete with the set, beyond its size', set('Retain', 'Delete'), 1, [], [ofSet]],
    ['delete when scaled: not yet', set('Delete', 'Retain'), 0, [], 'as it is'],
    ['delete when scaled: beyond the size', set('Delete', 'Retain'), 1, [], [ofPod]],
    ['both: the set', set('Delete', 'Delete'), 0, [], [ofSet]],
    ['both: beyond the size the pod', set('Delete', 'Delete'), 1, [ofSet], [ofPod]],
    [
      'an owner that does not control is made to',
      set('Retain', 'Delete'),
      0,
      [{ ...ofSet, controller: false }],
      [ofSet],
    ],
    ['another controller is left alone', set('Delete', 'Delete'), 0, [foreign], 'as it is'],
    [
      'beside another controller ours goes',
      set('Delete', 'Delete'),
      0,
      [foreign, ofSet],
      [foreign],
    ],
    [
      'of an earlier set: left to the garbage collector',
      set('Delete', 'Delete'),
      0,
      [ref('StatefulSet', 'web', 'earlier')],
      'as it is',
    ],
  ];
  for (const [title, owner, ordinal, ownerReferences, expected] of rows) {
    const claim: PersistentVolumeClaim = { metadata: { name: 'c', ownerReferences } };
    const pod = podOf(ordinal, 'r');
    t.equal(ownersMatch(claim, owner, pod), expected === 'as it is', `${title}: matches`);
    if (expected !== 'as it is') t.same(ownersFor(claim, owner, pod), expected, title);
  }
});

t.test('a status moves the current revision when the last pod is updated and ready', async (t) => {
  const set: StatefulSet = {
    metadata: { name: 'web', generation: 4 },
    spec: {
      replicas: 2,
      selector: {},
      template: {},
      updateStrategy: { type: 'RollingUpdate' },
    },
  };
  const revision = (name: string): ControllerRevision => ({ metadata: { name }, revision: 1 });
  const of = (pods: Pod[], deleted = 0) =>
    statusOf({
      set,
      pods,
      current: revision('old'),
      update: revision('new'),
      collisionCount: 0,
      deleted,
      nowMs: 0,
    });
  t.match(of([podOf(0, 'old'), podOf(1, 'new', 'broken')]), {
    observedGeneration: 4,
    replicas: 2,
    readyReplicas: 1,
    availableReplicas: 1,
    currentReplicas: 1,
    updatedReplicas: 1,
    currentRevision: 'old',
    updateRevision: 'new',
  });
  t.match(of([podOf(0, 'new'), podOf(1, 'new')]), { currentRevision: 'new', currentReplicas: 2 });
  t.match(of([podOf(0, 'old'), podOf(1, 'old')], 1), { currentReplicas: 1, replicas: 2 });
});

// --- on a control plane ---

const plane = await ControlPlane.start();
const { client } = plane;
const nodes = await HandNodes.start(client, ['n1', 'n2']);
t.teardown(async () => {
  await nodes.stop();
  await plane.stop();
});
const sets = client.resource<StatefulSet>(STATEFUL_SETS);
const pods = client.resource<Pod>(PODS);
const claims = client.resource<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
const revisions = client.resource<ControllerRevision>(CONTROLLER_REVISIONS);

type Spec = NonNullable<StatefulSet['spec']>;
function setOf(name: string, replicas: number, spec: Partial<Spec> = {}): StatefulSet {
  const labels = { app: name };
  return {
    metadata: { namespace: NAMESPACE, name },
    spec: {
      replicas,
      serviceName: `${name}-svc`,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } },
      ...spec,
    },
  };
}
const patch = (name: string, spec: object) => sets.patch(NAMESPACE, name, 'strategic', { spec });
const setImage = (name: string, image: string) =>
  patch(name, { template: { spec: { containers: [{ name: 'c', image }] } } });
const podsOf = async (name: string) => {
  const { items } = await pods.list({ namespace: NAMESPACE, labelSelector: `app=${name}` });
  return items.sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
};
const namesOf = async (name: string) => (await podsOf(name)).map((pod) => pod.metadata?.name);
const imagesOf = async (name: string) =>
  (await podsOf(name)).map((pod) => pod.spec?.containers[0]?.image);
const revisionsOf = async (name: string) =>
  (await revisions.list({ namespace: NAMESPACE, labelSelector: `app=${name}` })).items.sort(
    (a, b) => a.revision - b.revision,
  );
const eventsOf = async (name: string) => {
  const { items } = await client.resource<Event>(CORE_EVENTS).list({ namespace: NAMESPACE });
  return items.filter(
    ({ involvedObject: { kind, name: of } }) => kind === 'StatefulSet' && of === name,
  );
};
/** Every replica Ready and of the newest revision. */
const rolledOut = (name: string) =>
  eventually(`${name} rolled out`, async () => {
    const set = await sets.get(NAMESPACE, name);
    const { status } = set;
    const wanted = set.spec?.replicas ?? 1;
    return (
      status?.observedGeneration === set.metadata?.generation &&
      status?.replicas === wanted &&
      (status.availableReplicas ?? 0) === wanted &&
      (status.updatedReplicas ?? 0) === wanted &&
      status.currentRevision === status.updateRevision &&
      set
    );
  });
const whenPods = (name: string, expected: string[]) =>
  eventually(`${name} has ${expected}`, async () => `${await namesOf(name)}` === `${expected}`);

t.test('an ordered set', async (t) => {
  const held = new Set(['web-1']);
  nodes.runs = (pod) => !held.has(pod.metadata?.name ?? '');
  await sets.create(setOf('web', 3));
  await whenPods('web', ['web-0', 'web-1']);
  await remains(
    'no pod after one that is not ready',
    async () => (await podsOf('web')).length === 2,
    SETTLE_MS,
  );
  held.clear();
  nodes.again();
  const set = await rolledOut('web');
  t.match(set.status, {
    replicas: 3,
    readyReplicas: 3,
    currentReplicas: 3,
    updatedReplicas: 3,
    collisionCount: 0,
  });
  const [first] = await podsOf('web');
  t.match(first, {
    metadata: {
      name: 'web-0',
      generateName: undefined,
      labels: {
        app: 'web',
        'statefulset.kubernetes.io/pod-name': 'web-0',
        'apps.kubernetes.io/pod-index': '0',
        'controller-revision-hash': set.status?.updateRevision ?? '',
      },
      ownerReferences: [
        { kind: 'StatefulSet', name: 'web', controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: { hostname: 'web-0', subdomain: 'web-svc' },
  });
  const told = await eventually('Events', async () => {
    const all = await eventsOf('web');
    return all.length >= 3 && all;
  });
  t.same(told.map(({ type, reason, message }) => `${type} ${reason} ${message}`).sort(), [
    'Normal SuccessfulCreate create Pod web-0 in StatefulSet web successful',
    'Normal SuccessfulCreate create Pod web-1 in StatefulSet web successful',
    'Normal SuccessfulCreate create Pod web-2 in StatefulSet web successful',
  ]);

  await t.test('a deleted pod comes back under its name', async (t) => {
    const before = await pods.get(NAMESPACE, 'web-1');
    await pods.delete(NAMESPACE, 'web-1');
    const after = await eventually('web-1 anew', async () => {
      const pod = await pods.get(NAMESPACE, 'web-1').catch(absent);
      return pod && pod.metadata?.uid !== before.metadata?.uid && pod;
    });
    t.equal(after.spec?.hostname, 'web-1');
    await rolledOut('web');
  });

  await t.test('a pod that has failed is replaced', async () => {
    const { metadata } = await pods.get(NAMESPACE, 'web-0');
    await pods.patch(
      NAMESPACE,
      'web-0',
      'merge',
      { status: { phase: 'Failed' } },
      { subresource: 'status' },
    );
    await eventually('web-0 anew', async () => {
      const pod = await pods.get(NAMESPACE, 'web-0').catch(absent);
      return pod && pod.metadata?.uid !== metadata?.uid && pod.status?.phase === 'Running';
    });
    await rolledOut('web');
  });

  await t.test('an update goes down from the highest, one at a time', async (t) => {
    held.add('web-2');
    const before = await sets.get(NAMESPACE, 'web');
    await setImage('web', 'nginx:2');
    await eventually(
      'web-2 anew',
      async () => `${await imagesOf('web')}` === 'nginx:1,nginx:1,nginx:2',
    );
    const during = await eventually('status', async () => {
      const { status } = await sets.get(NAMESPACE, 'web');
      return status?.updatedReplicas === 1 && status;
    });
    t.match(during, {
      currentReplicas: 2,
      updatedReplicas: 1,
      currentRevision: before.status?.currentRevision ?? '',
    });
    t.not(during.updateRevision, during.currentRevision);
    await remains(
      'one at a time',
      async () => `${await imagesOf('web')}` === 'nginx:1,nginx:1,nginx:2',
      SETTLE_MS,
    );
    held.clear();
    nodes.again();
    await rolledOut('web');
    t.same(await imagesOf('web'), ['nginx:2', 'nginx:2', 'nginx:2']);
  });

  await t.test('a former template comes back under its former name, as the newest', async (t) => {
    const [one, two] = await revisionsOf('web');
    t.same([one?.revision, two?.revision], [1, 2]);
    t.equal(one?.metadata?.ownerReferences?.[0]?.kind, 'StatefulSet');
    t.match(one?.data, {
      spec: { template: { $patch: 'replace', spec: { containers: [{ image: 'nginx:1' }] } } },
    });
    await setImage('web', 'nginx:1');
    const set = await rolledOut('web');
    const after = await revisionsOf('web');
    t.same(
      after.map(({ metadata, revision }) => [metadata?.name, revision]),
      [
        [two?.metadata?.name, 2],
        [one?.metadata?.name, 3],
      ],
    );
    t.equal(set.status?.updateRevision, one?.metadata?.name);
  });

  await t.test('the partition holds an update back, and lets it go on', async (t) => {
    await patch('web', { updateStrategy: { rollingUpdate: { partition: 2 } } });
    await setImage('web', 'nginx:3');
    await eventually(
      'the canary',
      async () => (await sets.get(NAMESPACE, 'web')).status?.updatedReplicas === 1,
    );
    await eventually(
      'ready',
      async () => (await sets.get(NAMESPACE, 'web')).status?.readyReplicas === 3,
    );
    t.same(await imagesOf('web'), ['nginx:1', 'nginx:1', 'nginx:3']);
    // One below the partition comes back as it was.
    await pods.delete(NAMESPACE, 'web-0');
    await eventually(
      'web-0 anew',
      async () => (await podsOf('web')).length === 3 && (await imagesOf('web'))[0] === 'nginx:1',
    );
    await eventually(
      'ready',
      async () => (await sets.get(NAMESPACE, 'web')).status?.readyReplicas === 3,
    );
    await patch('web', { updateStrategy: { rollingUpdate: { partition: 0 } } });
    await rolledOut('web');
    t.same(await imagesOf('web'), ['nginx:3', 'nginx:3', 'nginx:3']);
  });

  await t.test('it shrinks from the highest, and grows again', async () => {
    await patch('web', { replicas: 1 });
    await whenPods('web', ['web-0']);
    await patch('web', { replicas: 2 });
    await whenPods('web', ['web-0', 'web-1']);
    await rolledOut('web');
  });

  await t.test('it shrinks only while those that stay are well', async () => {
    const setReady = (name: string, status: 'True' | 'False') =>
      pods.patch(
        NAMESPACE,
        name,
        'strategic',
        { status: { conditions: [{ type: 'Ready', status }] } },
        { subresource: 'status' },
      );
    await patch('web', { replicas: 3 });
    await rolledOut('web');
    await setReady('web-0', 'False');
    await patch('web', { replicas: 1 });
    await remains('web-0 is waited for', async () => (await podsOf('web')).length === 3, SETTLE_MS);
    await setReady('web-0', 'True');
    await whenPods('web', ['web-0']);
    await patch('web', { replicas: 2 });
    await rolledOut('web');
    // One that is to go anyway holds nothing up.
    await setReady('web-1', 'False');
    await patch('web', { replicas: 1 });
    await whenPods('web', ['web-0']);
    await patch('web', { replicas: 2 });
    await rolledOut('web');
  });

  await t.test('OnDelete waits for the user', async (t) => {
    await patch('web', { updateStrategy: { $retainKeys: ['type'], type: 'OnDelete' } });
    await setImage('web', 'nginx:4');
    await eventually('observed', async () => {
      const { status, metadata } = await sets.get(NAMESPACE, 'web');
      return status?.observedGeneration === metadata?.generation;
    });
    await remains(
      'as they were',
      async () => `${await imagesOf('web')}` === 'nginx:3,nginx:3',
      SETTLE_MS,
    );
    await pods.delete(NAMESPACE, 'web-1');
    await eventually('web-1 anew', async () => `${await imagesOf('web')}` === 'nginx:3,nginx:4');
    t.pass();
  });

  await t.test('orphans are adopted by a set of the same name', async (t) => {
    const before = await podsOf('web');
    await sets.delete(NAMESPACE, 'web', { propagationPolicy: 'Orphan' });
    await eventually('orphans', async () => {
      const gone = await sets.get(NAMESPACE, 'web').then(() => false, isNotFound);
      return gone && (await podsOf('web')).every((pod) => !pod.metadata?.ownerReferences?.length);
    });
    const { template } = setOf('web', 2).spec ?? { template: {} };
    const image = 'nginx:3';
    await sets.create(
      setOf('web', 2, { template: { ...template, spec: { containers: [{ name: 'c', image }] } } }),
    );
    // web-1 is of another template and is replaced; web-0 is kept.
    await rolledOut('web');
    const after = await podsOf('web');
    t.equal(after[0]?.metadata?.uid, before[0]?.metadata?.uid);
    t.not(after[1]?.metadata?.uid, before[1]?.metadata?.uid);
    t.ok(after.every((pod) => pod.metadata?.ownerReferences?.length === 1));
    t.ok((await revisionsOf('web')).every((each) => each.metadata?.ownerReferences?.length === 1));
  });

  await t.test('history is kept to its limit', async (t) => {
    await patch('web', { revisionHistoryLimit: 1, replicas: 1 });
    for (const image of ['nginx:5', 'nginx:6', 'nginx:7']) {
      await setImage('web', image);
      await rolledOut('web');
    }
    await eventually('old revisions gone', async () => (await revisionsOf('web')).length === 2);
    t.match((await revisionsOf('web')).at(-1)?.data, {
      spec: { template: { spec: { containers: [{ image: 'nginx:7' }] } } },
    });
  });

  await sets.delete(NAMESPACE, 'web');
  await whenPods('web', []);
});

t.test('a parallel set', async (t) => {
  nodes.runs = (pod) => pod.metadata?.name !== 'par-5';
  await sets.create(
    setOf('par', 4, {
      podManagementPolicy: 'Parallel',
      ordinals: { start: 5 },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '50%' } },
    }),
  );
  await whenPods('par', ['par-5', 'par-6', 'par-7', 'par-8']);
  nodes.runs = () => true;
  nodes.again();
  await rolledOut('par');
  t.equal((await podsOf('par'))[0]?.metadata?.labels?.['apps.kubernetes.io/pod-index'], '5');

  nodes.runs = (pod) => pod.spec?.containers[0]?.image === 'nginx:1';
  await setImage('par', 'nginx:2');
  await eventually(
    'two at a time',
    async () => `${await imagesOf('par')}` === 'nginx:1,nginx:1,nginx:2,nginx:2',
  );
  await remains(
    'no third',
    async () => `${await imagesOf('par')}` === 'nginx:1,nginx:1,nginx:2,nginx:2',
    SETTLE_MS,
  );
  nodes.runs = () => true;
  nodes.again();
  await rolledOut('par');

  await patch('par', { ordinals: { start: 7 }, replicas: 2 });
  await whenPods('par', ['par-7', 'par-8']);
  await sets.delete(NAMESPACE, 'par');
});

t.test('a revision whose name is taken gets another', async (t) => {
  const other = { metadata: { namespace: NAMESPACE, name: 'clash' }, data: { x: 1 }, revision: 1 };
  const template = {
    metadata: { labels: { app: 'clash' } },
    spec: { containers: [{ name: 'c', image: 'nginx:1' }] },
  };
  // With defaults, as the server stores it.
  const probe = await sets.create(setOf('clash', 0, { template }), { dryRun: true });
  const taken = `clash-${templateHash(revisionData(probe.spec?.template), 0)}`;
  await revisions.create({ ...other, metadata: { ...other.metadata, name: taken } });
  await sets.create(setOf('clash', 1, { template }));
  const { status } = await rolledOut('clash');
  t.equal(status?.collisionCount, 1);
  t.not(status?.updateRevision, taken);
  t.match(await revisions.get(NAMESPACE, taken), { data: { x: 1 } });
  await sets.delete(NAMESPACE, 'clash');
  await revisions.delete(NAMESPACE, taken);
});

t.test('a pod counts as available after minReadySeconds, and then the next is made', async (t) => {
  await sets.create(setOf('slow', 2, { minReadySeconds: 3600 }));
  await eventually('ready and not available', async () => {
    const { status } = await sets.get(NAMESPACE, 'slow');
    return status?.readyReplicas === 1 && (status.availableReplicas ?? 0) === 0;
  });
  t.equal((await podsOf('slow')).length, 1);
  await sets.patch(NAMESPACE, 'slow', 'merge', { spec: { minReadySeconds: 1 } });
  await rolledOut('slow');
  await sets.delete(NAMESPACE, 'slow');
});

t.test('claims', async (t) => {
  const volumeClaimTemplates: PersistentVolumeClaim[] = [
    {
      metadata: { name: 'data', labels: { tier: 'gold' } },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
  ];
  const template = {
    metadata: { labels: { app: 'db' } },
    spec: {
      containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
      // A claim template takes precedence over a volume of its name.
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'tmp', emptyDir: {} },
      ],
    },
  };
  const claimNames = async () =>
    (await claims.list({ namespace: NAMESPACE, labelSelector: 'app=db' })).items
      .filter((claim) => claim.metadata?.deletionTimestamp === undefined)
      .map((claim) => claim.metadata?.name)
      .sort();
  const ownersOf = async (name: string) =>
    (await claims.get(NAMESPACE, name)).metadata?.ownerReferences?.map(({ kind }) => kind) ?? [];
  await sets.create(setOf('db', 2, { volumeClaimTemplates, template }));
  await rolledOut('db');
  t.same(await claimNames(), ['data-db-0', 'data-db-1']);
  t.match(await claims.get(NAMESPACE, 'data-db-1'), {
    metadata: { labels: { app: 'db', tier: 'gold' } },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  t.match((await pods.get(NAMESPACE, 'db-1')).spec?.volumes?.slice(0, 2), [
    { name: 'data', persistentVolumeClaim: { claimName: 'data-db-1' } },
    { name: 'tmp', emptyDir: {} },
  ]);
  const told = await eventually('Events', async () => {
    const all = (await eventsOf('db')).map(({ message }) => message);
    return all.length >= 4 && all;
  });
  t.ok(told.includes('create Claim data-db-0 Pod db-0 in StatefulSet db success'));

  await t.test('are kept when the set shrinks, and taken again', async (t) => {
    const { metadata } = await claims.get(NAMESPACE, 'data-db-1');
    await patch('db', { replicas: 1 });
    await whenPods('db', ['db-0']);
    t.same(await claimNames(), ['data-db-0', 'data-db-1']);
    await patch('db', { replicas: 2 });
    await rolledOut('db');
    t.equal((await claims.get(NAMESPACE, 'data-db-1')).metadata?.uid, metadata?.uid);
  });

  await t.test('go with the set and with the pod where the policy says so', async (t) => {
    await patch('db', {
      persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: 'Delete' },
    });
    await eventually(
      'owned by the set',
      async () => `${await ownersOf('data-db-1')}` === 'StatefulSet',
    );
    await patch('db', { replicas: 1 });
    await whenPods('db', ['db-0']);
    await eventually('claim gone', async () => `${await claimNames()}` === 'data-db-0');
    t.same(await ownersOf('data-db-0'), ['StatefulSet']);
    await sets.delete(NAMESPACE, 'db');
    await eventually('all gone', async () => (await claimNames()).length === 0);
  });
});

t.test('what cannot be created is told, and made when it can be', async (t) => {
  const quotas = client.resource(RESOURCE_QUOTAS);
  const quota = { metadata: { namespace: NAMESPACE, name: 'none' }, spec: { hard: { pods: '0' } } };
  await quotas.create(quota);
  await eventually('counted', async () => {
    const { status } = await client
      .resource<{ metadata: { name: string }; status?: { hard?: object } }>(RESOURCE_QUOTAS)
      .get(NAMESPACE, 'none');
    return status?.hard !== undefined;
  });
  await sets.create(setOf('full', 1));
  const event = await eventually('the Event', async () =>
    (await eventsOf('full')).find(({ reason }) => reason === 'FailedCreate'),
  );
  t.equal(event.type, 'Warning');
  t.match(
    event.message,
    /^create Pod full-0 in StatefulSet full failed error: pods "full-0" is forbidden: exceeded quota: none, requested: pods=1, used: pods=\d+, limited: pods=0$/,
  );
  await quotas.delete(NAMESPACE, 'none');
  await rolledOut('full');
  await sets.delete(NAMESPACE, 'full');
});

function absent(err: unknown): undefined {
  if (isNotFound(err)) return undefined;
  throw err;
}
