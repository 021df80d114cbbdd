/**
 * The queue of every controller (`k8s.io/client-go/util/workqueue`): keys, never objects.
 *
 *             add(k)                 get()                 done(k)
 *   (nothing) ──────▶ dirty, queued ──────▶ processing ──────────▶ (nothing)
 *                                             │ add(k)        ▲
 *                                             ▼               │
 *                                    processing and dirty ────┘ done(k): queued again
 *
 * Guarantees: a key added many times before it is taken is handed out once; a key is never with two
 * workers at a time; a key added while it is worked on is handed out again after `done`. First in, first
 * out. Memory is bounded by the number of distinct keys. With each key goes the newest cause (`cause.ts`).
 */
import { currentCause } from './cause.js';

export interface WorkItem<K extends string = string> {
  readonly key: K;
  readonly cause: string | undefined;
}

export class WorkQueue<K extends string = string> {
  /** Keys to hand out, in order. All of them are dirty and none is processing. */
  private queue: K[] = [];
  private head = 0;
  /** Keys that need work, with what caused it. */
  private readonly dirty = new Map<K, string | undefined>();
  private readonly processing = new Set<K>();
  private readonly waiters: ((item: WorkItem<K> | undefined) => void)[] = [];
  private stopped = false;

  /** Keys that wait to be taken. */
  get length(): number {
    return this.queue.length - this.head;
  }

  /** Nothing waits and nothing is being worked on. */
  get idle(): boolean {
    return this.length === 0 && this.processing.size === 0;
  }

  get shuttingDown(): boolean {
    return this.stopped;
  }

  add(key: K): void {
    if (this.stopped) return;
    const known = this.dirty.has(key);
    const cause = currentCause();
    if (!known || cause !== undefined) this.dirty.set(key, cause);
    if (known || this.processing.has(key)) return;
    this.enqueue(key);
  }

  /** The next key, as soon as there is one; undefined once the queue is shut down. Call `done` after. */
  get(): Promise<WorkItem<K> | undefined> {
    const next = this.take();
    if (next) return Promise.resolve(next);
    if (this.stopped) return Promise.resolve(undefined);
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  done(key: K): void {
    this.processing.delete(key);
    if (this.dirty.has(key)) this.enqueue(key);
  }

  /** Hands out nothing more and accepts nothing more; waiting workers get undefined. */
  shutDown(): void {
    this.stopped = true;
    this.queue = [];
    this.head = 0;
    this.dirty.clear();
    for (const waiter of this.waiters.splice(0)) waiter(undefined);
  }

  private enqueue(key: K): void {
    this.queue.push(key);
    const waiter = this.waiters.shift();
    if (waiter) waiter(this.take());
  }

  private take(): WorkItem<K> | undefined {
    const key = this.queue[this.head];
    if (key === undefined) return undefined;
    this.head++;
    // Shifting an array costs its length; cut the taken part off now and then instead.
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    const cause = this.dirty.get(key);
    this.dirty.delete(key);
    this.processing.add(key);
    return { key, cause };
  }
}
