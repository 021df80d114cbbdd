/**
 * What brings a pod back that a plugin turned away: each plugin with the changes that may help and those that
 * look like it and cannot, as `EventsToRegister` and the hint functions of v1.35 have it.
 */
import t from 'tap';
import type {
  Affinity,
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ResourceClaim,
  StorageClass,
  Taint,
  TopologySpreadConstraint,
} from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { EventAction, EventResource } from '../framework/interface.js';
import { podInfoOf } from '../framework/pod-info.js';
import { Cluster, nodeOf, podOf } from '../testing/builders.js';

type Event = `${EventResource}/${EventAction}`;

interface Row {
  readonly plugin: string;
  readonly pod: Pod;
  readonly event: Event;
  readonly name: string;
  readonly old?: KubeObject;
  readonly now?: KubeObject;
  readonly want: 'Queue' | 'Skip';
}

const rows: Row[] = [];

/** Rows of one plugin and one pod: what happened, in words, before, after, and what comes of it. */
function says(
  plugin: string,
  pod: Pod,
  given: readonly [Event, string, KubeObject | undefined, KubeObject | undefined, Row['want']][],
): void {
  for (const [event, name, old, now, want] of given)
    rows.push({ plugin, pod, event, name, want, ...(old ? { old } : {}), ...(now ? { now } : {}) });
}

const zoned = (zone: string) => nodeOf('n', { labels: { zone } });
const tainted = (...taints: Taint[]) => nodeOf('n', { taints, labels: { zone: '1' } });
const NO_SCHEDULE: Taint = { key: 'k', effect: 'NoSchedule' };
const NO_EXECUTE: Taint = { key: 'l', effect: 'NoExecute' };
const web = (name: string, more = {}) => podOf(name, { labels: { app: 'web' }, ...more });
const requires = (
  kind: 'podAffinity' | 'podAntiAffinity',
  topologyKey = 'zone',
): { affinity: Affinity } => ({
  affinity: {
    [kind]: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey, labelSelector: { matchLabels: { app: 'web' } } },
      ],
    },
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
const claims = (name: string, ...names: string[]) =>
  podOf(name, {
    spec: {
      volumes: names.map((claimName) => ({
        name: claimName,
        persistentVolumeClaim: { claimName },
      })),
    },
  });
const claim = (name: string, namespace = 'default'): PersistentVolumeClaim => ({
  metadata: { name, namespace },
  spec: {},
});

says('SchedulingGates', podOf('p'), [
  ['Pod/UpdateGates', 'the last gate is gone', podOf('p'), podOf('p'), 'Queue'],
  ['Pod/UpdateLabel', 'another label', podOf('p'), web('p'), 'Skip'],
  ['Node/Add', 'a new node', undefined, nodeOf('n'), 'Skip'],
]);

const plain = podOf('p');
says('NodeUnschedulable', plain, [
  ['Node/Add', 'a new node', undefined, nodeOf('n'), 'Queue'],
  ['Node/Add', 'a new node, cordoned', undefined, nodeOf('n', { unschedulable: true }), 'Skip'],
  ['Node/UpdateTaint', 'uncordoned', nodeOf('n', { unschedulable: true }), nodeOf('n'), 'Queue'],
  ['Node/UpdateTaint', 'cordoned', nodeOf('n'), nodeOf('n', { unschedulable: true }), 'Skip'],
  ['Node/UpdateTaint', 'was open before', tainted(NO_SCHEDULE), nodeOf('n'), 'Skip'],
  ['Node/UpdateLabel', 'another label', zoned('1'), zoned('2'), 'Skip'],
  ['Pod/UpdateToleration', 'a toleration of something else', plain, plain, 'Skip'],
]);
const everywhere = podOf('p', { spec: { tolerations: [{ operator: 'Exists' }] } });
says('NodeUnschedulable', everywhere, [
  ['Pod/UpdateToleration', 'tolerates it now', plain, everywhere, 'Queue'],
]);

says('NodeName', podOf('p', { spec: { nodeName: 'n' } }), [
  ['Node/Add', 'the node', undefined, nodeOf('n'), 'Queue'],
  ['Node/Add', 'another node', undefined, nodeOf('m'), 'Skip'],
  ['Node/UpdateLabel', 'another label', zoned('1'), zoned('2'), 'Skip'],
]);

