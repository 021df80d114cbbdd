/**
 * Keeps volumes that a claim has (`pkg/controller/volume/pvprotection`). Every volume has a finalizer; that
 * of a volume that is being deleted goes when the volume is not bound.
 */
import type { PersistentVolume } from '../../pkg/api/types.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { PERSISTENT_VOLUMES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { withFinalizer, withoutFinalizer } from '../volumes/finalizers.js';

const FINALIZER = 'kubernetes.io/pv-protection';

export const persistentVolumeProtection: ControllerDescriptor = {
  name: 'persistentvolume-protection-controller',
  aliases: ['pv-protection'],
  serviceAccount: 'pv-protection-controller',
  create: (context) => new VolumeProtection(context),
};

class VolumeProtection implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly volumes: Informer<PersistentVolume>;
  private readonly client: ResourceClient<PersistentVolume>;

  constructor(private readonly context: ControllerContext) {
    this.queue = new RateLimitingQueue(context.clock);
    this.client = context.client.resource<PersistentVolume>(PERSISTENT_VOLUMES);
    this.volumes = context.informers.informer<PersistentVolume>(PERSISTENT_VOLUMES);
    const enqueue = (volume: PersistentVolume) => this.queue.add(keyOf(volume));
    this.volumes.addHandler({ add: enqueue, update: (_, volume) => enqueue(volume) });
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: 1,
        informers: [this.volumes],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const volume = this.volumes.store.get(key);
    if (!volume) return;
    const going = volume.metadata?.deletionTimestamp !== undefined;
    const kept = volume.metadata?.finalizers?.includes(FINALIZER) === true;
    if (going !== kept) return;
    try {
      if (!going) await this.client.update(withFinalizer(volume, FINALIZER), { signal });
      else if (volume.status?.phase !== 'Bound')
        await this.client.update(withoutFinalizer(volume, FINALIZER), { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}
