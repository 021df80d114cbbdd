/** DaemonSets: a pod a node, updates and ways back, endpoints; and the revisions that they keep. */
import type { V1ControllerRevision, V1DaemonSet, V1Pod } from '@kubernetes/client-node';
import {
  type Clause,
  controllerOf,
  isStaying,
  podSpec,
  podTemplate,
  type World,
} from '../../support/clause.js';
import { isReady, nameOf } from '../../support/kube.js';
import { statusEndpoints } from './endpoints.js';

function daemons(name: string, nodeSelector?: Record<string, string>): V1DaemonSet {
  return {
    metadata: { name, labels: { app: name } },
    spec: {
      selector: { matchLabels: { app: name } },
      updateStrategy: { type: 'RollingUpdate' },
      template: podTemplate(name, nodeSelector === undefined ? {} : { nodeSelector }),
    },
  };
}

const image = (name: string) => ({
  spec: { template: { spec: podSpec({ containers: [{ name: 'main', image: name }] }) } },
});
const imageOf = (pod: V1Pod) => pod.spec?.containers[0]?.image;

/** One Ready pod on each of the nodes, and nothing else; of that image, where one is named. */
function runsOn(w: World, nodes: readonly string[], of?: string): Promise<V1Pod[]> {
  return w.until(`a pod on each of ${nodes}`, async () => {
    const pods = (await w.pods.list('app=agent')).filter(isStaying);
    const places = pods.map((pod) => pod.spec?.nodeName).sort();
    const right = pods.every((pod) => isReady(pod) && (of === undefined || imageOf(pod) === of));
    return right && places.join() === [...nodes].sort().join() && pods;
  });
}

async function nodeNames({ nodes }: World): Promise<string[]> {
  return (await nodes.list()).map(nameOf);
}