says('TaintToleration', plain, [
  ['Node/Add', 'a new node', undefined, nodeOf('n'), 'Queue'],
  ['Node/Add', 'a new node, tainted', undefined, tainted(NO_SCHEDULE), 'Skip'],
  ['Node/UpdateTaint', 'the taint is gone', tainted(NO_SCHEDULE), nodeOf('n'), 'Queue'],
  [
    'Node/UpdateTaint',
    'another is left',
    tainted(NO_SCHEDULE, NO_EXECUTE),
    tainted(NO_EXECUTE),
    'Skip',
  ],
  [
    'Node/UpdateTaint',
    'never kept it away',
    tainted({ key: 'k', effect: 'PreferNoSchedule' }),
    nodeOf('n'),
    'Skip',
  ],
  ['Pod/UpdateToleration', 'another toleration', plain, everywhere, 'Queue'],
  ['Node/UpdateLabel', 'another label', zoned('1'), zoned('2'), 'Skip'],
]);

says('NodeAffinity', podOf('p', { spec: { nodeSelector: { zone: '1' } } }), [
  ['Node/Add', 'where it wants to be', undefined, zoned('1'), 'Queue'],
  ['Node/Add', 'elsewhere', undefined, zoned('2'), 'Skip'],
  ['Node/UpdateLabel', 'comes to be there', nodeOf('n'), zoned('1'), 'Queue'],
  ['Node/UpdateLabel', 'goes elsewhere', zoned('1'), zoned('2'), 'Skip'],
  [
    'Node/UpdateLabel',
    'was there before',
    zoned('1'),
    nodeOf('n', { labels: { zone: '1', x: 'y' } }),
    'Skip',
  ],
  ['Node/UpdateAllocatable', 'larger', zoned('1'), zoned('1'), 'Skip'],
]);

const port = (name: string, hostPort: number, hostIP?: string) =>
  podOf(name, {
    spec: {
      containers: [
        { name: 'main', ports: [{ containerPort: 80, hostPort, ...(hostIP ? { hostIP } : {}) }] },
      ],
    },
  });
says('NodePorts', port('p', 80, '10.0.0.1'), [
  ['AssignedPod/Delete', 'the port is free', port('x', 80, '10.0.0.1'), undefined, 'Queue'],
  ['AssignedPod/Delete', 'that of all addresses', port('x', 80), undefined, 'Queue'],
  ['AssignedPod/Delete', 'of another address', port('x', 80, '10.0.0.2'), undefined, 'Skip'],
  ['AssignedPod/Delete', 'another port', port('x', 81, '10.0.0.1'), undefined, 'Skip'],
  ['AssignedPod/Delete', 'no port', podOf('x'), undefined, 'Skip'],
  ['AssignedPod/Add', 'one more pod', undefined, podOf('x'), 'Skip'],
  ['Node/Add', 'a new node', undefined, nodeOf('n'), 'Queue'],
]);

const cpu = podOf('p', { requests: { cpu: '2' } });
const uses = (name: string, requests: Record<string, string>) => podOf(name, { requests });
says('NodeResourcesFit', cpu, [
  ['Node/Add', 'large enough', undefined, nodeOf('n', { cpu: '4' }), 'Queue'],
  ['Node/Add', 'too small even when empty', undefined, nodeOf('n', { cpu: '1' }), 'Skip'],
  [
    'Node/UpdateAllocatable',
    'grows',
    nodeOf('n', { cpu: '1' }),
    nodeOf('n', { cpu: '4' }),
    'Queue',
  ],
  [
    'Node/UpdateAllocatable',
    'grows, not enough',
    nodeOf('n', { cpu: '1' }),
    nodeOf('n', { cpu: '1500m' }),
    'Skip',
  ],
  [
    'Node/UpdateAllocatable',
    'shrinks',
    nodeOf('n', { cpu: '5' }),
    nodeOf('n', { cpu: '4' }),
    'Skip',
  ],
  [
    'Node/UpdateAllocatable',
    'more of something else',
    nodeOf('n'),
    nodeOf('n', { memory: '9Gi' }),
    'Skip',
  ],
  ['Node/UpdateAllocatable', 'takes more pods', nodeOf('n'), nodeOf('n', { pods: '120' }), 'Queue'],
  ['Node/UpdateLabel', 'another label', zoned('1'), zoned('2'), 'Skip'],
  ['AssignedPod/Delete', 'a pod is gone', podOf('x'), undefined, 'Queue'],
  ['AssignedPod/Add', 'one more pod', undefined, podOf('x'), 'Skip'],
  ['AssignedPod/UpdateLabel', 'another label', podOf('x'), web('x'), 'Skip'],
  [
    'AssignedPod/UpdateScaleDown',
    'less CPU',
    uses('x', { cpu: '2' }),
    uses('x', { cpu: '1' }),
    'Queue',
  ],
  [
    'AssignedPod/UpdateScaleDown',
    'less memory',
    uses('x', { memory: '2' }),
    uses('x', { memory: '1' }),
    'Skip',
  ],
  ['Pod/UpdateScaleDown', 'it asks for less', cpu, cpu, 'Queue'],
]);

