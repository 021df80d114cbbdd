import t from 'tap';
import type {
  Event,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../../pkg/api/types.js';
import { isNotFound } from '../../pkg/client/errors.js';
import {
  CORE_EVENTS,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
  VOLUME_ATTRIBUTES_CLASSES,
} from '../../pkg/client/resources.js';
import { eventually } from '../../test/support/eventually.js';
import { ControlPlane } from '../testing/control-plane.js';
import { HandNodes } from '../testing/hand-nodes.js';
import { waitForUnmount } from './detachment.js';

const NAMESPACE = 'default';
t.setTimeout(300_000);
const plane = await ControlPlane.start();
const { client } = plane;
const nodes = await HandNodes.start(client, ['n1']);
t.teardown(async () => {
  await nodes.stop();
  await plane.stop();
});
const claims = client.resource<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
const volumes = client.resource<PersistentVolume>(PERSISTENT_VOLUMES);
const classes = client.resource<StorageClass>(STORAGE_CLASSES);
const pods = client.resource<Pod>(PODS);
const events = client.resource<Event>(CORE_EVENTS);

function claimOf(
  name: string,
  spec: Partial<PersistentVolumeClaim['spec']> = {},
): PersistentVolumeClaim {
  return {
    metadata: { namespace: NAMESPACE, name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      ...spec,
    },
  };
}

function volumeOf(
  name: string,
  storage: string,
  storageClassName: string,
  spec: Partial<PersistentVolume['spec']> = {},
): PersistentVolume {
  return {
    metadata: { name },
    spec: {
      capacity: { storage },
      accessModes: ['ReadWriteOnce'],
      storageClassName,
      hostPath: { path: `/tmp/${name}` },
      ...spec,
    },
  };
}

function podOf(name: string, volumes: NonNullable<Pod['spec']>['volumes']): Pod {
  return {
    metadata: { namespace: NAMESPACE, name },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'c', image: 'i' }],
      ...(volumes ? { volumes } : {}),
    },
  };
}

const claimed = (claimName: string) => [{ name: 'v', persistentVolumeClaim: { claimName } }];

const claimPhase = (name: string, phase: string) =>
  eventually(`claim ${name} ${phase}`, async () => {
    const claim = await claims.get(NAMESPACE, name);
    return claim.status?.phase === phase && claim;
  });

const volumePhase = (name: string, phase: string) =>
  eventually(`volume ${name} ${phase}`, async () => {
    const volume = await volumes.get('', name);
    return volume.status?.phase === phase && volume;
  });

const told = (name: string, reason: string) =>
  eventually(`${reason} of ${name}`, async () => {
    const { items } = await events.list({ fieldSelector: `involvedObject.name=${name}` });
    return items.find((event) => event.reason === reason);
  });

const gone = (what: string, get: () => Promise<unknown>) =>
  eventually(`${what} gone`, () => get().then(() => false, isNotFound));

t.test('a claim gets the smallest volume of its class that is large enough', async (t) => {
  await claims.create(claimOf('c1', { storageClassName: 'manual' }));
  await told('c1', 'ProvisioningFailed');
  await volumes.create(volumeOf('small', '500Mi', 'manual'));
  await volumes.create(volumeOf('other', '1Gi', 'elsewhere'));
  await volumePhase('other', 'Available');
  await volumes.create(volumeOf('large', '5Gi', 'manual'));
  const claim = await claimPhase('c1', 'Bound');
  t.match(claim, {
    metadata: {
      annotations: {
        'pv.kubernetes.io/bind-completed': 'yes',
        'pv.kubernetes.io/bound-by-controller': 'yes',
      },
      finalizers: ['kubernetes.io/pvc-protection'],
    },
    spec: { volumeName: 'large' },
    status: { capacity: { storage: '5Gi' }, accessModes: ['ReadWriteOnce'] },
  });
  const volume = await volumePhase('large', 'Bound');
  t.match(volume.spec?.claimRef, { kind: 'PersistentVolumeClaim', name: 'c1' });
  t.equal(volume.spec?.claimRef?.uid, claim.metadata?.uid);
});

t.test('a claim without a class that no volume fits is told so', async (t) => {
  await claims.create(claimOf('none', { storageClassName: '' }));
  const event = await told('none', 'FailedBinding');
  t.equal(
    event.message,
    'no persistent volumes available for this claim and no storage class is set',
  );
  t.equal(event.source?.component, 'persistentvolume-controller');
});

