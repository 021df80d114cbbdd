/**
 * Keeps claims that pods use (`pkg/controller/volume/pvcprotection`). Every claim has a finalizer; that of a
 * claim that is being deleted goes when no scheduled pod names the claim any more. Pods that are not
 * scheduled do not count: no kubelet starts a pod whose claim is being deleted.
 */
import type { PersistentVolumeClaim, Pod } from '../../pkg/api/types.js';
import { claimsOfPod } from '../../pkg/api/volumes/claims.js';
import { controllerOf, keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { PERSISTENT_VOLUME_CLAIMS, PODS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { BY_CLAIM, claimIndex } from '../volumes/claim-index.js';
import { withFinalizer, withoutFinalizer } from '../volumes/finalizers.js';

const FINALIZER = 'kubernetes.io/pvc-protection';

export const persistentVolumeClaimProtection: ControllerDescriptor = {
  name: 'persistentvolumeclaim-protection-controller',
  aliases: ['pvc-protection'],
  serviceAccount: 'pvc-protection-controller',
  create: (context) => new ClaimProtection(context),
};

class ClaimProtection implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly pods: Informer<Pod>;
  private readonly claimClient: ResourceClient<PersistentVolumeClaim>;
  private readonly podClient: ResourceClient<Pod>;

  constructor(private readonly context: ControllerContext) {
    const { client, informers } = context;
    this.queue = new RateLimitingQueue(context.clock);
    this.claimClient = client.resource<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.podClient = client.resource<Pod>(PODS);
    this.claims = informers.informer<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_CLAIM]: claimIndex } });
    const enqueue = (claim: PersistentVolumeClaim) => this.queue.add(keyOf(claim));
    this.claims.addHandler({ add: enqueue, update: (_, claim) => enqueue(claim) });
    this.pods.addHandler({
      update: (old, pod) => {
        if (old.metadata?.uid !== pod.metadata?.uid) this.podGone(old);
        if (isShutDown(pod)) this.podGone(pod);
      },
      delete: (pod) => this.podGone(pod),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: 1,
        informers: [this.claims, this.pods],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const claim = this.claims.store.get(key);
    if (!claim) return;
    const going = claim.metadata?.deletionTimestamp !== undefined;
    const kept = claim.metadata?.finalizers?.includes(FINALIZER) === true;
    if (going !== kept) return;
    try {
      if (!going) await this.claimClient.update(withFinalizer(claim, FINALIZER), { signal });
      else if (!(await this.isUsed(claim, signal)))
        await this.claimClient.update(withoutFinalizer(claim, FINALIZER), { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  /** The cache may be late: that no pod uses the claim is asked of the server. */
  private async isUsed(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<boolean> {
    if (this.pods.store.byIndex(BY_CLAIM, keyOf(claim)).some((pod) => uses(pod, claim)))
      return true;
    const namespace = claim.metadata?.namespace ?? '';
    const { items } = await this.podClient.list({ namespace, signal });
    return items.some((pod) => uses(pod, claim));
  }

  private podGone(pod: Pod): void {
    for (const { claim } of claimsOfPod(pod))
      this.queue.add(`${pod.metadata?.namespace ?? ''}/${claim}`);
  }
}

function uses(pod: Pod, claim: PersistentVolumeClaim): boolean {
  if (!pod.spec?.nodeName) return false;
  return claimsOfPod(pod).some(({ claim: name, ephemeral }) => {
    if (name !== claim.metadata?.name) return false;
    return !ephemeral || (!isShutDown(pod) && controllerOf(claim)?.uid === pod.metadata?.uid);
  });
}

/** Its containers are gone, and only finalizers are left of it. */
function isShutDown({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
}
