/** Webhooks as a real HTTPS server in this process, called by a whole apiserver. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import type {
  MutatingWebhook,
  RuleWithOperations,
  ValidatingWebhook,
} from '../../../pkg/api/types.js';
import { ownAddress } from '../../../pkg/component/own-address.js';
import { TestServer } from '../../testing/test-server.js';

interface Asked {
  readonly path: string;
  readonly request: Record<string, unknown> & { uid: string; operation: string };
}
type Answer = Record<string, unknown> | string | number | 'hang';

const server = await TestServer.start({ users: ['alice'] });
const admin = server.as('admin');
const pem = (file: string) => readFileSync(join(server.pki, file), 'utf8');

/** What each path answers; a function gets the AdmissionRequest. */
const behaviours = new Map<string, (asked: Asked['request']) => Answer>();
const calls: Asked[] = [];
const hooks = createServer(
  { cert: pem('apiserver.crt'), key: pem('apiserver.key') },
  (req, res) => {
    let body = '';
    req.on('data', (chunk) => {
      body += String(chunk);
    });
    req.on('end', () => {
      const path = (req.url ?? '').split('?')[0] ?? '';
      const { request, apiVersion } = JSON.parse(body) as {
        request: Asked['request'];
        apiVersion: string;
      };
      calls.push({ path, request });
      const answer = behaviours.get(path)?.(request) ?? { allowed: true };
      if (answer === 'hang') return;
      if (typeof answer === 'number') res.writeHead(answer).end('broken');
      else if (typeof answer === 'string') res.end(answer);
      else
        res.end(
          JSON.stringify({
            kind: 'AdmissionReview',
            apiVersion,
            response: { uid: request.uid, ...answer },
          }),
        );
    });
  },
);
await new Promise<void>((resolve) => hooks.listen(0, '0.0.0.0', resolve));
const port = (hooks.address() as AddressInfo).port;
t.teardown(async () => {
  hooks.closeAllConnections();
  hooks.close();
  await server.stop();
});

