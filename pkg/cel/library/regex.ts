/** Regular expressions in Go's syntax and in linear time, whatever the pattern: `find`, `findAll`, `matches`. */
import { RE2JS } from 're2js';
import { asIndex, asText } from '../equality.js';
import { define, type Library } from '../function.js';
import { CelFailure } from '../values.js';

/** Patterns of rules come again and again; those made at run time must not fill the memory. */
const MAX_KEPT = 256;
const kept = new Map<string, RE2JS>();

/** Throws a CelFailure for what is no pattern. */
export function compileRegex(pattern: string): RE2JS {
  const known = kept.get(pattern);
  if (known) return known;
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (err) {
    throw new CelFailure(err instanceof Error ? err.message : String(err));
  }
  if (kept.size >= MAX_KEPT) {
    const [oldest] = kept.keys();
    if (oldest !== undefined) kept.delete(oldest);
  }
  kept.set(pattern, compiled);
  return compiled;
}

function illegal(err: unknown): CelFailure {
  if (!(err instanceof CelFailure)) throw err;
  return new CelFailure(`Illegal regex: ${err.message}`);
}

function compileUsers(pattern: string): RE2JS {
  try {
    return compileRegex(pattern);
  } catch (err) {
    throw illegal(err);
  }
}

export const regexes: Library = [
  define('find', ['string_find_string: string.(string) -> string'], ([text, pattern]) => {
    const matcher = compileUsers(asText(pattern)).matcher(asText(text));
    return matcher.find() ? (matcher.group() ?? '') : '';
  }),
  define(
    'findAll',
    [
      'string_find_all_string: string.(string) -> list(string)',
      'string_find_all_string_int: string.(string, int) -> list(string)',
    ],
    ([text, pattern, limit]) => {
      const matcher = compileUsers(asText(pattern)).matcher(asText(text));
      const most = limit === undefined ? -1 : asIndex(limit);
      const found: string[] = [];
      while ((most < 0 || found.length < most) && matcher.find()) found.push(matcher.group() ?? '');
      return found;
    },
  ),
];
