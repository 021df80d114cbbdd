/**
 * What containers find in volumes that the cluster fills: ConfigMaps, Secrets, fields of the pod, and all of them
 * together; mapped, in several places, by parts, and after they have changed.
 */
import type { V1Container, V1Pod, V1Volume } from '@kubernetes/client-node';
import { type Clause, podSpec, type World } from '../../support/clause.js';
import { eventually } from '../../support/eventually.js';
import { secrets } from './config-objects.js';
import { ran } from './environment.js';

export type Source = Omit<V1Volume, 'name'>;

const DATA = { 'data-1': 'value-1\n', 'data-2': 'value-2\n', 'data-3': 'value-3\n' };
const base64 = (text: string) => Buffer.from(text).toString('base64');
/** Volumes follow what they show within a minute. */
const FOLLOWS_MS = 100_000;

const encoded = (data: Record<string, string>) =>
  Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)]));

export async function makeMap(
  w: World,
  name: string,
  data: Record<string, string> = DATA,
): Promise<void> {
  await w.configMaps.create({ metadata: { name }, data });
}

export async function makeSecret(w: World, name: string, data: Record<string, string> = DATA) {
  await secrets(w).create({ metadata: { name }, data: encoded(data) });
}

/** Mounted as they are named, each below /etc. */
export function mounted(sources: Record<string, Source>, more: object = {}) {
  return {
    volumes: Object.entries(sources).map(([name, source]) => ({ name, ...source })),
    volumeMounts: Object.keys(sources).map((name) => ({
      name,
      mountPath: `/etc/${name}`,
      ...more,
    })),
  };
}

/** What a container prints that reads these paths, one after the other. */
async function reads(w: World, sources: Record<string, Source>, paths: readonly string[]) {
  const { volumes, volumeMounts } = mounted(sources);
  const command = ['cat', ...paths];
  return ran(w, { command, volumeMounts }, { volumes });
}

/** Starts a pod that tells what it reads every second; resolves when it runs. */
async function watches(w: World, sources: Record<string, Source>, paths: string[], labels = {}) {
  const { volumes, volumeMounts } = mounted(sources);
  const container = (path: string, i: number): V1Container => ({
    name: `c${i}`,
    image: 'busybox:1.36',
    command: ['sh', '-c', `while true; do cat ${path}; echo; sleep 1; done`],
    volumeMounts,
  });
  const spec = podSpec({ containers: paths.map(container), volumes });
  const pod: V1Pod = {
    metadata: { name: 'one', labels, annotations: { builder: 'bar' } },
    spec,
  };
  await w.pods.create(pod);
  await w.ready(1);
}

/** The container's latest words come to be these. */
async function says(w: World, container: number, wanted: RegExp): Promise<void> {
  await eventually(
    `c${container} says ${wanted}`,
    async () => wanted.test((await w.logs('one', `c${container}`)).slice(-2000)),
    FOLLOWS_MS,
  );
}

/** From now on it says that there is no such file. */
async function misses(w: World, container: number, path: string): Promise<void> {
  await eventually(
    `c${container} misses ${path}`,
    async () => {
      const lines = (await w.logs('one', `c${container}`)).trimEnd().split('\n');
      return lines.at(-1)?.includes(`can't open '${path}'`);
    },
    FOLLOWS_MS,
  );
}

function changed(key: 'labels' | 'annotations', isProjected: boolean) {
  return async (w: World) => {
    const items = [{ path: 'file', fieldRef: { fieldPath: `metadata.${key}` } }];
    const source: Source = isProjected
      ? { projected: { sources: [{ downwardAPI: { items } }] } }
      : { downwardAPI: { items } };
    await watches(w, { info: source }, ['/etc/info/file'], { key1: 'value1', key2: 'value2' });
    const [before, name] =
      key === 'labels' ? [/key1="value1"\nkey2="value2"\n/, 'key3'] : [/builder="bar"\n/, 'more'];
    await says(w, 0, before);
    await w.pods.patch('one', { metadata: { [key]: { [name]: 'added' } } });
    await says(w, 0, new RegExp(`${name}="added"\n`));
  };
}

type Kind = 'configMap' | 'secret';

