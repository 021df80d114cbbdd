/** Protobuf's wire format: a message as its fields, in order (https://protobuf.dev/programming-guides/encoding). */

/** Bytes that are no protobuf message. */
export class WireError extends Error {
  override name = 'WireError';
}

export interface WireField {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. */
  readonly wire: 0 | 1 | 2 | 5;
  /** Of wire type 2; empty otherwise. */
  readonly bytes: Buffer;
  /** Of the other wire types: integers as numbers (negative ones are sign-extended), 1 and 5 as floats. */
  readonly value?: number;
}

const NO_BYTES = Buffer.alloc(0);

/** Throws WireError for what is cut off or not of this format. */
export function readFields(message: Buffer): WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++];
      if (byte === undefined) throw new WireError('unexpected EOF');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw new WireError('integer overflow');
  };
  const take = (length: number): Buffer => {
    if (length < 0 || at + length > message.length) throw new WireError('unexpected EOF');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    const wire = tag & 7;
    if (number === 0) throw new WireError('illegal tag 0');
    switch (wire) {
      case 0:
        fields.push({ number, wire, bytes: NO_BYTES, value: Number(varint()) });
        break;
      case 1:
        fields.push({ number, wire, bytes: NO_BYTES, value: take(8).readDoubleLE() });
        break;
      case 2:
        fields.push({ number, wire, bytes: take(Number(varint())) });
        break;
      case 5:
        fields.push({ number, wire, bytes: NO_BYTES, value: take(4).readFloatLE() });
        break;
      default:
        throw new WireError(`illegal wireType ${wire}`);
    }
  }
  return fields;
}

/** The numbers of a packed field. */
export function readPacked(bytes: Buffer): number[] {
  const numbers: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    let value = 0n;
    let shift = 0n;
    let byte = 0x80;
    while (byte >= 0x80) {
      byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
    }
    numbers.push(Number(BigInt.asIntN(64, value)));
  }
  return numbers;
}
