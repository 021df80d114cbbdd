/** StatefulSets: order, bursts, updates in parts and back, pods made again, endpoints. */
import {
  PatchStrategy,
  type V1Pod,
  type V1StatefulSet,
  type V1StatefulSetSpec,
} from '@kubernetes/client-node';
import {
  type Clause,
  conditionOf,
  isStaying,
  podSpec,
  podTemplate,
  type World,
} from '../../support/clause.js';
import { remains } from '../../support/eventually.js';
import { isReady, nameOf } from '../../support/kube.js';
import { collectionEndpoints, scaleEndpoints, statusEndpoints } from './endpoints.js';

/** A pod is Ready when the test says so, by this condition of its status. */
const GATE = 'drydock.dev/healthy';
const HALT_MS = 1500;

function setOf(
  name: string,
  replicas: number,
  spec: Partial<V1StatefulSetSpec> = {},
): V1StatefulSet {
  const selector = { matchLabels: { app: name } };
  const template = podTemplate(name);
  return {
    metadata: { name, labels: { app: name } },
    spec: { replicas, serviceName: name, selector, template, ...spec },
  };
}

function gatedSet(name: string, replicas: number, spec: Partial<V1StatefulSetSpec> = {}) {
  const template = podTemplate(name, { readinessGates: [{ conditionType: GATE }] });
  return setOf(name, replicas, { template, ...spec });
}

const image = (name: string) => ({
  spec: { template: { spec: podSpec({ containers: [{ name: 'main', image: name }] }) } },
});
const imageOf = (pod: V1Pod) => pod.spec?.containers[0]?.image;
const revisionOf = (pod: V1Pod) => pod.metadata?.labels?.['controller-revision-hash'];

async function claimHealth({ pods }: World, name: string, status: 'True' | 'False') {
  const body = { status: { conditions: [{ type: GATE, status }] } };
  // A merge patch would replace the whole list.
  await pods.patch(name, body, {
    subresource: 'status',
    as: PatchStrategy.StrategicMergePatch,
  });
}

async function setHealth(w: World, name: string, status: 'True' | 'False') {
  const { pods, until } = w;
  await until(`${name} is running`, async () => {
    return (await pods.find(name))?.status?.phase === 'Running';
  });
  await claimHealth(w, name, status);
  await until(`${name} is Ready: ${status}`, async () => {
    return isReady(await pods.get(name)) === (status === 'True');
  });
}

async function namesOf({ pods }: World): Promise<string[]> {
  return (await pods.list('app=web')).filter(isStaying).map(nameOf).sort();
}

/** Nothing but these pods is there, now and for a while. */
async function halts(w: World, names: readonly string[]): Promise<void> {
  await w.until(`pods ${names}`, async () => (await namesOf(w)).join() === names.join());
  await remains(`only ${names}`, async () => (await namesOf(w)).join() === names.join(), HALT_MS);
}

function settled({ statefulSets, until }: World, count: number): Promise<V1StatefulSet> {
  return until(`${count} replicas are settled`, async () => {
    const set = await statefulSets.get('web');
    const { replicas, readyReplicas = 0, observedGeneration } = set.status ?? {};
    const seen = observedGeneration === set.metadata?.generation;
    return seen && replicas === count && readyReplicas === count && set;
  });
}

/** All pods are of one revision, and the status says so. */
function updated({ statefulSets, until }: World): Promise<V1StatefulSet> {
  return until('one revision is left', async () => {
    const set = await statefulSets.get('web');
    const { currentRevision, updateRevision, readyReplicas, observedGeneration } = set.status ?? {};
    const seen = observedGeneration === set.metadata?.generation;
    const ready = readyReplicas === set.spec?.replicas;
    return seen && ready && currentRevision === updateRevision && set;
  });
}

function imagesAre(w: World, wanted: Record<string, string>): Promise<unknown> {
  return w.until(`images ${JSON.stringify(wanted)}`, async () => {
    const pods = (await w.pods.list('app=web')).filter(isStaying);
    const images = Object.fromEntries(pods.map((pod) => [nameOf(pod), imageOf(pod)]));
    return (
      pods.every(isReady) &&
      Object.keys(images).length === Object.keys(wanted).length &&
      Object.entries(wanted).every(([name, of]) => images[name] === of)
    );
  });
}

