/**
 * The multiplexed stream (frame.ts) to one drydock store: all calls and watches on one WebSocket, sent
 * once a turn. When the socket closes, everything under way rejects with `UnavailableError`, and the
 * transport is over.
 */
import WebSocket from 'ws';
import type { Clock } from '../component/clock.js';
import { decodeFrames, type Frame, FrameWriter, isObject } from './frame.js';
import {
  CompactedError,
  type Compare,
  type KeyValue,
  type Op,
  type RangeOptions,
  type RangeResult,
  type TxnResult,
  UnavailableError,
  type WatchEvent,
  type WatchOptions,
} from './interface.js';
import {
  fromByteString,
  recordCreate,
  recordIsDelete,
  recordKey,
  recordLease,
  recordMod,
  recordValue,
  recordVersion,
  splitRecords,
  toByteString,
} from './kv-record.js';
import { RpcCode, RpcError } from './rpc-error.js';
import { NotSentError, type Transport } from './transport.js';

/** A store that has not answered for this long is taken for gone. */
const CALL_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 1_500;
/** Largest answer that is accepted: a range of everything in a very large store. */
const MAX_MESSAGE_BYTES = 1024 * 1024 * 1024;

interface Call {
  readonly resolve: (frame: Frame) => void;
  readonly reject: (err: unknown) => void;
}

export class StreamTransport implements Transport {
  private readonly calls = new Map<number, Call>();
  private readonly watches = new Map<number, (frame: Frame) => void>();
  private readonly over = new AbortController();
  private readonly writer: FrameWriter;
  private nextId = 1;
  private version = '';

