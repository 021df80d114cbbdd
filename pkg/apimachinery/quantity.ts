/**
 * `resource.Quantity`: a decimal number with a suffix (`100m`, `1Gi`, `12e6`), immutable.
 *
 * Value = unscaled × 10^scale. `unscaled` is a number while it is a safe integer and a bigint else, so
 * the quantities that occur in practice never allocate a bigint. Precision ends at 10^-9: smaller parts
 * are rounded away from zero. Texts, rounding and canonical form are those of
 * `k8s.io/apimachinery/pkg/api/resource`.
 */

export type QuantityFormat = 'DecimalExponent' | 'BinarySI' | 'DecimalSI';

export class QuantityError extends Error {
  override name = 'QuantityError';
}

const FORMAT_WRONG =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX_WRONG = "unable to parse quantity's suffix";

/** 10^-9, the smallest unit. */
const NANO = -9;
const MAX_INT64 = (1n << 63n) - 1n;
const MIN_INT64 = -(1n << 63n);
/** Digits that surely fit an int64, and those that surely do with a binary suffix. */
const DECIMAL_DIGITS = 18;
const BINARY_DIGITS = 15;

const DECIMAL_SUFFIXES: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY_SUFFIXES: Readonly<Record<string, number>> = {
  Ki: 10,
  Mi: 20,
  Gi: 30,
  Ti: 40,
  Pi: 50,
  Ei: 60,
};
const DECIMAL_NAMES = new Map(Object.entries(DECIMAL_SUFFIXES).map(([s, e]) => [e, s]));
const BINARY_NAMES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** An integer: a number while it is safe, so that the common case stays fast. */
type Int = number | bigint;

export class Quantity {
  /** The text that it was parsed from, where that is (nearly) canonical: it is kept as upstream keeps it. */
  private text: string | undefined;

  private constructor(
    private readonly unscaled: Int,
    private readonly scale: number,
    readonly format: QuantityFormat,
    text?: string,
  ) {
    this.text = text;
  }

  static readonly zero = new Quantity(0, 0, 'DecimalSI', '0');

  /** Throws QuantityError. Numbers, which YAML writes without quotes, are read as their text. */
  static parse(from: string | number): Quantity {
    // JSON writes large numbers with a plus that no one who typed them wrote.
    const text = typeof from === 'number' ? String(from).replace('e+', 'e') : from.trim();
    if (text === '0') return Quantity.zero;
    const found = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/.exec(text);
    if (!found || text === '') throw new QuantityError(FORMAT_WRONG);
    const digits = (found[2] ?? '').replace(/^0+/, '');
    const number: Digits = {
      text,
      negative: found[1] === '-',
      whole: digits === '' ? '0' : digits,
      fraction: found[3] ?? '',
    };
    const { format, exponent } = interpret(found[4] ?? '');
    const amount =
      format === 'BinarySI' ? binary(number, exponent) : decimal(number, exponent, format);
    return new Quantity(amount.unscaled, amount.scale, amount.format, amount.text);
  }

  /** Undefined where `parse` would throw. */
  static tryParse(from: string | number): Quantity | undefined {
    try {
      return Quantity.parse(from);
    } catch (err) {
      if (err instanceof QuantityError) return undefined;
      throw err;
    }
  }

  /** `value` × 10^`scale`. */
  static of(value: number | bigint, scale = 0, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(normal(value), scale, format);
  }

