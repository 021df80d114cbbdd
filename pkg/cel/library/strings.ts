/** The strings extension of CEL, in the version that Kubernetes has. Places are counted in characters. */
import { asIndex, asList, asText } from '../equality.js';
import { define, type Evaluation, type Library } from '../function.js';
import { CelFailure, characters } from '../values.js';
import { format } from './string-format.js';

/** What Go counts as white space, at either end. */
const SPACE_AROUND =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g;
const MAX_TEXT = 16 * 1024 * 1024;

/** What is too long to be made counts as endless work. */
function bounded(text: string, evaluation: Evaluation): string {
  if (text.length > MAX_TEXT) evaluation.work(Number.POSITIVE_INFINITY);
  return text;
}

function slice(chars: string | readonly string[], from: number, to: number): string {
  return typeof chars === 'string' ? chars.slice(from, to) : chars.slice(from, to).join('');
}

function inRange(at: number, length: number): void {
  if (at < 0 || at > length) throw new CelFailure(`index out of range: ${at}`);
}

/** The place of `part` in `text`, searched from a place; -1 for none. */
function indexOf(text: string, part: string, from: number): number {
  if (part === '') return from;
  const chars = characters(text);
  inRange(from, Number.POSITIVE_INFINITY);
  if (from >= chars.length) return -1;
  if (typeof chars === 'string') return chars.indexOf(part, from);
  const start = slice(chars, 0, from).length;
  const found = text.indexOf(part, start);
  return found < 0 ? -1 : [...text.slice(0, found)].length;
}

function lastIndexOf(text: string, part: string, upTo: number | undefined): number {
  const chars = characters(text);
  if (part === '') return upTo ?? chars.length;
  if (upTo === undefined && chars.length === 0) return -1;
  const last = upTo ?? chars.length - 1;
  inRange(last, Number.POSITIVE_INFINITY);
  if (last >= chars.length) return -1;
  if (typeof chars === 'string') return chars.lastIndexOf(part, last);
  const start = slice(chars, 0, last).length;
  const found = text.lastIndexOf(part, start);
  return found < 0 ? -1 : [...text.slice(0, found)].length;
}

function replaceFirst(
  text: string,
  old: string,
  by: string,
  count: number,
  evaluation: Evaluation,
): string {
  if (count === 0) return text;
  const parts = old === '' ? [...text] : text.split(old);
  const most = count < 0 ? Number.POSITIVE_INFINITY : count;
  if (old !== '') {
    const times = Math.min(parts.length - 1, most);
    if (text.length + times * (by.length - old.length) > MAX_TEXT)
      evaluation.work(Number.POSITIVE_INFINITY);
    if (times === parts.length - 1) return parts.join(by);
    return `${parts.slice(0, times + 1).join(by)}${old}${parts.slice(times + 1).join(old)}`;
  }
  if (text.length + Math.min(parts.length + 1, most) * by.length > MAX_TEXT)
    evaluation.work(Number.POSITIVE_INFINITY);
  let out = '';
  let made = 0;
  for (const char of parts) {
    if (made < most) {
      out += by;
      made++;
    }
    out += char;
  }
  return made < most ? out + by : out;
}

function split(text: string, separator: string, count: number): readonly string[] {
  if (count === 0) return [];
  const parts = separator === '' ? [...text] : text.split(separator);
  if (count < 0 || parts.length <= count) return parts;
  return [...parts.slice(0, count - 1), parts.slice(count - 1).join(separator)];
}

export const strings: Library = [
  define('charAt', ['string_char_at_int: string.(int) -> string'], ([text, at]) => {
    const chars = characters(asText(text));
    const place = asIndex(at);
    inRange(place, chars.length);
    return chars[place] ?? '';
  }),
  define(
    'indexOf',
    [
      'string_index_of_string: string.(string) -> int',
      'string_index_of_string_int: string.(string, int) -> int',
    ],
    ([text, part, from]) =>
      indexOf(asText(text), asText(part), from === undefined ? 0 : asIndex(from)),
  ),
  define(
    'lastIndexOf',
    [
      'string_last_index_of_string: string.(string) -> int',
      'string_last_index_of_string_int: string.(string, int) -> int',
    ],
    ([text, part, to]) =>
      lastIndexOf(asText(text), asText(part), to === undefined ? undefined : asIndex(to)),
  ),
  define(
    'join',
    ['list_join: list(string).() -> string', 'list_join_string: list(string).(string) -> string'],
    ([list, separator]) =>
      asList(list)
        .map(asText)
        .join(separator === undefined ? '' : asText(separator)),
  ),
  define('lowerAscii', ['string_lower_ascii: string.() -> string'], ([text]) =>
    asText(text).replace(/[A-Z]+/g, (upper) => upper.toLowerCase()),
  ),
  define('upperAscii', ['string_upper_ascii: string.() -> string'], ([text]) =>
    asText(text).replace(/[a-z]+/g, (lower) => lower.toUpperCase()),
  ),
  define(
    'replace',
    [
      'string_replace_string_string: string.(string, string) -> string',
      'string_replace_string_string_int: string.(string, string, int) -> string',
    ],
    ([text, old, by, count], evaluation) =>
      bounded(
        replaceFirst(
          asText(text),
          asText(old),
          asText(by),
          count === undefined ? -1 : asIndex(count),
          evaluation,
        ),
        evaluation,
      ),
  ),
  define(
    'split',
    [
      'string_split_string: string.(string) -> list(string)',
      'string_split_string_int: string.(string, int) -> list(string)',
    ],
    ([text, separator, count]) =>
      split(asText(text), asText(separator), count === undefined ? -1 : asIndex(count)),
  ),
  define(
    'substring',
    [
      'string_substring_int: string.(int) -> string',
      'string_substring_int_int: string.(int, int) -> string',
    ],
    ([text, from, to]) => {
      const chars = characters(asText(text));
      const start = asIndex(from);
      const end = to === undefined ? chars.length : asIndex(to);
      if (to !== undefined && start > end)
        throw new CelFailure(`invalid substring range. start: ${start}, end: ${end}`);
      inRange(start, chars.length);
      inRange(end, chars.length);
      return slice(chars, start, end);
    },
  ),
  define('trim', ['string_trim: string.() -> string'], ([text]) =>
    asText(text).replace(SPACE_AROUND, ''),
  ),
  define(
    'strings.quote',
    ['strings_quote: (string) -> string'],
    ([text]) => `"${asText(text).replace(QUOTED, escaped)}"`,
  ),
  define('format', ['string_format: string.(list(dyn)) -> string'], ([text, args], evaluation) =>
    bounded(format(asText(text), asList(args)), evaluation),
  ),
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: a bell is what `\\a` stands for
const QUOTED = /["\\\x07\b\f\n\r\t\v]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
function escaped(char: string): string {
  return ESCAPES[char] ?? `\\${char}`;
}
