/**
 * Patterns of schemas: Go's regular expressions, in linear time whatever their author wrote. The same few
 * are asked of every object, so they are compiled once; a bounded number is kept.
 */
import { RE2JS } from 're2js';

/** Whether the pattern is found anywhere in the text. */
export type Pattern = (text: string) => boolean;

const MAX_KEPT = 512;
const kept = new Map<string, Pattern>();

/** A pattern that does not compile (the definition was taken by an older server) allows everything. */
export function patternOf(source: string): Pattern {
  let pattern = kept.get(source);
  if (pattern) return pattern;
  if (patternFault(source) !== undefined) pattern = () => true;
  else {
    const compiled = RE2JS.compile(source);
    pattern = (text) => compiled.matcher(text).find();
  }
  const oldest = kept.size >= MAX_KEPT ? kept.keys().next().value : undefined;
  if (oldest !== undefined) kept.delete(oldest);
  kept.set(source, pattern);
  return pattern;
}

/** Why the text is no regular expression; undefined where it is one. */
export function patternFault(source: string): string | undefined {
  try {
    RE2JS.compile(source);
    return undefined;
  } catch (err) {
    return err instanceof Error ? err.message : String(err);
  }
}
