/**
 * A queue that can be told to add a key later. One key waits at most once, for the earliest time that was
 * asked; one timer serves all. The key's cause is the one of the `addAfter` call.
 */
import { type Clock, RealClock, type Timer } from '../component/clock.js';
import { currentCause, runWithCause } from './cause.js';
import { WorkQueue } from './workqueue.js';

interface Waiting {
  readonly readyAt: number;
  readonly cause: string | undefined;
}

export class DelayingQueue<K extends string = string> extends WorkQueue<K> {
  protected readonly clock: Clock;
  private readonly waiting = new Map<K, Waiting>();
  private timer: Timer | undefined;
  private timerAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock = new RealClock()) {
    super();
    this.clock = clock;
  }

  addAfter(key: K, ms: number): void {
    if (this.shuttingDown) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const readyAt = this.clock.monotonic() + ms;
    const known = this.waiting.get(key);
    if (known && known.readyAt <= readyAt) return;
    this.waiting.set(key, { readyAt, cause: currentCause() });
    this.arm(readyAt);
  }

  override shutDown(): void {
    super.shutDown();
    this.timer?.stop();
    this.timer = undefined;
    this.waiting.clear();
  }

  private arm(at: number): void {
    if (at >= this.timerAt) return;
    this.timer?.stop();
    this.timerAt = at;
    this.timer = this.clock.after(at - this.clock.monotonic(), () => this.release());
  }

  private release(): void {
    this.timer = undefined;
    this.timerAt = Number.POSITIVE_INFINITY;
    const now = this.clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const [key, { readyAt, cause }] of this.waiting) {
      // A timer may fire a fraction of a millisecond early.
      if (readyAt <= now + 1) {
        this.waiting.delete(key);
        runWithCause(cause, () => this.add(key));
      } else {
        next = Math.min(next, readyAt);
      }
    }
    if (next !== Number.POSITIVE_INFINITY) this.arm(next);
  }
}
