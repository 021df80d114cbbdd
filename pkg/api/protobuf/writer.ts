/**
 * Writes a protobuf message from its last byte to its first, as Kubernetes does: the length of a nested
 * message is known when its head is written, so nothing is measured beforehand and nothing is moved.
 *
 *   …free…│tag│length│content│      every `write` puts its bytes in front of what is there
 *         ▲ at                ▲ end
 */

/** A pod takes a quarter of this; then the buffer doubles. */
const FIRST_SIZE = 16 * 1024;
/** Up to this length a loop over the characters is quicker than a call into the runtime. */
const SHORT_TEXT = 24;

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;

export class Writer {
  private buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  private at = FIRST_SIZE;

  /** How much is written: a mark for `lengthSince`. */
  get length(): number {
    return this.buffer.length - this.at;
  }

  /** Forgets what is written. */
  clear(): void {
    this.at = this.buffer.length;
  }

  /** A copy of what is written; the writer is empty after it. */
  take(): Buffer {
    const made = Buffer.allocUnsafeSlow(this.length);
    this.buffer.copy(made, 0, this.at);
    this.clear();
    return made;
  }

  tag(field: number, wire: number): void {
    this.varint(field * 8 + wire);
  }

  /** Puts the length of what was written since the mark, and the tag, in front of it. */
  close(field: number, mark: number): void {
    this.varint(this.length - mark);
    this.varint(field * 8 + BYTES);
  }

  bytes(bytes: Buffer): void {
    this.reserve(bytes.length);
    this.at -= bytes.length;
    bytes.copy(this.buffer, this.at);
  }

  text(value: string): void {
    if (value.length <= SHORT_TEXT && this.ascii(value)) return;
    const size = Buffer.byteLength(value);
    this.reserve(size);
    this.at -= size;
    this.buffer.write(value, this.at, size, 'utf8');
  }

  double(value: number): void {
    this.reserve(8);
    this.at -= 8;
    this.buffer.writeDoubleLE(value, this.at);
  }

  /** Any integer; a negative one as its 64-bit two's complement. */
  varint(value: number): void {
    this.reserve(10);
    const { buffer } = this;
    if (value >= 0 && value < 128) {
      buffer[--this.at] = value;
      return;
    }
    if (value < 0) {
      this.big(BigInt.asUintN(64, BigInt(Math.trunc(value))));
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
    this.at -= size;
    let at = this.at;
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) buffer[at++] = (rest % 128) | 128;
    buffer[at] = rest;
  }

  private big(value: bigint): void {
    const bytes: number[] = [];
    let rest = value;
    for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
    this.bytes(Buffer.from(bytes));
  }

  private ascii(value: string): boolean {
    this.reserve(SHORT_TEXT);
    const { buffer } = this;
    let at = this.at;
    for (let i = value.length - 1; i >= 0; i--) {
      const code = value.charCodeAt(i);
      if (code > 127) return false;
      buffer[--at] = code;
    }
    this.at = at;
    return true;
  }

  private reserve(more: number): void {
    if (this.at >= more) return;
    const used = this.length;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, used + more));
    this.buffer.copy(larger, larger.length - used, this.at);
    this.buffer = larger;
    this.at = larger.length - used;
  }
}