t.test('reservations of either side are kept', async (t) => {
  await volumes.create(
    volumeOf('for-c2', '1Gi', 'res', { claimRef: { namespace: NAMESPACE, name: 'c2' } }),
  );
  await volumePhase('for-c2', 'Available');
  await claims.create(claimOf('c3', { storageClassName: 'res', volumeName: 'for-c2' }));
  const taken = await told('c3', 'FailedBinding');
  t.equal(taken.message, 'volume "for-c2" already bound to a different claim.');
  await claims.create(claimOf('c2', { storageClassName: 'res' }));
  const bound = await claimPhase('c2', 'Bound');
  t.equal(bound.spec?.volumeName, 'for-c2');
  t.equal(
    (await volumes.get('', 'for-c2')).metadata?.annotations?.[
      'pv.kubernetes.io/bound-by-controller'
    ],
    undefined,
  );
  await volumes.create(volumeOf('chosen', '1Gi', 'res'));
  await claims.create(
    claimOf('c4', {
      storageClassName: 'res',
      volumeName: 'chosen',
      resources: { requests: { storage: '2Gi' } },
    }),
  );
  const event = await told('c4', 'VolumeMismatch');
  t.equal(event.message, 'Cannot bind to requested volume "chosen": requested PV is too small');
});

t.test('what becomes of a volume when its claim is gone is its policy', async (t) => {
  const rows = [
    ['retained', 'Retain', `/data/retained`, 'Released'],
    ['deleted', 'Delete', '/tmp/deleted', undefined],
    ['undeletable', 'Delete', '/data/undeletable', 'Failed'],
    ['recycled', 'Recycle', '/data/recycled', 'Available'],
  ] as const;
  nodes.ends = (pod) => (pod.metadata?.name?.startsWith('recycler-for-') ? 'Succeeded' : undefined);
  for (const [name, persistentVolumeReclaimPolicy, path, phase] of rows) {
    const hostPath = { path };
    await volumes.create(volumeOf(name, '1Gi', name, { persistentVolumeReclaimPolicy, hostPath }));
    await claims.create(claimOf(name, { storageClassName: name }));
    await claimPhase(name, 'Bound');
    await claims.delete(NAMESPACE, name);
    if (phase === undefined) await gone(name, () => volumes.get('', name));
    else {
      const volume = await volumePhase(name, phase);
      t.equal(volume.spec?.claimRef === undefined, phase === 'Available', name);
    }
  }
  t.equal(
    (await volumes.get('', 'undeletable')).status?.message,
    'host_path deleter only supports /tmp/.+ but received provided /data/undeletable',
  );
});

t.test('a claim whose volume is gone is lost; volumes of claims cannot go before', async (t) => {
  await volumes.create(volumeOf('held', '1Gi', 'held'));
  await claims.create(claimOf('held', { storageClassName: 'held' }));
  await claimPhase('held', 'Bound');
  await volumes.delete('', 'held');
  const held = await volumes.get('', 'held');
  t.not(held.metadata?.deletionTimestamp, undefined);
  t.same(held.metadata?.finalizers, ['kubernetes.io/pv-protection']);
  await volumes.update({ ...held, metadata: { ...held.metadata, finalizers: [] } });
  await claimPhase('held', 'Lost');
  const event = await told('held', 'ClaimLost');
  t.equal(event.message, 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
});

t.test('a claim that a pod uses stays until the pod is gone', async (t) => {
  await volumes.create(volumeOf('used', '1Gi', 'used'));
  await claims.create(claimOf('used', { storageClassName: 'used' }));
  await claimPhase('used', 'Bound');
  await pods.create(podOf('user', claimed('used')));
  await eventually('placed', async () => (await pods.get(NAMESPACE, 'user')).spec?.nodeName);
  await claims.delete(NAMESPACE, 'used');
  t.match(await claims.get(NAMESPACE, 'used'), {
    metadata: { finalizers: ['kubernetes.io/pvc-protection'] },
    status: { phase: 'Bound' },
  });
  await pods.delete(NAMESPACE, 'user', { gracePeriodSeconds: 0 });
  await gone('claim', () => claims.get(NAMESPACE, 'used'));
});

t.test('the default class makes a volume on the node of the first consumer', async (t) => {
  t.match(await classes.get('', 'standard'), {
    provisioner: 'drydock.dev/hostpath',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  });
  const made = await claims.create(claimOf('dyn'));
  t.equal(made.spec?.storageClassName, 'standard');
  const waiting = await told('dyn', 'WaitForFirstConsumer');
  t.equal(waiting.message, 'waiting for first consumer to be created before binding');
  const annotations = { 'volume.kubernetes.io/selected-node': 'n1' };
  await claims.patch(NAMESPACE, 'dyn', 'merge', { metadata: { annotations } });
  const claim = await claimPhase('dyn', 'Bound');
  const name = `pvc-${made.metadata?.uid}`;
  t.equal(claim.spec?.volumeName, name);
  t.equal(
    claim.metadata?.annotations?.['volume.kubernetes.io/storage-provisioner'],
    'drydock.dev/hostpath',
  );
  const volume = await volumePhase(name, 'Bound');
  t.match(volume, {
    metadata: { annotations: { 'pv.kubernetes.io/provisioned-by': 'drydock.dev/hostpath' } },
    spec: {
      persistentVolumeReclaimPolicy: 'Delete',
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ values: ['n1'] }] }] },
      },
    },
  });
  await told('dyn', 'ExternalProvisioning');
  await told('dyn', 'Provisioning');
  const done = await told('dyn', 'ProvisioningSucceeded');
  t.equal(done.message, `Successfully provisioned volume ${name}`);
});

