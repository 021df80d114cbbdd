/**
 * Tells users what a component did to an object: core/v1 Events, named NAME.HEX as upstream, correlated
 * (`event-correlator.ts`). `event` never waits and never fails its caller: events are sent one after the
 * other in the background, at most 1,000 wait, and what the server refuses is logged and dropped.
 */

import type { Event, ObjectReference } from '../api/types.js';
import { apiVersionOf, formatTime, type KubeObject } from '../apimachinery/meta.js';
import { type Clock, RealClock } from '../component/clock.js';
import type { Logger } from '../component/logger.js';
import { currentCause, runWithCause } from './cause.js';
import { isConnectionError, isNotFound } from './errors.js';
import { type Correlated, EventCorrelator } from './event-correlator.js';
import type { ResourceClient } from './resource-client.js';
import { CORE_EVENTS, type ResourceRef } from './resources.js';
import type { RestClient } from './rest.js';

export type EventType = 'Normal' | 'Warning';

export interface EventRecorderOptions {
  readonly client: RestClient;
  /** `deployment-controller`, `kubelet`. */
  readonly component: string;
  /** The node, for a kubelet. */
  readonly host?: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

const MAX_WAITING = 1000;
const MAX_TRIES = 12;
const RETRY_MS = 10_000;
const TIMEOUT_MS = 10_000;

/** The reference that an Event, or a bound target, carries; objects from a cache do not name their kind. */
export function referenceTo(
  ref: ResourceRef,
  obj: KubeObject,
  fieldPath?: string,
): ObjectReference {
  const { namespace, name, uid, resourceVersion } = obj.metadata ?? {};
  return {
    kind: ref.kind,
    ...(namespace ? { namespace } : {}),
    ...(name ? { name } : {}),
    ...(uid ? { uid } : {}),
    apiVersion: apiVersionOf(ref),
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(fieldPath ? { fieldPath } : {}),
  };
}

/** Recorders of one process share one sender, so that order and limits are the process's. */
export class EventRecorder {
  private readonly clock: Clock;
  private readonly sender: EventSender;

  constructor(
    private readonly options: EventRecorderOptions,
    sender?: EventSender,
  ) {
    this.clock = options.clock ?? new RealClock();
    this.sender = sender ?? new EventSender(options.client, this.clock, options.logger);
  }

  /** The same sender under another component name. */
  forComponent(component: string): EventRecorder {
    return new EventRecorder({ ...this.options, component }, this.sender);
  }

  event(
    regarding: ObjectReference,
    type: EventType,
    reason: string,
    message: string,
    annotations?: Record<string, string>,
  ): void {
    if (!this.sender.hasRoom(reason)) return;
    const { component, host } = this.options;
    const now = formatTime(new Date(this.clock.now()));
    const source = { component, ...(host === undefined ? {} : { host }) };
    this.sender.send({
      metadata: {
        name: `${regarding.name ?? ''}.${this.sender.nextSuffix()}`,
        namespace: regarding.namespace ?? 'default',
        ...(annotations ? { annotations } : {}),
      },
      involvedObject: regarding,
      reason,
      message,
      source,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      type,
      reportingComponent: component,
      reportingInstance: host ?? '',
    });
  }

  /** Resolves when everything recorded so far is sent or given up. For an orderly stop, and tests. */
  flush(): Promise<void> {
    return this.sender.flush();
  }

  /** What is not sent yet is dropped: nobody waits for a server that may never come back. */
  close(): void {
    this.sender.close();
  }
}

export class EventSender {
  private readonly events: ResourceClient<Event>;
  private readonly correlator: EventCorrelator;
  private readonly waiting: { correlated: Correlated; cause: string | undefined }[] = [];
  private sending: Promise<void> | undefined;
  private lastSuffix = 0n;
  private readonly stopping = new AbortController();

  constructor(
    client: RestClient,
    private readonly clock: Clock,
    private readonly logger?: Logger,
  ) {
    this.events = client.resource<Event>(CORE_EVENTS);
    this.correlator = new EventCorrelator(clock);
  }

  /** Nanoseconds in hex, never the same twice in a process. */
  nextSuffix(): string {
    const micros = BigInt(Math.floor(this.clock.random() * 1_000_000));
    const now = BigInt(Math.floor(this.clock.now())) * 1_000_000n + micros;
    this.lastSuffix = now > this.lastSuffix ? now : this.lastSuffix + 1n;
    return this.lastSuffix.toString(16);
  }

  /** False when too many wait: an event that would be dropped need not be made, and does not count. */
  hasRoom(reason: string): boolean {
    if (this.stopping.signal.aborted) return false;
    if (this.waiting.length < MAX_WAITING) return true;
    this.logger?.debug({ reason }, 'Too many events wait, one is dropped');
    return false;
  }

  send(event: Event): void {
    if (!this.hasRoom(event.reason ?? '')) return;
    const correlated = this.correlator.correlate(event);
    if (!correlated) return;
    this.waiting.push({ correlated, cause: currentCause() });
    this.sending ??= this.drain();
  }

  close(): void {
    this.waiting.length = 0;
    this.stopping.abort();
  }

  async flush(): Promise<void> {
    while (this.sending) await this.sending;
  }

  private async drain(): Promise<void> {
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      const { correlated, cause } = next;
      await runWithCause(cause, () => this.deliver(correlated));
    }
    this.sending = undefined;
  }

  private async deliver(correlated: Correlated): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.write(correlated);
      } catch (err) {
        const { reason, involvedObject } = correlated.event;
        const fields = { reason, object: involvedObject.name, namespace: involvedObject.namespace };
        const { signal } = this.stopping;
        if (!isConnectionError(err) || tries >= MAX_TRIES || signal.aborted) {
          this.logger?.debug({ ...fields, err }, 'Event was not accepted');
          return;
        }
        try {
          await this.clock.sleep(RETRY_MS * (tries === 1 ? this.clock.random() : 1), signal);
        } catch (stopped) {
          if (!signal.aborted) throw stopped;
        }
      }
    }
  }

  private async write({ event, previous }: Correlated): Promise<void> {
    const call = { timeoutMs: TIMEOUT_MS };
    if (previous) {
      const { count, lastTimestamp, message } = event;
      try {
        const namespace = event.metadata?.namespace ?? '';
        await this.events.patchUnread(
          namespace,
          previous.name,
          'strategic',
          { count, lastTimestamp, message },
          call,
        );
        return;
      } catch (err) {
        // Events are forgotten after an hour.
        if (!isNotFound(err)) throw err;
      }
    }
    await this.events.createUnread(event, call);
  }
}
