/** ReplicaSets and their ancestors, ReplicationControllers: pods adopted and released, endpoints, failures. */
import type { V1ReplicaSet, V1ReplicationController } from '@kubernetes/client-node';
import {
  type Clause,
  conditionOf,
  controllerOf,
  has,
  podSpec,
  podTemplate,
  type World,
} from '../../support/clause.js';
import { nameOf } from '../../support/kube.js';
import type { Resource } from '../../support/objects.js';
import { collectionEndpoints, scaleEndpoints, statusEndpoints } from './endpoints.js';

function setOf(name: string, replicas: number, labels: Record<string, string> = {}): V1ReplicaSet {
  const selector = { matchLabels: { app: name } };
  return {
    metadata: { name, labels: { app: name, ...labels } },
    spec: { replicas, selector, template: podTemplate(name) },
  };
}

function controllerNamed(name: string, replicas: number): V1ReplicationController {
  return {
    metadata: { name, labels: { app: name } },
    spec: { replicas, selector: { app: name }, template: podTemplate(name) },
  };
}

/** A pod that nobody owns is owned, or replaced, once something selects it. */
async function adopts(w: World, createOwner: () => Promise<unknown>): Promise<void> {
  const labels = { app: 'web' };
  const lone = await w.pods.create({ metadata: { name: 'lone', labels }, spec: podSpec() });
  w.t.equal(controllerOf(lone), undefined);
  await createOwner();
  await w.until('the pod is adopted', async () => controllerOf(await w.pods.get('lone')) === 'web');
  const pods = await w.ready(1, 'app=web');
  w.t.same(pods.map(nameOf), ['lone']);
}

/** A pod whose labels no longer match is let go, and another one made in its place. */
async function releases(w: World): Promise<void> {
  const [pod] = await w.ready(1, 'app=web');
  if (pod === undefined) throw new Error('no pod');
  await w.pods.patch(nameOf(pod), { metadata: { labels: { app: 'other' } } });
  await w.until('the pod is released', async () => {
    return (await w.pods.get(nameOf(pod))).metadata?.ownerReferences === undefined;
  });
  const [next] = await w.ready(1, 'app=web');
  w.t.not(next?.metadata?.uid, pod.metadata?.uid);
  w.t.equal((await w.pods.get(nameOf(pod))).metadata?.uid, pod.metadata?.uid, 'it lives on');
}

const settledAt =
  ({ until }: World, resource: Resource<V1ReplicaSet | V1ReplicationController>, name: string) =>
  (count: number) =>
    until(`${count} of ${name} are ready`, async () => {
      const { replicas, readyReplicas } = (await resource.get(name)).status ?? {};
      return replicas === count && readyReplicas === count;
    });

export const replicaSets: readonly Clause[] = [
  {
    title: 'ReplicaSet, is created, Replaced and Patched',
    run: async (w) => {
      await w.replicaSets.create(setOf('web', 1));
      await w.ready(1);
      await w.change(w.replicaSets, 'web', ({ spec }) => {
        if (spec) spec.replicas = 2;
      });
      await w.ready(2);
      const patched = await w.replicaSets.patch('web', {
        metadata: { labels: { stage: 'patched' } },
        spec: {
          replicas: 3,
          template: {
            spec: { containers: [{ name: 'main', image: 'nginx:2' }] },
          },
        },
      });
      w.t.equal(patched.metadata?.labels?.['stage'], 'patched');
      w.t.equal(patched.spec?.template?.spec?.containers[0]?.image, 'nginx:2');
      const pods = await w.ready(3);
      const images = pods.map((pod) => pod.spec?.containers[0]?.image).sort();
      w.t.same(images, ['nginx:1', 'nginx:1', 'nginx:2'], 'only the third is of the new template');
    },
  },
  {
    title: 'ReplicaSet, completes the scaling of a ReplicaSet subresource',
    run: async (w) => {
      await w.replicaSets.create(setOf('web', 1));
      await w.ready(1);
      const settled = settledAt(w, w.replicaSets, 'web');
      await settled(1);
      await scaleEndpoints(w, w.replicaSets, 'web', settled);
    },
  },
  {
    title: 'Replica Set, adopt matching pods and release non matching pods',
    run: async (w) => {
      await adopts(w, () => w.replicaSets.create(setOf('web', 1)));
      await releases(w);
    },
  },
  {
    title: 'ReplicaSet, list and delete a collection of ReplicaSets',
    run: async (w) => {
      const bodies = ['a', 'b', 'c'].map((name) => setOf(name, 1, { set: 'mine' }));
      await collectionEndpoints(w, w.replicaSets, bodies, 'set=mine');
    },
  },
  {
    title: 'ReplicaSet, status sub-resource',
    run: async (w) => {
      await w.replicaSets.create(setOf('web', 1));
      await settledAt(w, w.replicaSets, 'web')(1);
      await statusEndpoints(w, w.replicaSets, 'web');
    },
  },
];