t.test('a claim grows in its volume first, and waits for the node', async (t) => {
  const resources = { requests: { storage: '3Gi' } };
  await claims.patch(NAMESPACE, 'dyn', 'merge', { spec: { resources } });
  const claim = await eventually('waits for the node', async () => {
    const now = await claims.get(NAMESPACE, 'dyn');
    return now.status?.allocatedResourceStatuses?.['storage'] === 'NodeResizePending' && now;
  });
  t.match(claim.status, {
    capacity: { storage: '1Gi' },
    allocatedResources: { storage: '3Gi' },
    conditions: [{ type: 'FileSystemResizePending', status: 'True' }],
  });
  const volume = await volumes.get('', claim.spec?.volumeName ?? '');
  t.same(volume.spec?.capacity, { storage: '3Gi' });
  await told('dyn', 'Resizing');
  await claims.delete(NAMESPACE, 'dyn');
  await gone('volume', () => volumes.get('', claim.spec?.volumeName ?? ''));
});

t.test('classes of other clusters get folders; a volume that another made is theirs', async (t) => {
  for (const provisioner of [
    'k8s.io/minikube-hostpath',
    'rancher.io/local-path',
    'docker.io/hostpath',
  ]) {
    const name = provisioner.replace(/\W/g, '-');
    await classes.create({ metadata: { name }, provisioner, reclaimPolicy: 'Delete' });
    const made = await claims.create(claimOf(name, { storageClassName: name }));
    const claim = await claimPhase(name, 'Bound');
    t.equal(claim.spec?.volumeName, `pvc-${made.metadata?.uid}`, provisioner);
    const volume = await volumes.get('', claim.spec?.volumeName ?? '');
    t.equal(volume.metadata?.annotations?.['pv.kubernetes.io/provisioned-by'], provisioner);
    await claims.delete(NAMESPACE, name);
    await gone(provisioner, () => volumes.get('', claim.spec?.volumeName ?? ''));
  }
  const theirs = volumeOf('theirs', '1Gi', 'theirs', {
    persistentVolumeReclaimPolicy: 'Delete',
    hostPath: { path: '/opt/local-path-provisioner/theirs' },
  });
  const annotations = { 'pv.kubernetes.io/provisioned-by': 'rancher.io/local-path' };
  await volumes.create({ ...theirs, metadata: { name: 'theirs', annotations } });
  await claims.create(claimOf('theirs', { storageClassName: 'theirs' }));
  await claimPhase('theirs', 'Bound');
  await claims.delete(NAMESPACE, 'theirs');
  const volume = await volumePhase('theirs', 'Released');
  t.equal(volume.metadata?.deletionTimestamp, undefined);
});

