/**
 * What a transaction did, as watchers hear of it. Where a change stands in its transaction is its sub
 * revision.
 */
import type { FoundRevision } from './key-index.js';

/** One change of a committed transaction. */
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
