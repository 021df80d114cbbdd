/**
 * What the parts of the volume binder share: claims, volumes and classes as they are now, and the writes
 * that change them. Every write names the version that it was made from; what it made is known at once.
 */
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../pkg/api/types.js';
import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  claimedVolume,
  classOfClaim,
  isReservedFor,
} from '../../pkg/api/volumes/claims.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import {
  type EventRecorder,
  type EventType,
  referenceTo,
} from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import {
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  STORAGE_CLASSES,
} from '../../pkg/client/resources.js';
import type { ControllerContext } from '../controller.js';
import { Latest } from './latest.js';

export type ClaimPhase = 'Pending' | 'Bound' | 'Lost';
export type VolumePhase = 'Available' | 'Bound' | 'Released' | 'Failed';

interface Told {
  readonly type: EventType;
  readonly reason: string;
}

export class Volumes {
  readonly claims: Latest<PersistentVolumeClaim>;
  readonly volumes: Latest<PersistentVolume>;
  readonly claimInformer: Informer<PersistentVolumeClaim>;
  readonly volumeInformer: Informer<PersistentVolume>;
  readonly classInformer: Informer<StorageClass>;
  readonly claimClient: ResourceClient<PersistentVolumeClaim>;
  readonly volumeClient: ResourceClient<PersistentVolume>;
  private readonly recorder: EventRecorder;

  constructor({ client, informers, recorder }: ControllerContext, component: string) {
    this.claimClient = client.resource<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.volumeClient = client.resource<PersistentVolume>(PERSISTENT_VOLUMES);
    this.claimInformer = informers.informer<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.volumeInformer = informers.informer<PersistentVolume>(PERSISTENT_VOLUMES);
    this.classInformer = informers.informer<StorageClass>(STORAGE_CLASSES);
    this.claims = new Latest(this.claimInformer);
    this.volumes = new Latest(this.volumeInformer);
    this.recorder = recorder.forComponent(component);
  }

  classOf(claim: PersistentVolumeClaim): StorageClass | undefined {
    return this.classInformer.store.get(classOfClaim(claim));
  }

  /** Whether the claim's class waits for its first consumer. */
  isDelayed(claim: PersistentVolumeClaim): boolean {
    return this.classOf(claim)?.volumeBindingMode === 'WaitForFirstConsumer';
  }

  tellClaim(claim: PersistentVolumeClaim, told: Told, message: string): void {
    const at = referenceTo(PERSISTENT_VOLUME_CLAIMS, claim);
    this.recorder.event(at, told.type, told.reason, message);
  }

  tellVolume(volume: PersistentVolume, told: Told, message: string): void {
    const at = referenceTo(PERSISTENT_VOLUMES, volume);
    this.recorder.event(at, told.type, told.reason, message);
  }

  /** Ties both to each other: the volume first, so that no other claim gets it, then the claim. */
  async bind(
    volume: PersistentVolume,
    claim: PersistentVolumeClaim,
    signal: AbortSignal,
  ): Promise<void> {
    let held = volume;
    const { claimRef } = volume.spec ?? {};
    if (!isReservedFor(volume, claim) || claimRef?.uid !== claim.metadata?.uid)
      held = await this.updateVolume(volume, claimedVolume(volume, claim), signal);
    held = await this.setVolumePhase(held, 'Bound', signal);
    const tied = await this.updateClaim(claim, boundClaim(claim, held), signal);
    await this.setClaimPhase(tied, 'Bound', held, signal);
  }

  updateVolume(
    from: PersistentVolume,
    to: PersistentVolume,
    signal: AbortSignal,
  ): Promise<PersistentVolume> {
    return this.volumes.write(from, () => this.volumeClient.update(to, { signal }));
  }

  async updateClaim(
    from: PersistentVolumeClaim,
    to: PersistentVolumeClaim,
    signal: AbortSignal,
  ): Promise<PersistentVolumeClaim> {
    if (to === from) return from;
    return this.claims.write(from, () => this.claimClient.update(to, { signal }));
  }

  async setVolumePhase(
    volume: PersistentVolume,
    phase: VolumePhase,
    signal: AbortSignal,
    message = '',
  ): Promise<PersistentVolume> {
    // What others say of a volume that is as it should be stays.
    if (volume.status?.phase === phase) return volume;
    const { message: _, ...rest } = volume.status ?? {};
    const status = { ...rest, phase, ...(message === '' ? {} : { message }) };
    return this.volumes.write(volume, () =>
      this.volumeClient.updateStatus({ ...volume, status }, { signal }),
    );
  }

  async setClaimPhase(
    claim: PersistentVolumeClaim,
    phase: ClaimPhase,
    volume: PersistentVolume | undefined,
    signal: AbortSignal,
  ): Promise<PersistentVolumeClaim> {
    const status = claimStatus(claim, phase, volume);
    if (semanticDeepEqual(status, claim.status)) return claim;
    return this.claims.write(claim, () =>
      this.claimClient.updateStatus({ ...claim, status }, { signal }),
    );
  }
}

/** The same object where nothing is to change. */
function boundClaim(claim: PersistentVolumeClaim, volume: PersistentVolume): PersistentVolumeClaim {
  const { annotations = {} } = claim.metadata ?? {};
  const ours = claim.spec?.volumeName !== volume.metadata?.name;
  if (!ours && annotations[BIND_COMPLETED] !== undefined) return claim;
  return {
    ...claim,
    metadata: {
      ...claim.metadata,
      annotations: {
        ...annotations,
        ...(ours ? { [BOUND_BY_CONTROLLER]: 'yes' } : {}),
        [BIND_COMPLETED]: 'yes',
      },
    },
    spec: { ...claim.spec, volumeName: volume.metadata?.name ?? '' },
  };
}

/** Capacity is taken over once, when the claim becomes bound: later it is the resizer's. */
function claimStatus(
  { status = {} }: PersistentVolumeClaim,
  phase: ClaimPhase,
  volume: PersistentVolume | undefined,
): NonNullable<PersistentVolumeClaim['status']> {
  const { accessModes: _modes, capacity: known, ...rest } = status;
  if (!volume) return { ...rest, phase };
  const { accessModes, capacity, volumeAttributesClassName } = volume.spec ?? {};
  const first = status.phase !== 'Bound' || known === undefined;
  const storage = capacity?.['storage'];
  const size = first ? (storage === undefined ? {} : { storage }) : known;
  return {
    ...rest,
    ...(accessModes ? { accessModes } : {}),
    capacity: size,
    ...(first && volumeAttributesClassName
      ? { currentVolumeAttributesClassName: volumeAttributesClassName }
      : {}),
    phase,
  };
}