t.test(
  'settings of volumes that are being deleted stay while a claim or a volume has them',
  async (t) => {
    const settings = client.resource<VolumeAttributesClass>(VOLUME_ATTRIBUTES_CLASSES);
    for (const name of ['gold', 'silver', 'unused']) {
      await settings.create({
        metadata: { name },
        driverName: 'csi.example.com',
        parameters: { iops: '1' },
      });
    }
    await claims.create(
      claimOf('vac', { storageClassName: 'nobody', volumeAttributesClassName: 'gold' }),
    );
    const { hostPath: _, ...spec } = volumeOf('vac', '1Gi', 'vac').spec ?? {};
    const csi = { driver: 'csi.example.com', volumeHandle: 'vac' };
    await volumes.create({
      metadata: { name: 'vac' },
      spec: { ...spec, csi, volumeAttributesClassName: 'silver' },
    });
    for (const name of ['unused', 'gold', 'silver']) await settings.delete('', name);
    await gone('unused', () => settings.get('', 'unused'));
    for (const name of ['gold', 'silver']) {
      t.same((await settings.get('', name)).metadata?.finalizers, ['kubernetes.io/vac-protection']);
    }
    await claims.delete(NAMESPACE, 'vac');
    await gone('gold', () => settings.get('', 'gold'));
    await volumes.delete('', 'vac');
    await gone('silver', () => settings.get('', 'silver'));
  },
);

t.test('claims of others are left to their provisioners', async (t) => {
  await classes.create({ metadata: { name: 'ext' }, provisioner: 'example.com/ext' });
  await claims.create(claimOf('ext', { storageClassName: 'ext' }));
  const event = await told('ext', 'ExternalProvisioning');
  t.equal(
    event.message,
    "Waiting for a volume to be created either by the external provisioner 'example.com/ext' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
  );
});

