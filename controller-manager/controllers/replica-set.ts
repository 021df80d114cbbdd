/**
 * Keeps as many pods as a ReplicaSet asks for (`pkg/controller/replicaset`). ReplicationControllers are
 * run by the same loop (`replication-controller.ts`): they differ in their group and in their selector.
 *
 *   pod or ReplicaSet changes ─▶ queue ─▶ sync: claim pods ─▶ expectations satisfied? create or delete
 *                                              ─▶ status, always
 */

import type {
  Pod,
  PodTemplateSpec,
  ReplicaSet,
  ReplicaSetCondition,
  ReplicaSetStatus,
} from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { type Selector, selectorFromObject } from '../../pkg/apimachinery/labels.js';
import {
  controllerOf,
  formatTime,
  type KubeObject,
  keyOf,
  type ObjectMeta,
} from '../../pkg/apimachinery/meta.js';
import { isConflict, isNamespaceTerminating, isNotFound } from '../../pkg/client/errors.js';
import type { EventRecorder } from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { PODS, REPLICA_SETS, type ResourceRef } from '../../pkg/client/resources.js';
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
import { podsToDelete } from '../deletion-ranking.js';
import { counts } from '../deployment/status.js';
import { Expectations } from '../expectations.js';
import { messageOf, PodControl, podFromTemplate, slowStartBatch } from '../pod-control.js';
import {
  isPodActive,
  isPodAvailable,
  isPodReady,
  isPodTerminating,
  untilNextAvailable,
} from '../pods.js';

/** Pods created or deleted in one sync. */
const BURST_REPLICAS = 500;
/** Tries of a status write in one sync, each after reading again. */
const STATUS_RETRIES = 1;

/** What ReplicaSet and ReplicationController have in common. */
export interface ReplicaOwner extends KubeObject {
  spec?: {
    replicas?: number;
    minReadySeconds?: number;
    template?: PodTemplateSpec;
    selector?: unknown;
  };
  status?: ReplicaSetStatus;
}

export interface ReplicaOwnerKind<T extends ReplicaOwner> {
  readonly ref: ResourceRef;
  readonly component: string;
  readonly concurrency: string;
  readonly selectorOf: (owner: T) => Selector;
}

export const replicaSet: ControllerDescriptor = {
  name: 'replicaset-controller',
  aliases: ['replicaset'],
  serviceAccount: 'replicaset-controller',
  create: (context) =>
    new ReplicaSetController<ReplicaSet>(context, {
      ref: REPLICA_SETS,
      component: 'replicaset-controller',
      concurrency: 'replicaset',
      selectorOf: (rs) => selectorFromObject(rs.spec?.selector),
    }),
};

