/**
 * Keys with history. Guarantees:
 *
 * - A transaction is decided and applied in one turn of the event loop, in the order of arrival, and
 *   gets one revision; it is one atomic batch on disk.
 * - Nothing is shown before it is on disk: answers to writes wait for their batch, reads see the newest
 *   revision that is durable, watches hear of it then.
 *
 *       txn ──► index, `applied` ──► group commit ──► `committed`, cache, watchers ──► answer
 *                  (pending)            (fsync)
 *
 * - A read at any revision from the last compaction on sees exactly that revision. What compaction drops
 *   stays on disk until the reads that were under way have ended.
 *
 * The index and the newest records are in memory; the rest is read from disk.
 */
import {
  encodeRecord,
  markLast,
  recordCreate,
  recordIsDelete,
  recordKey,
  recordLease,
  recordMod,
  recordSub,
  recordValue,
  recordVersion,
} from '../../pkg/etcd-client/kv-record.js';
import type { Backend } from '../backend/backend.js';
import { compacted, futureRevision, keyNotFound, leaseNotFound } from '../errors.js';
import { checkDeleteRange, checkPut, checkRange, checkTxn } from './check-request.js';
import { compareHolds } from './compare.js';
import { type FoundRevision, type KeyEntry, KeyIndex } from './key-index.js';
import { type Located, locate, type Selected, selectRecords } from './range-select.js';
import { RecordCache } from './record-cache.js';
import { checkSeal, seal } from './record-seal.js';
import {
  type DeleteRangeRequest,
  endOf,
  type OpRequest,
  type OpResponse,
  type PutRequest,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
} from './request.js';
import { parseRevisionKey, REVISION_KEY_BYTES, revisionKey } from './revision.js';

/** One change of a committed transaction, as watchers hear of it. */
export interface Change {
  readonly key: string;
  readonly record: Buffer;
  /** What the key was before; the record when it was in memory. */
  readonly prev: (FoundRevision & { readonly record: Buffer | undefined }) | undefined;
}

export interface CommittedTxn {
  readonly revision: number;
  readonly changes: readonly Change[];
}

/** What the store asks of its leases. */
export interface LeaseBook {
  has(lease: string): boolean;
  attach(lease: string, key: string): void;
  detach(lease: string, key: string): void;
}

export interface StoreOptions {
  readonly backend: Backend;
  readonly cacheBytes?: number;
  readonly onCommit: (txn: CommittedTxn) => void;
}

/** Enough for what is written often; a larger store reads the rest from disk. */
const CACHE_BYTES = 24 * 1024 * 1024;
/** Keys compacted, and records deleted, in one go before others get a turn. */
const COMPACT_SLICE = 1000;

/** A transaction while it is applied. */
interface Writing {
  readonly main: number;
  readonly changes: Change[];
}

export class Store {
  private readonly index = new KeyIndex();
  private readonly cache: RecordCache;
  private readonly backend: Backend;
  private readonly onCommit: (txn: CommittedTxn) => void;
  /** Applied, not yet on disk: by main revision. */
  private readonly pending = new Map<number, CommittedTxn>();
  private readonly reading = new Set<Promise<unknown>>();
  private applied: number;
  private committed: number;
  private compactedTo: number;
  private leases: LeaseBook | undefined;

  constructor(options: StoreOptions) {
    this.backend = options.backend;
    this.onCommit = options.onCommit;
    this.cache = new RecordCache(options.cacheBytes ?? CACHE_BYTES);
    this.applied = options.backend.revision;
    this.committed = options.backend.revision;
    this.compactedTo = options.backend.compactRevision;
  }

  get revision(): number {
    return this.committed;
  }

  get compactRevision(): number {
    return this.compactedTo;
  }

  get keys(): number {
    return this.index.size;
  }

  /** Before the restore, and before any request. */
  useLeases(leases: LeaseBook): void {
    this.leases = leases;
  }

