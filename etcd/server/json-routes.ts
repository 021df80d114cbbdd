/**
 * etcd v3's HTTP/JSON paths (https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/), answered in its
 * shapes and with its errors. A watch is one request whose answer goes on until a side closes it.
 */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { RpcCode, RpcError } from '../../pkg/etcd-client/rpc-error.js';
import { requestTooLarge } from '../errors.js';
import type { KvServer } from '../kv-server.js';
import {
  JsonReader,
  readDeleteRange,
  readPut,
  readRange,
  readTxn,
  writeDelete,
  writePut,
  writeRange,
  writeTxn,
} from './json-codec.js';
import { streamWatch } from './json-watch.js';
import { MAX_REQUEST_BYTES } from './stream-request.js';

/** grpc-gateway's mapping of codes to HTTP. */
const HTTP_STATUS: Record<number, number> = {
  [RpcCode.Canceled]: 408,
  [RpcCode.InvalidArgument]: 400,
  [RpcCode.NotFound]: 404,
  [RpcCode.AlreadyExists]: 409,
  [RpcCode.ResourceExhausted]: 429,
  [RpcCode.FailedPrecondition]: 400,
  [RpcCode.OutOfRange]: 400,
  [RpcCode.Unimplemented]: 501,
  [RpcCode.Unavailable]: 503,
};

export type Header = Record<'cluster_id' | 'member_id' | 'revision' | 'raft_term', string>;
type Handler = (input: JsonReader, header: (revision?: number) => Header) => Promise<object>;

export function addJsonRoutes(app: FastifyInstance, server: KvServer, version: string): void {
  const { store, lessor, backend } = server;
  const header = (revision = store.revision): Header => ({
    cluster_id: backend.identity.clusterId,
    member_id: backend.identity.memberId,
    revision: String(revision),
    raft_term: String(backend.identity.term),
  });
  const post = (paths: readonly string[], handler: Handler) => {
    for (const path of paths) {
      app.post(path, async (request) => handler(new JsonReader(request.body), header));
    }
  };

  app.setErrorHandler((err: Error & { statusCode?: number }, _request, reply) => {
    if (!(err instanceof RpcError) && !err.statusCode) {
      server.options.logger.error({ err }, 'a request failed');
    }
    const tooLarge = err.statusCode === 413 ? requestTooLarge() : undefined;
    const clientFault = err.statusCode && err.statusCode < 500;
    const code =
      tooLarge?.code ??
      (err instanceof RpcError
        ? err.code
        : clientFault
          ? RpcCode.InvalidArgument
          : RpcCode.Unknown);
    const message = tooLarge?.message ?? err.message;
    return reply.code(HTTP_STATUS[code] ?? 500).send({ error: message, message, code });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: 'Not Found', message: 'Not Found', code: RpcCode.NotFound }),
  );

  post(['/v3/kv/range'], async (input) => {
    const answer = await store.range(readRange(input));
    return { header: header(answer.revision), ...writeRange(answer) };
  });
  post(['/v3/kv/put'], async (input) => {
    const request = readPut(input);
    if (request.value.length > MAX_REQUEST_BYTES) throw requestTooLarge();
    const { revision, prev } = await store.put(request);
    return { header: header(revision), ...writePut(prev) };
  });
  post(['/v3/kv/deleterange'], async (input) => {
    const answer = await store.deleteRange(readDeleteRange(input));
    return { header: header(answer.revision), ...writeDelete(answer) };
  });
  post(['/v3/kv/txn'], async (input) => {
    const answer = await store.txn(readTxn(input));
    const inner = { revision: String(answer.revision) };
    return { header: header(answer.revision), ...writeTxn(answer, inner) };
  });
  post(['/v3/kv/compaction'], async (input) => {
    await server.compact(input.number('revision'), input.flag('physical'));
    return { header: header() };
  });
  post(['/v3/lease/grant'], async (input) => {
    const lease = await lessor.grant(input.int64('ID'), input.number('TTL'));
    return { header: header(), ID: lease.id, TTL: String(lease.ttl) };
  });
  post(['/v3/lease/revoke', '/v3/kv/lease/revoke'], async (input) => {
    await lessor.revoke(input.int64('ID'));
    return { header: header() };
  });
  post(['/v3/lease/keepalive'], async (input) => {
    const id = input.int64('ID');
    const ttl = lessor.keepAlive(id);
    return { result: { header: header(), ID: id, ...(ttl > 0 && { TTL: String(ttl) }) } };
  });
  post(['/v3/lease/timetolive', '/v3/kv/lease/timetolive'], async (input) => {
    const id = input.int64('ID');
    const lease = lessor.timeToLive(id);
    if (!lease) return { header: header(), ID: id, TTL: '-1' };
    const keys = lease.keys.map((key) => Buffer.from(key, 'latin1').toString('base64'));
    return {
      header: header(),
      ID: id,
      ...(lease.ttl > 0 && { TTL: String(lease.ttl) }),
      grantedTTL: String(lease.grantedTtl),
      ...(input.flag('keys') && keys.length > 0 && { keys }),
    };
  });
  post(['/v3/lease/leases', '/v3/kv/lease/leases'], async () => {
    return { header: header(), leases: lessor.ids().map((ID) => ({ ID })) };
  });
  post(['/v3/maintenance/status'], async () => {
    const dbSize = String(await backend.sizeBytes());
    return {
      header: header(),
      version,
      dbSize,
      leader: backend.identity.memberId,
      raftIndex: String(store.revision),
      raftTerm: String(backend.identity.term),
      raftAppliedIndex: String(store.revision),
      dbSizeInUse: dbSize,
    };
  });
  post(['/v3/maintenance/hash'], async () => {
    const hash = createHash('sha256');
    const { records } = await store.range({ key: '\0', rangeEnd: '\0' });
    for (const record of records) hash.update(record);
    return { header: header(), hash: hash.digest().readUInt32BE(0) };
  });
  // LevelDB compacts its tables by itself; there is nothing left to do by hand.
  post(['/v3/maintenance/defragment'], async () => ({ header: header() }));
  post(['/v3/cluster/member/list'], async () => {
    const { memberId } = backend.identity;
    return { header: header(), members: [{ ID: memberId, name: server.options.name }] };
  });
  app.post('/v3/watch', (request, reply) => {
    const input = new JsonReader(request.body);
    reply.hijack();
    streamWatch(server, input, header, reply.raw);
  });
}
