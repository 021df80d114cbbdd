/**
 * The objects of one stored resource in memory, and their latest events. Filled by one list when it is
 * first used, then kept by the store's feed; it serves GET, LIST and WATCH.
 *
 *   idle ──ready()──▶ loading ──list at R, feed at R──▶ live
 *     ▲                  │ the store fails                │ the feed missed changes
 *     └──────────────────┴────────────────────────────────┘ (watchers are closed and come back)
 *
 * While it loads, events wait; those up to R are already in the list and are dropped. Once live, the
 * content is the store's at exactly `feed.revision` whenever no code of this class is running.
 */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { serviceUnavailable } from '../../pkg/apimachinery/status.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import {
  CompactedError,
  type EtcdClient,
  type KeyValue,
  prefixEnd,
  type WatchEvent,
} from '../../pkg/etcd-client/interface.js';
import { type CacheSubscriber, CacheSubscribers } from './cache-subscribers.js';
import { backfill } from './history-backfill.js';
import { KeyIndex } from './key-index.js';
import { storeError } from './store-errors.js';
import type { StoreFeed } from './store-feed.js';
import { convertValues } from './stored-form.js';
import type { ObjectCodec, StoredObject } from './stored-object.js';
import { type CacheEvent, WatchHistory } from './watch-history.js';

/** Objects a range call while loading: some MB at most. */
const LOAD_PAGE = 2_000;
/** Larger resources are listed again sooner than their state of the past is read. */
const MAX_REACH_OBJECTS = 20_000;

export interface WatchCacheOptions {
  /** `/registry/pods/` */
  readonly prefix: string;
  readonly codec: ObjectCodec;
  readonly client: EtcdClient;
  readonly feed: StoreFeed;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Fields for selectors. */
  readonly fieldsOf: (obj: KubeObject) => Record<string, string>;
}

export class WatchCache {
  private readonly objects = new KeyIndex();
  private readonly subscribers: CacheSubscribers;
  private history = new WatchHistory(0);
  private state: 'idle' | 'loading' | 'live' = 'idle';
  private loading: Promise<void> | undefined;
  private reaching: Promise<void> | undefined;
  /** Events from before this revision cannot be had. */
  private forgotten = 0;
  private waiting: WatchEvent[] = [];
  /** By key: what this process has just written and the feed has not told of, made once for both. */
  private readonly expected = new Map<string, StoredObject>();
  /** Counts resets, so that a load that a gap overtook is thrown away. */
  private epoch = 0;
  /** Events that are being converted, where that asks someone else: one batch after another. */
  private settling: Promise<void> | undefined;
  /** The revision of the first event that is not applied yet. */
  private unsettled: number[] = [];
  private isClosed = false;

  constructor(private readonly options: WatchCacheOptions) {
    this.subscribers = new CacheSubscribers(options.fieldsOf);
    options.feed.listen(options.prefix, this);
  }

  get live(): boolean {
    return this.state === 'live';
  }

  get size(): number {
    return this.objects.size;
  }

  /** Of the JSON of all objects together. */
  get bytes(): number {
    return this.objects.bytes;
  }

  /** What the content is at: the feed's revision, but for events that are still being converted. */
  get revision(): number {
    const [first] = this.unsettled;
    return first === undefined ? this.options.feed.revision : first - 1;
  }

  /** The resource is served no more, or in another way: its objects are read from the store. */
  get closed(): boolean {
    return this.isClosed;
  }

  /** Ends all watches and forgets everything, for good. */
  close(): void {
    this.isClosed = true;
    this.options.feed.unlisten(this.options.prefix, this);
    this.onGap();
  }

  /** Resolves when the cache serves. Rejects with a Status when the store cannot be read. */
  async ready(signal?: AbortSignal): Promise<void> {
    while (this.state !== 'live' || this.settling) {
      if (this.isClosed) throw serviceUnavailable('the resource is being served anew');
      if (this.state === 'live') {
        await this.settling;
        signal?.throwIfAborted();
        continue;
      }
      this.loading ??= this.load().finally(() => {
        this.loading = undefined;
      });
      await this.loading;
      signal?.throwIfAborted();
    }
  }

