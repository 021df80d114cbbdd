/**
 * Persistent storage on a cluster of real processes, as a person with kubectl meets it: claims that wait for
 * their pods, volumes made by hand, what protects both from being deleted, growth, and what is told of it.
 */
import t from 'tap';
import { binaries } from '../support/binaries.js';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';

const missing = binaries();
const skip = typeof missing === 'string' ? missing : false;

interface Claim {
  readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly volumeName?: string; readonly storageClassName?: string };
  readonly status: {
    readonly phase?: string;
    readonly capacity?: { readonly storage: string };
    readonly conditions?: readonly { readonly type: string }[];
  };
}

interface DriverNode {
  readonly status: {
    readonly volumesInUse?: readonly string[];
    readonly volumesAttached?: readonly { readonly name: string }[];
  };
}

const pvc = (name: string, size: string, extra = '') => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: ${name}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: ${size}}}
  ${extra}
`;

const pod = (name: string, claim: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: data, persistentVolumeClaim: {claimName: ${claim}}}]
  containers:
  - {name: c, image: nginx, volumeMounts: [{name: data, mountPath: /usr/share/nginx/html}]}
`;

const TASK_VOLUME = `
apiVersion: v1
kind: PersistentVolume
metadata: {name: task-pv-volume, labels: {type: local}}
spec:
  storageClassName: manual
  capacity: {storage: 10Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /mnt/data}
`;

const DRIVER_VOLUME = `
apiVersion: v1
kind: PersistentVolume
metadata: {name: driven}
spec:
  storageClassName: driven
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  csi: {driver: csi.example.com, volumeHandle: h1}
`;

