/** Definitions of custom resources: their life, their defaults, their versions, and how their objects are chosen. */
import { HttpMethod, type KubernetesObject, ListWatch, Watch } from '@kubernetes/client-node';
import type { Clause, World } from '../../support/clause.js';
import { nameOf } from '../../support/kube.js';
import type { Recording } from '../../support/objects.js';
import { WebhookServer } from '../../support/webhook-server.js';
import {
  type Custom,
  custom,
  customs,
  type Definition,
  define,
  definition,
  definitions,
  established,
} from './custom.js';

interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string }[];
}

const TEXT = { type: 'string' };

/** `host` and `port` of v2 are `hostPort` in v1; of v1 first, as it is the stored one. */
const HOSTS = [
  {
    name: 'v1',
    schema: { type: 'object', properties: { hostPort: TEXT } },
    selectableFields: [{ jsonPath: '.hostPort' }],
  },
  {
    name: 'v2',
    schema: { type: 'object', properties: { host: TEXT, port: TEXT } },
    selectableFields: [{ jsonPath: '.host' }, { jsonPath: '.port' }],
  },
];

async function hosts(w: World): Promise<Definition> {
  const hooks = await WebhookServer.start(w.t, w.cluster);
  const clientConfig = hooks.convert('/convert', convertHost);
  const webhook = { conversionReviewVersions: ['v1'], clientConfig };
  const body = definition(w, { versions: HOSTS, conversion: { strategy: 'Webhook', webhook } });
  await define(w, body);
  return body;
}

function convertHost(object: KubernetesObject): Custom {
  const { hostPort, host, port, ...rest }: Custom = { ...object };
  if (object.apiVersion?.endsWith('/v1')) {
    return { ...rest, ...(host === undefined ? {} : { hostPort: `${host}:${port ?? ''}` }) };
  }
  const [before, after] = String(hostPort ?? '').split(':');
  return { ...rest, host: before, port: after };
}

/** The names that a watch told of, by what it told. */
function told({ changes }: Recording<Custom>, kind: string): string[] {
  return changes.flatMap(({ type, object }) => (type === kind ? [nameOf(object)] : [])).sort();
}

const typesOf = (seen: Recording<Definition>) => new Set(seen.changes.map(({ type }) => type));

/** An informer of the client library over what the selector chooses. */
async function inform(w: World, body: Definition, fieldSelector: string) {
  const { path } = customs(w, body, 'v2');
  type List = { apiVersion: string; kind: string; metadata: object; items: Custom[] };
  const query = { fieldSelector };
  const list = () => w.objects.send<List>({ method: HttpMethod.GET, path, query });
  const watch = new Watch(w.objects.config);
  const informer = new ListWatch<Custom>(path, watch, list, false, undefined, fieldSelector);
  const added = new Set<string>();
  const deleted = new Set<string>();
  informer.on('add', (object) => added.add(nameOf(object)));
  informer.on('delete', (object) => deleted.add(nameOf(object)));
  await informer.start();
  w.t.teardown(() => informer.stop());
  return { added, deleted };
}

