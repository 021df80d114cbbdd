/**
 * Keeps a component that says the same thing over and over from filling the store, as
 * `k8s.io/client-go/tools/record` does:
 *
 *   event ─▶ spam filter: per object and source, 25 at once, then one every 5 minutes; the rest is dropped
 *         ─▶ aggregation: more than 10 different messages for one reason in 10 minutes become one,
 *            "(combined from similar events): …"
 *         ─▶ repetition: the same event again is a higher count on the one that is stored
 *
 * Memory is bounded by three LRU caches of 4,096 entries.
 */
import type { Event } from '../api/types.js';
import type { Clock } from '../component/clock.js';
import { LruMap } from '../component/lru-map.js';

const LRU_SIZE = 4096;
const SPAM_BURST = 25;
const SPAM_PER_MS = 1 / 300_000;
const AGGREGATE_MESSAGES = 10;
const AGGREGATE_WINDOW_MS = 600_000;
const AGGREGATE_PREFIX = '(combined from similar events): ';

export interface Correlated {
  readonly event: Event;
  /** Set when an event that is stored shall be counted up. */
  readonly previous?: { readonly name: string };
}

interface Known {
  name: string;
  count: number;
  firstTimestamp: string;
}

export class EventCorrelator {
  private readonly spam = new LruMap<{ tokens: number; at: number }>(LRU_SIZE);
  private readonly groups = new LruMap<{ messages: Set<string>; at: number }>(LRU_SIZE);
  private readonly known = new LruMap<Known>(LRU_SIZE);

  constructor(private readonly clock: Clock) {}

  /** undefined: drop it. */
  correlate(event: Event): Correlated | undefined {
    const source = [event.source?.component, event.source?.host];
    const { kind, namespace, name, uid, apiVersion, fieldPath } = event.involvedObject;
    const object = [kind, namespace, name, uid, apiVersion];
    if (this.isSpam([...source, ...object].join('\n'))) return undefined;
    const group = [...source, ...object, fieldPath, event.type, event.reason].join('\n');
    const combined = this.isMany(group, event.message ?? '');
    const message = combined ? `${AGGREGATE_PREFIX}${event.message ?? ''}` : event.message;
    const key = combined ? group : `${group}\n${event.message ?? ''}`;
    const known = this.known.get(key);
    if (!known) {
      const made = { ...event, ...(message === undefined ? {} : { message }) };
      this.known.set(key, {
        name: event.metadata?.name ?? '',
        count: 1,
        firstTimestamp: event.firstTimestamp ?? '',
      });
      return { event: made };
    }
    known.count++;
    return {
      event: {
        ...event,
        ...(message === undefined ? {} : { message }),
        metadata: { ...event.metadata, name: known.name },
        count: known.count,
        firstTimestamp: known.firstTimestamp,
      },
      previous: { name: known.name },
    };
  }

  private isSpam(key: string): boolean {
    const now = this.clock.monotonic();
    const bucket = this.spam.get(key) ?? { tokens: SPAM_BURST, at: now };
    bucket.tokens = Math.min(SPAM_BURST, bucket.tokens + (now - bucket.at) * SPAM_PER_MS);
    bucket.at = now;
    this.spam.set(key, bucket);
    if (bucket.tokens < 1) return true;
    bucket.tokens -= 1;
    return false;
  }

  private isMany(key: string, message: string): boolean {
    const now = this.clock.monotonic();
    let group = this.groups.get(key);
    if (!group || now - group.at > AGGREGATE_WINDOW_MS) group = { messages: new Set(), at: now };
    group.at = now;
    group.messages.add(message);
    this.groups.set(key, group);
    if (group.messages.size < AGGREGATE_MESSAGES) return false;
    // Enough to know; do not keep every text.
    const [oldest] = group.messages;
    if (oldest !== undefined) group.messages.delete(oldest);
    return true;
  }
}
