/**
 * Creates, corrects and deletes one pod of a StatefulSet together with its claims, and tells on the set what
 * became of it (`pkg/controller/statefulset/stateful_pod_control.go`). Claims come first: a pod is never
 * there before what it mounts.
 */
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../pkg/api/types.js';
import { isAlreadyExists, isConflict, isNotFound } from '../../pkg/client/errors.js';
import { type EventRecorder, referenceTo } from '../../pkg/client/event-recorder.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS } from '../../pkg/client/resources.js';
import type { Store } from '../../pkg/client/store.js';
import type { ControllerContext } from '../controller.js';
import { messageOf } from '../pod-control.js';
import { hasForeignController, isStaleFor, ownersFor, ownersMatch } from './claim-retention.js';
import {
  claimsOf,
  identityLabels,
  identityMatches,
  ordinalOf,
  storageMatches,
  volumesOf,
} from './identity.js';

const UPDATE_TRIES = 5;

type Verb = 'create' | 'update' | 'delete';
const TITLES = { create: 'Create', update: 'Update', delete: 'Delete' } as const;

export class StatefulPodControl {
  private readonly pods: ResourceClient<Pod>;
  private readonly claimClient: ResourceClient<PersistentVolumeClaim>;

  constructor(
    context: ControllerContext,
    private readonly recorder: EventRecorder,
    private readonly claims: Store<PersistentVolumeClaim>,
  ) {
    this.pods = context.client.resource<Pod>(PODS);
    this.claimClient = context.client.resource<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
  }

  async create(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    try {
      await this.createClaims(set, pod, signal);
      const made = await this.pods.create(pod, { signal });
      await this.correctOwners(set, made, signal);
    } catch (err) {
      // Most often one of our own that the cache does not show yet.
      if (!isAlreadyExists(err)) this.tellFailure('create', set, pod, err, signal);
      throw err;
    }
    this.tellSuccess('create', set, pod);
  }

  /** A pod that is gone, or is another one by now, needs no Event: the cache is behind. */
  async delete(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    try {
      await this.pods.delete(namespace, name, { signal, preconditions: { uid } });
    } catch (err) {
      if (isNotFound(err)) return;
      if (!isConflict(err)) this.tellFailure('delete', set, pod, err, signal);
      throw err;
    }
    this.tellSuccess('delete', set, pod);
  }

  /** Gives a pod back the labels, volumes and claims that are its own. */
  async correct(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    let current = pod;
    for (let tries = 1; ; tries++) {
      try {
        const changed = await this.corrected(set, current, signal);
        if (!changed) return;
        await this.pods.update(changed, { signal });
        break;
      } catch (err) {
        if (!isConflict(err) || tries >= UPDATE_TRIES) {
          this.tellFailure('update', set, pod, err, signal);
          throw err;
        }
      }
      current = await this.pods.get(namespace, name, { signal });
    }
    this.tellSuccess('update', set, pod);
  }

  private async corrected(
    set: StatefulSet,
    pod: Pod,
    signal: AbortSignal,
  ): Promise<Pod | undefined> {
    const stored = storageMatches(set, pod);
    if (!stored) await this.createClaims(set, pod, signal);
    if (!this.ownersMatch(set, pod)) await this.correctOwners(set, pod, signal);
    if (stored && identityMatches(set, pod)) return undefined;
    const labels = { ...pod.metadata?.labels, ...identityLabels(set, ordinalOf(pod)) };
    return {
      ...pod,
      metadata: { ...pod.metadata, labels },
      ...(pod.spec ? { spec: { ...pod.spec, volumes: volumesOf(set, pod) } } : {}),
    };
  }

  /** What is missing of a pod's claims, with the owners that the policy wants. */
  async createMissingClaims(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    await this.createClaims(set, pod, signal);
    await this.correctOwners(set, pod, signal);
  }

