/** Policies in CEL that change what is written, as clients of a whole server meet them. */
import t from 'tap';
import type {
  Deployment,
  MutatingAdmissionPolicyBindingSpec,
  MutatingAdmissionPolicySpec,
} from '../../../pkg/api/types.js';
import { TestServer } from '../../testing/test-server.js';

const server = await TestServer.start({
  users: ['alice'],
  options: { optional: { mutatingAdmissionPolicies: true } },
});
const admin = server.as('admin');
t.teardown(() => server.stop());

const REGISTRATION = '/apis/admissionregistration.k8s.io';
const POLICIES = `${REGISTRATION}/v1beta1/mutatingadmissionpolicies`;
const BINDINGS = `${REGISTRATION}/v1beta1/mutatingadmissionpolicybindings`;
const DEPLOYMENTS = '/apis/apps/v1/namespaces/test/deployments';
const MAPS = '/api/v1/namespaces/test/configmaps';

async function must(answer: ReturnType<typeof admin.post>) {
  const { code, body, text } = await answer;
  if (code > 299) throw new Error(text);
  return body;
}

await must(
  admin.post('/api/v1/namespaces', { metadata: { name: 'test', labels: { env: 'prod' } } }),
);

const rule = (group: string, resource: string, operations = ['CREATE', 'UPDATE']) => ({
  apiGroups: [group],
  apiVersions: ['*'],
  operations,
  resources: [resource],
});

type Spec = Partial<MutatingAdmissionPolicySpec>;

const policy = (name: string, spec: Spec) => ({
  metadata: { name },
  spec: {
    matchConstraints: { resourceRules: [rule('', 'configmaps')] },
    reinvocationPolicy: 'Never',
    ...spec,
  },
});

const applies = (expression: string) => ({
  patchType: 'ApplyConfiguration',
  applyConfiguration: { expression },
});
const patches = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } });

/** Resolves to what takes them away again. */
async function inForce(
  specs: Readonly<Record<string, Spec>>,
  binding: Partial<MutatingAdmissionPolicyBindingSpec> = {},
): Promise<() => Promise<void>> {
  for (const [name, spec] of Object.entries(specs)) {
    await must(admin.post(POLICIES, policy(name, spec)));
    const metadata = { name: `${name}-b` };
    await must(admin.post(BINDINGS, { metadata, spec: { policyName: name, ...binding } }));
  }
  return async () => {
    for (const name of Object.keys(specs)) {
      await must(admin.delete(`${BINDINGS}/${name}-b`));
      await must(admin.delete(`${POLICIES}/${name}`));
    }
  };
}

const deployment = (name: string, spec: object = {}, labels = { app: 'a' }) => ({
  metadata: { name, labels },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'a' } },
    template: {
      metadata: { labels: { app: 'a' } },
      spec: { containers: [{ name: 'a', image: 'i' }], volumes: [{ name: 'x', emptyDir: {} }] },
    },
    ...spec,
  },
});

const map = (name: string, data: Record<string, string> = {}, more: object = {}) => ({
  metadata: { name, ...more },
  data,
});
let names = 0;
const fresh = () => `n${names++}`;

