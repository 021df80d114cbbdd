/** What is wrong with a schedule in Cron format, in the words of the parser that Kubernetes uses. */

const DESCRIPTORS = new Set([
  '@yearly',
  '@annually',
  '@monthly',
  '@weekly',
  '@daily',
  '@midnight',
  '@hourly',
]);
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

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

/** Undefined for a schedule that is good. */
export function scheduleProblem(schedule: string): string | undefined {
  let spec = schedule;
  if (spec.startsWith('TZ=') || spec.startsWith('CRON_TZ=')) {
    const space = spec.indexOf(' ');
    if (space < 0) return `provided bad location ${spec.slice(spec.indexOf('=') + 1)}`;
    spec = spec.slice(space).trim();
  }
  if (spec.startsWith('@')) return descriptorProblem(spec);
  const fields = spec.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== FIELDS.length) {
    return `expected exactly ${FIELDS.length} fields, found ${fields.length}: [${fields.join(' ')}]`;
  }
  for (const [i, field] of fields.entries()) {
    const bounds = FIELDS[i];
    const problem =
      bounds &&
      field
        .split(',')
        .map((range) => rangeProblem(range, bounds))
        .find((text) => text);
    if (problem) return problem;
  }
  return undefined;
}

function descriptorProblem(spec: string): string | undefined {
  if (DESCRIPTORS.has(spec)) return undefined;
  if (!spec.startsWith('@every ')) return `unrecognized descriptor: ${spec}`;
  const duration = spec.slice('@every '.length);
  if (/^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(duration) || duration === '0')
    return undefined;
  return `failed to parse duration ${spec}: time: invalid duration ${JSON.stringify(duration)}`;
}

/** `number | number-number [ /number ]`, `*` or `?` */
function rangeProblem(expression: string, bounds: Bounds): string | undefined {
  const [range = '', step, ...more] = expression.split('/');
  const [low = '', high, ...rest] = range.split('-');
  if (low !== '*' && low !== '?' && rest.length > 0) return `too many hyphens: ${expression}`;
  let start = bounds.min;
  let end = bounds.max;
  if (low !== '*' && low !== '?') {
    const from = parse(low, bounds);
    if (typeof from === 'string') return from;
    const to = high === undefined ? from : parse(high, bounds);
    if (typeof to === 'string') return to;
    start = from;
    end = to;
  }
  if (more.length > 0) return `too many slashes: ${expression}`;
  if (step !== undefined) {
    const every = parse(step, { min: 0, max: 0 });
    if (typeof every === 'string') return every;
    // `N/step` goes on to the end of the field.
    if (high === undefined) end = bounds.max;
    if (every === 0) return `step of range should be a positive number: ${expression}`;
  }
  if (start < bounds.min)
    return `beginning of range (${start}) below minimum (${bounds.min}): ${expression}`;
  if (end > bounds.max) return `end of range (${end}) above maximum (${bounds.max}): ${expression}`;
  if (start > end)
    return `beginning of range (${start}) beyond end of range (${end}): ${expression}`;
  return undefined;
}

/** The number, or why it is none. */
function parse(text: string, bounds: Bounds): number | string {
  const named = bounds.names?.get(text.toLowerCase());
  if (named !== undefined) return named;
  if (/^-\d+$/.test(text)) return `negative number (${text}) not allowed: ${text}`;
  if (!/^\+?\d+$/.test(text)) {
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  }
  return Number(text);
}
