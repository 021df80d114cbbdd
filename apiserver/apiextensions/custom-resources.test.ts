/** Custom resources through whole servers: two of them on one store, and a conversion webhook over TLS. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type {
  CustomResourceDefinition,
  JSONSchemaProps,
  ValidationRule,
} from '../../pkg/api/types.js';
import type { UnstructuredObject } from '../../pkg/apimachinery/meta.js';
import { RealClock } from '../../pkg/component/clock.js';
import { TestServer } from '../testing/test-server.js';

t.setTimeout(300_000);

const server = await TestServer.start();
const second = await TestServer.start({ beside: server });
const admin = server.as('admin');
const other = second.as('admin');
const clock = new RealClock();
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const PATIENCE_MS = 10_000;

t.teardown(async () => {
  await second.stop();
  await server.stop();
});

type Spec = Partial<CustomResourceDefinition['spec']>;
type Version = CustomResourceDefinition['spec']['versions'][number];

const object = (properties: Record<string, JSONSchemaProps>, more: JSONSchemaProps = {}) => ({
  type: 'object',
  properties,
  ...more,
});

function definition(
  kind: string,
  schema: JSONSchemaProps,
  version: Partial<Version> = {},
  spec: Spec = {},
): object {
  const plural = `${kind.toLowerCase()}s`;
  const group = spec.group ?? 'example.com';
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          ...version,
        },
      ],
      ...spec,
    },
  };
}

async function until<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  const late = clock.monotonic() + PATIENCE_MS;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (clock.monotonic() > late) throw new Error('it did not come true in time');
    await clock.sleep(5);
  }
}

type Status = { status?: CustomResourceDefinition['status'] };
const conditionOf = (crd: UnstructuredObject & Status, type: string) =>
  crd.status?.conditions?.find((c) => c.type === type);

/** Applies it and waits until it is served. */
async function define(t: Test, crd: object): Promise<void> {
  const made = await admin.post(CRDS, crd);
  t.equal(made.code, 201, made.text);
  await until(async () => {
    const { body } = await admin.get(`${CRDS}/${made.body.metadata?.name}`);
    return conditionOf(body, 'Established')?.status === 'True';
  });
}

const items = (plural: string, version = 'v1') =>
  `/apis/example.com/${version}/namespaces/default/${plural}`;
const thing = (kind: string, name: string, rest: object, version = 'v1') => ({
  apiVersion: `example.com/${version}`,
  kind,
  metadata: { name },
  ...rest,
});

