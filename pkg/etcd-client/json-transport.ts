/**
 * etcd's HTTP/JSON paths, as every etcd from 3.4 on serves them, over keep-alive connections to one member.
 *
 * Over HTTP/1.1 nothing can be sent on a watch after it began, so that a progress request has to be made
 * up from reads: when no key in the range has a newer revision than the last one delivered, and there are as
 * many keys as at that revision, then nothing happened in it, and the watch is up to the revision of the
 * read. Otherwise events are under way, and the question is asked again.
 */
import type { Pool as PoolType } from 'undici';
import request from 'undici/lib/api/api-request.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { Clock } from '../component/clock.js';
import { isObject } from './frame.js';
import {
  CompactedError,
  type Compare,
  type KeyValue,
  type Op,
  type RangeOptions,
  type RangeResult,
  type TxnResult,
  UnavailableError,
  type WatchOptions,
} from './interface.js';
import { RpcCode, RpcError } from './rpc-error.js';
import { NotSentError, type Transport } from './transport.js';

type Json = Record<string, unknown>;

const CONNECTIONS = 64;
const CONNECT_TIMEOUT_MS = 1_500;
/** A member without a quorum answers after its own time-out of some seconds; do not wait for that. */
const CALL_TIMEOUT_MS = 5_000;
const PROBE_TIMEOUT_MS = 1_500;
const PROGRESS_POLL_MS = 20;
const PROGRESS_POLLS = 100;
/** Errors of a connection that was never made. */
const NOT_SENT = new Set(['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'ENOTFOUND', 'EHOSTUNREACH']);

interface OpenWatch {
  readonly key: string;
  readonly options: WatchOptions;
  /** Everything up to here has been delivered. */
  last: number;
}

export class JsonTransport implements Transport {
  private readonly over = new AbortController();
  private readonly watches = new Set<OpenWatch>();
  private readonly pool: PoolType;

  private constructor(
    readonly endpoint: string,
    private readonly clock: Clock,
  ) {
    this.pool = new Pool(endpoint, {
      connections: CONNECTIONS,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      bodyTimeout: 0,
      headersTimeout: 0,
    });
  }

  /** Resolves when the member answers a linearizable read, so that it is known to have a quorum. */
  static async connect(
    endpoint: string,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<JsonTransport> {
    const transport = new JsonTransport(endpoint, clock);
    try {
      const body = { key: base64('\0'), count_only: true };
      await transport.post('/v3/kv/range', body, signal, PROBE_TIMEOUT_MS);
      return transport;
    } catch (err) {
      await transport.close();
      throw err;
    }
  }

  get closed(): AbortSignal {
    return this.over.signal;
  }

  range(key: string, options: RangeOptions = {}): Promise<RangeResult> {
    return this.readRange(key, options, 0);
  }

  async txn(
    compare: readonly Compare[],
    success: readonly Op[],
    failure: readonly Op[],
    signal?: AbortSignal,
  ): Promise<TxnResult> {
    const body = {
      compare: compare.map(({ key, modRevision }) => ({
        key: base64(key),
        target: 'MOD',
        result: 'EQUAL',
        mod_revision: String(modRevision),
      })),
      success: success.map(writeOp),
      failure: failure.map(writeOp),
    };
    const answer = await this.post('/v3/kv/txn', body, signal);
    const responses = asList(answer.responses).map((response) => {
      const range = response.response_range;
      const deleted = response.response_delete_range;
      if (isObject(range)) return { kvs: asList(range.kvs).map(readKeyValue) };
      if (isObject(deleted)) return { kvs: asList(deleted.prev_kvs).map(readKeyValue) };
      return { kvs: [] };
    });
    return { succeeded: answer.succeeded === true, revision: revisionOf(answer), responses };
  }

  async watch(key: string, options: WatchOptions): Promise<void> {
    const { signal } = options;
    const watch: OpenWatch = { key, options, last: options.startRevision - 1 };
    const abort = AbortSignal.any([signal, this.over.signal]);
    this.watches.add(watch);
    try {
      const create_request = {
        key: base64(key),
        range_end: base64(options.rangeEnd),
        start_revision: String(options.startRevision),
        prev_kv: options.prevKv === true,
        progress_notify: true,
      };
      const { body } = await request.call(this.pool, {
        path: '/v3/watch',
        method: 'POST',
        body: JSON.stringify({ create_request }),
        headers: { 'content-type': 'application/json' },
        signal: abort,
        blocking: true,
      });
      for await (const message of lines(body)) {
        if (signal.aborted) return;
        this.receive(watch, message);
      }
      throw new UnavailableError(`${this.endpoint} ended a watch`);
    } catch (err) {
      if (signal.aborted) return;
      throw this.toError(err);
    } finally {
      this.watches.delete(watch);
    }
  }

  async requestProgress(): Promise<void> {
    await Promise.all([...this.watches].map((watch) => this.makeProgress(watch)));
  }

  async leaseGrant(ttl: number): Promise<{ id: string; ttl: number }> {
    const answer = await this.post('/v3/lease/grant', { TTL: String(ttl) });
    return { id: String(answer.ID), ttl: asNumber(answer.TTL) };
  }

  async leaseRevoke(id: string): Promise<void> {
    await this.post('/v3/lease/revoke', { ID: id });
  }

  async leaseKeepAlive(id: string): Promise<{ ttl: number }> {
    const { result } = await this.post('/v3/lease/keepalive', { ID: id });
    return { ttl: isObject(result) ? asNumber(result.TTL) : 0 };
  }

  async compact(revision: number): Promise<void> {
    await this.post('/v3/kv/compaction', { revision: String(revision) });
  }

  async status(
    signal?: AbortSignal,
  ): Promise<{ version: string; revision: number; dbSizeBytes: number }> {
    const answer = await this.post('/v3/maintenance/status', {}, signal);
    const dbSizeBytes = asNumber(answer.dbSize);
    return { version: String(answer.version), revision: revisionOf(answer), dbSizeBytes };
  }

  async close(): Promise<void> {
    if (this.over.signal.aborted) return;
    this.over.abort(new UnavailableError(`the connection to ${this.endpoint} was closed`));
    await this.pool.destroy();
  }

  private async readRange(
    key: string,
    options: RangeOptions,
    minMod: number,
  ): Promise<RangeResult> {
    const { rangeEnd, revision, limit, keysOnly, countOnly } = options;
    const body = {
      key: base64(key),
      ...(rangeEnd !== undefined && { range_end: base64(rangeEnd) }),
      ...(revision && { revision: String(revision) }),
      ...(limit && { limit: String(limit) }),
      ...(keysOnly && { keys_only: true }),
      ...(countOnly && { count_only: true }),
      ...(minMod && { min_mod_revision: String(minMod) }),
    };
    const answer = await this.post('/v3/kv/range', body, options.signal);
    return {
      revision: revisionOf(answer),
      kvs: asList(answer.kvs).map(readKeyValue),
      count: asNumber(answer.count),
      more: answer.more === true,
    };
  }

  private receive(watch: OpenWatch, message: Json): void {
    const { result, error } = message;
    if (isObject(error)) {
      const code = typeof error.grpc_code === 'number' ? error.grpc_code : error.code;
      throw rpcError(typeof code === 'number' ? code : RpcCode.Unknown, String(error.message));
    }
    if (!isObject(result) || result.created === true) return;
    if (result.compact_revision !== undefined && result.compact_revision !== '0') {
      throw new CompactedError(asNumber(result.compact_revision));
    }
    if (result.canceled === true) {
      throw new UnavailableError(`a watch was cancelled: ${String(result.cancel_reason ?? '')}`);
    }
    const events = asList(result.events).map((event) => ({
      type: event.type === 'DELETE' ? ('delete' as const) : ('put' as const),
      kv: readKeyValue(event.kv),
      ...(isObject(event.prev_kv) && { prevKv: readKeyValue(event.prev_kv) }),
    }));
    // While it catches up, a header tells of the store and not of the watch.
    const revision = events.at(-1)?.kv.modRevision ?? revisionOf(result);
    watch.last = Math.max(watch.last, revision);
    watch.options.onBatch({ revision, events });
  }

  private async makeProgress(watch: OpenWatch): Promise<void> {
    const { rangeEnd, signal, onBatch } = watch.options;
    for (let polls = 0; polls < PROGRESS_POLLS && this.watches.has(watch); polls++) {
      const { last } = watch;
      const newer = { rangeEnd, keysOnly: true, limit: 1, signal };
      const now = await this.readRange(watch.key, newer, last + 1);
      if (now.revision <= last) return onBatch({ revision: last, events: [] });
      const then = { rangeEnd, countOnly: true, revision: Math.max(last, 1), signal };
      const before = await this.readRange(watch.key, then, 0);
      if (watch.last === last && now.kvs.length === 0 && now.count === before.count) {
        watch.last = now.revision;
        return onBatch({ revision: now.revision, events: [] });
      }
      await this.clock.sleep(PROGRESS_POLL_MS, signal);
    }
  }

  private async post(
    path: string,
    body: Json,
    signal?: AbortSignal,
    timeoutMs = CALL_TIMEOUT_MS,
  ): Promise<Json> {
    const late = new AbortController();
    const timer = this.clock.after(timeoutMs, () =>
      late.abort(new UnavailableError(`${this.endpoint} did not answer within ${timeoutMs} ms`)),
    );
    try {
      const response = await request.call(this.pool, {
        path,
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
        signal: AbortSignal.any([late.signal, ...(signal ? [signal] : [])]),
      });
      const text = await response.body.text();
      if (response.statusCode === 404 && !text.startsWith('{')) {
        throw new UnavailableError(`${this.endpoint} does not serve ${path}`);
      }
      const answer: unknown = JSON.parse(text);
      if (!isObject(answer)) throw new UnavailableError(`${this.endpoint} answered no JSON object`);
      if (response.statusCode === 200) return answer;
      const code = typeof answer.code === 'number' ? answer.code : RpcCode.Unknown;
      const error = rpcError(code, String(answer.message ?? answer.error));
      if (error instanceof RpcError && error.code === RpcCode.OutOfRange) {
        if (error.message.endsWith('has been compacted')) throw new CompactedError(0);
      }
      throw error;
    } catch (err) {
      if (signal?.aborted) throw signal.reason;
      throw this.toError(late.signal.aborted ? late.signal.reason : err);
    } finally {
      timer.stop();
    }
  }

  private toError(err: unknown): Error {
    if (err instanceof UnavailableError || err instanceof RpcError) return err;
    if (err instanceof CompactedError) return err;
    const code = err instanceof Error && 'code' in err ? String(err.code) : '';
    const message = `${this.endpoint}: ${err instanceof Error ? err.message : String(err)}`;
    if (NOT_SENT.has(code)) return new NotSentError(message, { cause: err });
    return new UnavailableError(message, { cause: err });
  }
}

function rpcError(code: number, message: string): Error {
  const gone = code === RpcCode.Unavailable || code === RpcCode.DeadlineExceeded;
  // Without a leader etcd answers "context deadline exceeded" with an unknown code as well.
  return gone || (code === RpcCode.Unknown && message.includes('deadline'))
    ? new UnavailableError(message)
    : new RpcError(code, message);
}

/** One JSON message a line. */
async function* lines(body: AsyncIterable<unknown>): AsyncGenerator<Json> {
  let parts: string[] = [];
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    const pieces = decoder.decode(chunk, { stream: true }).split('\n');
    for (let i = 0; i < pieces.length; i++) {
      parts.push(pieces[i] ?? '');
      if (i === pieces.length - 1) break;
      const text = parts.join('');
      parts = [];
      if (text === '') continue;
      const message: unknown = JSON.parse(text);
      if (isObject(message)) yield message;
    }
  }
}

function writeOp(op: Op): Json {
  const key = base64(op.key);
  switch (op.type) {
    case 'put': {
      const value = op.value.toString('base64');
      return { request_put: { key, value, ...(op.lease && { lease: op.lease }) } };
    }
    case 'delete':
      return { request_delete_range: { key, prev_kv: true } };
    case 'range':
      return { request_range: { key } };
  }
}

function readKeyValue(kv: unknown): KeyValue {
  if (!isObject(kv)) throw new UnavailableError('an answer has no key');
  return {
    key: Buffer.from(String(kv.key ?? ''), 'base64').toString('utf8'),
    value: Buffer.from(String(kv.value ?? ''), 'base64'),
    createRevision: asNumber(kv.create_revision),
    modRevision: asNumber(kv.mod_revision),
    version: asNumber(kv.version),
    lease: String(kv.lease ?? '0'),
  };
}

function base64(key: string): string {
  return Buffer.from(key, 'utf8').toString('base64');
}

function revisionOf(answer: Json): number {
  return isObject(answer.header) ? asNumber(answer.header.revision) : 0;
}

function asNumber(value: unknown): number {
  return value === undefined ? 0 : Number(value);
}

function asList(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
