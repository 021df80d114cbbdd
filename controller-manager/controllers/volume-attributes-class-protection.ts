/**
 * Keeps VolumeAttributesClasses that are in use (`pkg/controller/storage/vacprotection`). Every class has a
 * finalizer; that of a class that is being deleted goes when no claim and no volume names it: a claim may
 * want it, have it, or be on the way to it.
 */
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  VolumeAttributesClass,
} from '../../pkg/api/types.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import {
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  VOLUME_ATTRIBUTES_CLASSES,
} from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { withFinalizer, withoutFinalizer } from '../volumes/finalizers.js';

const FINALIZER = 'kubernetes.io/vac-protection';

export const volumeAttributesClassProtection: ControllerDescriptor = {
  name: 'volumeattributesclass-protection-controller',
  aliases: [],
  serviceAccount: 'volumeattributesclass-protection-controller',
  create: (context) => new ClassProtection(context),
};

class ClassProtection implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly classes: Informer<VolumeAttributesClass>;
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly volumes: Informer<PersistentVolume>;
  private readonly classClient: ResourceClient<VolumeAttributesClass>;
  private readonly claimClient: ResourceClient<PersistentVolumeClaim>;
  private readonly volumeClient: ResourceClient<PersistentVolume>;

  constructor(private readonly context: ControllerContext) {
    const { client, informers, clock } = context;
    this.queue = new RateLimitingQueue(clock);
    this.classClient = client.resource<VolumeAttributesClass>(VOLUME_ATTRIBUTES_CLASSES);
    this.claimClient = client.resource<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.volumeClient = client.resource<PersistentVolume>(PERSISTENT_VOLUMES);
    this.classes = informers.informer<VolumeAttributesClass>(VOLUME_ATTRIBUTES_CLASSES);
    this.claims = informers.informer<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.volumes = informers.informer<PersistentVolume>(PERSISTENT_VOLUMES);
    const enqueue = (one: VolumeAttributesClass) => this.queue.add(keyOf(one));
    this.classes.addHandler({ add: enqueue, update: (_, one) => enqueue(one) });
    this.claims.addHandler({
      update: (old, claim) => this.released(namedByClaim(old), namedByClaim(claim)),
      delete: (claim) => this.released(namedByClaim(claim), []),
    });
    this.volumes.addHandler({
      update: (old, volume) => this.released(namedByVolume(old), namedByVolume(volume)),
      delete: (volume) => this.released(namedByVolume(volume), []),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: 1,
        informers: [this.classes, this.claims, this.volumes],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(name: string, signal: AbortSignal): Promise<void> {
    const one = this.classes.store.get(name);
    if (!one) return;
    const going = one.metadata?.deletionTimestamp !== undefined;
    const kept = one.metadata?.finalizers?.includes(FINALIZER) === true;
    if (going !== kept) return;
    try {
      if (!going) await this.classClient.update(withFinalizer(one, FINALIZER), { signal });
      else if (!(await this.isUsed(name, signal)))
        await this.classClient.update(withoutFinalizer(one, FINALIZER), { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  /** The caches may be late: that nobody uses the class is asked of the server. */
  private async isUsed(name: string, signal: AbortSignal): Promise<boolean> {
    const byClaim = (claim: PersistentVolumeClaim) => namedByClaim(claim).includes(name);
    const byVolume = (volume: PersistentVolume) => namedByVolume(volume).includes(name);
    for (const claim of this.claims.store.values()) if (byClaim(claim)) return true;
    for (const volume of this.volumes.store.values()) if (byVolume(volume)) return true;
    if ((await this.claimClient.list({ signal })).items.some(byClaim)) return true;
    return (await this.volumeClient.list({ signal })).items.some(byVolume);
  }

  private released(before: readonly string[], after: readonly string[]): void {
    for (const name of before) if (!after.includes(name)) this.queue.add(name);
  }
}

function namedByClaim({ spec, status }: PersistentVolumeClaim): string[] {
  return [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name): name is string => name !== undefined && name !== '');
}

function namedByVolume({ spec }: PersistentVolume): string[] {
  return spec?.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [];
}