const named = (kind: Kind, name: string, more = {}): Source =>
  kind === 'configMap'
    ? { configMap: { name, ...more } }
    : { secret: { secretName: name, ...more } };
const projected = (kind: Kind, name: string, more = {}): Source => ({
  projected: { sources: [{ [kind]: { name, ...more } }] },
});

const make = (kind: Kind) => (kind === 'configMap' ? makeMap : makeSecret);

async function alter(w: World, kind: Kind, name: string, data: Record<string, string>) {
  if (kind === 'configMap') await w.configMaps.patch(name, { data });
  else await secrets(w).patch(name, { data: encoded(data) });
}

/** One is made, one changes, one goes while a pod looks at all three, and holds none of them to be needed. */
function optional(kind: Kind, source: typeof named) {
  return async (w: World) => {
    await make(kind)(w, 'updated', { 'data-1': 'value-1' });
    await make(kind)(w, 'deleted', { 'data-1': 'value-1' });
    const more = { optional: true };
    await watches(
      w,
      {
        created: source(kind, 'created', more),
        updated: source(kind, 'updated', more),
        deleted: source(kind, 'deleted', more),
      },
      ['/etc/created/data-1', '/etc/updated/data-3', '/etc/deleted/data-1'],
    );
    await misses(w, 0, '/etc/created/data-1');
    await misses(w, 1, '/etc/updated/data-3');
    await says(w, 2, /value-1/);
    await make(kind)(w, 'created', { 'data-1': 'value-1' });
    await alter(w, kind, 'updated', { 'data-3': 'value-3' });
    if (kind === 'configMap') await w.configMaps.delete('deleted');
    else await secrets(w).delete('deleted');
    await says(w, 0, /value-1/);
    await says(w, 1, /value-3/);
    await misses(w, 2, '/etc/deleted/data-1');
  };
}

function updates(source: typeof named) {
  return async (w: World) => {
    await makeMap(w, 'map', { 'data-1': 'value-1' });
    await watches(w, { map: source('configMap', 'map') }, ['/etc/map/data-1']);
    await says(w, 0, /value-1/);
    await w.configMaps.patch('map', { data: { 'data-1': 'value-2' } });
    await says(w, 0, /value-2/);
  };
}

/** The same in two places. */
function twice(kind: Kind, source: typeof named, more = {}) {
  return async (w: World) => {
    await make(kind)(w, 'data');
    const path = 'items' in more ? 'path/to/data-1' : 'data-1';
    const sources = { one: source(kind, 'data', more), two: source(kind, 'data', more) };
    const { text } = await reads(w, sources, [`/etc/one/${path}`, `/etc/two/${path}`]);
    w.t.equal(text, 'value-1\nvalue-1\n');
  };
}

/** A part of a volume in a place of its own. */
function subPath(
  source: (w: World) => Promise<Source>,
  path: string,
  wanted: RegExp,
  at = '/test',
) {
  return async (w: World) => {
    const volumes = [{ name: 'volume', ...(await source(w)) }];
    const volumeMounts = [{ name: 'volume', mountPath: at, subPath: path }];
    const { text } = await ran(w, { command: ['cat', at], volumeMounts }, { volumes });
    w.t.match(text, wanted);
  };
}

async function ofMap(w: World): Promise<Source> {
  await makeMap(w, 'map', { 'configmap-key': 'configmap-value' });
  return named('configMap', 'map');
}

