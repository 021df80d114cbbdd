/**
 * One record of the history as it is read at start, in the order of revisions: checked, then known to the
 * keyspace. What is wrong with a record is told, never mended: the store must not open over a gap.
 */
import {
  recordCreate,
  recordIsDelete,
  recordKey,
  recordLease,
  recordMod,
  recordSub,
  recordVersion,
} from '../../pkg/etcd-client/kv-record.js';
import type { FoundRevision } from './key-index.js';
import type { Keyspace } from './keyspace.js';
import type { RecordCache } from './record-cache.js';
import { checkSeal } from './record-seal.js';
import { parseRevisionKey, REVISION_KEY_BYTES } from './revision.js';

/** Returns what is wrong with the record, if anything. */
export function restoreRecord(
  { keyspace, cache }: { readonly keyspace: Keyspace; readonly cache: RecordCache },
  diskKey: Buffer,
  record: Buffer,
  before: FoundRevision,
): string | undefined {
  if (diskKey.length !== REVISION_KEY_BYTES) return 'a record has a malformed key';
  const { main, sub } = parseRevisionKey(diskKey);
  const at = `the record of revision ${main}.${sub}`;
  if (!checkSeal(record)) return `${at} is damaged: its checksum does not match`;
  if (recordMod(record) !== main || recordSub(record) !== sub) return `${at} belongs elsewhere`;
  // Up to the compaction there are gaps; behind it every change must be there.
  const last = Math.max(before.main, keyspace.compacted, 1);
  const follows = main > last ? main === last + 1 && sub === 0 : sub === before.sub + 1;
  if (!follows && main > keyspace.compacted) {
    return `the record before revision ${main}.${sub} is missing`;
  }
  const key = recordKey(record);
  const entry = keyspace.index.getOrCreate(key);
  keyspace.detach(entry);
  if (recordIsDelete(record)) {
    entry.tombstone(main, sub);
    cache.delete(key);
    return undefined;
  }
  entry.restore(main, sub, recordCreate(record), recordVersion(record));
  cache.set(key, Buffer.from(record));
  keyspace.attach(entry, recordLease(record));
  return undefined;
}
