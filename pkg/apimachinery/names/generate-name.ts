/**
 * Names that the server or a controller makes up: `generateName` plus five random characters, and hashes
 * as name suffixes. The alphabet has no vowels, so that no words come out of it, and no 0, 1, 3.
 */

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
/** Longest name that a generated one may have: a label's, since names end up in labels. */
const MAX_NAME_LENGTH = 63;
const SUFFIX_LENGTH = 5;
const MAX_BASE_LENGTH = MAX_NAME_LENGTH - SUFFIX_LENGTH;

/** `base` cut to 58 characters, and a suffix. `random` draws from [0, 1). */
export function generateName(base: string, random: () => number): string {
  return base.slice(0, MAX_BASE_LENGTH) + randomSuffix(SUFFIX_LENGTH, random);
}

export function randomSuffix(length: number, random: () => number): string {
  let suffix = '';
  for (let i = 0; i < length; i++) {
    suffix += ALPHABET.charAt(Math.floor(random() * ALPHABET.length));
  }
  return suffix;
}

/** Each character by its code onto the alphabet, so that hashes look like other generated names. */
export function safeEncodeString(text: string): string {
  let encoded = '';
  for (const ch of text) encoded += ALPHABET.charAt((ch.codePointAt(0) ?? 0) % ALPHABET.length);
  return encoded;
}
