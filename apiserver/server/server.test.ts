/** The handler chain of a whole server: who gets in, what they may, and how the server answers and ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Lease } from '../../pkg/api/types.js';
import { FakeClock } from '../../pkg/component/clock.js';
import { ensurePki } from '../../pkg/component/pki.js';
import { type Caller, TestServer } from '../testing/test-server.js';
import { apiServerId } from './bootstrap/server-lease.js';
import { DEFAULT_LOAD } from './load.js';
import { parseRequestInfo } from './request-info.js';

const DAY_MS = 24 * 3600 * 1000;
const WHO = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

const server = await TestServer.start({ users: ['alice', 'bob'] });
const admin = server.as('admin');
t.teardown(() => server.stop());

async function must(answer: ReturnType<Caller['post']>) {
  const { code, body, text } = await answer;
  if (code > 299) throw new Error(text);
  return body;
}

/** Who the server takes a caller for; the code where it lets nobody in. */
async function who(caller: Caller): Promise<{ username: string; groups: string[] } | number> {
  const { code, body } = await caller.post(WHO, {});
  if (code > 299) return code;
  const { userInfo } = body['status'] as { userInfo: { username: string; groups: string[] } };
  return { username: userInfo.username, groups: userInfo.groups };
}

t.test('what a request asks for', async (t) => {
  for (const [request, wanted] of [
    [
      'GET /api/v1/namespaces/a/pods/p/log',
      { verb: 'get', resource: 'pods', subresource: 'log', namespace: 'a', name: 'p' },
    ],
    [
      'GET /apis/apps/v1/deployments?watch=1',
      { verb: 'watch', group: 'apps', resource: 'deployments', namespace: '' },
    ],
    ['GET /api/v1/pods', { verb: 'list', resource: 'pods' }],
    ['GET /api/v1/watch/pods', { verb: 'watch', resource: 'pods' }],
    ['DELETE /api/v1/namespaces/a/pods', { verb: 'deletecollection', resource: 'pods' }],
    [
      'DELETE /api/v1/namespaces/a',
      { verb: 'delete', resource: 'namespaces', namespace: 'a', name: 'a' },
    ],
    [
      'PUT /api/v1/namespaces/a/finalize',
      { verb: 'update', resource: 'namespaces', subresource: 'finalize', name: 'a' },
    ],
    ['GET /api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dx', { verb: 'list', name: 'x' }],
    ['POST /api/v1/nodes', { verb: 'create', resource: 'nodes', name: '' }],
    [
      'PATCH /api/v1/nodes/n/status',
      { verb: 'patch', resource: 'nodes', subresource: 'status', name: 'n' },
    ],
    ['GET /version', { isResourceRequest: false, verb: 'get', path: '/version' }],
    ['GET /apis/apps/v1', { isResourceRequest: false, verb: 'get' }],
  ] as const) {
    const [method = '', url = ''] = request.split(' ');
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    t.match(parseRequestInfo(method, pathname, searchParams), wanted, request);
  }
});

t.test('who asks', async (t) => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'drydock-pki-'));
  t.teardown(() => rmSync(elsewhere, { recursive: true, force: true }));
  await ensurePki(elsewhere, { apiserverNames: [], nodes: [], now: Date.now() });
  const remote = { 'x-remote-user': 'carol', 'x-remote-group': 'ops' };
  for (const { row, caller, is } of [
    { row: 'nobody', caller: server.with(''), is: 403 },
    {
      row: 'a static token',
      caller: server.as('alice'),
      is: { username: 'alice', groups: ['system:authenticated'] },
    },
    { row: 'an unknown token', caller: server.as('nobody'), is: 401 },
    {
      row: 'the administrator',
      caller: server.with('admin'),
      is: { username: 'kubernetes-admin' },
    },
    {
      row: 'a kubelet',
      caller: server.with('kubelet-node-1'),
      is: { username: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] },
    },
    {
      row: 'a certificate of another authority',
      caller: server.with('admin', {}, elsewhere),
      is: 401,
    },
    { row: 'a certificate for servers alone', caller: server.with('apiserver'), is: 401 },
    {
      row: 'a front proxy that speaks for somebody',
      caller: server.with('front-proxy-client', remote),
      is: { username: 'carol', groups: ['ops', 'system:authenticated'] },
    },
    { row: 'the same words without its certificate', caller: server.with('', remote), is: 403 },
    {
      row: "the same words with a user's token",
      caller: server.with('', { ...remote, authorization: 'Bearer bob' }),
      is: { username: 'bob' },
    },
    {
      row: "the same words with a client's certificate",
      caller: server.with('scheduler', remote),
      is: { username: 'system:kube-scheduler' },
    },
  ])
    t.match(await who(caller), is, row);
  const { code, body } = await server.as('nobody').get('/api/v1/pods');
  t.match(
    { code, body },
    {
      code: 401,
      body: { kind: 'Status', message: 'Unauthorized', reason: 'Unauthorized', code: 401 },
    },
  );
});

