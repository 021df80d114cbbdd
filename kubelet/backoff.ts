/**
 * Exponential back-off by key, with the arithmetic of `client-go/util/flowcontrol.Backoff`: the first
 * `next` gives the initial duration, each further one doubles it up to the maximum, and a key that rested
 * for twice the maximum starts anew. Times are milliseconds and given by the caller.
 */
export class Backoff {
  private entries: Map<string, { backoffMs: number; updatedAt: number }> | undefined;

  constructor(
    private readonly initialMs: number,
    private readonly maxMs: number,
  ) {}

  /** Drops the keys that begin with this. */
  forget(prefix: string): void {
    for (const key of this.entries?.keys() ?? []) {
      if (key.startsWith(prefix)) this.entries?.delete(key);
    }
  }

  get(key: string): number {
    return this.entries?.get(key)?.backoffMs ?? 0;
  }

  next(key: string, eventTime: number, now: number): void {
    const entry = this.entries?.get(key);
    const fresh = !entry || eventTime - entry.updatedAt > 2 * this.maxMs;
    this.entries ??= new Map();
    this.entries.set(key, {
      backoffMs: fresh ? this.initialMs : Math.min(entry.backoffMs * 2, this.maxMs),
      updatedAt: now,
    });
  }

  /** Milliseconds that are left of the back-off which began at `eventTime`; 0: none. */
  leftSince(key: string, eventTime: number, now: number): number {
    const entry = this.entries?.get(key);
    if (!entry || eventTime - entry.updatedAt > 2 * this.maxMs) return 0;
    return Math.max(0, entry.backoffMs - (now - eventTime));
  }

  /** The same, since the last `next`. */
  leftSinceUpdate(key: string, now: number): number {
    const entry = this.entries?.get(key);
    if (!entry || now - entry.updatedAt > 2 * this.maxMs) return 0;
    return Math.max(0, entry.backoffMs - (now - entry.updatedAt));
  }
}
