import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { request } from 'undici';
import { loadBuiltinSchemas } from '../../../pkg/api/schema/builtin.js';
import { isReason, StatusError } from '../../../pkg/apimachinery/status.js';
import { FakeClock } from '../../../pkg/component/clock.js';
import type { EtcdClient } from '../../../pkg/etcd-client/interface.js';
import { builtInResources } from '../../registry/resources/index.js';
import { serviceAccountToken } from '../../registry/subresources/service-account-token.js';
import { KubeletConnection } from '../kubelet-proxy.js';
import { OpenApi } from './openapi.js';
import { encodeV3 } from './protobuf-v3.js';
import { serveOpenApi } from './serve.js';

/** The documents of another release, to compare with; not part of the project. */
const CORPUS = join(
  process.env['DRYDOCK_CORPUS'] ?? join(process.cwd(), '../shared/corpus'),
  'openapi',
);
const GOLDEN = findUp('apiserver/endpoints/openapi/differences.golden.json');

interface Doc {
  [key: string]: Doc | undefined;
}

/** Definitions are only made here: nobody asks the store. */
const nobodysStore = new Proxy({} as EtcdClient, {
  get: () => {
    throw new Error('the store was asked');
  },
});
const kubelet = new KubeletConnection({ clientCertificate: '', clientKey: '' });
t.teardown(() => kubelet.close());
const resources = builtInResources({
  serviceClusterIPRanges: ['10.96.0.0/16'],
  serviceNodePortRange: { from: 30000, to: 32767 },
  etcd: nobodysStore,
  kubelet,
  serviceAccountToken: serviceAccountToken({
    issuer: '',
    audiences: [],
    sign: () => Promise.reject(new Error('a token was asked for')),
  }),
});
const schemas = await loadBuiltinSchemas();
const openApi = new OpenApi({ resources, schemas, gitVersion: 'v1.35.0+drydock.1' });

t.test('every kind has the fields and every path the operations of Kubernetes', async (t) => {
  if (!existsSync(CORPUS)) {
    t.comment('skipped: the official documents are not on this machine');
    return;
  }
  const golden: { reason: string; differences: string[] }[] = JSON.parse(
    readFileSync(GOLDEN, 'utf8'),
  );
  const expected = new Set(golden.flatMap(({ differences }) => differences));
  const theirs = read('swagger-release-1.36.json');
  const ours: Doc = JSON.parse((await openApi.v2('json')).body.toString());
  const found = new Set([...definitionDifferences(theirs, ours), ...pathDifferences(theirs, ours)]);
  for (const [file, path] of [
    ['api__v1_openapi.json', 'api/v1'],
    ['apis__apps__v1_openapi.json', 'apis/apps/v1'],
    ['apis__batch__v1_openapi.json', 'apis/batch/v1'],
    ['apis__discovery.k8s.io__v1_openapi.json', 'apis/discovery.k8s.io/v1'],
  ] as const) {
    const document = await openApi.v3(path);
    const own: Doc = JSON.parse(document?.body.toString() ?? '{}');
    for (const missing of missingOperations(read(file), own)) found.add(`v3 ${missing}`);
  }
  const surprises = [...found].filter((difference) => !expected.has(difference));
  t.same(surprises, [], 'no difference that the golden file does not explain');
  const settled = [...expected].filter((difference) => !found.has(difference));
  t.same(settled, [], 'nothing in the golden file that is no difference any more: take it out');
});

t.test('all references of a document are in it', async (t) => {
  for (const path of ['api/v1', 'apis/apps/v1', 'apis/apiextensions.k8s.io/v1', 'version']) {
    const text = (await openApi.v3(path))?.body.toString() ?? '';
    const document: Doc = JSON.parse(text);
    const known = new Set(Object.keys(document['components']?.['schemas'] ?? {}));
    const wanted = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
    t.ok(wanted.length > 0);
    t.same(
      wanted.filter((name) => !known.has(String(name))),
      [],
      path,
    );
  }
});

t.test('which writes take dryRun and fieldValidation is told without references', async (t) => {
  const document: Doc = JSON.parse((await openApi.v2('json')).body.toString());
  const item = document['paths']?.['/api/v1/namespaces/{namespace}/configmaps/{name}'];
  t.match(list(item?.['patch']?.['parameters']), [
    { name: 'body' },
    { name: 'dryRun', in: 'query' },
    { $ref: '#/parameters/fieldManager' },
    { name: 'fieldValidation', in: 'query' },
  ]);
});

