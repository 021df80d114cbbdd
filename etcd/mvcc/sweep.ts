/**
 * Deletes from index and disk what a compaction to `revision` left behind, a slice at a time so that
 * others get their turn. The caller has waited for the reads that may still want it.
 */
import type { Backend } from '../backend/backend.js';
import type { KeyIndex } from './key-index.js';
import { revisionKey } from './revision.js';

/** Keys compacted, and records deleted, in one go before others get a turn. */
const SLICE = 1000;

export interface Sweep {
  readonly index: KeyIndex;
  readonly backend: Backend;
  readonly revision: number;
  readonly signal: AbortSignal;
}

export async function sweep({ index, backend, revision, signal }: Sweep): Promise<void> {
  let from: string | undefined = '';
  while (from !== undefined && !signal.aborted) {
    const dropped: Buffer[] = [];
    const dead: string[] = [];
    let next: string | undefined;
    let visited = 0;
    index.ascend(from, undefined, (entry) => {
      if (visited++ === SLICE) {
        next = entry.key;
        return false;
      }
      for (const { main, sub } of entry.compact(revision)) dropped.push(revisionKey(main, sub));
      if (entry.empty) dead.push(entry.key);
      return true;
    });
    for (const key of dead) index.remove(key);
    for (let i = 0; i < dropped.length; i += SLICE) {
      await backend.append({ deletes: dropped.slice(i, i + SLICE) });
    }
    if (dropped.length === 0) await new Promise((resolve) => setImmediate(resolve));
    from = next;
  }
}