const CORE = '/api/v1/namespaces';
const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
const caBundle = Buffer.from(pem('ca.crt')).toString('base64');
const at = (path: string) => ({ url: `https://127.0.0.1:${port}${path}`, caBundle });
const rule = (over: Partial<RuleWithOperations> = {}): RuleWithOperations => ({
  apiGroups: [''],
  apiVersions: ['v1'],
  resources: ['configmaps'],
  operations: ['CREATE'],
  ...over,
});
const hook = (name: string, over: Partial<MutatingWebhook> = {}): MutatingWebhook => ({
  name: `${name}.example.com`,
  clientConfig: at(`/${name}`),
  rules: [rule()],
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  ...over,
});
const patched = (...operations: object[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
const denied = (message?: string, status: object = {}) => ({
  allowed: false,
  status: { ...(message ? { message } : {}), ...status },
});

async function must(answer: ReturnType<typeof admin.post>) {
  const { code, body, text } = await answer;
  if (code > 299) throw new Error(text);
  return body;
}

/** Waits until the server has seen the configurations: a dry run of what they refuse is refused. */
async function configured(
  kind: 'mutating' | 'validating',
  webhooks: readonly (MutatingWebhook | ValidatingWebhook)[],
  name = 'test',
) {
  const path = `${REGISTRATION}/${kind}webhookconfigurations`;
  await must(admin.post(path, { metadata: { name }, webhooks }));
  await server.settled();
  calls.length = 0;
  return async () => {
    await must(admin.delete(`${path}/${name}`));
    await server.settled();
  };
}

const map = (name: string, over: object = {}) => ({ metadata: { name, ...over } });
const post = (body: object, query = '') =>
  admin.send('POST', `${CORE}/default/configmaps${query}`, body);

t.test('what a webhook is asked', async (t) => {
  const undo = await configured('validating', [
    hook('ask', {
      rules: [
        rule({
          operations: ['*'],
          resources: ['configmaps', 'namespaces', 'pods/*', 'deployments/scale'],
          apiGroups: ['*'],
        }),
      ],
    }),
  ]);
  await must(admin.post(`${CORE}/default/configmaps?fieldManager=me`, map('asked')));
  t.match(calls[0]?.request, {
    uid: /^[0-9a-f-]{36}$/,
    kind: { group: '', version: 'v1', kind: 'ConfigMap' },
    resource: { group: '', version: 'v1', resource: 'configmaps' },
    requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
    requestResource: { group: '', version: 'v1', resource: 'configmaps' },
    name: 'asked',
    namespace: 'default',
    operation: 'CREATE',
    userInfo: { username: 'admin', groups: ['system:masters', 'system:authenticated'] },
    object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'asked', uid: String } },
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' },
  });
  await must(admin.patch(`${CORE}/default/configmaps/asked`, { data: { a: '1' } }));
  t.match(calls[1]?.request, {
    operation: 'UPDATE',
    object: { data: { a: '1' } },
    oldObject: { metadata: { name: 'asked' } },
    options: { kind: 'PatchOptions' },
  });
  await must(admin.delete(`${CORE}/default/configmaps/asked`));
  t.match(calls[2]?.request, {
    operation: 'DELETE',
    name: 'asked',
    object: null,
    oldObject: { kind: 'ConfigMap', data: { a: '1' } },
    options: { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' },
  });
  await must(admin.post(CORE, map('hooked')));
  t.match(calls[3]?.request, {
    name: 'hooked',
    namespace: 'hooked',
    object: { kind: 'Namespace' },
  });
  const scaled = {
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: {
        metadata: { labels: { a: 'b' } },
        spec: { containers: [{ name: 'c', image: 'i' }] },
      },
    },
  };
  await must(
    admin.post('/apis/apps/v1/namespaces/default/deployments', {
      metadata: { name: 'd' },
      ...scaled,
    }),
  );
  await must(
    admin.patch('/apis/apps/v1/namespaces/default/deployments/d/scale', { spec: { replicas: 3 } }),
  );
  t.match(calls.at(-1)?.request, {
    kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    subResource: 'scale',
    requestSubResource: 'scale',
    object: { kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 3 } },
    oldObject: { kind: 'Scale', spec: { replicas: 1 } },
  });
  await admin.post(`${CORE}/default/pods/none/eviction`, { metadata: { name: 'none' } });
  t.match(calls.at(-1)?.request, {
    kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
    subResource: 'eviction',
    object: { kind: 'Eviction', apiVersion: 'policy/v1' },
  });
  await undo();
});

t.test('what a webhook answers', async (t) => {
  const failed = (why: string) =>
    `Internal error occurred: failed calling webhook "says.example.com": ${why}`;
  const undo = await configured('validating', [hook('says')]);
  const wrong = 'received invalid webhook response: ';
  for (const { row, answer, code, message, reason } of [
    { row: 'yes', answer: { allowed: true }, code: 201 },
    {
      row: 'no',
      answer: denied('too blue'),
      code: 400,
      message: 'admission webhook "says.example.com" denied the request: too blue',
    },
    {
      row: 'no, by reason',
      answer: denied(undefined, { reason: 'Conflict', code: 409 }),
      code: 409,
      message: 'admission webhook "says.example.com" denied the request: Conflict',
      reason: 'Conflict',
    },
    {
      row: 'no, silently',
      answer: { allowed: false },
      code: 400,
      message: 'admission webhook "says.example.com" denied the request without explanation',
    },
    {
      row: 'no, with a good code',
      answer: denied('x', { code: 200, reason: 'Forbidden' }),
      code: 400,
      message: 'admission webhook "says.example.com" denied the request: x',
      reason: 'Forbidden',
    },
    {
      row: 'a 500',
      answer: 500,
      code: 500,
      message: failed(
        'failed to call webhook: an error on the server ("broken") has prevented the request from succeeding',
      ),
    },
    {
      row: 'a 404',
      answer: 404,
      code: 500,
      message: failed('failed to call webhook: the server could not find the requested resource'),
    },
    {
      row: 'of another request',
      answer: { allowed: true, uid: 'other' },
      code: 500,
      message:
        /failed calling webhook "says.example.com": received invalid webhook response: expected response.uid=".*", got "other"/,
    },
    {
      row: 'no response',
      answer: '{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}',
      code: 500,
      message: failed(`${wrong}webhook response was absent`),
    },
    {
      row: 'another kind',
      answer: '{"kind":"Pod","apiVersion":"v1","response":{}}',
      code: 500,
      message: /expected webhook response of admission.k8s.io\/v1, Kind=AdmissionReview, got/,
    },
    {
      row: 'a patch',
      answer: patched({ op: 'add', path: '/data', value: {} }),
      code: 500,
      message: failed(`${wrong}validating webhook may not return response.patch`),
    },
    {
      row: 'no JSON',
      answer: 'what?',
      code: 500,
      message: /couldn't get version\/kind; json parse error/,
    },
  ] as const) {
    behaviours.set('/says', () => answer as Answer);
    const { code: got, body } = await post(map(`says-${calls.length}`));
    t.equal(got, code, row);
    if (message) t.match(body['message'], message, row);
    if (reason) t.equal(body['reason'], reason, row);
  }
  await undo();
});