  get(key: string): StoredObject | undefined {
    return this.objects.get(key);
  }

  /** The object in exactly this state, if that is what the cache has. */
  at(key: string, revision: number): StoredObject | undefined {
    const object = this.state === 'live' ? this.objects.get(key) : undefined;
    return object?.revision === revision ? object : undefined;
  }

  /** What was written will come by the feed, too, and then needs no second copy. */
  expect(written: StoredObject): void {
    if (this.state !== 'live' || this.options.codec.form || written.revision <= this.revision)
      return;
    this.expected.set(written.key, written);
  }

  /** In key order; empty namespace for all. Must not be changed. */
  list(namespace: string): readonly StoredObject[] {
    return this.objects.list(namespace);
  }

  /** Events after `revision`; 410 where the cache does not reach back so far. */
  since(revision: number): CacheEvent[] {
    return this.history.since(revision);
  }

  /**
   * Makes `since(revision)` possible where the store still knows what was before this cache was filled.
   * Otherwise nothing changes, and `since` answers 410.
   */
  async reachBack(revision: number): Promise<void> {
    if (!this.tooOld(revision)) return;
    this.reaching ??= this.extend(revision).finally(() => {
      this.reaching = undefined;
    });
    await this.reaching;
    // Somebody else's reach may have been shorter.
    if (this.tooOld(revision) && !this.unreachable(revision)) await this.reachBack(revision);
  }

  private tooOld(revision: number): boolean {
    return revision < this.history.reachesBackTo;
  }

  private unreachable(revision: number): boolean {
    return revision <= this.forgotten;
  }

  private async extend(revision: number): Promise<void> {
    const { client, clock, prefix, codec } = this.options;
    const { history } = this;
    if (this.unreachable(revision) || this.objects.size > MAX_REACH_OBJECTS) return;
    if (codec.form?.converter) {
      this.forgotten = Math.max(this.forgotten, revision);
      return;
    }
    const upTo = history.reachesBackTo;
    try {
      const events = await backfill({ client, clock, prefix, codec, after: revision, upTo });
      if (events && history === this.history && history.reachesBackTo === upTo)
        history.prepend(events, revision, clock.now());
      else this.forgotten = Math.max(this.forgotten, revision);
    } catch (err) {
      this.forgotten = Math.max(this.forgotten, revision);
      // Forgotten by the store, or a value of old that nobody can read: the client lists again.
      if (!(err instanceof CompactedError || err instanceof SyntaxError))
        throw storeError(err, 'read');
    }
  }

  subscribe(subscriber: CacheSubscriber): void {
    this.subscribers.add(subscriber);
  }

  unsubscribe(subscriber: CacheSubscriber): void {
    this.subscribers.remove(subscriber);
  }

  onEvents(events: readonly WatchEvent[]): void {
    if (this.state === 'live') {
      if (this.options.codec.form?.converter) this.settle(events);
      else for (const event of events) this.apply(event);
    } else if (this.state === 'loading') this.waiting.push(...events);
  }

  onGap(): void {
    this.epoch++;
    const wasLive = this.state === 'live';
    this.state = 'idle';
    this.waiting = [];
    this.unsettled = [];
    this.expected.clear();
    this.objects.clear();
    this.subscribers.reset();
    if (wasLive) this.options.logger.info({ prefix: this.options.prefix }, 'watch cache dropped');
  }

