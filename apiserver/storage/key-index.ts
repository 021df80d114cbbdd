/**
 * The objects of one resource, by key and in key order, all or of one namespace. Order is made when it is
 * asked for: a write costs the same however many objects there are, and a list that follows few writes
 * merges them in.
 */
import type { StoredObject } from './stored-object.js';

const byKey = (a: StoredObject, b: StoredObject): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : 0;

class Bucket {
  readonly byKey = new Map<string, StoredObject>();
  private ordered: readonly StoredObject[] | undefined;

  /** A fresh array each time the content changed; callers may keep and must not change it. */
  sorted(): readonly StoredObject[] {
    if (!this.ordered) this.ordered = [...this.byKey.values()].sort(byKey);
    return this.ordered;
  }
  changed(): void {
    this.ordered = undefined;
  }
}

export class KeyIndex {
  private readonly buckets = new Map<string, Bucket>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(key: string): StoredObject | undefined {
    return this.buckets.get(bucketOf(key))?.byKey.get(key);
  }

  /** Answers what was there before. */
  set(object: StoredObject): StoredObject | undefined {
    const name = bucketOf(object.key);
    let bucket = this.buckets.get(name);
    if (!bucket) {
      bucket = new Bucket();
      this.buckets.set(name, bucket);
    }
    const previous = bucket.byKey.get(object.key);
    bucket.byKey.set(object.key, object);
    bucket.changed();
    if (!previous) this.count++;
    return previous;
  }

  delete(key: string): StoredObject | undefined {
    const name = bucketOf(key);
    const bucket = this.buckets.get(name);
    const previous = bucket?.byKey.get(key);
    if (!bucket || !previous) return undefined;
    bucket.byKey.delete(key);
    bucket.changed();
    if (bucket.byKey.size === 0) this.buckets.delete(name);
    this.count--;
    return previous;
  }

  /** Empty namespace: all. */
  list(namespace: string): readonly StoredObject[] {
    if (namespace !== '') return this.buckets.get(`${namespace}/`)?.sorted() ?? [];
    if (this.buckets.size === 1) for (const bucket of this.buckets.values()) return bucket.sorted();
    // `a-b/x` sorts before `a/x`: compare with the slash.
    const names = [...this.buckets.keys()].sort();
    const all: StoredObject[] = [];
    for (const name of names)
      for (const object of this.buckets.get(name)?.sorted() ?? []) all.push(object);
    return all;
  }

  clear(): void {
    this.buckets.clear();
    this.count = 0;
  }
}

/** `ns/`, or empty for a cluster-scoped object. */
function bucketOf(key: string): string {
  return key.slice(0, key.indexOf('/') + 1);
}
