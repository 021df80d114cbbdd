/**
 * A double as a decimal of so many digits, as Go prints it: exact, and rounded to the even digit where it lies
 * halfway between two. (JavaScript rounds such a value up and knows only a hundred digits.)
 */

const MANTISSA_BITS = 52;
const BIAS = 1075;
/** Between these a shortest text has no exponent. */
const MIN_EXPONENT = -4;
const MAX_EXPONENT = 6;

/** `1.50`. */
export function fixedPoint(value: number, digits: number): string {
  const { sign, numerator, denominator } = exact(value);
  const text = rounded(numerator * 10n ** BigInt(digits), denominator)
    .toString()
    .padStart(digits + 1, '0');
  const point = text.length - digits;
  return `${sign}${text.slice(0, point)}${digits === 0 ? '' : `.${text.slice(point)}`}`;
}

/** `1.50e+00`. */
export function scientific(value: number, digits: number): string {
  const { sign, numerator, denominator } = exact(value);
  let exponent = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  const at = (power: number) => {
    const scale = BigInt(Math.abs(digits - power));
    return digits >= power
      ? rounded(numerator * 10n ** scale, denominator)
      : rounded(numerator, denominator * 10n ** scale);
  };
  // The logarithm is a guess, and rounding may carry.
  while (at(exponent).toString().length > digits + 1) exponent++;
  while (value !== 0 && at(exponent).toString().length < digits + 1) exponent--;
  const text = at(exponent)
    .toString()
    .padEnd(digits + 1, '0');
  const power = String(Math.abs(exponent)).padStart(2, '0');
  const fraction = digits === 0 ? '' : `.${text.slice(1)}`;
  return `${sign}${text.slice(0, 1)}${fraction}e${exponent < 0 ? '-' : '+'}${power}`;
}

/** With as few digits as tell it from others, and an exponent where it is large or small (Go's `%g`). */
export function shortest(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [digits = '', power = ''] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent >= MIN_EXPONENT && exponent < MAX_EXPONENT) return String(value);
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** The value as a fraction. */
function exact(value: number): { sign: string; numerator: bigint; denominator: bigint } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const sign = bits >> 63n === 1n ? '-' : '';
  const power = Number((bits >> BigInt(MANTISSA_BITS)) & 0x7ffn);
  const fraction = bits & ((1n << BigInt(MANTISSA_BITS)) - 1n);
  const mantissa = power === 0 ? fraction : fraction | (1n << BigInt(MANTISSA_BITS));
  const exponent = BigInt((power === 0 ? 1 : power) - BIAS);
  return exponent >= 0n
    ? { sign, numerator: mantissa << exponent, denominator: 1n }
    : { sign, numerator: mantissa, denominator: 1n << -exponent };
}

/** To the nearest integer, to the even one from halfway. */
function rounded(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return up ? quotient + 1n : quotient;
}
