/**
 * The scheduler as configured by a file: two profiles, an extender over HTTPS that has its say in everything,
 * one that nobody misses, and drivers that tell how much storage they have left.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CoreV1Event,
  SchedulingV1Api,
  StorageV1Api,
  type V1Node,
  type V1Pod,
} from '@kubernetes/client-node';
import t, { type Test } from 'tap';
import { ensurePki } from '../../pkg/component/pki.js';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { Kube, NAMESPACE } from '../support/kube.js';
import { Objects } from '../support/objects.js';

t.setTimeout(300_000);

const SEATS = 'example.com/seats';
const DRIVER = 'csi.example.com';

t.test('extenders, profiles and storage capacity', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'drydock-scheduler-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const pki = join(folder, 'pki');
  await ensurePki(pki, { apiserverNames: ['127.0.0.1'], nodes: [], now: Date.now() });
  const extender = await ExtenderServer.open(t, pki);
  const config = join(folder, 'scheduler.json');
  writeFileSync(config, JSON.stringify(configuration(pki, extender.origin)));
  const cluster = await Cluster.start(t, [`--scheduler-config=${config}`]);
  const kube = new Kube(cluster);
  const nodes = new Objects(kube.config).at<V1Node>('v1', 'nodes');
  const storage = kube.config.makeApiClient(StorageV1Api);
  extender.bindWith(kube);
  const pod = (name: string) => kube.core.readNamespacedPod({ name, namespace: NAMESPACE });
  const create = (name: string, spec: Partial<V1Pod['spec']>, seats = 0) =>
    kube.core.createNamespacedPod({ namespace: NAMESPACE, body: podOf(name, spec, seats) });
  const nodeOf = (name: string) =>
    eventually(`${name} has a node`, async () => (await pod(name)).spec?.nodeName);
  const refusal = (name: string, text: RegExp) =>
    eventually(`${name} is refused with ${text}`, async () => {
      const conditions = (await pod(name)).status?.conditions ?? [];
      const found = conditions.find(({ type }) => type === 'PodScheduled');
      return found?.reason === 'Unschedulable' && text.test(found.message ?? '') && found.message;
    });
  const events = async (name: string, reason: string): Promise<CoreV1Event[]> =>
    (await kube.core.listNamespacedEvent({ namespace: NAMESPACE })).items.filter(
      (event) => event.involvedObject.name === name && event.reason === reason,
    );
  for (const name of ['node-1', 'node-2', 'node-3']) {
    const seats = { [SEATS]: '2' };
    await nodes.patch(
      name,
      { status: { capacity: seats, allocatable: seats } },
      { subresource: 'status' },
    );
    await eventually(
      `${name} has seats`,
      async () => (await nodes.get(name)).status?.allocatable?.[SEATS] === '2',
    );
  }

  await t.test('an extender is not asked about pods that are not its business', async (t) => {
    await create('plain', {});
    t.match(await nodeOf('plain'), /^node-/);
    t.same(extender.asked, []);
  });

  await t.test('it filters, prefers and binds', async (t) => {
    extender.refuse = { 'node-1': 'too dark' };
    extender.prefer = 'node-3';
    await create('guest', {}, 1);
    t.equal(await nodeOf('guest'), 'node-3');
    const [filter, prioritize, bind] = extender.asked;
    t.match(filter, {
      verb: 'filter',
      body: { Pod: { metadata: { name: 'guest' } }, Nodes: null },
    });
    t.same(names(filter?.body['NodeNames']), ['node-1', 'node-2', 'node-3']);
    t.equal(prioritize?.verb, 'prioritize');
    t.same(names(prioritize?.body['NodeNames']), ['node-2', 'node-3']);
    t.match(bind, { verb: 'bind', body: { PodName: 'guest', Node: 'node-3' } });
  });

  await t.test('what it refuses for good waits until something happens', async (t) => {
    extender.refuse = { 'node-1': 'too far', 'node-2': 'too far', 'node-3': 'too far' };
    extender.forGood = true;
    await create('late', {}, 1);
    t.equal(
      await refusal('late', /too far/),
      '0/3 nodes are available: 3 too far. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.',
    );
    t.match(await events('late', 'FailedScheduling'), [
      { reportingComponent: 'default-scheduler' },
    ]);
    extender.refuse = { 'node-2': 'too dark', 'node-3': 'too dark' };
    extender.forGood = false;
    await nodes.patch('node-1', { metadata: { labels: { news: 'yes' } } });
    t.equal(await nodeOf('late'), 'node-1');
  });

  await t.test('it says where room is made', async (t) => {
    const scheduling = kube.config.makeApiClient(SchedulingV1Api);
    await scheduling.createPriorityClass({ body: { metadata: { name: 'urgent' }, value: 1000 } });
    extender.refuse = {};
    for (const [name, seats] of [
      ['low-1', 1],
      ['low-2', 2],
      ['low-3', 1],
    ] as const) {
      const node = `node-${name.slice(-1)}`;
      await create(name, { nodeSelector: { 'kubernetes.io/hostname': node } }, seats);
      t.equal(await nodeOf(name), node);
    }
    extender.leave = 'node-2';
    await create('high', { priorityClassName: 'urgent' }, 2);
    t.equal(await nodeOf('high'), 'node-2');
    const preempt = extender.asked.find(({ verb }) => verb === 'preempt');
    const victims = Object.keys((preempt?.body['NodeNameToMetaVictims'] ?? {}) as object);
    t.same(victims.sort(), ['node-1', 'node-2', 'node-3']);
    const uid = (await pod('high')).metadata?.uid;
    const message = `Preempted by pod ${uid} on node node-2`;
    const [event] = await eventually('the victim is told', async () => {
      const found = await events('low-2', 'Preempted');
      return found.length > 0 && found;
    });
    t.match(event, { type: 'Normal', action: 'Preempting', message });
    t.equal((await pod('low-1')).metadata?.deletionTimestamp, undefined, 'others stay');
  });

  await t.test('a pod of another profile is scheduled in its name', async (t) => {
    await create('packed', { schedulerName: 'packer' });
    await nodeOf('packed');
    const [event] = await eventually('it is told', async () => {
      const found = await events('packed', 'Scheduled');
      return found.length > 0 && found;
    });
    t.equal(event?.reportingComponent, 'packer');
  });

  await t.test(
    'a pod waits for storage, and is told its node while its volume is made',
    async (t) => {
      await storage.createCSIDriver({
        body: { metadata: { name: DRIVER }, spec: { storageCapacity: true } },
      });
      await storage.createStorageClass({
        body: {
          metadata: { name: 'roomy' },
          provisioner: DRIVER,
          volumeBindingMode: 'WaitForFirstConsumer',
        },
      });
      await kube.core.createNamespacedPersistentVolumeClaim({
        namespace: NAMESPACE,
        body: {
          metadata: { name: 'data' },
          spec: {
            storageClassName: 'roomy',
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: '5Gi' } },
          },
        },
      });
      const persistentVolumeClaim = { claimName: 'data' };
      await create('stores', { volumes: [{ name: 'data', persistentVolumeClaim }] });
      t.match(
        await refusal('stores', /free storage/),
        /^0\/3 nodes are available: 3 node\(s\) did not have enough free storage\./,
      );
      await storage.createNamespacedCSIStorageCapacity({
        namespace: NAMESPACE,
        body: {
          metadata: { name: 'second' },
          storageClassName: 'roomy',
          capacity: '10Gi',
          nodeTopology: { matchLabels: { 'kubernetes.io/hostname': 'node-2' } },
        },
      });
      const nominated = await eventually(
        'it is told its node',
        async () => (await pod('stores')).status?.nominatedNodeName,
      );
      t.equal(nominated, 'node-2');
      const claim = await eventually('the provisioner is told the node', async () => {
        const name = 'data';
        const found = await kube.core.readNamespacedPersistentVolumeClaim({
          name,
          namespace: NAMESPACE,
        });
        return found.metadata?.annotations?.['volume.kubernetes.io/selected-node'];
      });
      t.equal(claim, 'node-2');
    },
  );
});

function configuration(pki: string, origin: string): object {
  const mostAllocated = { scoringStrategy: { type: 'MostAllocated' } };
  return {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    profiles: [
      { schedulerName: 'default-scheduler' },
      {
        schedulerName: 'packer',
        pluginConfig: [{ name: 'NodeResourcesFit', args: mostAllocated }],
      },
    ],
    extenders: [
      {
        urlPrefix: `${origin}/seats`,
        filterVerb: 'filter',
        prioritizeVerb: 'prioritize',
        weight: 100,
        bindVerb: 'bind',
        preemptVerb: 'preempt',
        enableHTTPS: true,
        nodeCacheCapable: true,
        managedResources: [{ name: SEATS }],
        tlsConfig: {
          caFile: join(pki, 'ca.crt'),
          certFile: join(pki, 'admin.crt'),
          keyFile: join(pki, 'admin.key'),
        },
      },
      // Nobody listens there.
      { urlPrefix: 'http://127.0.0.1:1', filterVerb: 'filter', ignorable: true },
    ],
  };
}

function podOf(name: string, spec: Partial<V1Pod['spec']>, seats: number): V1Pod {
  const amount = seats > 0 ? { [SEATS]: String(seats) } : undefined;
  const resources = amount ? { resources: { requests: amount, limits: amount } } : {};
  return {
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 0,
      ...spec,
      containers: [{ name: 'main', image: 'nginx', ...resources }],
    },
  };
}

function names(value: unknown): unknown {
  return Array.isArray(value) ? [...value].sort() : value;
}

interface Asked {
  readonly verb: string;
  readonly body: Record<string, unknown>;
}

/** Does what the test tells it to, for whoever shows a certificate of its authority. */
class ExtenderServer {
  readonly asked: Asked[] = [];
  /** Node → why not. */
  refuse: Record<string, string> = {};
  /** No preemption would help. */
  forGood = false;
  prefer = '';
  /** Of the candidates of a preemption. */
  leave = '';
  private kube: Kube | undefined;