t.test('what one mutation makes of a Deployment', async (t) => {
  const TEMPLATE = 'Object.spec.template.spec';
  const inTemplate = (fields: string) =>
    `Object{spec: Object.spec{template: Object.spec.template{spec: ${TEMPLATE}{${fields}}}}}`;
  interface Row {
    readonly row: string;
    readonly mutation: object;
    readonly made?: (deployment: Deployment) => unknown;
    readonly is?: unknown;
    readonly why?: string;
    readonly internal?: string;
  }
  const replicas = (obj: Deployment) => obj.spec?.replicas;
  const labels = (obj: Deployment) => obj.metadata?.labels;
  const containers = (obj: Deployment) => obj.spec?.template.spec?.containers.map((c) => c.name);
  const volumes = (obj: Deployment) => obj.spec?.template.spec?.volumes;
  const rows: readonly Row[] = [
    {
      row: 'a field',
      mutation: applies('Object{spec: Object.spec{replicas: object.spec.replicas + 1}}'),
      made: replicas,
      is: 3,
    },
    {
      row: 'what is empty changes nothing',
      mutation: applies('Object{}'),
      made: replicas,
      is: 2,
    },
    {
      row: 'a map gets more keys',
      mutation: applies('Object{metadata: Object.metadata{labels: {"new": request.operation}}}'),
      made: labels,
      is: { app: 'a', new: 'CREATE' },
    },
    {
      row: 'a list by its keys gets another item',
      mutation: applies(
        inTemplate(
          `volumes: [${TEMPLATE}.volumes{name: "y", emptyDir: ${TEMPLATE}.volumes.emptyDir{}}]`,
        ),
      ),
      made: volumes,
      is: [
        { name: 'x', emptyDir: {} },
        { name: 'y', emptyDir: {} },
      ],
    },
    {
      row: 'an item of such a list is merged',
      mutation: applies(
        inTemplate(`containers: [${TEMPLATE}.containers{name: "a", image: "other"}]`),
      ),
      made: (obj) => obj.spec?.template.spec?.containers[0]?.image,
      is: 'other',
    },
    {
      row: 'defaults follow',
      mutation: applies(inTemplate(`containers: [${TEMPLATE}.containers{name: "b", image: "i"}]`)),
      made: (obj) =>
        obj.spec?.template.spec?.containers.find((c) => c.name === 'b')?.terminationMessagePath,
      is: '/dev/termination-log',
    },
    {
      row: 'optional fields',
      mutation: applies(
        'Object{spec: Object.spec{?replicas: optional.none(), ?paused: optional.of(true)}}',
      ),
      made: (obj) => [obj.spec?.replicas, obj.spec?.paused],
      is: [2, true],
    },
    {
      row: 'what is atomic',
      mutation: applies(
        'Object{spec: Object.spec{selector: Object.spec.selector{matchLabels: {"l": "v"}}}}',
      ),
      why: 'error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.selector',
    },
    {
      row: 'an atomic list within a list',
      mutation: applies(inTemplate(`containers: [${TEMPLATE}.containers{name: "a", args: ["x"]}]`)),
      why: 'error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.template.spec.containers[0].args',
    },
    {
      row: 'a type that is not of its path',
      mutation: applies('Object{spec: Object.specx{replicas: 1}}'),
      why: 'type mismatch: unexpected type name "Object.specx", expected "Object.spec", which matches field name path from root Object type',
    },
    {
      row: 'a field that there is not',
      mutation: applies('Object{spec: Object.spec{replicasx: 1}}'),
      why: 'error applying patch: failed to convert patch object to typed object: .spec.replicasx: field not declared in schema',
    },
    {
      row: 'a value of another type',
      mutation: applies('Object{spec: Object.spec{replicas: "many"}}'),
      why: 'error applying patch: failed to convert patch object to typed object: .spec.replicas: expected numeric (int or float), got string',
    },
    {
      row: 'an expression that fails',
      mutation: applies('Object{spec: Object.spec{replicas: object.spec.none}}'),
      why: "expression 'Object{spec: Object.spec{replicas: object.spec.none}}' resulted in error: no such key: none",
    },
    {
      row: 'a patch',
      mutation: patches(
        '[JSONPatch{op: "replace", path: "/spec/replicas", value: object.spec.replicas * 2}]',
      ),
      made: replicas,
      is: 4,
    },
    {
      row: 'a key with a slash',
      mutation: patches(
        '[JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/x"), value: jsonpatch.escapeKey("a~b/c").size() == 7 ? "y" : "n"}]',
      ),
      made: labels,
      is: { app: 'a', 'example.com/x': 'y' },
    },
    {
      row: 'an object as the value',
      mutation: patches(
        '[JSONPatch{op: "add", path: "/spec/template/spec/containers/-", value: Object.spec.template.spec.containers{name: "z", image: "i"}}]',
      ),
      made: containers,
      is: ['a', 'z'],
    },
    {
      row: 'a test that holds',
      mutation: patches(
        '[JSONPatch{op: "test", path: "/spec/replicas", value: 2}, JSONPatch{op: "replace", path: "/spec/replicas", value: 3}]',
      ),
      made: replicas,
      is: 3,
    },
    {
      row: 'a test that does not: nothing of the patch',
      mutation: patches(
        '[JSONPatch{op: "replace", path: "/spec/replicas", value: 3}, JSONPatch{op: "test", path: "/spec/paused", value: true}]',
      ),
      made: replicas,
      is: 2,
    },
    {
      row: 'replace of a member that is not there',
      mutation: patches('[JSONPatch{op: "replace", path: "/metadata/labels/new", value: "1"}]'),
      made: labels,
      is: { app: 'a', new: '1' },
    },
    {
      row: 'move and copy',
      mutation: patches(
        '[JSONPatch{op: "copy", from: "/metadata/labels/app", path: "/metadata/labels/b"}, JSONPatch{op: "move", from: "/metadata/labels/b", path: "/metadata/labels/c"}]',
      ),
      made: labels,
      is: { app: 'a', c: 'a' },
    },
    {
      row: 'fields and presence of a patch',
      mutation: patches(
        '[JSONPatch{op: "add", path: "/metadata/labels", value: {"app": "a", "op": JSONPatch{op: "x"}.op, "has": string(has(JSONPatch{}.path)), "same": string(JSONPatch{op: "add", value: 1} == JSONPatch{op: "add", value: 1})}}]',
      ),
      made: labels,
      is: { app: 'a', op: 'x', has: 'false', same: 'true' },
    },
    {
      row: 'a path that is not there',
      mutation: patches('[JSONPatch{op: "add", path: "/spec/none/x", value: 1}]'),
      why: 'JSONPath: add operation does not apply: doc is missing path: "/spec/none/x": missing value',
    },
    {
      row: 'removal of what is not there',
      mutation: patches('[JSONPatch{op: "remove", path: "/metadata/labels/none"}]'),
      why: "JSONPath: error in remove for path: '/metadata/labels/none': Unable to remove nonexistent key: none: missing value",
    },
    {
      row: 'an index beyond the end',
      mutation: patches('[JSONPatch{op: "remove", path: "/spec/template/spec/containers/7"}]'),
      why: "JSONPath: error in remove for path: '/spec/template/spec/containers/7': Unable to access invalid index: 7: invalid index referenced",
    },
    {
      row: 'an operation that there is not',
      mutation: patches('[JSONPatch{op: "swap", path: "/spec"}]'),
      why: 'JSONPath: Unexpected kind: swap',
    },
    {
      row: 'a patch to a field that there is not',
      mutation: patches('[JSONPatch{op: "add", path: "/spec/unknown", value: 1}]'),
      internal: 'unknown field "spec.unknown"',
    },
    {
      row: 'too dear',
      mutation: applies(
        `Object{metadata: Object.metadata{labels: {"n": string([${'0,'.repeat(60)}0].map(a, [${'0,'.repeat(60)}0].map(b, [${'0,'.repeat(60)}0].map(c, a + b + c))).size())}}}`,
      ),
      why: 'operation cancelled: actual cost limit exceeded',
    },
  ];
  for (const { row, mutation, made, is, why, internal } of rows) {
    const name = fresh();
    const undo = await inForce({
      p: {
        matchConstraints: { resourceRules: [rule('apps', 'deployments')] },
        mutations: [mutation as never],
      },
    });
    const { code, body, text } = await admin.post(`${DEPLOYMENTS}?dryRun=All`, deployment(name));
    if (made) {
      t.equal(code, 201, `${row}: ${text}`);
      t.same(made(body as Deployment), is, row);
    } else if (internal) {
      t.match(body, { code: 500, reason: 'InternalError' }, row);
      t.ok(String(body['message']).includes(internal), `${row}: ${body['message']}`);
    } else {
      t.match(body, { code: 403, reason: 'Invalid', details: { kind: 'deployments', name } }, row);
      const message = String(body['message']);
      const begins = "policy 'p' with binding 'p-b' denied request: ";
      t.ok(message.startsWith(begins) && message.endsWith(why ?? ''), `${row}: ${message}`);
    }
    await undo();
  }
});

