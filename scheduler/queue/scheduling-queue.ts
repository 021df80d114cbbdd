/**
 * Pods that have no node yet.
 *
 *         preEnqueue refuses              an update of the pod lifts the gate
 *   add ─────────────────────▶ gated ───────────────────────────────────────────┐
 *    │                                                                          ▼
 *    └─────────────────────────────────────────────────────────────────────▶ active ──pop──▶ in flight
 *                                       wait is over                          ▲                 │
 *        back-off ────────────────────────────────────────────────────────────┤                 ├─▶ done
 *         ▲    └────── pop, when nothing is active and no error put it there ─┼──▶ in flight    │
 *         │ event that helps, wait not over        event that helps, or 5 min │                 │ fits nowhere
 *         └──────────────────────────────── unschedulable ────────────────────┘ ◀───────────────┘
 *
 * Whether an event helps is for the plugins that turned the pod away to say (their queueing hints), also
 * for the events that arrived while the pod was in flight (`in-flight.ts`). A pod that no plugin turned
 * away met an error: only time helps it, so it goes to back-off at once.
 */

import type { Pod } from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { Clock, Timer } from '../../pkg/component/clock.js';
import { DEFAULT_SCHEDULER_NAME } from '../config/defaults.js';
import { podChanges } from '../framework/events.js';
import type { ClusterEvent, Plugin, QueueingHint } from '../framework/interface.js';
import { type PodInfo, podInfoOf } from '../framework/pod-info.js';
import { comesBefore } from '../plugins/priority-sort.js';
import { Heap } from './heap.js';
import { InFlight, type SeenEvent } from './in-flight.js';

const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;
/** Waits end on this grid; pods whose waits end together leave by priority. */
const BACKOFF_WINDOW_MS = 1_000;
/** How long a pod stays unschedulable with no event that helps. */
const MAX_UNSCHEDULABLE_MS = 5 * 60_000;
const FLUSH_PERIOD_MS = 30_000;

export interface QueuedPod {
  info: PodInfo;
  priority: number;
  /** When it was queued, or last came back, ms; decides among equals and starts the back-off. */
  since: number;
  /** When it was first queued, ms. */
  readonly firstSeen: number;
  readonly sequence: number;
  /** How often it was turned away, and how often in a row an error stopped it: the length of its back-off. */
  rejections: number;
  errors: number;
  /** Plugins that turned it away at its last attempt. */
  rejectedBy: ReadonlySet<string>;
}

export interface SchedulingQueueOptions {
  readonly clock: Clock;
  /** Profile → its plugins: they know which events help whom they turned away. */
  readonly plugins: ReadonlyMap<string, readonly Plugin[]>;
  /** In ms; absent: one second, and ten at most. */
  readonly initialBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** True while something holds the pod back from being tried at all. */
  isGated(pod: Pod): boolean;
}

interface PluginHint {
  readonly plugin: string;
  readonly helps: QueueingHint['helps'];
  /** The plugin holds pods back before they are tried. */
  readonly gates: boolean;
}

export class SchedulingQueue {
  private readonly active = new Heap<QueuedPod>(uidOf, comesBefore);
  private readonly backoff = new Heap<QueuedPod>(uidOf, (a, b) => this.backsOffBefore(a, b));
  /** As back-off, but those in it wait to the end. */
  private readonly errorBackoff = new Heap<QueuedPod>(uidOf, (a, b) => this.backsOffBefore(a, b));
  private readonly unschedulable = new Map<string, QueuedPod>();
  private readonly gated = new Map<string, QueuedPod>();
  private readonly inFlight = new InFlight();
  /** `resource/action` → profile → who wants to hear of it. */
  private readonly hints = new Map<string, Map<string, PluginHint[]>>();
  private sequence = 0;
  private waiting: ((pod: QueuedPod | undefined) => void) | undefined;
  private backoffTimer: Timer | undefined;
  private flushTimer: Timer | undefined;
  private closed = false;
  private readonly clock: Clock;
  private readonly initialBackoffMs: number;
  private readonly maxBackoffMs: number;