const STATEFUL_SET = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: redis, volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`;

t.test('storage', { skip, timeout: 120_000 }, async (t) => {
  const cluster = await Cluster.start(t, ['--nodes', '2']);
  const kubectl = async (...args: string[]) => {
    const { code, stdout, stderr } = await cluster.kubectl(args);
    if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const apply = async (...documents: string[]) => {
    const { code, stderr } = await cluster.kubectl('apply -f -', {
      input: documents.join('\n---\n'),
    });
    if (code !== 0) throw new Error(stderr);
  };
  const claim = (name: string) => cluster.get<Claim>(`pvc ${name}`);
  const bound = (name: string) =>
    eventually(`claim ${name} bound`, async () => {
      const found = await claim(name);
      return found.status.phase === 'Bound' && found;
    });
  const running = (name: string) => kubectl('wait', '--for=condition=Ready', `pod/${name}`);
  const absent = (what: string) =>
    eventually(`${what} gone`, async () => {
      const { stderr } = await cluster.kubectl(`get ${what}`);
      return stderr.includes('NotFound');
    });

  await t.test('a claim without a class gets its volume with its first pod', async (t) => {
    t.match(
      await kubectl('get', 'sc'),
      /^standard \(default\) +drydock\.dev\/hostpath +Delete +WaitForFirstConsumer +true /m,
    );
    await apply(pvc('dyn', '1Gi'));
    t.match(await kubectl('get', 'pvc'), /^dyn +Pending +standard +<unset> /m);
    await apply(pod('user', 'dyn'));
    const { metadata, spec } = await bound('dyn');
    t.equal(spec.volumeName, `pvc-${metadata.uid}`);
    await running('user');
    t.match(
      await kubectl('get', 'pvc,pv'),
      /persistentvolume\/pvc-\S+ +1Gi +RWO +Delete +Bound +default\/dyn +standard /,
    );
    await eventually('events', async () => {
      const text = await kubectl('describe', 'pvc', 'dyn');
      return (
        /Used By: +user/.test(text) &&
        text.includes('waiting for first consumer to be created before binding') &&
        text.includes('External provisioner is provisioning volume for claim "default/dyn"') &&
        text.includes(`Successfully provisioned volume pvc-${metadata.uid}`)
      );
    });
    t.match(await kubectl('describe', 'pv'), /kubernetes\.io\/hostname in \[node-\d\]/);
  });

  await t.test('it grows, and its pod goes on running', async (t) => {
    const request = { spec: { resources: { requests: { storage: '2Gi' } } } };
    await kubectl('patch', 'pvc', 'dyn', '-p', JSON.stringify(request));
    const grown = await eventually('grown', async () => {
      const found = await claim('dyn');
      return found.status.capacity?.storage === '2Gi' && found;
    });
    t.equal(grown.status.conditions, undefined);
    t.match(await kubectl('describe', 'pvc', 'dyn'), /FileSystemResizeRequired/);
    const less = { spec: { resources: { requests: { storage: '1Gi' } } } };
    const { stderr } = await cluster.kubectl(['patch', 'pvc', 'dyn', '-p', JSON.stringify(less)]);
    t.match(stderr, 'field can not be less than status.capacity');
  });

  await t.test('a volume made by hand is found by its class', async (t) => {
    await apply(TASK_VOLUME);
    await kubectl('wait', '--for=jsonpath={.status.phase}=Available', 'pv/task-pv-volume');
    await apply(
      pvc('task-pv-claim', '3Gi', 'storageClassName: manual'),
      pod('task-pv-pod', 'task-pv-claim'),
    );
    const found = await bound('task-pv-claim');
    t.equal(found.spec.volumeName, 'task-pv-volume');
    t.equal(found.status.capacity?.storage, '10Gi');
    await running('task-pv-pod');
  });

  await t.test('claims outlive their pods, volumes their claims', async (t) => {
    await kubectl('delete', 'pvc', 'task-pv-claim', '--wait=false');
    await kubectl('delete', 'pv', 'task-pv-volume', '--wait=false');
    t.match(await kubectl('get', 'pvc', 'task-pv-claim'), /task-pv-claim +Terminating /);
    t.match(await kubectl('get', 'pv', 'task-pv-volume'), /Retain +Terminating /);
    await kubectl('delete', 'pod', 'task-pv-pod');
    await absent('pvc task-pv-claim');
    await absent('pv task-pv-volume');
  });

  await t.test('the volume of a deleted claim goes as its class says', async () => {
    const { spec } = await claim('dyn');
    await kubectl('delete', 'pod', 'user');
    await kubectl('delete', 'pvc', 'dyn');
    await absent(`pv ${spec.volumeName}`);
  });

  await t.test('a pod whose claim is not there says so until it is', async (t) => {
    await apply(pod('early', 'later'));
    await eventually('told', async () =>
      (await kubectl('describe', 'pod', 'early')).includes(
        '0/2 nodes are available: persistentvolumeclaim "later" not found.',
      ),
    );
    await apply(pvc('later', '1Gi'));
    await running('early');
    t.equal((await claim('later')).spec.storageClassName, 'standard');
  });

  await t.test('a volume of a driver is attached, is in use, and is let go', async (t) => {
    const mine = pvc('driven', '1Gi', 'storageClassName: driven');
    await apply(DRIVER_VOLUME, mine, pod('driver', 'driven'));
    const attachments = async () =>
      (await cluster.get<{ items: { metadata: { name: string } }[] }>('volumeattachments')).items;
    const [attachment] = await eventually('wanted', async () => {
      const items = await attachments();
      return items.length > 0 && items;
    });
    const { spec } = await cluster.get<{ spec: { nodeName: string } }>('pod driver');
    const use = async () =>
      (await cluster.get<DriverNode>(`node ${spec.nodeName}`)).status.volumesInUse ?? [];
    const name = 'kubernetes.io/csi/csi.example.com^h1';
    await eventually('in use before it is attached', async () => (await use()).includes(name));
    t.match(await kubectl('get', 'pod', 'driver'), /ContainerCreating/);
    // What the driver's registrar and its attacher would do.
    const drivers = { spec: { drivers: [{ name: 'csi.example.com', nodeID: spec.nodeName }] } };
    const patch = (what: string, body: object, ...more: string[]) =>
      kubectl('patch', ...what.split(' '), '--type=merge', '-p', JSON.stringify(body), ...more);
    await patch(`csinode ${spec.nodeName}`, drivers);
    const attached = { status: { attached: true } };
    await patch(`volumeattachment ${attachment?.metadata.name}`, attached, '--subresource=status');
    await running('driver');
    const { status } = await cluster.get<DriverNode>(`node ${spec.nodeName}`);
    t.same(
      status.volumesAttached?.map((volume) => volume.name),
      [name],
    );
    await kubectl('delete', 'pod', 'driver');
    await eventually('let go', async () => !(await use()).includes(name));
    await eventually('detached', async () => (await attachments()).length === 0);
  });

  await t.test('each pod of a StatefulSet keeps its own claim', async (t) => {
    await apply(STATEFUL_SET);
    await kubectl('rollout', 'status', 'sts/db', '--timeout=60s');
    const before = await bound('data-db-0');
    await kubectl('delete', 'pod', 'db-0');
    await kubectl('rollout', 'status', 'sts/db', '--timeout=60s');
    t.equal((await claim('data-db-0')).metadata.uid, before.metadata.uid);
  });
});
