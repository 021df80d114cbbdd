/**
 * Requests at random, from fixed seeds, at what bad-input.test.ts does not reach: custom resources, subresources,
 * watches, server-side apply, protobuf, extension servers that are not there, upgraded connections. Nothing is
 * answered with the server's own fault, nothing dies of it, and after a first round memory stays where it is.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import t from 'tap';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { RawApi } from '../support/raw-api.js';
import * as rows from './bad-input.rows.js';
import { anyRequest, DEFINITION, upgrade, WIDGETS, widget } from './fuzz.requests.js';

const ROUND = 500;
const ROUNDS = 3;
const UPGRADES = 150;
/** Many, since every tenth is a watch and takes its second. */
const AT_ONCE = 24;
const SEED = 41_135;
/** Heaps breathe; each round sends some 10 MiB and asks for ten times that. */
const GROWTH_BYTES = 120 * 1024 * 1024;
/** What a connection that says nonsense may take to be closed or answered. */
const UPGRADE_MS = 2_000;

t.setTimeout(300_000);

t.test('requests at random', async (t) => {
  const cluster = await Cluster.start(t);
  const admin = await RawApi.asAdmin(cluster, AT_ONCE);
  t.teardown(() => admin.close());
  await setUp(admin);
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

  await round(SEED);
  const before = await cluster.ps();

  await t.test(`${ROUNDS} rounds of ${ROUND} requests`, async (t) => {
    for (let n = 1; n <= ROUNDS; n++) await round(SEED + n);
    t.same(bad, [], 'no answer is the fault of the server');
    const counted = [...codes].sort(([a], [b]) => a - b).map(([code, n]) => `${code}: ${n}`);
    t.comment(`answers by code: ${counted.join(', ')}`);
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