  private async load(): Promise<void> {
    const { client, feed, prefix, codec } = this.options;
    await feed.started();
    const epoch = ++this.epoch;
    this.state = 'loading';
    this.waiting = [];
    try {
      let from = prefix;
      let revision = 0;
      const rangeEnd = prefixEnd(prefix);
      for (;;) {
        const page = await client.range(from, {
          rangeEnd,
          limit: LOAD_PAGE,
          ...(revision > 0 ? { revision } : {}),
        });
        if (epoch !== this.epoch) return;
        if (revision === 0) {
          revision = page.revision;
          this.objects.clear();
        }
        const kvs = await convertValues(page.kvs, codec.apiVersion, codec.form?.converter);
        if (epoch !== this.epoch) return;
        for (const kv of kvs) this.put(kv);
        const last = page.kvs.at(-1);
        if (!page.more || !last) break;
        from = `${last.key}\0`;
      }
      await feed.waitFor(revision);
      if (epoch !== this.epoch) return;
      this.history = new WatchHistory(revision);
      const missed = this.waiting;
      this.waiting = [];
      this.state = 'live';
      this.onEvents(missed.filter((event) => event.kv.modRevision > revision));
      this.options.logger.debug(
        { prefix, resourceVersion: String(revision), codec: codec.kind, objects: this.size },
        'watch cache filled',
      );
    } catch (err) {
      if (epoch === this.epoch) {
        this.state = 'idle';
        this.waiting = [];
      }
      throw storeError(err, 'read');
    }
  }

  /** Applies the events once they are converted, after those before them. When that fails, all starts again. */
  private settle(events: readonly WatchEvent[]): void {
    const first = events[0]?.kv.modRevision;
    if (first === undefined) return;
    const { codec, logger, prefix } = this.options;
    const { epoch } = this;
    this.unsettled.push(first);
    const before = this.settling ?? Promise.resolve();
    const settling: Promise<void> = before
      .then(async () => {
        if (epoch !== this.epoch) return;
        try {
          const puts = events.map(({ kv }) => kv);
          const kvs = await convertValues(puts, codec.apiVersion, codec.form?.converter);
          if (epoch !== this.epoch) return;
          for (const [i, event] of events.entries())
            this.apply({ ...event, kv: kvs[i] ?? event.kv });
          this.unsettled.shift();
        } catch (err) {
          logger.warn({ prefix, err }, 'objects could not be converted');
          if (epoch === this.epoch) this.onGap();
        }
      })
      .finally(() => {
        if (this.settling === settling) this.settling = undefined;
      });
    this.settling = settling;
  }

  private apply(event: WatchEvent): void {
    const { kv } = event;
    if (event.type === 'delete') {
      this.expected.delete(kv.key.slice(this.options.prefix.length));
      const previous = this.objects.delete(kv.key.slice(this.options.prefix.length));
      if (!previous) return;
      this.publish({
        type: 'DELETED',
        revision: kv.modRevision,
        object: previous.at(kv.modRevision),
        previous,
      });
      return;
    }
    const put = this.put(kv);
    if (!put) return;
    const { object, previous } = put;
    const revision = kv.modRevision;
    this.publish(
      previous
        ? { type: 'MODIFIED', revision, object, previous }
        : { type: 'ADDED', revision, object },
    );
  }

  private put(kv: KeyValue): { object: StoredObject; previous?: StoredObject } | undefined {
    const { codec, prefix, logger } = this.options;
    const key = kv.key.slice(prefix.length);
    const own = this.expected.get(key);
    if (own && own.revision <= kv.modRevision) this.expected.delete(key);
    try {
      const object =
        own?.revision === kv.modRevision
          ? own
          : codec.fromValue(key, kv.value, kv.modRevision, kv.lease);
      const previous = this.objects.set(object);
      return previous ? { object, previous } : { object };
    } catch (err) {
      logger.error(
        { key: kv.key, revision: kv.modRevision, err },
        'the store holds a value that is not JSON; it is not served',
      );
      return undefined;
    }
  }

  private publish(event: CacheEvent): void {
    this.history.push(event, this.options.clock.now());
    this.subscribers.tell(event);
  }
}
