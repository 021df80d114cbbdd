/**
 * `connect`: the store behind one or more endpoints. One transport is in use at a time; when it is lost
 * the next endpoint that answers takes over.
 *
 * - Reads are tried again on another endpoint. A transaction is, only when it provably was not sent;
 *   otherwise its fate is unknown and the caller gets `UnavailableError`.
 * - A watch goes on, wherever it is re-joined, at the revision after the last one delivered.
 * - While no endpoint answers, calls wait for at most `PATIENCE_MS`, then fail; connecting goes on in the
 *   background of whoever calls or watches, with jittered back-off.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../component/clock.js';
import type { Logger } from '../component/logger.js';
import { type EtcdClient, UnavailableError, type WatchOptions } from './interface.js';
import { JsonTransport } from './json-transport.js';
import { StreamTransport } from './stream-transport.js';
import { NotSentError, type Transport } from './transport.js';

export interface ConnectOptions {
  readonly endpoints: readonly string[];
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** For tests and comparisons; by default the stream where the server has it. */
  readonly transport?: 'stream' | 'json' | undefined;
}

/** How long a call waits for an endpoint before it fails. */
const PATIENCE_MS = 1000;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 1000;
/** Tries of a read, over all endpoints. */
const READ_ATTEMPTS = 3;

/** Resolves as soon as the client can be used, whether or not an endpoint answers yet. */
export async function connect(options: ConnectOptions): Promise<EtcdClient> {
  if (options.endpoints.length === 0) throw new Error('no etcd endpoint is given');
  const client = new FailoverClient(options);
  // The first connection is worth waiting for; that it fails is for the first call to tell.
  await client.transport().catch((err: unknown) => {
    options.logger.warn({ err }, 'etcd does not answer yet');
  });
  return client;
}

class FailoverClient implements EtcdClient {
  private current: Transport | undefined;
  private connecting: Promise<Transport> | undefined;
  private endpoint = 0;
  private readonly stopped = new AbortController();
  private readonly watching = new Set<() => void>();

  constructor(private readonly options: ConnectOptions) {
    // Every call that waits for an endpoint listens to it.
    setMaxListeners(0, this.stopped.signal);
    options.signal?.addEventListener('abort', () => void this.close(), { once: true });
  }

  range: EtcdClient['range'] = (key, options) =>
    this.read((transport) => transport.range(key, options), options?.signal);

  txn: EtcdClient['txn'] = (compare, success, failure, signal) => {
    const attempt = (transport: Transport) => transport.txn(compare, success, failure, signal);
    const readOnly = [...success, ...failure].every((op) => op.type === 'range');
    return readOnly ? this.read(attempt, signal) : this.write(attempt);
  };

  leaseGrant: EtcdClient['leaseGrant'] = (ttl) => this.write((t) => t.leaseGrant(ttl));
  leaseRevoke: EtcdClient['leaseRevoke'] = (id) => this.write((t) => t.leaseRevoke(id));
  leaseKeepAlive: EtcdClient['leaseKeepAlive'] = (id) => this.read((t) => t.leaseKeepAlive(id));
  compact: EtcdClient['compact'] = (revision) => this.write((t) => t.compact(revision));
  status: EtcdClient['status'] = (signal) => this.read((t) => t.status(signal), signal);
  requestProgress: EtcdClient['requestProgress'] = () => this.read((t) => t.requestProgress());

  async watch(key: string, options: WatchOptions): Promise<void> {
    let next = options.startRevision;
    const { signal, onBatch } = options;
    let backoff = BACKOFF_FIRST_MS;
    while (!signal.aborted && !this.stopped.signal.aborted) {
      try {
        const transport = await this.transport();
        if (signal.aborted) return;
        await transport.watch(key, {
          ...options,
          startRevision: next,
          onBatch: (batch) => {
            backoff = BACKOFF_FIRST_MS;
            // A member that lags may report progress of the past.
            if (batch.events.length === 0 && batch.revision < next - 1) return;
            next = Math.max(next, batch.revision + 1);
            onBatch(batch);
          },
        });
        if (signal.aborted) return;
      } catch (err) {
        if (signal.aborted) return;
        if (!(err instanceof UnavailableError)) throw err;
        this.options.logger.debug({ err, key, revision: next }, 'a watch was cut off');
      }
      await this.pause(backoff, signal);
      backoff = Math.min(backoff * 2, BACKOFF_MAX_MS);
    }
    if (!signal.aborted) throw new UnavailableError('the client was closed');
  }

  async close(): Promise<void> {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort(new UnavailableError('the client was closed'));
    const pending = await this.connecting?.catch(() => undefined);
    await pending?.close();
    await this.current?.close();
    for (const wake of this.watching) wake();
  }

  /** The transport in use, or a new one within the patience of a call. */
  async transport(): Promise<Transport> {
    if (this.stopped.signal.aborted) throw this.stopped.signal.reason;
    if (this.current && !this.current.closed.aborted) return this.current;
    this.connecting ??= this.reconnect().finally(() => {
      this.connecting = undefined;
    });
    return this.connecting;
  }

  private async reconnect(): Promise<Transport> {
    const { clock, endpoints, logger } = this.options;
    const deadline = clock.monotonic() + PATIENCE_MS;
    let backoff = BACKOFF_FIRST_MS;
    let failure: unknown;
    while (!this.stopped.signal.aborted) {
      for (let tries = 0; tries < endpoints.length; tries++) {
        const endpoint = endpoints[this.endpoint % endpoints.length] ?? '';
        try {
          this.current = await this.open(endpoint);
          logger.debug({ endpoint }, 'connected to etcd');
          return this.current;
        } catch (err) {
          failure = err;
          this.endpoint++;
        }
      }
      if (clock.monotonic() + backoff > deadline) break;
      await this.pause(backoff, this.stopped.signal);
      backoff = Math.min(backoff * 2, BACKOFF_MAX_MS);
    }
    throw new NotSentError('no etcd endpoint can be reached', { cause: failure });
  }

  private async open(endpoint: string): Promise<Transport> {
    const { clock, transport } = this.options;
    const { signal } = this.stopped;
    if (transport !== 'json') {
      const stream = await StreamTransport.connect(endpoint, clock, signal);
      if (stream) return stream;
      if (transport === 'stream') throw new UnavailableError(`${endpoint} has no stream`);
    }
    return JsonTransport.connect(endpoint, clock, signal);
  }

  private async read<T>(
    attempt: (transport: Transport) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      const transport = await this.transport();
      try {
        return await attempt(transport);
      } catch (err) {
        if (!(err instanceof UnavailableError)) throw err;
        this.leave(transport);
        if (tries >= READ_ATTEMPTS || signal?.aborted) throw err;
      }
    }
  }

  private async write<T>(attempt: (transport: Transport) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const transport = await this.transport();
      try {
        return await attempt(transport);
      } catch (err) {
        if (!(err instanceof UnavailableError)) throw err;
        this.leave(transport);
        if (!(err instanceof NotSentError) || tries >= READ_ATTEMPTS) throw err;
      }
    }
  }

  /** The endpoint did not serve: the next call goes to another one. */
  private leave(transport: Transport): void {
    if (this.current !== transport) return;
    this.current = undefined;
    this.endpoint++;
    // Its watches re-join elsewhere.
    void transport.close();
  }

  /** Waits about `ms`, less when the signal aborts. */
  private async pause(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    await new Promise<void>((resolve) => {
      const done = () => {
        timer.stop();
        this.watching.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = clock.after(ms * (0.5 + clock.random() / 2), done);
      this.watching.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
