/**
 * Divides seats among priority levels: each gets the same fraction of what it aims at, as far as its bounds
 * allow (KEP-1040, "borrowing").
 *
 *   limits       target       lower  upper            10 seats
 *   busy           20           2     14       ──▶     7.2  (fraction 0.36)
 *   idle            1           1      5       ──▶     1    (its lower bound is more than 0.36)
 *   other           5           0      5       ──▶     1.8
 */

export interface Claim {
  readonly target: number;
  readonly lower: number;
  readonly upper: number;
}

export interface Allocation {
  readonly seats: readonly number[];
  /** Of its target that every level gets which no bound holds. */
  readonly fraction: number;
}

/** Smaller targets count as this, so that nothing is divided by zero. */
const MIN_TARGET = 0.001;
const BISECTIONS = 64;

/** Undefined where the bounds leave no solution. Sums to `sum`. */
export function allocate(sum: number, claims: readonly Claim[]): Allocation | undefined {
  const least = claims.reduce((total, { lower }) => total + lower, 0);
  const most = claims.reduce((total, { upper }) => total + upper, 0);
  if (least > sum || most < sum) return undefined;
  const at = (fraction: number) =>
    claims.map(({ target, lower, upper }) =>
      Math.min(upper, Math.max(lower, fraction * Math.max(target, MIN_TARGET))),
    );
  const total = (fraction: number) => at(fraction).reduce((a, b) => a + b, 0);
  let low = 0;
  let high = Math.max(
    1,
    ...claims.map(({ target, upper }) => upper / Math.max(target, MIN_TARGET)),
  );
  // The sum grows with the fraction, so halving finds it.
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (total(middle) < sum) low = middle;
    else high = middle;
  }
  return { seats: at(high), fraction: high };
}
