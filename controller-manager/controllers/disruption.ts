/**
 * The status of PodDisruptionBudgets: how many pods may be evicted now (`pkg/controller/disruption`). The
 * apiserver takes one off for each eviction that it allows and notes the pod in `disruptedPods`; here the
 * note is dropped when the pod is seen going, or two minutes later.
 */

import type {
  Deployment,
  Pod,
  PodDisruptionBudget,
  PodDisruptionBudgetStatus,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { scaledValue } from '../../pkg/apimachinery/int-or-string.js';
import { selectorFromObject } from '../../pkg/apimachinery/labels.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import {
  type EventRecorder,
  type EventType,
  referenceTo,
} from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import {
  DEPLOYMENTS,
  POD_DISRUPTION_BUDGETS,
  PODS,
  REPLICA_SETS,
  REPLICATION_CONTROLLERS,
  STATEFUL_SETS,
} from '../../pkg/client/resources.js';
import { BY_NAMESPACE, namespaceIndex } from '../../pkg/client/store.js';
import { ScaleTargets } from '../autoscaling/scale-target.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { expectedScale, type ScaleSources } from '../disruption/expected-scale.js';
import { StaleConditions } from '../disruption/stale-conditions.js';
import { budgetStatus, failedStatus, stillDisrupted } from '../disruption/status.js';
import { goSelector } from '../go-selector.js';
import { messageOf } from '../pod-control.js';
import { isPodReady } from '../pods.js';

export const disruption: ControllerDescriptor = {
  name: 'disruption-controller',
  aliases: ['disruption'],
  serviceAccount: 'disruption-controller',
  create: (context) => new DisruptionController(context),
};