const csiNode = (...counts: (number | undefined)[]): CSINode => ({
  metadata: { name: 'n' },
  spec: {
    drivers: counts.map((count, i) => ({
      name: `d${i}`,
      nodeID: 'n',
      ...(count === undefined ? {} : { allocatable: { count } }),
    })),
  },
});
says('NodeVolumeLimits', claims('p', 'c'), [
  ['CSINode/Add', 'a driver comes', undefined, csiNode(1), 'Queue'],
  ['CSINode/Update', 'takes more', csiNode(1, 5), csiNode(2, 5), 'Queue'],
  ['CSINode/Update', 'takes any number', csiNode(1), csiNode(undefined), 'Queue'],
  ['CSINode/Update', 'takes fewer', csiNode(2), csiNode(1), 'Skip'],
  ['CSINode/Update', 'the same', csiNode(2), csiNode(2), 'Skip'],
  ['AssignedPod/Delete', 'one with a volume', claims('x', 'd'), undefined, 'Queue'],
  ['AssignedPod/Delete', 'one without', podOf('x'), undefined, 'Skip'],
  ['PersistentVolumeClaim/Add', 'its claim', undefined, claim('c'), 'Queue'],
  ['PersistentVolumeClaim/Add', "another's", undefined, claim('d'), 'Skip'],
  ['PersistentVolumeClaim/Add', 'of another namespace', undefined, claim('c', 'other'), 'Skip'],
  ['VolumeAttachment/Delete', 'detached', { metadata: { name: 'a' } }, undefined, 'Queue'],
  ['Node/Add', 'a new node', undefined, nodeOf('n'), 'Skip'],
]);

const disk = (name: string, namespace = 'default') =>
  podOf(name, {
    namespace,
    spec: { volumes: [{ name: 'd', gcePersistentDisk: { pdName: 'pd' } }] },
  });
says('VolumeRestrictions', claims('p', 'c'), [
  ['AssignedPod/Delete', 'who had the claim', claims('x', 'c'), undefined, 'Queue'],
  ['AssignedPod/Delete', 'who had another', claims('x', 'd'), undefined, 'Skip'],
  ['Node/Add', 'a new node', undefined, nodeOf('n'), 'Queue'],
  ['PersistentVolumeClaim/Add', 'its claim', undefined, claim('c'), 'Queue'],
  ['PersistentVolumeClaim/Update', "another's", claim('d'), claim('d'), 'Skip'],
]);
says('VolumeRestrictions', disk('p'), [
  ['AssignedPod/Delete', 'who had the disk', disk('x'), undefined, 'Queue'],
  ['AssignedPod/Delete', 'who had none', podOf('x'), undefined, 'Skip'],
]);

