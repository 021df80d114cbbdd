/**
 * What claims and volumes say of each other: the annotations that their controllers, provisioners and the
 * scheduler exchange, and the questions that all of them ask
 * (`k8s.io/component-helpers/storage/volume`). Pure.
 */
import { Quantity } from '../../apimachinery/quantity.js';
import type {
  ObjectReference,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '../types.js';

/** On a claim: its first binding is complete; whatever comes after is a change. */
export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
/** On either: this side's reference was written by a controller, not by a user. */
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
/** On a volume: who made it. */
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
/** On a claim: where its first pod will run. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
/** On a claim: who is to make its volume. Both names are written. */
export const STORAGE_PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
export const BETA_STORAGE_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner';
/** On either: the class, before there was a field for it. */
export const BETA_STORAGE_CLASS = 'volume.beta.kubernetes.io/storage-class';
/** The provisioner of classes whose volumes are all made by hand. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/** The provisioner of drydock's own volumes, which are folders of a node. */
export const HOSTPATH_PROVISIONER = 'drydock.dev/hostpath';
/** Names under which others offer a folder of a node. A class that names one of them gets drydock's. */
export const FOLDER_PROVISIONERS: readonly string[] = [
  HOSTPATH_PROVISIONER,
  'k8s.io/minikube-hostpath',
  'rancher.io/local-path',
  'docker.io/hostpath',
];

const DEFAULT_CLASS_ANNOTATIONS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

/** '' for none. */
export function classOfClaim({ metadata, spec }: PersistentVolumeClaim): string {
  return metadata?.annotations?.[BETA_STORAGE_CLASS] ?? spec?.storageClassName ?? '';
}

/** '' for none. */
export function classOfVolume({ metadata, spec }: PersistentVolume): string {
  return metadata?.annotations?.[BETA_STORAGE_CLASS] ?? spec?.storageClassName ?? '';
}

/** Of several the newest, and of those created in the same second the first by name. */
export function defaultClassOf(classes: Iterable<StorageClass>): StorageClass | undefined {
  let best: StorageClass | undefined;
  for (const one of classes) {
    if (!DEFAULT_CLASS_ANNOTATIONS.some((key) => one.metadata?.annotations?.[key] === 'true'))
      continue;
    if (!best || goesBefore(one, best)) best = one;
  }
  return best;
}

function goesBefore(a: StorageClass, b: StorageClass): boolean {
  const [made, other] = [a.metadata?.creationTimestamp ?? '', b.metadata?.creationTimestamp ?? ''];
  if (made !== other) return made > other;
  return (a.metadata?.name ?? '') < (b.metadata?.name ?? '');
}

/** What the claim asks for. */
export function requestOf({ spec }: PersistentVolumeClaim): Quantity {
  return Quantity.parse(spec?.resources?.requests?.['storage'] ?? '0');
}

export function capacityOf({ spec }: PersistentVolume): Quantity {
  return Quantity.parse(spec?.capacity?.['storage'] ?? '0');
}

/** Whether the binding is complete. */
export function isBound(claim: PersistentVolumeClaim): boolean {
  return (
    Boolean(claim.spec?.volumeName) && claim.metadata?.annotations?.[BIND_COMPLETED] !== undefined
  );
}

/** Whether the volume is reserved for this claim: by name, or by this very uid. */
export function isReservedFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const ref = volume.spec?.claimRef;
  if (!ref || ref.name !== claim.metadata?.name || ref.namespace !== claim.metadata?.namespace)
    return false;
  return !ref.uid || ref.uid === claim.metadata?.uid;
}

export function claimReference({ metadata = {} }: PersistentVolumeClaim): ObjectReference {
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = metadata;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    namespace,
    name,
    uid,
    resourceVersion,
  };
}

/** The volume as it is to be when the claim has it. A reservation made by a user is not claimed as ours. */
export function claimedVolume(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): PersistentVolume {
  const byUser = isReservedFor(volume, claim);
  const annotations = {
    ...volume.metadata?.annotations,
    ...(byUser ? {} : { [BOUND_BY_CONTROLLER]: 'yes' }),
  };
  return {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: { ...volume.spec, claimRef: claimReference(claim) },
  };
}

/** A claim that a pod names, or the one that is made for an ephemeral volume of it. */
export interface NamedClaim {
  readonly volume: string;
  readonly claim: string;
  readonly ephemeral: boolean;
}

export function claimsOfPod(pod: Pod): NamedClaim[] {
  return (pod.spec?.volumes ?? []).flatMap((one): NamedClaim[] => {
    const { name, persistentVolumeClaim, ephemeral } = one;
    if (persistentVolumeClaim)
      return [{ volume: name, claim: persistentVolumeClaim.claimName, ephemeral: false }];
    if (ephemeral) return [{ volume: name, claim: ephemeralClaimName(pod, name), ephemeral: true }];
    return [];
  });
}

export function ephemeralClaimName(pod: Pod, volume: string): string {
  return `${pod.metadata?.name ?? ''}-${volume}`;
}
