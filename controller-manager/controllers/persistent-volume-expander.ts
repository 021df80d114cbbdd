/**
 * Tells who is waited for when a bound claim grows (`pkg/controller/volume/expand`). Nothing that was part
 * of Kubernetes can grow volumes any more: resizers outside of it do, and so does the provisioner of
 * drydock's own volumes (`hostpath-provisioner.ts`).
 */
import type { PersistentVolume, PersistentVolumeClaim } from '../../pkg/api/types.js';
import { FOLDER_PROVISIONERS, PROVISIONED_BY, requestOf } from '../../pkg/api/volumes/claims.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import { type EventRecorder, referenceTo } from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import { PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';

export const persistentVolumeExpander: ControllerDescriptor = {
  name: 'persistentvolume-expander-controller',
  aliases: ['persistentvolume-expander'],
  serviceAccount: 'expand-controller',
  create: (context) => new VolumeExpander(context),
};

class VolumeExpander implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly volumes: Informer<PersistentVolume>;
  private readonly recorder: EventRecorder;

  constructor(private readonly context: ControllerContext) {
    const { informers, recorder } = context;
    this.queue = new RateLimitingQueue(context.clock);
    this.recorder = recorder.forComponent('volume_expand');
    this.claims = informers.informer<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.volumes = informers.informer<PersistentVolume>(PERSISTENT_VOLUMES);
    const enqueue = (claim: PersistentVolumeClaim) => {
      if (wantsMore(claim)) this.queue.add(keyOf(claim));
    };
    this.claims.addHandler({
      add: enqueue,
      update: (old, claim) => {
        if (requestOf(old).compare(requestOf(claim)) < 0) enqueue(claim);
      },
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: 1,
        informers: [this.claims, this.volumes],
        sync: async (key) => this.sync(key),
      },
      signal,
    );
  }

  private sync(key: string): void {
    const claim = this.claims.store.get(key);
    const volume = this.volumes.store.get(claim?.spec?.volumeName ?? '');
    if (!claim || !volume || volume.spec?.claimRef?.uid !== claim.metadata?.uid) return;
    if (!wantsMore(claim)) return;
    if (FOLDER_PROVISIONERS.includes(volume.metadata?.annotations?.[PROVISIONED_BY] ?? '')) return;
    this.recorder.event(
      referenceTo(PERSISTENT_VOLUME_CLAIMS, claim),
      'Warning',
      'ExternalExpanding',
      "Ignoring the PVC: didn't find a plugin capable of expanding the volume; waiting for an external controller to process this PVC.",
    );
  }
}

function wantsMore(claim: PersistentVolumeClaim): boolean {
  const { phase, capacity } = claim.status ?? {};
  if (phase !== 'Bound') return false;
  return requestOf(claim).compare(Quantity.parse(capacity?.['storage'] ?? '0')) > 0;
}
