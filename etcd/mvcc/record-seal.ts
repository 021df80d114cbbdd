/** The CRC of a record (see kv-record.ts): set once when the store writes it, checked when it is read at start. */
import { RECORD_HEADER_BYTES, recordLength } from '../../pkg/etcd-client/kv-record.js';
import { crc32 } from '../backend/crc32.js';

export function seal(record: Buffer): void {
  record.writeUInt32BE(crc32(record.subarray(4)), 0);
}

export function checkSeal(record: Buffer): boolean {
  return (
    record.length >= RECORD_HEADER_BYTES &&
    recordLength(record, 0) === record.length &&
    record.readUInt32BE(0) === crc32(record.subarray(4))
  );
}
