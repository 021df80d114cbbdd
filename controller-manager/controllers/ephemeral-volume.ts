/**
 * Makes the claims of generic ephemeral volumes (`pkg/controller/volume/ephemeral`): one for each, named
 * POD-VOLUME and owned by the pod, with which it goes.
 */
import type { PersistentVolumeClaim, Pod, Volume } from '../../pkg/api/types.js';
import { ephemeralClaimName } from '../../pkg/api/volumes/claims.js';
import { controllerOf, keyOf } from '../../pkg/apimachinery/meta.js';
import { type EventRecorder, referenceTo } from '../../pkg/client/event-recorder.js';
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
import { controllerRefTo } from '../pod-control.js';
import { isPodTerminal } from '../pods.js';

const CONCURRENCY = 5;

export const ephemeralVolume: ControllerDescriptor = {
  name: 'ephemeral-volume-controller',
  aliases: ['ephemeral-volume'],
  serviceAccount: 'ephemeral-volume-controller',
  create: (context) => new EphemeralVolumeController(context),
};

class EphemeralVolumeController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly pods: Informer<Pod>;
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly client: ResourceClient<PersistentVolumeClaim>;
  private readonly recorder: EventRecorder;

  constructor(private readonly context: ControllerContext) {
    const { client, informers, recorder } = context;
    this.queue = new RateLimitingQueue(context.clock);
    this.client = client.resource<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.recorder = recorder.forComponent('ephemeral_volume');
    this.pods = informers.informer<Pod>(PODS);
    this.claims = informers.informer<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    const enqueue = (pod: Pod) => {
      if (wantsClaims(pod)) this.queue.add(keyOf(pod));
    };
    this.pods.addHandler({ add: enqueue, update: (_, pod) => enqueue(pod) });
    this.claims.addHandler({
      delete: (claim) => {
        const owner = controllerOf(claim);
        if (owner?.kind === 'Pod')
          this.queue.add(`${claim.metadata?.namespace ?? ''}/${owner.name}`);
      },
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: CONCURRENCY,
        informers: [this.pods, this.claims],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.pods.store.get(key);
    if (!pod || !wantsClaims(pod)) return;
    for (const volume of pod.spec?.volumes ?? []) {
      if (volume.ephemeral) await this.ensureClaim(pod, volume, signal);
    }
  }

  private async ensureClaim(pod: Pod, volume: Volume, signal: AbortSignal): Promise<void> {
    const { namespace = '', name: podName = '', uid } = pod.metadata ?? {};
    const name = ephemeralClaimName(pod, volume.name);
    const known = this.claims.store.get(`${namespace}/${name}`);
    try {
      if (!known) {
        await this.client.create(claimFor(pod, name, volume), { signal });
      } else if (controllerOf(known)?.uid !== uid) {
        throw new Error(
          `PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`,
        );
      }
    } catch (err) {
      if (signal.aborted) throw err;
      const why = err instanceof Error ? err.message : String(err);
      const message = `ephemeral volume ${volume.name}: ${why}`;
      this.recorder.event(referenceTo(PODS, pod), 'Warning', 'FailedBinding', message);
      throw err;
    }
  }
}

function wantsClaims(pod: Pod): boolean {
  return (
    pod.metadata?.deletionTimestamp === undefined &&
    !isPodTerminal(pod) &&
    pod.spec?.volumes?.some((volume) => volume.ephemeral) === true
  );
}

function claimFor(pod: Pod, name: string, { ephemeral }: Volume): PersistentVolumeClaim {
  const { metadata = {}, spec = {} } = ephemeral?.volumeClaimTemplate ?? {};
  const { labels, annotations } = metadata;
  return {
    metadata: {
      namespace: pod.metadata?.namespace ?? '',
      name,
      ownerReferences: [controllerRefTo(PODS, pod)],
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
    },
    spec,
  };
}
