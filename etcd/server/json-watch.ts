/**
 * `POST /v3/watch`: one create request, answered with a line of JSON for each response until the client
 * goes. As on etcd's own gateway over HTTP/1.1 nothing can be sent after the first request, so cancelling
 * is closing the connection.
 */
import type { ServerResponse } from 'node:http';
import { recordIsDelete } from '../../pkg/etcd-client/kv-record.js';
import { RpcCode } from '../../pkg/etcd-client/rpc-error.js';
import type { KvServer } from '../kv-server.js';
import type { Watcher } from '../mvcc/watchable-store.js';
import { type JsonReader, writeKeyValue } from './json-codec.js';
import type { Header } from './json-routes.js';

/** etcd's default interval of progress notifications. */
const PROGRESS_INTERVAL_MS = 10 * 60_000;
const HIGH_WATER_BYTES = 1024 * 1024;

export function streamWatch(
  server: KvServer,
  input: JsonReader,
  header: (revision?: number) => Header,
  response: ServerResponse,
): void {
  const send = (result: object) => response.write(`${JSON.stringify({ result })}\n`);
  response.writeHead(200, { 'content-type': 'application/json' });
  if (!input.has('create_request')) {
    if (input.has('progress_request')) send({ header: header(), watch_id: '-1' });
    else {
      const message = 'etcdserver: watch request has no create_request';
      const error = { grpc_code: RpcCode.InvalidArgument, http_code: 400, message };
      response.write(`${JSON.stringify({ error })}\n`);
    }
    response.end();
    return;
  }
  const create = input.message('create_request');
  const filters = create.strings('filters');
  const watchId = create.int64('watch_id');
  const id = watchId === '0' ? {} : { watch_id: watchId };
  const key = create.byteString('key');
  let idle = true;
  send({ header: header(), ...id, created: true });
  const watcher: Watcher = server.watchable.watch(
    {
      key: key === '' ? '\0' : key,
      rangeEnd: create.byteString('range_end'),
      startRevision: create.number('start_revision'),
      prevKv: create.flag('prev_kv'),
      noPut: filters.includes('NOPUT') || filters.includes('0'),
      noDelete: filters.includes('NODELETE') || filters.includes('1'),
    },
    {
      ready: () => response.writableLength < HIGH_WATER_BYTES,
      deliver: (revision, events) => {
        idle = false;
        const written = events.map(({ record, prev }) => ({
          ...(recordIsDelete(record) && { type: 'DELETE' }),
          kv: writeKeyValue(record),
          ...(prev && { prev_kv: writeKeyValue(prev) }),
        }));
        send({ header: header(revision), ...id, ...(written.length > 0 && { events: written }) });
      },
      compacted: (compactRevision) => {
        const compact_revision = String(compactRevision);
        send({ header: header(), ...id, canceled: true, compact_revision });
        response.end();
      },
    },
  );
  let timer = server.options.clock.after(PROGRESS_INTERVAL_MS, tick);
  function tick() {
    if (create.flag('progress_notify') && idle) watcher.progress();
    idle = true;
    timer = server.options.clock.after(PROGRESS_INTERVAL_MS, tick);
  }
  response.on('drain', () => server.watchable.resume());
  response.on('close', () => {
    timer.stop();
    watcher.cancel();
  });
}
