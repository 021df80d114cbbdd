/** Pods as objects of the API, nodes that come, go and drive pods away, and watches that miss nothing. */
import type { V1ConfigMap, V1Pod, V1Taint } from '@kubernetes/client-node';
import { type Clause, has, podSpec, type World } from '../../support/clause.js';
import { remains } from '../../support/eventually.js';
import { isReady, nameOf } from '../../support/kube.js';
import type { Recording } from '../../support/objects.js';

const TAINT = (w: World): V1Taint => ({
  key: `evict-${w.namespace}`,
  value: 'yes',
  effect: 'NoExecute',
});

function pod(name: string, labels = {}, spec = {}): V1Pod {
  return { metadata: { name, labels }, spec: podSpec(spec) };
}

/** On that node, and for so long after the taint. */
function tolerant(w: World, name: string, node: string, tolerationSeconds?: number): V1Pod {
  const { key, effect } = TAINT(w);
  const toleration = { key, operator: 'Exists', effect, tolerationSeconds };
  return pod(
    name,
    {},
    {
      nodeSelector: { 'kubernetes.io/hostname': node },
      ...(tolerationSeconds === undefined ? {} : { tolerations: [toleration] }),
    },
  );
}

async function taint(w: World, node: string, isOn: boolean): Promise<void> {
  const mine = TAINT(w);
  await w.change(w.nodes, node, ({ spec }) => {
    const others = (spec?.taints ?? []).filter(({ key }) => key !== mine.key);
    if (spec) spec.taints = isOn ? [...others, mine] : others;
  });
}

const told = <T extends V1ConfigMap>({ changes }: Recording<T>) =>
  changes.map(({ type, object }) => `${type} ${object.data?.['n'] ?? '-'}`);

export const podsAndNodes: readonly Clause[] = [
  {
    title: 'Pods, lifecycle',
    run: async (w) => {
      const seen = await w.record(w.pods, 'time=now');
      await w.pods.create(pod('web', { time: 'now' }));
      w.t.same((await w.pods.list('time=now')).map(nameOf), ['web']);
      await w.ready(1);
      await w.pods.delete('web', { gracePeriodSeconds: 1 });
      await w.until('the deletion is told', async () => seen.changes.at(-1)?.type === 'DELETED');
      w.t.equal(seen.changes[0]?.type, 'ADDED');
      w.t.ok(seen.changes.some(({ object }) => object.metadata?.deletionTimestamp !== undefined));
      w.t.same(await w.pods.list('time=now'), []);
    },
  },
  {
    title: 'Pods, update',
    run: async (w) => {
      await w.pods.create(pod('web', { time: 'one' }));
      w.t.same((await w.pods.list('time=one')).map(nameOf), ['web']);
      await w.change(w.pods, 'web', ({ metadata }) => {
        if (metadata) metadata.labels = { time: 'two' };
      });
      w.t.same((await w.pods.list('time=two')).map(nameOf), ['web']);
      w.t.same(await w.pods.list('time=one'), []);
    },
  },
  {
    title: 'Pods, delete a collection',
    run: async (w) => {
      const names = ['a', 'b', 'c'];
      await Promise.all(names.map((name) => w.pods.create(pod(name, { set: 'mine' }))));
      w.t.same((await w.pods.list('set=mine')).map(nameOf).sort(), names);
      await w.pods.deleteCollection('set=mine');
      await w.until('none is left', async () => (await w.pods.list('set=mine')).length === 0);
    },
  },
  {
    title: 'Pods, patching status',
    run: async (w) => {
      await w.pods.create(pod('web'));
      await w.ready(1);
      const { status } = await w.pods.patch(
        'web',
        { status: { message: 'Patched by e2e test', reason: 'E2E' } },
        { subresource: 'status' },
      );
      w.t.match(status, { message: 'Patched by e2e test', reason: 'E2E', phase: 'Running' });
    },
  },
  {
    title: 'Pod Eviction, Toleration limits',
    run: async (w) => {
      const [node] = await w.liveNodes();
      const name = nameOf(node ?? {});
      await w.pods.create(tolerant(w, 'short', name, 1));
      await w.pods.create(tolerant(w, 'long', name, 6));
      await w.pods.create(tolerant(w, 'longest', name, 3600));
      await w.ready(3);
      await taint(w, name, true);
      try {
        await w.gone(w.pods, 'short');
        w.t.ok(await w.pods.find('long'), 'the other has time left');
        await w.gone(w.pods, 'long');
        w.t.ok(isReady(await w.pods.get('longest')));
      } finally {
        await taint(w, name, false);
      }
    },
  },
  {
    title: 'Taint, Pod Eviction on taint removal',
    run: async (w) => {
      const [, node] = await w.liveNodes();
      const name = nameOf(node ?? {});
      await w.pods.create(tolerant(w, 'stays', name, 3));
      const [before] = await w.ready(1);
      await taint(w, name, true);
      await taint(w, name, false);
      const uid = before?.metadata?.uid;
      await remains(
        'it is there',
        async () => {
          const { metadata } = await w.pods.get('stays');
          return metadata?.uid === uid && metadata?.deletionTimestamp === undefined;
        },
        5000,
      );
      w.t.ok(isReady(await w.pods.get('stays')));
    },
  },
  {
    title: 'Node, resource lifecycle',
    run: async (w) => {
      const name = `${w.namespace}-node`;
      const labels = { of: w.namespace };
      w.t.equal(nameOf(await w.nodes.create({ metadata: { name, labels } })), name);
      w.t.equal(nameOf(await w.nodes.get(name)), name);
      const patched = await w.nodes.patch(name, { metadata: { labels: { patched: 'true' } } });
      w.t.equal(patched.metadata?.labels?.['patched'], 'true');
      w.t.same((await w.nodes.list(`of=${w.namespace}`)).map(nameOf), [name]);
      const updated = await w.change(w.nodes, name, ({ metadata }) => {
        if (metadata) metadata.labels = { ...metadata.labels, updated: 'true' };
      });
      w.t.equal(updated.metadata?.labels?.['updated'], 'true');
      await w.nodes.delete(name);
      await w.gone(w.nodes, name);
    },
  },
];

