/**
 * Schedules in Cron format, as the parser that Kubernetes uses (`robfig/cron/v3`, standard fields) reads
 * them: what is wrong with one, in its words, and the next time of one that is good.
 *
 *   minute hour day-of-month month day-of-week │ @hourly, @daily … │ @every 1h30m │ TZ=ZONE or CRON_TZ=ZONE before
 *
 * When clocks go forward, a time that does not exist is left out; when they go back, one that comes twice
 * comes twice. Pure.
 */
import { WallClock } from './wall-clock.js';

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const UNIT_NANOS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A schedule without a time in so many years has none (31 February). */
const YEARS = 5;

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: ReadonlyMap<string, number>;
}

const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: new Map(MONTHS.map((name, i) => [name, i + 1])) },
  { min: 0, max: 6, names: new Map(DAYS.map((name, i) => [name, i])) },
];

export interface CronSchedule {
  /** The first time after `ms`, both in milliseconds since the epoch; undefined: there is none. */
  next(ms: number): number | undefined;
}

/** The values of one field; `any`: it restricts nothing. */
interface Field {
  readonly values: ReadonlySet<number>;
  readonly any: boolean;
}

/** Undefined for a schedule that is good. */
export function scheduleProblem(schedule: string): string | undefined {
  const parsed = parseSchedule(schedule);
  return typeof parsed === 'string' ? parsed : undefined;
}

/** The schedule, in `zone` unless it names one itself; or what is wrong with it. */
export function parseSchedule(schedule: string, zone = 'UTC'): CronSchedule | string {
  let spec = schedule;
  let location = zone;
  if (spec.startsWith('TZ=') || spec.startsWith('CRON_TZ=')) {
    const space = spec.indexOf(' ');
    location = spec.slice(spec.indexOf('=') + 1, space < 0 ? undefined : space);
    if (space < 0 || !WallClock.isZone(location)) return `provided bad location ${location}`;
    spec = spec.slice(space).trim();
  }
  if (spec.startsWith('@every ')) return parseEvery(spec);
  if (spec.startsWith('@')) {
    const meaning = DESCRIPTORS[spec];
    if (meaning === undefined) return `unrecognized descriptor: ${spec}`;
    spec = meaning;
  }
  const texts = spec.split(/\s+/).filter((field) => field !== '');
  if (texts.length !== FIELDS.length) {
    return `expected exactly ${FIELDS.length} fields, found ${texts.length}: [${texts.join(' ')}]`;
  }
  const fields: Field[] = [];
  for (const [i, bounds] of FIELDS.entries()) {
    const field = parseField(texts[i] ?? '', bounds);
    if (typeof field === 'string') return field;
    fields.push(field);
  }
  return new FieldSchedule(fields, new WallClock(location));
}

function parseEvery(spec: string): CronSchedule | string {
  const text = spec.slice('@every '.length);
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  const bare = text.replace(/^[+-]/, '');
  if (bare !== '0' && (bare === '' || parts.map(([part]) => part).join('') !== bare))
    return `failed to parse duration ${spec}: time: invalid duration ${JSON.stringify(text)}`;
  const nanos = parts.reduce(
    (sum, [, n, unit]) => sum + Number(n) * (UNIT_NANOS[unit ?? ''] ?? 0),
    0,
  );
  const seconds = text.startsWith('-') ? 1 : Math.max(1, Math.floor(nanos / 1e9));
  return { next: (ms) => (Math.floor(ms / 1000) + seconds) * 1000 };
}

function parseField(text: string, bounds: Bounds): Field | string {
  const values = new Set<number>();
  let any = false;
  for (const expression of text.split(',').filter((part) => part !== '')) {
    const range = parseRange(expression, bounds);
    if (typeof range === 'string') return range;
    for (let value = range.start; value <= range.end; value += range.step) values.add(value);
    any ||= range.any;
  }
  return { values, any };
}

