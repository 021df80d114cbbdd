/** Ranges of sizes and costs, as estimates have them: from the least to the worst, never beyond the largest number. */

/** Upstream's unsigned 64 bits; beyond, there is only "too much". */
export const MAX_COST = 2 ** 64;
export const STRING_FACTOR = 0.1;
export const REGEX_FACTOR = 0.25;

export interface Range {
  readonly min: number;
  readonly max: number;
}

export const UNKNOWN: Range = { min: 0, max: MAX_COST };
export const fixed = (value: number): Range => ({ min: value, max: value });
export const ZERO = fixed(0);
export const ONE = fixed(1);

export const cap = (value: number) => Math.min(value, MAX_COST);
export const add = (a: Range, b: Range): Range => ({
  min: cap(a.min + b.min),
  max: cap(a.max + b.max),
});
export const times = (a: Range, b: Range): Range => ({
  min: cap(a.min * b.min),
  max: cap(a.max * b.max),
});
export const union = (a: Range, b: Range): Range => ({
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
});
export const factor = (a: Range, by: number): Range => ({
  min: cap(Math.ceil(a.min * by)),
  max: cap(Math.ceil(a.max * by)),
});
