/**
 * NaCl's secretbox (XSalsa20 and Poly1305), which Node's crypto does not have: for values that kube-apiserver
 * encrypted with the provider of that name, and for those who want to go on with it. aesgcm is much faster.
 *
 *   key (32), nonce (24) ─HSalsa20▶ subkey ─Salsa20▶ stream: 32 bytes for Poly1305, then for the message
 *   box = tag (16) · message ⊕ stream
 */
import { timingSafeEqual } from 'node:crypto';

export const SECRETBOX_KEY_BYTES = 32;
export const SECRETBOX_NONCE_BYTES = 24;
const TAG_BYTES = 16;
const BLOCK_BYTES = 64;
const POLY_KEY_BYTES = 32;
/** `expand 32-byte k` */
const SIGMA = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;
const ROUNDS = 20;

export function sealSecretbox(message: Buffer, nonce: Buffer, key: Buffer): Buffer {
  const stream = streamOf(key, nonce, POLY_KEY_BYTES + message.length);
  const body = xor(message, stream.subarray(POLY_KEY_BYTES));
  return Buffer.concat([poly1305(body, stream.subarray(0, POLY_KEY_BYTES)), body]);
}

/** Throws for a box that another key made, or that was changed. */
export function openSecretbox(box: Buffer, nonce: Buffer, key: Buffer): Buffer {
  if (box.length < TAG_BYTES) throw new Error('the box is too short');
  const body = box.subarray(TAG_BYTES);
  const stream = streamOf(key, nonce, POLY_KEY_BYTES + body.length);
  const tag = poly1305(body, stream.subarray(0, POLY_KEY_BYTES));
  if (!timingSafeEqual(tag, box.subarray(0, TAG_BYTES)))
    throw new Error('the box cannot be opened with this key');
  return xor(body, stream.subarray(POLY_KEY_BYTES));
}

function xor(message: Buffer, stream: Buffer): Buffer {
  const out = Buffer.allocUnsafe(message.length);
  for (let i = 0; i < message.length; i++) out[i] = (message[i] ?? 0) ^ (stream[i] ?? 0);
  return out;
}

function streamOf(key: Buffer, nonce: Buffer, length: number): Buffer {
  const subkey = hsalsa20(wordsOf(key), wordsOf(nonce.subarray(0, 16)));
  const tail = wordsOf(nonce.subarray(16));
  const out = Buffer.alloc(Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES);
  for (let block = 0; block * BLOCK_BYTES < length; block++) {
    const start = arranged(subkey, [tail[0] ?? 0, tail[1] ?? 0, block >>> 0, 0]);
    const mixed = rounds(start);
    for (let i = 0; i < 16; i++)
      out.writeUInt32LE(((mixed[i] ?? 0) + (start[i] ?? 0)) >>> 0, block * BLOCK_BYTES + 4 * i);
  }
  return out.subarray(0, length);
}

function hsalsa20(key: readonly number[], input: readonly number[]): number[] {
  const mixed = rounds(arranged(key, input));
  return [0, 5, 10, 15, 6, 7, 8, 9].map((i) => mixed[i] ?? 0);
}

/** The matrix: constants on the diagonal, the key around them, the input in the middle. */
function arranged(key: readonly number[], input: readonly number[]): Uint32Array {
  const [s0, s1, s2, s3] = SIGMA;
  const k = (i: number) => key[i] ?? 0;
  const n = (i: number) => input[i] ?? 0;
  return Uint32Array.of(
    ...[s0, k(0), k(1), k(2)],
    ...[k(3), s1, n(0), n(1)],
    ...[n(2), n(3), s2, k(4)],
    ...[k(5), k(6), k(7), s3],
  );
}

/** Columns, then rows, each from its diagonal on. */
const QUARTERS: readonly (readonly [number, number, number, number])[] = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
];

function rounds(start: Uint32Array): Uint32Array {
  const x = Uint32Array.from(start);
  const at = (i: number) => x[i] ?? 0;
  const turn = (to: number, a: number, b: number, by: number) => {
    const sum = (at(a) + at(b)) | 0;
    x[to] = at(to) ^ ((sum << by) | (sum >>> (32 - by)));
  };
  for (let round = 0; round < ROUNDS; round += 2) {
    for (const [a, b, c, d] of QUARTERS) {
      turn(b, a, d, 7);
      turn(c, b, a, 9);
      turn(d, c, b, 13);
      turn(a, d, c, 18);
    }
  }
  return x;
}

const PRIME = (1n << 130n) - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;
const WORD = (1n << 128n) - 1n;

function poly1305(message: Buffer, key: Buffer): Buffer {
  const r = littleEndian(key.subarray(0, 16)) & CLAMP;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const part = message.subarray(at, at + 16);
    sum = ((sum + littleEndian(part) + (1n << BigInt(8 * part.length))) * r) % PRIME;
  }
  let tag = (sum + littleEndian(key.subarray(16, 32))) & WORD;
  const out = Buffer.alloc(TAG_BYTES);
  for (let i = 0; i < TAG_BYTES; i++) {
    out[i] = Number(tag & 0xffn);
    tag >>= 8n;
  }
  return out;
}

function littleEndian(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function wordsOf(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i));
}
