/** What a number stands for. */
import type { Token } from './lexer.js';
import { CelFailure, Double, int, uint, type Value } from './values.js';

/** Undefined where it is none of its type. */
export function numberValue(token: Token, sign: '' | '-'): Value | undefined {
  try {
    if (token.kind === 'float') {
      const value = Number(sign + token.text);
      return Number.isFinite(value) ? new Double(value) : undefined;
    }
    if (token.kind === 'uint') return uint(BigInt(token.text.slice(0, -1)));
    const magnitude = BigInt(token.text);
    return int(sign === '-' ? -magnitude : magnitude);
  } catch (err) {
    if (err instanceof CelFailure) return undefined;
    throw err;
  }
}