t.test('a definition that is wrong is refused in the words of Kubernetes', async (t) => {
  const rows: readonly { name: string; crd: object; says: string }[] = [
    {
      name: 'a field without a type',
      crd: definition('Foo', object({ spec: {} })),
      says: 'spec.validation.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields',
    },
    {
      name: 'no schema',
      crd: definition('Foo', {}, { schema: {} }),
      says: 'spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required',
    },
    {
      name: 'a type under a junctor',
      crd: definition('Foo', object({ a: { type: 'string', anyOf: [{ type: 'string' }] } })),
      says: 'spec.validation.openAPIV3Schema.properties[a].anyOf[0].type: Forbidden: must be empty to be structural',
    },
    {
      name: 'a field that is described under a junctor alone',
      crd: definition('Foo', object({}, { allOf: [{ properties: { b: { minLength: 1 } } }] })),
      says: 'spec.validation.openAPIV3Schema.properties[b]: Required value: because it is defined in spec.validation.openAPIV3Schema.allOf[0].properties[b]',
    },
    {
      name: 'a default that does not fit',
      crd: definition('Foo', object({ n: { type: 'integer', maximum: 3, default: 4 } })),
      says: 'spec.validation.openAPIV3Schema.properties[n].default: Invalid value: 4:  in body should be less than or equal to 3',
    },
    {
      name: 'keys of a list map that may be absent',
      crd: definition(
        'Foo',
        object({
          l: {
            type: 'array',
            items: object({ k: { type: 'string' } }),
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['k'],
          },
        }),
      ),
      says: 'properties[l].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
    },
    {
      name: 'metadata that is restricted beyond names',
      crd: definition('Foo', object({ metadata: object({ labels: { type: 'object' } }) })),
      says: 'properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified',
    },
    {
      name: 'another name than plural and group',
      crd: { ...definition('Foo', object({})), metadata: { name: 'foo.example.com' } },
      says: 'metadata.name: Invalid value: "foo.example.com": must be spec.names.plural+"."+spec.group',
    },
    {
      name: 'a protected group',
      crd: definition('Foo', object({}), {}, { group: 'foo.k8s.io' }),
      says: 'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
    },
    {
      name: 'a selectable field of metadata',
      crd: definition(
        'Foo',
        object({ spec: object({ l: { type: 'array', items: { type: 'string' } } }) }),
        {
          selectableFields: [{ jsonPath: '.spec.l' }, { jsonPath: '.spec.x' }],
        },
      ),
      says: 'spec.selectableFields[1].jsonPath: Invalid value: ".spec.x": is an invalid path: does not refer to a valid field',
    },
    {
      name: 'a column without a path',
      crd: definition('Foo', object({}), {
        additionalPrinterColumns: [{ name: 'A', type: 'text', jsonPath: 'spec.a' }],
      }),
      says: 'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string, spec.additionalPrinterColumns[0].JSONPath: Invalid value: "spec.a": must be a simple json path starting with .',
    },
    {
      name: 'a webhook that is nowhere',
      crd: definition('Foo', object({}), {}, { conversion: { strategy: 'Webhook' } }),
      says: 'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook, spec.conversion.conversionReviewVersions: Required value',
    },
  ];
  for (const { name, crd, says } of rows) {
    const { code, body } = await admin.post(CRDS, crd);
    t.equal(code, 422, name);
    t.ok(String(body['message']).includes(says), `${name}: ${String(body['message'])}`);
  }
  const odd = definition('Odd', object({ a: { type: 'string', format: 'moon' } }));
  const { headers } = await admin.post(`${CRDS}?dryRun=All`, odd);
  t.match(headers['warning'], /unrecognized format/);
});

t.test('names belong to whom they were given first', async (t) => {
  await define(t, definition('Taken', object({})));
  const late = definition(
    'Late',
    object({}),
    {},
    {
      names: { plural: 'lates', kind: 'Late', singular: 'taken', shortNames: ['takens'] },
    },
  );
  t.equal((await admin.post(CRDS, late)).code, 201);
  const path = `${CRDS}/lates.example.com`;
  const refused = await until(async () => {
    const { body } = await admin.get(path);
    return conditionOf(body, 'NamesAccepted')?.status === 'False' && body;
  });
  t.match(conditionOf(refused, 'NamesAccepted'), {
    reason: 'ShortNamesConflict',
    message: '"takens" is already in use',
  });
  t.match(conditionOf(refused, 'Established'), { status: 'False', reason: 'NotAccepted' });
  t.equal((await admin.get(items('lates'))).code, 404);
  await admin.delete(`${CRDS}/takens.example.com`);
  await until(async () => {
    const { body } = await admin.get(path);
    return conditionOf(body, 'Established')?.status === 'True';
  });
  t.equal((await admin.get(items('lates'))).code, 200);
});

