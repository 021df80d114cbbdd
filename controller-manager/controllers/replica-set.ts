/**
 * Keeps as many pods as a ReplicaSet asks for (`pkg/controller/replicaset`). ReplicationControllers are
 * run by the same loop (`replication-controller.ts`): they differ in their group and in their selector.
 *
 *   pod or ReplicaSet changes ─▶ queue ─▶ sync: claim pods ─▶ expectations satisfied? create or delete
 *                                              ─▶ status, always
 */

import type { Pod, PodTemplateSpec, ReplicaSet, ReplicaSetStatus } from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { type Selector, selectorFromObject } from '../../pkg/apimachinery/labels.js';
import { controllerOf, type KubeObject, keyOf } from '../../pkg/apimachinery/meta.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { PODS, REPLICA_SETS, type ResourceRef } from '../../pkg/client/resources.js';
import { BY_NAMESPACE, BY_OWNER, namespaceIndex, ownerIndex } from '../../pkg/client/store.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { podsToDelete } from '../deletion-ranking.js';
import { Expectations } from '../expectations.js';
import { Ownership } from '../ownership.js';
import { PodBatches } from '../pod-batches.js';
import { PodControl, podFromTemplate } from '../pod-control.js';
import { isPodActive, isPodTerminating, untilNextAvailable } from '../pods.js';
import { calculateStatus } from '../replica-set/status.js';
import { writeStatus } from '../status-writer.js';

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
  private readonly batches: PodBatches;
  private readonly owners: Informer<T>;
  private readonly pods: Informer<Pod>;
  private readonly ownerClient: ResourceClient<T>;
  private readonly ownership: Ownership<T, Pod>;

  constructor(
    private readonly context: ControllerContext,
    private readonly kind: ReplicaOwnerKind<T>,
  ) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.expectations = new Expectations(clock);
    const recorder = context.recorder.forComponent(kind.component);
    const control = new PodControl(context, recorder);
    this.batches = new PodBatches(kind.ref, control, this.expectations);
    this.ownerClient = client.resource<T>(kind.ref);
    this.owners = informers.informer<T>(kind.ref, {
      indexers: { [BY_NAMESPACE]: namespaceIndex, [BY_OWNER]: ownerIndex },
    });
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_OWNER]: ownerIndex } });
    this.owners.addHandler({
      add: (obj) => this.enqueue(obj),
      update: (old, obj) => this.updateOwner(old, obj),
      delete: (obj) => this.deleteOwner(obj),
    });
    this.ownership = new Ownership({
      ref: kind.ref,
      owners: this.owners.store,
      ownerClient: this.ownerClient,
      dependents: this.pods.store,
      dependentClient: client.resource<Pod>(PODS),
      selectorOf: kind.selectorOf,
      wake: (owner: T) => this.enqueue(owner),
      expectations: this.expectations,
    });
    this.pods.addHandler(this.ownership.handler);
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
    // An orphan that has ended is nobody's work any more.
    const mayClaim = (pod: Pod) => controllerOf(pod) !== undefined || isPodActive(pod);
    const claimed = await this.ownership.claim(owner, signal, { mayClaim });
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
    this.expectations.expectCreations(keyOf(owner), count);
    const pod = podFromTemplate(this.kind.ref, owner, owner.spec?.template);
    return (await this.batches.create(owner, Array(count).fill(pod), signal)).error;
  }

  private deletePods(
    owner: T,
    active: readonly Pod[],
    count: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    const now = this.context.clock.now();
    const chosen = podsToDelete(active, this.relatedPods(owner, active), count, now);
    this.expectations.expectDeletions(keyOf(owner), chosen.map(keyOf));
    return this.batches.delete(owner, chosen, signal);
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
    const { generation = 0 } = owner.metadata ?? {};
    if (semanticDeepEqual({ ...owner.status, observedGeneration: undefined }, wanted)) {
      if ((owner.status?.observedGeneration ?? 0) === generation) return;
    }
    const statusOf = ({ metadata }: T): T['status'] => ({
      ...wanted,
      observedGeneration: metadata?.generation ?? 0,
    });
    await writeStatus(this.ownerClient, owner, statusOf, STATUS_RETRIES, signal);
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
}

function replicasOf(owner: ReplicaOwner): number {
  return owner.spec?.replicas ?? 1;
}
