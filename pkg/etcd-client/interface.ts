/**
 * The store as the apiserver uses it: a small part of etcd v3's API with Buffers and numbers in place of
 * base64 and strings. One implementation speaks etcd's HTTP/JSON paths to any etcd 3.4 or later, the other
 * the multiplexed stream of drydock's own; `connect` in `client.ts` picks one and fails over between
 * endpoints. Revisions fit a number (2^53).
 */

export interface KeyValue {
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** 0: none. */
  readonly lease: string;
}

export interface RangeOptions {
  /** Absent: one key. `prefix(key)` gives the end of a prefix. */
  readonly rangeEnd?: string;
  /** Absent or 0: the newest. Older than the last compaction: `CompactedError`. */
  readonly revision?: number;
  readonly limit?: number;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly signal?: AbortSignal;
}

export interface RangeResult {
  /** The store's revision when it answered. */
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
  readonly count: number;
  readonly more: boolean;
}

/** One condition of a transaction: the key's mod revision equals this (0: the key is absent). */
export interface Compare {
  readonly key: string;
  readonly modRevision: number;
}

export type Op =
  | { readonly type: 'put'; readonly key: string; readonly value: Buffer; readonly lease?: string }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'range'; readonly key: string };

export interface TxnResult {
  readonly succeeded: boolean;
  readonly revision: number;
  /** One per op that ran; `kvs` for ranges (and prevKvs for deletes), empty for puts. */
  readonly responses: readonly { readonly kvs: readonly KeyValue[] }[];
}

export interface WatchEvent {
  readonly type: 'put' | 'delete';
  /** For a delete: key and modRevision only. */
  readonly kv: KeyValue;
  readonly prevKv?: KeyValue;
}

export interface WatchBatch {
  /** Everything up to this revision has been delivered, also when `events` is empty (progress). */
  readonly revision: number;
  /** All events of a revision are in one batch. */
  readonly events: readonly WatchEvent[];
}

export interface WatchOptions {
  readonly rangeEnd: string;
  /** First revision to deliver. */
  readonly startRevision: number;
  /** What each event replaces comes with it, which doubles what is sent. */
  readonly prevKv?: boolean;
  readonly signal: AbortSignal;
  readonly onBatch: (batch: WatchBatch) => void;
}

export interface EtcdClient {
  range(key: string, options?: RangeOptions): Promise<RangeResult>;
  txn(
    compare: readonly Compare[],
    success: readonly Op[],
    failure: readonly Op[],
    signal?: AbortSignal,
  ): Promise<TxnResult>;
  /**
   * Delivers batches in order until the signal aborts (then resolves), re-joining after a lost connection
   * where it left off, without a gap. Rejects with `CompactedError` when it can not.
   */
  watch(key: string, options: WatchOptions): Promise<void>;
  /** Asks for a progress batch on every watch, so that a caller can know that its cache is up to a revision. */
  requestProgress(): Promise<void>;
  leaseGrant(ttlSeconds: number): Promise<{ id: string; ttl: number }>;
  leaseRevoke(id: string): Promise<void>;
  leaseKeepAlive(id: string): Promise<{ ttl: number }>;
  compact(revision: number): Promise<void>;
  /** Which server answers, and how far it is. Used by /readyz. */
  status(signal?: AbortSignal): Promise<{ version: string; revision: number; dbSizeBytes: number }>;
  close(): Promise<void>;
}

/** The revision asked for is gone; `compactRevision` is the oldest that is left. */
export class CompactedError extends Error {
  constructor(readonly compactRevision: number) {
    super('etcdserver: mvcc: required revision has been compacted');
    this.name = 'CompactedError';
  }
}

/** No member could be reached, or none has a quorum: the call may or may not have been carried out. */
export class UnavailableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UnavailableError';
  }
}

/**
 * The end of the range of all keys that begin with `key`: its last character replaced by the next one.
 * UTF-8 sorts as its code points do, so that this is exact for keys that are text, and stays text.
 */
export function prefixEnd(key: string): string {
  const points = Array.from(key, (character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    // Surrogates are no characters.
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    return String.fromCodePoint(...points, next);
  }
  return '\0';
}
