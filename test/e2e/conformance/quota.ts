/** ResourceQuotas: what they count, when it is counted and given back, their scopes and endpoints. */
import type {
  KubernetesObject,
  V1PersistentVolumeClaim,
  V1Pod,
  V1ResourceQuota,
  V1Secret,
  V1Service,
} from '@kubernetes/client-node';
import { type Clause, podSpec, podTemplate, type World } from '../../support/clause.js';
import { failureOf, nameOf } from '../../support/kube.js';
import type { Resource } from '../../support/objects.js';

type Amounts = Record<string, string>;

function quota(hard: Amounts, name = 'quota', scopes?: string[]): V1ResourceQuota {
  return { metadata: { name }, spec: { hard, ...(scopes ? { scopes } : {}) } };
}

/** The quota's status says so: all of these are used, under its limits. */
function used(
  { quotas, until }: World,
  amounts: Amounts,
  name = 'quota',
): Promise<V1ResourceQuota> {
  return until(`${name} uses ${JSON.stringify(amounts)}`, async () => {
    const found = await quotas.get(name);
    const { hard = {}, used = {} } = found.status ?? {};
    const isCounted = Object.keys(found.spec?.hard ?? {}).every((key) => hard[key] !== undefined);
    return (
      isCounted && Object.entries(amounts).every(([key, value]) => used[key] === value) && found
    );
  });
}

interface Counted<T extends KubernetesObject> {
  readonly title: string;
  readonly key: string;
  readonly resource: (w: World) => Resource<T>;
  readonly body: T;
}

/** One object more is one more used; one less gives it back. */
function counted<T extends KubernetesObject>({ title, key, resource, body }: Counted<T>): Clause {
  return {
    title,
    run: async (w) => {
      const before = (await resource(w).list()).length;
      await w.quotas.create(quota({ [key]: String(before + 1), resourcequotas: '1' }));
      await used(w, { [key]: String(before), resourcequotas: '1' });
      const { metadata } = await resource(w).create(body);
      await used(w, { [key]: String(before + 1) });
      const more = failureOf(resource(w).create({ ...body, metadata: { name: 'one-more' } }));
      w.t.match(await more, { code: 403, reason: 'Forbidden', message: /exceeded quota: quota/ });
      await resource(w).delete(metadata?.name ?? '', { propagationPolicy: 'Background' });
      await used(w, { [key]: String(before) });
    },
  };
}

const metadata = { name: 'one' };
const workload = {
  replicas: 0,
  selector: { matchLabels: { app: 'one' } },
  template: podTemplate('one'),
};

function podAsking(name: string, requests?: Amounts, deadline?: number): V1Pod {
  const resources = requests === undefined ? {} : { resources: { requests, limits: requests } };
  return {
    metadata: { name },
    spec: podSpec({
      containers: [{ name: 'main', image: 'nginx:1', ...resources }],
      ...(deadline === undefined ? {} : { activeDeadlineSeconds: deadline }),
    }),
  };
}

/** The pod counts in one quota and not in the other, until it is gone. */
async function countsIn(w: World, pod: V1Pod, mine: string, other: string, amounts: Amounts) {
  const none = Object.fromEntries(Object.keys(amounts).map((key) => [key, '0']));
  await w.pods.create(pod);
  await used(w, amounts, mine);
  await used(w, none, other);
  await w.pods.delete(nameOf(pod));
  await used(w, none, mine);
}