export const replicationControllers: readonly Clause[] = [
  {
    title: 'Replication Controller, adopt matching pods',
    run: async (w) => {
      await adopts(w, () => w.replicationControllers.create(controllerNamed('web', 1)));
    },
  },
  {
    title: 'Replication Controller, get and update ReplicationController scale',
    run: async (w) => {
      await w.replicationControllers.create(controllerNamed('web', 1));
      const settled = settledAt(w, w.replicationControllers, 'web');
      await settled(1);
      await scaleEndpoints(w, w.replicationControllers, 'web', settled);
    },
  },
  {
    title: 'Replication Controller, release pods',
    run: async (w) => {
      await w.replicationControllers.create(controllerNamed('web', 1));
      await releases(w);
    },
  },
  {
    title: 'Replication Controller, check for issues like exceeding allocated quota',
    run: async (w) => {
      await w.quotas.create({ metadata: { name: 'two' }, spec: { hard: { pods: '2' } } });
      await w.until('the quota is counted', async () => {
        return (await w.quotas.get('two')).status?.hard?.['pods'] === '2';
      });
      await w.replicationControllers.create(controllerNamed('web', 3));
      const failure = await w.until('the failure shows', async () => {
        return conditionOf(await w.replicationControllers.get('web'), 'ReplicaFailure');
      });
      w.t.match(failure, {
        status: 'True',
        reason: 'FailedCreate',
        message: /exceeded quota: two/,
      });
      await w.replicationControllers.patch('web', { spec: { replicas: 2 } });
      await w.until('the failure is over', async () => {
        return !has(await w.replicationControllers.get('web'), 'ReplicaFailure');
      });
      w.t.equal((await w.ready(2)).length, 2);
    },
  },
  {
    title: 'Replication Controller, lifecycle',
    run: async (w) => {
      const { replicationControllers: controllers } = w;
      const seen = await w.record(controllers, 'app=web');
      await controllers.create(controllerNamed('web', 1));
      await settledAt(w, controllers, 'web')(1);
      const patched = await controllers.patch('web', { metadata: { labels: { stage: 'two' } } });
      w.t.equal(patched.metadata?.labels?.['stage'], 'two');
      await controllers.patch(
        'web',
        { status: { readyReplicas: 0, availableReplicas: 0 } },
        { subresource: 'status' },
      );
      w.t.equal(nameOf(await controllers.get('web', 'status')), 'web');
      await controllers.patch('web', { spec: { replicas: 2 } }, { subresource: 'scale' });
      await settledAt(w, controllers, 'web')(2);
      w.t.same((await controllers.list('stage=two')).map(nameOf), ['web']);
      const everywhere = w.objects.at<V1ReplicationController>('v1', 'replicationcontrollers');
      w.t.ok(
        (await everywhere.list('stage=two')).some((rc) => rc.metadata?.namespace === w.namespace),
      );
      await w.change(controllers, 'web', ({ metadata }) => {
        if (metadata) metadata.labels = { ...metadata.labels, stage: 'three' };
      });
      await controllers.deleteCollection('stage=three');
      await w.gone(controllers, 'web');
      await w.until('its deletion is told', async () => seen.changes.at(-1)?.type === 'DELETED');
      w.t.equal(seen.changes[0]?.type, 'ADDED');
    },
  },
];
