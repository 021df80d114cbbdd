/**
 * A shared, read-only picture of one resource, and who is told when it changes.
 *
 * What a handler may rely on: for one object it hears add, then updates in order, then delete; the store
 * already shows the change when a handler runs; handlers added late hear an add for everything that is
 * there. What it may miss: intermediate states across a re-list; then a delete comes as a tombstone, the
 * last state known. What it must not do: change an object, wait, or do work; it enqueues keys. A handler
 * that throws ends the component. While handlers run, the object is the current cause (`cause.ts`).
 */
import { type KubeObject, keyOf } from '../apimachinery/meta.js';
import { type Clock, RealClock } from '../component/clock.js';
import type { Logger } from '../component/logger.js';
import { withCause } from './cause.js';
import { Reflector, type ReflectorSink } from './reflector.js';
import type { ResourceClient } from './resource-client.js';
import { type Indexers, Store } from './store.js';
import type { WatchEvent } from './watch-stream.js';

export interface EventHandler<T extends KubeObject> {
  /** `initial`: it was there before the informer (or this handler) was. */
  add?(obj: T, initial: boolean): void;
  /** Also called on a resync, with the same object twice. */
  update?(old: T, obj: T): void;
  /** `tombstone`: the deletion itself was not seen and `obj` may be out of date. */
  delete?(obj: T, tombstone: boolean): void;
}

export interface InformerOptions<T extends KubeObject> {
  readonly client: ResourceClient<T>;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexers?: Indexers<T>;
  /** Changes an object before anyone sees it: drop what nobody reads. It owns the object. */
  readonly transform?: (obj: T) => T;
  /** Update handlers hear of every object again at this period. 0, the default: never. */
  readonly resyncMs?: number;
  /** Freeze every cached object, so that a change of one throws where it happens. */
  readonly detectMutation?: boolean;
  readonly streamingList?: boolean;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export class Informer<T extends KubeObject> implements ReflectorSink<T> {
  readonly store: Store<T>;
  private readonly clock: Clock;
  private readonly reflector: Reflector<T>;
  private readonly handlers: EventHandler<T>[] = [];
  private synced = false;
  private syncWaiters: (() => void)[] = [];

  constructor(private readonly options: InformerOptions<T>) {
    this.clock = options.clock ?? new RealClock();
    this.store = new Store(options.indexers);
    this.reflector = new Reflector<T>({ ...options, sink: this });
  }

  /** The store holds a complete list. */
  get hasSynced(): boolean {
    return this.synced;
  }

  get resourceVersion(): string {
    return this.reflector.lastResourceVersion;
  }

  addIndexers(indexers: Indexers<T>): void {
    this.store.addIndexers(indexers);
  }

  /** Returns what removes the handler again. */
  addHandler(handler: EventHandler<T>): () => void {
    this.handlers.push(handler);
    if (handler.add)
      for (const obj of this.store.values()) this.tell(obj, () => handler.add?.(obj, true));
    return () => {
      const at = this.handlers.indexOf(handler);
      if (at >= 0) this.handlers.splice(at, 1);
    };
  }

  /** Until the signal aborts. Call once. */
  async run(signal: AbortSignal): Promise<void> {
    const { resyncMs = 0 } = this.options;
    if (resyncMs <= 0) return this.reflector.run(signal);
    await Promise.all([this.reflector.run(signal), this.resyncEvery(resyncMs, signal)]);
  }

  /** Resolves when the first list is in; rejects when the signal aborts. */
  waitForSync(signal: AbortSignal): Promise<void> {
    if (this.synced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.syncWaiters.push(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  /** For the reflector alone. */
  replace(items: T[]): void {
    const initial = !this.synced;
    const gone = new Set(this.store.keys());
    for (const item of items) {
      gone.delete(keyOf(item));
      this.upsert(item, initial);
    }
    for (const key of gone) this.remove(key, undefined);
    if (!initial) return;
    this.synced = true;
    for (const waiter of this.syncWaiters.splice(0)) waiter();
  }

  /** For the reflector alone. */
  apply(event: WatchEvent<T>): void {
    if (event.type === 'DELETED') this.remove(keyOf(event.object), event.object);
    else this.upsert(event.object, false);
  }

  private upsert(received: T, initial: boolean): void {
    const known = this.store.get(keyOf(received));
    if (known && known.metadata?.resourceVersion === received.metadata?.resourceVersion) return;
    if (known && known.metadata?.uid !== received.metadata?.uid) {
      // Deleted and made anew under the same name while nobody watched.
      this.remove(keyOf(received), undefined);
    }
    const obj = this.prepare(received);
    const old = this.store.set(obj);
    this.tell(obj, () => {
      for (const handler of this.handlers) {
        if (old === undefined) handler.add?.(obj, initial);
        else handler.update?.(old, obj);
      }
    });
  }

  private remove(key: string, last: T | undefined): void {
    const old = this.store.delete(key);
    if (old === undefined) return;
    const obj = last === undefined ? old : this.prepare(last);
    this.tell(obj, () => {
      for (const handler of this.handlers) handler.delete?.(obj, last === undefined);
    });
  }

  private prepare(received: T): T {
    const obj = this.options.transform ? this.options.transform(received) : received;
    if (this.options.detectMutation) deepFreeze(obj);
    return obj;
  }

  private tell(obj: T, fn: () => void): void {
    withCause(this.options.client.ref, obj, fn);
  }

  private async resyncEvery(ms: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.clock.sleep(ms, signal);
      } catch (err) {
        if (signal.aborted) return;
        throw err;
      }
      for (const obj of this.store.values()) {
        this.tell(obj, () => {
          for (const handler of this.handlers) handler.update?.(obj, obj);
        });
      }
    }
  }
}

/** The transform that nearly every component wants: nobody but the server reads managedFields. */
export function dropManagedFields<T extends KubeObject>(obj: T): T {
  if (obj.metadata) delete obj.metadata.managedFields;
  return obj;
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const child of Object.values(value)) deepFreeze(child);
}
