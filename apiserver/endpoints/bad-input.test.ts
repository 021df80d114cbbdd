/** Whatever a client sends, the answer is a Status below 500 and the server lives on. */
import fc from 'fast-check';
import t from 'tap';
import { configMap } from '../registry/resources/config-map.js';
import { deployment } from '../registry/resources/deployment.js';
import { pod } from '../registry/resources/pod.js';
import { TestApi } from '../testing/test-api.js';

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const PODS = '/api/v1/namespaces/default/pods';
const RUNS = 150;

const DEPLOYMENT = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd' },
  spec: {
    selector: { matchLabels: { app: 'd' } },
    template: {
      metadata: { labels: { app: 'd' } },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    },
  },
};

/** JSON around the names that mean something, so that it gets past the first check. */
const field = fc.constantFrom(
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
  'strategy',
  'volumes',
  'resources',
  'limits',
  'cpu',
  '$patch',
  '$retainKeys',
  '$setElementOrder/containers',
  'resourceVersion',
  'uid',
  '__proto__',
  'constructor',
  '',
);
const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(
    '',
    'a',
    'd',
    'delete',
    'replace',
    '1Gi',
    '-1',
    'UPPER case',
    '💥',
    'x'.repeat(300),
  ),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(field, tie('value'), { maxKeys: 4 }),
  ),
})).value;
const body = fc.dictionary(field, json, { maxKeys: 5 });
const pointer = fc
  .array(fc.oneof(field, fc.constantFrom('0', '-', '9', '~1', '~2')), { maxLength: 5 })
  .map((parts) => parts.map((part) => `/${part}`).join(''));
const operation = fc.record(
  {
    op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'nonsense'),
    path: pointer,
    from: pointer,
    value: json,
  },
  { requiredKeys: [] },
);
const query = fc.dictionary(
  fc.constantFrom(
    'labelSelector',
    'fieldSelector',
    'limit',
    'continue',
    'resourceVersion',
    'resourceVersionMatch',
    'timeoutSeconds',
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
  ),
  fc.constantFrom(
    '',
    '0',
    '1',
    '-1',
    'true',
    'a=b',
    'a in (b',
    '!a',
    'metadata.name=x',
    'spec.nodeName!=y',
    'x'.repeat(200),
    'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi8uLi94In0',
    'Exact',
    'NotOlderThan',
    'None',
    'Object',
    'All',
    'Orphan',
    '9999999999999999999999',
    '\u0000',
    '%',
  ),
  { maxKeys: 4 },
);

t.test('bad input', async (t) => {
  const api = await TestApi.start({ definitions: [configMap, deployment, pod([])] });
  t.teardown(() => api.stop());
  const fine = ({ code, text }: { code: number; text: string }, ...allowed: number[]) => {
    if (code >= 500 && !allowed.includes(code)) throw new Error(text.slice(0, 1000));
  };
  const restore = async () => {
    await api.patch(`${DEPLOYMENTS}/d`, { metadata: { finalizers: null } });
    await api.delete(`${DEPLOYMENTS}/d`);
    await api.post(DEPLOYMENTS, DEPLOYMENT);
  };
  await restore();
  const check = async <T>(arbitrary: fc.Arbitrary<T>, ask: (value: T) => Promise<unknown>) =>
    fc.assert(
      fc.asyncProperty(arbitrary, async (value) => void (await ask(value))),
      { numRuns: RUNS },
    );

  await t.test('created', async () => {
    await check(body, async (value) =>
      fine(await api.post(DEPLOYMENTS, { apiVersion: 'apps/v1', kind: 'Deployment', ...value })),
    );
    await check(body, async (value) =>
      fine(await api.post(PODS, { metadata: { generateName: 'p-' }, spec: value })),
    );
    await check(json, async (value) => fine(await api.post(PODS, JSON.stringify(value))));
  });
  await t.test('patched', async () => {
    await check(body, async (value) => fine(await api.patch(`${DEPLOYMENTS}/d`, value)));
    await restore();
    await check(body, async (value) =>
      fine(await api.patch(`${DEPLOYMENTS}/d`, value, 'application/strategic-merge-patch+json')),
    );
    await restore();
    await check(fc.array(operation, { maxLength: 3 }), async (value) =>
      fine(await api.patch(`${DEPLOYMENTS}/d`, value, 'application/json-patch+json')),
    );
    await restore();
    await check(body, async (value) => fine(await api.patch(`${DEPLOYMENTS}/d/scale`, value)));
  });
  await t.test('applied', async () => {
    await check(body, async (value) => {
      const answer = await api.apply(
        `${DEPLOYMENTS}/d`,
        { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: value },
        'fuzz',
      );
      fine(answer);
    });
  });
  await t.test('asked', async () => {
    const search = (value: Record<string, string>) => new URLSearchParams(value).toString();
    await check(query, async (value) =>
      fine(await api.get(`${DEPLOYMENTS}?${search(value)}`), 504),
    );
    await check(query, async (value) =>
      fine(await api.send('DELETE', `${DEPLOYMENTS}?${search({ ...value, dryRun: 'All' })}`), 504),
    );
    await check(query, async (value) =>
      fine(await api.send('DELETE', `${PODS}/none?${search(value)}`)),
    );
    await check(query, async (value) =>
      fine(await api.send('PUT', `${DEPLOYMENTS}/d?${search(value)}`, DEPLOYMENT)),
    );
  });
  t.equal((await api.get('/api/v1/configmaps')).code, 200);
});