export const daemonSets: readonly Clause[] = [
  {
    title: 'DaemonSet, list and delete a collection of DaemonSets',
    run: async (w) => {
      await w.daemonSets.create(daemons('agent'));
      await runsOn(w, await nodeNames(w));
      w.t.same((await w.daemonSets.list('app=agent')).map(nameOf), ['agent']);
      await w.daemonSets.deleteCollection('app=agent');
      await w.gone(w.daemonSets, 'agent');
      await w.until('its pods are gone', async () => (await w.pods.list('app=agent')).length === 0);
    },
  },
  {
    title: 'DaemonSet-FailedPodCreation',
    run: async (w) => {
      await w.daemonSets.create(daemons('agent'));
      const nodes = await nodeNames(w);
      const [pod] = await runsOn(w, nodes);
      if (pod === undefined) throw new Error('no pod');
      await w.pods.patch(nameOf(pod), { status: { phase: 'Failed' } }, { subresource: 'status' });
      await w.until('the failed pod is gone', async () => {
        return (await w.pods.find(nameOf(pod)))?.metadata?.uid !== pod.metadata?.uid;
      });
      const after = await runsOn(w, nodes);
      w.t.notOk(after.some(({ metadata }) => metadata?.uid === pod.metadata?.uid));
    },
  },
  {
    title: 'DaemonSet-Rollback',
    run: async (w) => {
      await w.daemonSets.create(daemons('agent'));
      const nodes = await nodeNames(w);
      const before = await runsOn(w, nodes);
      await w.daemonSets.patch('agent', {
        spec: {
          template: {
            metadata: { annotations: { 'drydock.dev/pull-error': 'no such image' } },
            ...image('agent:404').spec.template,
          },
        },
      });
      const kept = await w.until('the update is stuck at its first node', async () => {
        const pods = (await w.pods.list('app=agent')).filter(isStaying);
        const stuck = pods.filter((pod) => imageOf(pod) === 'agent:404');
        return (
          stuck.length === 1 && !stuck.some(isReady) && pods.filter((pod) => !stuck.includes(pod))
        );
      });
      await w.daemonSets.patch('agent', {
        spec: {
          template: {
            metadata: { annotations: { 'drydock.dev/pull-error': null } },
            ...image('nginx:1').spec.template,
          },
        },
      });
      const after = await runsOn(w, nodes, 'nginx:1');
      const uids = after.map(({ metadata }) => metadata?.uid);
      w.t.equal(kept.length, nodes.length - 1);
      for (const pod of kept) {
        w.t.ok(uids.includes(pod.metadata?.uid), `${nameOf(pod)} was not touched`);
        const same = after.find(({ metadata }) => metadata?.uid === pod.metadata?.uid);
        w.t.equal(same?.status?.containerStatuses?.[0]?.restartCount, 0);
      }
      w.t.equal(before.length, nodes.length);
    },
  },
  {
    title: 'DaemonSet-NodeSelection',
    run: async (w) => {
      const label = `clause/${w.namespace}`;
      const [node] = await nodeNames(w);
      if (node === undefined) throw new Error('no node');
      const paint = (color: string | null) =>
        w.nodes.patch(node, { metadata: { labels: { [label]: color } } });
      await w.daemonSets.create(daemons('agent', { [label]: 'blue' }));
      await w.until('it is seen', async () => {
        return (await w.daemonSets.get('agent')).status?.observedGeneration === 1;
      });
      await runsOn(w, []);
      await paint('blue');
      await runsOn(w, [node]);
      await paint('green');
      await runsOn(w, []);
      await w.daemonSets.patch('agent', {
        spec: { template: { spec: { nodeSelector: { [label]: 'green' } } } },
      });
      await runsOn(w, [node]);
      await paint(null);
      await runsOn(w, []);
    },
  },
  {
    title: 'DaemonSet-Creation',
    run: async (w) => {
      await w.daemonSets.create(daemons('agent'));
      const nodes = await nodeNames(w);
      const [pod] = await runsOn(w, nodes);
      w.t.equal(controllerOf(pod ?? {}), 'agent');
      await w.pods.delete(nameOf(pod ?? {}));
      await w.gone(w.pods, nameOf(pod ?? {}));
      const after = await runsOn(w, nodes);
      w.t.notOk(after.some(({ metadata }) => metadata?.uid === pod?.metadata?.uid));
    },
  },
  {
    title: 'DaemonSet-RollingUpdate',
    run: async (w) => {
      await w.daemonSets.create(daemons('agent'));
      const nodes = await nodeNames(w);
      await runsOn(w, nodes, 'nginx:1');
      await w.daemonSets.patch('agent', image('nginx:2'));
      const pods = await runsOn(w, nodes, 'nginx:2');
      const revisions = await w.revisions.list('app=agent');
      w.t.equal(revisions.length, 2);
      const newest = revisions.find(({ revision }) => revision === 2);
      const hash = newest?.metadata?.labels?.['controller-revision-hash'];
      w.t.ok(hash);
      for (const pod of pods) w.t.equal(pod.metadata?.labels?.['controller-revision-hash'], hash);
    },
  },
  {
    title: 'DaemonSet, status sub-resource',
    run: async (w) => {
      await w.daemonSets.create(daemons('agent'));
      await runsOn(w, await nodeNames(w));
      await statusEndpoints(w, w.daemonSets, 'agent');
    },
  },
  {
    title: 'ControllerRevision, resource lifecycle',
    run: async (w) => {
      await w.daemonSets.create(daemons('agent'));
      const nodes = await nodeNames(w);
      await runsOn(w, nodes);
      const count = (selector: string, wanted: number) =>
        w.until(`${wanted} of ${selector}`, async () => {
          const found = await w.revisions.list(selector);
          return found.length === wanted && found;
        });
      const [first] = await count('app=agent', 1);
      if (first === undefined) throw new Error('no revision');
      const name = nameOf(first);
      const patched = await w.revisions.patch(name, {
        metadata: { labels: { [name]: 'patched' } },
      });
      w.t.equal(patched.metadata?.labels?.[name], 'patched');

      const copy: V1ControllerRevision = {
        apiVersion: 'apps/v1',
        kind: 'ControllerRevision',
        metadata: {
          name: 'by-hand',
          labels: first.metadata?.labels ?? {},
          ownerReferences: first.metadata?.ownerReferences ?? [],
        },
        data: first.data ?? {},
        revision: first.revision + 1,
      };
      await w.revisions.create(copy);
      await count('app=agent', 2);
      await w.revisions.delete(name);
      await count('app=agent', 1);

      const updated = await w.change(w.revisions, 'by-hand', ({ metadata }) => {
        if (metadata) metadata.labels = { ...metadata.labels, 'by-hand': 'updated' };
      });
      w.t.equal(updated.metadata?.labels?.['by-hand'], 'updated');
      await count('by-hand=updated', 1);

      await w.daemonSets.patch('agent', {
        spec: { template: { spec: { terminationGracePeriodSeconds: 1 } } },
      });
      await count('app=agent', 2);
      await w.revisions.deleteCollection('by-hand=updated');
      const [left] = await count('app=agent', 1);
      w.t.equal(left?.revision, 3);
    },
  },
];
