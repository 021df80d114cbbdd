import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { request } from 'undici';
import { readEnvelope } from '../../pkg/api/protobuf/decode.js';
import { readFields } from '../../pkg/api/protobuf/wire.js';
import { StatusError } from '../../pkg/apimachinery/status.js';
import { configMap } from '../registry/resources/config-map.js';
import { lease } from '../registry/resources/lease.js';
import { TestApi } from '../testing/test-api.js';
import { contentEncoding, negotiate, negotiateStream, type Offer } from './media-type.js';
import { loadProtobuf } from './protobuf.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const AS = (kind: string, version = 'v1') => `as=${kind};v=${version};g=meta.k8s.io`;
const ALL = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';

t.test('what an Accept means', (t) => {
  const kind: Offer = { shapes: true };
  const custom: Offer = { shapes: true, custom: true };
  const path: Offer = { shapes: false };
  const rows: [string, string | undefined, Offer, string][] = [
    ['none', undefined, kind, 'json object'],
    ['an empty one', '', kind, 'json object'],
    ['anything', '*/*', kind, 'json object'],
    ['a star alone is anything, too', '*', kind, 'json object'],
    ['any application', 'application/*', kind, 'json object'],
    ['protobuf', PROTOBUF, kind, 'protobuf object'],
    ['protobuf, else JSON', `${PROTOBUF},application/json`, kind, 'protobuf object'],
    ['the same of a custom kind', `${PROTOBUF},application/json`, custom, 'json object'],
    ['protobuf alone of a custom kind', PROTOBUF, custom, '406'],
    [
      'its metadata',
      `${PROTOBUF};${AS('PartialObjectMetadata')}`,
      custom,
      'protobuf PartialObjectMetadata',
    ],
    ['a Table is never protobuf', `${PROTOBUF};${AS('Table')}`, kind, '406'],
    [
      'a Table of the first version',
      `application/json;${AS('Table', 'v1beta1')}`,
      kind,
      'json Table v1beta1',
    ],
    ['kubectl', `application/json;${AS('Table')},application/json`, kind, 'json Table'],
    [
      'kubectl where there are no tables',
      `application/json;${AS('Table')},application/json`,
      path,
      'json object',
    ],
    ['a shape of another group', 'application/json;as=Table;v=v1;g=x', kind, '406'],
    ['a shape without a name', 'application/json;v=v1;g=meta.k8s.io', kind, '406'],
    [
      'an unknown shape, else JSON',
      `application/json;${AS('Chair')},application/json`,
      kind,
      'json object',
    ],
    ['qualities', 'application/json;q=0.5,application/yaml;q=0.8', kind, 'yaml object'],
    ['equal ones: the first', 'application/yaml,application/json', kind, 'yaml object'],
    ['what is named comes before what is not', '*/*,application/yaml;q=0.1', kind, 'yaml object'],
    ['zero is a low quality and no refusal', 'application/json;q=0', kind, 'json object'],
    ['a stream', `${PROTOBUF};stream=watch`, kind, 'protobuf object'],
    ['YAML does not stream', 'application/yaml;stream=watch', kind, '406'],
    ['another stream', 'application/json;stream=log', kind, '406'],
    ['CBOR is behind a gate', 'application/cbor,application/json', kind, 'json object'],
    ['CBOR alone', 'application/cbor', kind, '406'],
    ['pretty', 'application/json;pretty=1', kind, 'json object pretty'],
    ['case matters', 'Application/JSON', kind, '406'],
  ];
  for (const [name, accept, offer, expected] of rows) {
    t.equal(
      said(() => negotiate(accept, offer)),
      expected,
      name,
    );
  }
  t.equal(
    said(() => negotiateStream('application/yaml')),
    '406',
    'a watch in YAML',
  );
  t.equal(
    said(() => negotiateStream(PROTOBUF)),
    'protobuf object',
    'a watch in protobuf',
  );
  t.throws(() => negotiate('text/html'), {
    message: `only the following media types are accepted: ${ALL}`,
  });
  t.throws(() => negotiateStream('application/yaml'), {
    message:
      'only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
  });
  t.equal(contentEncoding(`${PROTOBUF}; charset=x`), 'protobuf');
  t.throws(() => contentEncoding('application/cbor'), {
    message: `the body of the request was in an unknown format - accepted media types include: ${ALL}`,
  });
  t.end();
});

