/**
 * What made this process write: the object, at the resourceVersion, that a component reacted to. It is
 * carried from the informer's handler through the queue into the sync and onto every write of that sync as
 * the `Drydock-Cause` header, without standing in any signature:
 *
 *   informer (runs handlers inside `withCause`) → queue.add(key) notes `currentCause()` with the key
 *   → worker runs sync inside `runWithCause(cause)` → RestClient reads `currentCause()`
 *
 * A key that was added for several reasons before it was worked on keeps the newest.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { KubeObject } from '../apimachinery/meta.js';
import type { ResourceRef } from './resources.js';

export const CAUSE_HEADER = 'Drydock-Cause';

const store = new AsyncLocalStorage<string>();

/** `GROUP/VERSION/RESOURCE/NAMESPACE/NAME@RESOURCEVERSION`; group and namespace may be empty. */
export function causeOf(ref: ResourceRef, obj: KubeObject): string {
  const { namespace = '', name = '', resourceVersion = '' } = obj.metadata ?? {};
  return `${ref.group}/${ref.version}/${ref.resource}/${namespace}/${name}@${resourceVersion}`;
}

export function withCause<R>(ref: ResourceRef, obj: KubeObject, fn: () => R): R {
  return store.run(causeOf(ref, obj), fn);
}

/** Runs `fn` with a cause noted before, or with none. */
export function runWithCause<R>(cause: string | undefined, fn: () => R): R {
  return cause === undefined ? store.exit(fn) : store.run(cause, fn);
}

export function currentCause(): string | undefined {
  return store.getStore();
}
