/** Policies in CEL and the conditions of webhooks, as clients of a whole server meet them. */
import t from 'tap';
import type {
  ValidatingAdmissionPolicyBindingSpec,
  ValidatingAdmissionPolicySpec,
} from '../../../pkg/api/types.js';
import { TestServer } from '../../testing/test-server.js';

const server = await TestServer.start({ users: ['alice'] });
const admin = server.as('admin');
t.teardown(() => server.stop());

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
const POLICIES = `${REGISTRATION}/validatingadmissionpolicies`;
const BINDINGS = `${REGISTRATION}/validatingadmissionpolicybindings`;
const MAPS = '/api/v1/namespaces/test/configmaps';

async function must(answer: ReturnType<typeof admin.post>) {
  const { code, body, text } = await answer;
  if (code > 299) throw new Error(text);
  return body;
}

await must(
  admin.post('/api/v1/namespaces', { metadata: { name: 'test', labels: { env: 'prod' } } }),
);
await must(admin.post('/api/v1/namespaces', { metadata: { name: 'other' } }));

const rule = (resources: string[], more: object = {}) => ({
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE'],
  resources,
  ...more,
});

/** A policy for config maps with its binding; resolves to what takes them away again. */
async function inForce(
  spec: Partial<ValidatingAdmissionPolicySpec>,
  binding: Partial<ValidatingAdmissionPolicyBindingSpec> = {},
): Promise<() => Promise<void>> {
  await must(
    admin.post(POLICIES, {
      metadata: { name: 'p' },
      spec: { matchConstraints: { resourceRules: [rule(['configmaps'])] }, ...spec },
    }),
  );
  await must(
    admin.post(BINDINGS, {
      metadata: { name: 'b' },
      spec: { policyName: 'p', validationActions: ['Deny'], ...binding },
    }),
  );
  return async () => {
    await must(admin.delete(`${BINDINGS}/b`));
    await must(admin.delete(`${POLICIES}/p`));
  };
}

const map = (name: string, data: Record<string, string> = {}, more: object = {}) => ({
  metadata: { name, ...more },
  data,
});
let names = 0;
const fresh = () => `m${names++}`;

