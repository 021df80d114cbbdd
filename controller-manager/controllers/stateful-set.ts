/**
 * Keeps the numbered pods of StatefulSets, each with its own name and claims (`pkg/controller/statefulset`).
 *
 *   pod, set or claim changes ─▶ queue ─▶ sync: adopt revisions and pods ─▶ rollout (stateful-set/rollout.ts)
 *                                               ─▶ status, history
 *
 * There are no expectations: names are fixed, so what the cache does not show yet cannot be made twice, and
 * deletions name the pod's uid.
 */
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../pkg/api/types.js';
import { selectorFromObject } from '../../pkg/apimachinery/labels.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS } from '../../pkg/client/resources.js';
import { BY_NAMESPACE, BY_OWNER, namespaceIndex, ownerIndex } from '../../pkg/client/store.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { ControllerHistory } from '../history.js';
import { Ownership } from '../ownership.js';
import { untilNextAvailable } from '../pods.js';
import { isMemberOf } from '../stateful-set/identity.js';
import { StatefulPodControl } from '../stateful-set/pod-control.js';
import { Rollout } from '../stateful-set/rollout.js';
import { statusDiffers } from '../stateful-set/status.js';
import { writeStatus } from '../status-writer.js';

/** Tries of a status write in one sync, each after reading again. */
const STATUS_RETRIES = 3;

export const statefulSet: ControllerDescriptor = {
  name: 'statefulset-controller',
  aliases: ['statefulset'],
  serviceAccount: 'statefulset-controller',
  create: (context) => new StatefulSetController(context),
};

class StatefulSetController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly sets: Informer<StatefulSet>;
  private readonly pods: Informer<Pod>;
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly history: ControllerHistory<StatefulSet>;
  private readonly podControl: StatefulPodControl;
  private readonly client: ResourceClient<StatefulSet>;
  private readonly ownership: Ownership<StatefulSet, Pod>;

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.client = client.resource<StatefulSet>(STATEFUL_SETS);
    this.history = new ControllerHistory(context, STATEFUL_SETS);
    this.sets = informers.informer<StatefulSet>(STATEFUL_SETS, {
      indexers: { [BY_NAMESPACE]: namespaceIndex },
    });
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_OWNER]: ownerIndex } });
    this.claims = informers.informer<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    const recorder = context.recorder.forComponent('statefulset-controller');
    this.podControl = new StatefulPodControl(context, recorder, this.claims.store);
    this.sets.addHandler({
      add: (set) => this.enqueue(set),
      update: (_, set) => this.enqueue(set),
      delete: (set) => this.enqueue(set),
    });
    this.ownership = new Ownership({
      ref: STATEFUL_SETS,
      owners: this.sets.store,
      ownerClient: this.client,
      dependents: this.pods.store,
      dependentClient: client.resource<Pod>(PODS),
      selectorOf: (set: StatefulSet) => selectorFromObject(set.spec?.selector),
      wake: (set) => this.enqueue(set),
    });
    this.pods.addHandler(this.ownership.handler);
    this.claims.addHandler({ delete: (gone) => this.claimDeleted(gone) });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency: context.options.concurrency['statefulset'] ?? 5,
        informers: [this.sets, this.pods, this.claims, this.history.informer],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const set = this.sets.store.get(key);
    if (!set) return;
    const now = () => this.context.clock.now();
    // Only pods whose names are of this set.
    const mayClaim = (pod: Pod) => isMemberOf(set, pod);
    const pods = await this.ownership.claim(set, signal, { mayClaim });
    const status = await new Rollout({
      set,
      pods,
      history: this.history,
      podControl: this.podControl,
      writeStatus: async (next) => {
        if (!statusDiffers(set.status, next)) return;
        await writeStatus(this.client, set, () => next, STATUS_RETRIES, signal);
      },
      now,
      signal,
    }).sync();
    const { minReadySeconds = 0, replicas = 1 } = set.spec ?? {};
    if ((status.availableReplicas ?? 0) === replicas) return;
    const next = untilNextAvailable(pods, minReadySeconds, now());
    if (next !== undefined) this.queue.addAfter(key, next);
  }

  // --- enqueue helpers ---

  private enqueue(set: StatefulSet): void {
    this.queue.add(keyOf(set));
  }

  /** A pod may wait for its claim to be made anew. */
  private claimDeleted(gone: PersistentVolumeClaim): void {
    const { namespace = '', name = '' } = gone.metadata ?? {};
    for (const set of this.sets.store.byIndex(BY_NAMESPACE, namespace)) {
      const templates = set.spec?.volumeClaimTemplates ?? [];
      const isOfSet = templates.some((template) =>
        name.startsWith(`${template.metadata?.name ?? ''}-${set.metadata?.name ?? ''}-`),
      );
      if (isOfSet) this.enqueue(set);
    }
  }
}
