/**
 * Which objects a controller owns (`pkg/controller.ControllerRefManager`):
 *
 *   owned by it, selector matches → keep          owned by it, does not match → release
 *   owned by nobody, matches      → adopt         owned by another            → leave
 *
 * A controller that is being deleted neither adopts nor releases. Before the first adoption the owner is
 * read again from the server, for the cache may not show yet that it was deleted or replaced.
 */

import type { Selector } from '../pkg/apimachinery/labels.js';
import { controllerOf, type KubeObject } from '../pkg/apimachinery/meta.js';
import { isInvalid, isNotFound } from '../pkg/client/errors.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import type { ResourceRef } from '../pkg/client/resources.js';
import { controllerRefTo } from './pod-control.js';

export interface ClaimOptions<T extends KubeObject, O extends KubeObject> {
  readonly objects: readonly T[];
  readonly client: ResourceClient<T>;
  readonly owner: O;
  readonly ownerRef: ResourceRef;
  readonly ownerClient: ResourceClient<O>;
  readonly selector: Selector;
  /** A finalizer that what is adopted gets. */
  readonly finalizer?: string;
  readonly signal: AbortSignal;
}

/** The objects that are owned now, in the order given. */
export async function claim<T extends KubeObject, O extends KubeObject>(
  options: ClaimOptions<T, O>,
): Promise<T[]> {
  const { objects, owner, selector } = options;
  const owned: T[] = [];
  let mayAdopt: Promise<void> | undefined;
  for (const obj of objects) {
    const controller = controllerOf(obj);
    const matches = selector.matches(obj.metadata?.labels);
    if (controller) {
      if (controller.uid !== owner.metadata?.uid) continue;
      if (matches) owned.push(obj);
      else if (owner.metadata?.deletionTimestamp === undefined) await release(options, obj);
      continue;
    }
    if (!matches || owner.metadata?.deletionTimestamp !== undefined) continue;
    if (obj.metadata?.deletionTimestamp !== undefined) continue;
    mayAdopt ??= assertAlive(options);
    await mayAdopt;
    if (await adopt(options, obj)) owned.push(obj);
  }
  return owned;
}

async function assertAlive<T extends KubeObject, O extends KubeObject>({
  owner,
  ownerClient,
  ownerRef,
  signal,
}: ClaimOptions<T, O>): Promise<void> {
  const { namespace = '', name = '', uid } = owner.metadata ?? {};
  const fresh = await ownerClient.get(namespace, name, { signal });
  if (fresh.metadata?.uid !== uid) {
    throw new Error(
      `original ${ownerRef.kind} ${namespace}/${name} is gone: got uid ${fresh.metadata?.uid}, wanted ${uid}`,
    );
  }
  if (fresh.metadata?.deletionTimestamp !== undefined) {
    throw new Error(
      `${namespace}/${name} has just been deleted at ${fresh.metadata.deletionTimestamp}`,
    );
  }
}

/** False: it is gone already. */
async function adopt<T extends KubeObject, O extends KubeObject>(
  { client, owner, ownerRef, finalizer, signal }: ClaimOptions<T, O>,
  obj: T,
): Promise<boolean> {
  const { namespace = '', name = '', uid } = obj.metadata ?? {};
  const ownerReferences = [controllerRefTo(ownerRef, owner)];
  const patch = {
    metadata: { uid, ownerReferences, ...(finalizer ? { finalizers: [finalizer] } : {}) },
  };
  try {
    await client.patch(namespace, name, 'strategic', patch, { signal });
    return true;
  } catch (err) {
    if (isNotFound(err)) return false;
    throw err;
  }
}

async function release<T extends KubeObject, O extends KubeObject>(
  { client, owner, signal }: ClaimOptions<T, O>,
  obj: T,
): Promise<void> {
  const { namespace = '', name = '', uid } = obj.metadata ?? {};
  const patch = {
    metadata: { uid, ownerReferences: [{ $patch: 'delete', uid: owner.metadata?.uid }] },
  };
  try {
    await client.patch(namespace, name, 'strategic', patch, { signal });
  } catch (err) {
    // Gone, or gone and made anew (the uid in the patch does not fit): nothing to release.
    if (!isNotFound(err) && !isInvalid(err)) throw err;
  }
}