export const cluster: readonly Clause[] = [
  {
    title: 'Conformance tests minimum number of nodes.',
    run: async (w) => {
      const open = await w.until('nodes that pods can be put on', async () => {
        const found = (await w.nodes.list()).filter(
          (node) =>
            node.spec?.unschedulable !== true &&
            has(node, 'Ready') &&
            (node.spec?.taints ?? []).every(({ effect }) => effect === 'PreferNoSchedule'),
        );
        return found.length >= 2 && found;
      });
      w.t.ok(open.length >= 2, `${open.length} nodes`);
    },
  },
];

export const watches: readonly Clause[] = [
  {
    title: 'watch-configmaps-with-multiple-watchers',
    run: async (w) => {
      const [a, b, either] = await Promise.all(
        ['w=a', 'w=b', 'w in (a,b)'].map((selector) => w.record(w.configMaps, selector)),
      );
      for (const name of ['a', 'b']) {
        await w.configMaps.create({
          metadata: { name, labels: { w: name } },
          data: { n: `${name}1` },
        });
        await w.configMaps.patch(name, { data: { n: `${name}2` } });
        await w.configMaps.delete(name);
      }
      const of = (name: string) => [`ADDED ${name}1`, `MODIFIED ${name}2`, `DELETED ${name}2`];
      await w.until('all is told', async () => either?.changes.length === 6);
      w.t.same(either && told(either), [...of('a'), ...of('b')]);
      w.t.same(a && told(a), of('a'));
      w.t.same(b && told(b), of('b'));
    },
  },
  {
    title: 'watch-configmaps-from-resource-version',
    run: async (w) => {
      await w.configMaps.create({ metadata: { name: 'c' }, data: { n: '1' } });
      const { metadata } = await w.configMaps.patch('c', { data: { n: '2' } });
      await w.configMaps.patch('c', { data: { n: '3' } });
      await w.configMaps.delete('c');
      const seen = await w.configMaps.record({ resourceVersion: metadata?.resourceVersion });
      w.t.teardown(() => seen.stop());
      await w.until('what came after is told', async () => seen.changes.length === 2);
      w.t.same(told(seen), ['MODIFIED 3', 'DELETED 3']);
    },
  },
  {
    title: 'watch-configmaps-closed-and-restarted',
    run: async (w) => {
      const first = await w.configMaps.record({ labelSelector: 'w=c' });
      await w.configMaps.create({ metadata: { name: 'c', labels: { w: 'c' } }, data: { n: '1' } });
      await w.configMaps.patch('c', { data: { n: '2' } });
      await w.until('two changes', async () => first.changes.length === 2);
      first.stop();
      await w.configMaps.patch('c', { data: { n: '3' } });
      await w.configMaps.delete('c');
      const last = first.changes.at(-1)?.object.metadata?.resourceVersion;
      const next = await w.configMaps.record({ labelSelector: 'w=c', resourceVersion: last });
      w.t.teardown(() => next.stop());
      await w.until('what was missed is told', async () => next.changes.length === 2);
      w.t.same(told(next), ['MODIFIED 3', 'DELETED 3']);
    },
  },
  {
    title: 'watch-configmaps-label-changed',
    run: async (w) => {
      const seen = await w.record(w.configMaps, 'w=c');
      const label = (value: string) => ({ metadata: { labels: { w: value } } });
      await w.configMaps.create({ metadata: { name: 'c', labels: { w: 'c' } }, data: { n: '1' } });
      await w.configMaps.patch('c', { data: { n: '2' } });
      await w.configMaps.patch('c', { ...label('other') });
      await w.configMaps.patch('c', { data: { n: '3' } });
      await w.configMaps.patch('c', label('c'));
      await w.configMaps.patch('c', { data: { n: '4' } });
      await w.configMaps.delete('c');
      await w.until('all is told', async () => seen.changes.length === 6);
      w.t.same(told(seen), [
        'ADDED 1',
        'MODIFIED 2',
        'DELETED 2',
        'ADDED 3',
        'MODIFIED 4',
        'DELETED 4',
      ]);
    },
  },
];
