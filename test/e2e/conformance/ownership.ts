/** What goes with its owner or its namespace, in which order, and what is left. */
import type {
  V1Deployment,
  V1Namespace,
  V1Pod,
  V1ReplicationController,
  V1Service,
} from '@kubernetes/client-node';
import { type Clause, isStaying, podSpec, podTemplate, World } from '../../support/clause.js';
import { remains } from '../../support/eventually.js';
import { nameOf } from '../../support/kube.js';

const LEFT_MS = 2000;
const MANY = 10;

function deploymentOf(replicas: number): V1Deployment {
  const selector = { matchLabels: { app: 'web' } };
  return { metadata: { name: 'web' }, spec: { replicas, selector, template: podTemplate('web') } };
}

function controllerOf(name: string, replicas: number): V1ReplicationController {
  const selector = { app: name };
  return { metadata: { name }, spec: { replicas, selector, template: podTemplate(name) } };
}

const owner = (kind: string, { metadata }: { metadata?: { name?: string; uid?: string } }) => ({
  apiVersion: 'v1',
  kind,
  name: metadata?.name ?? '',
  uid: metadata?.uid ?? '',
});

async function inNamespace(w: World, run: (other: World, name: string) => Promise<void>) {
  const name = `${w.namespace}-other`;
  await w.namespaces.create({ metadata: { name } });
  const other = new World(w.t, w.objects, name, w.cluster);
  await other.until('its service account', () => other.serviceAccounts.find('default'));
  await run(other, name);
}

export const garbage: readonly Clause[] = [
  {
    title: 'Garbage Collector, delete deployment,  propagation policy background',
    run: async (w) => {
      await w.deployments.create(deploymentOf(2));
      await w.ready(2);
      await w.deployments.delete('web', { propagationPolicy: 'Background' });
      await w.until('no ReplicaSet is left', async () => (await w.replicaSets.list()).length === 0);
      await w.until('no pod is left', async () => (await w.pods.list()).length === 0);
    },
  },
  {
    title: 'Garbage Collector, delete replication controller, propagation policy background',
    run: async (w) => {
      await w.replicationControllers.create(controllerOf('web', 2));
      await w.until('a pod is there', async () => (await w.pods.list()).length > 0);
      await w.replicationControllers.delete('web', { propagationPolicy: 'Background' });
      await w.until('no pod is left', async () => (await w.pods.list()).length === 0);
      w.t.same(await w.replicationControllers.list(), []);
    },
  },
  {
    title: 'Garbage Collector, delete replication controller, after owned pods',
    run: async (w) => {
      await w.replicationControllers.create(controllerOf('web', MANY));
      await w.ready(MANY);
      const pods = await w.record(w.pods);
      const controllers = await w.record(w.replicationControllers);
      await w.replicationControllers.delete('web', { propagationPolicy: 'Foreground' });
      await w.gone(w.replicationControllers, 'web');
      await w.until(
        'its deletion is told',
        async () => controllers.changes.at(-1)?.type === 'DELETED',
      );
      const waited = controllers.changes.some(({ object }) =>
        object.metadata?.finalizers?.includes('foregroundDeletion'),
      );
      w.t.ok(waited, 'it waited for what it owned');
      const last = (changes: typeof pods.changes | typeof controllers.changes) =>
        Math.max(
          ...changes
            .filter(({ type }) => type === 'DELETED')
            .map(({ object }) => Number(object.metadata?.resourceVersion)),
        );
      await w.until('all pods are told of', async () => {
        return pods.changes.filter(({ type }) => type === 'DELETED').length === MANY;
      });
      w.t.ok(last(pods.changes) < last(controllers.changes), 'the pods went first');
    },
  },
  {
    title: 'Garbage Collector, dependency cycle',
    run: async (w) => {
      const names = ['pod1', 'pod2', 'pod3'];
      const made = await Promise.all(
        names.map((name) => w.pods.create({ metadata: { name }, spec: podSpec() })),
      );
      const ownedBy = (i: number): V1Pod => made[(i + 2) % 3] ?? {};
      await Promise.all(
        names.map((name, i) =>
          w.pods.patch(name, {
            metadata: {
              ownerReferences: [
                { ...owner('Pod', ownedBy(i)), controller: true, blockOwnerDeletion: true },
              ],
            },
          }),
        ),
      );
      w.t.equal((await w.pods.get('pod1')).metadata?.ownerReferences?.[0]?.name, 'pod3');
      await w.pods.delete('pod1', { propagationPolicy: 'Foreground' });
      await w.until('all are gone', async () => (await w.pods.list()).length === 0);
    },
  },
  {
    title: 'Garbage Collector, multiple owners',
    run: async (w) => {
      await w.replicationControllers.create(controllerOf('first', MANY));
      const stays = await w.replicationControllers.create(controllerOf('second', 0));
      const pods = await w.ready(MANY);
      const shared = pods
        .slice(0, MANY / 2)
        .map(nameOf)
        .sort();
      for (const name of shared) {
        const { metadata } = await w.pods.get(name);
        await w.pods.patch(name, {
          metadata: {
            ownerReferences: [
              ...(metadata?.ownerReferences ?? []),
              owner('ReplicationController', stays),
            ],
          },
        });
      }
      await w.replicationControllers.delete('first', { propagationPolicy: 'Foreground' });
      await w.gone(w.replicationControllers, 'first');
      const left = await w.pods.list();
      w.t.same(left.map(nameOf).sort(), shared);
      w.t.ok(left.every(isStaying));
      for (const { metadata } of left) {
        w.t.same(
          metadata?.ownerReferences?.map(({ name }) => name),
          ['second'],
        );
      }
    },
  },
  {
    title: 'Garbage Collector, delete deployment, propagation policy orphan',
    run: async (w) => {
      await w.deployments.create(deploymentOf(2));
      await w.ready(2);
      await w.deployments.delete('web', { propagationPolicy: 'Orphan' });
      await w.gone(w.deployments, 'web');
      const [set] = await w.replicaSets.list();
      w.t.equal(set?.metadata?.ownerReferences, undefined);
      await remains('all is there', async () => (await w.ready(2)).length === 2, LEFT_MS);
      w.t.equal((await w.replicaSets.list()).length, 1);
    },
  },
  {
    title: 'Garbage Collector, delete replication controller, propagation policy orphan',
    run: async (w) => {
      await w.replicationControllers.create(controllerOf('web', MANY));
      await w.ready(MANY);
      await w.replicationControllers.delete('web', { propagationPolicy: 'Orphan' });
      await w.gone(w.replicationControllers, 'web');
      await remains('all is there', async () => (await w.ready(MANY)).length === MANY, LEFT_MS);
      const pods = await w.pods.list();
      w.t.ok(pods.every(({ metadata }) => metadata?.ownerReferences === undefined));
    },
  },
];

