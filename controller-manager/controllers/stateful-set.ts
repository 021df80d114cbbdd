/**
 * Keeps the numbered pods of StatefulSets, each with its own name and claims (`pkg/controller/statefulset`).
 *
 *   pod, set or claim changes ─▶ queue ─▶ sync: adopt revisions and pods ─▶ rollout (stateful-set/rollout.ts)
 *                                               ─▶ status, history
 *
 * There are no expectations: names are fixed, so what the cache does not show yet cannot be made twice, and
 * deletions name the pod's uid.
 */
import type {
  PersistentVolumeClaim,
  Pod,
  StatefulSet,
  StatefulSetStatus,
} from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { selectorFromObject } from '../../pkg/apimachinery/labels.js';
import { controllerOf, keyOf, type ObjectMeta } from '../../pkg/apimachinery/meta.js';
import { isConflict, isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS } from '../../pkg/client/resources.js';
import {
  BY_NAMESPACE,
  BY_OWNER,
  namespaceIndex,
  orphanValue,
  ownerIndex,
} from '../../pkg/client/store.js';
import { claim } from '../claim.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { ControllerHistory } from '../history.js';
import { untilNextAvailable } from '../pods.js';
import { isMemberOf } from '../stateful-set/identity.js';
import { StatefulPodControl } from '../stateful-set/pod-control.js';
import { Rollout } from '../stateful-set/rollout.js';
import { statusDiffers } from '../stateful-set/status.js';

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
  private readonly podClient: ResourceClient<Pod>;

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.client = client.resource<StatefulSet>(STATEFUL_SETS);
    this.podClient = client.resource<Pod>(PODS);
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
    this.pods.addHandler({
      add: (pod) => this.addPod(pod),
      update: (old, pod) => this.updatePod(old, pod),
      delete: (pod) => this.enqueueOwner(pod.metadata),
    });
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
    const pods = await this.claimPods(set, signal);
    const status = await new Rollout({
      set,
      pods,
      history: this.history,
      podControl: this.podControl,
      writeStatus: (next) => this.writeStatus(set, next, signal),
      now,
      signal,
    }).sync();
    const { minReadySeconds = 0, replicas = 1 } = set.spec ?? {};
    if ((status.availableReplicas ?? 0) === replicas) return;
    const next = untilNextAvailable(pods, minReadySeconds, now());
    if (next !== undefined) this.queue.addAfter(key, next);
  }

  /** Only pods whose names are of this set. */
  private claimPods(set: StatefulSet, signal: AbortSignal): Promise<Pod[]> {
    const { namespace = '', uid = '' } = set.metadata ?? {};
    const { store } = this.pods;
    const objects = [
      ...store.byIndex(BY_OWNER, uid),
      ...store.byIndex(BY_OWNER, orphanValue(namespace)),
    ];
    return claim({
      objects: objects.filter((pod) => isMemberOf(set, pod)),
      client: this.podClient,
      owner: set,
      ownerRef: STATEFUL_SETS,
      ownerClient: this.client,
      selector: selectorFromObject(set.spec?.selector),
      signal,
    });
  }

  private async writeStatus(
    set: StatefulSet,
    status: StatefulSetStatus,
    signal: AbortSignal,
  ): Promise<void> {
    if (!statusDiffers(set.status, status)) return;
    const { namespace = '', name = '', uid } = set.metadata ?? {};
    let current = set;
    for (let tries = 0; ; tries++) {
      try {
        await this.client.updateStatus({ ...current, status }, { signal });
        return;
      } catch (err) {
        if (isNotFound(err)) return;
        if (!isConflict(err) || tries >= STATUS_RETRIES) throw err;
      }
      current = await this.client.get(namespace, name, { signal });
      // Deleted and made anew: this status is of the former one.
      if (current.metadata?.uid !== uid) return;
    }
  }

  // --- enqueue helpers ---

  private enqueue(set: StatefulSet): void {
    this.queue.add(keyOf(set));
  }

  private addPod(pod: Pod): void {
    if (controllerOf(pod)) this.enqueueOwner(pod.metadata);
    else if (pod.metadata?.deletionTimestamp === undefined) this.enqueueMatching(pod);
  }

  private updatePod(old: Pod, pod: Pod): void {
    const before = controllerOf(old);
    const after = controllerOf(pod);
    if (before && before.uid !== after?.uid) this.enqueueOwner(old.metadata);
    if (after) this.enqueueOwner(pod.metadata);
    else if (before || !semanticDeepEqual(old.metadata?.labels, pod.metadata?.labels))
      this.enqueueMatching(pod);
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

  private enqueueOwner(meta: ObjectMeta | undefined): void {
    const ref = meta?.ownerReferences?.find((each) => each.controller === true);
    if (ref?.kind !== STATEFUL_SETS.kind) return;
    const set = this.sets.store.get(`${meta?.namespace ?? ''}/${ref.name}`);
    if (set?.metadata?.uid === ref.uid && set) this.enqueue(set);
  }

  /** An orphan wakes every set that might adopt it. */
  private enqueueMatching(pod: Pod): void {
    for (const set of this.sets.store.byIndex(BY_NAMESPACE, pod.metadata?.namespace ?? '')) {
      const selector = selectorFromObject(set.spec?.selector);
      if (!selector.empty && selector.matches(pod.metadata?.labels)) this.enqueue(set);
    }
  }
}