  constructor(private readonly options: SchedulingQueueOptions) {
    this.clock = options.clock;
    this.initialBackoffMs = options.initialBackoffMs ?? INITIAL_BACKOFF_MS;
    this.maxBackoffMs = options.maxBackoffMs ?? MAX_BACKOFF_MS;
    for (const [profile, plugins] of options.plugins) {
      for (const plugin of plugins) {
        for (const { resource, actions, helps } of plugin.events ?? []) {
          for (const action of actions)
            this.listen(eventKey({ resource, action }), profile, {
              plugin: plugin.name,
              helps,
              gates: plugin.preEnqueue !== undefined,
            });
        }
      }
    }
  }

  private listen(key: string, profile: string, hint: PluginHint): void {
    const profiles = this.hints.get(key) ?? new Map<string, PluginHint[]>();
    const known = profiles.get(profile) ?? [];
    known.push(hint);
    profiles.set(profile, known);
    this.hints.set(key, profiles);
  }

  get counts(): { active: number; backoff: number; unschedulable: number; gated: number } {
    return {
      active: this.active.size,
      backoff: this.backoff.size + this.errorBackoff.size,
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
      firstSeen: now,
      sequence: this.sequence++,
      rejections: 0,
      errors: 0,
      rejectedBy: new Set(),
    };
    this.delete(queued.info.uid);
    this.enqueue(queued);
  }

  /** The pod itself changed. It may thereby have become schedulable. */
  update(old: Pod, pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const flying = this.inFlight.get(uid);
    const queued = flying ?? this.find(uid);
    if (!queued) {
      this.add(pod);
      return;
    }
    queued.info = podInfoOf(pod);
    queued.priority = queued.info.priority;
    const changes: SeenEvent[] = podChanges(old, pod).map((action) => ({
      event: { resource: 'Pod', action },
      old,
      now: pod,
    }));
    if (flying) {
      for (const seen of changes)
        if (this.hints.has(eventKey(seen.event))) this.inFlight.remember(seen);
    } else if (this.gated.has(uid)) {
      if (this.options.isGated(pod)) return;
      this.gated.delete(uid);
      this.retry(queued);
    } else if (this.unschedulable.has(uid)) {
      if (!changes.some((seen) => this.helps(queued, seen))) return;
      this.unschedulable.delete(uid);
      this.retry(queued);
    } else {
      // Its place may have changed with its priority.
      for (const heap of [this.active, this.backoff, this.errorBackoff])
        if (heap.get(uid)) heap.set(queued);
    }
  }

  /** Not of a pod in flight: whoever popped it finds out by itself. */
  delete(uid: string): void {
    this.active.delete(uid);
    this.backoff.delete(uid);
    this.errorBackoff.delete(uid);
    this.unschedulable.delete(uid);
    this.gated.delete(uid);
  }

