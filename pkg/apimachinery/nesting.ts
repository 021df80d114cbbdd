/**
 * How deep a body may nest. What handles objects calls itself once a level, so a body of a few kilobytes
 * could use up the stack: it is refused before anything looks into it.
 * DEVIATION: Go's decoder goes 10,000 levels deep; no kind comes near either.
 */
const MAX_DEPTH = 1_000;

/** In the words of Go's decoder. */
export const TOO_DEEP = 'exceeded max depth';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Also for a text that is no valid JSON. */
export function nestsTooDeep(json: string): boolean {
  if (json.length <= MAX_DEPTH) return false;
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at);
    // [ and {, ] and } differ from one another in one bit.
    const bracket = char & ~0x20;
    if (bracket === 0x5b) {
      if (++depth > MAX_DEPTH) return true;
    } else if (bracket === 0x5d) depth--;
    else if (char === QUOTE) {
      for (at++; at < json.length && json.charCodeAt(at) !== QUOTE; at++) {
        if (json.charCodeAt(at) === BACKSLASH) at++;
      }
    }
  }
  return false;
}

/** The value of a YAML text; a parser that used up its stack was given a text that nests too deep. */
export function notTooDeep(text: string, parse: () => unknown): unknown {
  try {
    const value = parse();
    if (text.length <= MAX_DEPTH || !nestsTooDeep(JSON.stringify(value) ?? '')) return value;
  } catch (err) {
    if (!(err instanceof RangeError)) throw err;
  }
  throw new Error(TOO_DEEP);
}