export const volumes: readonly Clause[] = [
  { title: 'DownwardAPI volume, update annotations', run: changed('annotations', false) },
  { title: 'DownwardAPI volume, update label', run: changed('labels', false) },
  { title: 'Projected Volume, DownwardAPI, update annotation', run: changed('annotations', true) },
  { title: 'Projected Volume, DownwardAPI, update labels', run: changed('labels', true) },
  { title: 'ConfigMap Volume, create, update and delete', run: optional('configMap', named) },
  { title: 'ConfigMap Volume, update', run: updates(named) },
  { title: 'ConfigMap Volume, multiple volume maps', run: twice('configMap', named) },
  {
    title: 'Projected Volume, ConfigMap, create, update and delete',
    run: optional('configMap', projected),
  },
  { title: 'Projected Volume, ConfigMap, update', run: updates(projected) },
  {
    title: 'Projected Volume, ConfigMap, multiple volume paths',
    run: twice('configMap', projected),
  },
  { title: 'Projected Volume, Secrets, create, update delete', run: optional('secret', projected) },
  { title: 'Secrets Volume, create, update and delete', run: optional('secret', named) },
  {
    title: 'Secrets Volume, mapping multiple volume paths',
    run: twice('secret', named, { items: [{ key: 'data-1', path: 'path/to/data-1' }] }),
  },
  {
    title: 'EmptyDir, Shared volumes between containers',
    run: async (w) => {
      const shared = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };
      const writer = ['sh', '-c', 'sleep 2; echo hello > /shared/file; sleep 600'];
      const script = 'until [ "$(cat /shared/file)" = hello ]; do sleep 1; done; cat /shared/file';
      const reader = ['sh', '-c', `${script}; sleep 600`];
      const image = 'busybox:1.36';
      const spec = podSpec({
        containers: [
          { name: 'writer', image, command: writer, ...shared },
          { name: 'reader', image, command: reader, ...shared },
        ],
        volumes: [{ name: 'shared', emptyDir: {} }],
      });
      await w.pods.create({ metadata: { name: 'one' }, spec });
      await w.until('it was read', async () => (await w.logs('one', 'reader')) === 'hello\n');
    },
  },
  {
    title: 'EmptyDir Wrapper Volume, Secret and ConfigMap volumes, no conflict',
    run: async (w) => {
      await makeMap(w, 'map');
      await makeSecret(w, 'secret');
      const sources = { map: named('configMap', 'map'), secret: named('secret', 'secret') };
      const { volumes, volumeMounts } = mounted(sources);
      const main = { name: 'main', image: 'nginx:1', volumeMounts };
      await w.pods.create({
        metadata: { name: 'one' },
        spec: podSpec({ containers: [main], volumes }),
      });
      await w.ready(1);
    },
  },
  {
    title: 'EmptyDir Wrapper Volume, ConfigMap volumes, no race',
    run: async (w) => {
      const names = Array.from({ length: 50 }, (_, i) => `map-${i}`);
      await Promise.all(names.map((name) => makeMap(w, name)));
      const sources = Object.fromEntries(names.map((name) => [name, named('configMap', name)]));
      const { volumes, volumeMounts } = mounted(sources);
      const main = { name: 'main', image: 'nginx:1', volumeMounts };
      await w.replicationControllers.create({
        metadata: { name: 'racers' },
        spec: {
          replicas: 5,
          selector: { app: 'racers' },
          template: {
            metadata: { labels: { app: 'racers' } },
            spec: podSpec({ containers: [main], volumes }),
          },
        },
      });
      await w.ready(5, 'app=racers');
      const events = await w.at<{ reason?: string; metadata?: object }>('v1', 'events').list();
      w.t.same(
        events.filter(({ reason }) => reason === 'FailedMount'),
        [],
      );
    },
  },
  {
    title:
      '[sig-storage] Subpath Atomic writer volumes should support subpaths with configmap pod [Conformance]',
    run: subPath(ofMap, 'configmap-key', /^configmap-value$/),
  },
  {
    title:
      '[sig-storage] Subpath Atomic writer volumes should support subpaths with configmap pod with mountPath of existing file [Conformance]',
    run: subPath(ofMap, 'configmap-key', /^configmap-value$/, '/etc/resolv.conf'),
  },
  {
    title: 'SubPath: Reading content from a secret volume.',
    run: subPath(
      async (w) => {
        await makeSecret(w, 'secret', { 'secret-key': 'secret-value' });
        return named('secret', 'secret');
      },
      'secret-key',
      /^secret-value$/,
    ),
  },
  {
    title: 'SubPath: Reading content from a projected volume.',
    run: subPath(
      async (w) => {
        await makeMap(w, 'map', { 'configmap-key': 'configmap-value' });
        return projected('configMap', 'map');
      },
      'configmap-key',
      /^configmap-value$/,
    ),
  },
  {
    title: 'SubPath: Reading content from a downwardAPI volume.',
    run: subPath(
      async () => ({
        downwardAPI: {
          items: [{ path: 'downward/podname', fieldRef: { fieldPath: 'metadata.name' } }],
        },
      }),
      'downward/podname',
      /^one$/,
    ),
  },
];