  /** A claim goes away with a former pod of this name: the new one must not take it. */
  isClaimStale(set: StatefulSet, pod: Pod): boolean {
    return this.cachedClaims(set, pod).some((claim) => isStaleFor(claim, set, pod));
  }

  ownersMatch(set: StatefulSet, pod: Pod): boolean {
    return this.cachedClaims(set, pod).every((claim) => ownersMatch(claim, set, pod));
  }

  async correctOwners(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    for (const claim of this.cachedClaims(set, pod)) {
      const { name = '' } = claim.metadata ?? {};
      if (hasForeignController(claim, set, pod)) {
        this.tell(
          set,
          'Warning',
          'ConflictingController',
          `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`,
        );
      }
      if (ownersMatch(claim, set, pod)) continue;
      const ownerReferences = ownersFor(claim, set, pod);
      const metadata = { ...claim.metadata, ownerReferences };
      try {
        await this.claimClient.update({ ...claim, metadata }, { signal });
      } catch (err) {
        if (isConflict(err)) throw err;
        throw new Error(
          `could not update claim ${name} for delete policy ownerRefs: ${messageOf(err)}`,
          { cause: err },
        );
      }
    }
  }

  /** All are tried; then the failures are thrown as one. */
  private async createClaims(set: StatefulSet, pod: Pod, signal: AbortSignal): Promise<void> {
    const failures: string[] = [];
    for (const claim of claimsOf(set, pod)) {
      const { namespace = '', name = '' } = claim.metadata ?? {};
      const found = this.claims.get(`${namespace}/${name}`);
      if (found) {
        if (found.metadata?.deletionTimestamp !== undefined)
          failures.push(`pvc ${name} is being deleted`);
        continue;
      }
      try {
        await this.claimClient.create(claim, { signal });
        this.tellClaim(set, pod, name);
      } catch (err) {
        // Made already, and the cache is behind.
        if (isAlreadyExists(err)) continue;
        failures.push(`failed to create PVC ${name}: ${messageOf(err)}`);
        if (!signal.aborted) this.tellClaim(set, pod, name, err);
      }
    }
    if (failures.length === 1) throw new Error(failures[0]);
    if (failures.length > 1) throw new Error(`[${failures.join(', ')}]`);
  }

  private cachedClaims(set: StatefulSet, pod: Pod): PersistentVolumeClaim[] {
    return claimsOf(set, pod).flatMap(({ metadata }) => {
      const claim = this.claims.get(`${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`);
      return claim ? [claim] : [];
    });
  }

  // --- Events ---

  private tellSuccess(verb: Verb, set: StatefulSet, pod: Pod): void {
    const message = `${verb} Pod ${pod.metadata?.name} in StatefulSet ${set.metadata?.name} successful`;
    this.tell(set, 'Normal', `Successful${TITLES[verb]}`, message);
  }

  private tellFailure(
    verb: Verb,
    set: StatefulSet,
    pod: Pod,
    err: unknown,
    signal: AbortSignal,
  ): void {
    if (signal.aborted) return;
    const message = `${verb} Pod ${pod.metadata?.name} in StatefulSet ${set.metadata?.name} failed error: ${messageOf(err)}`;
    this.tell(set, 'Warning', `Failed${TITLES[verb]}`, message);
  }

  private tellClaim(set: StatefulSet, pod: Pod, claim: string, err?: unknown): void {
    const whose = `Pod ${pod.metadata?.name} in StatefulSet ${set.metadata?.name}`;
    if (err === undefined) {
      this.tell(set, 'Normal', 'SuccessfulCreate', `create Claim ${claim} ${whose} success`);
    } else {
      const message = `create Claim ${claim} for ${whose} failed error: ${messageOf(err)}`;
      this.tell(set, 'Warning', 'FailedCreate', message);
    }
  }

  private tell(set: StatefulSet, type: 'Normal' | 'Warning', reason: string, message: string) {
    this.recorder.event(referenceTo(STATEFUL_SETS, set), type, reason, message);
  }
}
