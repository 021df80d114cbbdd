/**
 * Whether the cache shows this controller's own last write of a status. A sync on an older status would
 * count from it, and start pods for what has ended already.
 *
 *   begin(key) ─ write ─ end(key, version) ─ watch: seen(key, version) ⇒ fresh
 *                 └ watch may be first: seen ─ end ⇒ fresh
 *
 * A version may never be seen when a list skips it: after five seconds the cache is taken as it is.
 */
import type { Clock } from '../../pkg/component/clock.js';

const TIMEOUT_MS = 5000;

interface Write {
  /** Versions seen since the write began. */
  readonly seen: Set<string>;
  /** What the write made; undefined while it is under way. */
  made?: string;
  since: number;
}

export class OwnWrites {
  private readonly byKey = new Map<string, Write>();

  constructor(private readonly clock: Clock) {}

  begin(key: string): void {
    this.byKey.set(key, { seen: new Set(), since: this.clock.monotonic() });
  }

  /** Without a version: the write failed. */
  end(key: string, version?: string): void {
    const write = this.byKey.get(key);
    if (!write) return;
    if (version === undefined || write.seen.has(version)) this.byKey.delete(key);
    else this.byKey.set(key, { seen: new Set(), made: version, since: this.clock.monotonic() });
  }

  seen(key: string, version: string): void {
    const write = this.byKey.get(key);
    if (!write) return;
    if (write.made === undefined) write.seen.add(version);
    else if (write.made === version) this.byKey.delete(key);
  }

  /** Milliseconds after which to look again; 0: the cache is fresh. */
  wait(key: string): number {
    const write = this.byKey.get(key);
    if (!write) return 0;
    const left = write.since + TIMEOUT_MS - this.clock.monotonic();
    if (left > 0) return left;
    this.byKey.delete(key);
    return 0;
  }

  forget(key: string): void {
    this.byKey.delete(key);
  }
}
