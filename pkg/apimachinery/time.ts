/**
 * `metav1.Time` and `metav1.MicroTime` as clients send them: RFC 3339 with any offset, read with Go's
 * strictness and error text, and normalised to UTC. Making one from a Date is in `meta.ts`.
 */
import { formatMicroTime, formatTime } from './meta.js';

const RFC3339 = '2006-01-02T15:04:05Z07:00';
const RFC3339_MICRO = '2006-01-02T15:04:05.000000Z07:00';

export class TimeError extends Error {
  override name = 'TimeError';
}

/** Milliseconds since the epoch; undefined where the text is no RFC 3339 time. For reading stored objects. */
export function parseTime(text: string): number | undefined {
  // Date.parse alone also takes texts that are not RFC 3339.
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(text))
    return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** A client's `metav1.Time` as it is stored: UTC, whole seconds. Throws TimeError with Go's text. */
export function normalizeTime(text: string): string {
  return formatTime(new Date(Math.floor(parse(text, RFC3339).ms / 1000) * 1000));
}

/** A client's `metav1.MicroTime` as it is stored: UTC, six decimals, which must be there. */
export function normalizeMicroTime(text: string): string {
  const { ms, micros } = parse(text, RFC3339_MICRO);
  return `${formatMicroTime(new Date(ms)).slice(0, 20)}${micros}Z`;
}

/** Walks the layout's elements in order, so that the error names the one that fails, as Go does. */
function parse(text: string, layout: string): { ms: number; micros: string } {
  let rest = text;
  const fail = (element: string): never => {
    throw new TimeError(
      `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(element)}`,
    );
  };
  const outOfRange = (what: string): never => {
    throw new TimeError(`parsing time ${JSON.stringify(text)}: ${what} out of range`);
  };
  const take = (pattern: RegExp, element: string): string => {
    const found = pattern.exec(rest)?.[0];
    if (found === undefined) return fail(element);
    rest = rest.slice(found.length);
    return found;
  };
  const field = (element: string, min: number, max: number, what: string): number => {
    const digits = /^[0-9]{2}/.exec(rest)?.[0];
    if (digits === undefined) return fail(element);
    rest = rest.slice(2);
    const value = Number(digits);
    return value < min || value > max ? outOfRange(what) : value;
  };

  const year = Number(take(/^[0-9]{4}/, '2006'));
  take(/^-/, '-');
  const month = field('01', 1, 12, 'month');
  take(/^-/, '-');
  const day = field('02', 0, 99, 'day');
  take(/^T/, 'T');
  const hour = field('15', 0, 23, 'hour');
  take(/^:/, ':');
  const minute = field('04', 0, 59, 'minute');
  take(/^:/, ':');
  const second = field('05', 0, 59, 'second');
  // A fraction may stand there even where the layout has none; a micro time has exactly six digits.
  const fraction =
    layout === RFC3339_MICRO
      ? take(/^\.[0-9]{6}(?![0-9])/, '.000000')
      : (/^[.,][0-9]+/.exec(rest)?.[0] ?? '');
  if (layout === RFC3339) rest = rest.slice(fraction.length);
  const zone = take(/^(?:Z|[+-][0-9]{2}:[0-9]{2})/, 'Z07:00');
  if (rest !== '') {
    throw new TimeError(
      `parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}`,
    );
  }
  if (day < 1 || day > daysIn(year, month)) outOfRange('day');
  const offset = zone === 'Z' ? 0 : (offsetMinutes(zone) ?? outOfRange('time zone offset'));
  const micros = fraction.slice(1, 7).padEnd(6, '0');
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute - offset, second, Number(micros.slice(0, 3)));
  return { ms: date.getTime(), micros };
}

function daysIn(year: number, month: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month, 0);
  return date.getUTCDate();
}

function offsetMinutes(zone: string): number | undefined {
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 24 || minutes > 60) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
