/**
 * Operators written with clients that nobody here wrote do their work against the cluster: they make what a
 * custom resource asks for, keep it so while they and the apiserver are killed and others write at the same
 * time, and clean up behind it.
 */
import type { ChildProcess } from 'node:child_process';
import { CustomObjectsApi, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import t, { type Test } from 'tap';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { failureOf, Kube } from '../support/kube.js';
import { OPERATORS, type Operator } from '../support/operators.js';

const KIND = { group: 'ops.example.com', version: 'v1', plural: 'sites' };
const DEFINITION = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: sites.ops.example.com}
spec:
  group: ops.example.com
  scope: Namespaced
  names: {plural: sites, singular: site, kind: Site, listKind: SiteList, shortNames: [si]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: Ready, type: integer, jsonPath: .status.ready}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [text]
            properties:
              text: {type: string, minLength: 1}
              replicas: {type: integer, minimum: 0, maximum: 9, default: 2}
          status:
            type: object
            properties: {ready: {type: integer}}
`;
const LOG_BYTES = 4000;

interface Site {
  metadata: { uid: string; annotations?: Record<string, string> };
  spec: { text: string; replicas: number };
  status?: { ready?: number };
}

interface Phase {
  readonly title: string;
  /** Once, for all operators. */
  readonly before?: (cluster: Cluster) => Promise<void>;
  readonly act: (t: Test, rig: Rig) => Promise<void>;
}

const PHASES: readonly Phase[] = [
  {
    title: 'makes what a Site asks for',
    act: async (t, rig) => {
      const { cluster, namespace, kube, name } = rig;
      rig.start();
      await rig.create('shop', { text: 'hello' });
      await rig.isReady('shop', 2);
      const page = await kube.core.readNamespacedConfigMap({ name: 'shop', namespace });
      t.match(page.data, { 'index.html': 'hello' }, `${name}: the page`);
      const { uid } = (await rig.read('shop')).metadata;
      const owners = [{ kind: 'Site', name: 'shop', uid, controller: true }];
      t.match(page.metadata?.ownerReferences, owners, `${name}: owns the page`);
      const server = await kube.apps.readNamespacedDeployment({ name: 'shop', namespace });
      t.match(server.metadata?.ownerReferences, owners, `${name}: owns the Deployment`);
      const { stdout } = await cluster.kubectl(`get si -n ${namespace}`);
      t.match(stdout, /^NAME +READY\nshop +2\n$/, `${name}: the status`);
    },
  },
  {
    title: 'killed in the middle and started again, it goes on',
    act: async (t, rig) => {
      const { namespace, kube, name } = rig;
      rig.kill();
      await rig.change('shop', { text: 'changed', replicas: 4 });
      await kube.apps.deleteNamespacedDeployment({ name: 'shop', namespace });
      rig.start();
      await rig.change('shop', { replicas: 3 });
      rig.kill();
      rig.start();
      await rig.isReady('shop', 3);
      const page = await kube.core.readNamespacedConfigMap({ name: 'shop', namespace });
      t.match(page.data, { 'index.html': 'changed' }, `${name}: the page`);
    },
  },
  {
    title: 'what it made is made again when it is deleted',
    act: async (t, rig) => {
      const { namespace, kube, name } = rig;
      const read = () => kube.apps.readNamespacedDeployment({ name: 'shop', namespace });
      const before = await read();
      await kube.apps.deleteNamespacedDeployment({ name: 'shop', namespace });
      await eventually(`${name}: another Deployment`, async () => {
        return (await read()).metadata?.uid !== before.metadata?.uid;
      });
      await rig.isReady('shop', 3);
      t.pass(`${name}: it is back`);
    },
  },
  {
    title: 'an apiserver that dies is waited for',
    before: (cluster) => cluster.kill('apiserver'),
    act: async (t, rig) => {
      const { namespace, kube, name } = rig;
      await eventually(`${name}: the change is taken`, async () => {
        return (await rig.change('shop', { replicas: 1, text: 'after' })) !== undefined;
      });
      await rig.isReady('shop', 1);
      await eventually(`${name}: the page`, async () => {
        const page = await kube.core.readNamespacedConfigMap({ name: 'shop', namespace });
        return page.data?.['index.html'] === 'after';
      });
      t.pass(`${name}: it goes on`);
    },
  },
  {
    title: 'others write at the same time, and nothing is lost',
    act: async (t, rig) => {
      await rig.create('mall', { text: 'new', replicas: 1 });
      const writes = Array.from({ length: 30 }, (_, n) =>
        rig.change(n % 2 ? 'shop' : 'mall', { text: `text ${n}`, replicas: n % 3 }, `w${n}`),
      );
      await Promise.all(writes);
      await rig.change('shop', { text: 'last', replicas: 2 });
      await rig.change('mall', { replicas: 1 });
      await rig.isReady('shop', 2);
      await rig.isReady('mall', 1);
      const { spec, metadata } = await rig.read('shop');
      t.match(spec, { text: 'last', replicas: 2 }, `${rig.name}: the last write counts`);
      t.equal(Object.keys(metadata.annotations ?? {}).length, 15, `${rig.name}: so does each`);
    },
  },
  {
    title: 'of two that elect a leader, the second works when the first is gone',
    act: async (t, rig) => {
      if (!rig.operator.elects) return;
      const where = { name: 'site-operator', namespace: 'default' };
      const holder = async () =>
        (await rig.kube.coordination.readNamespacedLease(where)).spec?.holderIdentity;
      const first = await holder();
      const leader = rig.current;
      rig.start();
      leader?.kill('SIGKILL');
      await eventually('another leader', async () => (await holder()) !== first);
      await rig.change('shop', { replicas: 3 });
      await rig.isReady('shop', 3);
      t.pass(`${rig.name}: it took over`);
    },
  },
  {
    title: 'a deleted Site leaves its note, and nothing else',
    act: async (t, rig) => {
      const { namespace, kube, name } = rig;
      for (const site of ['shop', 'mall']) await rig.delete(site);
      await eventually(`${name}: the note`, async () => {
        return (await kube.core.readNamespacedConfigMap({ name: 'shop-gone', namespace })) && true;
      });
      const fieldSelector = 'metadata.name=shop';
      // The garbage collector looks for new kinds every 30 s, as Kubernetes' does.
      await eventually(
        `${name}: nothing is left`,
        async () => {
          const pages = await kube.core.listNamespacedConfigMap({ namespace, fieldSelector });
          const servers = await kube.apps.listNamespacedDeployment({ namespace });
          const sites = await rig.list();
          return sites.length + pages.items.length + servers.items.length === 0;
        },
        45_000,
      );
      t.match(await failureOf(rig.read('shop')), { code: 404 }, `${name}: it is gone`);
    },
  },
];

t.setTimeout(300_000);

t.test('operators', async (t) => {
  const cluster = await Cluster.start(t);
  const defined = await cluster.kubectl(['apply', '-f', '-'], { input: DEFINITION });
  if (defined.code !== 0) throw new Error(defined.stderr);
  await cluster.kubectl('wait --for=condition=Established crd/sites.ops.example.com');
  const kube = new Kube(cluster);
  const rigs: Rig[] = [];
  t.teardown(() => {
    for (const rig of rigs) rig.stop();
  });
  for (const [index, operator] of OPERATORS.entries()) {
    const found = await operator.find();
    if ('missing' in found) {
      await t.test(operator.name, { skip: found.missing }, () => undefined);
      continue;
    }
    const namespace = `operator-${index}`;
    await kube.core.createNamespace({ body: { metadata: { name: namespace } } });
    rigs.push(new Rig(cluster, kube, operator, found.path, namespace));
  }
  for (const { title, before, act } of PHASES) {
    await t.test(title, async (t) => {
      await before?.(cluster);
      await Promise.all(rigs.map((rig) => act(t, rig)));
    });
  }
});

/** An operator's processes and the Sites of its namespace. */
class Rig {
  private readonly custom: CustomObjectsApi;
  /** The one that was started last. */
  current: ChildProcess | undefined;
  private readonly running = new Set<ChildProcess>();
  private stopped = false;
  private log = '';

  constructor(
    readonly cluster: Cluster,
    readonly kube: Kube,
    readonly operator: Operator,
    private readonly path: string,
    readonly namespace: string,
  ) {
    this.custom = kube.config.makeApiClient(CustomObjectsApi);
  }

  get name(): string {
    return this.operator.name;
  }

  /** One that ends by itself, as who has lost an election does, is started again, as its pod would be. */
  start(): void {
    const child = this.operator.start(this.path, this.cluster);
    this.current = child;
    this.running.add(child);
    const note = (chunk: Buffer) => {
      this.log = (this.log + chunk.toString()).slice(-LOG_BYTES);
    };
    child.stdout?.on('data', note);
    child.stderr?.on('data', note);
    child.on('exit', (code) => {
      this.running.delete(child);
      if (code !== null && !this.stopped) this.start();
    });
  }

  kill(): void {
    this.current?.kill('SIGKILL');
  }

  stop(): void {
    this.stopped = true;
    for (const child of this.running) child.kill('SIGKILL');
  }

  create(name: string, spec: Partial<Site['spec']>): Promise<unknown> {
    return this.custom.createNamespacedCustomObject({
      ...KIND,
      namespace: this.namespace,
      body: { apiVersion: 'ops.example.com/v1', kind: 'Site', metadata: { name }, spec },
    });
  }

  change(name: string, spec: Partial<Site['spec']>, note?: string): Promise<unknown> {
    const annotations = note === undefined ? {} : { [note]: 'x' };
    return this.custom.patchNamespacedCustomObject(
      { ...this.named(name), body: { metadata: { annotations }, spec } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
  }

  read(name: string): Promise<Site> {
    return this.custom.getNamespacedCustomObject(this.named(name));
  }

  async list(): Promise<unknown[]> {
    const { items }: { items: unknown[] } = await this.custom.listNamespacedCustomObject({
      ...KIND,
      namespace: this.namespace,
    });
    return items;
  }

  delete(name: string): Promise<unknown> {
    return this.custom.deleteNamespacedCustomObject(this.named(name));
  }

  /** The status says so many, and so many pods there are. */
  async isReady(name: string, ready: number): Promise<void> {
    const { core } = this.kube;
    try {
      await eventually(
        `${this.name}: ${name} has ${ready} pods`,
        async () => {
          const { items } = await core.listNamespacedPod({
            namespace: this.namespace,
            labelSelector: `site=${name}`,
          });
          const site = await this.read(name);
          return site.status?.ready === ready && items.length >= ready;
        },
        40_000,
      );
    } catch (err) {
      throw new Error(`${err instanceof Error ? err.message : err}\n${this.log}`);
    }
  }

  private named(name: string) {
    return { ...KIND, namespace: this.namespace, name };
  }
}
