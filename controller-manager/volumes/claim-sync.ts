/**
 * What becomes of a claim (`syncClaim` of `pkg/controller/volume/persistentvolume`):
 *
 *   Pending ─ a volume fits, or was asked for and is free ─▶ Bound ─ its volume is gone or another's ─▶ Lost
 *      ├─ the class waits, no consumer yet: an Event says so
 *      ├─ the class has a provisioner: it is named on the claim, and makes the volume
 *      └─ no class: the default one where there is one by now; else an Event
 *
 * A claim that was bound once never gets another volume.
 */
import type { PersistentVolumeClaim, Pod } from '../../pkg/api/types.js';
import {
  BETA_STORAGE_CLASS,
  BETA_STORAGE_PROVISIONER,
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  classOfClaim,
  defaultClassOf,
  isReservedFor,
  SELECTED_NODE,
  STORAGE_PROVISIONER,
} from '../../pkg/api/volumes/claims.js';
import { findMatch, mismatch } from '../../pkg/api/volumes/match.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import type { Volumes } from './volumes.js';

const FAILED_BINDING = { type: 'Normal', reason: 'FailedBinding' } as const;
const VOLUME_TAKEN = { type: 'Warning', reason: 'FailedBinding' } as const;
const VOLUME_MISMATCH = { type: 'Warning', reason: 'VolumeMismatch' } as const;
const WAIT_FOR_CONSUMER = { type: 'Normal', reason: 'WaitForFirstConsumer' } as const;
const WAIT_FOR_POD = { type: 'Normal', reason: 'WaitForPodScheduled' } as const;
const EXTERNAL_PROVISIONING = { type: 'Normal', reason: 'ExternalProvisioning' } as const;
const PROVISIONING_FAILED = { type: 'Warning', reason: 'ProvisioningFailed' } as const;
const CLAIM_LOST = { type: 'Warning', reason: 'ClaimLost' } as const;
const CLAIM_MISBOUND = { type: 'Warning', reason: 'ClaimMisbound' } as const;

export interface ClaimSync {
  readonly volumes: Volumes;
  /** The pods that name a claim, by its key. */
  readonly podsOf: (claim: string) => readonly Pod[];
}

