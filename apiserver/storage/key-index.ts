/**
 * The objects of one resource, by key and in key order, all or of one namespace. Order is made when it is
 * asked for: a write costs the same however many objects there are, and a list that follows few writes
 * merges them in.
 */
import type { StoredObject } from './stored-object.js';

const byKey = (a: StoredObject, b: StoredObject): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : 0;

class Bucket {
  private readonly objects = new Map<string, StoredObject>();
  /** Right but for `added`, and for what was replaced or taken away since. */
  private ordered: readonly StoredObject[] = [];
  private added: StoredObject[] = [];
  private changed = false;

  get size(): number {
    return this.objects.size;
  }

  get(key: string): StoredObject | undefined {
    return this.objects.get(key);
  }

  set(object: StoredObject): StoredObject | undefined {
    const previous = this.objects.get(object.key);
    this.objects.set(object.key, object);
    if (previous) this.changed = true;
    else this.added.push(object);
    return previous;
  }

  delete(key: string): StoredObject | undefined {
    const previous = this.objects.get(key);
    if (!previous) return undefined;
    this.objects.delete(key);
    this.changed = true;
    return previous;
  }

  /** A fresh array each time the content changed; callers may keep it and must not change it. */
  sorted(): readonly StoredObject[] {
    if (!this.changed && this.added.length === 0) return this.ordered;
    const all: StoredObject[] = [];
    const seen = this.added.length > 0 ? new Set<string>() : undefined;
    const take = ({ key }: StoredObject) => {
      const now = this.objects.get(key);
      if (!now || seen?.has(key)) return;
      seen?.add(key);
      all.push(now);
    };
    this.ordered.forEach(take);
    this.added.forEach(take);
    // Sorted but for a tail: nearly linear.
    if (this.added.length > 0) all.sort(byKey);
    this.ordered = all;
    this.added = [];
    this.changed = false;
    return all;
  }
}

export class KeyIndex {
  private readonly buckets = new Map<string, Bucket>();
  private count = 0;
  private length = 0;

  get size(): number {
    return this.count;
  }

  /** Of the JSON of all objects together. */
  get bytes(): number {
    return this.length;
  }

  get(key: string): StoredObject | undefined {
    return this.buckets.get(bucketOf(key))?.get(key);
  }

  /** Answers what was there before. */
  set(object: StoredObject): StoredObject | undefined {
    const name = bucketOf(object.key);
    let bucket = this.buckets.get(name);
    if (!bucket) {
      bucket = new Bucket();
      this.buckets.set(name, bucket);
    }
    const previous = bucket.set(object);
    if (!previous) this.count++;
    this.length += object.line.length - (previous?.line.length ?? 0);
    return previous;
  }

  delete(key: string): StoredObject | undefined {
    const name = bucketOf(key);
    const bucket = this.buckets.get(name);
    const previous = bucket?.delete(key);
    if (!bucket || !previous) return undefined;
    if (bucket.size === 0) this.buckets.delete(name);
    this.count--;
    this.length -= previous.line.length;
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
    this.length = 0;
  }
}

/** `ns/`, or empty for a cluster-scoped object. */
function bucketOf(key: string): string {
  return key.slice(0, key.indexOf('/') + 1);
}