t.test('a webhook that cannot be reached', async (t) => {
  const closed = 'https://127.0.0.1:1/x';
  behaviours.set('/slow', () => 'hang');
  for (const { row, over, code, message } of [
    {
      row: 'refused',
      over: { clientConfig: { url: closed, caBundle } },
      code: 500,
      message:
        'Internal error occurred: failed calling webhook "off.example.com": failed to call webhook: Post "https://127.0.0.1:1/x?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
    },
    {
      row: 'ignored',
      over: { clientConfig: { url: closed, caBundle }, failurePolicy: 'Ignore' },
      code: 201,
      message: '',
    },
    {
      row: 'of an unknown authority',
      over: { clientConfig: { url: `https://127.0.0.1:${port}/x` } },
      code: 500,
      message: `Internal error occurred: failed calling webhook "off.example.com": failed to call webhook: Post "https://127.0.0.1:${port}/x?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    },
    {
      row: 'late',
      over: { clientConfig: at('/slow'), timeoutSeconds: 1 },
      code: 500,
      message: `Internal error occurred: failed calling webhook "off.example.com": failed to call webhook: Post "https://127.0.0.1:${port}/slow?timeout=1s": context deadline exceeded`,
    },
    {
      row: 'no such service',
      over: {
        clientConfig: { service: { namespace: 'default', name: 'gone', path: '/x' }, caBundle },
      },
      code: 500,
      message:
        'Internal error occurred: failed calling webhook "off.example.com": failed to call webhook: Post "https://gone.default.svc:443/x?timeout=10s": service "gone" not found',
    },
  ] as const) {
    const undo = await configured('validating', [hook('off', over as Partial<MutatingWebhook>)]);
    const { code: got, body } = await post(map(`off-${row.replaceAll(' ', '-')}`));
    t.equal(got, code, row);
    if (message) t.match(body['message'], message, row);
    await undo();
  }
});

t.test('a Service leads to an endpoint of it', async (t) => {
  const ns = `${CORE}/default`;
  await must(
    admin.post(`${ns}/services`, {
      metadata: { name: 'hooks' },
      spec: { ports: [{ name: 'https', port: 443 }] },
    }),
  );
  const undo = await configured('validating', [
    hook('service', {
      clientConfig: {
        service: { namespace: 'default', name: 'hooks', path: '/service' },
        caBundle,
      },
    }),
  ]);
  const prefix =
    'Internal error occurred: failed calling webhook "service.example.com": failed to call webhook: Post "https://hooks.default.svc:443/service?timeout=10s": ';
  t.equal(
    (await post(map('none'))).body['message'],
    `${prefix}no endpoints available for service "hooks"`,
  );
  await must(
    admin.post('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
      metadata: { name: 'hooks-1', labels: { 'kubernetes.io/service-name': 'hooks' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [ownAddress()] }],
      ports: [{ name: 'https', port }],
    }),
  );
  const reached = await post(map('reached'));
  t.match(
    reached.body['message'],
    `${prefix}tls: failed to verify certificate: x509: certificate is valid for `,
    'it is reached, and must show a certificate for the Service',
  );
  t.match(reached.body['message'], /not hooks\.default\.svc$/);
  await undo();
});

t.test('whom a webhook is called for', async (t) => {
  await must(admin.post(CORE, { metadata: { name: 'chosen', labels: { team: 'a' } } }));
  const hpa = {
    metadata: { name: 'h' },
    spec: {
      scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' },
      maxReplicas: 3,
    },
  };
  const HPA = '/apis/autoscaling';
  behaviours.set('/who', () => denied('called'));
  for (const { row, over, write, called } of [
    {
      row: 'another operation',
      over: { rules: [rule({ operations: ['UPDATE'] })] },
      write: () => post(map('w1')),
      called: false,
    },
    {
      row: 'all operations',
      over: { rules: [rule({ operations: ['*'] })] },
      write: () => post(map('w2')),
      called: true,
    },
    {
      row: 'another group',
      over: { rules: [rule({ apiGroups: ['apps'] })] },
      write: () => post(map('w3')),
      called: false,
    },
    {
      row: 'another version',
      over: { rules: [rule({ apiVersions: ['v2'] })] },
      write: () => post(map('w4')),
      called: false,
    },
    {
      row: 'subresources only',
      over: { rules: [rule({ resources: ['configmaps/status'] })] },
      write: () => post(map('w5')),
      called: false,
    },
    {
      row: 'every resource',
      over: { rules: [rule({ resources: ['*'] })] },
      write: () => post(map('w6')),
      called: true,
    },
    {
      row: 'every subresource, too',
      over: { rules: [rule({ resources: ['*/*'] })] },
      write: () => post(map('w7')),
      called: true,
    },
    {
      row: 'cluster scope',
      over: { rules: [rule({ scope: 'Cluster' })] },
      write: () => post(map('w8')),
      called: false,
    },
    {
      row: 'a namespace is of the cluster',
      over: { rules: [rule({ scope: 'Cluster', resources: ['*'] })] },
      write: () => admin.post(CORE, map('w9')),
      called: true,
    },
    {
      row: 'namespaced scope',
      over: { rules: [rule({ scope: 'Namespaced' })] },
      write: () => post(map('w10')),
      called: true,
    },
    {
      row: 'a namespace that is not chosen',
      over: { namespaceSelector: { matchLabels: { team: 'a' } } },
      write: () => post(map('w11')),
      called: false,
    },
    {
      row: 'a namespace that is',
      over: { namespaceSelector: { matchLabels: { team: 'a' } } },
      write: () => admin.post(`${CORE}/chosen/configmaps`, map('w12')),
      called: true,
    },
    {
      row: 'a namespace by its new labels',
      over: {
        rules: [rule({ resources: ['namespaces'] })],
        namespaceSelector: { matchLabels: { team: 'b' } },
      },
      write: () => admin.post(CORE, map('w13', { labels: { team: 'b' } })),
      called: true,
    },
    {
      row: 'an object that is not chosen',
      over: { objectSelector: { matchLabels: { a: 'b' } } },
      write: () => post(map('w14')),
      called: false,
    },
    {
      row: 'an object that is',
      over: { objectSelector: { matchLabels: { a: 'b' } } },
      write: () => post(map('w15', { labels: { a: 'b' } })),
      called: true,
    },
    {
      row: 'an equivalent version',
      over: {
        rules: [
          rule({
            apiGroups: ['autoscaling'],
            apiVersions: ['v1'],
            resources: ['horizontalpodautoscalers'],
          }),
        ],
      },
      write: () => admin.post(`${HPA}/v2/namespaces/default/horizontalpodautoscalers`, hpa),
      called: true,
    },
    {
      row: 'exactly another version',
      over: {
        matchPolicy: 'Exact',
        rules: [
          rule({
            apiGroups: ['autoscaling'],
            apiVersions: ['v1'],
            resources: ['horizontalpodautoscalers'],
          }),
        ],
      },
      write: () => admin.post(`${HPA}/v2/namespaces/default/horizontalpodautoscalers`, hpa),
      called: false,
    },
    {
      row: 'its own configuration',
      over: {
        rules: [
          rule({ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }),
        ],
      },
      write: () =>
        admin.patch(`${REGISTRATION}/validatingwebhookconfigurations/test`, {
          metadata: { labels: { a: 'b' } },
        }),
      called: false,
    },
    {
      row: 'side effects and a dry run',
      over: { sideEffects: 'NoneOnDryRun' },
      write: () => post(map('w16'), '?dryRun=All'),
      called: true,
    },
  ] as const) {
    const undo = await configured('validating', [hook('who', over as Partial<MutatingWebhook>)]);
    const { code, text } = await write();
    t.equal(code, called ? 400 : code < 300 ? code : 0, `${row}: ${text}`);
    t.equal(calls.length > 0, called, row);
    if (row === 'an equivalent version')
      t.match(calls[0]?.request, {
        kind: { version: 'v1' },
        requestKind: { version: 'v2' },
        object: { apiVersion: 'autoscaling/v1' },
      });
    await undo();
  }
});

t.test('mutating webhooks change one after the other', async (t) => {
  const add = (key: string) => (request: Asked['request']) => {
    const { data } = request['object'] as { data?: Record<string, string> };
    return patched(...(data ? [] : [{ op: 'add', path: '/data', value: {} }]), {
      op: 'add',
      path: `/data/${key}`,
      value: Object.keys(data ?? {}).join('+') || 'first',
    });
  };
  behaviours.set('/a', add('a'));
  behaviours.set('/b', add('b'));
  const undoB = await configured('mutating', [hook('b')], 'b-second');
  const undoA = await configured('mutating', [hook('a')], 'a-first');
  const made = await must(post(map('mutated')));
  t.same(made['data'], { a: 'first', b: 'a' }, 'by the names of the configurations');
  t.equal((await must(post(map('dry'), '?dryRun=All')))['kind'], 'ConfigMap');
  await undoA();
  await undoB();

  behaviours.set('/warn', () => ({ allowed: true, warnings: ['mind the gap', 'mind the gap'] }));
  const undo = await configured('mutating', [hook('warn')]);
  t.same((await post(map('warned'))).headers['warning'], '299 - "mind the gap"');
  await undo();

  for (const [row, answer, message] of [
    [
      'no patch',
      { allowed: true, patchType: 'JSONPatch', patch: Buffer.from('{').toString('base64') },
      /^Internal error occurred: /,
    ],
    [
      'a bad path',
      patched({ op: 'replace', path: '/x/y', value: 1 }),
      /^Internal error occurred: /,
    ],
    [
      'an invalid object',
      patched({ op: 'replace', path: '/metadata/name', value: 'B A D' }),
      /is invalid: metadata.name/,
    ],
    [
      'no type',
      { allowed: true, patch: 'W10=' },
      'webhook returned response.patch but not response.patchType',
    ],
    [
      'another type',
      { ...patched(), patchType: 'Merge', patch: 'W10=' },
      'unsupported patch type "Merge"',
    ],
  ] as const) {
    behaviours.set('/bad', () => answer);
    const undo = await configured('mutating', [hook('bad')]);
    t.match((await post(map('bad'))).body['message'], message, row);
    await undo();
  }
});

t.test('a webhook is called again when another changed the object after it', async (t) => {
  const order: string[] = [];
  behaviours.set('/early', () => {
    order.push('early');
    return { allowed: true };
  });
  behaviours.set('/once', () => {
    order.push('once');
    return { allowed: true };
  });
  behaviours.set('/late', (request) => {
    order.push('late');
    const { data } = request['object'] as { data?: object };
    return data ? { allowed: true } : patched({ op: 'add', path: '/data', value: { a: 'b' } });
  });
  const undo = await configured('mutating', [
    hook('early', { reinvocationPolicy: 'IfNeeded' }),
    hook('once'),
    hook('late', { reinvocationPolicy: 'IfNeeded' }),
  ]);
  await must(post(map('again')));
  t.same(order, ['early', 'once', 'late', 'early']);
  order.length = 0;
  await must(post({ ...map('not-again'), data: { c: 'd' } }));
  t.same(order, ['early', 'once', 'late']);
  await undo();
});

t.test('conditions that cannot be evaluated refuse, or skip the webhook', async (t) => {
  const conditions = { matchConditions: [{ name: 'c', expression: '1 / 0 == 0' }] };
  const undo = await configured('validating', [hook('cel', conditions)]);
  const { code, body } = await post(map('celled'));
  t.equal(code, 403);
  t.match(body['message'], /^configmaps "celled" is forbidden: /);
  await undo();
  const skip = await configured('validating', [
    hook('cel', { ...conditions, failurePolicy: 'Ignore' }),
  ]);
  t.equal((await post(map('skipped'))).code, 201);
  t.equal(calls.length, 0);
  await skip();
  const expression = "object.metadata.name != 'unasked' && request.operation == 'CREATE'";
  const some = await configured('validating', [
    hook('cel', { matchConditions: [{ name: 'c', expression }] }),
  ]);
  await must(post(map('unasked')));
  t.equal(calls.length, 0, 'a condition that does not hold');
  await post(map('asked'));
  t.equal(calls.length, 1, 'one that does');
  await some();
});

t.test('a v1beta1 webhook, and the counters', async (t) => {
  behaviours.set('/old', () => ({
    uid: undefined,
    allowed: true,
    patch: patched({ op: 'add', path: '/data', value: { old: 'y' } }).patch,
  }));
  const undo = await configured('mutating', [
    hook('old', { admissionReviewVersions: ['v1beta1', 'v1'] }),
  ]);
  t.same((await must(post(map('old'))))['data'], { old: 'y' });
  await undo();
  const { text } = await admin.get('/metrics');
  t.match(text, /apiserver_admission_webhook_request_total\{.*name="old.example.com".*\} 1/);
  t.match(text, /apiserver_admission_webhook_rejection_count\{.*name="says.example.com".*\}/);
  t.match(text, /apiserver_admission_webhook_fail_open_count\{.*name="off.example.com".*\} 1/);
});

t.test('custom kinds are seen in the version that the rule is for', async (t) => {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const version = (name: string, storage: boolean) => ({
    name,
    served: true,
    storage,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        properties: {
          spec: {
            type: 'object',
            properties: { size: { type: 'integer' }, color: { type: 'string' } },
          },
        },
      },
    },
  });
  const names = { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' };
  await must(
    admin.post(crds, {
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names,
        versions: [version('v1', true), version('v2', false)],
      },
    }),
  );
  const widgets = (v: string) => `/apis/example.com/${v}/namespaces/default/widgets`;
  for (let i = 0; i < 200 && (await admin.get(widgets('v1'))).code !== 200; i++)
    await server.settled();
  behaviours.set('/widget', () =>
    patched(
      { op: 'add', path: '/spec/color', value: 'blue' },
      { op: 'add', path: '/nonsense', value: 1 },
    ),
  );
  const undo = await configured('mutating', [
    hook('widget', {
      rules: [rule({ apiGroups: ['example.com'], apiVersions: ['v2'], resources: ['widgets'] })],
    }),
  ]);
  const made = await must(
    admin.post(widgets('v1'), {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'w' },
      spec: { size: 3 },
    }),
  );
  t.match(calls[0]?.request, {
    kind: { version: 'v2', kind: 'Widget' },
    requestKind: { version: 'v1' },
    object: { apiVersion: 'example.com/v2', spec: { size: 3 } },
  });
  t.match(made, { apiVersion: 'example.com/v1', spec: { size: 3, color: 'blue' } });
  t.notMatch(made, { nonsense: 1 }, 'what the schema does not have is dropped');
  await undo();
});

t.test('a connection is seen with what it asks for', async (t) => {
  behaviours.set('/connect', () => denied('no shells'));
  const undo = await configured('validating', [
    hook('connect', { rules: [rule({ operations: ['CONNECT'], resources: ['pods/exec'] })] }),
  ]);
  const answer = await admin.post(
    `${CORE}/default/pods/p/exec?command=sh&command=-c&stdin=true&tty=1&container=c`,
    undefined,
  );
  t.match(
    answer.body['message'],
    'admission webhook "connect.example.com" denied the request: no shells',
  );
  t.match(calls[0]?.request, {
    operation: 'CONNECT',
    subResource: 'exec',
    name: 'p',
    kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
    object: {
      kind: 'PodExecOptions',
      stdin: true,
      tty: true,
      container: 'c',
      command: ['sh', '-c'],
    },
  });
  await undo();
});
