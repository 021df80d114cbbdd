/**
 * Splits the text of an expression into tokens (CEL's language definition, "Syntax"). Characters that no token
 * begins with are reported and skipped, so that parsing can go on and report more.
 */
import type { Issue } from './issues.js';
import { escapeLength } from './string-literal.js';

export type TokenKind =
  | 'ident'
  | 'escaped'
  | 'int'
  | 'uint'
  | 'float'
  | 'string'
  | 'bytes'
  | 'op'
  | 'eof';

export interface Token {
  readonly kind: TokenKind;
  /** As it was written; `<EOF>` at the end. */
  readonly text: string;
  /** In code points. */
  readonly at: number;
  readonly end: number;
}

const OPERATORS = [
  '==',
  '!=',
  '<=',
  '>=',
  '&&',
  '||',
  '+',
  '-',
  '*',
  '/',
  '%',
  '!',
  '<',
  '>',
  '?',
  ':',
  '.',
  ',',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
] as const;

const IDENT_START = /[A-Za-z_]/;
const IDENT_PART = /[A-Za-z0-9_]/;
const DIGIT = /[0-9]/;
const HEX = /[0-9a-fA-F]/;
const SPACE = new Set([' ', '\t', '\r', '\n', '\f']);

export function tokenize(source: readonly string[], issues: Issue[]): Token[] {
  const tokens: Token[] = [];
  let i = 0;
  const push = (kind: TokenKind, from: number, to: number) => {
    tokens.push({ kind, text: source.slice(from, to).join(''), at: from, end: to });
    i = to;
  };
  while (i < source.length) {
    const char = source[i] ?? '';
    if (SPACE.has(char)) {
      i++;
    } else if (char === '/' && source[i + 1] === '/') {
      while (i < source.length && source[i] !== '\n') i++;
    } else {
      const quoted = stringEnd(source, i);
      if (quoted?.broken !== undefined && quoted.from === i) {
        i = unrecognized(source, i, issues, quoted.broken);
      } else if (quoted && quoted.broken === undefined)
        push(quoted.bytes ? 'bytes' : 'string', i, quoted.end);
      else if (IDENT_START.test(char)) push('ident', i, run(source, i, IDENT_PART));
      else if (DIGIT.test(char) || (char === '.' && DIGIT.test(source[i + 1] ?? ''))) {
        const { kind, end } = number(source, i);
        push(kind, i, end);
      } else if (char === '`') {
        const end = run(source, i + 1, /[A-Za-z0-9_.\-/ ]/);
        if (end > i + 1 && source[end] === '`') push('escaped', i, end + 1);
        else i = unrecognized(source, i, issues);
      } else {
        const operator = OPERATORS.find(
          (op) => source[i] === op[0] && (op.length === 1 || source[i + 1] === op[1]),
        );
        if (operator) push('op', i, i + operator.length);
        else i = unrecognized(source, i, issues);
      }
    }
  }
  tokens.push({ kind: 'eof', text: '<EOF>', at: source.length, end: source.length });
  return tokens;
}

/** Where the run of characters that match ends. */
function run(source: readonly string[], from: number, part: RegExp): number {
  let end = from;
  while (end < source.length && part.test(source[end] ?? '')) end++;
  return end;
}

function unrecognized(
  source: readonly string[],
  at: number,
  issues: Issue[],
  broken?: number,
): number {
  let end = broken ?? at + 1;
  const char = source[at];
  // What might have become a token goes with the character that shows it did not.
  if (char === '|' || char === '&' || char === '=') end = Math.min(source.length, at + 2);
  if (broken === undefined && (char === '"' || char === "'")) {
    while (end < source.length && source[end] !== '\n') end++;
  }
  issues.push({
    at,
    message: `Syntax error: token recognition error at: '${source.slice(at, end).join('').replaceAll('\n', '\\n')}'`,
  });
  return end;
}

function number(source: readonly string[], at: number): { kind: TokenKind; end: number } {
  if (source[at] === '0' && source[at + 1] === 'x' && HEX.test(source[at + 2] ?? '')) {
    const end = run(source, at + 2, HEX);
    return isU(source[end]) ? { kind: 'uint', end: end + 1 } : { kind: 'int', end };
  }
  let end = run(source, at, DIGIT);
  let float = false;
  if (source[end] === '.' && DIGIT.test(source[end + 1] ?? '')) {
    end = run(source, end + 1, DIGIT);
    float = true;
  }
  if (source[end] === 'e' || source[end] === 'E') {
    const sign = source[end + 1] === '+' || source[end + 1] === '-' ? 1 : 0;
    if (DIGIT.test(source[end + 1 + sign] ?? '')) {
      end = run(source, end + 1 + sign, DIGIT);
      float = true;
    }
  }
  if (float) return { kind: 'float', end };
  return isU(source[end]) ? { kind: 'uint', end: end + 1 } : { kind: 'int', end };
}

function isU(char: string | undefined): boolean {
  return char === 'u' || char === 'U';
}

/**
 * A string that starts here and ends, with its prefixes; undefined where none does. `broken`: where an escape in
 * it is none. `from`: where its quotes are.
 */
function stringEnd(
  source: readonly string[],
  at: number,
): { bytes: boolean; end: number; from: number; broken?: number } | undefined {
  let from = at;
  let bytes = false;
  let raw = false;
  for (; from < at + 2; from++) {
    const char = (source[from] ?? '').toLowerCase();
    if (char === 'b' && !bytes) bytes = true;
    else if (char === 'r' && !raw) raw = true;
    else break;
  }
  // `rb'…'` is no literal of CEL; the bytes come first.
  if (bytes && raw && source[at]?.toLowerCase() === 'r') return undefined;
  const quote = source[from];
  if (quote !== '"' && quote !== "'") return undefined;
  const triple = source[from + 1] === quote && source[from + 2] === quote;
  for (let i = from + (triple ? 3 : 1); i < source.length; i++) {
    const char = source[i];
    if (char === '\\' && !raw) {
      const { length, valid } = escapeLength(source, i);
      if (!valid) return { bytes, end: i, from, broken: Math.min(source.length, i + length) };
      i += length - 1;
    } else if (char === quote) {
      if (!triple) return { bytes, end: i + 1, from };
      if (source[i + 1] === quote && source[i + 2] === quote) return { bytes, end: i + 3, from };
    } else if (!triple && (char === '\n' || char === '\r')) return undefined;
  }
  return undefined;
}
