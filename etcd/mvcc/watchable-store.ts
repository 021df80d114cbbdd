/**
 * Tells watchers of changes, in the order of history, each change once. Sending never blocks: a watcher's
 * sink says whether it has room.
 *
 *                 from the past                 caught up
 *      create ──────────────────► unsynced ─────────────────► synced ◄── create, from now on
 *                                    ▲                           │
 *                                    └──── room again ── slow ◄──┘ sink full
 *
 * A synced watcher hears of a commit at once. A slow one is only remembered by the revision it needs next,
 * so that it costs no memory, and reads history from disk when its sink has room again. A watcher whose
 * next revision has been compacted is cancelled. All changes of a revision are in one batch.
 */

import type { TaskGroup } from '../../pkg/component/task-group.js';
import { recordIsDelete, recordKey, recordMod } from '../../pkg/etcd-client/kv-record.js';
import type { Change, CommittedTxn } from './change.js';
import { endOf } from './request.js';
import type { Store } from './store.js';

export interface WatchedEvent {
  readonly record: Buffer;
  readonly prev: Buffer | undefined;
}

export interface WatchSink {
  /** False: no more for now; `WatchableStore.resume` must be called once there is room. */
  readonly ready: () => boolean;
  /** Everything up to `revision` is in this batch or those before; no events: progress. */
  readonly deliver: (revision: number, events: readonly WatchedEvent[]) => void;
  readonly compacted: (compactRevision: number) => void;
}

export interface WatchRequest {
  readonly key: string;
  readonly rangeEnd?: string | undefined;
  /** 0 or absent: from now on. */
  readonly startRevision?: number | undefined;
  readonly prevKv?: boolean | undefined;
  readonly noPut?: boolean | undefined;
  readonly noDelete?: boolean | undefined;
}

export interface Watcher {
  cancel(): void;
  /** Asks for a progress batch as soon as all that is known has been delivered. */
  progress(): void;
}

/** Changes read from disk in one go for those who lag. */
const HISTORY_CHUNK = 1000;

class WatcherState implements Watcher {
  synced = false;
  progressWanted = false;
  readonly end: string | undefined;
  constructor(
    private readonly store: WatchableStore,
    readonly request: WatchRequest,
    readonly sink: WatchSink,
    /** The first revision that was not delivered yet. */
    public next: number,
  ) {
    this.end = endOf(request.key, request.rangeEnd);
  }
  covers(key: string): boolean {
    return key >= this.request.key && (this.end === undefined || key < this.end);
  }
  cancel(): void {
    this.store.remove(this);
  }
  progress(): void {
    this.progressWanted = true;
    this.store.answerProgress(this);
  }
}

/** Watchers of one range: a change is matched with the range once, however many watch it. */
interface RangeGroup {
  readonly first: WatcherState;
  readonly watchers: Set<WatcherState>;
}

export class WatchableStore {
  private readonly single = new Map<string, Set<WatcherState>>();
  private readonly ranges = new Map<string, RangeGroup>();
  private readonly unsynced = new Set<WatcherState>();
  /** Told to the synced watchers. */
  private notified: number;
  private catchingUp = false;

  constructor(
    private readonly store: Store,
    private readonly tasks: TaskGroup,
  ) {
    this.notified = store.revision;
  }

  get watchers(): { synced: number; unsynced: number } {
    let synced = 0;
    for (const set of this.single.values()) synced += set.size;
    for (const group of this.ranges.values()) synced += group.watchers.size;
    return { synced, unsynced: this.unsynced.size };
  }

  watch(request: WatchRequest, sink: WatchSink): Watcher {
    const next = request.startRevision || this.notified + 1;
    const watcher = new WatcherState(this, request, sink, next);
    if (next > this.notified) this.addSynced(watcher);
    else this.unsynced.add(watcher);
    this.resume();
    return watcher;
  }

  remove(watcher: WatcherState): void {
    this.unsynced.delete(watcher);
    this.removeSynced(watcher);
  }

  /** A commit, in order. */
  notify(txn: CommittedTxn): void {
    this.notified = txn.revision;
    const batches = new Map<WatcherState, WatchedEvent[]>();
    for (const change of txn.changes) {
      for (const watcher of this.single.get(change.key) ?? [])
        this.collect(batches, watcher, change);
      for (const { first, watchers } of this.ranges.values()) {
        if (!first.covers(change.key)) continue;
        for (const watcher of watchers) this.collect(batches, watcher, change);
      }
    }
    for (const [watcher, events] of batches) {
      if (watcher.next > txn.revision) continue;
      if (watcher.sink.ready()) {
        watcher.next = txn.revision + 1;
        watcher.sink.deliver(txn.revision, events);
      } else {
        this.removeSynced(watcher);
        watcher.next = txn.revision;
        this.unsynced.add(watcher);
      }
    }
  }

