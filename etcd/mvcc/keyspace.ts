/**
 * Which keys there are, the leases they are tied to, and the revisions at which they can be read:
 *
 *       compacted ≤ committed ≤ applied
 *
 * Reads from outside see what is committed (durable); a transaction sees what is applied. All of it is in
 * memory; the records are in `Records`.
 */
import { compacted, futureRevision } from '../errors.js';
import { type KeyEntry, KeyIndex } from './key-index.js';

/** What the store asks of its leases. */
export interface LeaseBook {
  has(lease: string): boolean;
  attach(lease: string, key: string): void;
  detach(lease: string, key: string): void;
}

export class Keyspace {
  readonly index = new KeyIndex();
  applied: number;
  committed: number;
  compacted: number;
  private leases: LeaseBook | undefined;

  constructor(head: { readonly revision: number; readonly compactRevision: number }) {
    this.applied = head.revision;
    this.committed = head.revision;
    this.compacted = head.compactRevision;
  }

  /** The revision that a request reads at. Throws when it has been compacted or is not there yet. */
  readRevision(requested: number | undefined, newest: number): number {
    if (!requested || requested < 0) return newest;
    if (requested > newest) throw futureRevision();
    if (requested < this.compacted) throw compacted();
    return requested;
  }

  useLeases(leases: LeaseBook): void {
    this.leases = leases;
  }

  hasLease(lease: string): boolean {
    return this.leases?.has(lease) ?? false;
  }

  /** Ties the key, which has no lease any more, to `lease`; '0' is none. */
  attach(entry: KeyEntry, lease: string): void {
    if (lease !== '0') this.leases?.attach(lease, entry.key);
    entry.lease = lease;
  }

  /** Tells the key's lease that it is gone; what the entry has instead is for the caller to set. */
  detach(entry: KeyEntry): void {
    if (entry.lease !== '0') this.leases?.detach(entry.lease, entry.key);
  }
}
