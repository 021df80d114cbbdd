/**
 * Requests at random, from fixed seeds, at what bad-input.test.ts does not reach: real objects of every kind with
 * one thing changed, custom resources, subresources, watches, server-side apply, protobuf, extension servers that
 * are not there, upgraded connections. Nothing is answered with the server's own fault, nothing dies of it, and
 * after a first round memory stays where it is.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import t from 'tap';
import { loadBuiltinSchemas } from '../../pkg/api/schema/builtin.js';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { RawApi } from '../support/raw-api.js';
import * as rows from './bad-input.rows.js';
import { deepRequest, NEW_NAMES } from './fuzz.objects.js';
import { anyRequest, DEFINITION, upgrade, WIDGETS, widget } from './fuzz.requests.js';
import { type DiscoveredGroups, type Target, targetsOf } from './fuzz.targets.js';
import { randomFrom } from './fuzz.values.js';

const ROUND = 500;
const ROUNDS = 3;
/** About objects. Each has a seed of its own, which a failure names. */
const DEEP_ROUND = 1_500;
/** So many of them get past routing: they are answered by decoding, validation or the store. */
const DEEP_SHARE = 0.5;
const PAST_ROUTING: ReadonlySet<number> = new Set([200, 201, 202, 400, 409, 422]);
const DISCOVERY = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const UPGRADES = 150;
/** Many, since every tenth is a watch and takes its second. */
const AT_ONCE = 24;
const SEED = 41_135;
/** Heaps breathe; each round sends some 10 MiB and asks for ten times that. */
const GROWTH_BYTES = 120 * 1024 * 1024;
/** What a connection that says nonsense may take to be closed or answered. */
const UPGRADE_MS = 2_000;

t.setTimeout(600_000);

