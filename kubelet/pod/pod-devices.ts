/**
 * The devices of a pod on its node (`pkg/kubelet/cm/dra`): a pod starts when its claims are allocated and
 * kept for it. There are no drivers to ask to prepare them, so that is all there is to wait for.
 */
import { claimNameOf, isReservedFor, notForPod } from '../../pkg/api/devices/pod-claims.js';
import type { Pod, PodResourceClaim } from '../../pkg/api/types.js';
import type { PodObjects } from '../volumes/object-cache.js';
import { formatPod } from './pod.js';

/** What the pod's Event says; undefined where all devices are ready. */
export async function deviceFault(pod: Pod, objects: PodObjects): Promise<string | undefined> {
  for (const one of pod.spec?.resourceClaims ?? []) {
    const fault = await claimFault(pod, one, objects);
    if (fault !== undefined)
      return `Failed to prepare dynamic resources: prepare dynamic resources: ${fault}`;
  }
  return undefined;
}

async function claimFault(
  pod: Pod,
  one: PodResourceClaim,
  objects: PodObjects,
): Promise<string | undefined> {
  const found = claimNameOf(pod, one);
  if (found.missing !== undefined) return found.missing;
  if (found.name === undefined) return undefined;
  const namespace = pod.metadata?.namespace ?? '';
  const claim = await objects.resourceClaim(namespace, found.name);
  if (!claim) {
    const missing = `resourceclaims.resource.k8s.io ${JSON.stringify(found.name)} not found`;
    return `failed to fetch ResourceClaim ${found.name}: ${missing}`;
  }
  const foreign = found.owned ? notForPod(pod, claim) : undefined;
  if (foreign !== undefined) return foreign;
  if (!claim.status?.allocation) return `ResourceClaim ${namespace}/${found.name} is not allocated`;
  if (!isReservedFor(pod, claim))
    return `pod ${formatPod(pod)} is not allowed to use ResourceClaim ${namespace}/${found.name}`;
  return undefined;
}