  /** A sink has room again, or there are new watchers of the past. */
  resume(): void {
    if (this.catchingUp || this.unsynced.size === 0) return;
    this.catchingUp = true;
    this.tasks.spawn('watch catch-up', (signal) => this.catchUp(signal));
  }

  answerProgress(watcher: WatcherState): void {
    if (!watcher.progressWanted || !watcher.synced) return;
    watcher.progressWanted = false;
    // A future start has nothing to report before it begins.
    watcher.sink.deliver(this.notified, []);
  }

  private async catchUp(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        this.cancelCompacted();
        const eager = [...this.unsynced].filter((watcher) => watcher.sink.ready());
        if (eager.length === 0) return;
        const from = Math.min(...eager.map((watcher) => watcher.next));
        const { records, next } = await this.store.history(from, HISTORY_CHUNK);
        for (const watcher of eager) {
          // What was compacted meanwhile may be missing from the chunk.
          if (!this.unsynced.has(watcher) || watcher.next < this.store.compactRevision) continue;
          this.deliverHistory(watcher, records, next);
        }
      }
    } finally {
      this.catchingUp = false;
    }
  }

  private cancelCompacted(): void {
    const { compactRevision } = this.store;
    for (const watcher of this.unsynced) {
      if (watcher.next >= compactRevision) continue;
      this.unsynced.delete(watcher);
      watcher.sink.compacted(compactRevision);
    }
  }

  private deliverHistory(watcher: WatcherState, records: readonly Buffer[], next: number): void {
    if (watcher.next < next) {
      const events: WatchedEvent[] = [];
      for (const record of records) {
        const mod = recordMod(record);
        const key = recordKey(record);
        if (mod < watcher.next || !watcher.covers(key) || !passes(watcher.request, record))
          continue;
        const prev = watcher.request.prevKv ? this.store.previous(key, mod) : undefined;
        events.push({ record, prev });
      }
      watcher.next = next;
      if (events.length > 0) watcher.sink.deliver(next - 1, events);
    }
    if (watcher.next <= this.notified) return;
    this.unsynced.delete(watcher);
    this.addSynced(watcher);
    this.answerProgress(watcher);
  }

  private collect(
    batches: Map<WatcherState, WatchedEvent[]>,
    watcher: WatcherState,
    change: Change,
  ): void {
    if (!passes(watcher.request, change.record)) return;
    let prev: Buffer | undefined;
    if (watcher.request.prevKv && change.prev) {
      prev = change.prev.record ?? this.store.loadSync(change.key, change.prev);
    }
    const events = batches.get(watcher);
    if (events) events.push({ record: change.record, prev });
    else batches.set(watcher, [{ record: change.record, prev }]);
  }

  private addSynced(watcher: WatcherState): void {
    const { key, rangeEnd } = watcher.request;
    watcher.synced = true;
    if (rangeEnd === undefined || rangeEnd === '') {
      const set = this.single.get(key);
      if (set) set.add(watcher);
      else this.single.set(key, new Set([watcher]));
      return;
    }
    const id = `${key.length}:${key}${rangeEnd}`;
    const group = this.ranges.get(id);
    if (group) group.watchers.add(watcher);
    else this.ranges.set(id, { first: watcher, watchers: new Set([watcher]) });
  }

  private removeSynced(watcher: WatcherState): void {
    if (!watcher.synced) return;
    watcher.synced = false;
    const { key, rangeEnd } = watcher.request;
    if (rangeEnd === undefined || rangeEnd === '') {
      const set = this.single.get(key);
      set?.delete(watcher);
      if (set?.size === 0) this.single.delete(key);
      return;
    }
    const id = `${key.length}:${key}${rangeEnd}`;
    const group = this.ranges.get(id);
    group?.watchers.delete(watcher);
    if (group?.watchers.size === 0) this.ranges.delete(id);
  }
}

function passes(request: WatchRequest, record: Buffer): boolean {
  return !(recordIsDelete(record) ? request.noDelete : request.noPut);
}
