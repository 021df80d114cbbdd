/**
 * What every stored resource can do, whatever its kind: the same steps for each. A resource that is added
 * without an example fails.
 */
import t from 'tap';
import { apiVersionOf, type UnstructuredObject } from '../../pkg/apimachinery/meta.js';
import { EXAMPLES } from '../testing/examples.js';
import { TestApi } from '../testing/test-api.js';
import { testResources } from '../testing/test-resources.js';
import type { ResourceDefinition, Verb } from './resource.js';

const ALL: readonly Verb[] = [
  'create',
  'get',
  'list',
  'watch',
  'update',
  'patch',
  'delete',
  'deletecollection',
];
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

function pathOf({ group, version, resource, namespaced }: ResourceDefinition): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespaced ? '/namespaces/default' : ''}/${resource}`;
}

t.test('every resource', async (t) => {
  const api = await TestApi.start({ definitions: testResources });
  t.teardown(() => api.stop());
  for (const definition of api.stores.definitions) {
    if (definition.virtual) continue;
    const { group, version, kind, resource } = definition;
    const id = group === '' ? resource : `${resource}.${group}`;
    const shown = definition.storage && 'from' in definition.storage ? ' (shown)' : '';
    await t.test(`${version} ${id}${shown}`, async (t) => {
      const example = EXAMPLES[id];
      if (!example) return t.fail('has no example');
      const verbs = definition.verbs ?? ALL;
      const { name = shown ? 'example-shown' : 'example', ...fields } = example;
      const path = pathOf(definition);
      const one = `${path}/${name}`;
      const apiVersion = apiVersionOf(definition);
      const sent: UnstructuredObject = {
        apiVersion,
        kind,
        metadata: { name, labels: { test: 'every' } },
        ...fields,
      };

      const watch = await api.watch(`${path}?watch=true&fieldSelector=metadata.name%3D${name}`);
      const created = await api.post(path, sent);
      if (!t.equal(created.code, 201, created.text.slice(0, 500))) return watch.close();
      t.match(created.body, {
        apiVersion,
        kind,
        metadata: { name, uid: /./, resourceVersion: /./ },
      });
      t.match(await watch.next(), {
        type: 'ADDED',
        object: { apiVersion, kind, metadata: { name } },
      });

      const got = await api.get(one);
      t.same(got.body, created.body, 'is read as it was written');
      const listed = await api.get(`${path}?labelSelector=test%3Devery`);
      t.match(listed.body, { kind: `${kind}List`, apiVersion, items: [{ metadata: { name } }] });

      const table = await api.get(one, { accept: TABLE });
      const { columnDefinitions = [], rows = [] } = table.body as {
        columnDefinitions?: unknown[];
        rows?: { cells: unknown[] }[];
      };
      t.equal(table.body.kind, 'Table');
      t.equal(rows[0]?.cells.length, columnDefinitions.length, 'a cell for each column');

      if (verbs.includes('update')) {
        const same = await api.put(one, got.body);
        t.equal(same.code, 200, same.text.slice(0, 500));
        t.equal(
          same.body.metadata?.resourceVersion,
          got.body.metadata?.resourceVersion,
          'no change, no write',
        );
        const stale = await api.put(one, {
          ...got.body,
          metadata: { ...got.body.metadata, resourceVersion: '1' },
        });
        t.match(stale.body, { code: 409, reason: 'Conflict' });
      }
      if (verbs.includes('patch')) {
        const patched = await api.patch(one, { metadata: { annotations: { patched: 'yes' } } });
        t.equal(patched.code, 200, patched.text.slice(0, 500));
        t.match(await watch.next(), {
          type: 'MODIFIED',
          object: { metadata: { annotations: { patched: 'yes' } } },
        });
        const applied = await api.apply(
          one,
          { apiVersion, kind, metadata: { name, annotations: { applied: 'yes' } } },
          'applier',
        );
        t.equal(applied.code, 200, applied.text.slice(0, 500));
        t.match(applied.body.metadata, { annotations: { patched: 'yes', applied: 'yes' } });
        t.match(await watch.next(), { type: 'MODIFIED' });
        const strategic = await api.patch(
          one,
          { metadata: { labels: { more: 'x' } } },
          'application/strategic-merge-patch+json',
        );
        t.equal(strategic.code, 200, strategic.text.slice(0, 500));
        t.match(await watch.next(), { type: 'MODIFIED' });
      }
      if (definition.strategy.status) {
        const status = await api.get(`${one}/status`);
        t.equal(status.code, 200);
        const written = await api.put(`${one}/status`, status.body);
        t.equal(written.code, 200, written.text.slice(0, 500));
      }
      if (definition.scale)
        t.match((await api.get(`${one}/scale`)).body, { kind: 'Scale', spec: {}, status: {} });
      const unknown = await api.post(`${path}?fieldValidation=Strict&dryRun=All`, {
        ...sent,
        metadata: { name: 'x' },
        nonsense: 1,
      });
      t.match(unknown.body, { code: 400, message: /unknown field "nonsense"/ });

      const deleted = await api.delete(one);
      t.ok(deleted.code === 200 || deleted.code === 202, deleted.text.slice(0, 500));
      t.match((await watch.next())?.type, /DELETED|MODIFIED/);
      watch.close();
    });
  }
});
