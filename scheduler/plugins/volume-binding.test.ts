import t from 'tap';
import type {
  CSIDriver,
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from '../../pkg/api/types.js';
import type { EventHandler } from '../../pkg/client/informer.js';
import { Store } from '../../pkg/client/store.js';
import { FakeClock } from '../../pkg/component/clock.js';
import { defaultArgs } from '../config/defaults.js';
import { CycleState, isStatus, type Plugin } from '../framework/interface.js';
import { podInfoOf } from '../framework/pod-info.js';
import { Cluster, nodeOf, podOf } from '../testing/builders.js';
import { nodeVolumeLimits } from './node-volume-limits.js';
import { StorageCapacity } from './storage-capacity.js';
import { volumeBinding } from './volume-binding.js';
import { volumeRestrictions } from './volume-restrictions.js';
import { volumeZone } from './volume-zone.js';
import { Volumes } from './volumes.js';

const DONE = { 'pv.kubernetes.io/bind-completed': 'yes' };
const SELECTED = 'volume.kubernetes.io/selected-node';

function claim(
  name: string,
  spec: PersistentVolumeClaim['spec'],
  annotations: Record<string, string> = {},
): PersistentVolumeClaim {
  return {
    metadata: { namespace: 'default', name, uid: name, resourceVersion: '1', annotations },
    spec: { resources: { requests: { storage: '1Gi' } }, ...spec },
  };
}

function volume(name: string, storage: string, zone?: string, storageClassName = 'local') {
  const inZone = { key: 'zone', operator: 'In', values: [zone ?? ''] };
  const made: PersistentVolume = {
    metadata: { name },
    spec: {
      capacity: { storage },
      storageClassName,
      ...(zone
        ? { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [inZone] }] } } }
        : {}),
    },
    status: { phase: 'Available' },
  };
  return made;
}

const CLASSES: StorageClass[] = [
  {
    metadata: { name: 'late' },
    provisioner: 'example.com/p',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['2', '3'] }] }],
  },
  {
    metadata: { name: 'local' },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
  },
  { metadata: { name: 'now' }, provisioner: 'example.com/p', volumeBindingMode: 'Immediate' },
];

function setUp(claims: PersistentVolumeClaim[], pvs: PersistentVolume[] = []) {
  const clock = new FakeClock();
  const cluster = new Cluster(
    ['1', '2', '3'].map((zone) => nodeOf(`n${zone}`, { labels: { zone } })),
  );
  const claimStore = new Store<PersistentVolumeClaim>();
  const volumeStore = new Store<PersistentVolume>();
  const classStore = new Store<StorageClass>();
  for (const obj of claims) claimStore.set(obj);
  for (const obj of pvs) volumeStore.set(obj);
  for (const obj of CLASSES) classStore.set(obj);
  const drivers = new Store<CSIDriver>();
  const capacities = new Store<CSIStorageCapacity>();
  const handlers = new Set<EventHandler<PersistentVolumeClaim>>();
  const written: object[] = [];
  const volumes = new Volumes({
    clock,
    node: (name) => cluster.cache.node(name),
    claims: {
      store: claimStore,
      addHandler: (handler) => {
        handlers.add(handler);
        return () => handlers.delete(handler);
      },
    },
    volumes: { store: volumeStore },
    classes: { store: classStore },
    capacity: new StorageCapacity({
      drivers: { store: drivers },
      capacities: { store: capacities },
    }),
    claimClient: {
      patch: async (_namespace, name, _type, body) => {
        written.push({ claim: name, body });
        return claim(name, {});
      },
    },
    volumeClient: {
      update: async (obj) => {
        written.push({ volume: obj.metadata?.name, claim: obj.spec?.claimRef?.name });
        return obj;
      },
    },
  });
  const plugin = volumeBinding(volumes, defaultArgs('VolumeBinding'));
  const observe = (obj: PersistentVolumeClaim) => {
    const old = claimStore.get(`default/${obj.metadata?.name}`) ?? obj;
    claimStore.set(obj);
    for (const handler of [...handlers]) handler.update?.(old, obj);
  };
  return { clock, cluster, plugin, written, observe, handlers, volumes, drivers, capacities };
}

const podWith = (...names: string[]) =>
  podInfoOf(
    podOf('p', {
      spec: {
        volumes: names.map((claimName) => ({
          name: claimName,
          persistentVolumeClaim: { claimName },
        })),
      },
    }),
  );

/** Per node `ok` or the reasons; or why no node was looked at. */
function verdict({ plugin, cluster }: ReturnType<typeof setUp>, ...names: string[]) {
  const state = new CycleState();
  const nodes = cluster.cache.nodeList();
  const pre = plugin.preFilter?.(state, podWith(...names), nodes);
  if (isStatus(pre)) return pre.code === 'Skip' ? 'Skip' : pre.reasons[0];
  return nodes.map(
    (node) => plugin.filter?.(state, podWith(...names), node)?.reasons.join() ?? 'ok',
  );
}

