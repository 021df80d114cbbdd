/** Deployments: strategies, history, proportion, and their endpoints. */
import type { V1Deployment, V1DeploymentSpec, V1PodSpec } from '@kubernetes/client-node';
import {
  type Clause,
  conditionOf,
  has,
  podSpec,
  podTemplate,
  type World,
} from '../../support/clause.js';
import { isLeaving, isReady, nameOf } from '../../support/kube.js';
import { scaleEndpoints, statusEndpoints } from './endpoints.js';

/** So that a new pod never becomes available: its image cannot be had. */
const NEVER_PULLED = { 'drydock.dev/pull-error': 'no such image' };
const REVISION = 'deployment.kubernetes.io/revision';

function deploymentOf(
  name: string,
  replicas: number,
  spec: Partial<V1DeploymentSpec> = {},
  pod: Partial<V1PodSpec> = {},
): V1Deployment {
  const template = podTemplate(name, pod);
  const selector = { matchLabels: { app: name } };
  return {
    metadata: { name, labels: { app: name } },
    spec: { replicas, selector, template, ...spec },
  };
}

const image = (name: string) => ({
  spec: { template: { spec: { containers: [{ name: 'main', image: name }] } } },
});

/** The controller has seen the newest spec, all pods are of it, and available. */
function complete({ deployments, until }: World, name: string): Promise<V1Deployment> {
  return until(`${name} is rolled out`, async () => {
    const found = await deployments.get(name);
    const { replicas, updatedReplicas, availableReplicas, observedGeneration } = found.status ?? {};
    const wanted = found.spec?.replicas;
    const settled = [replicas, updatedReplicas, availableReplicas].every((n) => n === wanted);
    return settled && observedGeneration === found.metadata?.generation && found;
  });
}

