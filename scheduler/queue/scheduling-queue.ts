/**
 * Pods that have no node yet.
 *
 *                  preEnqueue refuses            an update of the pod lifts the gate
 *   add ──────────────────────────────▶ gated ──────────────────────────────────┐
 *    │                                                                            ▼
 *    └───────────────────────────────────────────────────────────────────────▶ active ──pop──▶ in flight
 *                                                                                 ▲               │
 *                       back-off over                    event that helps         │               │ fits nowhere
 *          back-off ──────────────────────────────────────────────────────────────┤               ▼
 *             ▲                  event that helps, back-off not over              └──────── unschedulable
 *             └──────────────────────────────────────────────────────────────────────────────────┘
 *
 * An event that arrives while a pod is in flight may be what it needs: events are kept for as long as a pod
 * is in flight, and asked again when it comes back. Whether an event helps is for the plugins that turned
 * the pod away to say (their queueing hints). What no event brings back is tried again after five minutes.
 */

import type { Pod } from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { Clock, Timer } from '../../pkg/component/clock.js';
import type { ClusterEvent, Plugin } from '../framework/interface.js';
import { type PodInfo, podInfoOf } from '../framework/pod-info.js';
import { comesBefore } from '../plugins/priority-sort.js';
import { Heap } from './heap.js';

const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;
/** How long a pod stays unschedulable with no event that helps. */
const MAX_UNSCHEDULABLE_MS = 5 * 60_000;
const FLUSH_PERIOD_MS = 30_000;
/** Beyond this many remembered events a returning pod is simply tried again. */
const MAX_IN_FLIGHT_EVENTS = 10_000;

export interface QueuedPod {
  info: PodInfo;
  priority: number;
  /** When it was first queued, ms; decides among equals. */
  since: number;
  sequence: number;
  attempts: number;
  /** When it was last put among the unschedulable or into back-off. */
  parkedAt: number;
  /** Plugins that turned it away at its last attempt. */
  rejectedBy: ReadonlySet<string>;
}

interface SeenEvent {
  readonly event: ClusterEvent;
  readonly old: KubeObject | undefined;
  readonly now: KubeObject | undefined;
}

export interface SchedulingQueueOptions {
  readonly clock: Clock;
  readonly plugins: readonly Plugin[];
  /** True while something holds the pod back from being tried at all. */
  isGated(pod: Pod): boolean;
}

export class SchedulingQueue {
  private readonly active = new Heap<QueuedPod>((q) => q.info.uid, comesBefore);
  private readonly backoff: Heap<QueuedPod>;
  private readonly unschedulable = new Map<string, QueuedPod>();
  private readonly gated = new Map<string, QueuedPod>();
  private readonly inFlight = new Map<string, { queued: QueuedPod; from: number }>();
  /** Events since the oldest pod in flight was popped; `firstEvent` is the number of the first one. */
  private events: SeenEvent[] = [];
  private firstEvent = 0;
  private sequence = 0;
  private waiting: ((pod: QueuedPod | undefined) => void) | undefined;
  private backoffTimer: Timer | undefined;
  private flushTimer: Timer | undefined;
  private closed = false;
  private readonly clock: Clock;

  constructor(private readonly options: SchedulingQueueOptions) {
    this.clock = options.clock;
    this.backoff = new Heap(
      (q) => q.info.uid,
      (a, b) => this.backoffEnd(a) < this.backoffEnd(b),
    );
  }

  get counts(): { active: number; backoff: number; unschedulable: number; gated: number } {
    return {
      active: this.active.size,
      backoff: this.backoff.size,
      unschedulable: this.unschedulable.size,
      gated: this.gated.size,
    };
  }

  run(): void {
    this.flushTimer = this.clock.after(FLUSH_PERIOD_MS, () => {
      this.flushUnschedulable();
      this.run();
    });
  }

  close(): void {
    this.closed = true;
    this.backoffTimer?.stop();
    this.flushTimer?.stop();
    this.waiting?.(undefined);
    this.waiting = undefined;
  }

  add(pod: Pod): void {
    const now = this.clock.now();
    const queued: QueuedPod = {
      info: podInfoOf(pod),
      priority: pod.spec?.priority ?? 0,
      since: now,
      sequence: this.sequence++,
      attempts: 0,
      parkedAt: now,
      rejectedBy: new Set(),
    };
    this.delete(queued.info.uid);
    this.enqueue(queued);
  }

  /** The pod itself changed. It may thereby have become schedulable. */
  update(old: Pod, pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const inFlight = this.inFlight.get(uid);
    if (inFlight) {
      inFlight.queued.info = podInfoOf(pod);
      inFlight.queued.priority = pod.spec?.priority ?? 0;
      this.remember({ event: { resource: 'Pod', action: 'Update' }, old, now: pod });
      return;
    }
    const queued = this.find(uid);
    if (!queued) {
      this.add(pod);
      return;
    }
    const changed = schedulingChanged(old, pod);
    const gatedBefore = this.gated.has(uid);
    const wasUnschedulable = this.unschedulable.has(uid);
    if (!changed) {
      queued.info = podInfoOf(pod);
      return;
    }
    this.delete(uid);
    queued.info = podInfoOf(pod);
    queued.priority = pod.spec?.priority ?? 0;
    if (gatedBefore || !wasUnschedulable) this.enqueue(queued);
    else if (this.helps(queued, { event: { resource: 'Pod', action: 'Update' }, old, now: pod }))
      this.retry(queued);
    else this.unschedulable.set(uid, queued);
  }

  delete(uid: string): void {
    this.active.delete(uid);
    this.backoff.delete(uid);
    this.unschedulable.delete(uid);
    this.gated.delete(uid);
  }