t.test('objects are validated, pruned and defaulted by their schema', async (t) => {
  const port = object(
    {
      name: { type: 'string' },
      port: {
        'x-kubernetes-int-or-string': true,
        anyOf: [{ type: 'integer' }, { type: 'string' }],
      },
    },
    { required: ['name'] },
  );
  await define(
    t,
    definition(
      'Gadget',
      object({
        spec: object(
          {
            text: { type: 'string', minLength: 2, maxLength: 4, pattern: '^[a-z]+$' },
            size: { type: 'integer', format: 'int32', minimum: 1, maximum: 10, default: 5 },
            mode: { type: 'string', enum: ['On', 'Off'] },
            when: { type: 'string', format: 'date-time' },
            ports: {
              type: 'array',
              items: port,
              maxItems: 2,
              'x-kubernetes-list-type': 'map',
              'x-kubernetes-list-map-keys': ['name'],
            },
            tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
            free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            labels: { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 1 },
            maybe: { type: 'string', nullable: true },
            inner: {
              type: 'object',
              'x-kubernetes-embedded-resource': true,
              'x-kubernetes-preserve-unknown-fields': true,
            },
            closed: {
              type: 'object',
              'x-kubernetes-embedded-resource': true,
              properties: { spec: { type: 'object' } },
            },
            either: object(
              { a: { type: 'string' }, b: { type: 'string' } },
              {
                oneOf: [{ required: ['a'] }, { required: ['b'] }],
              },
            ),
          },
          { required: ['text'] },
        ),
      }),
    ),
  );
  const gadget = (spec: object) => thing('Gadget', 'g', { spec });
  const refusals: readonly { name: string; spec: object; says: readonly string[] }[] = [
    { name: 'nothing', spec: {}, says: ['spec.text: Required value'] },
    {
      name: 'texts',
      spec: { text: 'a', mode: 'Maybe', when: 'noon' },
      says: [
        'spec.text: Invalid value: "a": spec.text in body should be at least 2 chars long',
        'spec.mode: Unsupported value: "Maybe": supported values: "On", "Off"',
        'spec.when: Invalid value: "noon": spec.when in body must be of type date-time: "noon"',
      ],
    },
    {
      name: 'longer texts',
      spec: { text: 'abcde' },
      says: ['spec.text: Too long: may not be more than 4 bytes'],
    },
    {
      name: 'a pattern',
      spec: { text: 'A1' },
      says: [`spec.text: Invalid value: "A1": spec.text in body should match '^[a-z]+$'`],
    },
    {
      name: 'numbers',
      spec: { text: 'ab', size: 11 },
      says: ['spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10'],
    },
    {
      name: 'types',
      spec: { text: 3, size: 'x', labels: [] },
      says: [
        'spec.text: Invalid value: "integer": spec.text in body must be of type string: "integer"',
        'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
        'spec.labels: Invalid value: "array": spec.labels in body must be of type object: "array"',
      ],
    },
    {
      name: 'lists',
      spec: { text: 'ab', ports: [{ name: 'a' }, { name: 'a' }, { name: 'b' }], tags: ['x', 'x'] },
      says: [
        'spec.ports: Too many: 3: must have at most 2 items',
        'spec.ports[1]: Duplicate value: {"name":"a"}',
        'spec.tags[1]: Duplicate value: "x"',
      ],
    },
    {
      name: 'maps',
      spec: { text: 'ab', labels: { a: '1', b: '2' } },
      says: ['spec.labels: Too many: 2: must have at most 1 item'],
    },
    {
      name: 'neither int nor string',
      spec: { text: 'ab', ports: [{ name: 'a', port: true }] },
      says: [
        'spec.ports[0].port: Invalid value: "boolean": spec.ports[0].port in body must be of type integer,string: "boolean"',
      ],
    },
    {
      name: 'alternatives',
      spec: { text: 'ab', either: { a: '1', b: '2' } },
      says: [
        '<nil>: Invalid value: "": "spec.either" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      ],
    },
    {
      name: 'an embedded object without a kind',
      spec: { text: 'ab', inner: { apiVersion: 'v1' } },
      says: ['spec.inner.kind: Required value'],
    },
  ];
  for (const { name, spec, says } of refusals) {
    const { code, body, text } = await admin.post(items('gadgets'), gadget(spec));
    t.equal(code, 422, `${name}: ${text}`);
    for (const one of says) t.ok(String(body['message']).includes(one), `${name}: ${text}`);
  }
  const sent = gadget({
    text: 'ab',
    odd: 1,
    free: { kept: { deep: [1] } },
    maybe: null,
    size: null,
    ports: [{ name: 'a', port: '80%', odd: 2 }],
    inner: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', odd: 3 }, kept: true },
  });
  const strict = await admin.post(`${items('gadgets')}?fieldValidation=Strict`, sent);
  t.equal(strict.code, 400);
  t.equal(
    strict.body['message'],
    'Gadget in version "v1" cannot be handled as a Gadget: strict decoding error: unknown field "spec.odd", unknown field "spec.ports[0].odd", unknown field "spec.inner.metadata.odd"',
  );
  const made = await admin.post(items('gadgets'), sent);
  t.equal(made.code, 201, made.text);
  t.match(String(made.headers['warning']), /unknown field \\"spec.odd\\"/);
  t.same(made.body['spec'], {
    text: 'ab',
    free: { kept: { deep: [1] } },
    maybe: null,
    size: 5,
    ports: [{ name: 'a', port: '80%' }],
    inner: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, kept: true },
  });
  t.equal(made.body.metadata?.generation, 1);
  const strategic = await admin.send('PATCH', `${items('gadgets')}/g`, '{}', {
    'content-type': 'application/strategic-merge-patch+json',
  });
  t.equal(strategic.code, 415);
  const applied = await admin.send(
    'PATCH',
    `${items('gadgets')}/g?fieldManager=second`,
    thing('Gadget', 'g', { spec: { ports: [{ name: 'b', port: 81 }] } }),
    { 'content-type': 'application/apply-patch+yaml' },
  );
  t.equal(applied.code, 200, applied.text);
  const apply = (closed: object) =>
    admin.send(
      'PATCH',
      `${items('gadgets')}/g?fieldManager=second&dryRun=All`,
      thing('Gadget', 'g', { spec: { closed } }),
      { 'content-type': 'application/apply-patch+yaml' },
    );
  const embedded = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } };
  t.match(await apply(embedded), { code: 200 }, 'an embedded object is an object');
  const odd = await apply({ ...embedded, metadata: { name: 'x', odd: 1 } });
  t.match(odd.body['message'], /\.spec\.closed\.metadata\.odd: field not declared in schema/);
  const list = await admin.get(items('gadgets'));
  const gadgetType = { apiVersion: 'example.com/v1', kind: 'Gadget', metadata: { name: 'g' } };
  t.match(list.body['items'], [gadgetType], 'in a list, too, it says what it is');
  t.match(
    applied.body['spec'],
    { ports: [{ name: 'a' }, { name: 'b', port: 81 }] },
    'a list map is merged',
  );
  const unconditional = await admin.put(`${items('gadgets')}/g`, gadget({ text: 'cd' }));
  t.match(unconditional.body, {
    code: 422,
    message: /resourceVersion: .*must be specified for an update/,
  });
});

