/** The audit log of a whole server, and what a policy says of a request. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { FakeClock } from '../../../pkg/component/clock.js';
import { silentLogger } from '../../../pkg/component/logger.js';
import { TestServer } from '../../testing/test-server.js';
import { parseRequestInfo } from '../request-info.js';
import { AuditLogFile } from './log-file.js';
import { AuditPolicy } from './policy.js';

const policy = (rules: readonly object[], more: object = {}) =>
  AuditPolicy.parse(
    JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules, ...more }),
  );

t.test('the first rule that matches decides', async (t) => {
  const decided = policy(
    [
      { level: 'None', users: ['quiet'] },
      { level: 'Request', verbs: ['create'], resources: [{ group: '', resources: ['pods'] }] },
      { level: 'None', resources: [{ group: '', resources: ['pods/*'] }] },
      { level: 'RequestResponse', userGroups: ['ops'], namespaces: ['a'] },
      {
        level: 'None',
        resources: [{ group: '', resources: ['configmaps'], resourceNames: ['leader'] }],
      },
      { level: 'None', nonResourceURLs: ['/healthz*', '/version'] },
      { level: 'Metadata', omitStages: ['RequestReceived'] },
    ],
    { omitStages: ['ResponseStarted'] },
  );
  for (const [method, path, user, groups, level] of [
    ['POST', '/api/v1/namespaces/b/pods', 'x', [], 'Request'],
    ['POST', '/api/v1/namespaces/b/pods', 'quiet', [], 'None'],
    ['POST', '/api/v1/namespaces/b/pods/p/eviction', 'x', [], 'None'],
    ['GET', '/api/v1/namespaces/b/pods', 'x', [], 'Metadata'],
    ['GET', '/api/v1/namespaces/a/pods', 'x', ['ops'], 'RequestResponse'],
    ['GET', '/api/v1/namespaces/b/configmaps/leader', 'x', [], 'None'],
    ['GET', '/api/v1/namespaces/b/configmaps/other', 'x', [], 'Metadata'],
    ['GET', '/healthz/ping', 'x', [], 'None'],
    ['GET', '/version', 'x', [], 'None'],
    ['GET', '/apis', 'x', [], 'Metadata'],
  ] as const) {
    const info = parseRequestInfo(method, path, new URLSearchParams());
    t.equal(decided.decide({ name: user, groups }, info).level, level, `${user} ${method} ${path}`);
  }
  const info = parseRequestInfo('GET', '/apis', new URLSearchParams());
  t.same(
    [...decided.decide({ name: 'x', groups: [] }, info).omitStages],
    ['ResponseStarted', 'RequestReceived'],
  );
  for (const [row, rules, why] of [
    ['no rules', [], 'loaded illegal policy with 0 rules'],
    ['no such level', [{ level: 'Loud' }], /rules\[0\]\.level: Unsupported value: "Loud"/],
    ['no such stage', [{ level: 'None', omitStages: ['End'] }], /allowed stages are/],
    [
      'both kinds',
      [{ level: 'None', nonResourceURLs: ['/a'], resources: [{ group: '' }] }],
      /cannot apply to both/,
    ],
  ] as const)
    t.throws(() => policy(rules), why instanceof RegExp ? why : new Error(why), row);
});

interface Event extends Record<string, unknown> {
  readonly stage: string;
  readonly requestURI: string;
}

t.test('what is written down', async (t) => {
  const events: Event[] = [];
  const server = await TestServer.start({
    users: ['alice'],
    options: {
      audit: {
        policy: policy(
          [
            { level: 'None', nonResourceURLs: ['/*'] },
            { level: 'None', users: ['system:apiserver'] },
            { level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] },
            { level: 'RequestResponse', omitManagedFields: true },
          ],
          { omitStages: ['RequestReceived'] },
        ),
        sink: { write: (event) => events.push(event as Event) },
      },
    },
  });
  t.teardown(() => server.stop());
  const admin = server.as('admin');
  const last = () => events.at(-1);
  const CORE = '/api/v1/namespaces/default';
  events.length = 0;

  const made = await admin.post(`${CORE}/configmaps`, {
    metadata: { name: 'm' },
    data: { a: '1' },
  });
  t.match(last(), {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID: made.headers['audit-id'],
    stage: 'ResponseComplete',
    requestURI: `${CORE}/configmaps`,
    verb: 'create',
    user: { username: 'admin', uid: '1', groups: ['system:masters', 'system:authenticated'] },
    sourceIPs: ['127.0.0.1'],
    userAgent: 'test/1',
    objectRef: { resource: 'configmaps', namespace: 'default', name: 'm', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 201 },
    requestObject: { kind: 'ConfigMap', data: { a: '1' } },
    responseObject: { kind: 'ConfigMap', metadata: { uid: String } },
    requestReceivedTimestamp: /^\d{4}-.*\.\d{6}Z$/,
    annotations: { 'authorization.k8s.io/decision': 'allow' },
  });
  t.notMatch(last(), { responseObject: { metadata: { managedFields: Array } } });
  t.equal(events.length, 1, 'once');

  await admin.post(`${CORE}/secrets`, { metadata: { name: 's' }, stringData: { a: 'hidden' } });
  t.match(last(), { level: 'Metadata', objectRef: { resource: 'secrets' } });
  t.notMatch(JSON.stringify(last()), /hidden/);

  await admin.patch(`${CORE}/configmaps/m`, { data: { b: '2' } });
  t.match(last(), { verb: 'patch', requestObject: { data: { b: '2' } } });

  await server.as('alice').get(`${CORE}/pods`);
  t.match(last(), {
    user: { username: 'alice' },
    responseStatus: { status: 'Failure', reason: 'Forbidden', code: 403 },
    annotations: { 'authorization.k8s.io/decision': 'forbid' },
  });

  await server.as('nobody-knows-it').get(`${CORE}/pods`);
  t.match(last(), {
    user: { username: '' },
    responseStatus: { reason: 'Unauthorized', code: 401 },
  });

  await admin.get(`${CORE}/pods`, { 'impersonate-user': 'bob' });
  t.match(last(), { user: { username: 'admin' }, impersonatedUser: { username: 'bob' } });

  events.length = 0;
  const watch = await admin.watch('/api/v1/configmaps?watch=true&timeoutSeconds=30');
  await watch.next();
  t.match(last(), { stage: 'ResponseStarted', verb: 'watch', responseStatus: { code: 200 } });
  watch.close();
});

t.test('a log that has grown is put aside, and old ones go', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'drydock-audit-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new FakeClock();
  const log = new AuditLogFile({
    path: join(folder, 'audit.log'),
    maxSizeMib: 1,
    maxBackups: 2,
    maxAgeDays: 0,
    clock,
    logger: silentLogger(),
  });
  const filler = 'x'.repeat(600 * 1024);
  for (let i = 0; i < 5; i++) {
    log.write({ i, filler });
    await clock.advance(1000);
  }
  log.close();
  const files = readdirSync(folder).sort();
  t.equal(files.length, 3);
  t.match(files[0], /^audit-2026-01-01T.*\.log$/);
  t.equal(files[2], 'audit.log');
  const newest = JSON.parse(readFileSync(join(folder, 'audit.log'), 'utf8')) as { i: number };
  t.equal(newest.i, 4);
});
