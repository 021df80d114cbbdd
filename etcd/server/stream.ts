/**
 * One client on `GET /v3/stream` (framing: pkg/etcd-client/frame.ts). Calls run side by side; what is
 * answered in one turn of the event loop leaves as one message. A client that does not read fast enough
 * has its watches held back (they go on from disk), and a client that sends more than is answered is not
 * read until it is.
 */
import type { WebSocket } from 'ws';
import { decodeFrames, type Frame, FrameWriter } from '../../pkg/etcd-client/frame.js';
import { RpcCode, RpcError } from '../../pkg/etcd-client/rpc-error.js';
import { compacted, invalidArgument } from '../errors.js';
import type { KvServer } from '../kv-server.js';
import type { OpResponse } from '../mvcc/request.js';
import type { Watcher } from '../mvcc/watchable-store.js';
import { FrameReader, readTxn } from './stream-request.js';

/** Unsent bytes above which watches are held back: a few batches, far from hurting. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;
/** Bytes of requests under way above which no more are read. */
const MAX_INFLIGHT_BYTES = 32 * 1024 * 1024;

export class StreamConnection {
  private readonly writer: FrameWriter;
  private readonly watchers = new Map<number, Watcher>();
  private inflight = 0;

  constructor(
    private readonly socket: WebSocket,
    private readonly server: KvServer,
  ) {
    this.writer = new FrameWriter((message) => {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(message, { binary: true, compress: false }, () => {
        if (this.hasRoom()) this.server.watchable.resume();
      });
    });
    socket.on('message', (data) => {
      if (Buffer.isBuffer(data)) this.receive(data);
    });
    socket.on('error', (err) => {
      server.options.logger.debug({ err }, 'a stream failed');
    });
    socket.on('close', () => {
      for (const watcher of this.watchers.values()) watcher.cancel();
      this.watchers.clear();
    });
  }

  private hasRoom(): boolean {
    return this.socket.bufferedAmount + this.writer.bytes < HIGH_WATER_BYTES;
  }

  private receive(message: Buffer): void {
    let frames: Frame[];
    try {
      frames = decodeFrames(message);
    } catch (err) {
      this.socket.close(1002, err instanceof Error ? err.message : 'malformed');
      return;
    }
    for (const frame of frames) {
      const { id } = frame.head;
      if (typeof id !== 'number') {
        this.socket.close(1002, 'a frame has no id');
        return;
      }
      this.inflight += frame.body.length;
      if (this.inflight > MAX_INFLIGHT_BYTES) this.socket.pause();
      this.dispatch(id, frame)
        .catch((err: unknown) => this.answerError(id, err))
        .finally(() => {
          this.inflight -= frame.body.length;
          if (this.inflight <= MAX_INFLIGHT_BYTES && this.socket.isPaused) this.socket.resume();
        });
    }
  }

  private answerError(id: number, err: unknown): void {
    if (err instanceof RpcError) {
      const compact = err.message === compacted().message ? this.server.store.compactRevision : 0;
      this.writer.write({ id, error: { code: err.code, message: err.message, compact } });
      return;
    }
    this.server.options.logger.error({ err }, 'a call on the stream failed');
    const message = err instanceof Error ? err.message : String(err);
    this.writer.write({ id, error: { code: RpcCode.Internal, message } });
  }

  private async dispatch(id: number, frame: Frame): Promise<void> {
    const { store, lessor } = this.server;
    const input = new FrameReader(frame.head);
    switch (frame.head.op) {
      case 'range': {
        const { revision, records, count, more } = await store.range({
          key: input.text('key'),
          rangeEnd: input.optionalText('end'),
          revision: input.optionalNumber('rev'),
          limit: input.optionalNumber('limit'),
          keysOnly: input.flag('keysOnly'),
          countOnly: input.flag('countOnly'),
        });
        this.writer.write({ id, rev: revision, count, more }, records);
        return;
      }
      case 'txn': {
        const { revision, succeeded, responses } = await store.txn(readTxn(frame));
        const records: Buffer[] = [];
        const res = responses.map((response) => {
          const own = recordsOf(response);
          records.push(...own);
          return own.length;
        });
        this.writer.write({ id, rev: revision, ok: succeeded, res }, records);
        return;
      }
      case 'watch':
        return this.watch(id, input);
      case 'cancel': {
        const watch = input.number('watch');
        this.watchers.get(watch)?.cancel();
        this.watchers.delete(watch);
        break;
      }
      case 'progress':
        for (const watcher of this.watchers.values()) watcher.progress();
        break;
      case 'grant': {
        const lease = await lessor.grant(input.optionalLease('lease'), input.number('ttl'));
        this.writer.write({ id, rev: store.revision, lease: lease.id, ttl: lease.ttl });
        return;
      }
      case 'revoke':
        await lessor.revoke(input.optionalLease('lease'));
        break;
      case 'keepalive': {
        const lease = input.optionalLease('lease');
        this.writer.write({ id, rev: store.revision, lease, ttl: lessor.keepAlive(lease) });
        return;
      }
      case 'compact':
        await this.server.compact(input.number('rev'), input.flag('physical'));
        break;
      case 'status': {
        const size = await this.server.backend.sizeBytes();
        this.writer.write({ id, rev: store.revision, size });
        return;
      }
      default:
        throw invalidArgument(`unknown operation ${JSON.stringify(frame.head.op)}`);
    }
    this.writer.write({ id, rev: store.revision });
  }

  private watch(id: number, input: FrameReader): void {
    if (this.watchers.has(id)) throw invalidArgument('the id is in use by a watch');
    const key = input.text('key');
    // Created is answered before the first event.
    this.writer.write({ id, rev: this.server.store.revision, created: true });
    const watcher = this.server.watchable.watch(
      {
        key: key === '' ? '\0' : key,
        rangeEnd: input.optionalText('end'),
        startRevision: input.optionalNumber('rev'),
        prevKv: input.flag('prevKv'),
        noPut: input.flag('noPut'),
        noDelete: input.flag('noDelete'),
      },
      {
        ready: () => this.hasRoom(),
        deliver: (rev, events) => {
          const body: Buffer[] = [];
          const prev: number[] = [];
          events.forEach((event, i) => {
            body.push(event.record);
            if (!event.prev) return;
            prev.push(i);
            body.push(event.prev);
          });
          this.writer.write({ id, rev, n: events.length, prev }, body);
        },
        compacted: (compactRevision) => {
          this.watchers.delete(id);
          this.writer.write({ id, compacted: compactRevision });
        },
      },
    );
    this.watchers.set(id, watcher);
  }
}

function recordsOf(response: OpResponse): readonly Buffer[] {
  switch (response.type) {
    case 'range':
      return response.records;
    case 'put':
      return response.prev ? [response.prev] : [];
    case 'delete':
      return response.prevs;
    case 'txn':
      return response.responses.flatMap(recordsOf);
  }
}