t.test('an update may leave wrong what was wrong before, and no more', async (t) => {
  const loose = object({ spec: object({ a: { type: 'string' }, b: { type: 'string' } }) });
  await define(t, definition('Ratchet', loose));
  const path = `${items('ratchets')}/r`;
  await admin.post(items('ratchets'), thing('Ratchet', 'r', { spec: { a: 'long', b: 'long' } }));
  const max = { type: 'string', maxLength: 2 };
  const crd = (await admin.get(`${CRDS}/ratchets.example.com`)).body;
  const tight = definition('Ratchet', object({ spec: object({ a: max, b: max }) }));
  await admin.put(`${CRDS}/ratchets.example.com`, {
    ...tight,
    metadata: { name: 'ratchets.example.com', resourceVersion: crd.metadata?.resourceVersion },
  });
  t.equal((await admin.patch(path, { metadata: { labels: { x: 'y' } } })).code, 200);
  t.equal((await admin.patch(path, { spec: { a: 'ok' } })).code, 200, 'b stays as it was');
  const worse = await admin.patch(path, { spec: { b: 'longer' } });
  t.match(worse.body, { code: 422, message: /spec.b: Too long: may not be more than 2 bytes/ });
});

t.test('status, scale, columns, selectors and generations', async (t) => {
  const spec = object({ replicas: { type: 'integer' }, color: { type: 'string' } });
  const status = object({
    replicas: { type: 'integer' },
    selector: { type: 'string' },
    at: { type: 'string' },
  });
  await define(
    t,
    definition(
      'Widget',
      object({ spec, status }),
      {
        subresources: {
          status: {},
          scale: {
            specReplicasPath: '.spec.replicas',
            statusReplicasPath: '.status.replicas',
            labelSelectorPath: '.status.selector',
          },
        },
        selectableFields: [{ jsonPath: '.spec.color' }],
        additionalPrinterColumns: [
          { name: 'Color', type: 'string', jsonPath: '.spec.color' },
          { name: 'Wanted', type: 'integer', jsonPath: '.spec.replicas', priority: 1 },
          {
            name: 'Ready',
            type: 'string',
            jsonPath: '.status.conditions[?(@.type=="Ready")].status',
          },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
      },
      { names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'], categories: ['all'] } },
    ),
  );
  const path = `${items('widgets')}/w`;
  const made = await admin.post(
    items('widgets'),
    thing('Widget', 'w', { spec: { replicas: 1, color: 'red' }, status: { replicas: 9 } }),
  );
  t.equal(made.body['status'], undefined, 'nobody makes an object with a status');
  const told = await admin.patch(`${path}/status`, {
    spec: { replicas: 7 },
    metadata: { labels: { a: 'b' } },
    status: { replicas: 1, selector: 'a=b' },
  });
  t.match(told.body, { spec: { replicas: 1 }, status: { replicas: 1 } });
  t.match(told.body.metadata, { generation: 1, labels: undefined });
  const scaled = await admin.patch(`${path}/scale`, { spec: { replicas: 3 } });
  t.match(scaled.body, {
    kind: 'Scale',
    spec: { replicas: 3 },
    status: { replicas: 1, selector: 'a=b' },
  });
  const now = (await admin.get(path)).body;
  t.match(now, { spec: { replicas: 3 }, metadata: { generation: 2 } });
  const wrong = await admin.patch(`${path}/status`, { status: { replicas: 'x' } });
  t.match(wrong.body, {
    message:
      /status.replicas: Invalid value: "string": replicas in body must be of type integer: "string"/,
  });

  const table = await admin.get(items('widgets'), {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  });
  t.match(table.body, {
    columnDefinitions: [
      { name: 'Name' },
      { name: 'Color' },
      { name: 'Wanted', priority: 1 },
      { name: 'Ready' },
      { name: 'Age', type: 'date' },
    ],
    rows: [{ cells: ['w', 'red', 3, null, /^\d+s$/] }],
  });
  const red = await admin.get(`${items('widgets')}?fieldSelector=spec.color%3Dred`);
  t.match(red.body, { kind: 'WidgetList', items: [{ metadata: { name: 'w' } }] });
  t.same(
    (await admin.get(`${items('widgets')}?fieldSelector=spec.color%3Dblue`)).body['items'],
    [],
  );
  const unknown = await admin.get(`${items('widgets')}?fieldSelector=spec.replicas%3D3`);
  t.match(unknown.body, { code: 400, message: /field label not supported: spec.replicas/ });

  const listed = await admin.get('/apis/example.com/v1');
  const resources = (listed.body as { resources?: { name: string }[] }).resources ?? [];
  t.match(
    resources.find(({ name }) => name === 'widgets'),
    { shortNames: ['wd'], categories: ['all'], kind: 'Widget' },
  );
  t.ok(resources.some(({ name }) => name === 'widgets/scale'));
  const openApi = await admin.get('/openapi/v3/apis/example.com/v1');
  t.match(openApi.body, {
    components: {
      schemas: {
        'com.example.v1.Widget': { 'x-kubernetes-group-version-kind': [{ kind: 'Widget' }] },
      },
    },
  });
  t.match(openApi.text, /createExampleComV1NamespacedWidget/);
  t.notMatch(openApi.text, /strategic-merge-patch/, 'clients learn to patch by merging');
  t.match((await admin.get('/openapi/v2')).text, /"com.example.v1.WidgetList"/);
});

t.test('versions without a webhook differ in their name alone, on every server', async (t) => {
  const schema = { openAPIV3Schema: object({ spec: object({ a: { type: 'string' } }) }) };
  await define(
    t,
    definition(
      'Twin',
      {},
      {},
      {
        versions: [
          { name: 'v1', served: true, storage: true, schema },
          {
            name: 'v1beta1',
            served: true,
            storage: false,
            deprecated: true,
            schema: {
              openAPIV3Schema: object({
                spec: object({ a: { type: 'string' }, b: { type: 'string', default: 'x' } }),
              }),
            },
          },
        ],
      },
    ),
  );
  const watch = await other.watch(`${items('twins', 'v1beta1')}?watch=true`);
  const made = await other.post(
    items('twins', 'v1beta1'),
    thing('Twin', 't', { spec: { a: '1' } }, 'v1beta1'),
  );
  t.equal(made.code, 201, made.text);
  t.match(
    String(made.headers['warning']),
    /example.com\/v1beta1 Twin is deprecated; use example.com\/v1 Twin/,
  );
  t.match(await watch.next(), {
    type: 'ADDED',
    object: { apiVersion: 'example.com/v1beta1', spec: { a: '1', b: 'x' } },
  });
  const v1 = await admin.get(`${items('twins')}/t`);
  t.same(
    [v1.body.apiVersion, v1.body['spec']],
    ['example.com/v1', { a: '1' }],
    'what v1 does not know is not shown',
  );
  await admin.patch(`${items('twins')}/t`, { spec: { a: '2' } });
  t.match(await watch.next(), {
    type: 'MODIFIED',
    object: { apiVersion: 'example.com/v1beta1', spec: { a: '2' } },
  });
  watch.close();
  const crd: UnstructuredObject & Status = (await admin.get(`${CRDS}/twins.example.com`)).body;
  t.same(crd.status?.storedVersions, ['v1']);
});

t.test('a webhook converts between versions', async (t) => {
  const pem = (file: string) => readFileSync(join(server.pki, file), 'utf8');
  let broken = false;
  const hook = createServer(
    { cert: pem('apiserver.crt'), key: pem('apiserver.key') },
    (req, res) => {
      let text = '';
      req.on('data', (chunk) => {
        text += String(chunk);
      });
      req.on('end', () => {
        const { apiVersion, request } = JSON.parse(text) as {
          apiVersion: string;
          request: { uid: string; desiredAPIVersion: string; objects: UnstructuredObject[] };
        };
        const convertedObjects = request.objects.map((obj) => {
          const { host = '', hosts = [] } = obj as { host?: string; hosts?: string[] };
          const { host: _h, hosts: _hs, ...rest } = obj as { host?: string; hosts?: string[] };
          const toNew = request.desiredAPIVersion.endsWith('v2');
          const all = host === '' ? hosts : [host];
          return {
            ...rest,
            apiVersion: request.desiredAPIVersion,
            ...(all.length === 0 ? {} : toNew ? { hosts: all } : { host: all[0] }),
          };
        });
        const result = broken
          ? { status: 'Failed', message: 'out of order' }
          : { status: 'Success' };
        res.end(
          JSON.stringify({
            apiVersion,
            kind: 'ConversionReview',
            response: { uid: request.uid, result, convertedObjects },
          }),
        );
      });
    },
  );
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    hook.closeAllConnections();
    hook.close();
  });
  const { port } = hook.address() as AddressInfo;
  const caBundle = Buffer.from(pem('ca.crt')).toString('base64');
  await define(
    t,
    definition(
      'Site',
      {},
      {},
      {
        conversion: {
          strategy: 'Webhook',
          webhook: {
            conversionReviewVersions: ['v1'],
            clientConfig: { url: `https://127.0.0.1:${port}/convert`, caBundle },
          },
        },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: object({ host: { type: 'string' } }) },
          },
          {
            name: 'v2',
            served: true,
            storage: false,
            schema: {
              openAPIV3Schema: object({ hosts: { type: 'array', items: { type: 'string' } } }),
            },
          },
        ],
      },
    ),
  );
  const watch = await admin.watch(`${items('sites', 'v2')}?watch=true`);
  t.equal((await admin.post(items('sites'), thing('Site', 'one', { host: 'a' }))).code, 201);
  t.match(await watch.next(), {
    type: 'ADDED',
    object: { apiVersion: 'example.com/v2', hosts: ['a'] },
  });
  const two = await admin.post(items('sites', 'v2'), thing('Site', 'two', { hosts: ['b'] }, 'v2'));
  t.match(two.body, { apiVersion: 'example.com/v2', hosts: ['b'] });
  t.match((await other.get(`${items('sites')}/two`)).body, {
    apiVersion: 'example.com/v1',
    host: 'b',
  });
  t.match((await other.get(items('sites', 'v2'))).body, {
    items: [{ hosts: ['a'] }, { hosts: ['b'] }],
  });
  const patched = await admin.patch(`${items('sites', 'v2')}/one`, { hosts: ['c'] });
  t.match(patched.body, { hosts: ['c'] }, patched.text);
  t.match(await watch.take(2), [
    { object: { hosts: ['b'] } },
    { type: 'MODIFIED', object: { hosts: ['c'] } },
  ]);
  watch.close();

  // Owners of fields are kept whichever version they wrote, and lose what others change in another one.
  const apply = (version: string, manager: string, body: object, force = false) =>
    admin.send(
      'PATCH',
      `${items('sites', version)}/owned?fieldManager=${manager}&force=${force}`,
      { apiVersion: `example.com/${version}`, kind: 'Site', metadata: { name: 'owned' }, ...body },
      { 'content-type': 'application/apply-patch+yaml' },
    );
  const owners = async () =>
    (await admin.get(`${items('sites')}/owned`)).body.metadata?.managedFields?.map(
      ({ manager, apiVersion, fieldsV1 }) => [
        manager,
        apiVersion,
        Object.keys(fieldsV1 ?? {}).join(),
      ],
    );
  t.equal((await apply('v2', 'new', { hosts: ['a'] })).code, 201);
  const labelled = await admin.patch(`${items('sites')}/owned`, {
    metadata: { labels: { a: 'b' } },
  });
  t.equal(labelled.code, 200, labelled.text);
  t.same(await owners(), [
    ['new', 'example.com/v2', 'f:hosts'],
    ['test', 'example.com/v1', 'f:metadata'],
  ]);
  const taken = await apply('v1', 'old', { host: 'b' });
  t.equal(taken.code, 409, 'what another applied in its version is in conflict');
  t.match(taken.body, { message: /conflict with "new": .hosts/ });
  t.equal((await apply('v1', 'old', { host: 'b' }, true)).code, 200);
  t.same(await owners(), [
    ['old', 'example.com/v1', 'f:host'],
    ['test', 'example.com/v1', 'f:metadata'],
  ]);
  t.equal((await apply('v2', 'old', { hosts: ['b'] })).code, 200);
  t.same(await owners(), [
    ['old', 'example.com/v2', 'f:hosts'],
    ['test', 'example.com/v1', 'f:metadata'],
  ]);
  t.equal((await apply('v1', 'old', {})).code, 200);
  t.notOk('host' in (await admin.get(`${items('sites')}/owned`)).body, 'nobody wants it any more');

  broken = true;
  const failed = await admin.post(
    items('sites', 'v2'),
    thing('Site', 'three', { hosts: ['d'] }, 'v2'),
  );
  t.equal(failed.code, 500);
  t.match(failed.body, {
    message: /conversion webhook for example.com\/v2, Kind=Site failed: out of order/,
  });
});

