/**
 * Which ResourceClaims a pod uses, and whether it may (`k8s.io/dynamic-resource-allocation/resourceclaim`):
 * asked by the controller that makes them, the scheduler that allocates them, and the kubelet. Pure.
 */
import { controllerOf, keyOf } from '../../apimachinery/meta.js';
import type { Pod, PodResourceClaim, ResourceClaim } from '../types.js';

/** On claims that were allocated by the scheduler: they are given back before they go. */
export const DEVICES_FINALIZER = 'resource.kubernetes.io/delete-protection';
/** How many pods may use one claim. */
const RESERVED_FOR_MAX = 256;

export type ClaimName =
  /** `name` undefined: the pod does not need this claim. `owned`: the claim must have been made for the pod. */
  | { readonly name: string | undefined; readonly owned: boolean; readonly missing?: undefined }
  /** Why there is no name yet. */
  | { readonly missing: string };

export function claimNameOf(pod: Pod, claim: PodResourceClaim): ClaimName {
  if (claim.resourceClaimName !== undefined) return { name: claim.resourceClaimName, owned: false };
  const status = pod.status?.resourceClaimStatuses?.find(({ name }) => name === claim.name);
  if (status) return { name: status.resourceClaimName, owned: true };
  return { missing: `pod ${JSON.stringify(keyOf(pod))}: ResourceClaim not created yet` };
}

/** Keys of the claims that the pod names, or that were made for it. */
export function claimKeysOf(pod: Pod): string[] {
  return (pod.spec?.resourceClaims ?? []).flatMap((one) => {
    const found = claimNameOf(pod, one);
    if (found.missing !== undefined || found.name === undefined) return [];
    return [`${pod.metadata?.namespace ?? ''}/${found.name}`];
  });
}

/** Undefined where the claim was made for this pod. */
export function notForPod(pod: Pod, claim: ResourceClaim): string | undefined {
  if (controllerOf(claim)?.uid === pod.metadata?.uid) return undefined;
  return `ResourceClaim ${keyOf(claim)} was not created for pod ${keyOf(pod)} (pod is not owner)`;
}

export function isReservedFor(pod: Pod, { status }: ResourceClaim): boolean {
  return status?.reservedFor?.some(({ uid }) => uid === pod.metadata?.uid) === true;
}

export function canBeReserved({ status }: ResourceClaim): boolean {
  return (status?.reservedFor?.length ?? 0) < RESERVED_FOR_MAX;
}
