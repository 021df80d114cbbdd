/**
 * Rules in CEL on a real cluster, as kubectl shows them: those of a custom resource, policies with parameters,
 * warnings and types that are checked, policies that change what is written, and who may come in and what they
 * may do by configuration files.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { TestIssuer } from '../support/issuer.js';

t.setTimeout(300_000);

const folder = mkdtempSync(join(tmpdir(), 'drydock-policies-'));
const authentication = join(folder, 'authentication.yaml');
const authorization = join(folder, 'authorization.yaml');
const webhook = join(folder, 'webhook.kubeconfig');
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** An issuer's keys, known to nobody but this test. */
const issuer = await TestIssuer.start(folder);
t.teardown(() => issuer.stop());
writeFileSync(authentication, authenticationConfig("'cel:' + claims.sub"));
writeFileSync(webhook, issuer.kubeconfig('/authorize'));
writeFileSync(authorization, authorizationConfig("request.user == 'cel:ann'"));

const cluster = await Cluster.start(t, [
  '--nodes',
  '1',
  ...[
    'feature-gates=MutatingAdmissionPolicy=true',
    'runtime-config=admissionregistration.k8s.io/v1beta1=true',
    `authentication-config=${authentication}`,
    `authorization-config=${authorization}`,
  ].flatMap((flag) => ['--apiserver-arg', flag]),
]);

function authenticationConfig(username: string): string {
  return JSON.stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt: [
      {
        issuer: {
          url: issuer.url,
          audiences: ['kube'],
          certificateAuthority: issuer.authority,
        },
        claimMappings: {
          username: { expression: username },
          groups: { expression: "claims.roles.map(r, 'team:' + r)" },
          extra: [{ key: 'example.com/tenant', valueExpression: 'claims.tenant' }],
        },
        claimValidationRules: [{ expression: "claims.tenant == 'a'", message: 'tenant a only' }],
        userValidationRules: [{ expression: "!user.username.startsWith('system:')" }],
      },
    ],
  });
}

function authorizationConfig(condition: string): string {
  return JSON.stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthorizationConfiguration',
    authorizers: [
      { type: 'Node', name: 'node' },
      { type: 'RBAC', name: 'rbac' },
      {
        type: 'Webhook',
        name: 'hook',
        webhook: {
          timeout: '5s',
          subjectAccessReviewVersion: 'v1',
          matchConditionSubjectAccessReviewVersion: 'v1',
          failurePolicy: 'NoOpinion',
          cacheAuthorizedRequests: false,
          cacheUnauthorizedRequests: false,
          connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: webhook },
          matchConditions: [{ expression: condition }],
        },
      },
    ],
  });
}

async function apply(...objects: object[]) {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  return cluster.kubectl('apply -f -', { input });
}

async function applied(t: Test, ...objects: object[]): Promise<void> {
  const { code, stderr } = await apply(...objects);
  t.equal(code, 0, stderr);
}

const crd = (rules: object[], more: object = {}) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'scalers.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'scalers', kind: 'Scaler' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['min', 'max'],
                properties: { min: { type: 'integer' }, max: { type: 'integer' }, ...more },
                'x-kubernetes-validations': rules,
              },
            },
          },
        },
      },
    ],
  },
});

const scaler = (spec: object) => ({
  apiVersion: 'example.com/v1',
  kind: 'Scaler',
  metadata: { name: 's', namespace: 'default' },
  spec,
});

t.test('rules of a custom resource', async (t) => {
  const wrong = await apply(crd([{ rule: 'self.min <= self.maximum' }]));
  t.match(
    wrong.stderr,
    /The CustomResourceDefinition "scalers.example.com" is invalid: .*x-kubernetes-validations\[0\]\.rule: Invalid value: .*: compilation failed: ERROR: <input>:1:17: undefined field 'maximum'\n \| self\.min <= self\.maximum\n \| \.{16}\^/,
  );
  const names = { type: 'array', items: { type: 'string' } };
  const dear = await apply(
    crd([{ rule: 'self.names.all(a, self.names.all(b, a != b))' }], { names }),
  );
  t.match(
    dear.stderr,
    /estimated rule cost exceeds budget by factor of more than 100x \(try simplifying the rule, or adding maxItems/,
  );
  await applied(
    t,
    crd([
      {
        rule: 'self.min <= self.max',
        messageExpression: "'min may be ' + string(self.max) + ' at most'",
        fieldPath: '.min',
      },
      {
        rule: 'self.max >= oldSelf.max',
        message: 'max may not shrink',
        reason: 'FieldValueForbidden',
      },
    ]),
  );
  await eventually(
    'scalers are served',
    async () => (await apply(scaler({ min: 1, max: 3 }))).code === 0,
  );
  const { stderr } = await apply(scaler({ min: 4, max: 3 }));
  t.match(
    stderr,
    /The Scaler "s" is invalid: spec\.min: Invalid value: "object": min may be 3 at most/,
  );
  const shrunk = await apply(scaler({ min: 1, max: 2 }));
  t.match(shrunk.stderr, /The Scaler "s" is invalid: spec: Forbidden: max may not shrink/);
  await applied(t, scaler({ min: 1, max: 4 }));
});

const policy = (name: string, spec: object) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name },
  spec: {
    failurePolicy: 'Fail',
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: ['apps'],
          apiVersions: ['v1'],
          operations: ['CREATE', 'UPDATE'],
          resources: ['deployments'],
        },
      ],
    },
    ...spec,
  },
});

