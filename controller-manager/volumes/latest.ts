/**
 * Objects as a controller knows them: those of an informer, and over them what the controller itself has
 * written and the watch has not brought yet. Without it a sync right after a write would decide on the
 * object as it was.
 *
 *   write ─▶ (written, pending: versions) ─▶ the watch brings each of them in turn ─▶ the informer's again
 *
 * A version that is not among the pending ones is newer than all of them: each write names the version that
 * it was made from, so nothing of others can come in between. One writer a key at a time.
 */
import { type KubeObject, keyOf } from '../../pkg/apimachinery/meta.js';
import type { Informer } from '../../pkg/client/informer.js';

interface Written<T> {
  object: T;
  readonly pending: string[];
}

export class Latest<T extends KubeObject> {
  private readonly written = new Map<string, Written<T>>();
  /** Versions that the watch brought while a write of the key was under way. */
  private readonly underWay = new Map<string, Set<string>>();

  constructor(private readonly informer: Informer<T>) {
    informer.addHandler({
      add: (obj) => this.seen(obj),
      update: (_, obj) => this.seen(obj),
      delete: (obj) => {
        this.written.delete(keyOf(obj));
      },
    });
  }

  get(key: string): T | undefined {
    return this.written.get(key)?.object ?? this.informer.store.get(key);
  }

  /** By name for a cluster-scoped resource, and in no order. */
  *values(): IterableIterator<T> {
    for (const obj of this.informer.store.values())
      yield this.written.get(keyOf(obj))?.object ?? obj;
  }

  /** Writes the object that `from` is to become, and returns what the server made of it. */
  async write(from: T, call: () => Promise<T>): Promise<T> {
    const key = keyOf(from);
    const seen = new Set<string>();
    this.underWay.set(key, seen);
    try {
      const made = await call();
      const version = made.metadata?.resourceVersion ?? '';
      const known = this.written.get(key);
      // The watch may have been faster than the answer, and a write may change nothing.
      if (seen.has(version)) this.written.delete(key);
      else if (version !== from.metadata?.resourceVersion)
        this.written.set(key, { object: made, pending: [...(known?.pending ?? []), version] });
      return made;
    } catch (err) {
      // It met something else than what was expected: only the informer can know now.
      this.written.delete(key);
      throw err;
    } finally {
      this.underWay.delete(key);
    }
  }

  private seen(obj: T): void {
    const key = keyOf(obj);
    this.underWay.get(key)?.add(obj.metadata?.resourceVersion ?? '');
    const known = this.written.get(key);
    if (!known) return;
    const at = known.pending.indexOf(obj.metadata?.resourceVersion ?? '');
    if (at < 0 || at === known.pending.length - 1) this.written.delete(key);
    else known.pending.splice(0, at + 1);
  }
}