const storageClass = (volumeBindingMode: string, ...zones: string[]): StorageClass => ({
  metadata: { name: 's' },
  provisioner: 'd',
  volumeBindingMode,
  ...(zones.length > 0
    ? { allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: zones }] }] }
    : {}),
});
const volume = (zone?: string): PersistentVolume => ({
  metadata: { name: 'v', labels: zone ? { 'topology.kubernetes.io/zone': zone } : {} },
  spec: {},
});
const driver = (storageCapacity?: boolean): CSIDriver => ({
  metadata: { name: 'd' },
  spec: storageCapacity === undefined ? {} : { storageCapacity },
});
const capacity = (more: Partial<CSIStorageCapacity>): CSIStorageCapacity => ({
  metadata: { name: 'c', namespace: 'kube-system' },
  storageClassName: 's',
  ...more,
});
const waits = 'WaitForFirstConsumer';
says('VolumeBinding', claims('p', 'c'), [
  ['StorageClass/Add', 'a new class', undefined, storageClass(waits), 'Queue'],
  [
    'StorageClass/Update',
    'allows another zone',
    storageClass(waits, '1'),
    storageClass(waits, '1', '2'),
    'Queue',
  ],
  [
    'StorageClass/Update',
    'something else',
    storageClass(waits, '1'),
    storageClass(waits, '1'),
    'Skip',
  ],
  ['PersistentVolumeClaim/Update', 'its claim', claim('c'), claim('c'), 'Queue'],
  ['PersistentVolumeClaim/Update', "another's", claim('d'), claim('d'), 'Skip'],
  ['PersistentVolumeClaim/Add', 'of another namespace', undefined, claim('c', 'other'), 'Skip'],
  ['PersistentVolume/Add', 'a new volume', undefined, volume(), 'Queue'],
  ['PersistentVolume/Update', 'a volume changes', volume(), volume(), 'Queue'],
  ['Node/Add', 'a new node', undefined, nodeOf('n'), 'Queue'],
  ['Node/UpdateLabel', 'another label', zoned('1'), zoned('2'), 'Queue'],
  ['Node/UpdateTaint', 'another taint', nodeOf('n'), tainted(NO_SCHEDULE), 'Skip'],
  [
    'CSIDriver/Update',
    'its capacity does not matter any more',
    driver(true),
    driver(false),
    'Queue',
  ],
  ['CSIDriver/Update', 'its capacity matters now', driver(), driver(true), 'Skip'],
  ['CSIStorageCapacity/Add', 'there is some', undefined, capacity({ capacity: '1Gi' }), 'Queue'],
  [
    'CSIStorageCapacity/Update',
    'more',
    capacity({ capacity: '1Gi' }),
    capacity({ capacity: '2Gi' }),
    'Queue',
  ],
  [
    'CSIStorageCapacity/Update',
    'less',
    capacity({ capacity: '2Gi' }),
    capacity({ capacity: '1Gi' }),
    'Skip',
  ],
  ['CSIStorageCapacity/Update', 'first told', capacity({}), capacity({ capacity: '1Gi' }), 'Queue'],
  [
    'CSIStorageCapacity/Update',
    'more, in volumes that are no larger',
    capacity({ capacity: '1Gi', maximumVolumeSize: '1Gi' }),
    capacity({ capacity: '2Gi', maximumVolumeSize: '1Gi' }),
    'Skip',
  ],
]);
says('VolumeZone', claims('p', 'c'), [
  ['StorageClass/Add', 'a class that binds later', undefined, storageClass(waits), 'Queue'],
  ['StorageClass/Add', 'a class that binds at once', undefined, storageClass('Immediate'), 'Skip'],
  ['Node/Add', 'a new node', undefined, nodeOf('n'), 'Queue'],
  ['Node/UpdateLabel', 'another label', zoned('1'), zoned('2'), 'Queue'],
  ['PersistentVolumeClaim/Update', 'its claim', claim('c'), claim('c'), 'Queue'],
  ['PersistentVolumeClaim/Update', "another's", claim('d'), claim('d'), 'Skip'],
  ['PersistentVolume/Add', 'a new volume', undefined, volume('1'), 'Queue'],
  ['PersistentVolume/Update', 'in another zone', volume('1'), volume('1__2'), 'Queue'],
  ['PersistentVolume/Update', 'in the same zones', volume('2__1'), volume('1__2'), 'Skip'],
]);

