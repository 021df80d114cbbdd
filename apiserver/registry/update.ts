/**
 * Every change of an object that is there: PUT, PATCH, apply, status and other subresources, and the
 * server's own. The caller says how to get from the current state to the new one; it is asked again when
 * another write came in between, so that an unconditional change is never lost and never lost sight of.
 *
 *   current ─change─▶ new ─managed fields, admission─▶ ─metadata, strategy─▶ ─validate─▶ write over current
 *      ▲                                                                                    │ lost the race
 *      └────────────────────────────────────────────────────────────────────────────────────┘
 *
 * The current state usually comes from the cache. Should the change be refused on that ground, the state
 * is read from the store, and if it was another one the change is tried on it before anybody is told.
 */
import { setImmediate as othersTurn } from 'node:timers/promises';
import { clone } from '../../pkg/apimachinery/clone.js';
import { deepEqual, equalBut } from '../../pkg/apimachinery/equality.js';
import { invalid as invalidField, path } from '../../pkg/apimachinery/field-error.js';
import { formatTime, type KubeObject } from '../../pkg/apimachinery/meta.js';
import {
  badRequest,
  conflict,
  isReason,
  notFound,
  OBJECT_MODIFIED,
} from '../../pkg/apimachinery/status.js';
import { validateObjectMetaUpdate } from '../../pkg/apimachinery/validation/object-meta.js';
import type { RequestContext } from '../server/request-context.js';
import { isLost } from '../storage/resource-storage.js';
import type { StoredObject } from '../storage/stored-object.js';
import { claimNamespace, create, metadataOf } from './create.js';
import { unstructured } from './field-managers.js';
import type { GenericStore } from './generic-store.js';
import { dedupOwnerReferences } from './owner-references.js';
import type { Strategy } from './resource.js';
import { validateWith } from './validate.js';

export interface UpdateRequest {
  readonly namespace: string;
  readonly name: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** The strategy of a subresource that the definition lists; the object's own otherwise. */
  readonly strategy?: Strategy;
  /** Makes the new state, which the store then owns. Undefined: nothing is there. */
  change(current: StoredObject | undefined): KubeObject | Promise<KubeObject>;
  /** The new state carries its managedFields already (apply). */
  readonly tracked?: boolean;
  /** What is not there is created (apply; PUT where the strategy allows it). */
  readonly createIfAbsent?: boolean;
  readonly options?: KubeObject;
}

export interface UpdateResult {
  readonly object: StoredObject;
  readonly created: boolean;
}

export async function update(
  store: GenericStore,
  request: UpdateRequest,
  ctx: RequestContext,
): Promise<UpdateResult> {
  const key = store.key(request.namespace, request.name);
  let { object: current, fresh } = await store.current(key);
  for (;;) {
    ctx.signal.throwIfAborted();
    try {
      if (!current) {
        if (!request.createIfAbsent) throw notFound(store.qualified, request.name);
        return { object: await createAbsent(store, request, ctx), created: true };
      }
      const result = await updateOnce(store, request, key, current, ctx);
      if (!isLost(result)) return { object: result, created: false };
      current = result.current;
      fresh = true;
    } catch (err) {
      // Who creates what is not there may meet somebody who did, too: then there is a state to change.
      const raced = current === undefined && isReason(err, 'AlreadyExists');
      if (fresh && !raced) throw err;
      const newest = await store.storage.read(key);
      if (newest?.revision === current?.revision) throw err;
      current = newest;
      fresh = true;
    }
  }
}

async function createAbsent(
  store: GenericStore,
  request: UpdateRequest,
  ctx: RequestContext,
): Promise<StoredObject> {
  const obj = await request.change(undefined);
  checkIdentity(store, request, obj);
  const meta = metadataOf(obj);
  if (meta.uid) {
    throw conflict(store.qualified, request.name, uidMismatch(store, request, meta.uid, ''));
  }
  delete meta.resourceVersion;
  return create(
    store,
    {
      namespace: request.namespace,
      obj,
      ...(request.tracked ? { tracked: true } : {}),
      ...(request.options ? { options: request.options } : {}),
    },
    ctx,
  );
}

