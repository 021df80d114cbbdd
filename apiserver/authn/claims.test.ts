/** AuthenticationConfiguration: what is wrong with one, and the users that it makes of claims. */
import t from 'tap';
import { parseAuthenticationConfiguration } from './authentication-configuration.js';
import { userOf } from './claims.js';

const file = (jwt: readonly object[], more: object = {}) =>
  JSON.stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt,
    ...more,
  });
const issuer = { url: 'https://a.example', audiences: ['k'] };
const byClaim = { username: { claim: 'sub', prefix: '' } };

const CLAIMS = {
  iss: 'https://a.example',
  sub: 'ann',
  email: 'ann@example.com',
  email_verified: true,
  exp: 1_700_086_400,
  nbf: 1_700_000_000,
  jti: 'j-1',
  roles: ['dev', '', 'ops'],
  role: 'solo',
  number: 7,
  nested: { 'dotted.name': 'deep', list: [{ id: 'x' }] },
  'kubernetes.io': { uid: 'u-1' },
};

t.test('users are made of claims', async (t) => {
  const extraKey = 'authentication.kubernetes.io/credential-id';
  const jti = { [extraKey]: ['JTI=j-1'] };
  const name = (expression: string) => ({ claimMappings: { username: { expression } } });
  const rows: readonly { readonly row: string; readonly jwt: object; readonly is: unknown }[] = [
    {
      row: 'by claims',
      jwt: {
        claimMappings: {
          username: { claim: 'sub', prefix: 'p:' },
          groups: { claim: 'roles', prefix: 'g:' },
          uid: { claim: 'sub' },
        },
      },
      is: { name: 'p:ann', groups: ['g:dev', 'g:', 'g:ops'], uid: 'ann', extra: jti },
    },
    {
      row: 'by expressions',
      jwt: {
        claimMappings: {
          username: { expression: "claims.sub + ':external'" },
          groups: { expression: 'claims.roles' },
          uid: { expression: "claims['kubernetes.io'].uid" },
          extra: [
            { key: 'example.com/role', valueExpression: 'claims.role' },
            { key: 'example.com/none', valueExpression: "claims.?absent.orValue('')" },
          ],
        },
      },
      is: {
        name: 'ann:external',
        groups: ['dev', 'ops'],
        uid: 'u-1',
        extra: { ...jti, 'example.com/role': ['solo'] },
      },
    },
    {
      row: 'escaped names',
      jwt: name('claims.nested.dotted__dot__name + claims.kubernetes__dot__io.uid'),
      is: { name: 'deepu-1', groups: [], extra: jti },
    },
    {
      row: 'a list within',
      jwt: name('claims.nested.list[0].id + string(claims.roles.size())'),
      is: { name: 'x3', groups: [], extra: jti },
    },
    {
      row: 'a name that is no text',
      jwt: name('claims.number'),
      is: 'oidc: error evaluating username claim expression: username claim expression must return a string',
    },
    {
      row: 'an empty name',
      jwt: name("''"),
      is: 'oidc: empty username via CEL expression is not allowed',
    },
    {
      row: 'a claim that is not there',
      jwt: name('claims.absent'),
      is: "oidc: error evaluating username claim expression: expression 'claims.absent' resulted in error: no such key: absent",
    },
    {
      row: 'groups that are no texts',
      jwt: { claimMappings: { ...byClaim, groups: { expression: '[1]' } } },
      is: 'oidc: error evaluating group claim expression: expression must return a string or a list of strings',
    },
    {
      row: 'a rule that holds: numbers are doubles',
      jwt: {
        claimMappings: byClaim,
        claimValidationRules: [
          { expression: 'claims.exp - claims.nbf <= 86400.0', message: 'too long' },
        ],
      },
      is: { name: 'ann', groups: [], extra: jti },
    },
    {
      row: 'a rule that does not',
      jwt: {
        claimMappings: byClaim,
        claimValidationRules: [{ expression: "claims.sub == 'bob'", message: 'only bob' }],
      },
      is: "oidc: error evaluating claim validation expression: validation expression 'claims.sub == 'bob'' failed: only bob",
    },
    {
      row: 'a claim that must be',
      jwt: {
        claimMappings: byClaim,
        claimValidationRules: [{ claim: 'role', requiredValue: 'other' }],
      },
      is: 'oidc: required claim role value does not match. Got = solo, want = other',
    },
    {
      row: 'a user that may be',
      jwt: {
        claimMappings: { ...byClaim, groups: { expression: 'claims.roles' } },
        userValidationRules: [
          { expression: "!user.username.startsWith('system:')" },
          { expression: "user.groups.all(g, g != 'admin') && user.uid == ''" },
          { expression: "user.extra.all(k, k.contains('/'))" },
        ],
      },
      is: { name: 'ann', groups: ['dev', 'ops'], extra: jti },
    },
    {
      row: 'a user that may not',
      jwt: {
        claimMappings: { username: { expression: "'system:' + claims.sub" } },
        userValidationRules: [
          { expression: "!user.username.startsWith('system:')", message: 'reserved' },
        ],
      },
      is: "oidc: error evaluating user info validation rule: validation expression '!user.username.startsWith('system:')' failed: reserved",
    },
  ];
  for (const { row, jwt, is } of rows) {
    const [mapping] = parseAuthenticationConfiguration(file([{ issuer, ...jwt }])).issuers;
    if (!mapping) throw new Error('the file has no issuer');
    if (typeof is === 'string') t.throws(() => userOf(CLAIMS, mapping), { message: is }, row);
    else t.same(userOf(CLAIMS, mapping), is, row);
  }
});

