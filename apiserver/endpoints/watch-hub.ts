/**
 * Fan-out of one resource's events. Watches that ask for the same thing (selection, version, shape) share
 * a channel: each event is decided, encoded and framed once for all of them, and what came in one turn of
 * the event loop is one write on each connection.
 *
 *   cache ─event─▶ channel (selector, transitions, bytes) ─turn's end─▶ one Buffer ─▶ socket, socket, …
 *
 * A channel never waits. A stream that is still sending its initial state, or whose client is behind,
 * holds the shared Buffers up to a limit; past it the stream is cut with 410 and the client lists again.
 */

import type { Clock } from '../../pkg/component/clock.js';
import type { CacheSubscriber, Interest } from '../storage/cache-subscribers.js';
import type { StoredObject } from '../storage/stored-object.js';
import type { WatchCache } from '../storage/watch-cache.js';
import type { CacheEvent, EventType } from '../storage/watch-history.js';
import type { Selection } from './selection.js';

/** Makes the line of one event. */
export type EventEncoder = (type: EventType, object: StoredObject) => readonly Buffer[];

export interface ChannelMember {
  /** Whole lines of events, already in HTTP's chunked framing: shared, never to be changed. */
  deliver(framed: Buffer): void;
  /** The cache starts again: end the watch, the client comes back. */
  reset(): void;
}

/** What an event is to somebody who sees only a selection: an object that leaves it is deleted for him. */
export function transition(
  event: CacheEvent,
  selection: Selection,
): { type: EventType; object: StoredObject } | undefined {
  const { object, previous } = event;
  if (selection.all) {
    return selection.namespace === '' || object.namespace === selection.namespace
      ? event
      : undefined;
  }
  const before = previous !== undefined && selection.matches(previous);
  if (event.type === 'DELETED') return before ? { type: 'DELETED', object } : undefined;
  const now = selection.matches(object);
  if (now) return { type: before ? 'MODIFIED' : 'ADDED', object };
  return before && previous ? { type: 'DELETED', object: previous.at(event.revision) } : undefined;
}

export class WatchChannel implements CacheSubscriber {
  readonly interest: Interest;
  private readonly members = new Set<ChannelMember>();
  private pending: Buffer[] = [];

  constructor(
    private readonly hub: WatchHub,
    readonly id: string,
    readonly selection: Selection,
    private readonly encode: EventEncoder,
  ) {
    this.interest = selection.interest;
  }

  get size(): number {
    return this.members.size;
  }

  onEvent(event: CacheEvent): void {
    const seen = transition(event, this.selection);
    if (!seen) return;
    if (this.pending.length === 0) this.hub.schedule(this);
    this.pending.push(...this.encode(seen.type, seen.object));
  }

  onReset(): void {
    this.flush();
    for (const member of [...this.members]) member.reset();
  }

  /** From the next event on; what is pending was before the member's time. */
  join(member: ChannelMember): void {
    this.flush();
    this.members.add(member);
  }

  leave(member: ChannelMember): void {
    if (!this.members.delete(member)) return;
    if (this.members.size === 0) this.hub.drop(this);
  }

  flush(): void {
    if (this.pending.length === 0) return;
    const framed = frame(this.pending);
    this.pending = [];
    for (const member of [...this.members]) member.deliver(framed);
  }
}

/**
 * Events that come one after another are sent together at this pace, since each write costs a system call
 * here and wakes up a process there; one that comes after a pause is sent at once.
 */
const PACE_MS = 5;

/** All channels of one cache. */
export class WatchHub {
  private readonly channels = new Map<string, WatchChannel>();
  private dirty: WatchChannel[] = [];
  private flushedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly cache: Pick<WatchCache, 'subscribe' | 'unsubscribe'>,
    private readonly clock: Clock,
  ) {}

  /** The channel with this id, made if need be. `id` names the selection and the form. */
  channel(id: string, selection: Selection, encode: EventEncoder): WatchChannel {
    let channel = this.channels.get(id);
    if (!channel) {
      channel = new WatchChannel(this, id, selection, encode);
      this.channels.set(id, channel);
      this.cache.subscribe(channel);
    }
    return channel;
  }

  get watchers(): number {
    let count = 0;
    for (const channel of this.channels.values()) count += channel.size;
    return count;
  }

  schedule(channel: WatchChannel): void {
    this.dirty.push(channel);
    if (this.dirty.length > 1) return;
    const wait = this.flushedAt + PACE_MS - this.clock.monotonic();
    if (wait <= 0) setImmediate(() => this.flush());
    else this.clock.after(wait, () => this.flush());
  }

  drop(channel: WatchChannel): void {
    if (this.channels.get(channel.id) !== channel) return;
    this.channels.delete(channel.id);
    this.cache.unsubscribe(channel);
  }

  private flush(): void {
    const dirty = this.dirty;
    this.dirty = [];
    this.flushedAt = this.clock.monotonic();
    for (const channel of dirty) channel.flush();
  }
}

const CRLF = Buffer.from('\r\n');

/** One chunk of HTTP/1.1's chunked coding. */
export function frame(parts: readonly Buffer[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  return Buffer.concat([Buffer.from(`${length.toString(16)}\r\n`), ...parts, CRLF]);
}

/** The payload of a frame, for a connection that frames by itself. */
export function unframe(framed: Buffer): Buffer {
  return framed.subarray(framed.indexOf(CRLF) + CRLF.length, framed.length - CRLF.length);
}
