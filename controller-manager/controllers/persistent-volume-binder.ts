/**
 * Ties claims to volumes and frees volumes of claims that are gone (`pkg/controller/volume/persistentvolume`).
 * What becomes of a claim stands in `volumes/claim-sync.ts`, of a volume in `volumes/volume-sync.ts`.
 *
 * One worker for both: two that bind at once would give one volume to two claims. What changes wakes what
 * depends on it, and every 15 s all that is not settled is looked at again, as upstream.
 */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../pkg/api/types.js';
import { claimsOfPod, classOfClaim, classOfVolume, isBound } from '../../pkg/api/volumes/claims.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import { PODS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runPeriodically,
  runSyncLoop,
} from '../controller.js';
import { BY_CLAIM, claimIndex } from '../volumes/claim-index.js';
import { syncClaim } from '../volumes/claim-sync.js';
import { Recycler, recycledBy } from '../volumes/recycler.js';
import { syncVolume } from '../volumes/volume-sync.js';
import { Volumes } from '../volumes/volumes.js';

const RESYNC_MS = 15_000;
const COMPONENT = 'persistentvolume-controller';

type Key = `claim ${string}` | `volume ${string}`;

export const persistentVolumeBinder: ControllerDescriptor = {
  name: 'persistentvolume-binder-controller',
  aliases: ['persistentvolume-binder'],
  serviceAccount: 'persistent-volume-binder',
  create: (context) => new PersistentVolumeBinder(context),
};

class PersistentVolumeBinder implements Controller {
  private readonly queue: RateLimitingQueue<Key>;
  private readonly volumes: Volumes;
  private readonly pods: Informer<Pod>;
  private readonly recycler: Recycler;

  constructor(private readonly context: ControllerContext) {
    this.queue = new RateLimitingQueue<Key>(context.clock);
    this.volumes = new Volumes(context, COMPONENT);
    this.pods = context.informers.informer<Pod>(PODS, { indexers: { [BY_CLAIM]: claimIndex } });
    this.recycler = new Recycler(this.pods, context.client.resource<Pod>(PODS));
    const { claimInformer, volumeInformer, classInformer } = this.volumes;
    claimInformer.addHandler({
      add: (claim) => this.claimChanged(claim),
      update: (_, claim) => this.claimChanged(claim),
      delete: (claim) => this.volumeOf(claim),
    });
    volumeInformer.addHandler({
      add: (volume) => this.volumeChanged(volume),
      update: (_, volume) => this.volumeChanged(volume),
      delete: (volume) => this.claimOf(volume),
    });
    classInformer.addHandler({
      add: () => this.enqueuePending(),
      update: () => this.enqueuePending(),
    });
    this.pods.addHandler({
      add: (pod) => this.podChanged(pod),
      update: (old, pod) => {
        if (old.status?.phase !== pod.status?.phase) this.podChanged(pod);
      },
      delete: (pod) => this.podChanged(pod),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { queue, pods } = this;
    const { claimInformer, volumeInformer, classInformer } = this.volumes;
    await Promise.all([
      runSyncLoop(
        {
          context: this.context,
          queue,
          concurrency: 1,
          informers: [pods, claimInformer, volumeInformer, classInformer],
          sync: (key, stop) => this.sync(key, stop),
        },
        signal,
      ),
      runPeriodically(this.context.clock, RESYNC_MS, signal, async () => this.enqueueUnsettled()),
    ]);
  }

  private async sync(key: Key, signal: AbortSignal): Promise<void> {
    const { volumes, pods } = this;
    const name = key.slice(key.indexOf(' ') + 1);
    try {
      if (key.startsWith('claim ')) {
        const claim = volumes.claims.get(name);
        const podsOf = (of: string) => pods.store.byIndex(BY_CLAIM, of);
        if (claim) await syncClaim({ volumes, podsOf }, claim, signal);
        return;
      }
      const volume = volumes.volumes.get(name);
      const enqueueClaim = (claim: string) => this.queue.add(`claim ${claim}`);
      const sync = { volumes, recycler: this.recycler, enqueueClaim };
      if (volume) await syncVolume(sync, volume, signal);
    } catch (err) {
      // Deleted meanwhile: the watch tells of it.
      if (!isNotFound(err)) throw err;
    }
  }

  private claimChanged(claim: PersistentVolumeClaim): void {
    this.queue.add(`claim ${keyOf(claim)}`);
    if (claim.metadata?.deletionTimestamp === undefined && claim.status?.phase !== 'Bound')
      this.volumeOf(claim);
  }

  private volumeChanged(volume: PersistentVolume): void {
    this.queue.add(`volume ${keyOf(volume)}`);
    if (volume.spec?.claimRef) this.claimOf(volume);
    else if (volume.status?.phase === 'Available') this.enqueuePending(classOfVolume(volume));
  }

  private volumeOf({ spec }: PersistentVolumeClaim): void {
    if (spec?.volumeName) this.queue.add(`volume ${spec.volumeName}`);
  }

  private claimOf({ spec }: PersistentVolume): void {
    const { namespace = '', name } = spec?.claimRef ?? {};
    if (name) this.queue.add(`claim ${namespace}/${name}`);
  }

  /** A pod that empties a volume; or one that is awaited, which the claim's next Event names. */
  private podChanged(pod: Pod): void {
    const volume = recycledBy(pod);
    if (volume !== undefined) this.queue.add(`volume ${volume}`);
    for (const { claim } of claimsOfPod(pod)) {
      const key = `${pod.metadata?.namespace ?? ''}/${claim}`;
      const known = this.volumes.claimInformer.store.get(key);
      if (known && !isBound(known)) this.queue.add(`claim ${key}`);
    }
  }

  private enqueuePending(className?: string): void {
    for (const claim of this.volumes.claimInformer.store.values()) {
      if (isBound(claim)) continue;
      if (className === undefined || classOfClaim(claim) === className)
        this.queue.add(`claim ${keyOf(claim)}`);
    }
  }

  private enqueueUnsettled(): void {
    this.enqueuePending();
    for (const volume of this.volumes.volumeInformer.store.values())
      if (volume.status?.phase !== 'Bound') this.queue.add(`volume ${keyOf(volume)}`);
  }
}
