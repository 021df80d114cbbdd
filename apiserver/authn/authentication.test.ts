/** Who comes in by which token, and who does not: a table of attempts at a whole server. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import t from 'tap';
import { ACCESS_ENVIRONMENT } from '../../pkg/cel/access-review.js';
import { compile } from '../../pkg/cel/program.js';
import { TestServer } from '../testing/test-server.js';
import { parseAuthenticationConfiguration } from './authentication-configuration.js';

/** Signs tokens, and shows its keys and a token webhook over TLS. */
const first = await TestServer.start();
t.teardown(() => first.stop());
const pem = (file: string) => readFileSync(join(first.pki, file), 'utf8');
const { publicKey, privateKey } = await generateKeyPair('RS256');
const { privateKey: strangers } = await generateKeyPair('RS256');
const reviews: string[] = [];
let url = '';
const remote = createServer(
  { cert: pem('apiserver.crt'), key: pem('apiserver.key') },
  (req, res) => {
    let body = '';
    req.on('data', (chunk) => {
      body += String(chunk);
    });
    req.on(
      'end',
      () => void answer(req.url ?? '', body).then((value) => res.end(JSON.stringify(value))),
    );
  },
);
async function answer(path: string, body: string): Promise<object> {
  if (path === '/.well-known/openid-configuration') return { issuer: url, jwks_uri: `${url}/keys` };
  if (path === '/keys')
    return { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256' }] };
  const review = JSON.parse(body) as {
    kind: string;
    spec: { token?: string; user?: string; resourceAttributes?: { verb: string } };
  };
  reviews.push(JSON.stringify(review.spec));
  if (review.kind === 'SubjectAccessReview') {
    const { user, resourceAttributes } = review.spec;
    return {
      ...review,
      status:
        user === 'banned'
          ? { allowed: false, denied: true, reason: 'banned is banned' }
          : { allowed: user === 'reader' && resourceAttributes?.verb === 'list' },
    };
  }
  return review.spec.token === 'webhook-good'
    ? { ...review, status: { authenticated: true, user: { username: 'hooked', groups: ['g'] } } }
    : { ...review, status: { authenticated: false, error: 'never heard of it' } };
}
await new Promise<void>((resolve) => remote.listen(0, '127.0.0.1', resolve));
url = `https://127.0.0.1:${(remote.address() as AddressInfo).port}`;
t.teardown(() => {
  remote.closeAllConnections();
  remote.close();
});

const target = { server: url, ca: pem('ca.crt') };
const base = {
  tokenFile: [
    'admin,admin,1,system:masters',
    'reader,reader,2',
    'banned,banned,3',
    'bob,bob,4',
  ].join('\n'),
  clientCa: pem('ca.crt'),
};
const server = await TestServer.start({
  beside: first,
  options: {
    authentication: {
      ...base,
      bootstrapTokens: true,
      issuers: [
        {
          url,
          ca: pem('ca.crt'),
          audiences: ['kube'],
          signingAlgorithms: ['RS256'],
          username: { claim: 'sub', prefix: 'oidc:' },
          groups: { claim: 'groups', prefix: 'team:' },
          requiredClaims: { tenant: 'a' },
        },
      ],
      webhook: { target, cacheTtlMs: 60_000 },
      anonymous: { enabled: true, paths: ['/healthz'] },
    },
  },
});
t.teardown(() => server.stop());
const admin = server.as('admin');

const now = Math.floor(Date.now() / 1000);
const jwt = (claims: JWTPayload, key = privateKey, kid = 'one') =>
  new SignJWT({ iss: url, aud: 'kube', sub: 'ann', tenant: 'a', exp: now + 60, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid })
    .sign(key);

async function whoIs(token: string) {
  const { code, body } = await server
    .as(token)
    .post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {});
  const { userInfo } = (body['status'] ?? {}) as {
    userInfo?: { username?: string; groups?: string[] };
  };
  return code === 201 ? { name: userInfo?.username, groups: userInfo?.groups } : code;
}

