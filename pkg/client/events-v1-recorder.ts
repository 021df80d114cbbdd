/**
 * The newer recorder (`k8s.io/client-go/tools/events`), which the scheduler uses: events.k8s.io/v1, with
 * who reports, about what, and which action was tried. The same event within six minutes becomes a series
 * on the stored one; the series is written at its second occurrence and then at most once a minute.
 */

import type { EventsEvent, ObjectReference } from '../api/types.js';
import { formatMicroTime } from '../apimachinery/meta.js';
import { type Clock, RealClock } from '../component/clock.js';
import type { Logger } from '../component/logger.js';
import { currentCause, runWithCause } from './cause.js';
import { isNotFound } from './errors.js';
import type { EventType } from './event-recorder.js';
import type { ResourceClient } from './resource-client.js';
import { EVENTS } from './resources.js';
import type { RestClient } from './rest.js';

export interface EventsV1RecorderOptions {
  readonly client: RestClient;
  /** `default-scheduler`. */
  readonly reportingController: string;
  /** `default-scheduler-HOST`. */
  readonly reportingInstance: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** An event that is not repeated within this time is a new one next time. */
const SERIES_MS = 360_000;
const SERIES_WRITE_MS = 60_000;
const MAX_WAITING = 1000;
const MAX_SERIES = 4096;
const NOTE_LIMIT = 1024;
/** Requests under way at a time: a scheduler that binds hundreds a second tells each of them. */
const PARALLEL = 4;

interface Series {
  readonly event: EventsEvent;
  count: number;
  seenAt: number;
  writtenAt: number;
}

interface Work {
  readonly run: () => Promise<void>;
  readonly cause: string | undefined;
}

export class EventsV1Recorder {
  private readonly clock: Clock;
  private readonly events: ResourceClient<EventsEvent>;
  private readonly series = new Map<string, Series>();
  private readonly waiting: Work[] = [];
  private readonly senders = new Set<Promise<void>>();
  private lastSuffix = 0n;

  constructor(private readonly options: EventsV1RecorderOptions) {
    this.clock = options.clock ?? new RealClock();
    this.events = options.client.resource<EventsEvent>(EVENTS);
  }

  /** Never waits and never throws. */
  event(
    regarding: ObjectReference,
    related: ObjectReference | undefined,
    type: EventType,
    reason: string,
    action: string,
    note: string,
  ): void {
    const text = note.length > NOTE_LIMIT ? note.slice(0, NOTE_LIMIT) : note;
    const now = this.clock.now();
    const key = [regarding.uid, regarding.name, related?.name, type, reason, action, text].join(
      '\n',
    );
    const known = this.series.get(key);
    if (known && now - known.seenAt < SERIES_MS) {
      known.count++;
      known.seenAt = now;
      if (known.count > 2 && now - known.writtenAt < SERIES_WRITE_MS) return;
      known.writtenAt = now;
      this.enqueue(() => this.writeSeries(known));
      return;
    }
    const event: EventsEvent = {
      metadata: {
        name: `${regarding.name ?? ''}.${this.nextSuffix(now)}`,
        namespace: regarding.namespace ?? 'default',
      },
      eventTime: formatMicroTime(new Date(now)),
      reportingController: this.options.reportingController,
      reportingInstance: this.options.reportingInstance,
      action,
      reason,
      regarding,
      ...(related ? { related } : {}),
      note: text,
      type,
    };
    this.remember(key, { event, count: 1, seenAt: now, writtenAt: now });
    this.enqueue(async () => {
      await this.events.createUnread(event);
    });
  }

  async flush(): Promise<void> {
    while (this.senders.size > 0) await Promise.all(this.senders);
  }

  private async writeSeries({ event, count, seenAt }: Series): Promise<void> {
    const lastObservedTime = formatMicroTime(new Date(seenAt));
    const { namespace = '', name = '' } = event.metadata ?? {};
    const series = { count, lastObservedTime };
    try {
      await this.events.patchUnread(namespace, name, 'strategic', { series });
    } catch (err) {
      if (!isNotFound(err)) throw err;
      await this.events.createUnread({ ...event, series });
    }
  }

  private remember(key: string, series: Series): void {
    this.series.delete(key);
    this.series.set(key, series);
    if (this.series.size <= MAX_SERIES) return;
    const [oldest] = this.series.keys();
    if (oldest !== undefined) this.series.delete(oldest);
  }

  private enqueue(run: () => Promise<void>): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.options.logger?.debug('Too many events wait, one is dropped');
      return;
    }
    this.waiting.push({ run, cause: currentCause() });
    if (this.senders.size >= PARALLEL) return;
    const sender: Promise<void> = this.drain().finally(() => this.senders.delete(sender));
    this.senders.add(sender);
  }

  private async drain(): Promise<void> {
    for (let work = this.waiting.shift(); work; work = this.waiting.shift()) {
      try {
        await runWithCause(work.cause, work.run);
      } catch (err) {
        this.options.logger?.debug({ err }, 'Event was not accepted');
      }
    }
  }

  private nextSuffix(now: number): string {
    const random = BigInt(Math.floor(this.clock.random() * 1_000_000));
    const nanos = BigInt(Math.floor(now)) * 1_000_000n + random;
    this.lastSuffix = nanos > this.lastSuffix ? nanos : this.lastSuffix + 1n;
    return this.lastSuffix.toString(16);
  }
}
