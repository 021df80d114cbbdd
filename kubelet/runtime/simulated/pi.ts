/** Digits of pi, which a Job of many examples computes: `perl -Mbignum=bpi -wle 'print bpi(2000)'`. Pure. */

/** More than these would hold up the kubelet. */
const MAX_DIGITS = 10_000;
/** Digits that rounding may spoil. */
const GUARD = 10;

/** `3.1415…`, of this many digits in all; the last one is rounded. */
export function piDigits(digits: number): string {
  const count = Math.min(Math.max(1, Math.trunc(digits)), MAX_DIGITS);
  const unit = 10n ** BigInt(count + GUARD);
  const scaled = 4n * (4n * arctanOfInverse(5n, unit) - arctanOfInverse(239n, unit));
  const drop = 10n ** BigInt(GUARD + 1);
  const text = String((scaled + drop / 2n) / drop);
  return count === 1 ? text : `${text[0]}.${text.slice(1)}`;
}

/** Machin's series: 1/x - 1/3x³ + 1/5x⁵ … */
function arctanOfInverse(x: bigint, unit: bigint): bigint {
  let power = unit / x;
  let sum = power;
  for (let n = 3n, sign = -1n; power !== 0n; n += 2n, sign = -sign) {
    power /= x * x;
    sum += (sign * power) / n;
  }
  return sum;
}