export async function syncClaim(
  sync: ClaimSync,
  claim: PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<void> {
  if (claim.metadata?.annotations?.[BIND_COMPLETED] !== undefined)
    return syncBound(sync.volumes, claim, signal);
  if (claim.spec?.volumeName) return syncChosen(sync.volumes, claim, signal);
  return syncUnbound(sync, claim, signal);
}

/** Nobody has said which volume it is to be. */
async function syncUnbound(
  sync: ClaimSync,
  claim: PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<void> {
  const { volumes } = sync;
  const delayed = volumes.isDelayed(claim);
  const found = findMatch(claim, volumes.volumes.values(), { delayed });
  if (found) return volumes.bind(found, claim, signal);
  if (await assignDefaultClass(volumes, claim, signal)) return;
  if (delayed && claim.metadata?.annotations?.[SELECTED_NODE] === undefined) {
    tellWhoIsAwaited(sync, claim);
  } else if (classOfClaim(claim) !== '') {
    return provision(volumes, claim, signal);
  } else {
    const message = 'no persistent volumes available for this claim and no storage class is set';
    volumes.tellClaim(claim, FAILED_BINDING, message);
  }
  await volumes.setClaimPhase(claim, 'Pending', undefined, signal);
}

/** The user, or a controller that came to no end, has said which volume it is to be. */
async function syncChosen(
  volumes: Volumes,
  claim: PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<void> {
  const name = claim.spec?.volumeName ?? '';
  const volume = volumes.volumes.get(name);
  if (volume && !volume.spec?.claimRef) {
    const why = mismatch(volume, claim);
    if (why === undefined) return volumes.bind(volume, claim, signal);
    const message = `Cannot bind to requested volume ${JSON.stringify(name)}: ${why}`;
    volumes.tellClaim(claim, VOLUME_MISMATCH, message);
  } else if (volume && isReservedFor(volume, claim)) {
    return volumes.bind(volume, claim, signal);
  } else if (volume) {
    if (claim.metadata?.annotations?.[BOUND_BY_CONTROLLER] !== undefined) {
      const { namespace = '', name: other = '' } = volume.spec?.claimRef ?? {};
      throw new Error(
        `invalid binding of claim "${keyOf(claim)}" to volume "${name}": volume already claimed by "${namespace}/${other}"`,
      );
    }
    const message = `volume ${JSON.stringify(name)} already bound to a different claim.`;
    volumes.tellClaim(claim, VOLUME_TAKEN, message);
  }
  await volumes.setClaimPhase(claim, 'Pending', undefined, signal);
}

async function syncBound(
  volumes: Volumes,
  claim: PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<void> {
  const name = claim.spec?.volumeName ?? '';
  const volume = name === '' ? undefined : volumes.volumes.get(name);
  if (volume) {
    const { claimRef } = volume.spec ?? {};
    if (!claimRef || claimRef.uid === claim.metadata?.uid)
      return volumes.bind(volume, claim, signal);
    const message = 'Two claims are bound to the same volume, this one is bound incorrectly';
    return lose(volumes, claim, CLAIM_MISBOUND, message, signal);
  }
  const message =
    name === ''
      ? 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!'
      : 'Bound claim has lost its PersistentVolume. Data on the volume is lost!';
  return lose(volumes, claim, CLAIM_LOST, message, signal);
}

async function lose(
  volumes: Volumes,
  claim: PersistentVolumeClaim,
  told: typeof CLAIM_LOST | typeof CLAIM_MISBOUND,
  message: string,
  signal: AbortSignal,
): Promise<void> {
  if (claim.status?.phase === 'Lost') return;
  const lost = await volumes.setClaimPhase(claim, 'Lost', undefined, signal);
  volumes.tellClaim(lost, told, message);
}

/** Of a claim that came before there was a default class. A class of '' is a wish for none. */
async function assignDefaultClass(
  volumes: Volumes,
  claim: PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<boolean> {
  if (claim.spec?.storageClassName !== undefined) return false;
  if (claim.metadata?.annotations?.[BETA_STORAGE_CLASS] !== undefined) return false;
  const storageClassName = defaultClassOf(volumes.classInformer.store.values())?.metadata?.name;
  if (storageClassName === undefined) return false;
  const next = { ...claim, spec: { ...claim.spec, storageClassName } };
  await volumes.updateClaim(claim, next, signal);
  return true;
}

function tellWhoIsAwaited({ volumes, podsOf }: ClaimSync, claim: PersistentVolumeClaim): void {
  const pods = podsOf(keyOf(claim))
    .filter((pod) => !pod.spec?.nodeName)
    .map((pod) => pod.metadata?.name ?? '')
    .sort();
  if (pods.length === 0) {
    const message = 'waiting for first consumer to be created before binding';
    volumes.tellClaim(claim, WAIT_FOR_CONSUMER, message);
  } else {
    const which = pods.length === 1 ? `pod ${pods[0]}` : `pods ${pods.join(',')}`;
    volumes.tellClaim(claim, WAIT_FOR_POD, `waiting for ${which} to be scheduled`);
  }
}

/** All provisioners are external: they watch for claims that name them. */
async function provision(
  volumes: Volumes,
  claim: PersistentVolumeClaim,
  signal: AbortSignal,
): Promise<void> {
  const wanted = volumes.classOf(claim);
  if (!wanted) {
    const name = JSON.stringify(classOfClaim(claim));
    const message = `storageclass.storage.k8s.io ${name} not found`;
    volumes.tellClaim(claim, PROVISIONING_FAILED, message);
    return;
  }
  const { provisioner } = wanted;
  if (provisioner.startsWith('kubernetes.io/') && !MIGRATED.has(provisioner)) {
    const message = `no volume plugin matched name: ${provisioner}`;
    volumes.tellClaim(claim, PROVISIONING_FAILED, message);
    return;
  }
  const name = MIGRATED.get(provisioner) ?? provisioner;
  const annotations = claim.metadata?.annotations ?? {};
  if (annotations[STORAGE_PROVISIONER] !== name || annotations[BETA_STORAGE_PROVISIONER] !== name) {
    const named = {
      ...annotations,
      [BETA_STORAGE_PROVISIONER]: name,
      [STORAGE_PROVISIONER]: name,
    };
    const next = { ...claim, metadata: { ...claim.metadata, annotations: named } };
    await volumes.updateClaim(claim, next, signal);
  }
  const message = `Waiting for a volume to be created either by the external provisioner '${name}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  volumes.tellClaim(claim, EXTERNAL_PROVISIONING, message);
}

/** Provisioners that were part of Kubernetes, and the drivers that took over from them. */
const MIGRATED: ReadonlyMap<string, string> = new Map([
  ['kubernetes.io/aws-ebs', 'ebs.csi.aws.com'],
  ['kubernetes.io/azure-disk', 'disk.csi.azure.com'],
  ['kubernetes.io/azure-file', 'file.csi.azure.com'],
  ['kubernetes.io/cinder', 'cinder.csi.openstack.org'],
  ['kubernetes.io/gce-pd', 'pd.csi.storage.gke.io'],
  ['kubernetes.io/portworx-volume', 'pxd.portworx.com'],
  ['kubernetes.io/vsphere-volume', 'csi.vsphere.vmware.com'],
]);
