/**
 * The latest events of one resource, for watches that begin at a resourceVersion of the past. Bounded by
 * bytes and by age; what has left cannot be watched from any more (410).
 */
import { expired } from '../../pkg/apimachinery/status.js';
import type { StoredObject } from './stored-object.js';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface CacheEvent {
  readonly type: EventType;
  readonly revision: number;
  /** For DELETED the last state, under the revision of the deletion. */
  readonly object: StoredObject;
  /** The state before; absent for ADDED. */
  readonly previous?: StoredObject;
}

/** Kept in any case, however large. */
const MIN_EVENTS = 128;
/** Enough for thousands of pod updates, little beside the objects themselves. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Longer than a client needs to come back, shorter than the store's own history (upstream compacts each 5 min). */
const MAX_AGE_MS = 5 * 60_000;
/** The dead front of the array is cut off when it is this long and half of the whole. */
const TRIM_AT = 1024;

interface Kept {
  readonly event: CacheEvent;
  readonly at: number;
}

export class WatchHistory {
  private kept: (Kept | undefined)[] = [];
  private head = 0;
  private bytes = 0;
  /** A watch from this revision misses nothing. */
  private oldest: number;

  constructor(revision: number) {
    this.oldest = revision;
  }

  get length(): number {
    return this.kept.length - this.head;
  }

  /** A watch from this revision, or a later one, misses nothing. */
  get reachesBackTo(): number {
    return this.oldest;
  }

  /** Puts older events before all others; with them a watch from `oldest` misses nothing. */
  prepend(events: readonly CacheEvent[], oldest: number, now: number): void {
    const older = events.map((event) => ({ event, at: now }));
    for (const { event } of older) this.bytes += event.object.line.length;
    this.kept = [...older, ...this.kept.slice(this.head)];
    this.head = 0;
    this.oldest = oldest;
  }

  push(event: CacheEvent, now: number): void {
    this.kept.push({ event, at: now });
    this.bytes += event.object.line.length;
    while (this.length > MIN_EVENTS) {
      const first = this.kept[this.head];
      if (!first || (this.bytes <= MAX_BYTES && now - first.at <= MAX_AGE_MS)) break;
      this.kept[this.head++] = undefined;
      this.bytes -= first.event.object.line.length;
      this.oldest = first.event.revision;
    }
    if (this.head >= TRIM_AT && this.head * 2 >= this.kept.length) {
      this.kept = this.kept.slice(this.head);
      this.head = 0;
    }
  }

  /** Events after `revision`, oldest first; 410 where some are gone. */
  since(revision: number): CacheEvent[] {
    if (revision < this.oldest) {
      throw expired(`too old resource version: ${revision} (${this.oldest})`);
    }
    let low = this.head;
    let high = this.kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.kept[middle]?.event.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    const events: CacheEvent[] = [];
    for (let i = low; i < this.kept.length; i++) {
      const kept = this.kept[i];
      if (kept) events.push(kept.event);
    }
    return events;
  }
}
