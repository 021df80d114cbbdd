/**
 * Pods that were popped and are not back yet, and the events since. An event that arrives while a pod is
 * being tried may be what it needs, so events are kept for as long as a pod that was popped before them is
 * in flight, and handed over when it comes back.
 *
 *   pop a │ event 1 │ pop b │ event 2 │ a back: 1 and 2 │ b back: 2, and both are forgotten
 */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { ClusterEvent } from '../framework/interface.js';
import type { QueuedPod } from './scheduling-queue.js';

/** Beyond this many remembered events a returning pod is simply tried again. */
const MAX_EVENTS = 10_000;

export interface SeenEvent {
  readonly event: ClusterEvent;
  readonly old: KubeObject | undefined;
  readonly now: KubeObject | undefined;
}

export interface Landing {
  readonly missed: readonly SeenEvent[];
  /** Some that it missed were dropped. */
  readonly lost: boolean;
}

export class InFlight {
  /** In order of popping, so the first has seen the fewest events. */
  private readonly pods = new Map<string, { queued: QueuedPod; from: number }>();
  private events: SeenEvent[] = [];
  /** The number of `events[0]`, counted from the start of the process. */
  private firstEvent = 0;

  get size(): number {
    return this.pods.size;
  }

  get(uid: string): QueuedPod | undefined {
    return this.pods.get(uid)?.queued;
  }

  start(queued: QueuedPod): void {
    this.pods.set(queued.info.uid, { queued, from: this.firstEvent + this.events.length });
  }

  remember(seen: SeenEvent): void {
    if (this.pods.size === 0) return;
    this.events.push(seen);
    if (this.events.length > MAX_EVENTS) {
      this.events.shift();
      this.firstEvent++;
    }
  }

  /** The pod misses nothing that happens from now on, nor what happened until now. */
  ignoreEvents(uid: string): void {
    const flight = this.pods.get(uid);
    if (!flight) return;
    flight.from = Number.POSITIVE_INFINITY;
    this.trim();
  }

  /** What the pod missed; undefined where it was not in flight. */
  end(uid: string): Landing | undefined {
    const flight = this.pods.get(uid);
    if (!flight) return undefined;
    this.pods.delete(uid);
    const landing = {
      missed: this.events.slice(Math.max(0, flight.from - this.firstEvent)),
      lost: flight.from < this.firstEvent,
    };
    this.trim();
    return landing;
  }

  /** Drops the events that no pod in flight needs any more. */
  private trim(): void {
    if (this.events.length === 0) return;
    let oldest = this.firstEvent + this.events.length;
    for (const { from } of this.pods.values()) {
      if (from === Number.POSITIVE_INFINITY) continue;
      oldest = from;
      break;
    }
    const drop = Math.max(0, oldest - this.firstEvent);
    if (drop === 0) return;
    this.events.splice(0, drop);
    this.firstEvent += drop;
  }
}
