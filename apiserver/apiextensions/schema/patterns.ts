/**
 * Patterns of schemas: Go's regular expressions, in linear time whatever their author wrote. A definition
 * repeats the same few a hundred times, and they are asked of every object, so each is compiled once; a
 * bounded number is kept.
 */
import { RE2JS } from 're2js';

/** Whether the pattern is found anywhere in the text. */
export type Pattern = (text: string) => boolean;

interface Compiled {
  readonly matches: Pattern;
  /** Why the text is no regular expression. */
  readonly fault?: string;
}

const MAX_KEPT = 512;
const kept = new Map<string, Compiled>();

/** A pattern that does not compile (the definition was taken by an older server) allows everything. */
export function patternOf(source: string): Pattern {
  return compiled(source).matches;
}

/** Why the text is no regular expression; undefined where it is one. */
export function patternFault(source: string): string | undefined {
  return compiled(source).fault;
}

function compiled(source: string): Compiled {
  const known = kept.get(source);
  if (known) return known;
  const found = compile(source);
  const oldest = kept.size >= MAX_KEPT ? kept.keys().next().value : undefined;
  if (oldest !== undefined) kept.delete(oldest);
  kept.set(source, found);
  return found;
}

function compile(source: string): Compiled {
  try {
    const pattern = RE2JS.compile(source);
    return { matches: (text) => pattern.matcher(text).find() };
  } catch (err) {
    return { matches: () => true, fault: err instanceof Error ? err.message : String(err) };
  }
}
