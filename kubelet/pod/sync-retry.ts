/** When a sync of a pod wants to look again without any event: the earliest of what its steps ask for. */

/** After a fault that has no time of its own, as after any sync that failed. */
export const RETRY_MS = 10_000;

export interface SyncOutcome {
  /** When to look again without any event; absent: an event will come. */
  readonly retryAfterMs?: number;
}

/** The earliest of several wishes. */
export class SyncRetry {
  private ms = Number.POSITIVE_INFINITY;

  within(ms: number): void {
    this.ms = Math.min(this.ms, ms);
  }

  outcome(): SyncOutcome {
    return this.ms === Number.POSITIVE_INFINITY ? {} : { retryAfterMs: this.ms };
  }
}
