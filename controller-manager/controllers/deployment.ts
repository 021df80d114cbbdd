/**
 * Rolls a Deployment's template out through ReplicaSets (`pkg/controller/deployment`), one per template:
 *
 *   sync ─ being deleted ─▶ status only
 *        ─ paused, or its scale changed ─▶ scale (in proportion while rolling) ─▶ status
 *        ─ Recreate ─▶ old sets to 0 ─▶ wait for their pods' end ─▶ new set to full
 *        ─ RollingUpdate ─▶ new set up within surge │ old sets down within unavailable ─▶ status
 *                          (one step a sync; the next change of a set brings the next step)
 *
 * A rollback is a template that an older set already has: that set becomes the new one under a new
 * revision. A set whose name is taken by a different template costs a `collisionCount`.
 */

import type { Deployment, Pod, ReplicaSet } from '../../pkg/api/types.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import { selectorFromObject } from '../../pkg/apimachinery/labels.js';
import { controllerOf, keyOf } from '../../pkg/apimachinery/meta.js';
import { isNamespaceTerminating } from '../../pkg/client/errors.js';
import {
  type EventRecorder,
  type EventType,
  referenceTo,
} from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { DEPLOYMENTS, PODS, REPLICA_SETS } from '../../pkg/client/resources.js';
import { BY_NAMESPACE, BY_OWNER, namespaceIndex, ownerIndex } from '../../pkg/client/store.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import * as math from '../deployment/math.js';
import { Rollout, type RolloutHost } from '../deployment/rollout.js';
import { Ownership } from '../ownership.js';

/** A sync that keeps failing for a reason that time may not mend. */
const MAX_RETRIES = 15;

export const deployment: ControllerDescriptor = {
  name: 'deployment-controller',
  aliases: ['deployment'],
  serviceAccount: 'deployment-controller',
  create: (context) => new DeploymentController(context),
};

class DeploymentController implements Controller, RolloutHost {
  private readonly queue: RateLimitingQueue;
  private readonly recorder: EventRecorder;
  private readonly deployments: Informer<Deployment>;
  private readonly sets: Informer<ReplicaSet>;
  private readonly pods: Informer<Pod>;
  private readonly client: ResourceClient<Deployment>;
  private readonly setClient: ResourceClient<ReplicaSet>;
  private readonly ownership: Ownership<Deployment, ReplicaSet>;

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.recorder = context.recorder.forComponent('deployment-controller');
    this.client = client.resource<Deployment>(DEPLOYMENTS);
    this.setClient = client.resource<ReplicaSet>(REPLICA_SETS);
    this.deployments = informers.informer<Deployment>(DEPLOYMENTS, {
      indexers: { [BY_NAMESPACE]: namespaceIndex },
    });
    this.sets = informers.informer<ReplicaSet>(REPLICA_SETS, {
      indexers: { [BY_NAMESPACE]: namespaceIndex, [BY_OWNER]: ownerIndex },
    });
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_OWNER]: ownerIndex } });
    this.deployments.addHandler({
      add: (d) => this.enqueue(d),
      update: (_, d) => this.enqueue(d),
      delete: (d) => this.enqueue(d),
    });
    this.ownership = new Ownership({
      ref: DEPLOYMENTS,
      owners: this.deployments.store,
      ownerClient: this.client,
      dependents: this.sets.store,
      dependentClient: this.setClient,
      selectorOf: (d: Deployment) => selectorFromObject(d.spec?.selector),
      wake: (d) => this.enqueue(d),
    });
    this.sets.addHandler(this.ownership.handler);
    this.pods.addHandler({ delete: (pod) => this.podDeleted(pod) });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency: context.options.concurrency['deployment'] ?? 5,
        informers: [this.deployments, this.sets, this.pods],
        sync: (key, stop) => this.sync(key, stop),
        maxRetries: MAX_RETRIES,
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const cached = this.deployments.store.get(key);
    if (!cached) return;
    const selector = cached.spec?.selector ?? {};
    if (selectorFromObject(selector).empty) {
      this.tell(
        cached,
        'Warning',
        'SelectingAll',
        'This deployment is selecting all pods. A non-empty selector is required.',
      );
      const observed = cached.metadata?.generation ?? 0;
      if ((cached.status?.observedGeneration ?? 0) < observed) {
        await this.client.updateStatus(
          { ...cached, status: { ...cached.status, observedGeneration: observed } },
          { signal },
        );
      }
      return;
    }
    const rollout = new Rollout(
      this,
      clone(cached),
      await this.ownership.claim(cached, signal),
      signal,
    );
    try {
      await rollout.sync();
    } catch (err) {
      if (isNamespaceTerminating(err)) return;
      throw err;
    }
  }

  // --- for a rollout ---

  now(): number {
    return this.context.clock.now();
  }

  tell(d: Deployment, type: EventType, reason: string, message: string): void {
    this.recorder.event(referenceTo(DEPLOYMENTS, d), type, reason, message);
  }

  podsOf(set: ReplicaSet): Pod[] {
    return this.pods.store.byIndex(BY_OWNER, set.metadata?.uid ?? '');
  }

  cachedSet(namespace: string, name: string): ReplicaSet | undefined {
    return this.sets.store.get(`${namespace}/${name}`);
  }

  get clients(): { deployments: ResourceClient<Deployment>; sets: ResourceClient<ReplicaSet> } {
    return { deployments: this.client, sets: this.setClient };
  }

  again(d: Deployment, ms: number): void {
    this.queue.addAfter(keyOf(d), ms);
  }

  // --- enqueue helpers ---

  private enqueue(d: Deployment): void {
    this.queue.add(keyOf(d));
  }

  /** Recreate waits for the last old pod. */
  private podDeleted(pod: Pod): void {
    const ref = controllerOf(pod);
    if (ref?.kind !== REPLICA_SETS.kind) return;
    const set = this.cachedSet(pod.metadata?.namespace ?? '', ref.name);
    if (set?.metadata?.uid !== ref.uid) return;
    const d = this.ownership.ownerOf(set);
    if (!d || math.isRollingUpdate(d)) return;
    const sets = this.sets.store.byIndex(BY_OWNER, d.metadata?.uid ?? '');
    if (sets.every((rs) => this.podsOf(rs).length === 0)) this.enqueue(d);
  }
}