t.test('the protobuf document begins as gnostic has it and names every definition', async (t) => {
  const { body } = await openApi.v2('protobuf');
  t.same(body.subarray(0, 5), Buffer.from([0x0a, 3, 0x32, 0x2e, 0x30]), 'swagger: "2.0"');
  const fields = fieldsOf(body).map(({ field }) => field);
  t.same([...new Set(fields)], [1, 2, 8, 9, 10, 12, 13]);
  for (const name of [
    'io.k8s.api.core.v1.PodSpec',
    '/apis/apps/v1/namespaces/{namespace}/deployments',
  ]) {
    t.ok(body.includes(name), name);
  }
});

t.test('the protobuf documents of version 3 say what the JSON ones do', async (t) => {
  for (const path of ['api/v1', 'apis/apps/v1', 'apis/autoscaling/v2', 'version']) {
    const text = (await openApi.v3(path))?.body.toString('utf8') ?? '';
    const json: unknown = JSON.parse(text, (key, value: unknown) =>
      // A default that is no scalar is told without its value.
      isDefault(key, value) ? null : value,
    );
    const bytes = (await openApi.v3(path, 'protobuf'))?.body;
    t.same(readMessage('Document', bytes ?? Buffer.alloc(0)), json, path);
  }
  const custom = {
    openapi: '3.0.0',
    info: {},
    paths: {},
    components: {
      securitySchemes: {},
      schemas: {
        odd: {
          not: { type: 'null' },
          anyOf: [
            { minimum: 0.5, exclusiveMinimum: true },
            { maximum: -3, multipleOf: 2 },
          ],
          additionalProperties: false,
          nullable: true,
          properties: {
            text: { type: 'string', default: '', maxLength: 5_000_000_000, minLength: 1 },
            list: { type: 'array', maxItems: 300, uniqueItems: true, items: { type: 'integer' } },
            zero: { type: 'integer', default: 0, enum: [0, 1] },
            no: { type: 'boolean', default: false, title: 'a title', pattern: '^a$' },
            map: { additionalProperties: { type: 'string' }, maxProperties: 3, minProperties: 1 },
            any: { 'x-kubernetes-preserve-unknown-fields': true, example: { a: [1] } },
            docs: { externalDocs: { description: 'd', url: 'https://example.com' } },
          },
        },
      },
    },
  };
  t.same(readMessage('Document', encodeV3(custom)), custom, 'schemas of custom kinds');
});

