/**
 * Durations: Go's text form (`1h15m30.5s`), as `metav1.Duration` has it, and the short forms that
 * `kubectl` and tables print as ages. A duration here is a number of MILLISECONDS; nanoseconds are its
 * fraction.
 */
import { parseTime } from './time.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** In nanoseconds, so that sums of them are exact. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3, // U+00B5 micro sign
  μs: 1e3, // U+03BC Greek letter mu
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const NANOS_PER_MS = 1e6;
/** Go counts in an int64. */
const MAX_NANOS = 2 ** 63;

export class DurationError extends Error {
  override name = 'DurationError';
}

/** Milliseconds. Throws DurationError with Go's text. */
export function parseDuration(text: string): number {
  const shown = JSON.stringify(text);
  const invalid = () => new DurationError(`time: invalid duration ${shown}`);
  const sign = text.startsWith('-') ? -1 : 1;
  let rest = /^[+-]/.test(text) ? text.slice(1) : text;
  if (rest === '0') return 0;
  if (rest === '') throw invalid();
  let total = 0;
  while (rest !== '') {
    const number = /^(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)/.exec(rest)?.[0];
    if (number === undefined) throw invalid();
    rest = rest.slice(number.length);
    const unit = /^[^.0-9]*/.exec(rest)?.[0] ?? '';
    if (unit === '') throw new DurationError(`time: missing unit in duration ${shown}`);
    rest = rest.slice(unit.length);
    const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (factor === undefined) {
      throw new DurationError(`time: unknown unit ${JSON.stringify(unit)} in duration ${shown}`);
    }
    total += Number(number) * factor;
    if (total >= MAX_NANOS) throw invalid();
  }
  return total === 0 ? 0 : (sign * total) / NANOS_PER_MS;
}

/** `1h0m0s`, `1.5s`, `100ms`, `0s`: what Go prints. */
export function formatDuration(ms: number): string {
  const nanos = BigInt(Math.round(Math.abs(ms) * NANOS_PER_MS));
  if (nanos === 0n) return '0s';
  const sign = ms < 0 ? '-' : '';
  if (nanos < 1_000_000_000n) {
    if (nanos < 1000n) return `${sign}${nanos}ns`;
    if (nanos < 1_000_000n) return `${sign}${decimals(nanos, 3)}µs`;
    return `${sign}${decimals(nanos, 6)}ms`;
  }
  const minutes = nanos / 60_000_000_000n;
  const seconds = `${decimals(nanos % 60_000_000_000n, 9)}s`;
  if (minutes === 0n) return sign + seconds;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** Two to three significant figures: `5s`, `2m3s`, `45m`, `3h2m`, `5d3h`, `2y10d`. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / SECOND);
  // Clocks of two machines differ a little: up to two seconds ahead still counts as now.
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 60 * 2) return `${seconds}s`;
  const minutes = Math.trunc(ms / MINUTE);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 60 * 3) return `${minutes}m`;
  const hours = Math.trunc(ms / HOUR);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) return pair(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  if (hours < 24 * 365 * 8) return pair(years, 'y', days % 365, 'd');
  return `${years}y`;
}

/** One figure: `59s`, `2m`, `23h`, `364d`, `1y`. */
export function shortHumanDuration(ms: number): string {
  const seconds = Math.trunc(ms / SECOND);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.trunc(ms / MINUTE);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.trunc(ms / HOUR);
  if (hours < 24) return `${hours}h`;
  if (hours < 24 * 365) return `${Math.trunc(hours / 24)}d`;
  return `${Math.trunc(hours / 24 / 365)}y`;
}

/** A table's AGE: `<unknown>` without a timestamp. `now` in milliseconds since the epoch. */
export function age(timestamp: string | undefined | null, now: number): string {
  if (timestamp === undefined || timestamp === null || timestamp === '') return '<unknown>';
  const at = parseTime(timestamp);
  return at === undefined ? '<unknown>' : humanDuration(now - at);
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
}

/** `value` / 10^`digits` without trailing zeros. */
function decimals(value: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits);
  const fraction = (value % unit).toString().padStart(digits, '0').replace(/0+$/, '');
  return fraction === '' ? `${value / unit}` : `${value / unit}.${fraction}`;
}