const even = web('p', { spec: spread() });
const noLabels = podOf('p', { spec: spread() });
says('PodTopologySpread', even, [
  ['AssignedPod/Add', 'one that counts', undefined, web('x'), 'Queue'],
  ['AssignedPod/Add', 'one that does not', undefined, podOf('x'), 'Skip'],
  ['AssignedPod/Delete', 'one that counted', web('x'), undefined, 'Queue'],
  ['AssignedPod/Delete', 'one that did not', podOf('x'), undefined, 'Skip'],
  [
    'AssignedPod/Delete',
    'of another namespace',
    web('x', { namespace: 'other' }),
    undefined,
    'Skip',
  ],
  ['AssignedPod/UpdateLabel', 'one that does not count any more', web('x'), podOf('x'), 'Queue'],
  [
    'AssignedPod/UpdateLabel',
    'one that counts as before',
    web('x'),
    podOf('x', { labels: { app: 'web', v: '2' } }),
    'Skip',
  ],
  ['Node/Add', 'a new domain', undefined, zoned('1'), 'Queue'],
  ['Node/Add', 'without the label', undefined, nodeOf('n'), 'Skip'],
  ['Node/Delete', 'a domain goes', zoned('1'), undefined, 'Queue'],
  ['Node/Delete', 'without the label', nodeOf('n'), undefined, 'Skip'],
  ['Node/UpdateLabel', 'gets the label', nodeOf('n'), zoned('1'), 'Queue'],
  ['Node/UpdateLabel', 'loses the label', zoned('1'), nodeOf('n'), 'Queue'],
  ['Node/UpdateLabel', 'moves', zoned('1'), zoned('2'), 'Queue'],
  [
    'Node/UpdateLabel',
    'another label',
    zoned('1'),
    nodeOf('n', { labels: { zone: '1', x: 'y' } }),
    'Skip',
  ],
  ['Node/UpdateTaint', 'its taints change', zoned('1'), tainted(NO_SCHEDULE), 'Queue'],
  [
    'Node/UpdateTaint',
    'without the label',
    nodeOf('n', { unschedulable: true }),
    nodeOf('n'),
    'Skip',
  ],
  ['Pod/UpdateLabel', 'counts itself now', noLabels, even, 'Queue'],
  ['Pod/UpdateLabel', 'as before', even, even, 'Skip'],
  ['Pod/UpdateToleration', 'taints do not matter to it', even, even, 'Skip'],
]);
const honours = web('p', { spec: spread({ nodeTaintsPolicy: 'Honor' }) });
says('PodTopologySpread', honours, [
  ['Pod/UpdateToleration', 'tolerates more', honours, honours, 'Queue'],
]);

const near = podOf('p', { spec: requires('podAffinity') });
says('InterPodAffinity', near, [
  ['AssignedPod/Add', 'what it wants to be near to', undefined, web('x'), 'Queue'],
  ['AssignedPod/Add', 'something else', undefined, podOf('x'), 'Skip'],
  ['AssignedPod/UpdateLabel', 'becomes what it wants', podOf('x'), web('x'), 'Queue'],
  ['AssignedPod/UpdateLabel', 'ceases to be', web('x'), podOf('x'), 'Skip'],
  ['AssignedPod/Delete', 'goes', web('x'), undefined, 'Skip'],
  ['Node/Add', 'with the label', undefined, zoned('1'), 'Queue'],
  ['Node/Add', 'without', undefined, nodeOf('n'), 'Skip'],
  ['Node/UpdateLabel', 'gets the label', nodeOf('n'), zoned('1'), 'Queue'],
  ['Node/UpdateLabel', 'moves', zoned('1'), zoned('2'), 'Queue'],
  ['Node/UpdateLabel', 'loses the label', zoned('1'), nodeOf('n'), 'Skip'],
  ['Node/UpdateTaint', 'another taint', nodeOf('n'), tainted(NO_SCHEDULE), 'Skip'],
  ['Pod/UpdateLabel', 'its own labels', near, near, 'Queue'],
]);
const alone = web('p', { spec: requires('podAntiAffinity') });
says('InterPodAffinity', alone, [
  ['AssignedPod/Delete', 'what it keeps away from', web('x'), undefined, 'Queue'],
  ['AssignedPod/Delete', 'something else', podOf('x'), undefined, 'Skip'],
  ['AssignedPod/Add', 'one more', undefined, web('x'), 'Skip'],
  [
    'AssignedPod/UpdateLabel',
    'ceases to be what it keeps away from',
    web('x'),
    podOf('x'),
    'Queue',
  ],
  ['AssignedPod/UpdateLabel', 'becomes it', podOf('x'), web('x'), 'Skip'],
  ['Node/Add', 'with the label', undefined, zoned('1'), 'Queue'],
  ['Node/Add', 'without', undefined, nodeOf('n'), 'Queue'],
  ['Node/UpdateLabel', 'loses the label', zoned('1'), nodeOf('n'), 'Queue'],
  ['Node/UpdateLabel', 'moves', zoned('1'), zoned('2'), 'Queue'],
  ['Node/UpdateLabel', 'gets the label', nodeOf('n'), zoned('1'), 'Skip'],
]);
says('InterPodAffinity', web('p'), [
  [
    'AssignedPod/Delete',
    'who kept it away',
    podOf('x', { spec: requires('podAntiAffinity') }),
    undefined,
    'Queue',
  ],
  ['AssignedPod/Delete', 'who did not', podOf('x'), undefined, 'Skip'],
  ['Node/Add', 'a new node', undefined, nodeOf('n'), 'Queue'],
]);