t.test('tokens of service accounts', async (t) => {
  const ns = '/api/v1/namespaces/default';
  await must(admin.post(`${ns}/serviceaccounts`, { metadata: { name: 'app' } }));
  const made = await must(
    admin.post(`${ns}/pods`, {
      metadata: { name: 'p' },
      spec: {
        serviceAccountName: 'app',
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'c', image: 'i' }],
      },
    }),
  );
  const issue = async (spec: object) => {
    const { status } = await must(admin.post(`${ns}/serviceaccounts/app/token`, { spec }));
    return server.as((status as { token: string }).token);
  };
  const good = await issue({});
  const other = await issue({ audiences: ['vault'] });
  const bound = await issue({
    boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: made.metadata?.uid },
  });
  const app = {
    username: 'system:serviceaccount:default:app',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
  };
  t.same(await who(good), app);
  t.same(await who(bound), app);
  t.equal(await who(other), 401, 'for another audience');
  await must(admin.delete(`${ns}/pods/p`, { gracePeriodSeconds: 0 }));
  t.equal(await who(bound), 401, 'its pod is gone');
  t.same(await who(good), app);
  await must(admin.delete(`${ns}/serviceaccounts/app`));
  t.equal(await who(good), 401, 'its account is gone');
  await must(admin.post(`${ns}/serviceaccounts`, { metadata: { name: 'app' } }));
  t.equal(await who(good), 401, 'another account of that name');
});

t.test('time passes', async (t) => {
  const clock = new FakeClock(Date.now());
  const later = await TestServer.start({ beside: server, clock, users: ['alice'] });
  t.teardown(() => later.stop());
  const ns = '/api/v1/namespaces/default';
  await must(admin.post(`${ns}/serviceaccounts`, { metadata: { name: 'short' } }));
  const { status } = await must(
    admin.post(`${ns}/serviceaccounts/short/token`, { spec: { expirationSeconds: 600 } }),
  );
  const token = later.as((status as { token: string }).token);
  t.match(await who(token), { username: 'system:serviceaccount:default:short' });
  t.match(await who(later.with('admin')), { username: 'kubernetes-admin' });
  const watch = await later
    .as('admin')
    .watch('/api/v1/namespaces/default/secrets?watch=true&timeoutSeconds=30');
  await clock.advance(31_000);
  t.equal(await watch.next(), undefined, 'a watch ends at its time');
  const slow = later.as('admin').get('/api/v1/nodes?resourceVersion=999999999');
  let done = false;
  const answered = slow.finally(() => {
    done = true;
  });
  while (!done) await clock.advance(1_000);
  t.match(
    await answered,
    { code: 504, body: { reason: 'Timeout' } },
    'a request that takes too long',
  );
  await clock.advance(661_000);
  t.equal(await who(token), 401, 'the token has expired');
  await clock.jump(400 * DAY_MS);
  t.equal(await who(later.with('admin')), 401, 'the certificate has expired');
});

t.test('acting as another', async (t) => {
  const RBAC = '/apis/rbac.authorization.k8s.io/v1';
  await must(
    admin.post(`${RBAC}/clusterroles`, {
      metadata: { name: 'imp' },
      rules: [
        { verbs: ['impersonate'], apiGroups: [''], resources: ['users'], resourceNames: ['bob'] },
      ],
    }),
  );
  await must(
    admin.post(`${RBAC}/clusterrolebindings`, {
      metadata: { name: 'imp' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'imp' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'alice' }],
    }),
  );
  const as = (token: string, headers: Record<string, string>) =>
    server.with('', { authorization: `Bearer ${token}`, ...headers });
  for (const { row, caller, is } of [
    {
      row: 'an administrator as anybody',
      caller: as('admin', { 'impersonate-user': 'x', 'impersonate-group': 'g' }),
      is: { username: 'x', groups: ['g', 'system:authenticated'] },
    },
    {
      row: 'as an account',
      caller: as('admin', { 'impersonate-user': 'system:serviceaccount:a:b' }),
      is: {
        groups: ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'],
      },
    },
    { row: 'who may', caller: as('alice', { 'impersonate-user': 'bob' }), is: { username: 'bob' } },
    { row: 'another than she may', caller: as('alice', { 'impersonate-user': 'admin' }), is: 403 },
    {
      row: 'a group that she may not',
      caller: as('alice', { 'impersonate-user': 'bob', 'impersonate-group': 'system:masters' }),
      is: 403,
    },
    { row: 'a group and nobody', caller: as('admin', { 'impersonate-group': 'g' }), is: 400 },
  ])
    t.match(await who(caller), is, row);
  const { body } = await as('bob', { 'impersonate-user': 'alice' }).get('/api');
  t.equal(
    body['message'],
    'users "alice" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope',
  );
});