export class ReplicaSetController<T extends ReplicaOwner> implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly expectations: Expectations;
  private readonly recorder: EventRecorder;
  private readonly podControl: PodControl;
  private readonly owners: Informer<T>;
  private readonly pods: Informer<Pod>;
  private readonly ownerClient: ResourceClient<T>;
  private readonly podClient: ResourceClient<Pod>;

  constructor(
    private readonly context: ControllerContext,
    private readonly kind: ReplicaOwnerKind<T>,
  ) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.expectations = new Expectations(clock);
    this.recorder = context.recorder.forComponent(kind.component);
    this.podControl = new PodControl(context, this.recorder);
    this.ownerClient = client.resource<T>(kind.ref);
    this.podClient = client.resource<Pod>(PODS);
    this.owners = informers.informer<T>(kind.ref, {
      indexers: { [BY_NAMESPACE]: namespaceIndex, [BY_OWNER]: ownerIndex },
    });
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_OWNER]: ownerIndex } });
    this.owners.addHandler({
      add: (obj) => this.enqueue(obj),
      update: (old, obj) => this.updateOwner(old, obj),
      delete: (obj) => this.deleteOwner(obj),
    });
    this.pods.addHandler({
      add: (pod) => this.addPod(pod),
      update: (old, pod) => this.updatePod(old, pod),
      delete: (pod) => this.deletePod(pod),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { queue, context } = this;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency: context.options.concurrency[this.kind.concurrency] ?? 5,
        informers: [this.owners, this.pods],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const owner = this.owners.store.get(key);
    if (!owner) {
      this.expectations.forget(key);
      return;
    }
    const needsWork = this.expectations.satisfied(key);
    const selector = this.kind.selectorOf(owner);
    const claimed = await this.claimPods(owner, selector, signal);
    const active = claimed.filter(isPodActive);
    const terminating = claimed.filter(isPodTerminating);
    const now = this.context.clock.now();

    let manageError: unknown;
    if (needsWork && owner.metadata?.deletionTimestamp === undefined) {
      manageError = await this.manageReplicas(owner, active, signal);
    }
    const difference = active.length - replicasOf(owner);
    const status = calculateStatus(owner, active, terminating, { manageError, difference }, now);
    await this.updateStatus(owner, status, signal);
    if (manageError !== undefined) throw manageError;
    const next = untilNextAvailable(active, owner.spec?.minReadySeconds ?? 0, now);
    if (next !== undefined) this.queue.addAfter(key, next);
  }

  private claimPods(owner: T, selector: Selector, signal: AbortSignal): Promise<Pod[]> {
    const { namespace = '', uid = '' } = owner.metadata ?? {};
    const mine = this.pods.store.byIndex(BY_OWNER, uid);
    const orphans = this.pods.store.byIndex(BY_OWNER, orphanValue(namespace));
    return claim({
      objects: [...mine, ...orphans.filter(isPodActive)],
      client: this.podClient,
      owner,
      ownerRef: this.kind.ref,
      ownerClient: this.ownerClient,
      selector,
      signal,
    });
  }

  /** Returns the failure, for the status to tell, rather than throwing it. */
  private async manageReplicas(
    owner: T,
    active: readonly Pod[],
    signal: AbortSignal,
  ): Promise<unknown> {
    const difference = active.length - replicasOf(owner);
    if (difference < 0)
      return this.createPods(owner, Math.min(-difference, BURST_REPLICAS), signal);
    if (difference > 0)
      return this.deletePods(owner, active, Math.min(difference, BURST_REPLICAS), signal);
    return undefined;
  }

  private async createPods(owner: T, count: number, signal: AbortSignal): Promise<unknown> {
    const { ref } = this.kind;
    const key = keyOf(owner);
    this.expectations.expectCreations(key, count);
    const pod = podFromTemplate(ref, owner, owner.spec?.template);
    const { successes, error } = await slowStartBatch(count, async () => {
      try {
        await this.podControl.create(ref, owner, pod, signal);
      } catch (err) {
        // A namespace that goes away refuses everything; trying again cannot help.
        if (!isNamespaceTerminating(err)) throw err;
      }
    });
    // What failed, and what was not even tried, will not be observed.
    this.expectations.creationObserved(key, count - successes);
    return error;
  }

  private async deletePods(
    owner: T,
    active: readonly Pod[],
    count: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { ref } = this.kind;
    const key = keyOf(owner);
    const chosen = podsToDelete(
      active,
      this.relatedPods(owner, active),
      count,
      this.context.clock.now(),
    );
    this.expectations.expectDeletions(key, chosen.map(keyOf));
    const results = await Promise.allSettled(
      chosen.map(async (pod) => {
        try {
          await this.podControl.delete(ref, owner, pod, signal);
        } catch (err) {
          this.expectations.deletionObserved(key, keyOf(pod));
          if (!isNotFound(err)) throw err;
        }
      }),
    );
    return results.find((r) => r.status === 'rejected')?.reason;
  }

  /** Active pods of all sets that the same Deployment controls. */
  private relatedPods(owner: T, active: readonly Pod[]): readonly Pod[] {
    const controller = controllerOf(owner);
    if (!controller) return active;
    return this.owners.store
      .byIndex(BY_OWNER, controller.uid)
      .flatMap((sibling) => this.pods.store.byIndex(BY_OWNER, sibling.metadata?.uid ?? ''))
      .filter(isPodActive);
  }

  private async updateStatus(
    owner: T,
    wanted: ReplicaSetStatus,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace = '', name = '', generation } = owner.metadata ?? {};
    if (semanticDeepEqual({ ...owner.status, observedGeneration: undefined }, wanted)) {
      if ((owner.status?.observedGeneration ?? 0) === (generation ?? 0)) return;
    }
    let current = owner;
    for (let tries = 0; ; tries++) {
      const status = { ...wanted, observedGeneration: current.metadata?.generation ?? 0 };
      try {
        await this.ownerClient.updateStatus({ ...current, status }, { signal });
        return;
      } catch (err) {
        if (isNotFound(err)) return;
        if (!isConflict(err) || tries >= STATUS_RETRIES) throw err;
        current = await this.ownerClient.get(namespace, name, { signal });
      }
    }
  }

  // --- enqueue helpers ---

  private enqueue(owner: KubeObject): void {
    this.queue.add(keyOf(owner));
  }

  private updateOwner(old: T, owner: T): void {
    // Deleted and made anew between two events: what was expected of the old one is void.
    if (old.metadata?.uid !== owner.metadata?.uid) this.deleteOwner(old);
    this.enqueue(owner);
  }

  private deleteOwner(owner: T): void {
    this.expectations.forget(keyOf(owner));
    this.enqueue(owner);
  }

  private addPod(pod: Pod): void {
    if (pod.metadata?.deletionTimestamp !== undefined) {
      this.deletePod(pod);
      return;
    }
    const owner = this.ownerOf(pod.metadata);
    if (owner) {
      this.expectations.creationObserved(keyOf(owner));
      this.enqueue(owner);
    } else if (!controllerOf(pod)) {
      this.enqueueMatching(pod);
    }
  }

  private updatePod(old: Pod, pod: Pod): void {
    if (pod.metadata?.deletionTimestamp !== undefined) {
      this.deletePod(pod);
      return;
    }
    const before = controllerOf(old);
    const after = controllerOf(pod);
    if (before && before.uid !== after?.uid) {
      const owner = this.ownerOf(old.metadata);
      if (owner) this.enqueue(owner);
    }
    if (after) {
      const owner = this.ownerOf(pod.metadata);
      if (owner) this.enqueue(owner);
      return;
    }
    if (before || !semanticDeepEqual(old.metadata?.labels, pod.metadata?.labels))
      this.enqueueMatching(pod);
  }

  private deletePod(pod: Pod): void {
    const owner = this.ownerOf(pod.metadata);
    if (!owner) return;
    this.expectations.deletionObserved(keyOf(owner), keyOf(pod));
    this.enqueue(owner);
  }

  /** The owner in the cache, if it is of our kind and the very one that is meant. */
  private ownerOf(meta: ObjectMeta | undefined): T | undefined {
    const ref = meta?.ownerReferences?.find((r) => r.controller === true);
    if (!ref || ref.kind !== this.kind.ref.kind) return undefined;
    const owner = this.owners.store.get(`${meta?.namespace ?? ''}/${ref.name}`);
    return owner?.metadata?.uid === ref.uid ? owner : undefined;
  }

  /** An orphan wakes every set that might adopt it. */
  private enqueueMatching(pod: Pod): void {
    for (const owner of this.owners.store.byIndex(BY_NAMESPACE, pod.metadata?.namespace ?? '')) {
      const selector = this.kind.selectorOf(owner);
      if (!selector.empty && selector.matches(pod.metadata?.labels)) this.enqueue(owner);
    }
  }
}

