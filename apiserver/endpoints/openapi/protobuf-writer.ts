/** How the documents of OpenAPI become protobuf: gnostic's messages, written field by field into one buffer. */
import type { Json, JsonObject } from './definitions.js';

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
/** A whole document takes a little more; then the buffer doubles. */
const FIRST_SIZE = 1 << 20;

/**
 * One buffer for all messages. A message is written where it belongs, behind one byte for its length; a
 * length that needs more moves the message on.
 */
export class Writer {
  private buffer = Buffer.allocUnsafe(FIRST_SIZE);
  private length = 0;

  text(field: number, value: Json | undefined): this {
    if (typeof value !== 'string' || value === '') return this;
    const size = Buffer.byteLength(value);
    this.varint(field * 8 + BYTES);
    this.varint(size);
    this.reserve(size);
    this.length += this.buffer.write(value, this.length);
    return this;
  }

  texts(field: number, values: Json | undefined): this {
    for (const value of list(values)) this.text(field, value);
    return this;
  }

  flag(field: number, value: Json | undefined): this {
    return value === true ? this.choice(field, true) : this;
  }

  /** A member of a oneof is written whatever its value. */
  choice(field: number, value: boolean | number | string): this {
    if (typeof value === 'number') return this.double(field, value);
    if (typeof value === 'string' && value !== '') return this.text(field, value);
    this.varint(field * 8 + (typeof value === 'boolean' ? VARINT : BYTES));
    this.varint(value === true ? 1 : 0);
    return this;
  }

  /** Of a field that holds a fraction; 0 is what an absent one is. */
  number(field: number, value: Json | undefined): this {
    return typeof value === 'number' && value !== 0 ? this.double(field, value) : this;
  }

  /** Of a field that counts something. */
  count(field: number, value: Json | undefined): this {
    if (typeof value !== 'number' || value === 0) return this;
    this.varint(field * 8 + VARINT);
    let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)));
    while (rest > 127n) {
      this.reserve(1);
      this.buffer[this.length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.varint(Number(rest));
    return this;
  }

  message(field: number, write: () => void): this {
    this.varint(field * 8 + BYTES);
    this.reserve(1);
    const at = this.length++;
    write();
    const size = this.length - at - 1;
    const more = varintSize(size) - 1;
    if (more > 0) {
      this.reserve(more);
      this.buffer.copyWithin(at + 1 + more, at + 1, this.length);
    }
    this.length = at;
    this.varint(size);
    this.length += size;
    return this;
  }

  /** One entry of a map: its name and its value. */
  named(field: number, name: string, write: () => void): this {
    return this.message(field, () => {
      this.text(1, name).message(2, write);
    });
  }

  bytes(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.length));
  }

  private double(field: number, value: number): this {
    this.varint(field * 8 + FIXED64);
    this.reserve(8);
    this.length = this.buffer.writeDoubleLE(value, this.length);
    return this;
  }

  private varint(value: number): void {
    this.reserve(5);
    let rest = value;
    while (rest > 127) {
      this.buffer[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buffer[this.length++] = rest;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + more));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}

function varintSize(value: number): number {
  return value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5;
}

export function extensions(w: Writer, field: number, value: JsonObject): void {
  for (const [name, extension] of Object.entries(value)) {
    if (name.startsWith('x-') && extension !== undefined) {
      w.named(field, name, () => anyBody(w, extension));
    }
  }
}

/** As YAML text, which JSON is. */
export function anyBody(w: Writer, value: Json): void {
  w.text(2, `${JSON.stringify(value)}\n`);
}

export function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

export function entries(value: Json | undefined): [string, Json | undefined][] {
  return Object.entries(object(value));
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