export const deployments: readonly Clause[] = [
  {
    title: 'Deployment, completes the scaling of a Deployment subresource',
    run: async (w) => {
      await w.deployments.create(deploymentOf('web', 1));
      await w.ready(1);
      await complete(w, 'web');
      await scaleEndpoints(w, w.deployments, 'web', async (count) => {
        await w.ready(count);
        await complete(w, 'web');
      });
    },
  },
  {
    title: 'Deployment Recreate',
    run: async (w) => {
      await w.deployments.create(deploymentOf('web', 2, { strategy: { type: 'Recreate' } }));
      const before = (await w.ready(2)).map(nameOf);
      const seen = await w.record(w.pods);
      await w.deployments.patch('web', image('nginx:2'));
      await complete(w, 'web');
      const pods = await w.ready(2);
      w.t.ok(pods.every((pod) => pod.spec?.containers[0]?.image === 'nginx:2'));
      // Old and new never run side by side: the last old one is gone before the first new one is made.
      const order = seen.changes.map(({ type, object }) => [type, before.includes(nameOf(object))]);
      const lastOld = order.findLastIndex(([type, old]) => type === 'DELETED' && old);
      const firstNew = order.findIndex(([type, old]) => type === 'ADDED' && !old);
      w.t.ok(lastOld >= 0 && firstNew > lastOld, `${lastOld} before ${firstNew}`);
    },
  },
  {
    title: 'Deployment RollingUpdate',
    run: async (w) => {
      // It takes over the pods of a ReplicaSet that was there before it, and replaces them.
      await w.replicaSets.create({
        metadata: { name: 'before', labels: { app: 'web' }, annotations: { [REVISION]: '3' } },
        spec: {
          replicas: 1,
          selector: { matchLabels: { app: 'web' } },
          template: podTemplate('web', { containers: [{ name: 'main', image: 'httpd:1' }] }),
        },
      });
      await w.ready(1);
      await w.deployments.create(deploymentOf('web', 1));
      const web = await complete(w, 'web');
      w.t.equal(web.metadata?.annotations?.[REVISION], '4');
      const sets = await w.replicaSets.list();
      w.t.equal(sets.length, 2);
      w.t.same(
        sets.map((set) => set.metadata?.ownerReferences?.[0]?.name),
        ['web', 'web'],
      );
      w.t.equal(sets.find((set) => nameOf(set) === 'before')?.spec?.replicas, 0);
      const [pod] = await w.ready(1);
      w.t.equal(pod?.spec?.containers[0]?.image, 'nginx:1');
    },
  },
  {
    title: 'Deployment RevisionHistoryLimit',
    run: async (w) => {
      await w.deployments.create(deploymentOf('web', 1, { revisionHistoryLimit: 0 }));
      await complete(w, 'web');
      for (const tag of ['nginx:2', 'nginx:3']) {
        await w.deployments.patch('web', image(tag));
        await complete(w, 'web');
        await w.until('old ReplicaSets are gone', async () => {
          return (await w.replicaSets.list()).length === 1;
        });
      }
      const [left] = await w.replicaSets.list();
      w.t.equal(left?.spec?.template?.spec?.containers[0]?.image, 'nginx:3');
    },
  },
  {
    title: 'Deployment Proportional Scaling',
    run: async (w) => {
      const strategy = {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: 3, maxUnavailable: 2 },
      };
      await w.deployments.create(deploymentOf('web', 10, { strategy }));
      await complete(w, 'web');
      const sizes = async () => {
        const sets = await w.replicaSets.list();
        const sizeOf = (isNew: boolean) =>
          sets.find(
            (set) => (set.spec?.template?.spec?.containers[0]?.image === 'web:404') === isNew,
          )?.spec?.replicas;
        return [sizeOf(false), sizeOf(true)];
      };
      const reach = (old: number, fresh: number) =>
        w.until(`${old} old and ${fresh} new`, async () => {
          return (await sizes()).join() === [old, fresh].join();
        });
      await w.deployments.patch('web', {
        spec: {
          template: {
            metadata: { annotations: NEVER_PULLED },
            spec: podSpec({ containers: [{ name: 'main', image: 'web:404' }] }),
          },
        },
      });
      await reach(8, 5);
      await w.until('8 are available', async () => {
        return (await w.deployments.get('web')).status?.availableReplicas === 8;
      });
      // 20 more and 3 above, shared by size: 8/13 and 5/13 of 33.
      await w.deployments.patch('web', { spec: { replicas: 30 } });
      await reach(20, 13);
      w.t.same(await sizes(), [20, 13]);
    },
  },
  {
    title: 'Deployment Rollover',
    run: async (w) => {
      const strategy = {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
      };
      await w.deployments.create(deploymentOf('web', 2, { strategy }));
      await complete(w, 'web');
      await w.deployments.patch('web', {
        spec: {
          template: {
            metadata: { annotations: NEVER_PULLED },
            ...image('web:404').spec.template,
          },
        },
      });
      await w.until('the new pod is there, and stuck', async () => {
        const pods = await w.pods.list();
        return pods.some((pod) => pod.spec?.containers[0]?.image === 'web:404' && !isReady(pod));
      });
      await w.deployments.patch('web', {
        spec: {
          template: {
            metadata: { annotations: { 'drydock.dev/pull-error': null } },
            ...image('nginx:2').spec.template,
          },
        },
      });
      await complete(w, 'web');
      const pods = (await w.ready(2)).map((pod) => pod.spec?.containers[0]?.image);
      w.t.same(pods, ['nginx:2', 'nginx:2']);
      const old = (await w.replicaSets.list()).filter((set) => set.spec?.replicas === 0);
      w.t.equal(old.length, 2, 'what was and what never came are both at zero');
    },
  },
  {
    title: 'Deployment, completes the lifecycle of a Deployment',
    run: async (w) => {
      const seen = await w.record(w.deployments, 'app=web');
      await w.deployments.create(deploymentOf('web', 1));
      await w.ready(1);
      const patched = await w.deployments.patch('web', {
        metadata: { labels: { stage: 'patched' } },
        ...image('nginx:2'),
      });
      w.t.equal(patched.metadata?.labels?.['stage'], 'patched');
      await w.deployments.patch('web', { spec: { replicas: 2 } }, { subresource: 'scale' });
      await complete(w, 'web');
      await w.ready(2);
      w.t.equal((await w.deployments.list('stage=patched')).length, 1);
      const status = await w.deployments.get('web', 'status');
      w.t.equal(status.status?.readyReplicas, 2);
      await w.deployments.patch(
        'web',
        { metadata: { annotations: { by: 'status' } }, status: { readyReplicas: 2 } },
        { subresource: 'status' },
      );
      await w.deployments.delete('web');
      await w.gone(w.deployments, 'web');
      await w.until('its deletion is told', async () => seen.changes.at(-1)?.type === 'DELETED');
      w.t.equal(seen.changes[0]?.type, 'ADDED');
    },
  },
  {
    title: 'Deployment, status sub-resource',
    run: async (w) => {
      await w.deployments.create(deploymentOf('web', 1));
      const found = await complete(w, 'web');
      w.t.ok(has(found, 'Available'));
      w.t.equal(conditionOf(found, 'Progressing')?.reason, 'NewReplicaSetAvailable');
      await statusEndpoints(w, w.deployments, 'web');
      w.t.ok((await w.ready(1)).every((pod) => !isLeaving(pod)));
    },
  },
];