const NO_NODE = "node(s) didn't match PersistentVolume's node affinity";
const NO_BIND = "node(s) didn't find available persistent volumes to bind";

t.test('nodes are where the volumes can be', async (t) => {
  const late = claim('c', { storageClassName: 'late' });
  const rows: [string, PersistentVolumeClaim[], PersistentVolume[], unknown][] = [
    ['a claim that is not there', [], [], 'persistentvolumeclaim "c" not found'],
    [
      'a claim of a class that binds at once',
      [claim('c', { storageClassName: 'now' })],
      [],
      'pod has unbound immediate PersistentVolumeClaims',
    ],
    [
      'a claim that is going',
      [{ ...late, metadata: { ...late.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }],
      [],
      'persistentvolumeclaim "c" is being deleted',
    ],
    [
      'a bound volume that is tied to a zone',
      [claim('c', { volumeName: 'v' }, DONE)],
      [volume('v', '1Gi', '2')],
      [NO_NODE, 'ok', NO_NODE],
    ],
    [
      'a bound volume that is gone',
      [claim('c', { volumeName: 'v' }, DONE)],
      [],
      Array(3).fill('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'),
    ],
    ['provisioned where the class allows it', [late], [], [NO_BIND, 'ok', 'ok']],
    [
      'provisioning has begun for a node',
      [claim('c', { storageClassName: 'late' }, { [SELECTED]: 'n3' })],
      [],
      [NO_BIND, NO_BIND, 'ok'],
    ],
    [
      'free volumes that are large enough',
      [claim('c', { storageClassName: 'local' })],
      [volume('small', '500Mi', '1'), volume('fits', '1Gi', '2')],
      [NO_BIND, 'ok', NO_BIND],
    ],
  ];
  for (const [name, claims, volumes, want] of rows)
    t.same(verdict(setUp(claims, volumes), 'c'), want, name);
  t.equal(verdict(setUp([])), 'Skip', 'a pod without claims');
});

t.test('a volume is made only where its driver has room for it', async (t) => {
  const NO_SPACE = 'node(s) did not have enough free storage';
  const driver = (storageCapacity: boolean): CSIDriver => ({
    metadata: { name: 'example.com/p' },
    spec: { storageCapacity },
  });
  const room = (more: Partial<CSIStorageCapacity>): CSIStorageCapacity => ({
    metadata: { namespace: 'default', name: 'c' },
    storageClassName: 'late',
    nodeTopology: { matchLabels: { zone: '2' } },
    ...more,
  });
  const rows: [string, CSIDriver | undefined, CSIStorageCapacity | undefined, string[]][] = [
    ['who is no CSI driver is not asked', undefined, undefined, [NO_BIND, 'ok', 'ok']],
    ['nor is one that does not want to be', driver(false), undefined, [NO_BIND, 'ok', 'ok']],
    ['nothing said means no room', driver(true), undefined, [NO_BIND, NO_SPACE, NO_SPACE]],
    ['enough', driver(true), room({ capacity: '1Gi' }), [NO_BIND, 'ok', NO_SPACE]],
    ['too little', driver(true), room({ capacity: '1023Mi' }), [NO_BIND, NO_SPACE, NO_SPACE]],
    [
      'enough in all, but no volume is that large',
      driver(true),
      room({ capacity: '9Gi', maximumVolumeSize: '1Mi' }),
      [NO_BIND, NO_SPACE, NO_SPACE],
    ],
    [
      'a limit alone will do',
      driver(true),
      room({ maximumVolumeSize: '1Gi', nodeTopology: {} }),
      [NO_BIND, 'ok', 'ok'],
    ],
    [
      'of another class',
      driver(true),
      room({ capacity: '1Gi', storageClassName: 'other' }),
      [NO_BIND, NO_SPACE, NO_SPACE],
    ],
  ];
  for (const [name, csiDriver, capacity, want] of rows) {
    const env = setUp([claim('c', { storageClassName: 'late' })]);
    if (csiDriver) env.drivers.set(csiDriver);
    if (capacity) env.capacities.set(capacity);
    t.same(verdict(env, 'c'), want, name);
  }
});

t.test('pods that share a claim go where it was promised to the first of them', async (t) => {
  const env = setUp([claim('c', { storageClassName: 'late' })]);
  const one = new CycleState();
  const other = { ...podWith('c'), uid: 'q' };
  env.plugin.preFilter?.(one, podWith('c'), env.cluster.cache.nodeList());
  t.equal(env.plugin.reserve?.(one, podWith('c'), 'n3'), undefined);
  t.same(verdict(env, 'c'), [NO_BIND, NO_BIND, 'ok']);
  const two = new CycleState();
  env.plugin.preFilter?.(two, other, env.cluster.cache.nodeList());
  t.equal(env.plugin.reserve?.(two, other, 'n3'), undefined);
  env.plugin.unreserve?.(one, podWith('c'), 'n3');
  t.same(verdict(env, 'c'), [NO_BIND, NO_BIND, 'ok'], 'the second still needs it');
  env.plugin.unreserve?.(two, other, 'n3');
  t.same(verdict(env, 'c'), [NO_BIND, 'ok', 'ok']);
});

t.test(
  'a volume is promised to one claim, and free again when the promise is taken back',
  async (t) => {
    const env = setUp(
      [claim('a', { storageClassName: 'local' }), claim('b', { storageClassName: 'local' })],
      [volume('only', '1Gi', '1')],
    );
    const state = new CycleState();
    env.plugin.preFilter?.(state, podWith('a'), env.cluster.cache.nodeList());
    t.equal(env.plugin.reserve?.(state, podWith('a'), 'n1'), undefined);
    t.same(verdict(env, 'b'), [NO_BIND, NO_BIND, NO_BIND]);
    t.same(verdict(env, 'a', 'b'), [NO_BIND, NO_BIND, NO_BIND]);
    env.plugin.unreserve?.(state, podWith('a'), 'n1');
    t.same(verdict(env, 'b'), ['ok', NO_BIND, NO_BIND]);
  },
);

t.test('the pod waits until its claims are bound, to a volume or by the provisioner', async (t) => {
  const env = setUp(
    [claim('a', { storageClassName: 'local' }), claim('b', { storageClassName: 'late' })],
    [volume('large', '9Gi', '2'), volume('small', '2Gi', '2')],
  );
  const state = new CycleState();
  const pod = podWith('a', 'b');
  env.plugin.preFilter?.(state, pod, env.cluster.cache.nodeList());
  env.plugin.reserve?.(state, pod, 'n2');
  let bound = false;
  const done = env.plugin.preBind?.(state, pod, 'n2', new AbortController().signal).then(() => {
    bound = true;
  });
  await env.clock.advance(0);
  t.same(env.written, [
    { volume: 'small', claim: 'a' },
    { claim: 'b', body: { metadata: { resourceVersion: '1', annotations: { [SELECTED]: 'n2' } } } },
  ]);
  env.observe(claim('a', { volumeName: 'small' }, DONE));
  await env.clock.advance(0);
  t.equal(bound, false);
  env.observe(claim('b', { volumeName: 'new' }, { ...DONE, [SELECTED]: 'n2' }));
  await done;
  t.equal(bound, true);
  t.equal(env.handlers.size, 0);
});

t.test(
  'the wait ends with an error when the provisioner gives the node up, or after ten minutes',
  async (t) => {
    for (const [name, act, want] of [
      [
        'given up',
        async ({ observe, clock }: ReturnType<typeof setUp>) => {
          observe(claim('b', { storageClassName: 'late' }, { [SELECTED]: 'n2' }));
          observe(claim('b', { storageClassName: 'late' }));
          await clock.advance(0);
        },
        /selectedNode annotation reset for PVC "b"/,
      ],
      [
        'too long',
        ({ clock }: ReturnType<typeof setUp>) => clock.advance(600_000),
        /timed out waiting for the condition/,
      ],
    ] as const) {
      const env = setUp([claim('b', { storageClassName: 'late' })]);
      const state = new CycleState();
      const pod = podWith('b');
      env.plugin.preFilter?.(state, pod, env.cluster.cache.nodeList());
      env.plugin.reserve?.(state, pod, 'n2');
      const wait = env.plugin.preBind?.(state, pod, 'n2', new AbortController().signal);
      const rejected = t.rejects(wait ?? Promise.resolve(), want, name);
      await env.clock.advance(0);
      await act(env);
      await rejected;
    }
  },
);

/** Per node `ok` or the reasons; or why no node was looked at. */
function verdictOf(plugin: Plugin, { cluster }: ReturnType<typeof setUp>, pod = podWith('c')) {
  const state = new CycleState();
  const nodes = cluster.cache.nodeList();
  const pre = plugin.preFilter?.(state, pod, nodes);
  if (isStatus(pre)) return pre.code === 'Skip' ? 'Skip' : pre.reasons[0];
  return nodes.map((node) => plugin.filter?.(state, pod, node)?.reasons.join() ?? 'ok');
}

const USED =
  'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';

t.test('a claim for one pod is not given to a second one, wherever that would be', async (t) => {
  const once = claim('c', { accessModes: ['ReadWriteOncePod'] });
  const env = setUp([once, claim('many', { accessModes: ['ReadWriteOnce'] })]);
  const plugin = volumeRestrictions(env.volumes, () => env.cluster.cache.nodeList());
  t.same(verdictOf(plugin, env), ['ok', 'ok', 'ok']);
  t.equal(verdictOf(plugin, env, podWith('many')), 'Skip');
  t.equal(verdictOf(plugin, env, podWith('none')), 'persistentvolumeclaim "none" not found');
  const holder = podInfoOf({ ...podWith('c').pod, metadata: { ...podOf('h').metadata } });
  env.cluster.cache.addPod(holder, 'n2');
  t.same(verdictOf(plugin, env), [USED, USED, USED]);
  const state = new CycleState();
  const nodes = env.cluster.cache.nodeList();
  const [node] = nodes;
  plugin.preFilter?.(state, podWith('c'), nodes);
  if (!node) throw new Error('there are nodes');
  plugin.removePod?.(state, podWith('c'), holder, node);
  t.equal(plugin.filter?.(state, podWith('c'), node), undefined, 'preemption may free it');
});

t.test('a disk that is named in pods is for one node, unless all read it', async (t) => {
  const disk = (name: string, readOnly: boolean) =>
    podInfoOf(
      podOf(name, {
        spec: { volumes: [{ name: 'd', gcePersistentDisk: { pdName: 'pd', readOnly } }] },
      }),
    );
  const env = setUp([]);
  const plugin = volumeRestrictions(env.volumes, () => env.cluster.cache.nodeList());
  env.cluster.cache.addPod(disk('reader', true), 'n1');
  t.same(verdictOf(plugin, env, disk('p', true)), ['ok', 'ok', 'ok']);
  t.same(verdictOf(plugin, env, disk('p', false)), ['node(s) had no available disk', 'ok', 'ok']);
});

t.test('a volume with zone labels is used in its zones', async (t) => {
  const labels = { 'failure-domain.beta.kubernetes.io/zone': 'a__b' };
  const zoned = { ...volume('v', '1Gi'), metadata: { name: 'v', labels } };
  const rows: [string, PersistentVolumeClaim, unknown][] = [
    [
      'bound',
      claim('c', { volumeName: 'v' }),
      ['ok', 'node(s) had no available volume zone', 'ok'],
    ],
    ['bound to nothing', claim('c', { volumeName: 'w' }), 'persistentvolume "w" not found'],
    ['waiting for its consumer', claim('c', { storageClassName: 'late' }), 'Skip'],
    ['unbound', claim('c', { storageClassName: 'now' }), 'PersistentVolume had no name'],
    [
      'without a class',
      claim('c', {}),
      'PersistentVolumeClaim had no pv name and storageClass name',
    ],
  ];
  for (const [name, obj, want] of rows) {
    const env = setUp([obj], [zoned]);
    for (const [node, zone] of [
      ['n1', 'a'],
      ['n2', 'c'],
    ] as const)
      env.cluster.cache.setNode(nodeOf(node, { labels: { 'topology.kubernetes.io/zone': zone } }));
    t.same(verdictOf(volumeZone(env.volumes), env), want, name);
  }
});

t.test('a node takes as many volumes of a driver as the driver says', async (t) => {
  const csiVolume = (name: string): PersistentVolume => ({
    metadata: { name },
    spec: { csi: { driver: 'd', volumeHandle: name } },
  });
  const env = setUp(
    ['1', '2', '3'].map((n) => claim(`c${n}`, { volumeName: `v${n}` })),
    ['v1', 'v2', 'v3'].map(csiVolume),
  );
  const plugin = nodeVolumeLimits(env.volumes, {
    csiNode: (name) =>
      name === 'n3'
        ? undefined
        : {
            metadata: { name },
            spec: { drivers: [{ name: 'd', nodeID: name, allocatable: { count: 2 } }] },
          },
    ofNode: (nodeName) =>
      nodeName === 'n2'
        ? [{ spec: { attacher: 'd', nodeName, source: { persistentVolumeName: 'v2' } } }]
        : [],
  });
  env.cluster.cache.addPod(
    podInfoOf({ ...podWith('c1').pod, metadata: { ...podOf('h').metadata } }),
    'n2',
  );
  const full = 'node(s) exceed max volume count';
  t.same(verdictOf(plugin, env, podWith('c3')), ['ok', full, 'ok'], 'a third one');
  t.same(verdictOf(plugin, env, podWith('c1')), ['ok', 'ok', 'ok'], 'one that is there');
  t.same(verdictOf(plugin, env, podWith('c1', 'c2', 'c3')), [full, full, 'ok'], 'three at once');
  t.equal(verdictOf(plugin, env, podWith()), 'Skip');
});