/** `number | number-number [ /number ]`, `*` or `?` */
function parseRange(
  expression: string,
  bounds: Bounds,
): { start: number; end: number; step: number; any: boolean } | string {
  const [range = '', stepText, ...more] = expression.split('/');
  const [low = '', high, ...rest] = range.split('-');
  const star = low === '*' || low === '?';
  let start = bounds.min;
  let end = bounds.max;
  if (!star) {
    if (rest.length > 0) return `too many hyphens: ${expression}`;
    const from = parseNumber(low, bounds);
    if (typeof from === 'string') return from;
    const to = high === undefined ? from : parseNumber(high, bounds);
    if (typeof to === 'string') return to;
    start = from;
    end = to;
  }
  if (more.length > 0) return `too many slashes: ${expression}`;
  let step = 1;
  if (stepText !== undefined) {
    const every = parseNumber(stepText, { min: 0, max: 0 });
    if (typeof every === 'string') return every;
    // `N/step` goes on to the end of the field.
    if (high === undefined) end = bounds.max;
    if (every === 0) return `step of range should be a positive number: ${expression}`;
    step = every;
  }
  if (start < bounds.min)
    return `beginning of range (${start}) below minimum (${bounds.min}): ${expression}`;
  if (end > bounds.max) return `end of range (${end}) above maximum (${bounds.max}): ${expression}`;
  if (start > end)
    return `beginning of range (${start}) beyond end of range (${end}): ${expression}`;
  return { start, end, step, any: star && step === 1 };
}

/** The number, or why it is none. */
function parseNumber(text: string, bounds: Bounds): number | string {
  const named = bounds.names?.get(text.toLowerCase());
  if (named !== undefined) return named;
  if (/^-\d+$/.test(text)) return `negative number (${text}) not allowed: ${text}`;
  if (!/^\+?\d+$/.test(text)) {
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  }
  return Number(text);
}

class FieldSchedule implements CronSchedule {
  constructor(
    private readonly fields: readonly Field[],
    private readonly clock: WallClock,
  ) {}

  next(ms: number): number | undefined {
    let at = (Math.floor(ms / 1000) + 1) * 1000;
    const lastYear = this.clock.at(at).year + YEARS;
    /** From the first step on, what is smaller than that step starts at its least. */
    let moved = false;
    search: for (;;) {
      let wall = this.clock.at(at);
      if (wall.year > lastYear) return undefined;
      while (!this.has(3, wall.month)) {
        if (!moved) at = this.clock.ms({ year: wall.year, month: wall.month, day: 1 });
        moved = true;
        wall = this.clock.at(at);
        at = this.clock.ms({ ...wall, month: wall.month + 1 });
        wall = this.clock.at(at);
        if (wall.month === 1) continue search;
      }
      while (!this.hasDay(wall.day, wall.weekday)) {
        if (!moved) at = this.clock.ms({ year: wall.year, month: wall.month, day: wall.day });
        moved = true;
        wall = this.clock.at(at);
        at = this.clock.ms({ ...wall, day: wall.day + 1 });
        wall = this.clock.at(at);
        // The clocks changed at midnight.
        if (wall.hour > 12) at += (24 - wall.hour) * HOUR_MS;
        else at -= wall.hour * HOUR_MS;
        wall = this.clock.at(at);
        if (wall.day === 1) continue search;
      }
      while (!this.has(1, wall.hour)) {
        if (!moved) at = this.clock.ms({ ...wall, minute: 0, second: 0 });
        moved = true;
        at += HOUR_MS;
        wall = this.clock.at(at);
        if (wall.hour === 0) continue search;
      }
      while (!this.has(0, wall.minute)) {
        if (!moved) at -= at % MINUTE_MS;
        moved = true;
        at += MINUTE_MS;
        wall = this.clock.at(at);
        if (wall.minute === 0) continue search;
      }
      if (wall.second === 0) return at;
      if (!moved) at -= at % 1000;
      moved = true;
      at += (60 - wall.second) * 1000;
    }
  }

  private has(field: number, value: number): boolean {
    return this.fields[field]?.values.has(value) === true;
  }

  /** A restricted day of month and a restricted day of week are alternatives. */
  private hasDay(day: number, weekday: number): boolean {
    const ofMonth = this.has(2, day);
    const ofWeek = this.has(4, weekday);
    const either = !this.fields[2]?.any && !this.fields[4]?.any;
    return either ? ofMonth || ofWeek : ofMonth && ofWeek;
  }
}