const binding = (name: string, spec: object) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata: { name: `${name}-binding` },
  spec: { policyName: name, ...spec },
});

t.test('a policy with parameters', async (t) => {
  await applied(
    t,
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'prod', labels: { environment: 'prod' } },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'limits', namespace: 'prod' },
      data: { max: '2' },
    },
    policy('replicas', {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      variables: [{ name: 'max', expression: 'int(params.data.max)' }],
      validations: [
        {
          expression: 'object.spec.replicas <= variables.max',
          messageExpression:
            "'at most ' + string(variables.max) + ' replicas in ' + namespaceObject.metadata.name",
          reason: 'Forbidden',
        },
      ],
    }),
    binding('replicas', {
      validationActions: ['Deny'],
      paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' },
      matchResources: { namespaceSelector: { matchLabels: { environment: 'prod' } } },
    }),
  );
  const create = (flags: string) => cluster.kubectl(`create deployment web --image=nginx ${flags}`);
  const refused = await eventually('the policy is in force', async () => {
    const answer = await create('--replicas=3 -n prod --dry-run=server');
    return answer.code !== 0 && answer;
  });
  t.match(
    refused.stderr,
    `error: failed to create deployment: deployments.apps "web" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'replicas-binding' denied request: at most 2 replicas in prod`,
  );
  t.equal((await create('--replicas=2 -n prod')).code, 0);
  t.equal((await create('--replicas=3')).code, 0, 'another namespace');
  const { stderr } = await cluster.kubectl('scale deployment web --replicas=5 -n prod');
  t.equal(stderr, '', 'scale is a subresource of its own');
  const { stdout } = await cluster.kubectl(
    'get validatingadmissionpolicies,validatingadmissionpolicybindings',
  );
  t.match(stdout, /replicas +1 +v1\/ConfigMap/);
  t.match(stdout, /replicas-binding +replicas +\*\/limits/);
});

t.test('warnings, and types that are checked', async (t) => {
  await applied(
    t,
    policy('owner', {
      validations: [
        { expression: "'owner' in object.metadata.?labels.orValue({})", message: 'who owns it?' },
        { expression: "object.spec.replicas != '0'" },
      ],
    }),
    binding('owner', { validationActions: ['Warn', 'Audit'] }),
  );
  const { stdout } = await eventually('the policy is checked', async () => {
    const answer = await cluster.kubectl(
      'get validatingadmissionpolicy owner -o jsonpath={.status}',
    );
    return answer.stdout.includes('observedGeneration') && answer;
  });
  t.match(stdout, /"fieldRef":"spec.validations\[1\].expression"/);
  t.match(
    stdout,
    /apps\/v1, Kind=Deployment: ERROR: .*found no matching overload for '_!=_' applied to '\(int, string\)'/,
  );
  const warned = await eventually('the policy is in force', async () => {
    const answer = await cluster.kubectl('create deployment free --image=nginx --dry-run=server');
    return answer.stderr.includes('Warning') && answer;
  });
  t.match(
    warned.stderr,
    "Warning: Validation failed for ValidatingAdmissionPolicy 'owner' with binding 'owner-binding': who owns it?",
  );
  const bad = await apply(
    policy('bad', { validations: [{ expression: 'object.spec.replicas >' }] }),
  );
  t.match(
    bad.stderr,
    /The ValidatingAdmissionPolicy "bad" is invalid: spec.validations\[0\].expression: Invalid value: "object.spec.replicas >": compilation failed: ERROR: <input>:1:23: Syntax error: mismatched input '<EOF>' expecting/,
  );
});

