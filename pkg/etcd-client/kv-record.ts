/**
 * The bytes of one key at one revision. The store writes a change once in this layout; the same bytes
 * are the record on disk, the entry of a range on the stream and the event of a watch, so that nothing
 * between disk and client encodes it again. All integers are big-endian.
 *
 *    0  u32  CRC-32 of all bytes that follow (0 where a value was left out)
 *    4  u8   flags: 1 the key was deleted, 2 the last change of its transaction
 *    5  3    reserved, zero
 *    8  u32  sub-revision: the change's place in its transaction
 *   12  u32  length of the key
 *   16  u32  length of the value
 *   20  u48  mod revision
 *   26  u48  create revision (0 for a deletion)
 *   32  u48  version (0 for a deletion)
 *   38  i64  lease, 0 for none
 *   46  2    reserved, zero
 *   48       key, then value
 *
 * A record is self-delimiting, so that many can stand one behind the other. Keys are held as byte
 * strings: JavaScript strings of which each character is one byte. They compare in etcd's order with `<`.
 */

export const RECORD_HEADER_BYTES = 48;

const FLAGS = 4;
const SUB = 8;
const KEY_LENGTH = 12;
const VALUE_LENGTH = 16;
const MOD = 20;
const CREATE = 26;
const VERSION = 32;
const LEASE = 38;
const RESERVED = 46;

const FLAG_DELETED = 1;
const FLAG_LAST = 2;

export interface RecordFields {
  readonly key: string;
  /** Absent: the key was deleted. */
  readonly value: Buffer | undefined;
  readonly mod: number;
  readonly sub: number;
  readonly create: number;
  readonly version: number;
  readonly lease: string;
}

/** Everything but the CRC, which `sealRecord` adds in the store. */
export function encodeRecord(fields: RecordFields): Buffer {
  const { key, value } = fields;
  const valueLength = value?.length ?? 0;
  const record = Buffer.allocUnsafe(RECORD_HEADER_BYTES + key.length + valueLength);
  record.writeUInt32BE(0, 0);
  record.writeUInt32BE(value ? 0 : FLAG_DELETED << 24, FLAGS);
  record.writeUInt32BE(fields.sub, SUB);
  record.writeUInt32BE(key.length, KEY_LENGTH);
  record.writeUInt32BE(valueLength, VALUE_LENGTH);
  record.writeUIntBE(fields.mod, MOD, 6);
  record.writeUIntBE(fields.create, CREATE, 6);
  record.writeUIntBE(fields.version, VERSION, 6);
  if (fields.lease === '0') record.fill(0, LEASE, RESERVED);
  else record.writeBigInt64BE(BigInt(fields.lease), LEASE);
  record.writeUInt16BE(0, RESERVED);
  record.write(key, RECORD_HEADER_BYTES, 'latin1');
  if (value) value.copy(record, RECORD_HEADER_BYTES + key.length);
  return record;
}

export function markLast(record: Buffer): void {
  record[FLAGS] = recordFlags(record) | FLAG_LAST;
}

export function recordIsLast(record: Buffer): boolean {
  return (recordFlags(record) & FLAG_LAST) !== 0;
}

export function recordIsDelete(record: Buffer): boolean {
  return (recordFlags(record) & FLAG_DELETED) !== 0;
}

export function recordKey(record: Buffer): string {
  return record.toString(
    'latin1',
    RECORD_HEADER_BYTES,
    RECORD_HEADER_BYTES + record.readUInt32BE(KEY_LENGTH),
  );
}

/** A view of the record's bytes, not a copy. */
export function recordValue(record: Buffer): Buffer {
  return record.subarray(RECORD_HEADER_BYTES + record.readUInt32BE(KEY_LENGTH));
}

export function recordMod(record: Buffer): number {
  return record.readUIntBE(MOD, 6);
}

export function recordSub(record: Buffer): number {
  return record.readUInt32BE(SUB);
}

export function recordCreate(record: Buffer): number {
  return record.readUIntBE(CREATE, 6);
}

export function recordVersion(record: Buffer): number {
  return record.readUIntBE(VERSION, 6);
}

export function recordLease(record: Buffer): string {
  if (record.readUInt32BE(LEASE) === 0 && record.readUInt32BE(LEASE + 4) === 0) return '0';
  return record.readBigInt64BE(LEASE).toString();
}

/** The length that the record which begins at `offset` has, or 0 when its header is incomplete. */
export function recordLength(bytes: Buffer, offset: number): number {
  if (bytes.length - offset < RECORD_HEADER_BYTES) return 0;
  return (
    RECORD_HEADER_BYTES +
    bytes.readUInt32BE(offset + KEY_LENGTH) +
    bytes.readUInt32BE(offset + VALUE_LENGTH)
  );
}

/** The same record with an empty value and no CRC. */
export function withoutValue(record: Buffer): Buffer {
  const short = Buffer.from(
    record.subarray(0, RECORD_HEADER_BYTES + record.readUInt32BE(KEY_LENGTH)),
  );
  short.writeUInt32BE(0, 0);
  short.writeUInt32BE(0, VALUE_LENGTH);
  return short;
}

/** Cuts concatenated records apart; throws when the bytes do not end where a record ends. */
export function splitRecords(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const length = recordLength(bytes, offset);
    if (length === 0 || offset + length > bytes.length) throw new Error('a record is cut short');
    records.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return records;
}

function recordFlags(record: Buffer): number {
  return record[FLAGS] ?? 0;
}

/** Matches the first character that is not ASCII. */
const BEYOND_ASCII = /[\u0080-\uffff]/;

/** UTF-8 text to a byte string. */
export function toByteString(text: string): string {
  return !BEYOND_ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** A byte string back to text. */
export function fromByteString(bytes: string): string {
  return !BEYOND_ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}
