/**
 * Keeps a sink equal to what the API has of one resource: lists once, then watches from the list's
 * resourceVersion, and goes on from the last version seen whenever a watch ends or breaks.
 *
 *        ┌────────────── 410, or any other refusal of the version ◀─────┐
 *        ▼                                                              │
 *   ┌─ list ──▶ sink.replace ──▶ watch ──▶ sink.apply … bookmark … ─────┤
 *   │ (streaming: a watch that begins with all objects and a bookmark)  │
 *   └── error: back off, again          end or broken connection: watch again from the last version
 *
 * Guarantees: after each `replace` the sink holds a state that existed; no later change is missed, though
 * several changes of one object across a `replace` may be seen as one. resourceVersions are only ever
 * passed back, never compared.
 */
import type { KubeObject } from '../apimachinery/meta.js';
import { isReason, StatusError } from '../apimachinery/status.js';
import { type Clock, RealClock } from '../component/clock.js';
import type { Logger } from '../component/logger.js';
import { isExpired } from './errors.js';
import type { ResourceClient } from './resource-client.js';
import { INITIAL_EVENTS_END, type WatchEvent } from './watch-stream.js';

export interface ReflectorSink<T extends KubeObject> {
  replace(items: T[]): void;
  apply(event: WatchEvent<T>): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: ResourceClient<T>;
  readonly sink: ReflectorSink<T>;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Ask for a streaming list first; falls back for good when the server refuses. Default true. */
  readonly streamingList?: boolean;
}

/**
 * DEVIATION: client-go waits 0.8 s up to 30 s. A restarted apiserver of drydock is back within a second,
 * and a list of its cache is cheap, so components return sooner.
 */
const BACKOFF_MIN_MS = 200;
const BACKOFF_MAX_MS = 2_000;
/** A watch that lasts this long proves the server healthy again. */
const HEALTHY_MS = 10_000;
/** Spread out, so that not all watches of a cluster end at a time. */
const WATCH_MIN_SECONDS = 300;
/** A watch that ended this soon without any event is not hammered. */
const SHORT_WATCH_MS = 1_000;

export class Reflector<T extends KubeObject> {
  private readonly clock: Clock;
  private resourceVersion = '';
  private streaming: boolean;
  private failures = 0;

  constructor(private readonly options: ReflectorOptions<T>) {
    this.clock = options.clock ?? new RealClock();
    this.streaming = options.streamingList ?? true;
  }

  /** The version that the sink is at; '' before the first list. */
  get lastResourceVersion(): string {
    return this.resourceVersion;
  }

  /** Until the signal aborts. Only an error of the sink itself ends it earlier. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.resourceVersion === '') await this.list(signal);
        await this.watch(signal);
      } catch (err) {
        if (signal.aborted) return;
        if (err instanceof SinkError) throw err.cause;
        await this.recover(err, signal);
      }
    }
  }

  private async list(signal: AbortSignal): Promise<void> {
    if (this.streaming) {
      try {
        await this.streamingList(signal);
        return;
      } catch (err) {
        if (!isReason(err, 'BadRequest', 'Invalid', 'MethodNotAllowed')) throw err;
        this.streaming = false;
      }
    }
    const list = await this.options.client.list({ ...this.selection(), signal });
    this.deliver(() => this.options.sink.replace(list.items));
    this.resourceVersion = list.metadata?.resourceVersion ?? '';
  }

  /** One watch that first sends all objects; it goes on as the watch. */
  private async streamingList(signal: AbortSignal): Promise<void> {
    let initial: T[] | undefined = [];
    const watch = this.options.client.watchTogether({
      ...this.selection(),
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
      timeoutSeconds: this.timeoutSeconds(),
      signal,
    });
    for await (const events of watch) {
      for (const event of events) {
        if (initial === undefined) {
          this.apply(event);
        } else if (event.type === 'ADDED') {
          initial.push(event.object);
        } else if (
          event.type === 'BOOKMARK' &&
          event.object.metadata?.annotations?.[INITIAL_EVENTS_END] === 'true'
        ) {
          const items = initial;
          initial = undefined;
          this.deliver(() => this.options.sink.replace(items));
          this.resourceVersion = event.object.metadata?.resourceVersion ?? '';
          this.failures = 0;
        }
      }
    }
    if (initial !== undefined)
      throw new Error('the watch ended before its initial events were complete');
  }

  private async watch(signal: AbortSignal): Promise<void> {
    const startedAt = this.clock.monotonic();
    let seen = 0;
    const watch = this.options.client.watchTogether({
      ...this.selection(),
      resourceVersion: this.resourceVersion,
      allowWatchBookmarks: true,
      timeoutSeconds: this.timeoutSeconds(),
      signal,
    });
    try {
      for await (const events of watch) {
        seen += events.length;
        for (const event of events) this.apply(event);
      }
    } finally {
      if (seen > 0 || this.clock.monotonic() - startedAt > HEALTHY_MS) this.failures = 0;
    }
    if (seen === 0 && this.clock.monotonic() - startedAt < SHORT_WATCH_MS) {
      throw new Error('the watch ended at once and without an event');
    }
  }

  private apply(event: WatchEvent<T>): void {
    if (event.type !== 'BOOKMARK') {
      try {
        this.options.sink.apply(event);
      } catch (err) {
        throw new SinkError(err);
      }
    }
    this.resourceVersion = event.object.metadata?.resourceVersion ?? this.resourceVersion;
  }

  private async recover(err: unknown, signal: AbortSignal): Promise<void> {
    const { ref } = this.options.client;
    const fields = { resource: ref.resource, group: ref.group, err };
    if (
      err instanceof StatusError &&
      this.resourceVersion !== '' &&
      !isReason(err, 'TooManyRequests')
    ) {
      // The server answered and refuses this version (410), or this watch: only a list helps.
      this.resourceVersion = '';
      if (isExpired(err)) {
        this.options.logger?.debug(fields, 'Watch is too old, listing again');
        return;
      }
    }
    this.options.logger?.debug(fields, 'Watch failed, trying again');
    const wait = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(this.failures++, 10));
    try {
      await this.clock.sleep(wait * (1 + this.clock.random() * 0.5), signal);
    } catch (aborted) {
      if (!signal.aborted) throw aborted;
    }
  }

  /** What the sink throws is no fault of the connection. */
  private deliver(fn: () => void): void {
    try {
      fn();
    } catch (err) {
      throw new SinkError(err);
    }
  }

  private selection(): { namespace?: string; labelSelector?: string; fieldSelector?: string } {
    const { namespace, labelSelector, fieldSelector } = this.options;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }

  private timeoutSeconds(): number {
    return Math.floor(WATCH_MIN_SECONDS * (1 + this.clock.random()));
  }
}

class SinkError extends Error {
  constructor(cause: unknown) {
    super('the sink of a reflector failed', { cause });
  }
}
