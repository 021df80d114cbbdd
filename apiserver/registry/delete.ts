/**
 * DELETE of one object or of a collection.
 *
 *   nothing holds it ─────────────────────────────▶ removed
 *   finalizers, a grace period or the kind hold it ▶ marked with deletionTimestamp; it goes with the update
 *                                                    that takes the last hold away (update.ts), or with a
 *                                                    second DELETE when only the grace period held it
 */
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { conflict, invalid, isReason, notFound } from '../../pkg/apimachinery/status.js';
import {
  type DeleteOptions,
  validateDeleteOptions,
} from '../../pkg/apimachinery/validation/options.js';
import type { RequestContext } from '../server/request-context.js';
import { isLost, type ListQuery, type Lost } from '../storage/resource-storage.js';
import type { StoredObject } from '../storage/stored-object.js';
import { metadataOf } from './create.js';
import { gcFinalizers } from './gc-finalizers.js';
import type { GenericStore } from './generic-store.js';
import { markDeleted } from './update.js';

/** Objects of a collection that are deleted at the same time. */
const COLLECTION_WORKERS = 16;

export interface DeleteResult {
  readonly object: StoredObject;
  /** False: it was marked, and something still holds it. */
  readonly removed: boolean;
}

export async function deleteObject(
  store: GenericStore,
  namespace: string,
  name: string,
  options: DeleteOptions,
  ctx: RequestContext,
): Promise<DeleteResult> {
  const key = store.key(namespace, name);
  const errors = validateDeleteOptions(options);
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  let { object: current, fresh } = await store.current(key);
  for (;;) {
    ctx.signal.throwIfAborted();
    try {
      if (!current) throw notFound(store.qualified, name);
      checkPreconditions(store, name, options, current);
      const attributes = store.attributes('DELETE', namespace, name, '', ctx, {
        options: options as KubeObject,
        oldObject: current.object,
      });
      await store.admission.admit(attributes, ctx);
      await store.admission.validate(attributes, ctx);
      const result = await deleteOnce(store, key, current, options, ctx);
      if (!isLost(result)) return result;
      current = result.current;
      fresh = true;
    } catch (err) {
      if (fresh) throw err;
      const newest = await store.storage.read(key);
      if (newest?.revision === current?.revision) throw err;
      current = newest;
      fresh = true;
    }
  }
}

/** Deletes what `query` selects; answers what there was. What others delete meanwhile is no error. */
export async function deleteCollection(
  store: GenericStore,
  query: ListQuery,
  options: DeleteOptions,
  ctx: RequestContext,
): Promise<{ revision: number; items: readonly StoredObject[] }> {
  const { items, revision } = await store.list(query);
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      try {
        await deleteObject(store, next.namespace, next.name, options, ctx);
      } catch (err) {
        if (!isReason(err, 'NotFound')) throw err;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(COLLECTION_WORKERS, queue.length) }, worker));
  return { revision, items };
}

async function deleteOnce(
  store: GenericStore,
  key: string,
  current: StoredObject,
  options: DeleteOptions,
  ctx: RequestContext,
): Promise<DeleteResult | Lost> {
  const { strategy, storage } = store;
  const obj = current.clone();
  const held = holdBack(store, obj, options, ctx);
  if (held === 'pending') return { object: current, removed: false };
  if (held === 'no') {
    if (ctx.dryRun) return { object: current, removed: true };
    const undo = await strategy.begin?.('delete', obj, current.object, ctx);
    try {
      const removed = await storage.delete(current);
      if (!isLost(removed)) {
        await undo?.commit?.();
        return { object: removed, removed: true };
      }
      await undo?.();
      return removed;
    } catch (err) {
      await undo?.();
      throw err;
    }
  }
  if (deepEqual(obj, current.object)) return { object: current, removed: false };
  if (ctx.dryRun)
    return { object: storage.codec.fromObject(key, obj, current.revision), removed: false };
  const marked = await storage.update(key, obj, current.revision, strategy.ttlSeconds ?? 0);
  return isLost(marked) ? marked : { object: marked, removed: false };
}

/**
 * Marks `obj` as it has to be.
 * `pending`: an earlier DELETE did all that this one asks. `no`: nothing holds it. `yes`: write the marked object.
 */
function holdBack(
  store: GenericStore,
  obj: KubeObject,
  options: DeleteOptions,
  ctx: RequestContext,
): 'pending' | 'no' | 'yes' {
  const { strategy, clock } = store;
  const meta = metadataOf(obj);
  const finalizers = gcFinalizers(
    options,
    meta.finalizers ?? [],
    strategy.defaultPropagation === 'Orphan',
  );
  const finalizersChange = !deepEqual(finalizers, meta.finalizers ?? []);
  const first = !meta.deletionTimestamp;
  let grace = 0;
  if (strategy.gracefulDeletion) {
    const shortened = gracePeriod(
      strategy.gracefulDeletion(obj, options.gracePeriodSeconds, ctx),
      obj,
      options,
    );
    if (shortened === undefined && !finalizersChange) return 'pending';
    grace = shortened ?? meta.deletionGracePeriodSeconds ?? 0;
  }
  const kindHolds = strategy.holdsDeletion?.(obj) ?? false;
  if (finalizers.length === 0 && grace === 0 && !kindHolds) return 'no';
  if (finalizers.length > 0) meta.finalizers = finalizers;
  else delete meta.finalizers;
  if (first) {
    markDeleted(obj, clock.now(), grace);
    if (!strategy.gracefulDeletion && kindHolds && finalizers.length === 0)
      delete meta.deletionGracePeriodSeconds;
    if ((meta.generation ?? 0) > 0) meta.generation = (meta.generation ?? 0) + 1;
    strategy.prepareForDelete?.(obj, ctx);
  } else if (strategy.gracefulDeletion && grace < (meta.deletionGracePeriodSeconds ?? 0)) {
    const asked =
      Date.parse(meta.deletionTimestamp ?? '') - (meta.deletionGracePeriodSeconds ?? 0) * 1000;
    markDeleted(obj, asked, grace);
  }
  return 'yes';
}

/** Seconds that the object stays; undefined when it is being deleted and this request does not shorten that. */
function gracePeriod(wanted: number, obj: KubeObject, options: DeleteOptions): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds } = obj.metadata ?? {};
  if (!deletionTimestamp) return wanted;
  if (deletionGracePeriodSeconds === undefined) return 0;
  const asked = options.gracePeriodSeconds;
  if (asked === undefined) return deletionGracePeriodSeconds === 0 ? 0 : undefined;
  const seconds = Math.max(0, asked);
  if (seconds >= deletionGracePeriodSeconds && deletionGracePeriodSeconds > 0) return undefined;
  return seconds;
}

function checkPreconditions(
  store: GenericStore,
  name: string,
  options: DeleteOptions,
  current: StoredObject,
): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const found = current.metadata.uid ?? '';
  if (uid !== undefined && uid !== found) {
    throw conflict(
      store.qualified,
      name,
      `the UID in the precondition (${uid}) does not match the UID in record (${found}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== String(current.revision)) {
    throw conflict(
      store.qualified,
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${current.revision}). The object might have been modified`,
    );
  }
}
