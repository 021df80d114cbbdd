/**
 * A revision is (main, sub): main counts transactions, sub the changes inside one. On disk a revision is
 * the key `r` + main (6 bytes) + sub (4 bytes), big-endian, so that LevelDB's order is the order of
 * history and a restart reads it from front to back.
 */

export interface Revision {
  readonly main: number;
  readonly sub: number;
}

const PREFIX = 'r'.charCodeAt(0);
export const REVISION_KEY_BYTES = 11;

export function revisionKey(main: number, sub: number): Buffer {
  const key = Buffer.allocUnsafe(REVISION_KEY_BYTES);
  key[0] = PREFIX;
  key.writeUIntBE(main, 1, 6);
  key.writeUInt32BE(sub, 7);
  return key;
}

export function parseRevisionKey(key: Buffer): Revision {
  return { main: key.readUIntBE(1, 6), sub: key.readUInt32BE(7) };
}