async function written(name: string, data: Record<string, string> = {}, more: object = {}) {
  const { code, body } = await admin.post(`${MAPS}?dryRun=All`, map(name, data, more));
  return code === 201 ? body['data'] : `${code} ${body['reason']}: ${body['message']}`;
}

/** Appends to the value of a key, so that the order of what happened can be read off. */
const appends = (letter: string) =>
  applies(`Object{data: {"log": object.?data.?log.orValue("") + "${letter}"}}`);

t.test('policies are invoked one after the other, and again where they ask for it', async (t) => {
  const undo = await inForce({
    a: { reinvocationPolicy: 'IfNeeded', mutations: [appends('a')] },
    b: { mutations: [appends('b'), appends('B')] },
    c: { reinvocationPolicy: 'IfNeeded', mutations: [appends('c')] },
  });
  t.same(await written(fresh()), { log: 'abBcac' });
  await undo();
  const alone = await inForce({ a: { reinvocationPolicy: 'IfNeeded', mutations: [appends('a')] } });
  t.same(await written(fresh()), { log: 'aa' }, 'its own change is one');
  await alone();
});

t.test('for whom a policy is', async (t) => {
  const mutations = [applies('Object{data: {"by": "p"}}')];
  const by = { by: 'p' };
  for (const { row, spec = {}, binding = {}, made, metadata = {} } of [
    { row: 'all', made: by },
    {
      row: 'a condition that holds',
      spec: { matchConditions: [{ name: 'c', expression: "request.operation == 'CREATE'" }] },
      made: by,
    },
    {
      row: 'one that does not',
      spec: { matchConditions: [{ name: 'c', expression: 'has(object.data)' }] },
      made: undefined,
    },
    {
      row: 'one that fails',
      spec: { matchConditions: [{ name: 'c', expression: "object.data.x == 'y'" }] },
      made: "403 Invalid: policy 'p' with binding 'p-b' denied request: expression 'object.data.x == 'y'' resulted in error: no such key: data",
    },
    {
      row: 'one that fails and is ignored',
      spec: {
        failurePolicy: 'Ignore',
        matchConditions: [{ name: 'c', expression: "object.data.x == 'y'" }],
      },
      made: undefined,
    },
    {
      row: 'a failure that is ignored',
      spec: { failurePolicy: 'Ignore', mutations: [applies('Object{none: 1}'), ...mutations] },
      made: by,
    },
    {
      row: 'variables, anew for each mutation',
      spec: {
        variables: [{ name: 'count', expression: 'object.?data.orValue({}).size()' }],
        mutations: [
          applies('Object{data: {"x": string(variables.count)}}'),
          applies('Object{data: {"y": string(variables.count)}}'),
        ],
      },
      made: { x: '0', y: '1' },
    },
    {
      row: 'a namespace by its labels',
      binding: { matchResources: { namespaceSelector: { matchLabels: { env: 'prod' } } } },
      made: by,
    },
    {
      row: 'another',
      binding: { matchResources: { namespaceSelector: { matchLabels: { env: 'dev' } } } },
      made: undefined,
    },
    {
      row: 'an object by its labels',
      binding: { matchResources: { objectSelector: { matchLabels: { a: 'b' } } } },
      metadata: { labels: { a: 'b' } },
      made: by,
    },
    {
      row: 'the namespace',
      spec: { mutations: [applies('Object{data: {"env": namespaceObject.metadata.labels.env}}')] },
      made: { env: 'prod' },
    },
    {
      row: 'who asks, and what they may',
      spec: {
        mutations: [
          applies(
            'Object{data: {"user": request.userInfo.username, "may": string(authorizer.requestResource.check("create").allowed())}}',
          ),
        ],
      },
      made: { user: 'admin', may: 'true' },
    },
    {
      row: 'no parameters',
      spec: { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } },
      binding: { paramRef: { name: 'none', parameterNotFoundAction: 'Deny' } },
      made: "403 Forbidden: policy 'p' with binding 'p-b' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
    },
    {
      row: 'no parameters, allowed',
      spec: { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } },
      binding: { paramRef: { name: 'none', parameterNotFoundAction: 'Allow' } },
      made: undefined,
    },
  ]) {
    const undo = await inForce({ p: { mutations, ...spec } }, binding);
    t.same(await written(row.replaceAll(/\W+/g, '-'), undefined, metadata), made, row);
    await undo();
  }
});