t.test('a mutating webhook changes them, and what it adds is checked', async (t) => {
  const pem = (file: string) => readFileSync(join(server.pki, file), 'utf8');
  const tls = { cert: pem('apiserver.crt'), key: pem('apiserver.key') };
  let size = 7;
  const seen: string[] = [];
  const hook = createServer(tls, (req, res) => {
    let text = '';
    req.on('data', (chunk) => {
      text += String(chunk);
    });
    req.on('end', () => {
      const { apiVersion, kind, request } = JSON.parse(text) as {
        apiVersion: string;
        kind: string;
        request: { uid: string; object: UnstructuredObject };
      };
      seen.push(request.object.apiVersion ?? '');
      const patch = [{ op: 'add', path: '/spec/size', value: size }];
      const response = {
        uid: request.uid,
        allowed: true,
        patchType: 'JSONPatch',
        patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
      };
      res.end(JSON.stringify({ apiVersion, kind, response }));
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    hook.closeAllConnections();
    hook.close();
  });
  const sized = object({ spec: object({ size: { type: 'integer', maximum: 9 } }) });
  const schema = { openAPIV3Schema: sized };
  await define(
    t,
    definition(
      'Hooked',
      {},
      {},
      {
        names: { plural: 'hookeds', kind: 'Hooked' },
        versions: [
          { name: 'v1', served: true, storage: true, schema },
          { name: 'v2', served: true, storage: false, schema },
        ],
      },
    ),
  );
  const { port } = hook.address() as AddressInfo;
  const made = await admin.post(
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
    {
      metadata: { name: 'sizes' },
      webhooks: [
        {
          name: 'sizes.example.com',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          clientConfig: {
            url: `https://127.0.0.1:${port}/`,
            caBundle: Buffer.from(pem('ca.crt')).toString('base64'),
          },
          rules: [
            {
              apiGroups: ['example.com'],
              apiVersions: ['v1'],
              resources: ['hookeds'],
              operations: ['CREATE'],
            },
          ],
        },
      ],
    },
  );
  t.equal(made.code, 201, made.text);
  await server.settled();
  const one = await admin.post(items('hookeds', 'v2'), thing('Hooked', 'one', { spec: {} }, 'v2'));
  t.match(one.body, { apiVersion: 'example.com/v2', spec: { size: 7 } }, one.text);
  t.same(seen, ['example.com/v1'], 'the webhook gets the version that it asked for');
  size = 10;
  const two = await admin.post(items('hookeds'), thing('Hooked', 'two', { spec: {} }));
  t.match(two.body, { message: /spec.size in body should be less than or equal to 9/ }, two.text);
});

t.test(
  'what changes beside a schema changes nothing in it; a schema that changes is checked anew',
  async (t) => {
    const rule = { rule: 'self.size < 5', message: 'too large' };
    const spec = (rules: ValidationRule) =>
      object({ size: { type: 'integer' } }, { 'x-kubernetes-validations': [rules] });
    const at = `${CRDS}/steadies.example.com`;
    await define(t, definition('Steadie', spec(rule)));
    const make = (name: string, size: number) =>
      admin.post(items('steadies'), { ...thing('Steadie', name, {}), size });
    t.match(await make('a', 9), { code: 422 });
    await admin.patch(at, { spec: { names: { shortNames: ['sd'] } } });
    await until(async () => {
      const { body } = await admin.get('/apis/example.com/v1');
      return JSON.stringify(body).includes('"sd"');
    });
    t.match(await make('a', 9), { code: 422, body: { message: /too large/ } });
    t.equal((await make('a', 4)).code, 201);
    const changed = (rules: ValidationRule) => ({
      spec: {
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: spec(rules) },
          },
        ],
      },
    });
    const wrong = await admin.patch(at, changed({ rule: 'self.absent < 5' }));
    t.match(wrong, { code: 422, body: { message: /undefined field 'absent'/ } });
    t.match(await admin.patch(at, changed({ rule: 'self.absent < 5' })), { code: 422 });
    t.equal((await admin.patch(at, changed({ rule: 'self.size < 20' }))).code, 200);
    await until(async () => (await make(`b-${clock.now()}`, 9)).code === 201);
  },
);