t.test('who may what', async (t) => {
  for (const [token, method, path, code, message] of [
    [
      'alice',
      'GET',
      '/api/v1/namespaces/default/pods',
      403,
      'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'alice',
      'GET',
      '/api/v1/nodes/n',
      403,
      'nodes "n" is forbidden: User "alice" cannot get resource "nodes" in API group "" at the cluster scope',
    ],
    [
      'alice',
      'DELETE',
      '/apis/apps/v1/namespaces/a/deployments/d',
      403,
      'deployments.apps "d" is forbidden: User "alice" cannot delete resource "deployments" in API group "apps" in the namespace "a"',
    ],
    [
      'alice',
      'GET',
      '/api/v1/namespaces/a/pods/p/log',
      403,
      'pods "p" is forbidden: User "alice" cannot get resource "pods/log" in API group "" in the namespace "a"',
    ],
    ['alice', 'GET', '/metrics', 403, 'forbidden: User "alice" cannot get path "/metrics"'],
    ['alice', 'GET', '/api', 200],
    ['alice', 'GET', '/version', 200],
    ['admin', 'GET', '/metrics', 200],
    ['admin', 'GET', '/api/v1/nodes', 200],
    ['admin', 'GET', '/api/v1/things', 404, 'the server could not find the requested resource'],
    ['admin', 'GET', '/apis/none.io/v1/things', 404],
    ['admin', 'GET', '/nowhere', 404],
  ] as const) {
    const answer = await server.as(token).send(method, path);
    t.equal(answer.code, code, `${token} ${method} ${path}`);
    if (message) t.equal(answer.body['message'], message);
  }
  const anonymous = server.with('');
  t.match((await anonymous.get('/api/v1/pods')).body, {
    status: 'Failure',
    reason: 'Forbidden',
    code: 403,
    details: { kind: 'pods' },
    message:
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope',
  });
  t.equal((await anonymous.get('/livez')).code, 200, 'health is public');
  const scheduler = server.with('scheduler');
  t.equal((await scheduler.get('/api/v1/pods')).code, 200);
  t.equal((await scheduler.get('/api/v1/secrets')).code, 403, 'a scheduler reads no secrets');
});