class DisruptionController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly recorder: EventRecorder;
  private readonly budgets: Informer<PodDisruptionBudget>;
  private readonly pods: Informer<Pod>;
  private readonly deployments: Informer<Deployment>;
  private readonly replicaSets: Informer<ReplicaSet>;
  private readonly controllers: Informer<ReplicationController>;
  private readonly statefulSets: Informer<StatefulSet>;
  private readonly sources: ScaleSources;
  private readonly staleConditions: StaleConditions;
  private readonly client: ResourceClient<PodDisruptionBudget>;

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.recorder = context.recorder.forComponent('controllermanager');
    this.client = client.resource<PodDisruptionBudget>(POD_DISRUPTION_BUDGETS);
    const indexers = { [BY_NAMESPACE]: namespaceIndex };
    this.budgets = informers.informer<PodDisruptionBudget>(POD_DISRUPTION_BUDGETS, { indexers });
    this.pods = informers.informer<Pod>(PODS, { indexers });
    this.deployments = informers.informer<Deployment>(DEPLOYMENTS);
    this.replicaSets = informers.informer<ReplicaSet>(REPLICA_SETS);
    this.controllers = informers.informer<ReplicationController>(REPLICATION_CONTROLLERS);
    this.statefulSets = informers.informer<StatefulSet>(STATEFUL_SETS);
    this.sources = {
      deployments: this.deployments.store,
      replicaSets: this.replicaSets.store,
      replicationControllers: this.controllers.store,
      statefulSets: this.statefulSets.store,
      targets: new ScaleTargets(client, context.clock),
    };
    this.staleConditions = new StaleConditions(context, this.pods);
    const enqueue = (pdb: PodDisruptionBudget) => this.queue.add(keyOf(pdb));
    this.budgets.addHandler({ add: enqueue, update: (_, pdb) => enqueue(pdb) });
    this.pods.addHandler({
      add: (pod) => this.enqueueFor(pod),
      update: (old, pod) => {
        this.enqueueFor(old);
        this.enqueueFor(pod);
      },
      delete: (pod) => this.enqueueFor(pod),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    const informers = [
      this.budgets,
      this.pods,
      this.deployments,
      this.replicaSets,
      this.controllers,
      this.statefulSets,
    ];
    await Promise.all([
      this.staleConditions.run(signal),
      runSyncLoop(
        { context, queue, concurrency: 1, informers, sync: (key, stop) => this.sync(key, stop) },
        signal,
      ),
    ]);
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const pdb = this.budgets.store.get(key);
    if (!pdb) return;
    const now = this.context.clock.now();
    const pods = this.podsOf(pdb);
    if (pods.length === 0) this.tell(pdb, 'Normal', 'NoPods', 'No matching pods found');
    let wanted: Wanted;
    try {
      wanted = await this.wantedOf(pdb, pods, signal);
    } catch (err) {
      if (signal.aborted) throw err;
      const message = `Failed to calculate the number of expected pods: ${messageOf(err)}`;
      this.tell(pdb, 'Warning', 'CalculateExpectedPodCountFailed', message);
      // Nothing may be evicted while nobody knows how many there should be. The next change looks again.
      await this.write(pdb, failedStatus(pdb, messageOf(err), now), signal);
      return;
    }
    if (wanted.unmanaged.length > 0) this.tell(pdb, 'Warning', 'UnmanagedPods', unmanaged(pdb));
    const { disrupted, recheckMs, notDeleted } = stillDisrupted(pdb, pods, now);
    for (const pod of notDeleted) {
      const { namespace } = pdb.metadata ?? {};
      const message = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`;
      this.recorder.event(referenceTo(PODS, pod), 'Warning', 'NotDeleted', message);
    }
    const currentHealthy = pods.filter(
      (pod) =>
        isPodReady(pod) &&
        pod.metadata?.deletionTimestamp === undefined &&
        !disrupted[pod.metadata?.name ?? ''],
    ).length;
    await this.write(pdb, budgetStatus(pdb, { ...wanted, currentHealthy, disrupted }, now), signal);
    if (recheckMs !== undefined) this.queue.addAfter(key, recheckMs);
  }

  /** Also those that have ended: they are selected. */
  private podsOf(pdb: PodDisruptionBudget): Pod[] {
    const selector = selectorFromObject(pdb.spec?.selector);
    return this.pods.store
      .byIndex(BY_NAMESPACE, pdb.metadata?.namespace ?? '')
      .filter((pod) => selector.matches(pod.metadata?.labels));
  }

  private async wantedOf(
    pdb: PodDisruptionBudget,
    pods: readonly Pod[],
    signal: AbortSignal,
  ): Promise<Wanted> {
    const { minAvailable, maxUnavailable } = pdb.spec ?? {};
    if (maxUnavailable !== undefined) {
      const { expected, unmanaged } = await expectedScale(pods, this.sources, signal);
      const healthy = Math.max(0, expected - scaledValue(maxUnavailable, expected, true));
      return { expected, healthy, unmanaged };
    }
    if (typeof minAvailable === 'number')
      return { expected: pods.length, healthy: minAvailable, unmanaged: [] };
    if (minAvailable === undefined) return { expected: 0, healthy: 0, unmanaged: [] };
    const { expected, unmanaged } = await expectedScale(pods, this.sources, signal);
    return { expected, healthy: scaledValue(minAvailable, expected, true), unmanaged };
  }

  private async write(
    pdb: PodDisruptionBudget,
    status: PodDisruptionBudgetStatus,
    signal: AbortSignal,
  ): Promise<void> {
    if (semanticDeepEqual(pdb.status ?? {}, status)) return;
    try {
      await this.client.updateStatus({ ...pdb, status }, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private tell(pdb: PodDisruptionBudget, type: EventType, reason: string, message: string): void {
    this.recorder.event(referenceTo(POD_DISRUPTION_BUDGETS, pdb), type, reason, message);
  }

  private enqueueFor(pod: Pod): void {
    for (const pdb of this.budgets.store.byIndex(BY_NAMESPACE, pod.metadata?.namespace ?? '')) {
      if (selectorFromObject(pdb.spec?.selector).matches(pod.metadata?.labels))
        this.queue.add(keyOf(pdb));
    }
  }
}

interface Wanted {
  readonly expected: number;
  readonly healthy: number;
  readonly unmanaged: readonly string[];
}

function unmanaged({ spec }: PodDisruptionBudget): string {
  return `Pods selected by this PodDisruptionBudget (selector: ${goSelector(spec?.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
}