t.test('parameters: each that is chosen, in turn', async (t) => {
  for (const [name, letter] of [
    ['params-1', 'x'],
    ['params-2', 'y'],
  ] as const)
    await must(admin.post(MAPS, map(name, { letter }, { labels: { params: 'yes' } })));
  const undo = await inForce(
    {
      p: {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        mutations: [
          applies('Object{data: {"log": object.?data.?log.orValue("") + params.data.letter}}'),
        ],
      },
    },
    {
      paramRef: {
        selector: { matchLabels: { params: 'yes' } },
        parameterNotFoundAction: 'Deny',
      },
    },
  );
  t.same(await written(fresh()), { log: 'xy' });
  await undo();
});

t.test('an update, a scale, and a custom kind', async (t) => {
  const name = fresh();
  await must(admin.post(MAPS, map(name, { a: '1' })));
  const undo = await inForce({
    p: {
      matchConstraints: {
        resourceRules: [
          rule('', 'configmaps', ['UPDATE']),
          rule('apps', 'deployments/scale', ['UPDATE']),
        ],
      },
      mutations: [
        applies(
          'object.kind == "Scale" ? Object{spec: Object.spec{replicas: 7}} : Object{data: {"old": oldObject.data.a}}',
        ),
      ],
    },
  });
  t.same((await must(admin.patch(`${MAPS}/${name}`, { data: { a: '2' } })))['data'], {
    a: '2',
    old: '1',
  });
  await must(admin.post(DEPLOYMENTS, deployment(name)));
  const scaled = await must(admin.patch(`${DEPLOYMENTS}/${name}/scale`, { spec: { replicas: 1 } }));
  t.same(scaled['spec'], { replicas: 7 });
  await undo();

  await must(
    admin.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing' },
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
                    properties: {
                      names: {
                        type: 'array',
                        items: { type: 'string' },
                        'x-kubernetes-list-type': 'set',
                      },
                      size: { type: 'integer', default: 3 },
                      flat: { type: 'array', items: { type: 'string' } },
                    },
                  },
                },
              },
            },
          },
        ],
      },
    }),
  );
  const things = '/apis/example.com/v1/namespaces/test/things';
  const thing = (spec: object) => ({
    apiVersion: 'example.com/v1',
    kind: 'Thing',
    metadata: { generateName: 't-' },
    spec,
  });
  await server.settled();
  for (const { row, mutation, made, why } of [
    {
      row: 'a set',
      mutation: applies('Object{spec: Object.spec{names: ["b"]}}'),
      made: { names: ['a', 'b'], size: 3 },
    },
    {
      row: 'a patch',
      mutation: patches('[JSONPatch{op: "add", path: "/spec/flat", value: ["c"]}]'),
      made: { names: ['a'], size: 3, flat: ['c'] },
    },
    {
      row: 'an atomic list',
      mutation: applies('Object{spec: Object.spec{flat: ["b"]}}'),
      why: /may not mutate atomic arrays, maps or structs: \.spec\.flat$/,
    },
  ]) {
    const end = await inForce({
      p: {
        matchConstraints: { resourceRules: [rule('example.com', 'things')] },
        mutations: [mutation],
      },
    });
    const { body } = await admin.post(`${things}?dryRun=All`, thing({ names: ['a'] }));
    if (made) t.same(body['spec'], made, `${row}: ${body['message'] ?? ''}`);
    else t.match(body['message'], why, row);
    await end();
  }
});