  /** The next pod, as soon as there is one; undefined when the queue was closed. One caller at a time. */
  pop(): Promise<QueuedPod | undefined> {
    const next = this.take();
    if (next || this.closed) return Promise.resolve(next);
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  /** The pod has been dealt with: bound, gone, or taken over by another scheduler. */
  done(uid: string): void {
    this.inFlight.delete(uid);
    this.trimEvents();
  }

  /** The pod fits nowhere now: it waits for an event that one of `rejectedBy` says would help. */
  putBack(queued: QueuedPod, rejectedBy: ReadonlySet<string>): void {
    const uid = queued.info.uid;
    const flight = this.inFlight.get(uid);
    if (!flight) return;
    this.inFlight.delete(uid);
    queued.rejectedBy = rejectedBy;
    queued.parkedAt = this.clock.now();
    const missed = this.events.slice(Math.max(0, flight.from - this.firstEvent));
    const lost = flight.from < this.firstEvent;
    this.trimEvents();
    if (this.options.isGated(queued.info.pod)) this.gated.set(uid, queued);
    // Turned away by nobody means that an error stopped it; time is what helps then.
    else if (rejectedBy.size === 0 || lost || missed.some((seen) => this.helps(queued, seen)))
      this.retry(queued);
    else this.unschedulable.set(uid, queued);
  }

  /** Something in the cluster changed: whom it may help is tried again. */
  onEvent(event: ClusterEvent, old: KubeObject | undefined, now: KubeObject | undefined): void {
    const seen = { event, old, now };
    if (this.inFlight.size > 0) this.remember(seen);
    for (const [uid, queued] of this.unschedulable) {
      if (!this.helps(queued, seen)) continue;
      this.unschedulable.delete(uid);
      this.retry(queued);
    }
  }

  private find(uid: string): QueuedPod | undefined {
    return (
      this.active.get(uid) ??
      this.backoff.get(uid) ??
      this.unschedulable.get(uid) ??
      this.gated.get(uid)
    );
  }

  private enqueue(queued: QueuedPod): void {
    if (this.options.isGated(queued.info.pod)) {
      this.gated.set(queued.info.uid, queued);
      return;
    }
    this.active.set(queued);
    this.wake();
  }

  /** To the active queue, by way of back-off where that is not over. */
  private retry(queued: QueuedPod): void {
    if (queued.attempts === 0 || this.backoffEnd(queued) <= this.clock.now()) {
      this.enqueue(queued);
      return;
    }
    this.backoff.set(queued);
    this.armBackoff();
  }

  private wake(): void {
    if (!this.waiting) return;
    const next = this.take();
    if (!next) return;
    const resolve = this.waiting;
    this.waiting = undefined;
    resolve(next);
  }

  private take(): QueuedPod | undefined {
    const next = this.active.pop();
    if (!next) return undefined;
    next.attempts++;
    this.inFlight.set(next.info.uid, { queued: next, from: this.firstEvent + this.events.length });
    return next;
  }

  /** 1 s, 2 s, 4 s … 10 s after it was parked. */
  private backoffEnd(queued: QueuedPod): number {
    const wait = Math.min(
      INITIAL_BACKOFF_MS * 2 ** Math.max(0, queued.attempts - 1),
      MAX_BACKOFF_MS,
    );
    return queued.parkedAt + wait;
  }

  private armBackoff(): void {
    this.backoffTimer?.stop();
    const first = this.backoff.peek();
    if (!first || this.closed) return;
    this.backoffTimer = this.clock.after(this.backoffEnd(first) - this.clock.now(), () => {
      for (let next = this.backoff.peek(); next; next = this.backoff.peek()) {
        if (this.backoffEnd(next) > this.clock.now()) break;
        this.backoff.pop();
        this.enqueue(next);
      }
      this.armBackoff();
    });
  }

  private flushUnschedulable(): void {
    const now = this.clock.now();
    for (const [uid, queued] of this.unschedulable) {
      if (now - queued.parkedAt < MAX_UNSCHEDULABLE_MS) continue;
      this.unschedulable.delete(uid);
      this.enqueue(queued);
    }
  }

  private helps(queued: QueuedPod, { event, old, now }: SeenEvent): boolean {
    return this.options.plugins.some(
      (plugin) =>
        queued.rejectedBy.has(plugin.name) &&
        plugin.events?.some(
          (hint) =>
            hint.resource === event.resource &&
            hint.action === event.action &&
            (hint.helps?.(queued.info, old, now) ?? true),
        ) === true,
    );
  }

  private remember(seen: SeenEvent): void {
    this.events.push(seen);
    if (this.events.length > MAX_IN_FLIGHT_EVENTS) {
      this.events.shift();
      this.firstEvent++;
    }
  }

  /** Drops the events that no pod in flight needs any more. */
  private trimEvents(): void {
    if (this.events.length === 0) return;
    let oldest = this.firstEvent + this.events.length;
    // In order of popping, so the first one has seen the fewest.
    for (const { from } of this.inFlight.values()) {
      oldest = from;
      break;
    }
    const drop = Math.max(0, oldest - this.firstEvent);
    if (drop === 0) return;
    this.events.splice(0, drop);
    this.firstEvent += drop;
  }
}

/** Whether an update touches anything that scheduling looks at (status is not). */
function schedulingChanged(old: Pod, pod: Pod): boolean {
  return (
    JSON.stringify(old.spec) !== JSON.stringify(pod.spec) ||
    JSON.stringify(old.metadata?.labels) !== JSON.stringify(pod.metadata?.labels) ||
    JSON.stringify(old.metadata?.annotations) !== JSON.stringify(pod.metadata?.annotations) ||
    old.metadata?.deletionTimestamp !== pod.metadata?.deletionTimestamp
  );
}