t.test('documents are served with the caching of Kubernetes', async (t) => {
  const clock = new FakeClock();
  const server = createServer((req, res) => {
    serveOpenApi(openApi, req, res, clock).catch((err: unknown) => {
      res.statusCode = err instanceof StatusError ? err.code : 500;
      res.end(isReason(err, 'NotFound') ? 'NotFound' : String(err));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await request(base + path, { headers });
    return { ...answer, text: await answer.body.text() };
  };

  const index: { paths: Record<string, { serverRelativeURL: string }> } = JSON.parse(
    (await get('/openapi/v3')).text,
  );
  const url = index.paths['apis/apps/v1']?.serverRelativeURL ?? '';
  t.match(url, /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/);
  const hash = url.split('=')[1] ?? '';

  const hashed = await get(url, { accept: 'application/json' });
  t.equal(hashed.statusCode, 200);
  t.equal(hashed.headers['etag'], `"${hash}"`);
  t.equal(hashed.headers['cache-control'], 'public, immutable');
  t.match(hashed.text, /"io.k8s.api.apps.v1.Deployment"/);

  const plain = await get('/openapi/v3/apis/apps/v1');
  t.equal(plain.headers['cache-control'], undefined, 'without the hash the answer may change');
  const stale = await get('/openapi/v3/apis/apps/v1?hash=00');
  t.equal(stale.statusCode, 301);
  t.equal(stale.headers['location'], url);
  const known = await get('/openapi/v3/apis/apps/v1', { 'if-none-match': `"${hash}"` });
  t.equal(known.statusCode, 304);
  t.equal((await get('/openapi/v3/apis/nothing/v1')).statusCode, 404);
  for (const [accept, type] of [
    [
      'application/com.github.proto-openapi.spec.v3@v1.0+protobuf',
      'application/com.github.proto-openapi.spec.v3.v1.0+protobuf',
    ],
    [
      'application/com.github.proto-openapi.spec.v3.v1.0+protobuf, application/json',
      'application/com.github.proto-openapi.spec.v3.v1.0+protobuf',
    ],
    ['text/html, */*', 'application/json'],
    ['text/html', undefined],
  ] as const) {
    const answer = await get('/openapi/v3/apis/apps/v1', { accept });
    t.equal(answer.headers['content-type'], type, accept);
    if (type)
      t.equal(answer.headers['etag'], hashed.headers['etag'], 'the same hash in every form');
  }

  const v2 = await get('/openapi/v2', {
    accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  });
  t.match(v2.headers['content-type'], /v2\.v1\.0\+protobuf/);
  t.match((await get('/openapi/v2')).headers['content-type'], /application\/json/);
});

function read(file: string): Doc {
  return JSON.parse(readFileSync(join(CORPUS, file), 'utf8'));
}

/** From the compiled test, too, which stands in dist. */
function findUp(path: string): string {
  let dir = fileURLToPath(new URL('.', import.meta.url));
  while (!existsSync(join(dir, path)) && dir !== '/') dir = join(dir, '..');
  return join(dir, path);
}

/** `- DEFINITION.FIELD` we lack it, `+` only we have it, `~` they differ. Texts and enums are not compared. */
function definitionDifferences(theirs: Doc, ours: Doc): string[] {
  const out: string[] = [];
  const wanted = theirs['definitions'] ?? {};
  const served = ours['definitions'] ?? {};
  for (const name of Object.keys(wanted)) {
    if (!(name in served) && /\.v[12]\.[A-Z]/.test(name)) out.push(`- ${name}`);
  }
  for (const [name, definition] of Object.entries(served)) {
    if (!(name in wanted)) out.push(`+ ${name}`);
    else compare(name, wanted[name], definition, out);
  }
  return out;
}

function compare(at: string, theirs: Doc | undefined, ours: Doc | undefined, out: string[]): void {
  if (!isObject(theirs) || !isObject(ours)) {
    if (sortedText(theirs) !== sortedText(ours)) out.push(`~ ${at}`);
    return;
  }
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const here = `${at}.${key}`;
    const value: unknown = theirs[key] ?? ours[key];
    if (key === 'description' && typeof value === 'string') continue;
    if (key === 'enum' && Array.isArray(value)) continue;
    // The two kinds that every group version has: other versions are served here.
    if (key === 'x-kubernetes-group-version-kind' && Array.isArray(value) && value.length > 1)
      continue;
    if (!(key in ours)) out.push(`- ${here}`);
    else if (!(key in theirs)) out.push(`+ ${here}`);
    else compare(here, theirs[key], ours[key], out);
  }
}

/** Verbs, ids, kinds, answers and parameters of each path of a stable version. */
function pathDifferences(theirs: Doc, ours: Doc): string[] {
  const out: string[] = [];
  const wanted = theirs['paths'] ?? {};
  const served = ours['paths'] ?? {};
  for (const path of Object.keys(wanted)) {
    if (!(path in served) && !/\/v\d(alpha|beta)\d/.test(path)) out.push(`- ${path}`);
  }
  for (const [path, item] of Object.entries(served)) {
    const other = wanted[path];
    if (!other || !item) {
      out.push(`+ ${path}`);
      continue;
    }
    for (const method of new Set([...Object.keys(other), ...Object.keys(item)])) {
      if (method === 'parameters') continue;
      const [a, b] = [other[method], item[method]];
      if (!a || !b) {
        out.push(`${a ? '-' : '+'} ${method} ${path}`);
        continue;
      }
      for (const field of [
        'operationId',
        'x-kubernetes-action',
        'x-kubernetes-group-version-kind',
        'consumes',
        'produces',
        'schemes',
        'tags',
      ]) {
        if (sortedText(withoutCbor(a[field])) !== sortedText(b[field]))
          out.push(`~ ${method} ${path} ${field}`);
      }
      if (sortedText(answers(a)) !== sortedText(answers(b)))
        out.push(`~ ${method} ${path} responses`);
      const names = [parameters(theirs, other, a), parameters(ours, item, b)];
      if (sortedText(names[0]) !== sortedText(names[1])) out.push(`~ ${method} ${path} parameters`);
    }
  }
  return out;
}

function answers(operation: Doc): unknown[] {
  return Object.entries(operation['responses'] ?? {}).map(([code, response]) => [
    code,
    response?.['schema'],
  ]);
}

/** Media types of a feature that is off by default; the official document was made with all of them on. */
function withoutCbor(value: unknown): unknown {
  return Array.isArray(value) ? value.filter((type) => !String(type).includes('cbor')) : value;
}

/** What each is called, where it stands and what it takes, with references followed. Alpha parameters are left out. */
function parameters(document: Doc, item: Doc, operation: Doc): string[] {
  const all = [...list(item['parameters']), ...list(operation['parameters'])];
  const texts = all.map((parameter) => {
    const ref: unknown = parameter['$ref'];
    const key = typeof ref === 'string' ? ref.slice('#/parameters/'.length) : undefined;
    const found = key === undefined ? parameter : document['parameters']?.[key];
    const { name, in: where, type, required, uniqueItems, schema } = found ?? {};
    return sortedText({ name, where, type, required: required ?? false, uniqueItems, schema });
  });
  return [...new Set(texts)].filter((text) => !text.includes('"shardSelector"')).sort();
}

/** The documents of version 3 are of an older release: what they have, we have. */
function missingOperations(theirs: Doc, ours: Doc): string[] {
  return Object.entries(theirs['paths'] ?? {}).flatMap(([path, item]) =>
    Object.entries(item ?? {}).flatMap(([method, operation]) => {
      const id = operation?.['operationId'];
      const own = ours['paths']?.[path]?.[method]?.['operationId'];
      return method === 'parameters' || sortedText(id) === sortedText(own)
        ? []
        : [`- ${method} ${path}`];
    }),
  );
}

function list(value: unknown): Doc[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Doc {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equal for equal values, whatever the order of keys and items. */
function sortedText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedText).sort().join()}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? '';
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${key}:${sortedText(value[key])}`).join()}}`;
}

type FieldKind = 'text' | 'texts' | 'flag' | 'double' | 'count' | 'any';
/** A message's fields by number: the name in JSON and what it holds; `[]`: repeated, `{}`: named entries. */
type MessageFields = Readonly<Record<number, readonly [string, FieldKind | (string & {})]>>;

/** gnostic's messages of version 3 (openapi.v3), as far as our documents use them. */
const MESSAGES: Readonly<Record<string, MessageFields>> = {
  Document: {
    1: ['openapi', 'text'],
    2: ['info', 'Info'],
    4: ['paths', 'Paths'],
    5: ['components', 'Components'],
  },
  Info: { 1: ['title', 'text'], 2: ['description', 'text'], 6: ['version', 'text'] },
  Paths: { 1: ['', '{}PathItem'] },
  Components: {
    1: ['schemas', 'SchemasOrReferences'],
    7: ['securitySchemes', 'SecuritySchemesOrReferences'],
  },
  SchemasOrReferences: { 1: ['', '{}SchemaOrReference'] },
  SecuritySchemesOrReferences: { 1: ['', '{}SecuritySchemeOrReference'] },
  SecuritySchemeOrReference: { 1: ['', 'SecurityScheme'] },
  SecurityScheme: {
    1: ['type', 'text'],
    2: ['description', 'text'],
    3: ['name', 'text'],
    4: ['in', 'text'],
  },
  PathItem: {
    ...{ 4: ['get', 'Operation'], 5: ['put', 'Operation'], 6: ['post', 'Operation'] },
    ...{ 7: ['delete', 'Operation'], 8: ['options', 'Operation'], 9: ['head', 'Operation'] },
    ...{ 10: ['patch', 'Operation'], 13: ['parameters', '[]ParameterOrReference'] },
  },
  Operation: {
    ...{ 1: ['tags', 'texts'], 3: ['description', 'text'], 5: ['operationId', 'text'] },
    ...{
      6: ['parameters', '[]ParameterOrReference'],
      7: ['requestBody', 'RequestBodyOrReference'],
    },
    ...{ 8: ['responses', 'Responses'], 13: ['', '{}any'] },
  },
  RequestBodyOrReference: { 1: ['', 'RequestBody'] },
  RequestBody: {
    1: ['description', 'text'],
    2: ['content', 'MediaTypes'],
    3: ['required', 'flag'],
  },
  MediaTypes: { 1: ['', '{}MediaType'] },
  MediaType: { 1: ['schema', 'SchemaOrReference'] },
  Responses: { 2: ['', '{}ResponseOrReference'] },
  ResponseOrReference: { 1: ['', 'Response'] },
  Response: { 1: ['description', 'text'], 3: ['content', 'MediaTypes'] },
  ParameterOrReference: { 1: ['', 'Parameter'] },
  Parameter: {
    ...{ 1: ['name', 'text'], 2: ['in', 'text'], 3: ['description', 'text'] },
    ...{ 4: ['required', 'flag'], 10: ['schema', 'SchemaOrReference'] },
  },
  SchemaOrReference: { 1: ['', 'Schema'], 2: ['', 'Reference'] },
  Reference: { 1: ['$ref', 'text'] },
  Schema: {
    ...{ 1: ['nullable', 'flag'], 6: ['externalDocs', 'ExternalDocs'], 7: ['example', 'any'] },
    ...{ 9: ['title', 'text'], 10: ['multipleOf', 'double'], 11: ['maximum', 'double'] },
    ...{ 12: ['exclusiveMaximum', 'flag'], 13: ['minimum', 'double'] },
    ...{ 14: ['exclusiveMinimum', 'flag'], 15: ['maxLength', 'count'], 16: ['minLength', 'count'] },
    ...{ 17: ['pattern', 'text'], 18: ['maxItems', 'count'], 19: ['minItems', 'count'] },
    ...{
      20: ['uniqueItems', 'flag'],
      21: ['maxProperties', 'count'],
      22: ['minProperties', 'count'],
    },
    ...{ 23: ['required', 'texts'], 24: ['enum', '[]any'], 25: ['type', 'text'] },
    ...{ 26: ['allOf', '[]SchemaOrReference'], 27: ['oneOf', '[]SchemaOrReference'] },
    ...{ 28: ['anyOf', '[]SchemaOrReference'], 29: ['not', 'Schema'], 30: ['items', 'ItemsItem'] },
    ...{
      31: ['properties', 'Properties'],
      32: ['additionalProperties', 'AdditionalPropertiesItem'],
    },
    ...{ 33: ['default', 'DefaultType'], 34: ['description', 'text'], 35: ['format', 'text'] },
    ...{ 36: ['', '{}any'] },
  },
  ExternalDocs: { 1: ['description', 'text'], 2: ['url', 'text'] },
  ItemsItem: { 1: ['', 'SchemaOrReference'] },
  Properties: { 1: ['', '{}SchemaOrReference'] },
  AdditionalPropertiesItem: { 1: ['', 'SchemaOrReference'], 2: ['', 'flag'] },
  DefaultType: { 1: ['', 'double'], 2: ['', 'flag'], 3: ['', 'text'] },
};

/** What a message says, in JSON. A field that is not in the table is a fault. */
function readMessage(name: string, bytes: Buffer): unknown {
  if (name === 'any')
    return JSON.parse(
      fieldsOf(bytes)
        .find(({ field }) => field === 2)
        ?.bytes.toString('utf8') ?? '',
    );
  const out: Record<string, unknown> = {};
  let whole: unknown = name === 'DefaultType' ? null : out;
  for (const { field, bytes: part, value } of fieldsOf(bytes)) {
    const known = MESSAGES[name]?.[field];
    if (!known) throw new Error(`${name} has no field ${field}`);
    const [key, kind] = known;
    if (kind.startsWith('{}')) {
      const [at, of] = fieldsOf(part);
      out[at?.bytes.toString('utf8') ?? ''] = readMessage(kind.slice(2), of?.bytes ?? part);
      continue;
    }
    const read =
      kind === 'text' || kind === 'texts'
        ? part.toString('utf8')
        : kind === 'double'
          ? part.readDoubleLE()
          : kind === 'count'
            ? value
            : kind === 'flag'
              ? value === 1
              : readMessage(kind.replace('[]', ''), part);
    if (key === '') whole = read;
    else if (kind === 'texts' || kind.startsWith('[]')) out[key] = [...listOf(out[key]), read];
    else out[key] = read;
  }
  return whole;
}

/** And no property of that name. */
function isDefault(key: string, value: unknown): boolean {
  return (
    key === 'default' && typeof value === 'object' && value !== null && !('description' in value)
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(bytes: Buffer): { field: number; bytes: Buffer; value: number }[] {
  const fields: { field: number; bytes: Buffer; value: number }[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag & 7;
    const value = type === 1 ? 8 : varint();
    const length = type === 0 ? 0 : value;
    fields.push({ field: tag >>> 3, bytes: bytes.subarray(at, at + length), value });
    at += length;
  }
  return fields;
}
