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
import { controllerOf, formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
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
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { messageOf } from '../pod-control.js';
import { isPodActive, isPodReady } from '../pods.js';

/** An allowed eviction that is not followed by a deletion this long did not happen. */
const DELETION_TIMEOUT_MS = 2 * 60_000;

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

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    const informers = [
      this.budgets,
      this.pods,
      this.deployments,
      this.replicaSets,
      this.controllers,
      this.statefulSets,
    ];
    return runSyncLoop(
      { context, queue, concurrency: 1, informers, sync: (key, stop) => this.sync(key, stop) },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const pdb = this.budgets.store.get(key);
    if (!pdb) return;
    const now = this.context.clock.now();
    const pods = this.podsOf(pdb);
    if (pods.length === 0) this.tell(pdb, 'Normal', 'NoPods', 'No matching pods found');
    let wanted: { expected: number; healthy: number };
    try {
      wanted = this.wantedOf(pdb, pods);
    } catch (err) {
      const message = `Failed to calculate the number of expected pods: ${messageOf(err)}`;
      this.tell(pdb, 'Warning', 'CalculateExpectedPodCountFailed', message);
      // Nothing may be evicted while nobody knows how many there should be.
      await this.write(pdb, failedStatus(pdb, messageOf(err), now), signal);
      throw err;
    }
    const { disrupted, recheckMs } = stillDisrupted(pdb, pods, now);
    const currentHealthy = pods.filter(
      (pod) =>
        isPodReady(pod) &&
        pod.metadata?.deletionTimestamp === undefined &&
        !disrupted[pod.metadata?.name ?? ''],
    ).length;
    await this.write(pdb, budgetStatus(pdb, { ...wanted, currentHealthy, disrupted }, now), signal);
    if (recheckMs !== undefined) this.queue.addAfter(key, recheckMs);
  }

  private podsOf(pdb: PodDisruptionBudget): Pod[] {
    const selector = selectorFromObject(pdb.spec?.selector);
    return this.pods.store
      .byIndex(BY_NAMESPACE, pdb.metadata?.namespace ?? '')
      .filter(
        (pod) =>
          selector.matches(pod.metadata?.labels) &&
          (isPodActive(pod) || pod.metadata?.deletionTimestamp !== undefined),
      );
  }

  private wantedOf(
    pdb: PodDisruptionBudget,
    pods: readonly Pod[],
  ): { expected: number; healthy: number } {
    const { minAvailable, maxUnavailable } = pdb.spec ?? {};
    if (maxUnavailable !== undefined) {
      const expected = this.expectedScale(pods);
      return {
        expected,
        healthy: Math.max(0, expected - scaledValue(maxUnavailable, expected, true)),
      };
    }
    if (typeof minAvailable === 'number') return { expected: pods.length, healthy: minAvailable };
    if (minAvailable === undefined) return { expected: 0, healthy: 0 };
    const expected = this.expectedScale(pods);
    return { expected, healthy: scaledValue(minAvailable, expected, true) };
  }

  /** The sizes of all controllers that these pods have, each counted once. */
  private expectedScale(pods: readonly Pod[]): number {
    const scales = new Map<string, number>();
    for (const pod of pods) {
      const ref = controllerOf(pod);
      // A pod of its own has no scale that could be counted.
      if (!ref || scales.has(ref.uid)) continue;
      const found = this.scaleOf(pod.metadata?.namespace ?? '', ref.kind, ref.name);
      if (found === undefined) {
        throw new Error(
          `found no scale for ${ref.kind} ${JSON.stringify(ref.name)}, which controls pod ${JSON.stringify(pod.metadata?.name)}`,
        );
      }
      scales.set(found.uid, found.replicas);
      scales.set(ref.uid, found.uid === ref.uid ? found.replicas : 0);
    }
    return [...scales.values()].reduce((sum, n) => sum + n, 0);
  }

  private scaleOf(
    namespace: string,
    kind: string,
    name: string,
  ): { uid: string; replicas: number } | undefined {
    const key = `${namespace}/${name}`;
    const scale = (
      obj: { metadata?: { uid?: string }; spec?: { replicas?: number } } | undefined,
    ) => obj && { uid: obj.metadata?.uid ?? '', replicas: obj.spec?.replicas ?? 1 };
    switch (kind) {
      case 'ReplicaSet': {
        const set = this.replicaSets.store.get(key);
        const owner = set && controllerOf(set);
        return owner?.kind === 'Deployment'
          ? scale(this.deployments.store.get(`${namespace}/${owner.name}`))
          : scale(set);
      }
      case 'ReplicationController':
        return scale(this.controllers.store.get(key));
      case 'StatefulSet':
        return scale(this.statefulSets.store.get(key));
      default:
        return undefined;
    }
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

/** Pods whose eviction was allowed and that are not seen going yet; when to look again. Pure. */
function stillDisrupted(
  pdb: PodDisruptionBudget,
  pods: readonly Pod[],
  nowMs: number,
): { disrupted: Record<string, string>; recheckMs: number | undefined } {
  const disrupted: Record<string, string> = {};
  let recheckMs: number | undefined;
  for (const [name, time] of Object.entries(pdb.status?.disruptedPods ?? {})) {
    const pod = pods.find((p) => p.metadata?.name === name);
    if (!pod || pod.metadata?.deletionTimestamp !== undefined) continue;
    const left = (parseTime(time) ?? 0) + DELETION_TIMEOUT_MS - nowMs;
    if (left <= 0) continue;
    disrupted[name] = time;
    recheckMs = Math.min(recheckMs ?? left, left);
  }
  return { disrupted, recheckMs };
}

interface Counted {
  readonly expected: number;
  readonly healthy: number;
  readonly currentHealthy: number;
  readonly disrupted: Readonly<Record<string, string>>;
}

/** Pure. */
export function budgetStatus(
  pdb: PodDisruptionBudget,
  counted: Counted,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const { expected, healthy, currentHealthy, disrupted } = counted;
  const disruptionsAllowed = expected <= 0 ? 0 : Math.max(0, currentHealthy - healthy);
  return {
    observedGeneration: pdb.metadata?.generation ?? 0,
    currentHealthy,
    desiredHealthy: healthy,
    expectedPods: expected,
    disruptionsAllowed,
    ...(Object.keys(disrupted).length ? { disruptedPods: { ...disrupted } } : {}),
    conditions: withAllowed(
      pdb,
      disruptionsAllowed > 0 ? 'True' : 'False',
      disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
      '',
      nowMs,
    ),
  };
}

function failedStatus(
  pdb: PodDisruptionBudget,
  message: string,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0, ...rest } = pdb.status ?? {};
  return {
    ...rest,
    observedGeneration: pdb.metadata?.generation ?? 0,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptionsAllowed: 0,
    conditions: withAllowed(pdb, 'False', 'SyncFailed', message, nowMs),
  };
}

function withAllowed(
  pdb: PodDisruptionBudget,
  status: 'True' | 'False',
  reason: string,
  message: string,
  nowMs: number,
): NonNullable<PodDisruptionBudgetStatus['conditions']> {
  const conditions = pdb.status?.conditions ?? [];
  const old = conditions.find((c) => c.type === 'DisruptionAllowed');
  return [
    ...conditions.filter((c) => c.type !== 'DisruptionAllowed'),
    {
      type: 'DisruptionAllowed',
      status,
      reason,
      message,
      observedGeneration: pdb.metadata?.generation ?? 0,
      lastTransitionTime:
        old?.status === status ? old.lastTransitionTime : formatTime(new Date(nowMs)),
    },
  ];
}