t.test('what a policy decides', async (t) => {
  const denied = (name: string, why: string) =>
    `configmaps "${name}" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: ${why}`;
  const isGood = "object.data.kind == 'good'";
  interface Row {
    readonly row: string;
    readonly spec: Partial<ValidatingAdmissionPolicySpec>;
    readonly binding?: Partial<ValidatingAdmissionPolicyBindingSpec>;
    readonly data?: Record<string, string>;
    readonly metadata?: object;
    readonly why?: string;
    readonly code?: number;
    readonly reason?: string;
  }
  const rows: readonly Row[] = [
    { row: 'holds', spec: { validations: [{ expression: isGood }] }, data: { kind: 'good' } },
    {
      row: 'does not',
      spec: { validations: [{ expression: isGood }] },
      data: { kind: 'bad' },
      why: `failed expression: ${isGood}`,
    },
    {
      row: 'message and reason',
      spec: { validations: [{ expression: isGood, message: ' not good ', reason: 'Forbidden' }] },
      data: { kind: 'bad' },
      why: 'not good',
      code: 403,
      reason: 'Forbidden',
    },
    {
      row: 'messageExpression',
      spec: {
        validations: [
          { expression: isGood, message: 'no', messageExpression: "'not ' + object.data.kind" },
        ],
      },
      data: { kind: 'bad' },
      why: 'not bad',
    },
    {
      row: 'an expression that fails',
      spec: { validations: [{ expression: isGood }] },
      why: `expression '${isGood}' resulted in error: no such key: data`,
    },
    {
      row: 'an ignored failure',
      spec: { failurePolicy: 'Ignore', validations: [{ expression: isGood }] },
    },
    {
      row: 'variables, lazily',
      spec: {
        variables: [
          { name: 'kind', expression: "object.?data.?kind.orValue('none')" },
          { name: 'bad', expression: "variables.kind != 'good'" },
          { name: 'broken', expression: '1 / 0' },
        ],
        validations: [
          { expression: '!variables.bad', messageExpression: "'kind is ' + variables.kind" },
        ],
      },
      why: 'kind is none',
    },
    {
      row: 'a variable that fails',
      spec: {
        variables: [{ name: 'broken', expression: '1 / 0' }],
        validations: [{ expression: 'variables.broken == 1' }],
      },
      why: `expression 'variables.broken == 1' resulted in error: composited variable "broken" fails to evaluate: division by zero`,
    },
    {
      row: 'matchConditions',
      spec: {
        matchConditions: [{ name: 'alice', expression: "request.userInfo.username == 'alice'" }],
        validations: [{ expression: 'false' }],
      },
    },
    {
      row: 'the request and the namespace',
      spec: {
        validations: [
          {
            expression: `request.operation == 'CREATE' && request.kind.kind == 'ConfigMap' && request.namespace == 'test' && request.userInfo.groups.exists(g, g == 'system:masters') && !has(request.subResource) && namespaceObject.metadata.labels.env == 'prod' && oldObject == null`,
          },
        ],
      },
    },
    {
      row: 'the authorizer',
      spec: {
        validations: [
          {
            expression: `authorizer.requestResource.check('create').allowed() && !authorizer.serviceAccount('test', 'none').group('').resource('secrets').namespace('test').check('get').allowed()`,
          },
        ],
      },
    },
    {
      row: 'an object selector of the binding',
      spec: { validations: [{ expression: 'false', message: 'no' }] },
      binding: { matchResources: { objectSelector: { matchLabels: { checked: 'yes' } } } },
    },
    {
      row: 'an object selector that fits',
      spec: { validations: [{ expression: 'false', message: 'no' }] },
      binding: { matchResources: { objectSelector: { matchLabels: { checked: 'yes' } } } },
      metadata: { labels: { checked: 'yes' } },
      why: 'no',
    },
    {
      row: 'a namespace selector',
      spec: { validations: [{ expression: 'false' }] },
      binding: { matchResources: { namespaceSelector: { matchLabels: { env: 'dev' } } } },
    },
    {
      row: 'excluded resources',
      spec: {
        matchConstraints: {
          resourceRules: [rule(['*'])],
          excludeResourceRules: [rule(['configmaps'])],
        },
        validations: [{ expression: 'false' }],
      },
    },
    {
      row: 'too dear',
      spec: {
        validations: [
          {
            expression: `[1,2,3,4,5,6,7,8,9,0].all(a, [1,2,3,4,5,6,7,8,9,0].all(b, [1,2,3,4,5,6,7,8,9,0].all(c, [1,2,3,4,5,6,7,8,9,0].all(d, [1,2,3,4,5,6,7,8,9,0].all(e, [1,2,3,4,5,6,7,8,9,0].all(f, true))))))`,
          },
        ],
      },
      why: `expression '[1,2,3,4,5,6,7,8,9,0].all(a, [1,2,3,4,5,6,7,8,9,0].all(b, [1,2,3,4,5,6,7,8,9,0].all(c, [1,2,3,4,5,6,7,8,9,0].all(d, [1,2,3,4,5,6,7,8,9,0].all(e, [1,2,3,4,5,6,7,8,9,0].all(f, true))))))' resulted in error: operation cancelled: actual cost limit exceeded`,
    },
  ];
  for (const { row, spec, binding, data, metadata, why, code, reason } of rows) {
    const undo = await inForce(spec, binding);
    const name = fresh();
    const answer = await admin.post(MAPS, map(name, data, metadata));
    t.equal(answer.code, why === undefined ? 201 : (code ?? 422), `${row}: ${answer.text}`);
    if (why !== undefined) {
      t.equal(answer.body['message'], denied(name, why), row);
      t.equal(answer.body['reason'], reason ?? 'Invalid', row);
    }
    await undo();
  }
});

t.test('what becomes of a decision', async (t) => {
  const undo = await inForce(
    { validations: [{ expression: 'false', message: 'no' }] },
    { validationActions: ['Warn', 'Audit'] },
  );
  const { code, headers } = await admin.post(MAPS, map(fresh()));
  t.equal(code, 201);
  t.match(
    String(headers['warning']),
    /^299 - "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': no"$/,
  );
  await undo();
});