t.test('a claim from before there was a default class gets it later', async () => {
  await classes.delete('', 'standard');
  // Admission reads the classes from its own cache.
  await eventually('no default', async () => {
    const dry = await claims.create(claimOf('early'), { dryRun: true });
    return dry.spec?.storageClassName === undefined;
  });
  await claims.create(claimOf('early'));
  await told('early', 'FailedBinding');
  await classes.create({
    metadata: {
      name: 'late',
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
    provisioner: 'example.com/late',
  });
  await eventually('class', async () => {
    return (await claims.get(NAMESPACE, 'early')).spec?.storageClassName === 'late';
  });
});

t.test('a pod gets the claims of its ephemeral volumes, and no claim of another', async (t) => {
  const volumeClaimTemplate = {
    metadata: { labels: { made: 'here' } },
    spec: claimOf('').spec ?? {},
  };
  await claims.create(claimOf('p-foreign', { storageClassName: '' }));
  const pod = await pods.create(
    podOf('p', [
      { name: 'scratch', ephemeral: { volumeClaimTemplate } },
      { name: 'foreign', ephemeral: { volumeClaimTemplate } },
    ]),
  );
  const claim = await eventually('claim', () =>
    claims.get(NAMESPACE, 'p-scratch').catch((err) => {
      if (isNotFound(err)) return undefined;
      throw err;
    }),
  );
  t.match(claim.metadata, {
    labels: { made: 'here' },
    ownerReferences: [{ kind: 'Pod', name: 'p', controller: true }],
  });
  t.equal(claim.metadata?.ownerReferences?.[0]?.uid, pod.metadata?.uid);
  const event = await told('p', 'FailedBinding');
  t.equal(
    event.message,
    'ephemeral volume foreign: PVC default/p-foreign was not created for pod default/p (pod is not owner)',
  );
});

t.test('a volume of a driver is attached while a pod of the node uses it', async (t) => {
  const attachments = client.resource<VolumeAttachment>(VOLUME_ATTACHMENTS);
  const csi = { driver: 'csi.example.com', volumeHandle: 'h1' };
  const { hostPath: _, ...spec } = volumeOf('csi', '1Gi', 'csi').spec ?? {};
  await volumes.create({ metadata: { name: 'csi' }, spec: { ...spec, csi } });
  await claims.create(claimOf('csi', { storageClassName: 'csi' }));
  await claimPhase('csi', 'Bound');
  await pods.create(podOf('csi-user', claimed('csi')));
  const made = await eventually('attachment', async () => (await attachments.list()).items[0]);
  t.match(made, {
    metadata: { name: /^csi-[0-9a-f]{64}$/ },
    spec: { attacher: 'csi.example.com', nodeName: 'n1', source: { persistentVolumeName: 'csi' } },
    status: { attached: false },
  });
  const attachError = { message: 'rpc error: no such volume', time: '2026-01-01T00:00:00Z' };
  const failed = await attachments.updateStatus({
    ...made,
    status: { attached: false, attachError },
  });
  const failure = await told('csi-user', 'FailedAttachVolume');
  t.equal(
    failure.message,
    'AttachVolume.Attach failed for volume "csi" : rpc error: no such volume',
  );
  await attachments.updateStatus({ ...failed, status: { attached: true } });
  const event = await told('csi-user', 'SuccessfulAttachVolume');
  t.equal(event.message, 'AttachVolume.Attach succeeded for volume "csi" ');
  const node = client.resource<Node>(NODES);
  const onNode = async () => (await node.get('', 'n1')).status?.volumesAttached;
  t.same(await eventually('on the node', onNode), [
    { name: 'kubernetes.io/csi/csi.example.com^h1', devicePath: '' },
  ]);
  await plane.stopControllers();
  plane.startControllers();
  const uses = (volumesInUse: string[] | null) =>
    node.patch('', 'n1', 'merge', { status: { volumesInUse } }, { subresource: 'status' });
  await uses(['kubernetes.io/csi/csi.example.com^h1']);
  await pods.delete(NAMESPACE, 'csi-user', { gracePeriodSeconds: 0 });
  // Looked at after the pod: had the volume been let go, it would be by then.
  await pods.create(podOf('csi-witness', claimed('csi-other')));
  await volumes.create({
    metadata: { name: 'csi-other' },
    spec: { ...spec, csi: { ...csi, volumeHandle: 'h2' } },
  });
  await claims.create(claimOf('csi-other', { storageClassName: 'csi' }));
  await eventually('another attachment', async () => (await attachments.list()).items.length === 2);
  await attachments.get('', made.metadata?.name ?? '');
  t.match(await onNode(), [{ name: 'kubernetes.io/csi/csi.example.com^h1' }], 'still in use');
  const { items } = await events.list({ fieldSelector: 'involvedObject.name=csi-user' });
  const counts = items.filter((e) => e.reason === 'SuccessfulAttachVolume').map((e) => e.count);
  t.same(counts, [1], 'told once, also after a restart');
  const attacher = 'other.example.com';
  const source = { persistentVolumeName: 'csi' };
  await attachments.create({
    metadata: { name: 'by-hand' },
    spec: { attacher, nodeName: 'n1', source },
  });
  await uses(null);
  await gone('attachment', () => attachments.get('', made.metadata?.name ?? ''));
  t.equal((await attachments.get('', 'by-hand')).spec?.attacher, attacher, 'that of another stays');
  t.equal(await onNode(), undefined);
});

t.test('when a volume that nobody wants may leave its node', async (t) => {
  const nodeOf = (shape: { inUse?: string[]; ready?: boolean; taint?: string }): Node => ({
    ...(shape.taint ? { spec: { taints: [{ key: shape.taint, effect: 'NoExecute' }] } } : {}),
    status: {
      conditions: [{ type: 'Ready', status: shape.ready === false ? 'Unknown' : 'True' }],
      ...(shape.inUse ? { volumesInUse: shape.inUse } : {}),
    },
  });
  const forever = Number.POSITIVE_INFINITY;
  const rows: [string, Parameters<typeof nodeOf>[0], number, number][] = [
    ['not in use', {}, 0, 0],
    ['another one is', { inUse: ['w'] }, 0, 0],
    ['in use, on a healthy node', { inUse: ['v'] }, 3_600_000, forever],
    ['in use, on a silent node', { inUse: ['v'], ready: false }, 60_000, 300_000],
    ['for too long', { inUse: ['v'], ready: false }, 360_000, 0],
    [
      'out of service',
      { inUse: ['v'], ready: false, taint: 'node.kubernetes.io/out-of-service' },
      0,
      0,
    ],
    ['another taint', { inUse: ['v'], taint: 'node.kubernetes.io/unreachable' }, 0, forever],
  ];
  for (const [name, shape, waited, wanted] of rows)
    t.equal(waitForUnmount(nodeOf(shape), 'v', waited), wanted, name);
});
