/**
 * Whatever arrives over HTTPS is answered as Kubernetes answers it, never with a 500, and no process dies
 * of it: a table of requests with their exact answers, then thousands at random from a fixed seed.
 */
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { RawApi, type RawRequest, statusOf } from '../support/raw-api.js';
import * as rows from './bad-input.rows.js';

const FUZZ_REQUESTS = 3_000;
const FUZZ_AT_ONCE = 8;
const SEED = 20_350;
/** What may grow: caches and heap that is not collected yet. More would be a leak of most bodies sent. */
const GROWTH_BYTES = 250 * 1024 * 1024;

t.setTimeout(300_000);

t.test('bad input', async (t) => {
  const cluster = await Cluster.start(t);
  const admin = await RawApi.asAdmin(cluster);
  const stranger = await RawApi.asNobody(cluster);
  t.teardown(() => Promise.all([admin.close(), stranger.close()]));
  await setUp(admin);
  const before = await cluster.ps();

  await t.test(`the admin, ${rows.ROWS.length} requests`, (t) => checkRows(t, admin, rows.ROWS));
  await t.test('a stranger', (t) => checkRows(t, stranger, rows.STRANGERS));

  await t.test('a continue token of a revision that is compacted or long gone', async (t) => {
    const token = Buffer.from(
      JSON.stringify({ v: 'meta.k8s.io/v1', rv: -1, start: 'bad/have\u0000' }),
    ).toString('base64url');
    const answer = await admin.ask({ path: `${rows.PODS}?limit=1&continue=${token}` });
    t.equal(answer.code, 200, 'a token without a revision goes on with what is there now');
  });

  await t.test(`at random, ${FUZZ_REQUESTS} requests`, async (t) => {
    const requests = fc.sample(anyRequest, { numRuns: FUZZ_REQUESTS, seed: SEED });
    const codes = new Map<number, number>();
    const bad: string[] = [];
    const rest = requests[Symbol.iterator]();
    const worker = async () => {
      for (const request of rest) {
        const { code, text } = await admin.ask(request);
        codes.set(code, (codes.get(code) ?? 0) + 1);
        if (code >= 500 && code !== 503 && code !== 504) {
          bad.push(`${JSON.stringify(request).slice(0, 600)}\n→ ${code} ${text.slice(0, 600)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: FUZZ_AT_ONCE }, worker));
    t.same(bad, [], 'no answer is the fault of the server');
    const counted = [...codes].sort(([a], [b]) => a - b).map(([code, n]) => `${code}: ${n}`);
    t.comment(`answers by code: ${counted.join(', ')}`);
  });

  await t.test('all processes live on, and have not grown out of bounds', async (t) => {
    const after = await cluster.ps();
    for (const { name, pid, restarts, rssBytes } of before) {
      const now = after.find((process) => process.name === name);
      t.equal(now?.restarts, restarts, `${name} was not restarted`);
      t.equal(now?.pid, pid, `${name} is the same process`);
      const grown = (now?.rssBytes ?? 0) - rssBytes;
      t.ok(grown < GROWTH_BYTES, `${name} has grown by ${Math.round(grown / 1024 / 1024)} MiB`);
    }
    const { code } = await admin.ask({ path: '/readyz' });
    t.equal(code, 200);
  });
});

async function checkRows(t: Test, api: RawApi, rows: readonly rows.Row[]): Promise<void> {
  for (const row of rows) {
    const answer = await api.ask(row);
    const status = statusOf(answer);
    const said = `${answer.code} ${status.reason} ${answer.text.slice(0, 500)}`;
    t.equal(answer.code, row.code, `${row.name}: ${row.code}, was ${said}`);
    if (row.reason !== undefined) t.equal(status.reason, row.reason, `${row.name}: ${row.reason}`);
    if (row.message !== undefined) {
      const message = status.message ?? answer.text;
      if (typeof row.message === 'string') t.equal(message, row.message, `${row.name}: message`);
      else t.match(message, row.message, `${row.name}: message`);
    }
    if (row.warning) t.match(answer.warnings.join(), row.warning, `${row.name}: warning`);
    else t.same(answer.warnings, [], `${row.name}: no warning`);
  }
}

/** One object of each kind, named `have`. */
async function setUp(api: RawApi): Promise<void> {
  const create = async (path: string, body: object) => {
    const { code, text } = await api.ask({
      method: 'POST',
      path: `${path}?fieldManager=setup`,
      body,
    });
    if (code !== 201) throw new Error(text);
  };
  const named = { metadata: { name: rows.NAMESPACE } };
  await create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', ...named });
  await eventually('the namespace has its ServiceAccount', async () => {
    return (await api.ask({ path: `${rows.CORE}/serviceaccounts/default` })).code === 200;
  });
  await create(rows.CONFIG_MAPS, rows.configMap('have', { data: { a: 'b' } }));
  await create(rows.CONFIG_MAPS, rows.configMap('fixed', { immutable: true, data: { a: 'b' } }));
  await create(rows.PODS, rows.pod('have'));
  await create(`${rows.CORE}/services`, rows.service('have'));
  await create(`${rows.CORE}/secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'have' },
  });
  await create(`${rows.APPS}/deployments`, rows.deployment('have'));
}

const word = fc.constantFrom(
  'have',
  'none',
  '',
  '.',
  '..',
  '%00',
  '%2f',
  '%zz',
  'UPPER',
  'status',
  'scale',
  'log',
  'x'.repeat(300),
  '%F0%9F%92%A5',
  'watch',
  'proxy',
  'namespaces',
  'finalize',
  'eviction',
  'binding',
  'token',
);
const path = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        rows.PODS,
        rows.CONFIG_MAPS,
        `${rows.CORE}/services`,
        `${rows.CORE}/secrets`,
        `${rows.CORE}/serviceaccounts`,
        `${rows.APPS}/deployments`,
        `${rows.APPS}/replicasets`,
        `/apis/batch/v1/namespaces/${rows.NAMESPACE}/jobs`,
        `/apis/policy/v1/namespaces/${rows.NAMESPACE}/poddisruptionbudgets`,
        `/apis/autoscaling/v2/namespaces/${rows.NAMESPACE}/horizontalpodautoscalers`,
        '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
        '/apis/rbac.authorization.k8s.io/v1/clusterroles',
        '/api/v1/pods',
        '/api/v1/nodes',
      ),
      fc.array(word, { maxLength: 2 }),
    )
    .map(([base, rest]) => [base, ...rest].join('/')),
  fc
    .array(fc.oneof(word, fc.constantFrom('api', 'apis', 'v1', 'apps', 'pods', 'openapi', 'v3')), {
      maxLength: 7,
    })
    .map((parts) => `/${parts.join('/')}`),
);
const queryValue = fc.constantFrom(
  '',
  '0',
  '1',
  '-1',
  'true',
  'All',
  'None',
  'Exact',
  'NotOlderThan',
  'Strict',
  'Foreground',
  'Orphan',
  'a%3Db',
  'a+in+(b',
  '!a',
  'metadata.name%3Dhave',
  'spec.nodeName!%3Dy',
  '99999999999999999999',
  '%00',
  '%',
  '%F0%9F',
  'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi8uLi94In0',
  'x'.repeat(400),
);
const query = fc
  .dictionary(
    fc.constantFrom(
      'labelSelector',
      'fieldSelector',
      'limit',
      'continue',
      'resourceVersion',
      'resourceVersionMatch',
      'sendInitialEvents',
      'allowWatchBookmarks',
      'pretty',
      'includeObject',
      'gracePeriodSeconds',
      'propagationPolicy',
      'orphanDependents',
      'dryRun',
      'fieldManager',
      'fieldValidation',
      'force',
      'tailLines',
      'container',
      'sinceSeconds',
    ),
    queryValue,
    { maxKeys: 4 },
  )
  // A watch ends by itself at once, and logs are not followed.
  .map((pairs) =>
    ['timeoutSeconds=1', ...Object.entries(pairs).map((pair) => pair.join('='))].join('&'),
  );
const headers = fc.dictionary(
  fc.constantFrom(
    'accept',
    'content-type',
    'impersonate-user',
    'impersonate-group',
    'if-none-match',
    'audit-id',
    'user-agent',
    'authorization',
  ),
  fc.constantFrom(
    '',
    '*/*',
    'text/html',
    'application/json',
    'application/yaml',
    'application/json;as=Table;v=v1;g=meta.k8s.io',
    'application/vnd.kubernetes.protobuf',
    'application/merge-patch+json',
    'application/json-patch+json',
    'application/strategic-merge-patch+json',
    'application/apply-patch+yaml',
    'jane',
    'Bearer x',
    ';=;,',
    'x'.repeat(2000),
  ),
  { maxKeys: 3 },
);
const field = fc.constantFrom(
  'apiVersion',
  'kind',
  'metadata',
  'spec',
  'status',
  'name',
  'namespace',
  'labels',
  'annotations',
  'finalizers',
  'ownerReferences',
  'managedFields',
  'template',
  'containers',
  'ports',
  'env',
  'image',
  'selector',
  'matchLabels',
  'replicas',
  'data',
  'rules',
  'roleRef',
  'volumes',
  'resources',
  '$patch',
  '__proto__',
  'constructor',
  'op',
  'path',
  'value',
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.constantFrom(
        '',
        'v1',
        'have',
        'a',
        '1Gi',
        '-1',
        'UPPER case',
        '💥',
        'delete',
        'add',
        '/spec',
        'x'.repeat(300),
      ),
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(field, tie('value'), { maxKeys: 4 }),
  ),
})).value;
const valid = fc.constantFrom(
  rows.configMap('fuzz'),
  rows.pod('fuzz'),
  rows.service('fuzz'),
  rows.deployment('fuzz'),
);
const body = fc.oneof(
  fc.constant(undefined),
  json,
  fc
    .tuple(valid, fc.dictionary(field, json, { maxKeys: 2 }))
    .map(([good, change]) => ({ ...good, ...change })),
  fc.string({ maxLength: 60 }),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
);
const anyRequest: fc.Arbitrary<RawRequest> = fc
  .record({
    method: fc.constantFrom(
      'GET',
      'GET',
      'POST',
      'POST',
      'PUT',
      'PATCH',
      'PATCH',
      'DELETE',
      'HEAD',
      'OPTIONS',
    ),
    path,
    query,
    headers,
    body,
  })
  .map(({ method, path, query, headers, body }) => {
    const bodiless = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
    return { method, path: `${path}?${query}`, headers, ...(bodiless ? {} : { body }) };
  });
