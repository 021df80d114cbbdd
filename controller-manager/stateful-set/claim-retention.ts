/**
 * Who owns the claims of a StatefulSet's pods, so that the garbage collector removes them when the policy
 * says so (`persistentVolumeClaimRetentionPolicy`):
 *
 *   whenScaled  whenDeleted   owner of the claim
 *   Retain      Retain        nobody
 *   Retain      Delete        the set
 *   Delete      Retain        the pod, once it is beyond the set's size
 *   Delete      Delete        the set; the pod instead, once it is beyond the set's size
 *
 * Claims that another controller manages, or that an earlier set or pod of the same name owns, are left
 * alone. Pure.
 */
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../pkg/api/types.js';
import { apiVersionOf, type KubeObject, type OwnerReference } from '../../pkg/apimachinery/meta.js';
import { PODS, type ResourceRef, STATEFUL_SETS } from '../../pkg/client/resources.js';
import { controllerRefTo } from '../pod-control.js';
import { isInRange } from './identity.js';

/** False: `ownersFor` says what they should be. */
export function ownersMatch(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  // Owned by one that is gone: the garbage collector will see to it.
  if (hasStaleOwner(claim, STATEFUL_SETS, set) || hasStaleOwner(claim, PODS, pod)) return true;
  if (hasForeignController(claim, set, pod)) return !isOwner(claim, set) && !isOwner(claim, pod);
  const ours = ownersOf(claim).filter(({ uid }) => uid === uidOf(set) || uid === uidOf(pod));
  if (ours.some((ref) => ref.controller !== true)) return false;
  const wanted = wantedOwner(set, pod);
  return isOwner(claim, set) === (wanted === 'set') && isOwner(claim, pod) === (wanted === 'pod');
}

/** The claim's owner references as the policy wants them; those of others stay. */
export function ownersFor(
  claim: PersistentVolumeClaim,
  set: StatefulSet,
  pod: Pod,
): OwnerReference[] {
  const others = ownersOf(claim).filter(
    (ref) => !refersTo(ref, STATEFUL_SETS, set) && !refersTo(ref, PODS, pod),
  );
  if (hasForeignController(claim, set, pod)) return others;
  const wanted = wantedOwner(set, pod);
  if (wanted === 'set') return [...others, controllerRefTo(STATEFUL_SETS, set)];
  if (wanted === 'pod') return [...others, controllerRefTo(PODS, pod)];
  return others;
}

/** Another controller, or an earlier set or pod of the name, has it, although the policy asks for owners. */
export function hasForeignController(
  claim: PersistentVolumeClaim,
  set: StatefulSet,
  pod: Pod,
): boolean {
  const { whenScaled, whenDeleted } = policyOf(set);
  if (whenScaled !== 'Delete' && whenDeleted !== 'Delete') return false;
  return ownersOf(claim).some((ref) => {
    if (refersTo(ref, STATEFUL_SETS, set)) return ref.uid !== uidOf(set);
    if (refersTo(ref, PODS, pod)) return ref.uid !== uidOf(pod);
    return ref.controller === true;
  });
}

/** It goes with a former pod of this name; a new pod has to wait until it is gone. */
export function isStaleFor(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  return policyOf(set).whenScaled === 'Delete' && hasStaleOwner(claim, PODS, pod);
}

function wantedOwner(set: StatefulSet, pod: Pod): 'set' | 'pod' | undefined {
  const { whenScaled, whenDeleted } = policyOf(set);
  if (whenScaled === 'Delete' && !isInRange(set, pod)) return 'pod';
  return whenDeleted === 'Delete' ? 'set' : undefined;
}

function policyOf(set: StatefulSet): { whenScaled?: string; whenDeleted?: string } {
  return set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
}

function hasStaleOwner(claim: PersistentVolumeClaim, ref: ResourceRef, obj: KubeObject): boolean {
  const found = ownersOf(claim).find((owner) => refersTo(owner, ref, obj));
  return found !== undefined && found.uid !== uidOf(obj);
}

function isOwner(claim: PersistentVolumeClaim, obj: KubeObject): boolean {
  return ownersOf(claim).some(({ uid }) => uid === uidOf(obj));
}

/** By kind and name, whatever its uid. */
function refersTo(owner: OwnerReference, ref: ResourceRef, obj: KubeObject): boolean {
  return (
    owner.apiVersion === apiVersionOf(ref) &&
    owner.kind === ref.kind &&
    owner.name === obj.metadata?.name
  );
}

function ownersOf(claim: PersistentVolumeClaim): readonly OwnerReference[] {
  return claim.metadata?.ownerReferences ?? [];
}

/** '' for a pod that is not created yet. */
function uidOf(obj: KubeObject): string {
  return obj.metadata?.uid ?? '';
}
