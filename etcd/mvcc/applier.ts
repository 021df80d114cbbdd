/**
 * What the operations of a transaction do to keyspace and records, in one turn of the event loop:
 *
 *       allHold ──► admit ──► applyBranch
 *
 * `admit` asks whatever can refuse a branch before its first change; applying it can not fail then, short
 * of damage. Each operation sees the changes of those before it. Writing them to disk is the store's.
 */
import { encodeRecord, recordValue } from '../../pkg/etcd-client/kv-record.js';
import { keyNotFound, leaseNotFound } from '../errors.js';
import type { Change } from './change.js';
import { compareHolds } from './compare.js';
import type { KeyEntry } from './key-index.js';
import type { Keyspace } from './keyspace.js';
import { locate, type Selected, selectRecords } from './range-select.js';
import type { Records } from './records.js';
import {
  type CompareRequest,
  type DeleteRangeRequest,
  endOf,
  type OpRequest,
  type OpResponse,
  type PutRequest,
  type RangeRequest,
} from './request.js';

/** A transaction while it is applied. */
export interface Writing {
  readonly main: number;
  readonly changes: Change[];
}

export class Applier {
  constructor(
    private readonly keyspace: Keyspace,
    private readonly records: Records,
  ) {}

  allHold(compares: readonly CompareRequest[]): boolean {
    return compares.every((compare) =>
      compareHolds(compare, this.keyspace.index, (entry, found) =>
        this.records.loadSync(entry.key, found),
      ),
    );
  }

  admit(branch: readonly OpRequest[]): void {
    for (const op of branch) {
      if (op.type === 'put') {
        const lease = op.lease ?? '0';
        if (lease !== '0' && !this.keyspace.hasLease(lease)) throw leaseNotFound();
        if ((op.ignoreValue || op.ignoreLease) && !this.keyspace.index.get(op.key)?.live) {
          throw keyNotFound();
        }
      } else if (op.type === 'range') {
        this.keyspace.readRevision(op.revision, this.keyspace.applied);
      } else if (op.type === 'txn') {
        // Which branch runs may depend on this transaction's own changes: both must be fit to run.
        this.admit(op.success);
        this.admit(op.failure);
      }
    }
  }

  applyBranch(writing: Writing, branch: readonly OpRequest[]): OpResponse[] {
    return branch.map((op) => this.applyOp(writing, op));
  }

  applyDelete(writing: Writing, op: DeleteRangeRequest): OpResponse {
    const entries: KeyEntry[] = [];
    this.forEachLive(op.key, op.rangeEnd, (entry) => entries.push(entry));
    const prevs: Buffer[] = [];
    for (const entry of entries) {
      const { key } = entry;
      const found = entry.find(writing.main);
      if (!found) continue;
      const before = this.records.inMemory(key, found);
      const loaded = op.prevKv ? (before ?? this.records.loadSync(key, found)) : undefined;
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
      this.keyspace.detach(entry);
      entry.tombstone(writing.main, sub);
      writing.changes.push({ key, record, prev: { ...found, record: before } });
    }
    return { type: 'delete', deleted: entries.length, prevs };
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
    const entry = this.keyspace.index.getOrCreate(key);
    const { live } = entry;
    const found = live ? entry.find(writing.main) : undefined;
    const prev = found && { ...found, record: this.records.inMemory(key, found) };
    const wantsPrev = op.prevKv || op.ignoreValue;
    const before =
      found && wantsPrev ? (prev?.record ?? this.records.loadSync(key, found)) : undefined;
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
      this.keyspace.detach(entry);
      this.keyspace.attach(entry, lease);
    }
    writing.changes.push({ key, record, prev });
    return { type: 'put', prev: op.prevKv ? before : undefined };
  }

  private forEachLive(
    key: string,
    rangeEnd: string | undefined,
    visit: (entry: KeyEntry) => void,
  ): void {
    if (rangeEnd === undefined || rangeEnd === '') {
      const entry = this.keyspace.index.get(key);
      if (entry?.live) visit(entry);
      return;
    }
    this.keyspace.index.ascend(key, endOf(key, rangeEnd), (entry) => {
      if (entry.live) visit(entry);
      return true;
    });
  }

  /** Inside a transaction: with its own changes so far, without a chance for others in between. */
  private rangeNow(writing: Writing, request: RangeRequest): Selected {
    const { keyspace } = this;
    const at = request.revision
      ? keyspace.readRevision(request.revision, keyspace.applied)
      : writing.main;
    const located = locate(keyspace.index, request, at);
    const records = located.found.map(
      ({ key, main, sub }) =>
        this.records.loadSync(key, { main, sub }) ?? this.records.lost(main, sub),
    );
    return selectRecords(request, records, located.count);
  }
}