export const namespaces: readonly Clause[] = [
  {
    title: 'namespace-deletion-removes-pods',
    run: (w) =>
      inNamespace(w, async (other, name) => {
        await other.pods.create({ metadata: { name: 'web' }, spec: podSpec() });
        await other.ready(1);
        await w.namespaces.delete(name);
        await w.gone(w.namespaces, name);
        await w.namespaces.create({ metadata: { name } });
        w.t.same(await other.pods.list(), []);
        await w.namespaces.delete(name);
      }),
  },
  {
    title: 'namespace-deletion-removes-services',
    run: (w) =>
      inNamespace(w, async (other, name) => {
        const services = other.at<V1Service>('v1', 'services');
        await services.create({ metadata: { name: 'web' }, spec: { ports: [{ port: 80 }] } });
        await w.namespaces.delete(name);
        await w.gone(w.namespaces, name);
        await w.namespaces.create({ metadata: { name } });
        w.t.same(await services.list(), []);
        await w.namespaces.delete(name);
      }),
  },
  {
    title: 'Ordered Namespace Deletion',
    run: (w) =>
      inNamespace(w, async (other, name) => {
        const finalizers = ['example.com/held'];
        await other.pods.create({ metadata: { name: 'web', finalizers }, spec: podSpec() });
        await other.configMaps.create({ metadata: { name: 'settings' } });
        await other.ready(1);
        await w.namespaces.delete(name);
        await w.until('the pod is on its way', async () => !isStaying(await other.pods.get('web')));
        await remains(
          'what is no pod stays while there is one',
          async () => isStaying(await other.configMaps.get('settings')),
          LEFT_MS,
        );
        const { status } = await w.namespaces.get(name);
        const types = status?.conditions?.map(({ type }) => type);
        w.t.ok(types?.includes('NamespaceContentRemaining'), `${types}`);
        await other.pods.patch('web', { metadata: { finalizers: null } });
        await w.gone(w.namespaces, name);
      }),
  },
  {
    title: 'Namespace patching',
    run: async (w) => {
      await w.namespaces.patch(w.namespace, { metadata: { labels: { testLabel: 'testValue' } } });
      const { metadata } = await w.namespaces.get(w.namespace);
      w.t.equal(metadata?.labels?.['testLabel'], 'testValue');
    },
  },
  {
    title: 'Namespace, apply update to a namespace',
    run: async (w) => {
      const updated = await w.change(w.namespaces, w.namespace, ({ metadata }) => {
        if (metadata) metadata.labels = { ...metadata.labels, updated: 'true' };
      });
      w.t.equal(updated.metadata?.labels?.['updated'], 'true');
    },
  },
  {
    title: 'Namespace, apply changes to a namespace status',
    run: async (w) => {
      const read = await w.namespaces.get(w.namespace, 'status');
      w.t.equal(read.status?.phase, 'Active');
      const condition = (type: string) => ({ type, status: 'True', reason: 'E2E', message: 'set' });
      const patched = await w.namespaces.patch(
        w.namespace,
        {
          metadata: { annotations: { patched: 'yes' } },
          status: { conditions: [condition('StatusPatch')] },
        },
        { subresource: 'status' },
      );
      w.t.match(patched.status?.conditions, [condition('StatusPatch')]);
      w.t.equal(patched.metadata?.annotations?.['patched'], 'yes');
      const updated = await w.change(
        w.namespaces,
        w.namespace,
        (each) => {
          const { conditions = [] } = each.status ?? {};
          each.status = { ...each.status, conditions: [...conditions, condition('StatusUpdate')] };
        },
        'status',
      );
      const types = updated.status?.conditions?.map(({ type }) => type);
      w.t.same(types, ['StatusPatch', 'StatusUpdate']);
    },
  },
  {
    title: 'Namespace, apply finalizer to a namespace',
    run: (w) =>
      inNamespace(w, async (_, name) => {
        const finalize = async (edit: (finalizers: string[]) => string[]) => {
          const found = await w.namespaces.get(name);
          found.spec = { finalizers: edit(found.spec?.finalizers ?? []) };
          return w.namespaces.replace(found, 'finalize');
        };
        const held: V1Namespace = await finalize((all) => [...all, 'e2e.example.com/fake']);
        w.t.same(held.spec?.finalizers, ['kubernetes', 'e2e.example.com/fake']);
        const free = await finalize((all) => all.filter((each) => each === 'kubernetes'));
        w.t.same(free.spec?.finalizers, ['kubernetes']);
        await w.namespaces.delete(name);
        await w.gone(w.namespaces, name);
      }),
  },
];