t.test('protobuf over HTTP', async (t) => {
  const { decoder, encoder, definitionOf } = await codec();
  const api = await TestApi.start({ definitions: [configMap, lease] });
  t.teardown(() => api.stop());
  const ask = async (path: string, headers = {}, method: 'GET' | 'POST' = 'GET', body?: Buffer) => {
    const options = { method, headers: { accept: PROTOBUF, ...headers }, body: body ?? null };
    const answer = await request(api.url + path, options);
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    return { code: answer.statusCode, headers: answer.headers, bytes };
  };
  const read = (bytes: Buffer) => {
    const envelope = readEnvelope(bytes);
    return decoder.decode(definitionOf(envelope.apiVersion, envelope.kind), envelope);
  };
  const map = (name: string, data = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data,
  });

  await t.test('an object is created, read and listed', async (t) => {
    const { bytes: body } = encoder('v1', 'ConfigMap', map('a', { k: 'v' }));
    const made = await ask(MAPS, { 'content-type': PROTOBUF }, 'POST', body);
    t.equal(made.code, 201);
    t.equal(made.headers['content-type'], PROTOBUF);
    const json = (await api.get(`${MAPS}/a`)).body;
    t.same(read(made.bytes), json);
    t.same(read((await ask(`${MAPS}/a`)).bytes), json);
    await api.post(MAPS, map('b'));
    const list = await ask(MAPS);
    t.equal(Number(list.headers['content-length']), list.bytes.length);
    const { items, ...rest } = (await api.get(MAPS)).body;
    const { items: read_, ...same } = read(list.bytes);
    t.same(same, rest);
    t.same(read_, items);
  });

  await t.test('a body without a type is what was expected', async (t) => {
    const { bytes } = encoder('', '', { metadata: { name: 'untyped' } });
    t.equal((await ask(MAPS, { 'content-type': PROTOBUF }, 'POST', bytes)).code, 201);
  });

  await t.test('errors are in protobuf, too', async (t) => {
    const { code, bytes } = await ask(`${MAPS}/none`);
    t.equal(code, 404);
    t.match(read(bytes), { kind: 'Status', message: 'configmaps "none" not found', code: 404 });
  });

  await t.test('metadata alone, and what cannot be that', async (t) => {
    const partial = `${PROTOBUF};${AS('PartialObjectMetadataList', 'v1beta1')}`;
    const list = read((await ask(MAPS, { accept: partial })).bytes);
    t.match(list, { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1beta1' });
    t.match(list.items, [{ metadata: { name: 'a' } }, {}, {}]);
    const wrong = await api.get(MAPS, {
      accept: `application/json;${AS('PartialObjectMetadata')}`,
    });
    t.equal(wrong.code, 406);
    t.match(wrong.body, {
      message:
        'you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)',
    });
  });

  await t.test('a watch is a length and an event, again and again', async (t) => {
    const answer = await request(
      `${api.url}${MAPS}?watch=true&resourceVersion=0&timeoutSeconds=1`,
      {
        headers: { accept: `${PROTOBUF};stream=watch,${PROTOBUF}` },
      },
    );
    t.equal(answer.headers['content-type'], `${PROTOBUF};stream=watch`);
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    const seen: string[] = [];
    for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) {
      const event = readFields(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at)));
      const raw = readFields(event[1]?.bytes ?? Buffer.alloc(0))[0]?.bytes ?? Buffer.alloc(0);
      seen.push(`${event[0]?.bytes} ${read(raw).metadata?.name}`);
    }
    t.same(seen, ['ADDED a', 'ADDED b', 'ADDED untyped']);
  });

  await t.test('an object that is kept has its bytes made once', async (t) => {
    const store = api.stores.of(configMap);
    const stored = await store.get('default', 'a', '0', AbortSignal.timeout(5000));
    const first = stored.encoded(() => t.fail('made again') as never);
    t.equal(
      stored.encoded(() => t.fail('made again') as never),
      first,
    );
  });

  await t.test('a watch in YAML is refused in YAML', async (t) => {
    const { code, text } = await api.get(`${MAPS}?watch=true`, { accept: 'application/yaml' });
    t.equal(code, 406);
    t.match(text, /^apiVersion: v1\ncode: 406\nkind: Status\n/);
  });

  await t.test('what is longer than 128 KiB is compressed, for who takes it', async (t) => {
    await api.post(MAPS, map('long', { text: 'x'.repeat(200_000) }));
    const plain = await ask(`${MAPS}/long`);
    t.equal(plain.headers['content-encoding'], undefined);
    for (const [accept, type] of [
      [PROTOBUF, PROTOBUF],
      ['application/json', 'application/json'],
      ['application/yaml', 'application/yaml'],
    ]) {
      const taken = await ask(`${MAPS}/long`, { accept, 'accept-encoding': 'br, gzip' });
      t.match(taken.headers, {
        'content-encoding': 'gzip',
        vary: 'Accept-Encoding',
        'content-type': type,
      });
      if (accept === PROTOBUF) t.same(gunzipSync(taken.bytes), plain.bytes);
    }
    const weighed = await ask(`${MAPS}/long`, { 'accept-encoding': 'gzip;q=1' });
    t.equal(weighed.headers['content-encoding'], undefined, 'upstream reads no weights');
    const short = await ask(`${MAPS}/a`, { 'accept-encoding': 'gzip' });
    t.equal(short.headers['content-encoding'], undefined);
  });

  await t.test('who gets indented JSON', async (t) => {
    const rows: [string, string, string, boolean][] = [
      ['programs do not', '', 'test/1', false],
      ['curl does', '', 'curl/8', true],
      ['unless it says otherwise', '?pretty=false', 'curl/8', false],
      ['who asks', '?pretty=1', 'test/1', true],
      ['nonsense is no', '?pretty=maybe', 'curl/8', false],
      ['nothing is nothing', '?pretty=', 'curl/8', true],
    ];
    for (const [name, query, agent, indented] of rows) {
      const { text } = await api.get(`${MAPS}/a${query}`, { 'user-agent': agent });
      t.equal(text.startsWith('{\n  "'), indented, name);
    }
    const asked = await api.get(`${MAPS}/a`, { accept: 'application/json;pretty=1' });
    t.match(asked.text, /^\{\n {2}"/, 'by the media type');
  });
});

function said(ask: () => ReturnType<typeof negotiate>): string {
  try {
    const { encoding, shape, metaVersion, pretty } = ask();
    const version = metaVersion === 'v1' ? '' : ` ${metaVersion}`;
    return `${encoding} ${shape}${version}${pretty ? ' pretty' : ''}`;
  } catch (err) {
    if (err instanceof StatusError) return String(err.code);
    throw err;
  }
}

async function codec() {
  const made = await loadProtobuf();
  const definitionOf = (apiVersion: string, kind: string) => {
    const definition = made.definitionOf(apiVersion, kind);
    if (definition === undefined) throw new Error(`no message for ${apiVersion} ${kind}`);
    return definition;
  };
  return {
    decoder: made.decoder,
    definitionOf,
    encoder: (apiVersion: string, kind: string, object: object) =>
      made.encoder.encode('io.k8s.api.core.v1.ConfigMap', { apiVersion, kind }, object),
  };
}