t.test('health, discovery, methods', async (t) => {
  t.equal((await admin.get('/readyz')).text, 'ok');
  const live = (await admin.get('/livez?verbose&exclude=etcd')).text.split('\n');
  t.same(live.slice(0, 3), ['[+]ping ok', '[+]log ok', '[+]etcd excluded: ok']);
  t.ok(live.includes('[+]poststarthook/rbac/bootstrap-roles ok'));
  t.same(live.slice(-2), ['livez check passed', '']);
  const ready = (await admin.get('/readyz?verbose')).text;
  t.match(ready, '[+]etcd-readiness ok\n[+]informer-sync ok\n');
  t.match(ready, '[+]shutdown ok\nreadyz check passed\n');
  t.equal((await admin.get('/readyz/etcd')).text, 'ok');
  const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const apis = await admin.get('/apis', { accept: aggregated });
  t.match(apis.body, { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
  const etag = String(apis.headers['etag']);
  t.equal((await admin.get('/apis', { accept: aggregated, 'if-none-match': etag })).code, 304);
  t.match((await admin.get('/apis')).body, { kind: 'APIGroupList' });
  t.match((await admin.get('/api')).body, { kind: 'APIVersions', versions: ['v1'] });
  t.match((await admin.get('/apis/apps/v1')).body, {
    kind: 'APIResourceList',
    groupVersion: 'apps/v1',
  });
  const { body: versions } = await admin.get('/api');
  const [place] = (versions as { serverAddressByClientCIDRs: { serverAddress: string }[] })
    .serverAddressByClientCIDRs;
  t.match(place?.serverAddress, /^[\d.]+:\d+$/, 'and where the server is');
  const head = await admin.send('HEAD', '/version');
  t.match([head.code, head.text], [200, '']);
  t.equal((await admin.send('POST', '/version', {})).code, 405);
  t.match((await admin.get('/version')).headers['audit-id'], /^[\w-]{36}$/);
  t.equal((await admin.get('/version', { 'audit-id': 'mine' })).headers['audit-id'], 'mine');
});

t.test('who deletes the kubernetes Service has it back', async (t) => {
  const clock = new FakeClock(Date.now());
  const other = await TestServer.start({ clock });
  t.teardown(() => other.stop());
  const path = '/api/v1/namespaces/default/services/kubernetes';
  const as = other.as('admin');
  const { body } = await as.get(path);
  t.equal((await as.send('DELETE', path)).code, 200);
  t.equal((await as.get(path)).code, 404);
  let again = await as.get(path);
  for (let i = 0; i < 100 && again.code === 404; i++) {
    await clock.advance(1000);
    again = await as.get(path);
  }
  t.equal(again.code, 200);
  t.same(again.body['spec'], body['spec'], 'at its address');
  t.not((again.body as Lease).metadata?.uid, (body as Lease).metadata?.uid);
});

t.test('every apiserver has a Lease of its own', async (t) => {
  const first = await TestServer.start();
  t.teardown(() => first.stop());
  const second = await TestServer.start({ beside: first });
  t.teardown(() => second.stop());
  const { body } = await first
    .as('admin')
    .get(
      '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases?labelSelector=apiserver.kubernetes.io/identity%3Dkube-apiserver',
    );
  const leases = (body as { items?: Lease[] }).items ?? [];
  t.equal(leases.length, 2);
  for (const { metadata, spec } of leases) {
    t.match(metadata?.name, /^apiserver-[a-z2-7]{26}$/);
    t.ok(spec?.holderIdentity?.startsWith(`${metadata?.name}_`));
    t.equal(metadata?.labels?.['kubernetes.io/hostname'], hostname());
  }
  t.equal(apiServerId('node-a', 6443), 'apiserver-kcaaxytsc3gyd2kyybqqvf4bl4', 'as upstream');
  t.equal(apiServerId('node-a', 7443), 'apiserver-fdchlfovy46bqq4ky5uw425fvi');
});

t.test('watches that come back while the server stops do not keep it from stopping', async (t) => {
  const other = await TestServer.start();
  const watchers = 40;
  let opened = 0;
  let allOpen: () => void = () => undefined;
  const open = new Promise<void>((resolve) => {
    allOpen = resolve;
  });
  const again = async () => {
    for (;;) {
      const watch = await other.as('admin').watch('/api/v1/configmaps?watch=true');
      if (++opened === watchers) allOpen();
      while (await watch.next());
    }
  };
  // Each ends when nobody listens any more.
  const ends = Array.from({ length: watchers }, () => t.rejects(again()));
  await open;
  await other.end();
  await Promise.all(ends);
  await other.stop();
});

t.test('limits', async (t) => {
  const big = JSON.stringify({
    metadata: { name: 'big' },
    data: { a: 'x'.repeat(4 * 1024 * 1024) },
  });
  const { code, body } = await admin.send('POST', '/api/v1/namespaces/default/configmaps', big);
  t.match([code, body['reason']], [413, 'RequestEntityTooLarge']);
  const small = await TestServer.start({
    beside: server,
    users: ['alice'],
    options: {
      load: { ...DEFAULT_LOAD, priorityAndFairness: false, maxRequestsInFlight: 1 },
      authorizationModes: ['AlwaysAllow'],
    },
  });
  t.teardown(() => small.stop());
  const codes = await Promise.all(
    Array.from({ length: 60 }, async () => (await small.as('alice').get('/api/v1/nodes')).code),
  );
  t.ok(codes.includes(200), 'some get in');
  t.ok(codes.includes(429), 'too many wait');
  t.ok(codes.every((each) => each === 200 || each === 429));
  const watch = await small.as('alice').watch('/api/v1/namespaces/default/secrets?watch=true');
  t.equal((await small.as('alice').get('/api/v1/nodes')).code, 200, 'a watch takes no place');
  const ended = small.end();
  t.equal(await watch.next(), undefined, 'a graceful stop ends watches');
  await ended;
});