export const customDefinitions: readonly Clause[] = [
  {
    title: 'Custom Resource Definition, create',
    run: async (w) => {
      const body = definition(w);
      const created = await define(w, body);
      w.t.match(created.spec.names, body.spec.names);
      await definitions(w).delete(nameOf(created));
      await w.gone(definitions(w), nameOf(created));
    },
  },
  {
    title: 'Custom Resource Definition, watch',
    run: async (w) => {
      const seen = await w.record(definitions(w), `of=${w.namespace}`);
      const body = definition(w, { labels: { of: w.namespace } });
      const name = nameOf(await define(w, body));
      await definitions(w).patch(name, { metadata: { labels: { more: 'yes' } } });
      await definitions(w).delete(name);
      await w.until('its deletion is told', async () => typesOf(seen).has('DELETED'));
      w.t.same([...typesOf(seen)], ['ADDED', 'MODIFIED', 'DELETED']);
      w.t.ok(seen.changes.some(({ object }) => object.metadata?.labels?.['more'] === 'yes'));
      w.t.ok(seen.changes.every(({ object }) => nameOf(object) === name));
    },
  },
  {
    title: 'Custom Resource Definition, status sub-resource',
    run: async (w) => {
      const name = nameOf(await define(w, definition(w)));
      const read = await definitions(w).get(name, 'status');
      w.t.equal(nameOf(read), name);
      const condition = (type: string) => ({
        type,
        status: 'True',
        reason: 'E2E',
        message: `by ${type}`,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      });
      const find = async (type: string) =>
        (await definitions(w).get(name)).status?.conditions?.find((each) => each.type === type);
      await w.change(
        definitions(w),
        name,
        (found) => {
          const { conditions = [], ...status } = found.status ?? {};
          Object.assign(found, {
            status: { ...status, conditions: [...conditions, condition('Updated')] },
          });
        },
        'status',
      );
      w.t.match(await find('Updated'), { status: 'True', message: 'by Updated' });
      const { conditions = [] } = (await definitions(w).get(name, 'status')).status ?? {};
      const patch = { status: { conditions: [...conditions, condition('Patched')] } };
      await definitions(w).patch(name, patch, { subresource: 'status' });
      w.t.match(await find('Patched'), { status: 'True', message: 'by Patched' });
      w.t.ok(await find('Established'), 'and the others stay');
    },
  },
  {
    title: 'Custom Resource Definition, list',
    run: async (w) => {
      const labels = { list: w.namespace };
      const plurals = Array.from({ length: 10 }, (_, i) => `widget${i}s`);
      const names = await Promise.all(
        plurals.map(async (plural) =>
          nameOf(await definitions(w).create(definition(w, { plural, labels }))),
        ),
      );
      await Promise.all(names.map((name) => established(w, name)));
      const bystander = nameOf(await define(w, definition(w, { plural: 'others' })));
      const selector = `list=${w.namespace}`;
      w.t.same((await definitions(w).list(selector)).map(nameOf).sort(), names.sort());
      await definitions(w).deleteCollection(selector);
      await w.until('all are gone', async () => {
        return (await definitions(w).list(selector)).length === 0;
      });
      w.t.ok(await definitions(w).find(bystander), 'the other one is left');
    },
  },
  {
    title: 'Custom Resource Definition, defaulting',
    run: async (w) => {
      const schema = { type: 'object', properties: { a: TEXT, b: TEXT } };
      const body = definition(w, { versions: [{ name: 'v1', schema }] });
      const name = nameOf(await define(w, body));
      const defaults = (properties: object) => ({
        spec: { versions: [{ ...body.spec.versions[0], schema: withProperties(properties) }] },
      });
      const withProperties = (properties: object) => ({
        openAPIV3Schema: { type: 'object', properties },
      });
      const objects = customs(w, body);
      const one = await objects.create(custom(body, 'one'));
      w.t.notOk('a' in one || 'b' in one);
      await definitions(w).patch(name, defaults({ a: { ...TEXT, default: 'A' }, b: TEXT }));
      await w.until('what is stored has the default', async () => {
        return (await objects.get('one'))['a'] === 'A';
      });
      w.t.equal((await objects.create(custom(body, 'two')))['a'], 'A', 'what is new, too');
      await definitions(w).patch(name, defaults({ a: TEXT, b: { ...TEXT, default: 'B' } }));
      const two = await w.until('the other default', async () => {
        const found = await objects.get('two');
        return found['b'] === 'B' && found;
      });
      w.t.equal(two['a'], 'A', 'what was written stays');
      const again = await objects.get('one');
      w.t.equal(again['b'], 'B');
      w.t.notOk('a' in again, 'what was only shown has gone');
    },
  },
  {
    title: 'Custom Resource Definition, discovery',
    run: async (w) => {
      const group = 'apiextensions.k8s.io';
      const versions = [{ groupVersion: `${group}/v1`, version: 'v1' }];
      type Group = { name: string; versions: object[] };
      const { groups } = await w.objects.get<{ groups: Group[] }>('/apis');
      const found = groups.find(({ name }) => name === group);
      w.t.same(found?.versions, versions);
      w.t.match(await w.objects.get(`/apis/${group}`), { name: group, versions });
      const { resources } = await w.objects.get<ResourceList>(`/apis/${group}/v1`);
      w.t.match(
        resources.find(({ name }) => name === 'customresourcedefinitions'),
        { kind: 'CustomResourceDefinition' },
      );
    },
  },
  {
    title: 'Custom Resource Definition Conversion Webhook, conversion custom resource',
    run: async (w) => {
      const body = await hosts(w);
      await customs(w, body).create(custom(body, 'one', { hostPort: 'localhost:8080' }));
      const read = await customs(w, body, 'v2').get('one');
      w.t.match(read, {
        apiVersion: `${body.spec.group}/v2`,
        host: 'localhost',
        port: '8080',
      });
      w.t.notOk('hostPort' in read);
    },
  },
  {
    title: 'Custom Resource Definition Conversion Webhook, convert mixed version list',
    run: async (w) => {
      const body = await hosts(w);
      await customs(w, body).create(custom(body, 'one', { hostPort: 'localhost:8080' }));
      const versions = body.spec.versions.map((version) => ({
        ...version,
        storage: version.name === 'v2',
      }));
      const name = nameOf(
        await definitions(w).patch(body.metadata?.name ?? '', { spec: { versions } }),
      );
      await w.until('v2 is among the stored versions', async () => {
        return (await definitions(w).get(name)).status?.storedVersions?.includes('v2');
      });
      await customs(w, body, 'v2').create(
        custom(body, 'two', { host: 'localhost', port: '8081' }, 'v2'),
      );
      const items = await customs(w, body, 'v2').list();
      w.t.match(items, [
        { apiVersion: `${body.spec.group}/v2`, host: 'localhost', port: '8080' },
        { apiVersion: `${body.spec.group}/v2`, host: 'localhost', port: '8081' },
      ]);
      w.t.same(items.map(nameOf), ['one', 'two']);
    },
  },
  {
    title: 'custom-resource-definition-field-selectors-list-watch-register-informers',
    run: async (w) => {
      const body = await hosts(w);
      const [v1, v2] = [customs(w, body), customs(w, body, 'v2')];
      const watch = async (resource: typeof v1, fieldSelector: string) => {
        const seen = await resource.record({ fieldSelector });
        w.t.teardown(() => seen.stop());
        return seen;
      };
      const seen = {
        host: await watch(v2, 'host=host1'),
        both: await watch(v2, 'host=host1,port=80'),
        old: await watch(v1, 'hostPort=host1:80'),
      };
      const informed = {
        host: await inform(w, body, 'host=host1'),
        both: await inform(w, body, 'host=host1,port=80'),
      };
      const make = (name: string, fields: object) => v2.create(custom(body, name, fields, 'v2'));
      await make('a', { host: 'host1', port: '80' });
      await make('b', { host: 'host1', port: '8080' });
      await make('c', { host: 'host2' });
      const chosen = async (resource: typeof v1, selector: string) =>
        (await resource.list(selector, 'fieldSelector')).map(nameOf);
      w.t.same(await chosen(v2, 'host=host1'), ['a', 'b']);
      w.t.same(await chosen(v2, 'host=host1,port=80'), ['a']);
      w.t.same(await chosen(v1, 'hostPort=host1:80'), ['a']);
      w.t.same(await chosen(v1, 'hostPort=host1:8080'), ['b']);
      const know = (added: Record<'host' | 'both' | 'old', string[]>, deleted: typeof added) =>
        w.until(`${JSON.stringify(added)} and ${JSON.stringify(deleted)} are told`, async () => {
          const watches = (['host', 'both', 'old'] as const).every(
            (key) =>
              `${told(seen[key], 'ADDED')}` === `${added[key]}` &&
              `${told(seen[key], 'DELETED')}` === `${deleted[key]}`,
          );
          return (
            watches &&
            (['host', 'both'] as const).every(
              (key) =>
                `${[...informed[key].added].sort()}` === `${added[key]}` &&
                `${[...informed[key].deleted].sort()}` === `${deleted[key]}`,
            )
          );
        });
      const added = { host: ['a', 'b'], both: ['a'], old: ['a'] };
      await know(added, { host: [], both: [], old: [] });
      const query = { fieldSelector: 'host=host1,port=80' };
      await w.objects.send({ method: HttpMethod.DELETE, path: v2.path, query });
      await w.change(v2, 'b', (object) => Object.assign(object, { host: 'host2' }));
      w.t.same(await chosen(v2, 'host=host1'), []);
      w.t.same(await chosen(v2, 'host=host1,port=80'), []);
      w.t.same(await chosen(v2, 'host=host2'), ['b', 'c']);
      await know(added, { host: ['a', 'b'], both: ['a'], old: ['a'] });
    },
  },
];
