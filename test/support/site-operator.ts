/**
 * An operator as people write them with the official JavaScript client: a Site becomes a ConfigMap and a
 * Deployment that it owns, its status says how many pods are ready, and a finalizer leaves a note when it
 * goes. It runs as a process of its own and knows nothing of the server but its kubeconfig (KUBECONFIG).
 * Handlers only note keys; a failure (a conflict, a server that is away) means: read again.
 */
import { fileURLToPath } from 'node:url';
import {
  ApiException,
  CustomObjectsApi,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Deployment,
} from '@kubernetes/client-node';

interface Site extends KubernetesObject {
  spec: { text: string; replicas: number };
  status?: { ready?: number };
}

type Header<T extends KubernetesObject> = T & {
  metadata: { name: string; namespace: string };
};

const API_VERSION = 'ops.example.com/v1';
const FINALIZER = 'site-operator.example.com/note';
const RETRY_MS = 200;

class SiteOperator {
  private readonly objects: KubernetesObjectApi;
  private readonly custom: CustomObjectsApi;
  private readonly pending = new Set<string>();
  private working = false;

  constructor(private readonly config: KubeConfig) {
    this.objects = KubernetesObjectApi.makeApiClient(config);
    this.custom = config.makeApiClient(CustomObjectsApi);
  }

  start(): void {
    this.follow<Site>('/apis/ops.example.com/v1/sites', API_VERSION, 'Site', (site) =>
      this.enqueue(site.metadata?.namespace, site.metadata?.name),
    );
    this.follow<V1Deployment>('/apis/apps/v1/deployments', 'apps/v1', 'Deployment', (server) => {
      const owner = server.metadata?.ownerReferences?.find(({ kind }) => kind === 'Site');
      if (owner) this.enqueue(server.metadata?.namespace, owner.name);
    });
  }

  private follow<T extends KubernetesObject>(
    path: string,
    apiVersion: string,
    kind: string,
    changed: (object: T) => void,
  ): void {
    const informer = makeInformer<T>(this.config, path, () =>
      this.objects.list<T>(apiVersion, kind),
    );
    informer.on('add', changed);
    informer.on('update', changed);
    informer.on('delete', changed);
    const start = (): void => {
      informer.start().catch(again);
    };
    const again = (err: unknown): void => {
      process.stdout.write(`${kind}: ${err}\n`);
      setTimeout(start, RETRY_MS);
    };
    informer.on('error', again);
    start();
  }

  private enqueue(namespace: string | undefined, name: string | undefined): void {
    this.pending.add(`${namespace}/${name}`);
    if (!this.working) void this.work();
  }

  private async work(): Promise<void> {
    this.working = true;
    for (const key of this.pending) {
      this.pending.delete(key);
      const [namespace = '', name = ''] = key.split('/');
      try {
        await this.reconcile(namespace, name);
      } catch (err) {
        process.stdout.write(`${key}: ${err}\n`);
        setTimeout(() => this.enqueue(namespace, name), RETRY_MS);
      }
    }
    this.working = false;
  }

  private async reconcile(namespace: string, name: string): Promise<void> {
    const metadata = { name, namespace };
    const site = await this.find<Site>({ apiVersion: API_VERSION, kind: 'Site', metadata });
    if (!site) return;
    const finalizers = site.metadata?.finalizers ?? [];
    if (site.metadata?.deletionTimestamp) {
      if (finalizers.includes(FINALIZER)) await this.finalize(site, namespace, name);
      return;
    }
    if (!finalizers.includes(FINALIZER)) {
      const finalized = { ...site.metadata, finalizers: [...finalizers, FINALIZER] };
      await this.objects.replace({ ...site, metadata: finalized });
      return;
    }
    await this.ensurePage(site, metadata);
    const server = await this.ensureServer(site, metadata);
    const ready = server.status?.readyReplicas ?? 0;
    if (site.status?.ready === ready) return;
    await this.custom.patchNamespacedCustomObjectStatus(
      {
        group: 'ops.example.com',
        version: 'v1',
        plural: 'sites',
        ...metadata,
        body: { status: { ready } },
      },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
  }

  private async finalize(site: Site, namespace: string, name: string): Promise<void> {
    const note: Header<V1ConfigMap> = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `${name}-gone`, namespace },
    };
    if (!(await this.find(note))) await this.objects.create(note);
    const finalizers = site.metadata?.finalizers?.filter((each) => each !== FINALIZER);
    await this.objects.replace({ ...site, metadata: { ...site.metadata, finalizers } });
  }

  private async ensurePage(site: Site, metadata: { name: string; namespace: string }) {
    const page = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    const data = { 'index.html': site.spec.text };
    const current = await this.find<V1ConfigMap>(page);
    if (!current) {
      await this.objects.create<V1ConfigMap>({ ...page, metadata: ownedBy(site, metadata), data });
    } else if (current.data?.['index.html'] !== site.spec.text) {
      await this.objects.replace<V1ConfigMap>({ ...current, data });
    }
  }

  private async ensureServer(
    site: Site,
    metadata: { name: string; namespace: string },
  ): Promise<V1Deployment> {
    const server = { apiVersion: 'apps/v1', kind: 'Deployment', metadata };
    const { replicas } = site.spec;
    const labels = { site: metadata.name };
    const current = await this.find<V1Deployment>(server);
    if (!current) {
      return this.objects.create<V1Deployment>({
        ...server,
        metadata: ownedBy(site, metadata),
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: {
            metadata: { labels },
            spec: { containers: [{ name: 'web', image: 'nginx' }] },
          },
        },
      });
    }
    if (!current.spec || current.spec.replicas === replicas) return current;
    return this.objects.replace<V1Deployment>({ ...current, spec: { ...current.spec, replicas } });
  }

  private async find<T extends KubernetesObject>(
    spec: KubernetesObject & { metadata: { name: string; namespace: string } },
  ): Promise<T | undefined> {
    try {
      return await this.objects.read<T>(spec);
    } catch (err) {
      if (err instanceof ApiException && err.code === 404) return undefined;
      throw err;
    }
  }
}

function ownedBy(site: Site, metadata: { name: string; namespace: string }) {
  return {
    ...metadata,
    ownerReferences: [
      {
        apiVersion: API_VERSION,
        kind: 'Site',
        name: metadata.name,
        uid: site.metadata?.uid ?? '',
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const config = new KubeConfig();
  config.loadFromDefault();
  new SiteOperator(config).start();
}
