/**
 * How soon a failed daemon pod is replaced: at once, then after 1 s, 2 s, 4 s … 15 min. A kubelet that
 * rejects every pod it gets would otherwise be sent hundreds a second.
 */
import type { Clock } from '../../pkg/component/clock.js';

const BASE_MS = 1000;
const MAX_MS = 15 * 60_000;
/** What has been quiet for so long starts from the beginning, and is forgotten. */
const QUIET_MS = 2 * MAX_MS;
/** Above this size, what is forgotten is looked for at each new entry. */
const SWEEP_SIZE = 1000;

interface Entry {
  readonly delayMs: number;
  readonly at: number;
}

export class FailedPodBackoff {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly clock: Clock) {}

  /** 0: it may be replaced now, and that counts; else in so many milliseconds. */
  wait(key: string): number {
    const now = this.clock.monotonic();
    const entry = this.entries.get(key);
    const known = entry && now - entry.at <= QUIET_MS ? entry : undefined;
    const left = known ? known.at + known.delayMs - now : 0;
    if (left > 0) return left;
    const delayMs = known ? Math.min(2 * known.delayMs, MAX_MS) : BASE_MS;
    this.sweep(now);
    this.entries.set(key, { delayMs, at: now });
    return 0;
  }

  private sweep(now: number): void {
    if (this.entries.size < SWEEP_SIZE) return;
    for (const [key, { at }] of this.entries) if (now - at > QUIET_MS) this.entries.delete(key);
  }
}