t.test('OpenID Connect', async (t) => {
  t.same(await whoIs(await jwt({ groups: ['dev', 'ops'] })), {
    name: 'oidc:ann',
    groups: ['team:dev', 'team:ops', 'system:authenticated'],
  });
  for (const [row, token] of [
    ['expired', await jwt({ exp: now - 600 })],
    ['without an end', await jwt({ exp: undefined })],
    ['for somebody else', await jwt({ aud: 'other' })],
    ['signed by a stranger', await jwt({}, strangers)],
    ['by an unknown key', await jwt({}, strangers, 'two')],
    ['without a required claim', await jwt({ tenant: undefined })],
    ['with another value of it', await jwt({ tenant: 'b' })],
    ['of another issuer', await jwt({ iss: 'https://elsewhere.example' })],
    ['without a name', await jwt({ sub: undefined })],
    [
      'unsigned',
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ iss: url, aud: 'kube', sub: 'admin', tenant: 'a', exp: now + 60 })).toString('base64url')}.`,
    ],
  ] as const)
    t.equal(await whoIs(token), 401, row);
});

t.test('bootstrap tokens', async (t) => {
  const encoded = (data: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    );
  const good = {
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': 'system:bootstrappers:workers',
  };
  const rows: readonly [string, string, Record<string, string>, object | number][] = [
    [
      'good',
      'aaaaaa',
      good,
      {
        name: 'system:bootstrap:aaaaaa',
        groups: ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated'],
      },
    ],
    ['of another use', 'aaaaab', { ...good, 'usage-bootstrap-authentication': 'false' }, 401],
    ['expired', 'aaaaac', { ...good, expiration: '2020-01-01T00:00:00Z' }, 401],
    ['with another secret', 'aaaaad', { ...good, 'token-secret': 'fedcba9876543210' }, 401],
    ['with an end that cannot be read', 'aaaaae', { ...good, expiration: 'soon' }, 401],
    [
      'into a group that is not for it',
      'aaaaaf',
      { ...good, 'auth-extra-groups': 'system:masters' },
      401,
    ],
  ];
  for (const [row, id, data, expected] of rows) {
    const { code, text } = await admin.post('/api/v1/namespaces/kube-system/secrets', {
      metadata: { name: `bootstrap-token-${id}` },
      type: 'bootstrap.kubernetes.io/token',
      data: encoded({ 'token-id': id, ...data }),
    });
    t.equal(code, 201, text);
    await server.settled();
    t.same(await whoIs(`${id}.0123456789abcdef`), expected, row);
  }
  t.equal(await whoIs('zzzzzz.0123456789abcdef'), 401, 'unknown');
  await admin.delete('/api/v1/namespaces/kube-system/secrets/bootstrap-token-aaaaaa');
  await server.settled();
  t.equal(await whoIs('aaaaaa.0123456789abcdef'), 401, 'taken away');
});

t.test('a webhook is asked once, and its answer kept', async (t) => {
  reviews.length = 0;
  t.same(await whoIs('webhook-good'), { name: 'hooked', groups: ['g', 'system:authenticated'] });
  t.same(await whoIs('webhook-good'), { name: 'hooked', groups: ['g', 'system:authenticated'] });
  t.equal(reviews.filter((spec) => spec.includes('webhook-good')).length, 1);
  t.equal(await whoIs('webhook-bad'), 401);
});

t.test('anonymous callers reach the paths that are for them', async (t) => {
  t.equal((await server.with('').get('/healthz')).code, 200);
  t.equal((await server.with('').get('/healthz?verbose')).code, 200);
  t.equal((await server.with('').get('/version')).code, 401);
  t.equal((await server.with('').get('/healthz/ping')).code, 401);
});

t.test('authorization by webhook, by policy file, and by nothing', async (t) => {
  const policy = [
    '{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"user":"bob","namespace":"*","resource":"pods","apiGroup":"","readonly":true}}',
    '{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{"group":"system:authenticated","readonly":true,"nonResourcePath":"/version"}}',
  ].join('\n');
  const webhook = {
    target,
    authorizedTtlMs: 1000,
    unauthorizedTtlMs: 0,
    failurePolicy: 'Deny' as const,
  };
  const other = await TestServer.start({
    beside: first,
    options: {
      authentication: { ...base, anonymous: true },
      authorizationModes: ['Webhook', 'ABAC'],
      authorization: { abacPolicy: policy, webhooks: [webhook] },
    },
  });
  t.teardown(() => other.stop());
  for (const [who, method, path, code] of [
    ['reader', 'GET', '/api/v1/pods', 200],
    ['reader', 'GET', '/api/v1/namespaces/default/pods/x', 403],
    ['bob', 'GET', '/api/v1/namespaces/default/pods/x', 404],
    ['bob', 'DELETE', '/api/v1/namespaces/default/pods/x', 403],
    ['bob', 'GET', '/api/v1/secrets', 403],
    ['bob', 'GET', '/version', 200],
    ['bob', 'GET', '/metrics', 403],
    ['banned', 'GET', '/version', 403],
  ] as const)
    t.equal((await other.as(who).send(method, path)).code, code, `${who} ${method} ${path}`);
  t.match((await other.as('banned').get('/version')).body['message'], /: banned is banned$/);
  const anybody = await other.with('').get('/version');
  t.equal(anybody.code, 403, 'everybody means everybody who is known');
});

t.test(
  'an issuer of a configuration file: users by expressions, and others while it runs',
  async (t) => {
    const issuerOf = (username: string) =>
      parseAuthenticationConfiguration(
        JSON.stringify({
          apiVersion: 'apiserver.config.k8s.io/v1',
          kind: 'AuthenticationConfiguration',
          jwt: [
            {
              issuer: {
                url,
                audiences: ['kube', 'other'],
                audienceMatchPolicy: 'MatchAny',
                certificateAuthority: pem('ca.crt'),
              },
              claimMappings: {
                username: { expression: username },
                groups: { expression: "claims.?groups.orValue([]).map(g, 'team:' + g)" },
              },
              claimValidationRules: [{ expression: "claims.tenant == 'a'", message: 'tenant a' }],
              userValidationRules: [{ expression: "!user.username.startsWith('system:')" }],
            },
          ],
        }),
      ).issuers;
    const other = await TestServer.start({
      beside: first,
      options: {
        authentication: { ...base, issuers: issuerOf("'cel:' + claims.sub"), anonymous: false },
      },
    });
    t.teardown(() => other.stop());
    const who = async (token: string) => {
      const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
      const { code, body } = await other.as(token).post(path, {});
      const { userInfo } = (body['status'] ?? {}) as { userInfo?: { username?: string } };
      return code === 201 ? userInfo : code;
    };
    t.match(await who(await jwt({ groups: ['dev'] })), {
      username: 'cel:ann',
      groups: ['team:dev', 'system:authenticated'],
    });
    t.match(await who(await jwt({ aud: 'other' })), { username: 'cel:ann' });
    t.equal(await who(await jwt({ aud: 'nobody' })), 401);
    t.equal(await who(await jwt({ tenant: 'b' })), 401);
    const later = new AbortController();
    await other.server.issuers.reconfigure(issuerOf('claims.sub'), later.signal);
    t.match(await who(await jwt({})), { username: 'ann' });
    t.equal(await who(await jwt({ sub: 'system:admin' })), 401);
    await other.server.issuers.reconfigure([], later.signal);
    t.equal(await who(await jwt({})), 401, 'an issuer that is gone');
  },
);

t.test('conditions of an authorization webhook, and other authorizers while it runs', async (t) => {
  const conditions = (...texts: string[]) =>
    texts.map((text) => ({ text, program: compile(text, ACCESS_ENVIRONMENT) }));
  const webhook = {
    target,
    authorizedTtlMs: 0,
    unauthorizedTtlMs: 0,
    failurePolicy: 'Deny' as const,
    conditions: conditions("has(request.resourceAttributes) && request.user == 'reader'"),
  };
  const other = await TestServer.start({
    beside: first,
    options: {
      authentication: { ...base, anonymous: false },
      authorizationModes: ['Webhook'],
      authorization: { webhooks: [webhook] },
    },
  });
  t.teardown(() => other.stop());
  const codeOf = async (who: string, path: string) => (await other.as(who).get(path)).code;
  t.equal(await codeOf('reader', '/api/v1/pods'), 200);
  t.equal(await codeOf('reader', '/version'), 403, 'the webhook is not asked');
  reviews.length = 0;
  t.equal(await codeOf('bob', '/api/v1/pods'), 403);
  t.same(reviews, []);
  const { authorizer } = other.server;
  const failing = { ...webhook, conditions: conditions('request.resourceAttributes.verb != ""') };
  authorizer.reconfigure({ modes: ['Webhook', 'AlwaysAllow'], webhooks: [failing] });
  t.equal(await codeOf('bob', '/version'), 403, 'a condition that fails denies');
  const lenient = { ...failing, failurePolicy: 'NoOpinion' as const };
  authorizer.reconfigure({ modes: ['Webhook', 'AlwaysAllow'], webhooks: [lenient] });
  t.equal(await codeOf('bob', '/version'), 200, 'or has no opinion');
  t.throws(() => authorizer.reconfigure({ modes: ['RBAC'] }), {
    message: 'authorizer type RBAC is not allowed if it was not enabled at initial server startup',
  });
  t.equal(await codeOf('bob', '/version'), 200, 'and nothing has changed');
});