t.test('what is wrong with a configuration, by its field', async (t) => {
  const rule = (expression: string) => ({
    issuer,
    claimMappings: byClaim,
    claimValidationRules: [{ expression }],
  });
  const email = (username: string, more: object = {}) => ({
    issuer,
    claimMappings: { username: { expression: username } },
    ...more,
  });
  const rows: readonly (readonly [readonly object[], string])[] = [
    [
      [{}],
      '[jwt[0].issuer.url: Required value, jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required, jwt[0].claimMappings.username: Required value: claim or expression is required]',
    ],
    [
      [{ issuer: { ...issuer, url: 'http://u:p@a?b#c' }, claimMappings: byClaim }],
      '[jwt[0].issuer.url: Invalid value: "http://u:p@a?b#c": URL scheme must be https, jwt[0].issuer.url: Invalid value: "http://u:p@a?b#c": URL must not contain a username or password, jwt[0].issuer.url: Invalid value: "http://u:p@a?b#c": URL must not contain a query, jwt[0].issuer.url: Invalid value: "http://u:p@a?b#c": URL must not contain a fragment]',
    ],
    [
      [{ issuer: { ...issuer, url: 'https://own' }, claimMappings: byClaim }],
      'jwt[0].issuer.url: Invalid value: "https://own": URL must not overlap with disallowed issuers: [https://own]',
    ],
    [
      [
        { issuer, claimMappings: byClaim },
        { issuer, claimMappings: byClaim },
      ],
      'jwt[1].issuer.url: Duplicate value: "https://a.example"',
    ],
    [
      [{ issuer: { ...issuer, audiences: ['a', 'b'] }, claimMappings: byClaim }],
      'jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences',
    ],
    [
      [{ issuer: { ...issuer, discoveryURL: 'https://a.example/' }, claimMappings: byClaim }],
      'jwt[0].issuer.discoveryURL: Invalid value: "https://a.example/": discoveryURL must be different from URL',
    ],
    [
      [{ issuer: { ...issuer, certificateAuthority: 'no' }, claimMappings: byClaim }],
      'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates',
    ],
    [
      [{ issuer, claimMappings: { username: { claim: 'sub' } } }],
      'jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing',
    ],
    [
      [{ issuer, claimMappings: { username: { claim: 'sub', expression: 'claims.sub' } } }],
      'jwt[0].claimMappings.username: Invalid value: "": claim and expression can\'t both be set',
    ],
    [
      [rule('claims.sub')],
      'jwt[0].claimValidationRules[0].expression: Invalid value: "claims.sub": must evaluate to bool',
    ],
    [
      [rule('claim.sub == ""')],
      `jwt[0].claimValidationRules[0].expression: Invalid value: "claim.sub == \\"\\"": compilation failed: ERROR: <input>:1:1: undeclared reference to 'claim' (in container '')\n | claim.sub == ""\n | ^`,
    ],
    [
      [
        {
          issuer,
          claimMappings: byClaim,
          userValidationRules: [{ expression: 'user.name == ""' }],
        },
      ],
      `jwt[0].userValidationRules[0].expression: Invalid value: "user.name == \\"\\"": compilation failed: ERROR: <input>:1:5: undefined field 'name'\n | user.name == ""\n | ....^`,
    ],
    [
      [
        {
          issuer,
          claimMappings: {
            ...byClaim,
            extra: [{ key: 'a.k8s.io/X', valueExpression: '' }, { key: 'x' }],
          },
        },
      ],
      '[jwt[0].claimMappings.extra[0].key: Invalid value: "a.k8s.io/X": must be lowercase, jwt[0].claimMappings.extra[0].key: Invalid value: "a.k8s.io/X": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use, jwt[0].claimMappings.extra[0].valueExpression: Required value, jwt[0].claimMappings.extra[1].key: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo"), jwt[0].claimMappings.extra[1].valueExpression: Required value]',
    ],
    [
      [email('claims.email')],
      'jwt[0].claimMappings.username.expression: Invalid value: "claims.email": claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression',
    ],
    [
      [{ issuer, claimMappings: byClaim, claimValidationRule: [] }],
      'strict decoding error: unknown field "jwt[0].claimValidationRule"',
    ],
  ];
  for (const [jwt, message] of rows)
    t.throws(
      () => parseAuthenticationConfiguration(file(jwt), ['https://own']),
      { message },
      message.slice(0, 80),
    );
  for (const verified of [
    email('claims.email_verified ? claims.email : claims.sub'),
    email('claims.email', {
      claimValidationRules: [{ expression: 'claims.?email_verified.orValue(false) == true' }],
    }),
  ])
    t.doesNotThrow(() => parseAuthenticationConfiguration(file([verified])));
  t.throws(
    () =>
      parseAuthenticationConfiguration(
        file([], { anonymous: { enabled: false, conditions: [{ path: '/livez' }] } }),
      ),
    {
      message:
        'anonymous.conditions: Invalid value: [{"Path":"/livez"}]: enabled should be set to true when conditions are defined',
    },
  );
  t.same(
    parseAuthenticationConfiguration(
      file([], { anonymous: { enabled: true, conditions: [{ path: '/livez' }] } }),
    ),
    { issuers: [], anonymous: { enabled: true, paths: ['/livez'] } },
    'no issuer at all',
  );
});