async function updateOnce(
  store: GenericStore,
  request: UpdateRequest,
  key: string,
  current: StoredObject,
  ctx: RequestContext,
) {
  const { admission, fields, storage } = store;
  const { namespace, name, subresource } = request;
  const strategy = request.strategy ?? store.strategy;
  const old = current.object;
  let obj = await request.change(current);
  checkIdentity(store, request, obj);
  const uid = obj.metadata?.uid;
  if (uid && uid !== old.metadata?.uid) {
    throw conflict(
      store.qualified,
      name,
      uidMismatch(store, request, uid, old.metadata?.uid ?? ''),
    );
  }
  dedupOwnerReferences(obj, (text) => ctx.warn(text));
  const setDefaults = subresource === 'status' ? setStatusDefaults : setAllDefaults;
  setDefaults(store, obj);
  if (!request.tracked)
    obj = fields.update(
      unstructured(old),
      unstructured(obj),
      ctx.fieldManager,
      subresource,
      store.clock.now(),
    );
  const attributes = store.attributes('UPDATE', namespace, name, subresource, ctx, {
    object: obj,
    oldObject: old,
    ...(request.options ? { options: request.options } : {}),
  });
  await admission.admit(attributes, ctx);
  obj = attributes.object ?? obj;
  setDefaults(store, obj);
  checkResourceVersion(store, strategy, name, obj, current);
  prepare(store, strategy, subresource, obj, old, ctx);
  if (strategy.large) await othersTurn();
  if (subresource === '') await strategy.checkAhead?.(obj);
  store.refuse(name, [
    ...validateObjectMetaUpdate(metadataOf(obj), old.metadata ?? {}, path('metadata')),
    ...validateWith(store, obj, () => validateUpdate(store, strategy, request, obj, old, ctx)),
  ]);
  // Who writes a status is not told what is wrong with the rest.
  if (subresource !== 'status')
    for (const text of strategy.warningsOnUpdate?.(obj, old, ctx) ?? []) ctx.warn(text);
  await admission.validate({ ...attributes, object: obj }, ctx);
  if (strategy.large) await othersTurn();
  if (isReleased(store, obj))
    return ctx.dryRun
      ? storage.codec.fromObject(key, obj, current.revision)
      : remove(store, obj, current, ctx);
  if (sameContent(obj, old) && !(await storage.isStale(current))) return current;
  if (ctx.dryRun) return storage.codec.fromObject(key, obj, current.revision);
  const undo = await strategy.begin?.('update', obj, old, ctx);
  try {
    const result = await storage.update(key, obj, current.revision, strategy.ttlSeconds ?? 0);
    await (isLost(result) ? undo?.() : undo?.commit?.());
    return result;
  } catch (err) {
    await undo?.();
    throw err;
  }
}

function setAllDefaults(store: GenericStore, obj: KubeObject): void {
  store.setDefaults(obj);
}

/** All the rest of it will be the old object's (`prepare`), whatever defaults it would get. */
function setStatusDefaults(
  store: GenericStore,
  obj: KubeObject & { spec?: unknown; status?: unknown },
): void {
  const { kind, apiVersion, metadata, status } = obj;
  const part = { kind, apiVersion, metadata, status } as KubeObject & { status?: unknown };
  store.setDefaults(part);
  if (part.status !== undefined) obj.status = part.status;
}

/** The last finalizer of an object that is being deleted was taken away: the object goes with this write. */
async function remove(
  store: GenericStore,
  obj: KubeObject,
  current: StoredObject,
  ctx: RequestContext,
) {
  const undo = await store.strategy.begin?.('delete', obj, current.object, ctx);
  const result = await store.storage.delete(current);
  if (isLost(result)) {
    await undo?.();
    return result;
  }
  await undo?.commit?.();
  return store.storage.codec.fromObject(current.key, obj, result.revision);
}

export function isReleased(store: GenericStore, obj: KubeObject): boolean {
  const meta = obj.metadata ?? {};
  if (!meta.deletionTimestamp || (meta.finalizers?.length ?? 0) > 0) return false;
  if ((meta.deletionGracePeriodSeconds ?? 0) > 0) return false;
  return !store.strategy.holdsDeletion?.(obj);
}

/** The name and namespace of the path are the object's. */
function checkIdentity(store: GenericStore, request: UpdateRequest, obj: KubeObject): void {
  const meta = metadataOf(obj);
  claimNamespace(store, meta, request.namespace);
  if (!meta.name) {
    throw badRequest(
      `the name of the object (${request.name} based on URL) was undeterminable: name must be provided`,
    );
  }
  if (meta.name !== request.name) {
    throw badRequest(
      `the name of the object (${meta.name}) does not match the name on the URL (${request.name})`,
    );
  }
}