t.test('updates, deletes and other namespaces', async (t) => {
  const undo = await inForce({
    matchConstraints: { resourceRules: [rule(['configmaps'], { operations: ['*'] })] },
    validations: [
      {
        expression: "request.operation != 'UPDATE' || object.data.v >= oldObject.data.v",
        message: 'never back',
      },
      {
        expression: "request.operation != 'DELETE' || (object == null && oldObject.data.v != '9')",
        message: 'kept',
      },
    ],
  });
  const name = fresh();
  await must(admin.post(MAPS, map(name, { v: '2' })));
  t.match(
    (await admin.put(`${MAPS}/${name}`, map(name, { v: '1' }))).body['message'],
    /never back$/,
  );
  t.equal((await admin.put(`${MAPS}/${name}`, map(name, { v: '9' }))).code, 200);
  t.match((await admin.delete(`${MAPS}/${name}`)).body['message'], /kept$/);
  await undo();
  await must(admin.delete(`${MAPS}/${name}`));
});

t.test('parameters', async (t) => {
  const spec: Partial<ValidatingAdmissionPolicySpec> = {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    matchConstraints: { resourceRules: [rule(['secrets'])] },
    validations: [
      {
        expression: 'size(object.data) <= int(params.data.max)',
        messageExpression: "'at most ' + params.data.max",
      },
    ],
  };
  const secret = () =>
    admin.post('/api/v1/namespaces/other/secrets', {
      metadata: { name: fresh() },
      data: { a: '', b: '' },
    });
  const undo = await inForce(spec, {
    paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' },
  });
  t.match(
    (await secret()).body['message'],
    /denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
  );
  await must(
    admin.post(
      '/api/v1/namespaces/other/configmaps',
      map('limits', { max: '1' }, { labels: { limits: 'yes' } }),
    ),
  );
  t.match((await secret()).body['message'], /denied request: at most 1$/);
  await must(admin.patch('/api/v1/namespaces/other/configmaps/limits', { data: { max: '2' } }));
  t.equal((await secret()).code, 201);
  await undo();
  const bySelector = await inForce(spec, {
    paramRef: {
      namespace: 'other',
      selector: { matchLabels: { limits: 'yes' } },
      parameterNotFoundAction: 'Allow',
    },
  });
  await must(
    admin.post(
      '/api/v1/namespaces/other/configmaps',
      map('tighter', { max: '1' }, { labels: { limits: 'yes' } }),
    ),
  );
  t.match((await secret()).body['message'], /denied request: at most 1$/);
  await bySelector();
});

t.test('expressions that do not compile are refused with their errors', async (t) => {
  const spec = { matchConstraints: { resourceRules: [rule(['configmaps'])] } };
  for (const { row, more, message } of [
    {
      row: 'validation',
      more: { validations: [{ expression: 'object.x >' }] },
      message:
        /spec\.validations\[0\]\.expression: Invalid value: "object\.x >": compilation failed: ERROR: <input>:1:11: Syntax error: mismatched input '<EOF>' expecting /,
    },
    {
      row: 'type',
      more: { validations: [{ expression: '1 + 1' }] },
      message: 'spec.validations[0].expression: Invalid value: "1 + 1": must evaluate to bool',
    },
    {
      row: 'no params',
      more: { validations: [{ expression: 'params.x' }] },
      message:
        "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.x\n | ^",
    },
    {
      row: 'request',
      more: { validations: [{ expression: "request.user == ''" }] },
      message:
        "compilation failed: ERROR: <input>:1:8: undefined field 'user'\n | request.user == ''\n | .......^",
    },
    {
      row: 'messageExpression',
      more: { validations: [{ expression: 'true', messageExpression: 'authorizer' }] },
      message:
        "spec.validations[0].messageExpression: Invalid value: \"authorizer\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'authorizer' (in container '')",
    },
    {
      row: 'variables',
      more: {
        variables: [
          { name: 'a', expression: 'variables.b' },
          { name: 'b', expression: '1' },
        ],
        validations: [{ expression: 'variables.b == 1' }],
      },
      message:
        'spec.variables[0].expression: Invalid value: "variables.b": compilation failed: ERROR: <input>:1:10: undefined field \'b\'',
    },
    {
      row: 'annotation',
      more: { auditAnnotations: [{ key: 'k', valueExpression: '1' }] },
      message:
        'spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of [string null_type]',
    },
  ]) {
    const { code, body } = await admin.post(POLICIES, {
      metadata: { name: 'bad' },
      spec: { ...spec, ...more },
    });
    t.equal(code, 422, row);
    const found = String(body['message']);
    t.ok(
      typeof message === 'string' ? found.includes(message) : message.test(found),
      `${row}: ${found}`,
    );
  }
});