t.test('requests at random', async (t) => {
  const cluster = await Cluster.start(t);
  const admin = await RawApi.asAdmin(cluster, AT_ONCE);
  t.teardown(() => admin.close());
  await setUp(admin);
  const schemas = await loadBuiltinSchemas();
  const targets = await objectTargets(admin);
  const bad: string[] = [];
  const codes = new Map<number, number>();

  const round = async (seed: number) => {
    const rest = fc.sample(anyRequest, { numRuns: ROUND, seed })[Symbol.iterator]();
    const worker = async () => {
      for (const request of rest) {
        const { code, text } = await admin.ask(request);
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (code >= 500 && ![501, 503, 504].includes(code)) {
          bad.push(`${JSON.stringify(request).slice(0, 700)}\n→ ${code} ${text.slice(0, 600)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await clear(admin);
  };

  const deepCodes = new Map<number, number>();
  const deepRound = async (from: number) => {
    await makeObjects(admin, targets);
    let next = from;
    const worker = async () => {
      while (next < from + DEEP_ROUND) {
        const seed = next++;
        const request = deepRequest(targets, schemas, randomFrom(seed));
        const { code, text } = await admin.ask(request);
        deepCodes.set(code, (deepCodes.get(code) ?? 0) + 1);
        if (code >= 500 && ![501, 503, 504].includes(code)) {
          const { method = 'GET', path, body } = request;
          const said = `${method} ${path}\n${String(body).slice(0, 700)}`;
          bad.push(`seed ${seed}: ${said}\n→ ${code} ${text.slice(0, 600)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await clearObjects(admin, targets);
  };

  await round(SEED);
  await deepRound(SEED);
  const before = await cluster.ps();

  await t.test(`${ROUNDS} rounds of ${ROUND} requests`, async (t) => {
    for (let n = 1; n <= ROUNDS; n++) await round(SEED + n);
    t.same(bad, [], 'no answer is the fault of the server');
    const counted = [...codes].sort(([a], [b]) => a - b).map(([code, n]) => `${code}: ${n}`);
    t.comment(`answers by code: ${counted.join(', ')}`);
  });

  await t.test(`${ROUNDS} rounds of ${DEEP_ROUND} requests about objects`, async (t) => {
    for (let n = 1; n <= ROUNDS; n++) await deepRound(SEED + n * DEEP_ROUND);
    t.same(bad, [], 'no answer is the fault of the server');
    const counted = [...deepCodes].sort(([a], [b]) => a - b).map(([code, n]) => `${code}: ${n}`);
    t.comment(`answers by code: ${counted.join(', ')}`);
    const all = [...deepCodes.values()].reduce((sum, n) => sum + n, 0);
    const past = [...deepCodes].filter(([code]) => PAST_ROUTING.has(code));
    const share = past.reduce((sum, [, n]) => sum + n, 0) / all;
    t.ok(share >= DEEP_SHARE, `${Math.round(share * 100)} % get past routing`);
    t.ok((deepCodes.get(201) ?? 0) + (deepCodes.get(200) ?? 0) > all / 10, 'some are right');
  });

  await t.test(`${UPGRADES} connections that are upgraded to nonsense`, async (t) => {
    const url = new URL(await cluster.apiUrl());
    const read = (file: string) => readFileSync(join(cluster.dataDir, 'pki', file));
    const options = {
      host: url.hostname,
      port: Number(url.port),
      ca: read('ca.crt'),
      cert: read('admin.crt'),
      key: read('admin.key'),
    };
    const heads: string[] = [];
    const rest = fc.sample(upgrade, { numRuns: UPGRADES, seed: SEED })[Symbol.iterator]();
    const worker = async () => {
      for (const bytes of rest) heads.push(await exchange(options, bytes));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const faults = heads.filter((head) => /^HTTP\/1\.1 5(?!0[134])/.test(head));
    t.same(faults, [], 'no answer is the fault of the server');
    t.ok(
      heads.some((head) => head.startsWith('HTTP/1.1 40')),
      'some are refused',
    );
  });

  await t.test('all processes live on, and have not grown', async (t) => {
    const after = await cluster.ps();
    for (const { name, pid, restarts, rssBytes } of before) {
      const now = after.find((process) => process.name === name);
      t.equal(now?.restarts, restarts, `${name} was not restarted`);
      t.equal(now?.pid, pid, `${name} is the same process`);
      const grown = (now?.rssBytes ?? 0) - rssBytes;
      t.ok(grown < GROWTH_BYTES, `${name} has grown by ${Math.round(grown / 1024 / 1024)} MiB`);
    }
    t.equal((await admin.ask({ path: '/readyz' })).code, 200);
    t.equal((await admin.ask({ path: WIDGETS })).code, 200, 'custom resources are served');
  });
});

/** What the server says first; nothing where it closes the connection or waits for more. */
function exchange(options: ConnectionOptions, bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(options, () => socket.write(bytes));
    const end = (text: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(() => end(''), UPGRADE_MS);
    socket.once('data', (chunk) => end(chunk.toString('latin1').slice(0, 300)));
    // A connection that is cut is an answer, too.
    socket.on('error', () => end(''));
    socket.on('close', () => end(''));
  });
}

async function setUp(api: RawApi): Promise<void> {
  const create = async (path: string, body: object) => {
    const { code, text } = await api.ask({ method: 'POST', path, body });
    if (code !== 201) throw new Error(text);
  };
  await create('/api/v1/namespaces', { metadata: { name: rows.NAMESPACE } });
  await eventually('the namespace has its ServiceAccount', async () => {
    return (await api.ask({ path: `${rows.CORE}/serviceaccounts/default` })).code === 200;
  });
  await create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', DEFINITION);
  await eventually('the kind is served', async () => {
    return (await api.ask({ path: WIDGETS })).code === 200;
  });
  await create('/apis/apiregistration.k8s.io/v1/apiservices', {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1.nowhere.example.com' },
    spec: {
      group: 'nowhere.example.com',
      version: 'v1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { namespace: rows.NAMESPACE, name: 'nothing' },
    },
  });
  await create(WIDGETS, widget('have', { size: 3 }));
  await create(rows.PODS, rows.pod('have'));
  await create(`${rows.APPS}/deployments`, { ...rows.deployment('have', { replicas: 0 }) });
}

/** What a round has made; `have` stays, and is made again where it has not survived. */
async function clear(api: RawApi): Promise<void> {
  for (const path of [WIDGETS, rows.CONFIG_MAPS]) {
    await api.ask({ method: 'DELETE', path: `${path}?fieldSelector=metadata.name!%3Dhave` });
  }
  await api.ask({ method: 'POST', path: WIDGETS, body: widget('have', { size: 3 }) });
  await api.ask({ method: 'POST', path: rows.PODS, body: rows.pod('have') });
  const body = rows.deployment('have', { replicas: 0 });
  await api.ask({ method: 'POST', path: `${rows.APPS}/deployments`, body });
}

async function objectTargets(api: RawApi): Promise<readonly [Target, ...Target[]]> {
  const groups = await Promise.all(
    ['/api', '/apis'].map(async (path): Promise<DiscoveredGroups> => {
      return JSON.parse((await api.ask({ path, headers: { accept: DISCOVERY } })).text);
    }),
  );
  const [first, ...rest] = targetsOf(groups, await loadBuiltinSchemas(), rows.NAMESPACE);
  if (!first) throw new Error('nothing is served');
  return [first, ...rest];
}

/** One of each kind, to change. Those that would act on others' requests are not made. */
async function makeObjects(api: RawApi, targets: readonly Target[]): Promise<void> {
  for (const { path, object, acts } of targets) {
    if (!acts) await api.ask({ method: 'POST', path, body: object });
  }
}

/** All that the requests have made: it carries the label, unless its label was changed; then the name tells. */
async function clearObjects(api: RawApi, targets: readonly Target[]): Promise<void> {
  for (const { path, harmless } of targets) {
    if (!harmless) continue;
    const query = 'gracePeriodSeconds=0&propagationPolicy=Background';
    await api.ask({ method: 'DELETE', path: `${path}?${query}&labelSelector=fuzz` });
    for (let n = 0; n < NEW_NAMES; n++)
      await api.ask({ method: 'DELETE', path: `${path}/fuzz-${n}?${query}` });
  }
}