  static ofMilli(value: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity {
    return Quantity.of(value, -3, format);
  }

  get isZero(): boolean {
    return this.unscaled === 0;
  }

  /** -1, 0 or 1. */
  get sign(): number {
    return this.unscaled > 0 ? 1 : this.unscaled < 0 ? -1 : 0;
  }

  compare(other: Quantity): number {
    if (this.scale === other.scale) return order(this.unscaled, other.unscaled);
    const scale = Math.min(this.scale, other.scale);
    return order(
      raise(this.unscaled, this.scale - scale),
      raise(other.unscaled, other.scale - scale),
    );
  }

  equals(other: Quantity): boolean {
    return this.compare(other) === 0;
  }

  /** A zero takes the other's format. */
  add(other: Quantity): Quantity {
    const scale = Math.min(this.scale, other.scale);
    const sum = plus(
      raise(this.unscaled, this.scale - scale),
      raise(other.unscaled, other.scale - scale),
    );
    return new Quantity(sum, scale, this.isZero ? other.format : this.format);
  }

  sub(other: Quantity): Quantity {
    return this.add(other.neg());
  }

  neg(): Quantity {
    return new Quantity(normal(-this.unscaled), this.scale, this.format);
  }

  mul(factor: number): Quantity {
    return new Quantity(times(this.unscaled, factor), this.scale, this.format);
  }

  /** Whole units, rounded away from zero, capped to int64; exact up to 2^53. */
  value(): number {
    return Number(this.scaledValue(0));
  }

  /** Thousandths, rounded away from zero: CPU in milli-cores. */
  milliValue(): number {
    return Number(this.scaledValue(-3));
  }

  /** In units of 10^`scale`, rounded away from zero and capped to int64. */
  scaledValue(scale: number): Int {
    const value = rescale(this.unscaled, this.scale, scale);
    return value > MAX_INT64 ? MAX_INT64 : value < MIN_INT64 ? MIN_INT64 : value;
  }

  /** For ratios; may lose precision. */
  toNumber(): number {
    return Number(this.unscaled) * 10 ** this.scale;
  }

  /** The canonical text: no fraction, the largest suffix that keeps it exact. */
  toString(): string {
    this.text ??= this.canonical();
    return this.text;
  }

  toJSON(): string {
    return this.toString();
  }

  private canonical(): string {
    if (this.isZero) return '0';
    if (this.format === 'BinarySI') {
      const whole = rescale(this.unscaled, this.scale, 0);
      // Small or fractional values read better, and stay exact, as decimals.
      const exact = this.scale >= 0 || order(raise(whole, -this.scale), this.unscaled) === 0;
      const big = whole >= 1024 || whole <= -1024;
      if (exact && big) return binaryText(whole);
    }
    return decimalText(this.unscaled, this.scale, this.format);
  }
}

/** Throws QuantityError; see Quantity.parse. */
export function parseQuantity(from: string | number): Quantity {
  return Quantity.parse(from);
}

/** The canonical text, what the server stores: `1000m` → `1`, `1024Mi` → `1Gi`. */
export function canonicalQuantity(from: string | number): string {
  return Quantity.parse(from).toString();
}

// --- parsing ---

function interpret(suffix: string): { exponent: number; format: QuantityFormat } {
  const decimal = Object.hasOwn(DECIMAL_SUFFIXES, suffix) ? DECIMAL_SUFFIXES[suffix] : undefined;
  if (decimal !== undefined) return { exponent: decimal, format: 'DecimalSI' };
  const binary = Object.hasOwn(BINARY_SUFFIXES, suffix) ? BINARY_SUFFIXES[suffix] : undefined;
  if (binary !== undefined) return { exponent: binary, format: 'BinarySI' };
  // A bound on the exponent keeps `1e999999999` from becoming a number of a gigabyte.
  const found = /^[eE]([-+]?[0-9]{1,4})$/.exec(suffix);
  if (!found) throw new QuantityError(SUFFIX_WRONG);
  return { exponent: Number(found[1]), format: 'DecimalExponent' };
}

interface Digits {
  text: string;
  negative: boolean;
  whole: string;
  fraction: string;
}

interface Amount {
  unscaled: Int;
  scale: number;
  format: QuantityFormat;
  text?: string;
}

function decimal(of: Digits, exponent: number, format: QuantityFormat): Amount {
  const shifted = of.whole + of.fraction;
  const unscaled = toInt(shifted, of.negative);
  const scale = exponent - of.fraction.length;
  if (shifted.length > DECIMAL_DIGITS || scale < NANO) return nanoAtLeast(unscaled, scale, format);
  const keep = scale % 3 === 0 && !shifted.endsWith('000') && shifted[0] !== '0';
  return { unscaled, scale, format, ...(keep ? { text: of.text } : {}) };
}

function binary(of: Digits, exponent: number): Amount {
  const value = toInt(of.whole + of.fraction, of.negative);
  const unscaled = times(value, 2 ** exponent);
  const precision = BINARY_DIGITS - of.whole.length - Math.trunc((exponent * 3) / 10) - 1;
  if (of.fraction === '' && precision >= 0) {
    const keep = (BigInt(value) & 7n) !== 0n;
    return { unscaled, scale: 0, format: 'BinarySI', ...(keep ? { text: of.text } : {}) };
  }
  const exact = nanoAtLeast(unscaled, -of.fraction.length, 'BinarySI');
  const whole = rescale(exact.unscaled, exact.scale, 0);
  if (whole > MAX_INT64) return { unscaled: MAX_INT64, scale: 0, format: 'BinarySI' };
  if (whole < -MAX_INT64) return { unscaled: -MAX_INT64, scale: 0, format: 'BinarySI' };
  const small = order(raise(1, -exact.scale), absolute(exact.unscaled)) > 0;
  return small ? { ...exact, format: 'DecimalSI' } : exact;
}

/** What is smaller than 10^-9 is rounded up to it: who asks for a little gets a little. */
function nanoAtLeast(unscaled: Int, scale: number, format: QuantityFormat): Amount {
  if (scale >= NANO) return { unscaled, scale, format };
  return { unscaled: rescale(unscaled, scale, NANO), scale: NANO, format };
}

// --- printing ---

function decimalText(unscaled: Int, scale: number, format: QuantityFormat): string {
  let mantissa = unscaled;
  let exponent = scale;
  for (
    let next = divideExactly(mantissa, 10);
    next !== undefined;
    next = divideExactly(mantissa, 10)
  ) {
    mantissa = next;
    exponent++;
  }
  // Down to a multiple of three and, for suffixes, to the largest that has a name.
  let wanted = Math.floor(exponent / 3) * 3;
  if (format === 'DecimalSI') wanted = Math.min(wanted, 18);
  mantissa = raise(mantissa, exponent - wanted);
  if (format === 'DecimalExponent') return wanted === 0 ? `${mantissa}` : `${mantissa}e${wanted}`;
  return `${mantissa}${DECIMAL_NAMES.get(wanted) ?? ''}`;
}

function binaryText(whole: Int): string {
  let mantissa = whole;
  let power = 0;
  while (power < BINARY_NAMES.length - 1) {
    const next = divideExactly(mantissa, 1024);
    if (next === undefined) break;
    mantissa = next;
    power++;
  }
  return `${mantissa}${BINARY_NAMES[power] ?? ''}`;
}

// --- integers: numbers while safe ---

/** The one place where a bigint becomes a number again, or a number a bigint. */
function normal(value: Int): Int {
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw new RangeError(`not an integer: ${value}`);
    if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    return BigInt(value);
  }
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

function toInt(digits: string, negative: boolean): Int {
  // Fifteen digits always fit a double exactly.
  const value: Int = digits.length <= 15 ? Number(digits) : normal(BigInt(digits));
  return negative ? normal(-value) : value;
}

function plus(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return normal(BigInt(a) + BigInt(b));
}

function times(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product === 0 ? 0 : product;
  }
  return normal(BigInt(a) * BigInt(b));
}

/** × 10^`power`, which is not negative. */
function raise(value: Int, power: number): Int {
  if (power === 0 || value === 0) return value;
  return power <= 15 ? times(value, 10 ** power) : times(value, 10n ** BigInt(power));
}

/** From one scale to another, rounding away from zero what does not fit. */
function rescale(value: Int, from: number, to: number): Int {
  if (from >= to) return raise(value, from - to);
  const divisor = 10n ** BigInt(to - from);
  if (typeof value === 'number' && to - from <= 15) {
    const rest = value % Number(divisor);
    const truncated = (value - rest) / Number(divisor);
    return normal(rest === 0 ? truncated : rest > 0 ? truncated + 1 : truncated - 1);
  }
  const big = BigInt(value);
  const truncated = big / divisor;
  const rest = big % divisor;
  return normal(rest === 0n ? truncated : rest > 0n ? truncated + 1n : truncated - 1n);
}

function divideExactly(value: Int, by: number): Int | undefined {
  if (typeof value === 'number') return value % by === 0 ? value / by : undefined;
  return value % BigInt(by) === 0n ? normal(value / BigInt(by)) : undefined;
}

function absolute(value: Int): Int {
  return value < 0 ? normal(-value) : value;
}

function order(a: Int, b: Int): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