export const quotas: readonly Clause[] = [
  counted<V1Secret>({
    title: 'ResourceQuota, object count quota, secret',
    key: 'secrets',
    resource: (w) => w.at('v1', 'secrets'),
    body: { metadata },
  }),
  counted({
    title: 'ResourceQuota, object count quota, configmap',
    key: 'configmaps',
    resource: (w) => w.configMaps,
    body: { metadata },
  }),
  counted<V1Service>({
    title: 'ResourceQuota, object count quota, service',
    key: 'services',
    resource: (w) => w.at('v1', 'services'),
    body: { metadata, spec: { ports: [{ port: 80 }] } },
  }),
  counted({
    title: 'ResourceQuota, object count quota, replicationController',
    key: 'replicationcontrollers',
    resource: (w) => w.replicationControllers,
    body: { metadata, spec: { ...workload, selector: { app: 'one' } } },
  }),
  counted({
    title: 'ResourceQuota, object count quota, replicaSet',
    key: 'count/replicasets.apps',
    resource: (w) => w.replicaSets,
    body: { metadata, spec: workload },
  }),
  counted<V1PersistentVolumeClaim>({
    title: 'a quota counts claims',
    key: 'persistentvolumeclaims',
    resource: (w) => w.at('v1', 'persistentvolumeclaims'),
    body: {
      metadata,
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    },
  }),
  {
    title: 'ResourceQuota, object count quota, pod',
    run: async (w) => {
      const gpu = 'requests.example.com/gpu';
      await w.quotas.create(
        quota({
          pods: '5',
          cpu: '1',
          memory: '500Mi',
          'requests.ephemeral-storage': '50Gi',
          [gpu]: '3',
        }),
      );
      const none = { pods: '0', cpu: '0', memory: '0', [gpu]: '0' };
      await used(w, none);
      const requests = {
        cpu: '500m',
        memory: '252Mi',
        'ephemeral-storage': '30Gi',
        'example.com/gpu': '2',
      };
      await w.pods.create(podAsking('first', requests));
      const taken = {
        pods: '1',
        cpu: '500m',
        memory: '252Mi',
        'requests.ephemeral-storage': '30Gi',
        [gpu]: '2',
      };
      await used(w, taken);
      for (const over of [
        { cpu: '600m', memory: '100Mi' },
        { ...requests, cpu: '1m', memory: '1Mi' },
      ]) {
        const asked = { 'ephemeral-storage': '1Gi', ...over };
        const refused = await failureOf(w.pods.create(podAsking('second', asked)));
        w.t.match(refused, { code: 403, message: /exceeded quota: quota/ });
      }
      const changed = failureOf(
        w.pods.replace({
          ...(await w.pods.get('first')),
          spec: podAsking('first', taken).spec ?? { containers: [] },
        }),
      );
      w.t.ok([403, 409, 422].includes((await changed).code ?? 0), 'its requests stay as they are');
      await used(w, taken);
      await w.pods.delete('first');
      await used(w, none);
    },
  },
  {
    title: 'ResourceQuota, object count quota, resourcequotas',
    run: async (w) => {
      await w.quotas.create(quota({ resourcequotas: '1', pods: '5' }));
      await used(w, { resourcequotas: '1', pods: '0' });
      const { status } = await w.quotas.get('quota');
      w.t.same(status?.hard, { resourcequotas: '1', pods: '5' });
    },
  },
  {
    title: 'ResourceQuota, update and delete',
    run: async (w) => {
      await w.quotas.create(quota({ cpu: '1', memory: '500Mi' }));
      const updated = await w.change(w.quotas, 'quota', ({ spec }) => {
        if (spec) spec.hard = { cpu: '2', memory: '1Gi' };
      });
      w.t.same(updated.spec?.hard, { cpu: '2', memory: '1Gi' });
      w.t.same((await w.quotas.get('quota')).spec?.hard, { cpu: '2', memory: '1Gi' });
      await w.quotas.delete('quota');
      w.t.equal((await failureOf(w.quotas.get('quota'))).code, 404);
    },
  },
  {
    title: 'ResourceQuota, manage lifecycle of a ResourceQuota',
    run: async (w) => {
      const labels = { of: w.namespace };
      await w.quotas.create({
        ...quota({ cpu: '1', memory: '500Mi' }),
        metadata: { name: 'quota', labels },
      });
      const everywhere = w.all<V1ResourceQuota>('v1', 'resourcequotas');
      w.t.same((await everywhere.list(`of=${w.namespace}`)).map(nameOf), ['quota']);
      const patched = await w.quotas.patch('quota', {
        metadata: { labels: { stage: 'patched' } },
        spec: { hard: { cpu: '3', memory: '750Mi' } },
      });
      w.t.same(patched.spec?.hard, { cpu: '3', memory: '750Mi' });
      w.t.equal(patched.metadata?.labels?.['stage'], 'patched');
      await w.quotas.deleteCollection('stage=patched');
      await w.gone(w.quotas, 'quota');
    },
  },
  {
    title: 'ResourceQuota, apply changes to a ResourceQuota status',
    run: async (w) => {
      const hard = { cpu: '500m', memory: '500Mi' };
      await w.quotas.create(quota(hard));
      const written = await w.change(
        w.quotas,
        'quota',
        (each) => {
          each.status = { ...each.status, hard };
        },
        'status',
      );
      w.t.same(written.status?.hard, hard);
      const counts = (of: Amounts) =>
        w.until('its limits are taken over', async () => {
          return JSON.stringify((await w.quotas.get('quota')).status?.hard) === JSON.stringify(of);
        });
      await counts(hard);
      const more = { cpu: '1', memory: '1Gi' };
      w.t.same((await w.quotas.patch('quota', { spec: { hard: more } })).spec?.hard, more);
      const byPatch = await w.quotas.patch(
        'quota',
        { status: { hard: more } },
        { subresource: 'status' },
      );
      w.t.same(byPatch.status?.hard, more);
      w.t.same((await w.quotas.get('quota', 'status')).status?.hard, more);
      const less = { cpu: '2', memory: '2Gi' };
      const again = await w.quotas.patch(
        'quota',
        { status: { hard: less } },
        { subresource: 'status' },
      );
      w.t.same(again.status?.hard, less);
      w.t.same(again.spec?.hard, more, 'the spec is not changed');
    },
  },
  {
    title: 'ResourceQuota, quota scope, BestEffort and NotBestEffort scope',
    run: async (w) => {
      await w.quotas.create(quota({ pods: '5' }, 'best', ['BestEffort']));
      await w.quotas.create(quota({ pods: '5' }, 'not-best', ['NotBestEffort']));
      await used(w, { pods: '0' }, 'best');
      await used(w, { pods: '0' }, 'not-best');
      await countsIn(w, podAsking('plain'), 'best', 'not-best', { pods: '1' });
      const asking = podAsking('asking', { cpu: '100m', memory: '10Mi' });
      await countsIn(w, asking, 'not-best', 'best', { pods: '1' });
    },
  },
  {
    title: 'ResourceQuota, quota scope, Terminating and NotTerminating scope',
    run: async (w) => {
      const hard = {
        'requests.cpu': '1',
        'requests.memory': '500Mi',
        'limits.cpu': '2',
        'limits.memory': '1Gi',
        pods: '5',
      };
      await w.quotas.create(quota(hard, 'ends', ['Terminating']));
      await w.quotas.create(quota(hard, 'stays', ['NotTerminating']));
      await used(w, { pods: '0' }, 'ends');
      await used(w, { pods: '0' }, 'stays');
      const requests = { cpu: '500m', memory: '200Mi' };
      const amounts = {
        pods: '1',
        'requests.cpu': '500m',
        'requests.memory': '200Mi',
        'limits.cpu': '500m',
        'limits.memory': '200Mi',
      };
      await countsIn(w, podAsking('long', requests), 'stays', 'ends', amounts);
      await countsIn(w, podAsking('short', requests, 3600), 'ends', 'stays', amounts);
    },
  },
];