  private constructor(
    readonly endpoint: string,
    private readonly socket: WebSocket,
    private readonly clock: Clock,
  ) {
    this.writer = new FrameWriter((message) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(message, { binary: true });
    });
    socket.on('message', (data) => {
      if (Buffer.isBuffer(data)) this.receive(data);
    });
    socket.on('error', (err) => this.end(err));
    socket.on('close', () => this.end(new Error('the connection was closed')));
  }

  /** Undefined when the server answers but has no stream. */
  static async connect(
    endpoint: string,
    clock: Clock,
    signal?: AbortSignal,
  ): Promise<StreamTransport | undefined> {
    const url = new URL('/v3/stream', endpoint);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      // Masks are against what scripts in browsers could make proxies believe. All zeros cost neither side anything.
      generateMask: (mask) => mask.fill(0),
      maxPayload: MAX_MESSAGE_BYTES,
      handshakeTimeout: CONNECT_TIMEOUT_MS,
    });
    const version = await new Promise<string | undefined>((resolve, reject) => {
      let offered: string | undefined;
      const abort = () => socket.terminate();
      signal?.addEventListener('abort', abort, { once: true });
      socket.once('upgrade', (response) => {
        // etcd's own gateway upgrades any path to a WebSocket; only ours says what it carries.
        const header = response.headers['x-drydock-stream'];
        offered = typeof header === 'string' ? header : undefined;
      });
      socket.once('open', () => resolve(offered));
      socket.once('unexpected-response', (request) => {
        request.destroy();
        resolve(undefined);
      });
      // Stays: terminating a socket that is connecting emits another error.
      socket.on('error', (cause) =>
        reject(new NotSentError(`${endpoint} can not be reached: ${cause.message}`, { cause })),
      );
    });
    if (version === undefined) {
      socket.terminate();
      return undefined;
    }
    const transport = new StreamTransport(endpoint, socket, clock);
    transport.version = version;
    return transport;
  }

  get closed(): AbortSignal {
    return this.over.signal;
  }

  async range(key: string, options: RangeOptions = {}): Promise<RangeResult> {
    const { rangeEnd, revision, limit, keysOnly, countOnly, signal } = options;
    const end = rangeEnd === undefined ? undefined : toByteString(rangeEnd);
    const rev = revision || undefined;
    const head = { op: 'range', key: toByteString(key), end, rev, limit, keysOnly, countOnly };
    const answer = await this.call(head, [], signal);
    const kvs = splitRecords(answer.body).map(toKeyValue);
    const { count, more } = answer.head;
    return { revision: revisionOf(answer), kvs, count: asNumber(count), more: more === true };
  }

  async txn(
    compare: readonly Compare[],
    success: readonly Op[],
    failure: readonly Op[],
    signal?: AbortSignal,
  ): Promise<TxnResult> {
    const values: Buffer[] = [];
    const cmp = compare.map(({ key, modRevision }) => ({
      key: toByteString(key),
      target: 'mod',
      result: '=',
      operand: modRevision,
    }));
    const head = {
      op: 'txn',
      cmp,
      // biome-ignore lint/suspicious/noThenProperty: the branch of a transaction, as etcd names it
      then: success.map((op) => encodeOp(op, values)),
      else: failure.map((op) => encodeOp(op, values)),
    };
    const answer = await this.call(head, values, signal);
    const records = splitRecords(answer.body).map(toKeyValue);
    const counts: unknown = answer.head.res;
    let at = 0;
    const responses = (Array.isArray(counts) ? counts : []).map((count: unknown) => {
      const from = at;
      at += asNumber(count);
      return { kvs: records.slice(from, at) };
    });
    return { succeeded: answer.head.ok === true, revision: revisionOf(answer), responses };
  }

  async watch(key: string, options: WatchOptions): Promise<void> {
    const { signal } = options;
    if (signal.aborted) return;
    const id = this.nextId++;
    try {
      await new Promise<void>((resolve, reject) => {
        const stop = () => resolve();
        const lost = () => reject(this.over.signal.reason);
        signal.addEventListener('abort', stop, { once: true });
        this.over.signal.addEventListener('abort', lost, { once: true });
        if (this.over.signal.aborted) lost();
        this.watches.set(id, (frame) => {
          const { error, compacted, n, rev } = frame.head;
          if (compacted !== undefined) reject(new CompactedError(asNumber(compacted)));
          else if (error !== undefined) reject(toError(error));
          else if (n !== undefined && !signal.aborted) {
            try {
              options.onBatch({ revision: asNumber(rev), events: readEvents(frame) });
            } catch (err) {
              reject(err);
            }
          }
        });
        const end = toByteString(options.rangeEnd);
        const head = { id, op: 'watch', key: toByteString(key), end, prevKv: options.prevKv };
        this.writer.write({ ...head, rev: options.startRevision });
        this.watchCleanups.set(id, () => {
          signal.removeEventListener('abort', stop);
          this.over.signal.removeEventListener('abort', lost);
        });
      });
    } finally {
      this.watchCleanups.get(id)?.();
      this.watchCleanups.delete(id);
      this.watches.delete(id);
      if (!this.over.signal.aborted)
        this.writer.write({ id: this.nextId++, op: 'cancel', watch: id });
    }
  }

  private readonly watchCleanups = new Map<number, () => void>();

  async requestProgress(): Promise<void> {
    await this.call({ op: 'progress' });
  }

  async leaseGrant(ttl: number): Promise<{ id: string; ttl: number }> {
    const { head } = await this.call({ op: 'grant', ttl });
    return { id: String(head.lease), ttl: asNumber(head.ttl) };
  }

  async leaseRevoke(lease: string): Promise<void> {
    await this.call({ op: 'revoke', lease });
  }

  async leaseKeepAlive(lease: string): Promise<{ ttl: number }> {
    const { head } = await this.call({ op: 'keepalive', lease });
    return { ttl: asNumber(head.ttl) };
  }

  async compact(rev: number): Promise<void> {
    await this.call({ op: 'compact', rev });
  }

  async status(
    signal?: AbortSignal,
  ): Promise<{ version: string; revision: number; dbSizeBytes: number }> {
    const answer = await this.call({ op: 'status' }, [], signal);
    const dbSizeBytes = asNumber(answer.head.size);
    return { version: this.version, revision: revisionOf(answer), dbSizeBytes };
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.end(new Error('the client was closed'));
    await closed;
  }

  private call(head: object, body: readonly Buffer[] = [], signal?: AbortSignal): Promise<Frame> {
    if (this.over.signal.aborted) {
      const { reason } = this.over.signal;
      return Promise.reject(
        new NotSentError(`${this.endpoint} is not connected`, { cause: reason }),
      );
    }
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = this.nextId++;
    return new Promise<Frame>((resolve, reject) => {
      const abort = () => settle(() => reject(signal?.reason));
      // A socket that does not answer one call is not trusted with others.
      const timer = this.clock.after(CALL_TIMEOUT_MS, () =>
        this.end(new Error(`no answer within ${CALL_TIMEOUT_MS} ms`)),
      );
      const settle = (how: () => void) => {
        timer.stop();
        signal?.removeEventListener('abort', abort);
        this.calls.delete(id);
        how();
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.calls.set(id, {
        resolve: (frame) => settle(() => resolve(frame)),
        reject: (err) => settle(() => reject(err)),
      });
      this.writer.write({ id, ...head }, body);
    });
  }

  private receive(message: Buffer): void {
    let frames: Frame[];
    try {
      frames = decodeFrames(message);
    } catch (err) {
      this.end(err);
      return;
    }
    for (const frame of frames) {
      const id = asNumber(frame.head.id);
      const call = this.calls.get(id);
      if (!call) this.watches.get(id)?.(frame);
      else if (frame.head.error !== undefined) call.reject(toError(frame.head.error));
      else call.resolve(frame);
    }
  }

  private end(cause: unknown): void {
    if (this.over.signal.aborted) return;
    const why = cause instanceof Error ? cause.message : String(cause);
    const err = new UnavailableError(`the connection to ${this.endpoint} was lost: ${why}`, {
      cause,
    });
    this.over.abort(err);
    for (const call of [...this.calls.values()]) call.reject(err);
    this.socket.terminate();
  }
}