t.test('what is refused at its creation', async (t) => {
  const good = { mutations: [applies('Object{}')] };
  const rows: readonly { readonly row: string; readonly spec: object; readonly why: string }[] = [
    {
      row: 'nothing',
      spec: { matchConstraints: undefined, reinvocationPolicy: undefined },
      why: '[spec.matchConstraints: Required value, spec.mutations: Required value: mutations must contain at least one item, spec.reinvocationPolicy: Required value]',
    },
    {
      row: 'a deletion',
      spec: { ...good, matchConstraints: { resourceRules: [rule('', 'pods', ['DELETE'])] } },
      why: 'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
    },
    {
      row: 'another type of patch',
      spec: { mutations: [{ patchType: 'Merge' }] },
      why: 'spec.mutations[0].patchType: Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch"',
    },
    {
      row: 'none, and the other',
      spec: { mutations: [{ ...patches('[]'), patchType: 'ApplyConfiguration' }] },
      why: '[spec.mutations[0].applyConfiguration: Required value: must be specified when patchType is ApplyConfiguration, spec.mutations[0].jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration]',
    },
    {
      row: 'a text in place of an object',
      spec: { mutations: [applies('"I am"')] },
      why: 'spec.mutations[0].applyConfiguration.expression: Invalid value: "\\"I am\\"": must evaluate to Object but got string',
    },
    {
      row: 'an object of another type',
      spec: { mutations: [applies('Object.spec{}')] },
      why: 'spec.mutations[0].applyConfiguration.expression: Invalid value: "Object.spec{}": must evaluate to Object but got Object.spec',
    },
    {
      row: 'one operation',
      spec: { mutations: [patches('JSONPatch{}')] },
      why: 'spec.mutations[0].jsonPatch.expression: Invalid value: "JSONPatch{}": must evaluate to list(JSONPatch) but got JSONPatch',
    },
    {
      row: 'a number for an operation',
      spec: { mutations: [patches('[JSONPatch{op: 1}]')] },
      why: `spec.mutations[0].jsonPatch.expression: Invalid value: "[JSONPatch{op: 1}]": compilation failed: ERROR: <input>:1:14: expected type of field 'op' is 'string' but provided type is 'int'\n | [JSONPatch{op: 1}]\n | .............^`,
    },
    {
      row: 'params without a kind',
      spec: { mutations: [applies('Object{spec: params.x}')] },
      why: "spec.mutations[0].applyConfiguration.expression: Invalid value: \"Object{spec: params.x}\": compilation failed: ERROR: <input>:1:14: undeclared reference to 'params' (in container '')\n | Object{spec: params.x}\n | .............^",
    },
    {
      row: 'a kind of parameters',
      spec: { ...good, paramKind: { apiVersion: 'a/b/c', kind: '9' } },
      why: '[spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c, spec.paramKind.kind: Invalid value: "9": may have mixed case, but should otherwise match: a DNS-1035 label must consist',
    },
    {
      row: 'another reinvocation',
      spec: { ...good, reinvocationPolicy: 'Always' },
      why: 'spec.reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"',
    },
  ];
  for (const { row, spec, why } of rows) {
    const { code, body } = await admin.post(POLICIES, policy('bad', spec));
    t.equal(code, 422, row);
    const begins = 'MutatingAdmissionPolicy.admissionregistration.k8s.io "bad" is invalid: ';
    const message = String(body['message']);
    t.ok(message.startsWith(begins + why), `${row}: ${message}`);
  }
  const { body } = await admin.post(BINDINGS, {
    metadata: { name: 'bad' },
    spec: { paramRef: {}, matchResources: { resourceRules: [rule('', 'pods', ['DELETE'])] } },
  });
  t.equal(
    body['message'],
    'MutatingAdmissionPolicyBinding.admissionregistration.k8s.io "bad" is invalid: [spec.policyName: Required value, spec.paramRef: Required value: one of name or selector must be specified, spec.paramRef.parameterNotFoundAction: Required value, spec.matchResources.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"]',
  );
});