function checkResourceVersion(
  store: GenericStore,
  strategy: Strategy,
  name: string,
  obj: KubeObject,
  current: StoredObject,
): void {
  const version = obj.metadata?.resourceVersion ?? '';
  if (version === '' || version === '0') {
    if (
      strategy.allowUnconditionalUpdate !== false &&
      store.strategy.allowUnconditionalUpdate !== false
    ) {
      metadataOf(obj).resourceVersion = String(current.revision);
      return;
    }
    store.refuse(name, [
      invalidField('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
  }
  if (version !== String(current.revision)) throw conflict(store.qualified, name, OBJECT_MODIFIED);
}

/** What no update can change, then what this road of writing may not change, then the kind's own. */
function prepare(
  store: GenericStore,
  strategy: Strategy,
  subresource: string,
  obj: KubeObject & { status?: unknown },
  old: KubeObject & { status?: unknown },
  ctx: RequestContext,
): void {
  const meta = metadataOf(obj);
  const before = old.metadata ?? {};
  keep(meta, before, 'generation');
  meta.uid ||= before.uid;
  meta.creationTimestamp ||= before.creationTimestamp;
  delete meta.selfLink;
  if (before.deletionTimestamp) keep(meta, before, 'deletionTimestamp');
  if (
    before.deletionGracePeriodSeconds !== undefined &&
    meta.deletionGracePeriodSeconds === undefined
  ) {
    meta.deletionGracePeriodSeconds = before.deletionGracePeriodSeconds;
  }
  const own = store.strategy.status;
  if (subresource === 'status') {
    const status = obj.status;
    for (const field of Object.keys(obj))
      if (field !== 'metadata') delete (obj as Record<string, unknown>)[field];
    // Shared with the old object, and frozen as it is: nothing but status and metadata changes from here on.
    Object.assign(obj, old, { metadata: meta });
    if (status === undefined) delete obj.status;
    else obj.status = status;
    if (typeof own === 'object') own.prepareForUpdate?.(obj, old, ctx);
    return;
  }
  if (own && subresource === '') {
    if (old.status === undefined) delete obj.status;
    else obj.status = clone(old.status);
  }
  strategy.prepareForUpdate?.(obj, old, ctx);
  if (strategy.generation && !equalBut(obj, old, 'metadata', 'status', 'kind', 'apiVersion')) {
    meta.generation = (before.generation ?? 0) + 1;
  }
}

function validateUpdate(
  store: GenericStore,
  strategy: Strategy,
  request: UpdateRequest,
  obj: KubeObject,
  old: KubeObject,
  ctx: RequestContext,
) {
  const status = store.strategy.status;
  if (request.subresource !== 'status') return strategy.validateUpdate?.(obj, old, ctx) ?? [];
  return (typeof status === 'object' && status.validateUpdate?.(obj, old, ctx)) || [];
}

/** Written again, the object would be the same but for when its managers last wrote it. */
function sameContent(obj: KubeObject, old: KubeObject): boolean {
  const { metadata: now = {}, kind: _k, apiVersion: _a, ...rest } = obj;
  const { metadata: before = {}, kind: _ok, apiVersion: _oa, ...oldRest } = old;
  if (
    !equalBut(now, before, 'resourceVersion', 'managedFields', 'selfLink') ||
    !deepEqual(rest, oldRest)
  )
    return false;
  const timeless = (entries: readonly object[] = []) =>
    entries.map((entry) => ({ ...entry, time: undefined }));
  return deepEqual(timeless(now.managedFields), timeless(before.managedFields));
}

function uidMismatch(
  store: GenericStore,
  request: UpdateRequest,
  asked: string,
  found: string,
): string {
  const key = store.storage.prefix + store.key(request.namespace, request.name);
  return `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${asked}, UID in object meta: ${found}`;
}

function keep<T extends object, K extends keyof T>(to: T, from: T, field: K): void {
  if (from[field] === undefined) delete to[field];
  else to[field] = from[field];
}

/** The mark of deletion, for `delete.ts` and for strategies that mark by themselves. */
export function markDeleted(obj: KubeObject, at: number, graceSeconds: number): void {
  const meta = metadataOf(obj);
  meta.deletionTimestamp = formatTime(new Date(at + graceSeconds * 1000));
  meta.deletionGracePeriodSeconds = graceSeconds;
}
