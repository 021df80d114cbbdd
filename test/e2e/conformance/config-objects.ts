/** ConfigMaps and Secrets as objects: their life, what they may be called, and what may not change. */
import {
  type KubernetesObject,
  PatchStrategy,
  type V1ConfigMap,
  type V1Secret,
} from '@kubernetes/client-node';
import type { Clause, World } from '../../support/clause.js';
import { failureOf, nameOf } from '../../support/kube.js';
import type { Resource } from '../../support/objects.js';

type Data = KubernetesObject & { data?: Record<string, string>; immutable?: boolean };

const base64 = (text: string) => Buffer.from(text).toString('base64');

export const secrets = (w: World): Resource<V1Secret> => w.at('v1', 'secrets');

/** Data may change until it is marked, then never again; labels may, and so may its being there. */
async function immutability(w: World, resource: Resource<Data>): Promise<void> {
  const value = (text: string) => ({ 'data-1': base64(text) });
  await resource.create({ metadata: { name: 'one' }, data: value('one') });
  await w.change(resource, 'one', (found) => Object.assign(found, { data: value('two') }));
  w.t.same((await resource.get('one')).data, value('two'));
  await w.change(resource, 'one', (found) => Object.assign(found, { immutable: true }));
  const marked = await resource.get('one');
  w.t.equal(marked.immutable, true);
  const forbidden = { code: 422, reason: 'Invalid', message: /is set/ };
  const changed = { ...marked, data: value('three') };
  w.t.match(await failureOf(resource.replace(changed)), forbidden);
  w.t.match(await failureOf(resource.replace({ ...marked, immutable: false })), forbidden);
  w.t.same((await resource.get('one')).data, value('two'));
  await w.change(resource, 'one', ({ metadata }) => {
    if (metadata) metadata.labels = { label: 'new' };
  });
  w.t.equal((await resource.get('one')).metadata?.labels?.['label'], 'new');
  await resource.delete('one');
  await w.gone(resource, 'one');
}

async function emptyKey(w: World, resource: Resource<Data>): Promise<void> {
  const body = { metadata: { name: 'empty' }, data: { '': base64('value-1') } };
  w.t.match(await failureOf(resource.create(body)), { code: 422, reason: 'Invalid' });
  w.t.equal(await resource.find('empty'), undefined);
}

export const configObjects: readonly Clause[] = [
  {
    title: 'ConfigMap lifecycle',
    run: async (w) => {
      const labels = { static: 'yes' };
      const seen = await w.record(w.configMaps, 'static=yes');
      await w.configMaps.create({ metadata: { name: 'one', labels }, data: { value: 'first' } });
      const patch = { metadata: { labels: { patched: 'yes' } }, data: { value: 'second' } };
      await w.configMaps.patch('one', patch, { as: PatchStrategy.StrategicMergePatch });
      const found = await w.configMaps.get('one');
      w.t.same(found.data, { value: 'second' });
      w.t.same(found.metadata?.labels, { ...labels, patched: 'yes' });
      const everywhere = await w.all<V1ConfigMap>('v1', 'configmaps').list('static=yes');
      const mine = everywhere.filter(({ metadata }) => metadata?.namespace === w.namespace);
      w.t.match(mine, [{ metadata: { name: 'one' }, data: { value: 'second' } }]);
      await w.configMaps.deleteCollection('static=yes');
      await w.until('its deletion is told', async () => seen.changes.at(-1)?.type === 'DELETED');
      w.t.same(await w.configMaps.list('static=yes'), []);
    },
  },
  {
    title: 'ConfigMap Update',
    run: async (w) => {
      await w.configMaps.create({ metadata: { name: 'one' }, data: { key: 'value' } });
      await w.change(w.configMaps, 'one', (found) => {
        found.data = { key: 'other', more: 'value' };
      });
      w.t.same((await w.configMaps.get('one')).data, { key: 'other', more: 'value' });
    },
  },
  { title: 'ConfigMap, with empty-key', run: (w) => emptyKey(w, w.configMaps) },
  { title: 'Secrets, with empty-key', run: (w) => emptyKey(w, secrets(w)) },
  { title: 'ConfigMap Volume, immutability', run: (w) => immutability(w, w.configMaps) },
  { title: 'Secrets Volume, immutability', run: (w) => immutability(w, secrets(w)) },
  {
    title: 'Secret patching',
    run: async (w) => {
      const labels = { static: 'yes' };
      w.t.same((await secrets(w).list('static=yes')).map(nameOf), []);
      const data = { key: base64('value') };
      await secrets(w).create({ metadata: { name: 'one', labels }, data });
      const all = await w.all<V1Secret>('v1', 'secrets').list('static=yes');
      w.t.ok(all.some(({ metadata }) => metadata?.namespace === w.namespace));
      const patch = { metadata: { labels: { patched: 'yes' } }, data: { key: base64('value1') } };
      await secrets(w).patch('one', patch, { as: PatchStrategy.StrategicMergePatch });
      const found = await secrets(w).get('one');
      w.t.equal(found.metadata?.labels?.['patched'], 'yes');
      w.t.same(found.data, { key: base64('value1') });
      await secrets(w).deleteCollection('static=yes');
      w.t.same(await secrets(w).list('static=yes'), []);
    },
  },
];
