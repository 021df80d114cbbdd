/**
 * Which volume a claim gets (`k8s.io/component-helpers/storage/volume.FindMatchingVolume`): one that is
 * reserved for it, else the smallest that is free, large enough and of the same class; among those that can
 * be mounted in the claim's ways, volumes with fewer ways go first. Pure.
 *
 * Claims of a class that waits for its first consumer get only reserved volumes where no node is named: the
 * scheduler asks with the node that it looks at.
 */
import { selectorFromObject } from '../../apimachinery/labels.js';
import { type NodeIdentity, NodeTerm } from '../scheduling/node-affinity.js';
import type { PersistentVolume, PersistentVolumeClaim } from '../types.js';
import { capacityOf, classOfClaim, classOfVolume, isReservedFor, requestOf } from './claims.js';

export interface MatchOptions {
  /** The node that the volume must be usable on. */
  readonly node?: NodeIdentity;
  /** The claim waits for its first consumer. */
  readonly delayed?: boolean;
  /** Volumes that are promised to others, by name. */
  readonly excluded?: (name: string) => boolean;
}

export function findMatch(
  claim: PersistentVolumeClaim,
  volumes: Iterable<PersistentVolume>,
  { node, delayed = false, excluded }: MatchOptions = {},
): PersistentVolume | undefined {
  const selector = claim.spec?.selector ? selectorFromObject(claim.spec.selector) : undefined;
  const wanted = claim.spec?.accessModes ?? [];
  const size = requestOf(claim);
  let best: PersistentVolume | undefined;
  for (const volume of volumes) {
    const { spec, metadata, status } = volume;
    const reserved = isReservedFor(volume, claim);
    if (excluded?.(metadata?.name ?? '') || (spec?.claimRef && !reserved)) continue;
    if (metadata?.deletionTimestamp !== undefined) continue;
    if (!wanted.every((mode) => spec?.accessModes?.includes(mode))) continue;
    if (capacityOf(volume).compare(size) < 0 || volumeModeDiffers(volume, claim)) continue;
    if (attributesDiffer(volume, claim)) continue;
    if (reserved) return node && !reachesNode(volume, node) ? undefined : volume;
    if (!node && delayed) continue;
    if (status?.phase !== 'Available' || classOfVolume(volume) !== classOfClaim(claim)) continue;
    if (selector && !selector.matches(metadata?.labels)) continue;
    if (node && !reachesNode(volume, node)) continue;
    if (!best || isCloser(volume, best)) best = volume;
  }
  return best;
}

/** Why a volume that a user chose cannot be the claim's; undefined where it can. */
export function mismatch(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): string | undefined {
  if (capacityOf(volume).compare(requestOf(claim)) < 0) return 'requested PV is too small';
  if (classOfVolume(volume) !== classOfClaim(claim)) return 'storageClassName does not match';
  if (volumeModeDiffers(volume, claim)) return 'incompatible volumeMode';
  const modes = claim.spec?.accessModes ?? [];
  if (!modes.every((mode) => volume.spec?.accessModes?.includes(mode)))
    return 'incompatible accessMode';
  return undefined;
}

export function volumeModeDiffers(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (volume.spec?.volumeMode ?? 'Filesystem') !== (claim.spec?.volumeMode ?? 'Filesystem');
}

/** Whether the volume can be used on the node. */
export function reachesNode(volume: PersistentVolume, node: NodeIdentity): boolean {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => new NodeTerm(term).matches(node));
}

function attributesDiffer(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const wanted = claim.spec?.volumeAttributesClassName ?? '';
  return (volume.spec?.volumeAttributesClassName ?? '') !== wanted;
}

function isCloser(a: PersistentVolume, b: PersistentVolume): boolean {
  const ways = (a.spec?.accessModes?.length ?? 0) - (b.spec?.accessModes?.length ?? 0);
  return ways === 0 ? capacityOf(a).compare(capacityOf(b)) < 0 : ways < 0;
}
