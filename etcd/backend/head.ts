/**
 * The head record: which store this is, in which format, and what a scan of it must find. Rewritten with
 * every batch. It sorts before every other record.
 *
 *    0 u32 CRC-32 of the rest   4 u32 format   8 u64 cluster id   16 u64 member id   24 u32 starts (term)
 *   28 u48 revision   34 u48 compact revision   40 u48 records   46 u32 sum of the keys' CRCs
 */
import { crc32 } from './crc32.js';
import { DamagedError } from './damage.js';

export const HEAD_KEY = Buffer.from('h');
/** Raised when what is on disk changes its meaning. */
const FORMAT = 1;
const BYTES = 50;

export interface Head {
  readonly clusterId: string;
  readonly memberId: string;
  /** How often the store was started. */
  readonly term: number;
  revision: number;
  compactRevision: number;
  records: number;
  keySum: number;
}

export function encodeHead(head: Head): Buffer {
  const bytes = Buffer.allocUnsafe(BYTES);
  bytes.writeUInt32BE(FORMAT, 4);
  bytes.writeBigUInt64BE(BigInt(head.clusterId), 8);
  bytes.writeBigUInt64BE(BigInt(head.memberId), 16);
  bytes.writeUInt32BE(head.term, 24);
  bytes.writeUIntBE(head.revision, 28, 6);
  bytes.writeUIntBE(head.compactRevision, 34, 6);
  bytes.writeUIntBE(head.records, 40, 6);
  bytes.writeUInt32BE(head.keySum, 46);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

export function decodeHead(dir: string, bytes: Buffer): Head {
  if (bytes.length < 8) throw new DamagedError(dir, 'the head record is cut short');
  if (bytes.readUInt32BE(0) !== crc32(bytes.subarray(4))) {
    throw new DamagedError(dir, 'the head record is damaged: its checksum does not match');
  }
  const format = bytes.readUInt32BE(4);
  if (format !== FORMAT || bytes.length !== BYTES) {
    throw new DamagedError(dir, `its format is ${format}, this version reads format ${FORMAT}`);
  }
  return {
    clusterId: bytes.readBigUInt64BE(8).toString(),
    memberId: bytes.readBigUInt64BE(16).toString(),
    term: bytes.readUInt32BE(24),
    revision: bytes.readUIntBE(28, 6),
    compactRevision: bytes.readUIntBE(34, 6),
    records: bytes.readUIntBE(40, 6),
    keySum: bytes.readUInt32BE(46),
  };
}
