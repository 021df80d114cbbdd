/**
 * What goes over the wire of a whole cluster, read by decoders that nobody here wrote: protobuf by kubectl's
 * own libraries is in `kubectl-versions.test.ts`; here are WebSockets, and protobuf as bytes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import WebSocket from 'ws';
import { ProtobufDecoder, readEnvelope } from '../../pkg/api/protobuf/decode.js';
import { loadFieldTable } from '../../pkg/api/protobuf/table.js';
import { readFields } from '../../pkg/api/protobuf/wire.js';
import { Cluster } from '../support/cluster.js';
import { RawApi } from '../support/raw-api.js';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const NODES = '/api/v1/nodes?watch=true&resourceVersion=0';
const ORIGIN = 'https://dashboard.example.com';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

t.setTimeout(300_000);

t.test('the wire', async (t) => {
  const cluster = await Cluster.start(t, ['--nodes', '1']);
  const api = await RawApi.asAdmin(cluster);
  t.teardown(() => api.close());
  const decoder = new ProtobufDecoder(await loadFieldTable());
  const pki = (file: string) => readFileSync(join(cluster.dataDir, 'pki', file));
  const url = (await cluster.apiUrl()).replace(/^http/, 'ws');
  const open = (path: string, protocols: string[], headers: Record<string, string>) =>
    new WebSocket(url + path, protocols, {
      ca: pki('ca.crt'),
      cert: pki('admin.crt'),
      key: pki('admin.key'),
      headers,
    });

  await t.test('a watch over WebSocket is one text message an event', async (t) => {
    const socket = open(`${NODES}&timeoutSeconds=1`, [], { origin: ORIGIN });
    const first = await message(socket);
    t.notOk(first.isBinary);
    t.match(JSON.parse(first.data.toString()), {
      type: 'ADDED',
      object: { kind: 'Node', metadata: { name: 'node-1' } },
    });
    t.equal(await closed(socket), 1000, 'and is closed when its time is over');
  });

  await t.test('new events follow, too', async (t) => {
    const path =
      '/api/v1/namespaces/default/configmaps?watch=true&fieldSelector=metadata.name%3Dlate';
    const socket = open(path, [], { origin: ORIGIN });
    await new Promise((resolve) => socket.once('open', resolve));
    const next = message(socket);
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' } };
    const path_ = '/api/v1/namespaces/default/configmaps';
    t.equal((await api.ask({ method: 'POST', path: path_, body })).code, 201);
    t.match(JSON.parse((await next).data.toString()), {
      type: 'ADDED',
      object: { metadata: { name: 'late' } },
    });
    socket.close();
  });

  await t.test('in protobuf it is one binary message an event', async (t) => {
    const socket = open(NODES, ['binary.k8s.io'], { origin: ORIGIN, accept: PROTOBUF });
    const first = await message(socket);
    t.ok(first.isBinary);
    t.equal(socket.protocol, 'binary.k8s.io');
    const [type, object] = readFields(first.data);
    t.equal(type?.bytes.toString(), 'ADDED');
    const [raw] = readFields(object?.bytes ?? Buffer.alloc(0));
    const envelope = readEnvelope(raw?.bytes ?? Buffer.alloc(0));
    const node = decoder.decode('io.k8s.api.core.v1.Node', envelope);
    t.match(node, { kind: 'Node', metadata: { name: 'node-1' }, spec: {} });
    socket.close();
  });

  await t.test('handshakes that are refused', async (t) => {
    const rows: [string, string[], Record<string, string>, number][] = [
      ['without an Origin', [], {}, 403],
      ['with an Origin that is none', [], { origin: 'nonsense' }, 403],
      ['with two subprotocols', ['a', 'b'], { origin: ORIGIN }, 400],
      ['for what is not acceptable', [], { origin: ORIGIN, accept: 'application/yaml' }, 406],
    ];
    for (const [name, protocols, headers, code] of rows) {
      t.equal(await refused(open(NODES, protocols, headers)), code, name);
    }
  });

  await t.test('discovery and refusals are in protobuf, too', async (t) => {
    const headers = { accept: PROTOBUF };
    const rows: [string, string, string][] = [
      ['/api', 'APIVersions', 'v1'],
      ['/apis', 'APIGroupList', 'v1'],
      ['/apis/apps', 'APIGroup', 'v1'],
      ['/apis/apps/v1', 'APIResourceList', 'v1'],
    ];
    for (const [path, kind, apiVersion] of rows) {
      const envelope = readEnvelope(await bytesOf(path, headers));
      t.match(envelope, { kind, apiVersion }, path);
      t.ok(Object.keys(decoder.decode(`${META}.${kind}`, envelope)).length > 2, path);
    }
    const aggregated = `${PROTOBUF};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`;
    const groups = readEnvelope(await bytesOf('/apis', { accept: aggregated }));
    t.match(groups, { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    const nobody = await RawApi.asNobody(cluster);
    t.teardown(() => nobody.close());
    const { code, headers: got } = await nobody.ask({ path: '/api/v1/pods', headers });
    t.ok(code === 401 || code === 403);
    t.equal(got['content-type'], PROTOBUF);
  });

  await t.test('OpenAPI in protobuf', async (t) => {
    for (const [path, accept, version] of [
      ['/openapi/v2', 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf', '2.0'],
      [
        '/openapi/v3/apis/apps/v1',
        'application/com.github.proto-openapi.spec.v3@v1.0+protobuf',
        '3.0.0',
      ],
    ] as const) {
      const fields = readFields(await bytesOf(path, { accept }));
      t.equal(fields.find(({ number }) => number === 1)?.bytes.toString(), version, path);
    }
  });

  async function bytesOf(path: string, headers: Record<string, string>): Promise<Buffer> {
    const { request, Agent } = await import('undici');
    const connect = { ca: pki('ca.crt'), cert: pki('admin.crt'), key: pki('admin.key') };
    const dispatcher = new Agent({ connect });
    try {
      const answer = await request((await cluster.apiUrl()) + path, { headers, dispatcher });
      return Buffer.from(await answer.body.arrayBuffer());
    } finally {
      await dispatcher.close();
    }
  }
});

function message(socket: WebSocket): Promise<{ data: Buffer; isBinary: boolean }> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('message', (data, isBinary) => {
      resolve({
        data: Buffer.isBuffer(data) ? data : Buffer.concat([data].flat() as Buffer[]),
        isBinary,
      });
    });
  });
}

function closed(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.once('close', resolve));
}

function refused(socket: WebSocket): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('open', () => reject(new Error('it was taken')));
    socket.once('error', () => undefined);
    socket.once('unexpected-response', (request, { statusCode = 0 }) => {
      request.destroy();
      resolve(statusCode);
    });
  });
}
