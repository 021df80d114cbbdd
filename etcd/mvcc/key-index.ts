/**
 * Which revisions each key has, in memory. A key's life between its creation and its deletion is a
 * generation; deleting ends it with a tombstone, the next put begins another. Worked example:
 *
 *   put(2) put(4) delete(5) put(7)
 *     generations  {created 2: 2, 4, 5(t)}  {created 7: 7}
 *     find(4) = 4     find(5) = none     find(6) = none     find(9) = 7
 *   compact(4): 2 is superseded and dropped:    {created 2, version 2: 4, 5(t)}  {7}
 *   compact(5): the key is dead at 5; the tombstone stays, since a watch may still begin at 5: {5(t)} {7}
 *   compact(6): {7}
 *
 * `KeyIndex` keeps all keys sorted in chunks, so that a point lookup is one hash, a range O(log n + k) and
 * an insertion moves at most one chunk. Keys are byte strings (see kv-record.ts).
 */

/** Chunks split at this many keys: small enough to move quickly, large enough that few exist. */
const CHUNK_KEYS = 512;

interface Generation {
  created: number;
  /** Changes since `created`, those that compaction removed included. */
  version: number;
  /** main, sub, main, sub, … ascending. */
  revs: number[];
  ended: boolean;
}

export interface FoundRevision {
  readonly main: number;
  readonly sub: number;
}

export class KeyEntry {
  /** Of the newest revision; '0' for none. */
  lease = '0';
  private readonly generations: Generation[] = [];

  constructor(readonly key: string) {}

  /** The living generation, if the key exists at the newest revision. */
  get live(): { readonly created: number; readonly version: number } | undefined {
    const last = this.generations.at(-1);
    return last && !last.ended ? last : undefined;
  }

  get empty(): boolean {
    return this.generations.length === 0;
  }

  put(main: number, sub: number): void {
    const last = this.generations.at(-1);
    if (last && !last.ended) {
      last.revs.push(main, sub);
      last.version++;
    } else {
      this.generations.push({ created: main, version: 1, revs: [main, sub], ended: false });
    }
  }

  tombstone(main: number, sub: number): void {
    const last = this.generations.at(-1);
    this.lease = '0';
    if (last && !last.ended) {
      last.revs.push(main, sub);
      last.ended = true;
    } else {
      // Only at a restart: what the tombstone ended has been compacted.
      this.generations.push({ created: 0, version: 0, revs: [main, sub], ended: true });
    }
  }

  /** A put as it was read from disk at start. */
  restore(main: number, sub: number, created: number, version: number): void {
    this.put(main, sub);
    const last = this.generations.at(-1);
    if (last) {
      last.created = created;
      last.version = version;
    }
  }

  /** The change that is visible at `revision`; undefined when the key did not exist then. */
  find(revision: number): FoundRevision | undefined {
    for (let g = this.generations.length - 1; g >= 0; g--) {
      const generation = this.generations[g];
      if (!generation) continue;
      const { revs } = generation;
      if ((revs[0] ?? 0) > revision) continue;
      const last = revs.length - 2;
      if ((revs[last] ?? 0) > revision) return lastAtOrBefore(revs, revision);
      if (generation.ended) return undefined;
      return { main: revs[last] ?? 0, sub: revs[last + 1] ?? 0 };
    }
    return undefined;
  }

  /** Forgets what no read at `revision` or later needs, and returns it. */
  compact(revision: number): FoundRevision[] {
    const dropped: FoundRevision[] = [];
    let kept = 0;
    for (const generation of this.generations) {
      const { revs } = generation;
      let keepFrom = 0;
      while (keepFrom + 2 < revs.length && (revs[keepFrom + 2] ?? 0) <= revision) keepFrom += 2;
      const isLast = keepFrom === revs.length - 2;
      if (generation.ended && isLast && (revs[keepFrom] ?? 0) < revision) keepFrom += 2;
      for (let i = 0; i < keepFrom; i += 2) {
        dropped.push({ main: revs[i] ?? 0, sub: revs[i + 1] ?? 0 });
      }
      if (keepFrom > 0) revs.splice(0, keepFrom);
      if (revs.length > 0) this.generations[kept++] = generation;
    }
    this.generations.length = kept;
    return dropped;
  }
}

export class KeyIndex {
  private readonly byKey = new Map<string, KeyEntry>();
  private readonly chunks: KeyEntry[][] = [];

  get size(): number {
    return this.byKey.size;
  }

  get(key: string): KeyEntry | undefined {
    return this.byKey.get(key);
  }

  getOrCreate(key: string): KeyEntry {
    let entry = this.byKey.get(key);
    if (!entry) {
      entry = new KeyEntry(key);
      this.byKey.set(key, entry);
      this.insert(entry);
    }
    return entry;
  }

  remove(key: string): void {
    if (!this.byKey.delete(key)) return;
    const c = this.chunkOf(key);
    const chunk = this.chunks[c];
    if (!chunk) return;
    const i = lowerBound(chunk, key);
    if (chunk[i]?.key !== key) return;
    chunk.splice(i, 1);
    if (chunk.length === 0) this.chunks.splice(c, 1);
  }

  /** Calls `visit` for each entry with start <= key < end, in order, until it answers false. */
  ascend(start: string, end: string | undefined, visit: (entry: KeyEntry) => boolean): void {
    let c = this.chunkOf(start);
    let i = lowerBound(this.chunks[c] ?? [], start);
    for (; c < this.chunks.length; c++, i = 0) {
      const chunk = this.chunks[c] ?? [];
      for (; i < chunk.length; i++) {
        const entry = chunk[i];
        if (!entry) continue;
        if (end !== undefined && entry.key >= end) return;
        if (!visit(entry)) return;
      }
    }
  }

  private insert(entry: KeyEntry): void {
    const c = this.chunkOf(entry.key);
    const chunk = this.chunks[c];
    if (!chunk) {
      this.chunks.push([entry]);
      return;
    }
    chunk.splice(lowerBound(chunk, entry.key), 0, entry);
    if (chunk.length > CHUNK_KEYS) {
      // Keys often arrive in order; a chunk that grew at its end is split there and stays full.
      const at = chunk.at(-1) === entry ? chunk.length - 1 : chunk.length >> 1;
      this.chunks.splice(c + 1, 0, chunk.splice(at));
    }
  }

  /** The last chunk whose first key is not behind `key`. */
  private chunkOf(key: string): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if ((this.chunks[mid]?.[0]?.key ?? '') <= key) low = mid + 1;
      else high = mid;
    }
    return Math.max(0, low - 1);
  }
}

/** Of pairs main, sub: the last whose main is not behind `revision`; the first pair is not. */
function lastAtOrBefore(revs: readonly number[], revision: number): FoundRevision {
  let low = 1;
  let high = revs.length >> 1;
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((revs[mid * 2] ?? 0) <= revision) low = mid + 1;
    else high = mid;
  }
  return { main: revs[low * 2 - 2] ?? 0, sub: revs[low * 2 - 1] ?? 0 };
}

/** The place of the first entry whose key is not before `key`. */
function lowerBound(chunk: readonly KeyEntry[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((chunk[mid]?.key ?? '') < key) low = mid + 1;
    else high = mid;
  }
  return low;
}