const device = (name: string, allocated: boolean): ResourceClaim => ({
  metadata: { name, namespace: 'default' },
  spec: {},
  status: allocated ? { allocation: {} } : {},
});
const wantsDevice = podOf('p', {
  spec: { resourceClaims: [{ name: 'gpu', resourceClaimName: 'mine' }] },
});
says('DynamicResources', wantsDevice, [
  ['ResourceClaim/Add', 'its claim', undefined, device('mine', false), 'Queue'],
  ['ResourceClaim/Add', "another's", undefined, device('theirs', false), 'Skip'],
  [
    'ResourceClaim/Update',
    'its claim is allocated',
    device('mine', false),
    device('mine', true),
    'Queue',
  ],
  [
    'ResourceClaim/Update',
    "another's is allocated",
    device('theirs', false),
    device('theirs', true),
    'Skip',
  ],
  [
    'ResourceClaim/Update',
    "another's devices are free",
    device('theirs', true),
    device('theirs', false),
    'Queue',
  ],
  [
    'ResourceClaim/Update',
    'nothing that matters',
    device('mine', false),
    device('mine', false),
    'Skip',
  ],
  ['ResourceClaim/Delete', "another's with devices", device('theirs', true), undefined, 'Queue'],
  ['ResourceClaim/Delete', "another's without", device('theirs', false), undefined, 'Skip'],
  ['Pod/UpdateGeneratedClaim', 'its claim is named', wantsDevice, wantsDevice, 'Queue'],
  ['DeviceClass/Add', 'a new class', undefined, { metadata: { name: 'gpu' } }, 'Queue'],
  ['ResourceSlice/Add', 'more devices', undefined, { metadata: { name: 's' } }, 'Queue'],
  ['ResourceSlice/Delete', 'fewer devices', { metadata: { name: 's' } }, undefined, 'Skip'],
  ['Node/Add', 'a new node', undefined, nodeOf('n'), 'Queue'],
  ['Node/UpdateTaint', 'another taint', nodeOf('n'), tainted(NO_SCHEDULE), 'Skip'],
]);

t.test(
  'a pod that a plugin turned away is tried again for what may help, and for nothing else',
  async (t) => {
    const { framework } = new Cluster([]);
    for (const { plugin, pod, event, name, old, now, want } of rows) {
      const hints = framework.plugins.find((p) => p.name === plugin)?.events ?? [];
      const [resource, action] = event.split('/');
      const helps = hints.some(
        (hint) =>
          hint.resource === resource &&
          hint.actions.some((one) => one === action) &&
          (hint.helps?.(podInfoOf(pod), old, now) ?? true),
      );
      t.equal(helps ? 'Queue' : 'Skip', want, `${plugin}, ${event}: ${name}`);
    }
  },
);

t.test('each plugin that turns pods away says what brings them back', async (t) => {
  const told = new Set(rows.map(({ plugin }) => plugin));
  for (const { name, filter, preFilter, preEnqueue } of new Cluster([]).framework.plugins)
    if (filter || preFilter || preEnqueue) t.ok(told.has(name), name);
});