t.test('deleting a definition deletes its objects first', async (t) => {
  await define(t, definition('Doomed', object({})));
  const held = thing('Doomed', 'held', {});
  await admin.post(items('doomeds'), {
    ...held,
    metadata: { name: 'held', finalizers: ['example.com/wait'] },
  });
  await other.post(items('doomeds'), thing('Doomed', 'free', {}));
  const gone = await admin.delete(`${CRDS}/doomeds.example.com`);
  t.match(gone.body.metadata, {
    finalizers: ['customresourcecleanup.apiextensions.k8s.io'],
    deletionTimestamp: String,
  });
  const waiting = await until(async () => {
    const { body } = await admin.get(items('doomeds'));
    const left = (body as { items?: UnstructuredObject[] }).items ?? [];
    return left.length === 1 && left[0]?.metadata?.deletionTimestamp !== undefined && left;
  });
  t.equal(waiting[0]?.metadata?.name, 'held');
  const late = await admin.post(items('doomeds'), thing('Doomed', 'late', {}));
  t.match(late.body, {
    code: 405,
    message: 'create not allowed while custom resource definition is terminating',
  });
  const crd = (await admin.get(`${CRDS}/doomeds.example.com`)).body;
  t.match(conditionOf(crd, 'Terminating'), {
    status: 'True',
    reason: 'InstanceDeletionInProgress',
  });
  const watch = await admin.watch(`${items('doomeds')}?watch=true`);
  await watch.next();
  await admin.patch(`${items('doomeds')}/held`, { metadata: { finalizers: null } });
  t.match(await watch.next(), { type: 'DELETED' });
  await until(async () => (await admin.get(`${CRDS}/doomeds.example.com`)).code === 404);
  t.equal(await watch.next(), undefined, 'the watch ends');
  t.equal((await admin.get(items('doomeds'))).code, 404);
  t.equal((await other.get(items('doomeds'))).code, 404);
});
