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
