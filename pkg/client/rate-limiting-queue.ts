/**
 * A queue in which a key that keeps failing comes back later and later: 5 ms, 10 ms, 20 ms … 1,000 s, and
 * all failures together at most 10 a second after a burst of 100. `forget` after a success. Same numbers
 * as client-go's default controller rate limiter.
 */
import { type Clock, RealClock } from '../component/clock.js';
import { DelayingQueue } from './delaying-queue.js';

export interface RateLimiter<K extends string = string> {
  /** How long this key has to wait now, in milliseconds. Counts as a failure. */
  when(key: K): number;
  forget(key: K): void;
  failures(key: K): number;
}

export interface BackoffLimits {
  readonly baseMs?: number;
  readonly maxMs?: number;
  /** Failures of all keys together. */
  readonly perSecond?: number;
  readonly burst?: number;
}

/** Exponential per key, and a token bucket over all keys: the longer of the two. */
export class ControllerRateLimiter<K extends string = string> implements RateLimiter<K> {
  private readonly counts = new Map<K, number>();
  private readonly baseMs: number;
  private readonly maxMs: number;
  private readonly perMs: number;
  private readonly burst: number;
  private tokens: number;
  private filledAt: number;

  constructor(
    private readonly clock: Clock,
    limits: BackoffLimits = {},
  ) {
    this.baseMs = limits.baseMs ?? 5;
    this.maxMs = limits.maxMs ?? 1_000_000;
    this.perMs = (limits.perSecond ?? 10) / 1000;
    this.burst = limits.burst ?? 100;
    this.tokens = this.burst;
    this.filledAt = clock.monotonic();
  }

  when(key: K): number {
    const count = this.counts.get(key) ?? 0;
    this.counts.set(key, count + 1);
    const own = Math.min(this.maxMs, this.baseMs * 2 ** Math.min(count, 40));
    return Math.max(own, this.reserve());
  }

  forget(key: K): void {
    this.counts.delete(key);
  }

  failures(key: K): number {
    return this.counts.get(key) ?? 0;
  }

  /** Takes a token, maybe one that is still to come, and says when it is there. */
  private reserve(): number {
    const now = this.clock.monotonic();
    this.tokens = Math.min(this.burst, this.tokens + (now - this.filledAt) * this.perMs);
    this.filledAt = now;
    this.tokens -= 1;
    return this.tokens >= 0 ? 0 : -this.tokens / this.perMs;
  }
}

export class RateLimitingQueue<K extends string = string> extends DelayingQueue<K> {
  private readonly limiter: RateLimiter<K>;

  constructor(clock: Clock = new RealClock(), limiter?: RateLimiter<K>) {
    super(clock);
    this.limiter = limiter ?? new ControllerRateLimiter<K>(clock);
  }

  addRateLimited(key: K): void {
    if (this.shuttingDown) return;
    this.addAfter(key, this.limiter.when(key));
  }

  forget(key: K): void {
    this.limiter.forget(key);
  }

  failures(key: K): number {
    return this.limiter.failures(key);
  }
}
