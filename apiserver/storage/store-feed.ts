/**
 * The one watch that this apiserver holds on the store. Every change of every key arrives here once, in
 * order, and is handed to the cache that owns the key's folder. Since no revision can pass without an
 * event here, `revision` says exactly how far ALL caches are, and a consistent read is: ask the store for
 * its revision (one question for all readers that wait), then wait until the feed has come that far.
 *
 * States: starting → following ⇄ (connection lost: the client re-joins without a gap)
 *                     └→ the history was compacted past us: every cache is told to start again.
 */
import { serviceUnavailable, tooLargeResourceVersion } from '../../pkg/apimachinery/status.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import {
  CompactedError,
  type EtcdClient,
  type WatchBatch,
  type WatchEvent,
} from '../../pkg/etcd-client/interface.js';
import { REGISTRY_ROOT } from './keys.js';
import { storeError } from './store-errors.js';

/** All keys, not only ours: a write elsewhere in the store moves its revision on, too. */
const FIRST_KEY = '\0';
const NO_END = '\0';
/** How long a reader waits for the feed to reach a revision; upstream's `blockTimeout`. */
const WAIT_MS = 3_000;
const RESTART_DELAY_MS = 200;

export interface FeedListener {
  /** Events of this folder, with relative order kept; the feed's revision is moved on afterwards. */
  onEvents(events: readonly WatchEvent[], revision: number): void;
  /** Changes were missed: forget everything. */
  onGap(): void;
}

export interface StoreFeedOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Waiter {
  readonly revision: number;
  resolve(): void;
}

export class StoreFeed {
  private readonly client: EtcdClient;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly listeners = new Map<string, Set<FeedListener>>();
  private waiters: Waiter[] = [];
  private startWaiters: (() => void)[] = [];
  private asking: Promise<number> | undefined;
  private askNext: Promise<number> | undefined;
  private written = 0;
  private at = 0;

  constructor(options: StoreFeedOptions) {
    this.client = options.client;
    this.clock = options.clock;
    this.logger = options.logger;
  }

  /** Everything up to here has been applied to every cache. 0 before the first contact with the store. */
  get revision(): number {
    return this.at;
  }

  /** The newest revision that this process wrote. */
  get lastWrite(): number {
    return this.written;
  }

  /** Called after each write of this process, so that its own reads can wait for it without asking. */
  noteWrite(revision: number): void {
    if (revision > this.written) this.written = revision;
  }

  /** Of a folder, `/registry/pods/`. A custom resource has a listener for each version that is read. */
  listen(prefix: string, listener: FeedListener): void {
    const known = this.listeners.get(prefix);
    if (known) known.add(listener);
    else this.listeners.set(prefix, new Set([listener]));
  }

  unlisten(prefix: string, listener: FeedListener): void {
    const known = this.listeners.get(prefix);
    known?.delete(listener);
    if (known?.size === 0) this.listeners.delete(prefix);
  }

  /** Follows the store until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const { revision } = await this.client.range(REGISTRY_ROOT, { countOnly: true, signal });
        this.start(revision);
        await this.client.watch(FIRST_KEY, {
          rangeEnd: NO_END,
          startRevision: revision + 1,
          signal,
          onBatch: (batch) => this.onBatch(batch),
        });
      } catch (err) {
        if (signal.aborted) return;
        if (err instanceof CompactedError) {
          this.logger.warn(
            { revision: this.at, err },
            'the store forgot changes that were not seen yet; caches start again',
          );
          continue;
        }
        this.logger.warn({ err }, 'the store does not answer');
        try {
          await this.clock.sleep(RESTART_DELAY_MS, signal);
        } catch {
          return;
        }
      }
    }
  }

  /** Resolves when the feed follows the store; 503 when it does not within a reader's patience. */
  async started(signal?: AbortSignal): Promise<void> {
    if (this.at > 0) return;
    const reached = await this.race((done) => this.startWaiters.push(done), signal);
    if (!reached) throw serviceUnavailable('etcdserver: the store has not been reached yet');
  }

  /** Resolves when every cache holds `revision`; 504 when that does not come in time. */
  async waitFor(revision: number, signal?: AbortSignal): Promise<void> {
    if (this.at >= revision) return;
    const reached = await this.race(
      (done) => this.waiters.push({ revision, resolve: done }),
      signal,
    );
    if (!reached) throw tooLargeResourceVersion(String(revision), String(this.at));
  }

  /** Makes the caches at least as new as the store was when this was called. */
  async consistent(signal?: AbortSignal): Promise<void> {
    await this.waitFor(await this.currentRevision(), signal);
  }

  /**
   * The store's revision, asked after the call. Callers share questions: who comes while one is under way
   * waits for the next, since that one may have been answered before the call.
   */
  currentRevision(): Promise<number> {
    if (!this.asking) {
      this.asking = this.ask();
      return this.asking;
    }
    this.askNext ??= this.asking.then(
      () => this.askAgain(),
      () => this.askAgain(),
    );
    return this.askNext;
  }

  private askAgain(): Promise<number> {
    this.askNext = undefined;
    this.asking = this.ask();
    return this.asking;
  }

  private async ask(): Promise<number> {
    try {
      const result = await this.client.range(REGISTRY_ROOT, { countOnly: true });
      return result.revision;
    } catch (err) {
      throw storeError(err, 'read');
    } finally {
      if (!this.askNext) this.asking = undefined;
    }
  }

  private start(revision: number): void {
    const again = this.at > 0;
    this.at = revision;
    if (again) {
      for (const folder of [...this.listeners.values()])
        for (const listener of folder) listener.onGap();
    }
    const waiting = this.startWaiters;
    this.startWaiters = [];
    for (const done of waiting) done();
    this.wake();
  }

  private onBatch(batch: WatchBatch): void {
    let run: WatchEvent[] = [];
    let owners: ReadonlySet<FeedListener> | undefined;
    const deliver = () => {
      for (const owner of owners ?? []) owner.onEvents(run, batch.revision);
    };
    for (const event of batch.events) {
      const next = this.ownersOf(event.kv.key);
      if (next !== owners) {
        deliver();
        owners = next;
        run = [];
      }
      run.push(event);
    }
    deliver();
    if (batch.revision > this.at) this.at = batch.revision;
    this.wake();
  }

  /** `/registry/pods/a/b` → the caches of `/registry/pods/`; folders have one or two segments. */
  private ownersOf(key: string): ReadonlySet<FeedListener> | undefined {
    if (!key.startsWith(REGISTRY_ROOT)) return undefined;
    const first = key.indexOf('/', REGISTRY_ROOT.length);
    if (first < 0) return undefined;
    const owner = this.listeners.get(key.slice(0, first + 1));
    if (owner) return owner;
    const second = key.indexOf('/', first + 1);
    return second < 0 ? undefined : this.listeners.get(key.slice(0, second + 1));
  }

  private wake(): void {
    if (this.waiters.length === 0) return;
    const left: Waiter[] = [];
    for (const waiter of this.waiters) {
      if (waiter.revision <= this.at) waiter.resolve();
      else left.push(waiter);
    }
    this.waiters = left;
  }

  /** True when `enlist`'s callback came before the time was up; rejects when the signal aborts. */
  private race(enlist: (done: () => void) => void, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        timer.stop();
        reject(signal?.reason);
      };
      const finish = (reached: boolean) => {
        timer.stop();
        signal?.removeEventListener('abort', onAbort);
        resolve(reached);
      };
      const timer = this.clock.after(WAIT_MS, () => finish(false));
      signal?.addEventListener('abort', onAbort, { once: true });
      enlist(() => finish(true));
    });
  }
}
