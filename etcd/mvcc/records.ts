/**
 * The records themselves, wherever they are: of transactions on their way to disk (`pending`), the newest
 * ones cached, all others on disk.
 *
 *       hold ──► pending ──► settle ──► cache
 *                   └──────► release
 *
 * What is read from disk is pinned while the read goes on: whoever deletes records waits for `readsEnd`
 * first. A record that the index knows and the disk does not have is damage and ends the process.
 */
import { recordIsDelete, recordMod, recordSub } from '../../pkg/etcd-client/kv-record.js';
import type { Backend } from '../backend/backend.js';
import type { CommittedTxn } from './change.js';
import type { FoundRevision } from './key-index.js';
import type { Located } from './range-select.js';
import { RecordCache } from './record-cache.js';
import { revisionKey } from './revision.js';

export class Records {
  readonly cache: RecordCache;
  /** Applied, not yet on disk: by main revision. */
  private readonly pending = new Map<number, CommittedTxn>();
  private readonly reading = new Set<Promise<unknown>>();

  constructor(
    private readonly backend: Backend,
    cacheBytes: number,
  ) {
    this.cache = new RecordCache(cacheBytes);
  }

  /** From when it begins to be applied, so that it can read its own changes. */
  hold(txn: CommittedTxn): void {
    this.pending.set(txn.revision, txn);
  }

  /** It changed nothing. */
  release(revision: number): void {
    this.pending.delete(revision);
  }

  /** It is on disk. */
  settle(txn: CommittedTxn): void {
    this.pending.delete(txn.revision);
    for (const { key, record } of txn.changes) {
      if (recordIsDelete(record)) this.cache.delete(key);
      else this.cache.set(key, record);
    }
  }

  inMemory(key: string, { main, sub }: FoundRevision): Buffer | undefined {
    return this.pending.get(main)?.changes[sub]?.record ?? this.cache.get(key, main);
  }

  /** A record by its revision: from memory or, blocking, from disk. */
  loadSync(key: string, found: FoundRevision): Buffer | undefined {
    return this.inMemory(key, found) ?? this.backend.getSync(revisionKey(found.main, found.sub));
  }

  async load(found: readonly Located[]): Promise<Buffer[]> {
    const records: Buffer[] = [];
    const missing: number[] = [];
    found.forEach(({ key, main, sub }, i) => {
      const record = this.inMemory(key, { main, sub });
      if (record) records[i] = record;
      else missing.push(i);
    });
    if (missing.length === 0) return records;
    const keys = missing.map((i) => revisionKey(found[i]?.main ?? 0, found[i]?.sub ?? 0));
    const loaded = await this.pin(this.backend.getMany(keys));
    missing.forEach((i, n) => {
      records[i] = loaded[n] ?? this.lost(found[i]?.main ?? 0, found[i]?.sub ?? 0);
    });
    return records;
  }

  /** From `revision` to before `end`, whole revisions only, at most about `limit` records. */
  async history(
    revision: number,
    end: number,
    limit: number,
  ): Promise<{ records: Buffer[]; next: number }> {
    if (revision >= end) return { records: [], next: end };
    const records: Buffer[] = [];
    const stop = revisionKey(end, 0);
    let from = revisionKey(revision, 0);
    for (;;) {
      const { entries, more } = await this.pin(this.backend.read(from, stop, limit));
      for (const [, record] of entries) records.push(record);
      const last = records.at(-1);
      if (!more || !last) return { records, next: end };
      // The last revision may go on behind the limit: leave it out, unless there is no other.
      const lastMain = recordMod(last);
      let cut = records.length;
      while (cut > 0 && recordMod(records[cut - 1] ?? last) === lastMain) cut--;
      if (cut > 0) {
        records.length = cut;
        return { records, next: lastMain };
      }
      from = revisionKey(lastMain, recordSub(last) + 1);
    }
  }

  /** Resolves when the reads that are under way have ended. */
  async readsEnd(): Promise<void> {
    await Promise.allSettled(this.reading);
  }

  lost(main: number, sub: number): never {
    throw this.backend.damaged(`the record of revision ${main}.${sub} has gone`);
  }

  private async pin<T>(read: Promise<T>): Promise<T> {
    this.reading.add(read);
    try {
      return await read;
    } finally {
      this.reading.delete(read);
    }
  }
}