  private constructor(readonly origin: string) {}

  static async open(t: Test, pki: string): Promise<ExtenderServer> {
    const pem = (file: string) => readFileSync(join(pki, file), 'utf8');
    const tls = {
      cert: pem('apiserver.crt'),
      key: pem('apiserver.key'),
      ca: pem('ca.crt'),
      requestCert: true,
      rejectUnauthorized: true,
    };
    const server = createServer(tls, async (req, res) => {
      const chunks: Buffer[] = [];
      for await (const chunk of req) chunks.push(chunk as Buffer);
      const verb = req.url?.split('/').pop() ?? '';
      const body: Record<string, unknown> = JSON.parse(Buffer.concat(chunks).toString());
      extender.asked.push({ verb, body });
      res.end(JSON.stringify(await extender.answer(verb, body)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const extender = new ExtenderServer(`https://127.0.0.1:${port}`);
    return extender;
  }

  bindWith(kube: Kube): void {
    this.kube = kube;
  }

  private async answer(verb: string, body: Record<string, unknown>): Promise<unknown> {
    const nodes = Array.isArray(body['NodeNames']) ? body['NodeNames'].map(String) : [];
    switch (verb) {
      case 'filter':
        return {
          NodeNames: nodes.filter((name) => this.refuse[name] === undefined),
          [this.forGood ? 'FailedAndUnresolvableNodes' : 'FailedNodes']: this.refuse,
        };
      case 'prioritize':
        return nodes.map((Host) => ({ Host, Score: Host === this.prefer ? 10 : 0 }));
      case 'preempt': {
        const all = Object.entries((body['NodeNameToMetaVictims'] ?? {}) as object);
        const left = all.filter(([name]) => name === this.leave);
        return { NodeNameToMetaVictims: Object.fromEntries(left) };
      }
      default:
        return this.bind(body);
    }
  }

  private async bind({ PodName, PodNamespace, PodUID, Node }: Record<string, unknown>) {
    const target = { kind: 'Node', name: String(Node) };
    try {
      await this.kube?.core.createNamespacedPodBinding({
        name: String(PodName),
        namespace: String(PodNamespace),
        body: { metadata: { name: String(PodName), uid: String(PodUID) }, target },
      });
      return {};
    } catch (err) {
      return { Error: String(err) };
    }
  }
}
