/** Timestamps and durations: reading and writing them as Go does, and the calendar of a time zone. */
import { type CelFunction, define, type Library } from '../function.js';
import { CelFailure, Duration, noSuchOverload, Timestamp, type Value } from '../values.js';

const SECOND = 1_000_000_000n;
const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
};
const MAX_DURATION = (1n << 63n) - 1n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z. */
const MIN_TIMESTAMP = -62_135_596_800n * SECOND;
const MAX_TIMESTAMP = 253_402_300_800n * SECOND - 1n;

/** Undefined where the text is no duration. */
export function parseDuration(text: string): Duration | undefined {
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') return new Duration(0n);
  if (!/^((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(rest)) return undefined;
  let total = 0n;
  for (const [, number = '', unit = ''] of rest.matchAll(
    /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g,
  )) {
    const [whole = '', fraction = ''] = number.split('.');
    const factor = UNITS[unit] ?? 1n;
    const digits = fraction.slice(0, 18);
    total +=
      BigInt(whole || '0') * factor +
      (BigInt(digits || '0') * factor) / 10n ** BigInt(digits.length);
  }
  return total > MAX_DURATION ? undefined : new Duration(sign === '-' ? -total : total);
}

/** Of RFC 3339; undefined where the text is none. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/.exec(
    text,
  );
  if (!found) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const whole =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
  if (!whole || minute > 59 || second > 59) return undefined;
  const zone = found[8] === undefined || found[8] === 'Z' ? 0 : offsetMinutes(found[8]);
  const nanos = BigInt((found[7] ?? '').slice(0, 9).padEnd(9, '0'));
  const at = BigInt(date.getTime() - zone * 60_000) * 1_000_000n + nanos;
  return at < MIN_TIMESTAMP || at > MAX_TIMESTAMP ? undefined : new Timestamp(at);
}

export function formatTimestamp({ nanos }: Timestamp): string {
  const { seconds, rest } = split(nanos);
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${text}${fraction(rest)}Z`;
}

export function formatDuration({ nanos }: Duration): string {
  const magnitude = nanos < 0n ? -nanos : nanos;
  return `${nanos < 0n ? '-' : ''}${magnitude / SECOND}${fraction(magnitude % SECOND)}s`;
}

export function timestamp(nanos: bigint): Timestamp {
  if (nanos < MIN_TIMESTAMP || nanos > MAX_TIMESTAMP) throw new CelFailure('timestamp overflow');
  return new Timestamp(nanos);
}

export function duration(nanos: bigint): Duration {
  if (nanos > MAX_DURATION || nanos < -MAX_DURATION - 1n) throw new CelFailure('duration overflow');
  return new Duration(nanos);
}

export const SECOND_NANOS = SECOND;

function fraction(nanos: bigint): string {
  return nanos === 0n ? '' : `.${nanos.toString().padStart(9, '0').replace(/0+$/, '')}`;
}

/** Whole seconds, rounded down, and what is left. */
function split(nanos: bigint): { seconds: bigint; rest: bigint } {
  const rest = ((nanos % SECOND) + SECOND) % SECOND;
  return { seconds: (nanos - rest) / SECOND, rest };
}

function offsetMinutes(zone: string): number {
  const [, sign, hours = '0', minutes = '0'] = /^([+-]?)(\d\d):(\d\d)$/.exec(zone) ?? [];
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

/** The clock on a wall there, as if it were UTC. */
function local(at: Timestamp, zone: string): Date {
  const ms = Number(split(at.nanos).seconds) * 1000;
  if (zone === 'UTC' || zone === '') return new Date(ms);
  if (/^[+-]?\d\d:\d\d$/.test(zone)) return new Date(ms + offsetMinutes(zone) * 60_000);
  let parts: Intl.DateTimeFormatPart[];
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    parts = format.formatToParts(new Date(ms));
  } catch {
    throw new CelFailure(`unknown time zone ${zone}`);
  }
  const part = (type: string) =>
    Number(parts.find((candidate) => candidate.type === type)?.value ?? 0);
  const date = new Date(0);
  date.setUTCFullYear(part('year'), part('month') - 1, part('day'));
  date.setUTCHours(part('hour'), part('minute'), part('second'));
  return date;
}

function ofTimestamp(
  name: string,
  read: (date: Date, nanos: bigint) => number,
  ofDuration?: (nanos: bigint) => bigint,
): CelFunction {
  const overloads = [
    `timestamp_${name}: timestamp.() -> int`,
    `timestamp_${name}_tz: timestamp.(string) -> int`,
    ...(ofDuration ? [`duration_${name}: duration.() -> int`] : []),
  ];
  return define(name, overloads, ([value, zone = 'UTC']: readonly Value[]) => {
    if (value instanceof Duration && ofDuration) return Number(ofDuration(value.nanos));
    if (!(value instanceof Timestamp) || typeof zone !== 'string') throw noSuchOverload();
    return read(local(value, zone), split(value.nanos).rest);
  });
}

function dayOfYear(date: Date): number {
  const start = new Date(date);
  start.setUTCMonth(0, 1);
  return Math.round((date.getTime() - start.getTime()) / 86_400_000);
}

export const times: Library = [
  ofTimestamp('getFullYear', (date) => date.getUTCFullYear()),
  ofTimestamp('getMonth', (date) => date.getUTCMonth()),
  ofTimestamp('getDayOfYear', dayOfYear),
  ofTimestamp('getDayOfMonth', (date) => date.getUTCDate() - 1),
  ofTimestamp('getDate', (date) => date.getUTCDate()),
  ofTimestamp('getDayOfWeek', (date) => date.getUTCDay()),
  ofTimestamp(
    'getHours',
    (date) => date.getUTCHours(),
    (nanos) => nanos / (3600n * SECOND),
  ),
  ofTimestamp(
    'getMinutes',
    (date) => date.getUTCMinutes(),
    (nanos) => nanos / (60n * SECOND),
  ),
  ofTimestamp(
    'getSeconds',
    (date) => date.getUTCSeconds(),
    (nanos) => nanos / SECOND,
  ),
  ofTimestamp(
    'getMilliseconds',
    (_, nanos) => Number(nanos / 1_000_000n),
    (nanos) => nanos / 1_000_000n,
  ),
];
