/** What a string or bytes literal stands for: quotes and prefixes off, escapes resolved. */

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '`': '`',
  '?': '?',
};
const LENGTHS: Readonly<Record<string, number>> = { x: 2, X: 2, u: 4, U: 8 };

/** Or what is wrong with it, besides escapes that are none, which the lexer finds. */
export function unquote(
  text: string,
): { readonly text: string; readonly bytes: Uint8Array } | string {
  const prefix = /^[bBrR]*/.exec(text)?.[0].toLowerCase() ?? '';
  let body = text.slice(prefix.length);
  const quotes = body.startsWith('"""') || body.startsWith("'''") ? 3 : 1;
  body = body.slice(quotes, body.length - quotes).replace(/\r\n?/g, '\n');
  const asBytes = prefix.includes('b');
  if (prefix.includes('r') || !body.includes('\\')) return { text: body, bytes: Buffer.from(body) };
  const parts: Buffer[] = [];
  let out = '';
  for (let i = 0; i < body.length; ) {
    if (body[i] !== '\\') {
      const char = String.fromCodePoint(body.codePointAt(i) ?? 0);
      out += char;
      if (asBytes) parts.push(Buffer.from(char));
      i += char.length;
      continue;
    }
    const char = body[i + 1] ?? '';
    const simple = SIMPLE[char];
    if (simple !== undefined) {
      out += simple;
      if (asBytes) parts.push(Buffer.from(simple));
      i += 2;
      continue;
    }
    const length = LENGTHS[char];
    const digits =
      length === undefined ? body.slice(i + 1, i + 4) : body.slice(i + 2, i + 2 + length);
    const octal = length === undefined;
    if (
      octal
        ? !/^[0-3][0-7]{2}$/.test(digits)
        : !/^[0-9a-fA-F]+$/.test(digits) || digits.length !== length
    ) {
      return 'unable to unescape string';
    }
    const code = Number.parseInt(digits, octal ? 8 : 16);
    if (asBytes && (char === 'u' || char === 'U')) return 'unable to unescape string';
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return 'invalid unicode code point';
    out += String.fromCodePoint(code);
    if (asBytes) parts.push(Buffer.from([code]));
    i += octal ? 4 : 2 + (length ?? 0);
  }
  return { text: out, bytes: asBytes ? Buffer.concat(parts) : Buffer.from(out) };
}

/** How many characters an escape has, with its backslash; or those up to the first that is none of it. */
export function escapeLength(
  source: readonly string[],
  at: number,
): { readonly length: number; readonly valid: boolean } {
  const char = source[at + 1] ?? '';
  if (Object.hasOwn(SIMPLE, char)) return { length: 2, valid: true };
  const digits = LENGTHS[char];
  if (digits === undefined && !/[0-3]/.test(char)) return { length: 2, valid: false };
  const [from, to, digit] = digits === undefined ? [2, 4, /[0-7]/] : [2, 2 + digits, /[0-9a-fA-F]/];
  for (let i = from; i < to; i++) {
    if (!digit.test(source[at + i] ?? '')) return { length: i + 1, valid: false };
  }
  return { length: to, valid: true };
}
