/**
 * What becomes of a volume (`syncVolume` of `pkg/controller/volume/persistentvolume`):
 *
 *   Available ─ a claim has it ─▶ Bound ─ the claim is gone ─▶ Released ─▶ Retain: stays as it is
 *       ▲                                                        ├──▶ Delete: whoever made it deletes it
 *       └──────────────────────── emptied ◀── Recycle ◀──────────┘        └─ who cannot: Failed
 *
 * A volume that is reserved by name waits as Available for its claim.
 */
import type { PersistentVolume, PersistentVolumeClaim } from '../../pkg/api/types.js';
import { BOUND_BY_CONTROLLER, PROVISIONED_BY } from '../../pkg/api/volumes/claims.js';
import { volumeModeDiffers } from '../../pkg/api/volumes/match.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import { type Recycler, recyclable } from './recycler.js';
import type { Volumes } from './volumes.js';

const VOLUME_MISMATCH = { type: 'Warning', reason: 'VolumeMismatch' } as const;
const FAILED_DELETE = { type: 'Warning', reason: 'VolumeFailedDelete' } as const;
const FAILED_RECYCLE = { type: 'Warning', reason: 'VolumeFailedRecycle' } as const;
const RECYCLED = { type: 'Normal', reason: 'VolumeRecycled' } as const;
const UNKNOWN_POLICY = { type: 'Warning', reason: 'VolumeUnknownReclaimPolicy' } as const;
/** The only place that volumes on the host's own disk are deleted from. */
const DELETABLE_HOST_PATH = /^\/tmp\/.+/;

export interface VolumeSync {
  readonly volumes: Volumes;
  readonly recycler: Recycler;
  readonly enqueueClaim: (key: string) => void;
}

export async function syncVolume(
  sync: VolumeSync,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<void> {
  const { volumes } = sync;
  const ref = volume.spec?.claimRef;
  if (!ref?.uid) {
    await volumes.setVolumePhase(volume, 'Available', signal);
    if (ref?.name) sync.enqueueClaim(`${ref.namespace ?? ''}/${ref.name}`);
    return;
  }
  const claim = await claimOf(volumes, volume, signal);
  if (!claim) return release(sync, volume, signal);
  const chosen = claim.spec?.volumeName ?? '';
  if (chosen === volume.metadata?.name) {
    await volumes.setVolumePhase(volume, 'Bound', signal);
  } else if (chosen !== '') {
    const made = volume.metadata?.annotations?.[PROVISIONED_BY] !== undefined;
    if (made && volume.spec?.persistentVolumeReclaimPolicy === 'Delete')
      return release(sync, volume, signal);
    await unbind(volumes, volume, signal);
  } else if (volumeModeDiffers(volume, claim)) {
    tellModesDiffer(volumes, volume, claim);
  } else {
    sync.enqueueClaim(keyOf(claim));
  }
}

/** The claim that the volume belongs to; asked for again before it is taken for gone. */
async function claimOf(
  volumes: Volumes,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<PersistentVolumeClaim | undefined> {
  const { namespace = '', name = '', uid } = volume.spec?.claimRef ?? {};
  const known = volumes.claims.get(`${namespace}/${name}`);
  if (known && known.metadata?.uid === uid) return known;
  if (volume.status?.phase === 'Released' || volume.status?.phase === 'Failed') return undefined;
  try {
    const fresh = await volumes.claimClient.get(namespace, name, { signal });
    return fresh.metadata?.uid === uid ? fresh : undefined;
  } catch (err) {
    if (isNotFound(err)) return undefined;
    throw err;
  }
}

async function release(
  sync: VolumeSync,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<void> {
  const { volumes } = sync;
  const over = volume.status?.phase === 'Released' || volume.status?.phase === 'Failed';
  const free = over ? volume : await volumes.setVolumePhase(volume, 'Released', signal);
  switch (free.spec?.persistentVolumeReclaimPolicy) {
    case 'Retain':
      return;
    case 'Delete':
      return remove(volumes, free, signal);
    case 'Recycle':
      return recycle(sync, free, signal);
    default:
      return fail(volumes, free, UNKNOWN_POLICY, 'Volume has unrecognized reclaim policy', signal);
  }
}

/** Volumes of an external provisioner are left to it. */
async function remove(
  volumes: Volumes,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<void> {
  const { name = '', annotations, deletionTimestamp, uid } = volume.metadata ?? {};
  if (annotations?.[PROVISIONED_BY] !== undefined || deletionTimestamp !== undefined) return;
  const path = volume.spec?.hostPath?.path;
  if (path === undefined) {
    const message = `error getting deleter volume plugin for volume "${name}": no deletable volume plugin matched`;
    return fail(volumes, volume, FAILED_DELETE, message, signal);
  }
  if (!DELETABLE_HOST_PATH.test(path)) {
    const message = `host_path deleter only supports /tmp/.+ but received provided ${path}`;
    return fail(volumes, volume, FAILED_DELETE, message, signal);
  }
  const preconditions = uid === undefined ? {} : { uid };
  await volumes.volumeClient.delete('', name, { preconditions, signal });
}

async function recycle(
  { volumes, recycler }: VolumeSync,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<void> {
  if (!recyclable(volume))
    return fail(
      volumes,
      volume,
      FAILED_RECYCLE,
      'No recycler plugin found for the volume!',
      signal,
    );
  const outcome = await recycler.recycle(volume, signal);
  if (outcome === 'under way') return;
  if (outcome !== 'done')
    return fail(volumes, volume, FAILED_RECYCLE, `Recycle failed: ${outcome.failed}`, signal);
  volumes.tellVolume(volume, RECYCLED, 'Volume recycled');
  await unbind(volumes, volume, signal);
}

async function fail(
  volumes: Volumes,
  volume: PersistentVolume,
  told: { readonly type: 'Warning'; readonly reason: string },
  message: string,
  signal: AbortSignal,
): Promise<void> {
  if (volume.status?.phase === 'Failed') return;
  const failed = await volumes.setVolumePhase(volume, 'Failed', signal, message);
  volumes.tellVolume(failed, told, message);
}

/** Frees the volume; what a user reserved stays reserved by name. */
async function unbind(
  volumes: Volumes,
  volume: PersistentVolume,
  signal: AbortSignal,
): Promise<void> {
  const { [BOUND_BY_CONTROLLER]: ours, ...annotations } = volume.metadata?.annotations ?? {};
  const { claimRef, ...spec } = volume.spec ?? {};
  const { uid: _uid, resourceVersion: _version, ...reserved } = claimRef ?? {};
  const next: PersistentVolume = {
    ...volume,
    metadata: { ...volume.metadata, annotations },
    spec: ours === undefined ? { ...spec, claimRef: reserved } : spec,
  };
  const free = await volumes.updateVolume(volume, next, signal);
  await volumes.setVolumePhase(free, 'Available', signal);
}

function tellModesDiffer(
  volumes: Volumes,
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): void {
  const [of, by] = [JSON.stringify(volume.metadata?.name), JSON.stringify(claim.metadata?.name)];
  volumes.tellVolume(
    volume,
    VOLUME_MISMATCH,
    `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${by} due to incompatible volumeMode.`,
  );
  volumes.tellClaim(
    claim,
    VOLUME_MISMATCH,
    `Cannot bind PersistentVolume ${of} to requested PersistentVolumeClaim due to incompatible volumeMode.`,
  );
}
