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
const VALUES = "'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER";
export const OPERAND = `{'[', '{', '(', '.', '-', '!', ${VALUES}}`;
/** Where there may also be none: the first of a call's arguments, of a list, of a map. */
export const FIRST_ARGUMENT = `{'[', '{', '(', ')', '.', '-', '!', ${VALUES}}`;
export const FIRST_ELEMENT = `{'[', ']', '{', '(', '.', ',', '-', '!', '?', ${VALUES}}`;
export const FIRST_ENTRY = `{'[', '{', '}', '(', '.', ',', '-', '!', '?', ${VALUES}}`;
export const FIRST_FIELD = "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}";
export const FIELD_NAME = '{IDENTIFIER, ESC_IDENTIFIER}';
export const RELATIONS = new Set(['<', '<=', '>=', '>', '==', '!=', 'in']);
export const SUMS = new Set(['+', '-']);
export const PRODUCTS = new Set(['*', '/', '%']);