export const statefulSets: readonly Clause[] = [
  {
    title: 'StatefulSet, Burst Scaling',
    run: async (w) => {
      await w.statefulSets.create(gatedSet('web', 2, { podManagementPolicy: 'Parallel' }));
      await halts(w, ['web-0', 'web-1']);
      w.t.notOk((await w.pods.list('app=web')).some(isReady), 'neither waited for the other');
      await w.statefulSets.patch('web', { spec: { replicas: 4 } });
      await halts(w, ['web-0', 'web-1', 'web-2', 'web-3']);
      w.t.notOk((await w.pods.list('app=web')).some(isReady));
      await w.statefulSets.patch('web', { spec: { replicas: 0 } });
      await w.until('all are gone', async () => (await w.pods.list('app=web')).length === 0);
      await w.until('the status says so', async () => {
        return (await w.statefulSets.get('web')).status?.replicas === 0;
      });
    },
  },
  {
    title: 'StatefulSet, Scaling',
    run: async (w) => {
      const seen = await w.record(w.pods, 'app=web');
      await w.statefulSets.create(gatedSet('web', 3));
      await halts(w, ['web-0']);
      await setHealth(w, 'web-0', 'True');
      await halts(w, ['web-0', 'web-1']);
      await setHealth(w, 'web-1', 'True');
      await setHealth(w, 'web-2', 'True');
      await settled(w, 3);
      const made = seen.changes.filter(({ type }) => type === 'ADDED').map(({ object }) => object);
      w.t.same(made.map(nameOf), ['web-0', 'web-1', 'web-2']);

      await setHealth(w, 'web-0', 'False');
      await w.statefulSets.patch('web', { spec: { replicas: 4 } });
      await halts(w, ['web-0', 'web-1', 'web-2']);
      await setHealth(w, 'web-0', 'True');
      await setHealth(w, 'web-3', 'True');
      await settled(w, 4);

      const all = ['web-0', 'web-1', 'web-2', 'web-3'];
      await Promise.all(all.map((name) => setHealth(w, name, 'False')));
      await w.statefulSets.patch('web', { spec: { replicas: 0 } });
      await halts(w, all);
      // Each waits for its own health; the lowest that is not healthy goes without.
      for (const name of ['web-3', 'web-2', 'web-1']) {
        await claimHealth(w, name, 'True');
        await w.gone(w.pods, name);
      }
      await w.until('all are gone', async () => (await w.pods.list('app=web')).length === 0);
      const order = () => {
        const gone = seen.changes.filter(({ type }) => type === 'DELETED');
        return gone.map(({ object }) => nameOf(object)).join();
      };
      await w.until('all deletions are told', async () => order().includes('web-0'));
      w.t.equal(order(), 'web-3,web-2,web-1,web-0');
    },
  },
  {
    title: 'StatefulSet, Recreate Failed Pod',
    run: async (w) => {
      // Both want the same port of the same node, and a pod put there by hand is refused by its kubelet.
      const [node] = await w.liveNodes();
      const nodeName = nameOf(node ?? {});
      const containers = [
        { name: 'main', image: 'nginx:1', ports: [{ containerPort: 21017, hostPort: 21017 }] },
      ];
      await w.pods.create({ metadata: { name: 'first' }, spec: podSpec({ nodeName, containers }) });
      await w.ready(1);
      const seen = await w.record(w.pods, 'app=web');
      const template = podTemplate('web', { nodeName, containers });
      await w.statefulSets.create(setOf('web', 1, { template }));
      const failed = await w.until('a pod of it is refused and removed', async () => {
        const ofFailure = seen.changes.find(({ object }) => object.status?.phase === 'Failed');
        const uid = ofFailure?.object.metadata?.uid;
        const deleted = seen.changes.some(
          ({ type, object }) => type === 'DELETED' && object.metadata?.uid === uid,
        );
        return deleted && ofFailure?.object;
      });
      w.t.equal(nameOf(failed), 'web-0');
      await w.pods.delete('first');
      const [pod] = await w.ready(1, 'app=web');
      w.t.equal(nameOf(pod ?? {}), 'web-0');
      w.t.not(pod?.metadata?.uid, failed.metadata?.uid);
    },
  },
  {
    title: 'StatefulSet resource Replica scaling',
    run: async (w) => {
      await w.statefulSets.create(setOf('web', 1));
      await settled(w, 1);
      await scaleEndpoints(w, w.statefulSets, 'web', (count) => settled(w, count));
    },
  },
  {
    title: 'StatefulSet, list, patch and delete a collection of StatefulSets',
    run: async (w) => {
      await w.statefulSets.create(setOf('web', 1));
      await settled(w, 1);
      const patched = await w.statefulSets.patch('web', {
        metadata: { labels: { stage: 'patched' } },
        spec: { replicas: 2, ...image('nginx:2').spec },
      });
      w.t.equal(patched.metadata?.labels?.['stage'], 'patched');
      await updated(w);
      const pods = await w.ready(2, 'app=web');
      w.t.same(pods.map(imageOf), ['nginx:2', 'nginx:2']);
      w.t.same((await w.statefulSets.list('stage=patched')).map(nameOf), ['web']);
      await w.statefulSets.deleteCollection('stage=patched');
      await w.gone(w.statefulSets, 'web');
      await collectionEndpoints(
        w,
        w.statefulSets,
        ['x', 'y'].map((name) => ({
          ...setOf(name, 1),
          metadata: { name, labels: { set: 'mine' } },
        })),
        'set=mine',
      );
    },
  },
  {
    title: 'StatefulSet, Rolling Update with Partition',
    run: async (w) => {
      const partitioned = (partition: number) => ({
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } },
      });
      await w.statefulSets.create(setOf('web', 3, partitioned(3)));
      const { status } = await settled(w, 3);
      const old = status?.currentRevision;
      w.t.equal(status?.updateRevision, old);
      await w.statefulSets.patch('web', image('nginx:2'));
      const next = await w.until('a new revision', async () => {
        const { updateRevision } = (await w.statefulSets.get('web')).status ?? {};
        return updateRevision !== old && updateRevision;
      });
      const all = { 'web-0': 'nginx:1', 'web-1': 'nginx:1', 'web-2': 'nginx:1' };
      await imagesAre(w, all);

      await w.statefulSets.patch('web', { spec: partitioned(2) });
      await imagesAre(w, { ...all, 'web-2': 'nginx:2' });
      const canary = (await w.pods.list('app=web')).map((pod) => [nameOf(pod), revisionOf(pod)]);
      w.t.same(canary.sort(), [
        ['web-0', old],
        ['web-1', old],
        ['web-2', next],
      ]);

      // Made again, each is of the side of the partition that it is on.
      const before = new Map((await w.pods.list('app=web')).map((pod) => [nameOf(pod), pod]));
      await Promise.all(['web-0', 'web-2'].map((name) => w.pods.delete(name)));
      await w.until('both are made again', async () => {
        const pods = await w.pods.list('app=web');
        const uids = new Map(pods.map((pod) => [nameOf(pod), pod.metadata?.uid]));
        return ['web-0', 'web-2'].every((name) => {
          const uid = uids.get(name);
          return uid !== undefined && uid !== before.get(name)?.metadata?.uid;
        });
      });
      await imagesAre(w, { ...all, 'web-2': 'nginx:2' });

      await w.statefulSets.patch('web', { spec: partitioned(1) });
      await imagesAre(w, { ...all, 'web-1': 'nginx:2', 'web-2': 'nginx:2' });
      await w.statefulSets.patch('web', { spec: partitioned(0) });
      const done = await updated(w);
      w.t.equal(done.status?.currentRevision, next);
      await imagesAre(w, { 'web-0': 'nginx:2', 'web-1': 'nginx:2', 'web-2': 'nginx:2' });
    },
  },
  {
    title: 'StatefulSet, Rolling Update',
    run: async (w) => {
      await w.statefulSets.create(setOf('web', 3));
      const first = (await settled(w, 3)).status?.currentRevision;
      const seen = await w.record(w.pods, 'app=web');
      await w.statefulSets.patch('web', image('nginx:2'));
      const second = (await updated(w)).status?.currentRevision;
      w.t.not(second, first);
      await imagesAre(w, { 'web-0': 'nginx:2', 'web-1': 'nginx:2', 'web-2': 'nginx:2' });
      const gone = seen.changes.filter(({ type }) => type === 'DELETED');
      w.t.same(
        gone.map(({ object }) => nameOf(object)),
        ['web-2', 'web-1', 'web-0'],
        'one by one, the last first',
      );
      // Back to what was: the revision that is there is used again.
      await w.statefulSets.patch('web', image('nginx:1'));
      await w.until('it is on its way', async () => {
        return (await w.statefulSets.get('web')).status?.updateRevision === first;
      });
      await updated(w);
      await imagesAre(w, { 'web-0': 'nginx:1', 'web-1': 'nginx:1', 'web-2': 'nginx:1' });
      const revisions = await w.revisions.list();
      w.t.same(revisions.map(nameOf).sort(), [first, second].sort());
      w.t.equal(revisions.find((each) => nameOf(each) === first)?.revision, 3);
      w.t.ok((await w.ready(3, 'app=web')).every((pod) => revisionOf(pod) === first));
      w.t.equal(conditionOf(await w.pods.get('web-0'), 'Ready')?.status, 'True');
    },
  },
  {
    title: 'StatefulSet, status sub-resource',
    run: async (w) => {
      await w.statefulSets.create(setOf('web', 1));
      await settled(w, 1);
      await statusEndpoints(w, w.statefulSets, 'web');
    },
  },
];
