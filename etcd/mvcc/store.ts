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
 * The index and the newest records are in memory; the rest is read from disk. Keys and revisions are in
 * `Keyspace`, the bytes in `Records`; the `Applier` does what a transaction asks.
 */
import { markLast } from '../../pkg/etcd-client/kv-record.js';
import type { Backend } from '../backend/backend.js';
import { compacted, futureRevision } from '../errors.js';
import { Applier, type Writing } from './applier.js';
import type { CommittedTxn } from './change.js';
import { checkDeleteRange, checkPut, checkRange, checkTxn } from './check-request.js';
import type { FoundRevision } from './key-index.js';
import { Keyspace, type LeaseBook } from './keyspace.js';
import { locate, selectRecords } from './range-select.js';
import { seal } from './record-seal.js';
import { Records } from './records.js';
import type {
  DeleteRangeRequest,
  OpRequest,
  PutRequest,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from './request.js';
import { restoreRecord } from './restore.js';
import { revisionKey } from './revision.js';
import { sweep } from './sweep.js';

export interface StoreOptions {
  readonly backend: Backend;
  readonly cacheBytes?: number;
  readonly onCommit: (txn: CommittedTxn) => void;
}

/** Enough for what is written often; a larger store reads the rest from disk. */
const CACHE_BYTES = 24 * 1024 * 1024;

export class Store {
  private readonly backend: Backend;
  private readonly onCommit: (txn: CommittedTxn) => void;
  private readonly keyspace: Keyspace;
  private readonly records: Records;
  private readonly applier: Applier;

  constructor(options: StoreOptions) {
    this.backend = options.backend;
    this.onCommit = options.onCommit;
    this.keyspace = new Keyspace(options.backend);
    this.records = new Records(options.backend, options.cacheBytes ?? CACHE_BYTES);
    this.applier = new Applier(this.keyspace, this.records);
  }

  get revision(): number {
    return this.keyspace.committed;
  }

  get compactRevision(): number {
    return this.keyspace.compacted;
  }

  get keys(): number {
    return this.keyspace.index.size;
  }

  /** Before the restore, and before any request. */
  useLeases(leases: LeaseBook): void {
    this.keyspace.useLeases(leases);
  }

  /** One record in the order of history, at start. Returns what is wrong with it, if anything. */
  restore(diskKey: Buffer, record: Buffer, before: FoundRevision): string | undefined {
    const { keyspace, records } = this;
    return restoreRecord({ keyspace, cache: records.cache }, diskKey, record, before);
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    checkRange(request);
    const { index, committed: revision } = this.keyspace;
    const at = this.keyspace.readRevision(request.revision, revision);
    const { found, count } = locate(index, request, at);
    return { revision, ...selectRecords(request, await this.records.load(found), count) };
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
    for (const key of keys) this.applier.applyDelete(writing, { key });
    await this.commit(writing, diskKeys);
  }

  /** Forgets history before `revision`. Resolves when that is decided on disk; deleting goes on in `sweep`. */
  async compact(revision: number): Promise<void> {
    if (revision <= this.keyspace.compacted) throw compacted();
    if (revision > this.keyspace.committed) throw futureRevision();
    this.keyspace.compacted = revision;
    await this.backend.append({ compactRevision: revision });
  }

  /** Deletes from index and disk what compactions left behind. One at a time. */
  async sweep(signal: AbortSignal): Promise<void> {
    const { index, compacted: revision } = this.keyspace;
    await this.records.readsEnd();
    await sweep({ index, backend: this.backend, revision, signal });
  }

  /**
   * The history from `revision` to the newest that is durable, whole revisions only, at most about `limit`
   * changes. `next` is where to go on.
   */
  history(revision: number, limit: number): Promise<{ records: Buffer[]; next: number }> {
    return this.records.history(revision, this.keyspace.committed + 1, limit);
  }

  /** The record of `key` as it was before `main`, if it existed and was not compacted. */
  previous(key: string, main: number): Buffer | undefined {
    if (main - 1 < this.keyspace.compacted) return undefined;
    const entry = this.keyspace.index.get(key);
    const found = entry?.find(main - 1);
    return found ? this.records.loadSync(key, found) : undefined;
  }

  /** A record by its revision: from memory or, blocking, from disk. */
  loadSync(key: string, found: FoundRevision): Buffer | undefined {
    return this.records.loadSync(key, found);
  }

  private async run(
    compare: TxnRequest['compare'],
    success: readonly OpRequest[],
    failure: readonly OpRequest[],
  ): Promise<TxnResponse> {
    const succeeded = this.applier.allHold(compare);
    const branch = succeeded ? success : failure;
    // All or nothing: whatever can refuse the branch is asked before the first change.
    this.applier.admit(branch);
    const writing = this.begin();
    const responses = this.applier.applyBranch(writing, branch);
    await this.commit(writing, []);
    return {
      revision: writing.changes.length > 0 ? writing.main : writing.main - 1,
      succeeded,
      responses,
    };
  }

  private begin(): Writing {
    const writing = { main: this.keyspace.applied + 1, changes: [] };
    this.records.hold({ revision: writing.main, changes: writing.changes });
    return writing;
  }

  /** Resolves when the transaction, or, if it changed nothing, what it saw, is on disk. */
  private commit(writing: Writing, deletes: readonly Buffer[]): Promise<void> {
    const { main, changes } = writing;
    const last = changes.at(-1);
    if (!last) {
      this.records.release(main);
      const { applied, committed } = this.keyspace;
      if (deletes.length === 0 && applied === committed) return Promise.resolve();
      return this.backend.append({ deletes });
    }
    markLast(last.record);
    const puts = changes.map(({ record }, sub) => {
      seal(record);
      return { key: revisionKey(main, sub), value: record };
    });
    this.keyspace.applied = main;
    return this.backend.append({
      puts,
      deletes,
      revision: main,
      onDurable: () => this.onDurable({ revision: main, changes }),
    });
  }

  private onDurable(txn: CommittedTxn): void {
    this.keyspace.committed = txn.revision;
    this.records.settle(txn);
    this.onCommit(txn);
  }
}