  /** One record in the order of history, at start. Returns what is wrong with it, if anything. */
  restore(diskKey: Buffer, record: Buffer, before: FoundRevision): string | undefined {
    if (diskKey.length !== REVISION_KEY_BYTES) return 'a record has a malformed key';
    const { main, sub } = parseRevisionKey(diskKey);
    const at = `the record of revision ${main}.${sub}`;
    if (!checkSeal(record)) return `${at} is damaged: its checksum does not match`;
    if (recordMod(record) !== main || recordSub(record) !== sub) return `${at} belongs elsewhere`;
    // Up to the compaction there are gaps; behind it every change must be there.
    const last = Math.max(before.main, this.compactedTo, 1);
    const follows = main > last ? main === last + 1 && sub === 0 : sub === before.sub + 1;
    if (!follows && main > this.compactedTo) {
      return `the record before revision ${main}.${sub} is missing`;
    }
    const key = recordKey(record);
    const entry = this.index.getOrCreate(key);
    if (entry.lease !== '0') this.leases?.detach(entry.lease, key);
    if (recordIsDelete(record)) {
      entry.tombstone(main, sub);
      this.cache.delete(key);
      return undefined;
    }
    entry.restore(main, sub, recordCreate(record), recordVersion(record));
    this.cache.set(key, Buffer.from(record));
    entry.lease = recordLease(record);
    if (entry.lease !== '0') this.leases?.attach(entry.lease, key);
    return undefined;
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    checkRange(request);
    const at = this.readRevision(request.revision, this.committed);
    const revision = this.committed;
    const { found, count } = locate(this.index, request, at);
    return { revision, ...selectRecords(request, await this.load(found), count) };
  }

  async put(request: PutRequest): Promise<{ revision: number; prev: Buffer | undefined }> {
    checkPut(request);
    const { revision, responses } = await this.run([], [{ type: 'put', ...request }], []);
    const response = responses[0];
    return { revision, prev: response?.type === 'put' ? response.prev : undefined };
  }

  async deleteRange(
    request: DeleteRangeRequest,
  ): Promise<{ revision: number; deleted: number; prevs: readonly Buffer[] }> {
    checkDeleteRange(request);
    const { revision, responses } = await this.run([], [{ type: 'delete', ...request }], []);
    const response = responses[0];
    if (response?.type !== 'delete') return { revision, deleted: 0, prevs: [] };
    return { revision, deleted: response.deleted, prevs: response.prevs };
  }

  txn(request: TxnRequest): Promise<TxnResponse> {
    checkTxn(request);
    return this.run(request.compare, request.success, request.failure);
  }

  /**
   * Deletes keys and changes other records in one batch: what a lease leaves behind. Resolves when it is
   * on disk.
   */
  async deleteKeys(keys: Iterable<string>, diskKeys: readonly Buffer[]): Promise<void> {
    const writing = this.begin();
    for (const key of keys) this.applyDelete(writing, { key });
    await this.commit(writing, diskKeys);
  }

  /** Forgets history before `revision`. Resolves when that is decided on disk; deleting goes on in `sweep`. */
  async compact(revision: number): Promise<void> {
    if (revision <= this.compactedTo) throw compacted();
    if (revision > this.committed) throw futureRevision();
    this.compactedTo = revision;
    await this.backend.append({ compactRevision: revision });
  }

  /** Deletes from index and disk what compactions left behind. One at a time. */
  async sweep(signal: AbortSignal): Promise<void> {
    const revision = this.compactedTo;
    await Promise.allSettled(this.reading);
    let from: string | undefined = '';
    while (from !== undefined && !signal.aborted) {
      const dropped: Buffer[] = [];
      const dead: string[] = [];
      let next: string | undefined;
      let visited = 0;
      this.index.ascend(from, undefined, (entry) => {
        if (visited++ === COMPACT_SLICE) {
          next = entry.key;
          return false;
        }
        for (const { main, sub } of entry.compact(revision)) dropped.push(revisionKey(main, sub));
        if (entry.empty) dead.push(entry.key);
        return true;
      });
      for (const key of dead) this.index.remove(key);
      for (let i = 0; i < dropped.length; i += COMPACT_SLICE) {
        await this.backend.append({ deletes: dropped.slice(i, i + COMPACT_SLICE) });
      }
      if (dropped.length === 0) await new Promise((resolve) => setImmediate(resolve));
      from = next;
    }
  }

