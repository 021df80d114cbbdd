/**
 * Who owns an object, and who might: what controllers of owners (ReplicaSet, DaemonSet, StatefulSet …) do
 * when one of their dependents changes, and how they gather those that are theirs.
 *
 *   dependent with a controller ─▶ its owner is woken, if it is of this kind and the very one that is meant
 *   dependent without one       ─▶ every owner is woken whose selector finds it: it may adopt it
 *   dependent that changed hands ─▶ the former owner is woken too
 *
 * Creations and deletions are counted off in the expectations, where there are any. Handlers only wake.
 */
import { semanticDeepEqual } from '../pkg/apimachinery/equality.js';
import type { Selector } from '../pkg/apimachinery/labels.js';
import { controllerOf, type KubeObject, keyOf } from '../pkg/apimachinery/meta.js';
import type { EventHandler } from '../pkg/client/informer.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import type { ResourceRef } from '../pkg/client/resources.js';
import { BY_NAMESPACE, BY_OWNER, orphanValue, type Store } from '../pkg/client/store.js';
import { claim } from './claim.js';
import type { Expectations } from './expectations.js';

export interface OwnershipOptions<O extends KubeObject, D extends KubeObject> {
  readonly ref: ResourceRef;
  /** Indexed by namespace. */
  readonly owners: Store<O>;
  readonly ownerClient: ResourceClient<O>;
  /** Indexed by owner. */
  readonly dependents: Store<D>;
  readonly dependentClient: ResourceClient<D>;
  readonly selectorOf: (owner: O) => Selector;
  readonly wake: (owner: O) => void;
  readonly expectations?: Expectations;
}

export class Ownership<O extends KubeObject, D extends KubeObject> {
  /** For the informer of the dependents. */
  readonly handler: Required<EventHandler<D>> = {
    add: (obj) => this.added(obj),
    update: (old, obj) => this.updated(old, obj),
    delete: (obj) => this.going(obj),
  };

  constructor(private readonly options: OwnershipOptions<O, D>) {}

  /** The owner in the cache, if it is of this kind and the very one that is meant. */
  ownerOf(obj: KubeObject): O | undefined {
    const { ref, owners } = this.options;
    const controller = controllerOf(obj);
    if (controller?.kind !== ref.kind) return undefined;
    const owner = owners.get(`${obj.metadata?.namespace ?? ''}/${controller.name}`);
    return owner?.metadata?.uid === controller.uid ? owner : undefined;
  }

  /** Those that might adopt it. An empty selector is no wish for everything. */
  matching(obj: KubeObject): O[] {
    const { owners, selectorOf } = this.options;
    return owners.byIndex(BY_NAMESPACE, obj.metadata?.namespace ?? '').filter((owner) => {
      const selector = selectorOf(owner);
      return !selector.empty && selector.matches(obj.metadata?.labels);
    });
  }

  /**
   * The dependents that are the owner's, after orphans were adopted and those let go that no longer fit.
   * `mayClaim` leaves others out of both.
   */
  claim(
    owner: O,
    signal: AbortSignal,
    more: { readonly mayClaim?: (obj: D) => boolean; readonly finalizer?: string } = {},
  ): Promise<D[]> {
    const { ref, ownerClient, dependents, dependentClient, selectorOf } = this.options;
    const objects = claimable(dependents, owner);
    const { mayClaim, finalizer } = more;
    return claim({
      objects: mayClaim ? objects.filter(mayClaim) : objects,
      client: dependentClient,
      owner,
      ownerRef: ref,
      ownerClient,
      selector: selectorOf(owner),
      ...(finalizer === undefined ? {} : { finalizer }),
      signal,
    });
  }

  private added(obj: D): void {
    if (obj.metadata?.deletionTimestamp !== undefined) {
      this.going(obj);
      return;
    }
    const owner = this.ownerOf(obj);
    if (owner) {
      this.options.expectations?.creationObserved(keyOf(owner));
      this.options.wake(owner);
    } else if (!controllerOf(obj)) this.wakeMatching(obj);
  }

  private updated(old: D, obj: D): void {
    if (obj.metadata?.deletionTimestamp !== undefined) {
      this.going(obj);
      return;
    }
    const before = controllerOf(old);
    const after = controllerOf(obj);
    if (before && before.uid !== after?.uid) this.wakeOwner(old);
    if (after) this.wakeOwner(obj);
    else if (before || !semanticDeepEqual(old.metadata?.labels, obj.metadata?.labels))
      this.wakeMatching(obj);
  }

  /** It is gone, or is on its way. */
  private going(obj: D): void {
    const owner = this.ownerOf(obj);
    if (!owner) return;
    this.options.expectations?.deletionObserved(keyOf(owner), keyOf(obj));
    this.options.wake(owner);
  }

  private wakeOwner(obj: D): void {
    const owner = this.ownerOf(obj);
    if (owner) this.options.wake(owner);
  }

  private wakeMatching(obj: D): void {
    for (const owner of this.matching(obj)) this.options.wake(owner);
  }
}

/** What the owner has, and what it might adopt. */
export function claimable<D extends KubeObject>(dependents: Store<D>, owner: KubeObject): D[] {
  const { namespace = '', uid = '' } = owner.metadata ?? {};
  return [
    ...dependents.byIndex(BY_OWNER, uid),
    ...dependents.byIndex(BY_OWNER, orphanValue(namespace)),
  ];
}
