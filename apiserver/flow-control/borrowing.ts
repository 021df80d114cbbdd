/**
 * Moves seats from levels that do not need them to levels that do, every few seconds. A level keeps what it
 * wanted lately, up to its nominal seats, and what it never lends; the rest is divided by demand.
 */
import { allocate } from './allocation.js';
import type { PriorityLevel } from './priority-level.js';

export const ADJUSTMENT_MS = 10_000;

/** Sets `current` of every level. Returns the fraction of its target that an unbounded level gets. */
export function adjust(levels: Iterable<PriorityLevel>, now: number): number {
  const limited: PriorityLevel[] = [];
  let left = 0;
  for (const level of levels) {
    left += level.nominal;
    level.set.demand.settle(now);
  }
  const claims: { target: number; lower: number; upper: number }[] = [];
  for (const level of levels) {
    const { highWatermark, smoothed } = level.set.demand;
    if (level.exempt) {
      // It takes what it wants.
      level.target = Math.max(level.lower, highWatermark);
      level.setCurrent(level.target, now);
      left -= level.target;
      continue;
    }
    const lower = Math.max(level.lower, Math.min(level.nominal, highWatermark));
    level.target = Math.max(lower, smoothed);
    limited.push(level);
    claims.push({ target: level.target, lower, upper: level.upper });
  }
  const found = allocate(left, claims);
  if (found) {
    limited.forEach((level, i) => {
      level.setCurrent(Math.round(found.seats[i] ?? level.lower), now);
    });
    return found.fraction;
  }
  // The exempt ones took so much that not everyone can keep what it wanted.
  const least = limited.reduce((sum, { lower }) => sum + lower, 0);
  const wanted = claims.reduce((sum, { lower }) => sum + lower, 0);
  const share = wanted > least ? Math.min(1, Math.max(0, (left - least) / (wanted - least))) : 0;
  limited.forEach((level, i) => {
    const more = ((claims[i]?.lower ?? level.lower) - level.lower) * share;
    level.setCurrent(Math.round(level.lower + more), now);
  });
  return 0;
}
