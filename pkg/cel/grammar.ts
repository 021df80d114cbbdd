/** Words and operators of the language, and how a message lists what an operand may begin with. */

export const RESERVED = new Set([
  'as',
  'break',
  'const',
  'continue',
  'else',
  'for',
  'function',
  'if',
  'import',
  'let',
  'loop',
  'package',
  'namespace',
  'return',
  'var',
  'void',
  'while',
]);
export const KEYWORDS = new Set(['in', 'true', 'false', 'null']);
export const OPERAND =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
export const RELATIONS = new Set(['<', '<=', '>=', '>', '==', '!=', 'in']);
export const SUMS = new Set(['+', '-']);
export const PRODUCTS = new Set(['*', '/', '%']);