t.test('nobody names parameters that they may not read', async (t) => {
  const RBAC = '/apis/rbac.authorization.k8s.io/v1';
  const rule = (apiGroups: string[], resources: string[], verbs: string[]) => ({
    apiGroups,
    resources,
    verbs,
  });
  await must(
    admin.post(`${RBAC}/clusterroles`, {
      metadata: { name: 'policy-author' },
      rules: [
        rule(['admissionregistration.k8s.io'], ['*'], ['*']),
        rule([''], ['secrets'], ['get', 'list']),
      ],
    }),
  );
  const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'alice' }];
  const roleRef = {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: 'policy-author',
  };
  await must(
    admin.post(`${RBAC}/clusterrolebindings`, {
      metadata: { name: 'policy-author' },
      roleRef,
      subjects,
    }),
  );
  await server.settled();
  const alice = server.as('alice');
  const withParams = (name: string, kind: string) =>
    policy(name, { mutations: [applies('Object{}')], paramKind: { apiVersion: 'v1', kind } });
  const who = '&{alice alice [system:authenticated] map[]}';
  t.equal((await alice.post(POLICIES, withParams('may', 'Secret'))).code, 201);
  t.equal(
    (await alice.post(POLICIES, withParams('may-not', 'ConfigMap'))).body['message'],
    `MutatingAdmissionPolicy.admissionregistration.k8s.io "may-not" is invalid: spec.paramKind: Forbidden: user ${who} must have "get" permission on all objects of the referenced paramKind (kind=ConfigMap, apiVersion=v1)`,
  );
  await must(admin.post(POLICIES, withParams('theirs', 'ConfigMap')));
  await server.settled();
  const bind = (policyName: string) =>
    alice.post(BINDINGS, {
      metadata: { name: policyName },
      spec: {
        policyName,
        paramRef: { name: 'x', namespace: 'test', parameterNotFoundAction: 'Allow' },
      },
    });
  t.equal((await bind('may')).code, 201);
  t.match((await bind('theirs')).body, {
    code: 422,
    message: `MutatingAdmissionPolicyBinding.admissionregistration.k8s.io "theirs" is invalid: spec.paramRef: Forbidden: user get does not have "${who}" permission on the object referenced by paramRef`,
  });
  await must(admin.delete(`${BINDINGS}/may`));
  for (const name of ['may', 'theirs']) await must(admin.delete(`${POLICIES}/${name}`));
});

t.test('defaults, and what is stored', async (t) => {
  const made = await must(
    admin.post(POLICIES, policy('kept', { mutations: [applies('Object{}')] })),
  );
  t.match(made, {
    metadata: { generation: 1 },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} },
    },
  });
  await must(admin.delete(`${POLICIES}/kept`));
});

t.test('without being asked for, nothing of it is served', async (t) => {
  const other = await TestServer.start({ beside: server });
  t.teardown(() => other.stop());
  const { code } = await other.as('admin').get(POLICIES);
  t.equal(code, 404);
  const { body } = await other.as('admin').get(REGISTRATION);
  t.notMatch(JSON.stringify(body), /v1beta1/);
  const { body: served } = await admin.get(REGISTRATION);
  t.match(
    JSON.stringify(served),
    /"preferredVersion":\{"groupVersion":"admissionregistration.k8s.io\/v1"/,
  );
});