const mutating = (name: string, spec: object) => ({
  apiVersion: 'admissionregistration.k8s.io/v1beta1',
  kind: 'MutatingAdmissionPolicy',
  metadata: { name },
  spec: {
    reinvocationPolicy: 'Never',
    matchConstraints: {
      resourceRules: [
        { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
      ],
    },
    ...spec,
  },
});
const mutatingBinding = (name: string) => ({
  apiVersion: 'admissionregistration.k8s.io/v1beta1',
  kind: 'MutatingAdmissionPolicyBinding',
  metadata: { name },
  spec: { policyName: name },
});

t.test('a policy that gives pods a sidecar', async (t) => {
  const applies = (expression: string) => [
    { patchType: 'ApplyConfiguration', applyConfiguration: { expression } },
  ];
  const sidecar =
    'Object{spec: Object.spec{initContainers: [Object.spec.initContainers{name: "mesh", image: "mesh:1", restartPolicy: "Always"}]}}';
  await applied(
    t,
    mutating('sidecar', {
      matchConditions: [
        {
          name: 'has-none',
          expression: "!object.spec.?initContainers.orValue([]).exists(c, c.name == 'mesh')",
        },
      ],
      mutations: applies(sidecar),
    }),
    mutatingBinding('sidecar'),
  );
  const run = (name: string) =>
    cluster.kubectl(
      `run ${name} --image=nginx --dry-run=server -o jsonpath={.spec.initContainers[*].name}`,
    );
  await eventually('the policy is in force', async () => (await run('p')).stdout === 'mesh');
  const { stdout } = await cluster.kubectl(
    'get mutatingadmissionpolicies,mutatingadmissionpolicybindings',
  );
  t.match(stdout, /sidecar +1 +<unset>/);
  t.match(stdout, /sidecar +sidecar +<unset>/);
  const wrong = await apply(mutating('wrong', { mutations: applies("'text'") }));
  t.match(
    wrong.stderr,
    /The MutatingAdmissionPolicy "wrong" is invalid: spec.mutations\[0\].applyConfiguration.expression: Invalid value: "'text'": must evaluate to Object but got string/,
  );
  const args = sidecar.replace('image: "mesh:1"', 'args: ["x"]');
  await applied(t, mutating('sidecar', { mutations: applies(args) }));
  const refused = await eventually('the changed policy is in force', async () => {
    const answer = await run('q');
    return answer.code !== 0 && answer;
  });
  t.match(
    refused.stderr,
    "policy 'sidecar' with binding 'sidecar' denied request: error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.initContainers[0].args",
  );
  const { code, stderr } = await cluster.kubectl(
    'delete mutatingadmissionpolicybinding,mutatingadmissionpolicy sidecar',
  );
  t.equal(code, 0, stderr);
});

t.test('who comes in by a token, and what they may do, by expressions', async (t) => {
  const claims = { sub: 'ann', aud: 'kube', tenant: 'a', roles: ['dev'] };
  const server = await cluster.apiUrl();
  const authority = join(cluster.dataDir, 'pki', 'ca.crt');
  /** Without the certificate of the cluster's own user, which would count before the token. */
  const as = async (command: string, more: object = {}) =>
    cluster.kubectl(
      `${command} --kubeconfig=/dev/null --server=${server} --certificate-authority=${authority} --token=${await issuer.token({ ...claims, ...more })}`,
    );
  const who = await eventually('the issuer is known', async () => {
    const answer = await as('auth whoami');
    return answer.code === 0 && answer;
  });
  t.match(who.stdout, /Username +cel:ann/);
  t.match(who.stdout, /Groups +\[team:dev system:authenticated\]/);
  t.match(who.stdout, /Extra: example\.com\/tenant +\[a\]/);
  t.match((await as('auth whoami', { tenant: 'b' })).stderr, /Unauthorized|must be logged in/);
  t.equal((await as('get configmaps')).code, 0, 'the webhook lets her');
  t.match(
    (await as('get configmaps', { sub: 'bob' })).stderr,
    /User "cel:bob" cannot list resource "configmaps"/,
    'and is not asked about him',
  );
  writeFileSync(authorization, authorizationConfig("request.user == 'cel:bob'"));
  await eventually(
    'the authorizers are read again',
    async () => (await as('get configmaps', { sub: 'bob' })).code === 0,
  );
  t.not((await as('get configmaps')).code, 0);
  writeFileSync(authentication, authenticationConfig("'new:' + claims.sub"));
  await eventually('the issuers are read again', async () =>
    /Username +new:ann/.test((await as('auth whoami')).stdout),
  );
});