  /** The next pod, as soon as there is one; undefined when the queue was closed. One caller at a time. */
  pop(): Promise<QueuedPod | undefined> {
    const next = this.closed ? undefined : this.take();
    if (next || this.closed) return Promise.resolve(next);
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  /**
   * The pod in flight has a node, and comes back for an error alone: events are not kept for it any more, since
   * it can be long until its volumes are there.
   */
  decided(uid: string): void {
    this.inFlight.ignoreEvents(uid);
  }

  /** The pod has been dealt with: bound, gone, or taken over by another scheduler. */
  done(uid: string): void {
    this.inFlight.end(uid);
  }

  /** The pod fits nowhere now: it waits for an event that one of `rejectedBy` says would help. */
  putBack(queued: QueuedPod, rejectedBy: ReadonlySet<string>): void {
    const uid = queued.info.uid;
    const landing = this.inFlight.end(uid);
    if (!landing) return;
    queued.rejectedBy = rejectedBy;
    queued.since = this.clock.now();
    if (rejectedBy.size === 0) {
      queued.errors++;
    } else {
      queued.rejections++;
      queued.errors = 0;
    }
    if (this.options.isGated(queued.info.pod)) this.gated.set(uid, queued);
    else if (
      rejectedBy.size === 0 ||
      landing.lost ||
      landing.missed.some((seen) => this.helps(queued, seen))
    )
      this.retry(queued);
    else this.unschedulable.set(uid, queued);
  }

  /** Something in the cluster changed: whom it may help, among those that `concerns` lets by, is tried again. */
  onEvent(
    event: ClusterEvent,
    old: KubeObject | undefined,
    now: KubeObject | undefined,
    concerns: (pod: PodInfo) => boolean = () => true,
  ): void {
    if (!this.hints.has(eventKey(event))) return;
    const seen = { event, old, now };
    this.inFlight.remember(seen);
    if (this.gated.size > 0) this.openGates(seen);
    for (const [uid, queued] of this.unschedulable) {
      if (!concerns(queued.info) || !this.helps(queued, seen)) continue;
      this.unschedulable.delete(uid);
      this.retry(queued);
    }
  }

  /** Those that were held back for want of what has changed now. */
  private openGates({ event }: SeenEvent): void {
    const hints = [...(this.hints.get(eventKey(event))?.values() ?? [])].flat();
    if (!hints.some(({ gates }) => gates)) return;
    for (const [uid, queued] of this.gated) {
      if (this.options.isGated(queued.info.pod)) continue;
      this.gated.delete(uid);
      this.retry(queued);
    }
  }

  private find(uid: string): QueuedPod | undefined {
    return (
      this.active.get(uid) ??
      this.backoff.get(uid) ??
      this.errorBackoff.get(uid) ??
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
    if (this.backoffEnd(queued) <= this.clock.now()) {
      this.enqueue(queued);
      return;
    }
    (queued.errors > 0 ? this.errorBackoff : this.backoff).set(queued);
    this.armBackoff();
    this.wake();
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
    const next = this.active.pop() ?? this.backoff.pop();
    if (next) this.inFlight.start(next);
    return next;
  }

  private armBackoff(): void {
    this.backoffTimer?.stop();
    const ends = [this.backoff.peek(), this.errorBackoff.peek()].flatMap((q) =>
      q ? this.backoffEnd(q) : [],
    );
    if (ends.length === 0 || this.closed) return;
    this.backoffTimer = this.clock.after(Math.min(...ends) - this.clock.now(), () => {
      for (const heap of [this.backoff, this.errorBackoff]) {
        for (let next = heap.peek(); next; next = heap.peek()) {
          if (this.backoffEnd(next) > this.clock.now()) break;
          heap.pop();
          this.enqueue(next);
        }
      }
      this.armBackoff();
    });
  }

  private flushUnschedulable(): void {
    const now = this.clock.now();
    for (const [uid, queued] of this.unschedulable) {
      if (now - queued.since < MAX_UNSCHEDULABLE_MS) continue;
      this.unschedulable.delete(uid);
      this.enqueue(queued);
    }
  }

  private helps(queued: QueuedPod, { event, old, now }: SeenEvent): boolean {
    const profile = queued.info.pod.spec?.schedulerName ?? DEFAULT_SCHEDULER_NAME;
    const hints = this.hints.get(eventKey(event))?.get(profile) ?? [];
    return hints.some(
      ({ plugin, helps }) =>
        queued.rejectedBy.has(plugin) && (helps?.(queued.info, old, now) ?? true),
    );
  }

  /** 1 s, 2 s, 4 s … 10 s after it came back, cut to the grid; at once for a pod that was never tried. */
  private backoffEnd({ since, errors, rejections }: QueuedPod): number {
    const count = errors > 0 ? errors : rejections;
    if (count === 0) return since;
    const wait = Math.min(this.initialBackoffMs * 2 ** (count - 1), this.maxBackoffMs);
    return Math.floor((since + wait) / BACKOFF_WINDOW_MS) * BACKOFF_WINDOW_MS;
  }

  private backsOffBefore(a: QueuedPod, b: QueuedPod): boolean {
    const [one, other] = [this.backoffEnd(a), this.backoffEnd(b)];
    return one === other ? comesBefore(a, b) : one < other;
  }
}

function uidOf(queued: QueuedPod): string {
  return queued.info.uid;
}

function eventKey({ resource, action }: ClusterEvent): string {
  return `${resource}/${action}`;
}