function replicasOf(owner: ReplicaOwner): number {
  return owner.spec?.replicas ?? 1;
}

/** Without observedGeneration, which is added when it is written. */
export function calculateStatus(
  owner: ReplicaOwner,
  active: readonly Pod[],
  terminating: readonly Pod[],
  outcome: { readonly manageError: unknown; readonly difference: number },
  nowMs: number,
): ReplicaSetStatus {
  const templateLabels = Object.entries(owner.spec?.template?.metadata?.labels ?? {});
  const minReadySeconds = owner.spec?.minReadySeconds ?? 0;
  let fullyLabeledReplicas = 0;
  let readyReplicas = 0;
  let availableReplicas = 0;
  for (const pod of active) {
    const labels = pod.metadata?.labels ?? {};
    if (templateLabels.every(([key, value]) => labels[key] === value)) fullyLabeledReplicas++;
    if (isPodReady(pod)) readyReplicas++;
    if (isPodAvailable(pod, minReadySeconds, nowMs)) availableReplicas++;
  }
  const conditions = conditionsAfter(owner.status?.conditions ?? [], outcome, nowMs);
  return {
    replicas: active.length,
    ...counts({ fullyLabeledReplicas, readyReplicas, availableReplicas }),
    terminatingReplicas: terminating.length,
    ...(conditions.length ? { conditions } : {}),
  };
}

function conditionsAfter(
  conditions: readonly ReplicaSetCondition[],
  { manageError, difference }: { readonly manageError: unknown; readonly difference: number },
  nowMs: number,
): ReplicaSetCondition[] {
  const others = conditions.filter((c) => c.type !== 'ReplicaFailure');
  if (manageError === undefined) return others;
  if (others.length < conditions.length) return [...conditions];
  return [
    ...others,
    {
      type: 'ReplicaFailure',
      status: 'True',
      reason: difference < 0 ? 'FailedCreate' : difference > 0 ? 'FailedDelete' : '',
      message: messageOf(manageError),
      lastTransitionTime: formatTime(new Date(nowMs)),
    },
  ];
}
