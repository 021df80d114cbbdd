/**
 * What a reflector knows of one resource: objects by key, and indexes over them. Objects are shared and
 * READ-ONLY; copy before changing. An index maps a value (a node's name, an owner's uid) to the keys of
 * the objects that have it, so that a controller never scans all pods.
 */
import { type KubeObject, keyOf } from '../apimachinery/meta.js';

/** The values under which an object is found; none leaves it out. */
export type IndexFunc<T extends KubeObject> = (obj: T) => readonly string[];

export type Indexers<T extends KubeObject> = Readonly<Record<string, IndexFunc<T>>>;

export const BY_NAMESPACE = 'namespace';
export const BY_OWNER = 'owner';

export function namespaceIndex(obj: KubeObject): readonly string[] {
  return [obj.metadata?.namespace ?? ''];
}

/** By the uid of the controlling owner; objects without one are filed under `orphanValue(namespace)`. */
export function ownerIndex(obj: KubeObject): readonly string[] {
  const uid = obj.metadata?.ownerReferences?.find((ref) => ref.controller === true)?.uid;
  return [uid ?? orphanValue(obj.metadata?.namespace ?? '')];
}

export function orphanValue(namespace: string): string {
  return `orphans/${namespace}`;
}

export class Store<T extends KubeObject> {
  private readonly objects = new Map<string, T>();
  private readonly indexers = new Map<string, IndexFunc<T>>();
  private readonly indices = new Map<string, Map<string, Set<string>>>();

  constructor(indexers: Indexers<T> = {}) {
    this.addIndexers(indexers);
  }

  /** May be called at any time; what is stored already is indexed at once. Same name, same function. */
  addIndexers(indexers: Indexers<T>): void {
    for (const [name, fn] of Object.entries(indexers)) {
      if (this.indexers.has(name)) continue;
      this.indexers.set(name, fn);
      const index = new Map<string, Set<string>>();
      this.indices.set(name, index);
      for (const [key, obj] of this.objects) insert(index, fn(obj), key);
    }
  }

  get size(): number {
    return this.objects.size;
  }
  get(key: string): T | undefined {
    return this.objects.get(key);
  }
  keys(): IterableIterator<string> {
    return this.objects.keys();
  }
  values(): IterableIterator<T> {
    return this.objects.values();
  }

  /** Objects that the named index files under `value`. An unknown index is a programming error. */
  byIndex(name: string, value: string): T[] {
    const keys = this.index(name).get(value);
    if (!keys) return [];
    const found: T[] = [];
    for (const key of keys) {
      const obj = this.objects.get(key);
      if (obj !== undefined) found.push(obj);
    }
    return found;
  }

  /** How many objects the named index files under `value`. */
  countByIndex(name: string, value: string): number {
    return this.index(name).get(value)?.size ?? 0;
  }

  indexValues(name: string): IterableIterator<string> {
    return this.index(name).keys();
  }

  /** Returns what was there before. */
  set(obj: T): T | undefined {
    const key = keyOf(obj);
    const old = this.objects.get(key);
    this.objects.set(key, obj);
    for (const [name, fn] of this.indexers) {
      const index = this.index(name);
      if (old !== undefined) remove(index, fn(old), key);
      insert(index, fn(obj), key);
    }
    return old;
  }

  delete(key: string): T | undefined {
    const old = this.objects.get(key);
    if (old === undefined) return undefined;
    this.objects.delete(key);
    for (const [name, fn] of this.indexers) remove(this.index(name), fn(old), key);
    return old;
  }

  private index(name: string): Map<string, Set<string>> {
    const index = this.indices.get(name);
    if (!index) throw new Error(`no index named ${name}`);
    return index;
  }
}

function insert(index: Map<string, Set<string>>, values: readonly string[], key: string): void {
  for (const value of values) {
    const keys = index.get(value);
    if (keys) keys.add(key);
    else index.set(value, new Set([key]));
  }
}

function remove(index: Map<string, Set<string>>, values: readonly string[], key: string): void {
  for (const value of values) {
    const keys = index.get(value);
    if (!keys) continue;
    keys.delete(key);
    if (keys.size === 0) index.delete(value);
  }
}