  /**
   * The history from `revision` to the newest that is durable, whole revisions only, at most about `limit`
   * changes. `next` is where to go on.
   */
  async history(revision: number, limit: number): Promise<{ records: Buffer[]; next: number }> {
    const end = this.committed + 1;
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

  /** The record of `key` as it was before `main`, if it existed and was not compacted. */
  previous(key: string, main: number): Buffer | undefined {
    if (main - 1 < this.compactedTo) return undefined;
    const entry = this.index.get(key);
    const found = entry?.find(main - 1);
    return found ? this.loadSync(key, found) : undefined;
  }

  /** A record by its revision: from memory or, blocking, from disk. */
  loadSync(key: string, found: FoundRevision): Buffer | undefined {
    return this.inMemory(key, found) ?? this.backend.getSync(revisionKey(found.main, found.sub));
  }

  private async run(
    compare: TxnRequest['compare'],
    success: readonly OpRequest[],
    failure: readonly OpRequest[],
  ): Promise<TxnResponse> {
    const succeeded = this.allHold(compare);
    const branch = succeeded ? success : failure;
    // All or nothing: whatever can refuse the branch is asked before the first change.
    this.admit(branch);
    const writing = this.begin();
    const responses = this.applyBranch(writing, branch);
    await this.commit(writing, []);
    return {
      revision: writing.changes.length > 0 ? writing.main : writing.main - 1,
      succeeded,
      responses,
    };
  }

  private begin(): Writing {
    const writing = { main: this.applied + 1, changes: [] };
    this.pending.set(writing.main, { revision: writing.main, changes: writing.changes });
    return writing;
  }

  /** Resolves when the transaction, or, if it changed nothing, what it saw, is on disk. */
  private commit(writing: Writing, deletes: readonly Buffer[]): Promise<void> {
    const { main, changes } = writing;
    const last = changes.at(-1);
    if (!last) {
      this.pending.delete(main);
      if (deletes.length === 0 && this.applied === this.committed) return Promise.resolve();
      return this.backend.append({ deletes });
    }
    markLast(last.record);
    const puts = changes.map(({ record }, sub) => {
      seal(record);
      return { key: revisionKey(main, sub), value: record };
    });
    this.applied = main;
    return this.backend.append({
      puts,
      deletes,
      revision: main,
      onDurable: () => this.onDurable({ revision: main, changes }),
    });
  }

  private onDurable(txn: CommittedTxn): void {
    this.committed = txn.revision;
    this.pending.delete(txn.revision);
    for (const { key, record } of txn.changes) {
      if (recordIsDelete(record)) this.cache.delete(key);
      else this.cache.set(key, record);
    }
    this.onCommit(txn);
  }

  private allHold(compares: TxnRequest['compare']): boolean {
    return compares.every((compare) =>
      compareHolds(compare, this.index, (entry, found) => this.loadSync(entry.key, found)),
    );
  }

  private admit(branch: readonly OpRequest[]): void {
    for (const op of branch) {
      if (op.type === 'put') {
        const lease = op.lease ?? '0';
        if (lease !== '0' && !this.leases?.has(lease)) throw leaseNotFound();
        if ((op.ignoreValue || op.ignoreLease) && !this.index.get(op.key)?.live) {
          throw keyNotFound();
        }
      } else if (op.type === 'range') {
        this.readRevision(op.revision, this.applied);
      } else if (op.type === 'txn') {
        // Which branch runs may depend on this transaction's own changes: both must be fit to run.
        this.admit(op.success);
        this.admit(op.failure);
      }
    }
  }

  private applyBranch(writing: Writing, branch: readonly OpRequest[]): OpResponse[] {
    return branch.map((op) => this.applyOp(writing, op));
  }

  private applyOp(writing: Writing, op: OpRequest): OpResponse {
    switch (op.type) {
      case 'put':
        return this.applyPut(writing, op);
      case 'delete':
        return this.applyDelete(writing, op);
      case 'range':
        return { type: 'range', ...this.rangeNow(writing, op) };
      case 'txn': {
        const succeeded = this.allHold(op.compare);
        const responses = this.applyBranch(writing, succeeded ? op.success : op.failure);
        return { type: 'txn', succeeded, responses };
      }
    }
  }

  private applyPut(writing: Writing, op: PutRequest): OpResponse {
    const { key } = op;
    const entry = this.index.getOrCreate(key);
    const { live } = entry;
    const found = live ? entry.find(writing.main) : undefined;
    const prev = found && { ...found, record: this.inMemory(key, found) };
    const wantsPrev = op.prevKv || op.ignoreValue;
    const before = found && wantsPrev ? (prev?.record ?? this.loadSync(key, found)) : undefined;
    const lease = op.ignoreLease ? entry.lease : (op.lease ?? '0');
    const record = encodeRecord({
      key,
      value: op.ignoreValue && before ? recordValue(before) : op.value,
      mod: writing.main,
      sub: writing.changes.length,
      create: live ? live.created : writing.main,
      version: live ? live.version + 1 : 1,
      lease,
    });
    entry.put(writing.main, writing.changes.length);
    if (lease !== entry.lease) {
      if (entry.lease !== '0') this.leases?.detach(entry.lease, key);
      if (lease !== '0') this.leases?.attach(lease, key);
      entry.lease = lease;
    }
    writing.changes.push({ key, record, prev });
    return { type: 'put', prev: op.prevKv ? before : undefined };
  }

  private applyDelete(writing: Writing, op: DeleteRangeRequest): OpResponse {
    const entries: KeyEntry[] = [];
    this.forEachLive(op.key, op.rangeEnd, (entry) => entries.push(entry));
    const prevs: Buffer[] = [];
    for (const entry of entries) {
      const { key } = entry;
      const found = entry.find(writing.main);
      if (!found) continue;
      const before = this.inMemory(key, found);
      const loaded = op.prevKv ? (before ?? this.loadSync(key, found)) : undefined;
      if (loaded) prevs.push(loaded);
      const sub = writing.changes.length;
      const record = encodeRecord({
        key,
        value: undefined,
        mod: writing.main,
        sub,
        create: 0,
        version: 0,
        lease: '0',
      });
      if (entry.lease !== '0') this.leases?.detach(entry.lease, key);
      entry.tombstone(writing.main, sub);
      writing.changes.push({ key, record, prev: { ...found, record: before } });
    }
    return { type: 'delete', deleted: entries.length, prevs };
  }

  private forEachLive(
    key: string,
    rangeEnd: string | undefined,
    visit: (entry: KeyEntry) => void,
  ): void {
    if (rangeEnd === undefined || rangeEnd === '') {
      const entry = this.index.get(key);
      if (entry?.live) visit(entry);
      return;
    }
    this.index.ascend(key, endOf(key, rangeEnd), (entry) => {
      if (entry.live) visit(entry);
      return true;
    });
  }

  /** Inside a transaction: with its own changes so far, without a chance for others in between. */
  private rangeNow(writing: Writing, request: RangeRequest): Selected {
    const at = request.revision ? this.readRevision(request.revision, this.applied) : writing.main;
    const located = locate(this.index, request, at);
    const records = located.found.map(
      ({ key, main, sub }) => this.loadSync(key, { main, sub }) ?? this.lost(main, sub),
    );
    return selectRecords(request, records, located.count);
  }

  private readRevision(requested: number | undefined, newest: number): number {
    if (!requested || requested < 0) return newest;
    if (requested > newest) throw futureRevision();
    if (requested < this.compactedTo) throw compacted();
    return requested;
  }

  private inMemory(key: string, { main, sub }: FoundRevision): Buffer | undefined {
    return this.pending.get(main)?.changes[sub]?.record ?? this.cache.get(key, main);
  }

  private async load(found: readonly Located[]): Promise<Buffer[]> {
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

  /** Sweeping waits for what is read here. */
  private async pin<T>(read: Promise<T>): Promise<T> {
    this.reading.add(read);
    try {
      return await read;
    } finally {
      this.reading.delete(read);
    }
  }

  private lost(main: number, sub: number): never {
    throw this.backend.damaged(`the record of revision ${main}.${sub} has gone`);
  }
}
