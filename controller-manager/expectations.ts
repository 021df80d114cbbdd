/**
 * What a controller has done and not yet seen in its cache (`pkg/controller.ControllerExpectations`).
 *
 * Before it creates three pods, a controller expects three creations; its handlers count them off; until
 * then the cache is known to be behind, and a sync neither creates nor deletes. Deletions are expected by
 * name, for a deletion is seen twice: as a deletionTimestamp, then as a DELETED event.
 *
 *   expectCreations(key, 3) ─ create, create (fails: creationObserved), create ─ watch: creationObserved ×2
 *   ⇒ satisfied
 *
 * Expectations that are not met within five minutes are taken as met: a lost count must not stop a
 * controller for ever.
 */
import type { Clock } from '../pkg/component/clock.js';

const TIMEOUT_MS = 5 * 60_000;

interface Expected {
  creations: number;
  readonly deletions: Set<string>;
  readonly since: number;
}

export class Expectations {
  private readonly byKey = new Map<string, Expected>();

  constructor(private readonly clock: Clock) {}

  expectCreations(key: string, count: number): void {
    this.expect(key, count, []);
  }

  expectDeletions(key: string, names: readonly string[]): void {
    this.expect(key, 0, names);
  }

  /** Takes the place of what was expected before. */
  expect(key: string, creations: number, deletions: readonly string[]): void {
    const since = this.clock.monotonic();
    this.byKey.set(key, { creations, deletions: new Set(deletions), since });
  }

  creationObserved(key: string, count = 1): void {
    const expected = this.byKey.get(key);
    if (expected && expected.creations > 0) expected.creations -= count;
  }

  deletionObserved(key: string, name: string): void {
    this.byKey.get(key)?.deletions.delete(name);
  }

  /** Whether the cache shows all that was done; also when nothing ever was, or it is too long ago. */
  satisfied(key: string): boolean {
    const expected = this.byKey.get(key);
    if (!expected) return true;
    if (expected.creations <= 0 && expected.deletions.size === 0) return true;
    return this.clock.monotonic() - expected.since > TIMEOUT_MS;
  }

  /** The object is gone. */
  forget(key: string): void {
    this.byKey.delete(key);
  }
}