function encodeOp(op: Op, values: Buffer[]): object {
  switch (op.type) {
    case 'put':
      values.push(op.value);
      return { put: toByteString(op.key), size: op.value.length, lease: op.lease };
    case 'delete':
      return { del: toByteString(op.key), prev: true };
    case 'range':
      return { get: toByteString(op.key) };
  }
}

function toKeyValue(record: Buffer): KeyValue {
  return {
    key: fromByteString(recordKey(record)),
    value: recordValue(record),
    createRevision: recordCreate(record),
    modRevision: recordMod(record),
    version: recordVersion(record),
    lease: recordLease(record),
  };
}

function readEvents(frame: Frame): WatchEvent[] {
  const records = splitRecords(frame.body);
  const { prev } = frame.head;
  const withPrev = new Set<unknown>(Array.isArray(prev) ? prev : []);
  const events: WatchEvent[] = [];
  for (let at = 0; at < records.length; at++) {
    const record = records[at];
    if (!record) break;
    const before = withPrev.has(events.length) ? records[++at] : undefined;
    events.push({
      type: recordIsDelete(record) ? 'delete' : 'put',
      kv: toKeyValue(record),
      ...(before && { prevKv: toKeyValue(before) }),
    });
  }
  return events;
}

function revisionOf(frame: Frame): number {
  return asNumber(frame.head.rev);
}

function asNumber(value: unknown): number {
  if (typeof value !== 'number') throw new Error('the store answered without a number');
  return value;
}

/** An error as the stream carries it. */
function toError(error: unknown): Error {
  if (!isObject(error)) return new RpcError(RpcCode.Unknown, 'unknown error');
  const code = typeof error.code === 'number' ? error.code : RpcCode.Unknown;
  if (typeof error.compact === 'number' && error.compact > 0) {
    return new CompactedError(error.compact);
  }
  if (code === RpcCode.Unavailable) return new UnavailableError(String(error.message));
  return new RpcError(code, String(error.message));
}
