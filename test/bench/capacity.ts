/**
 * How much a server holds: large objects, many of a kind, many kinds, many watches; what each costs in time and
 * memory. Upwards only: each step stays for the next.
 */
import type { Row, Section } from './report.js';
import { Rig } from './rig.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const SECRETS = '/api/v1/namespaces/default/secrets';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const MIB = 2 ** 20;
/** As much as a ConfigMap may hold, but for a little. */
const LARGE_BYTES = MIB - 1024;
const LARGE_OBJECTS = 20;
const OBJECTS = 10_000;
const KINDS = 100;
const WATCHES = 2_000;
const EVENTS = 10;
const READ_SECONDS = 2;
const CLIENTS = 8;

export async function benchCapacity(say: (text: string) => void): Promise<Section> {
  say('capacity: large objects, many objects, kinds and watches …');
  const rows: Row[] = [];
  const note = (what: string, unit: string, drydock: number, aim?: Row['aim']) =>
    rows.push({ what, unit, drydock, ...(aim ? { aim } : {}) });
  const rig = await Rig.start({ store: 'drydock', apiserver: 'drydock' });
  try {
    const memory = (after: string) =>
      note(`memory of apiserver and store after ${after}`, 'MiB', rig.residentBytes() / MIB);
    const create = (path: string, body: object, prefix: string, count: number) =>
      rig.load({
        kind: 'create',
        path,
        body: JSON.stringify(body),
        prefix,
        clients: CLIENTS,
        count,
      });
    const read = (path: string, clients = 1) =>
      rig.load({ kind: 'get', paths: [path], clients, seconds: READ_SECONDS });
    memory('start');

    const large = { metadata: { name: '%' }, data: { text: 'x'.repeat(LARGE_BYTES) } };
    const written = await create(MAPS, large, 'large', LARGE_OBJECTS);
    note('create of an object of 1 MiB: p50', 'ms', written.p50Ms);
    note('GET of an object of 1 MiB: p50', 'ms', (await read(`${MAPS}/large-0`)).p50Ms);
    memory(`${LARGE_OBJECTS} of them`);

    const small = { metadata: { name: '%' }, stringData: { text: 'x'.repeat(512) } };
    const many = await create(SECRETS, small, 'small', OBJECTS);
    note(`creates of ${OBJECTS} objects`, 'per s', many.done / many.seconds);
    note(`LIST of ${OBJECTS} objects: p50`, 'ms', (await read(SECRETS)).p50Ms);
    note('LIST of 500 of them: p50', 'ms', (await read(`${SECRETS}?limit=500`)).p50Ms);
    memory(`${OBJECTS} objects`);

    const kinds = await create(DEFINITIONS, definition(), 'kind', KINDS);
    note(`creates of ${KINDS} CustomResourceDefinitions`, 'per s', kinds.done / kinds.seconds);
    const first = await rig.load({ kind: 'get', paths: ['/apis'], clients: 1, seconds: 0.001 });
    note('discovery of groups, first: time', 'ms', first.p50Ms);
    note('discovery of groups: p50', 'ms', (await read('/apis')).p50Ms);
    const open = await rig.load({
      kind: 'get',
      paths: ['/openapi/v2'],
      clients: 1,
      seconds: 0.001,
    });
    note('OpenAPI v2, first: time', 'ms', open.p50Ms);
    note('OpenAPI v2: p50', 'ms', (await read('/openapi/v2')).p50Ms);
    note('OpenAPI v3 index: p50', 'ms', (await read('/openapi/v3')).p50Ms);
    memory(`${KINDS} kinds and their OpenAPI`);

    const watched = await rig.load({
      kind: 'watch',
      watch: '/api/v1/namespaces/default/endpoints?watch=true&resourceVersion=0',
      create: '/api/v1/namespaces/default/endpoints',
      body: JSON.stringify({ metadata: { name: '%' } }),
      watchers: WATCHES,
      events: EVENTS,
    });
    note(`one event to ${WATCHES} watches: p50`, 'ms', watched.p50Ms);
    memory(`${WATCHES} watches`);
  } finally {
    await rig.stop();
  }
  return {
    part: 'capacity',
    title: 'How much it holds',
    method: `An apiserver and a store, nothing else; each step adds to the ones before: ${LARGE_OBJECTS} ConfigMaps of 1 MiB, ${OBJECTS} Secrets, ${KINDS} CustomResourceDefinitions (with discovery and OpenAPI read anew), ${WATCHES} watches on connections of their own.`,
    rows,
  };
}

/** Of the size that operators bring: some dozens of fields. */
function definition(): object {
  const field = { type: 'string', description: 'One of the many things that can be said of it.' };
  const fields = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`field${i}`, field]));
  const schema = {
    type: 'object',
    properties: {
      spec: { type: 'object', properties: fields },
      status: { type: 'object', properties: fields },
    },
  };
  return {
    metadata: { name: '%s.%.example.com' },
    spec: {
      group: '%.example.com',
      scope: 'Namespaced',
      names: { plural: '%s', singular: '%', kind: 'K%', listKind: 'K%List' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: { status: {} },
        },
      ],
    },
  };
}
