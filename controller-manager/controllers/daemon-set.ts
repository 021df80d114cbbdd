/**
 * Keeps one pod of a DaemonSet on each node that fits (`pkg/controller/daemon`). The controller only makes
 * pods for nodes, by affinity; the scheduler binds them.
 *
 *   pod, node, revision or DaemonSet changes ─▶ queue ─▶ sync
 *     choose the revision ─▶ expectations satisfied? place (create, delete)
 *                                 ─▶ nothing to place? one step of the rolling update ─▶ old revisions
 *                         ─▶ status, always
 */
import type { ControllerRevision, DaemonSet, Node, Pod } from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { selectorFromObject } from '../../pkg/apimachinery/labels.js';
import {
  controllerOf,
  type KubeObject,
  keyOf,
  type ObjectMeta,
} from '../../pkg/apimachinery/meta.js';
import { isConflict, isNamespaceTerminating, isNotFound } from '../../pkg/client/errors.js';
import { type EventRecorder, referenceTo } from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { DAEMON_SETS, NODES, PODS } from '../../pkg/client/resources.js';
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
import { FailedPodBackoff } from '../daemon-set/failed-pod-backoff.js';
import {
  judge,
  judgeAll,
  type Plan,
  planPlacement,
  podsByNode,
  type Situation,
} from '../daemon-set/placement.js';
import { daemonPod } from '../daemon-set/pod.js';
import { chooseRevision, cleanUpRevisions, type DaemonRevisions } from '../daemon-set/revisions.js';
import { planUpdate } from '../daemon-set/rolling-update.js';
import { countNodes, sameCounts, withCounts } from '../daemon-set/status.js';
import { Expectations } from '../expectations.js';
import { ControllerHistory } from '../history.js';
import { PodControl, slowStartBatch } from '../pod-control.js';
import { untilNextAvailable } from '../pods.js';

/** Pods created or deleted in one step. */
const BURST_REPLICAS = 250;
/** Tries of a status write in one sync, each after reading again. */
const STATUS_RETRIES = 1;

export const daemonSet: ControllerDescriptor = {
  name: 'daemonset-controller',
  aliases: ['daemonset'],
  serviceAccount: 'daemon-set-controller',
  create: (context) => new DaemonSetController(context),
};

class DaemonSetController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly expectations: Expectations;
  private readonly backoff: FailedPodBackoff;
  private readonly recorder: EventRecorder;
  private readonly podControl: PodControl;
  private readonly history: ControllerHistory<DaemonSet>;
  private readonly sets: Informer<DaemonSet>;
  private readonly pods: Informer<Pod>;
  private readonly nodes: Informer<Node>;
  private readonly client: ResourceClient<DaemonSet>;
  private readonly podClient: ResourceClient<Pod>;

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.expectations = new Expectations(clock);
    this.backoff = new FailedPodBackoff(clock);
    this.recorder = context.recorder.forComponent('daemonset-controller');
    this.podControl = new PodControl(context, this.recorder);
    this.history = new ControllerHistory(context, DAEMON_SETS);
    this.client = client.resource<DaemonSet>(DAEMON_SETS);
    this.podClient = client.resource<Pod>(PODS);
    this.sets = informers.informer<DaemonSet>(DAEMON_SETS, {
      indexers: { [BY_NAMESPACE]: namespaceIndex },
    });
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_OWNER]: ownerIndex } });
    this.nodes = informers.informer<Node>(NODES);
    this.sets.addHandler({
      add: (ds) => this.enqueue(ds),
      update: (old, ds) => this.updateSet(old, ds),
      delete: (ds) => this.deleteSet(ds),
    });
    this.pods.addHandler({
      add: (pod) => this.addPod(pod),
      update: (old, pod) => this.updatePod(old, pod),
      delete: (pod) => this.deletePod(pod),
    });
    this.nodes.addHandler({
      add: (node) => this.nodeChanged(undefined, node),
      update: (old, node) => this.nodeChanged(old, node),
      delete: (node) => this.nodeChanged(node, undefined),
    });
    this.history.informer.addHandler({
      add: (revision) => this.addRevision(revision),
      update: (old, revision) => this.updateRevision(old, revision),
      delete: (revision) => this.enqueueOwner(revision.metadata),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency: context.options.concurrency['daemonset'] ?? 2,
        informers: [this.sets, this.pods, this.nodes, this.history.informer],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const ds = this.sets.store.get(key);
    if (!ds) {
      this.expectations.forget(key);
      return;
    }
    if (selectorFromObject(ds.spec?.selector).empty) {
      const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
      this.tell(ds, 'Warning', 'SelectingAll', message);
      return;
    }
    // Its revisions may be gone already, so that nothing true could be said of it.
    if (ds.metadata?.deletionTimestamp !== undefined) return;
    const pods = await this.claimPods(ds, signal);
    const chosen = await chooseRevision(ds, pods, this.history, this.podClient, signal);
    const settled = this.expectations.satisfied(key);
    let failure: { err: unknown } | undefined;
    if (settled) {
      try {
        await this.converge(ds, chosen, signal);
      } catch (err) {
        failure = { err };
      }
    }
    await this.updateStatus(ds, chosen, settled, signal);
    if (failure) throw failure.err;
  }

  private async converge(
    ds: DaemonSet,
    { hash, old }: DaemonRevisions,
    signal: AbortSignal,
  ): Promise<void> {
    const key = keyOf(ds);
    const placement = planPlacement(await this.situation(ds, hash, signal), {
      mayReplace: (pod, node) => this.mayReplaceFailed(ds, pod, node),
      succeeded: (pod, node) => {
        const message = `Found succeeded daemon pod ${keyOf(pod)} on node ${node}, will try to delete it`;
        this.tell(ds, 'Normal', 'SucceededDaemonPod', message);
      },
    });
    await this.carryOut(ds, placement, hash, signal);
    // Only on what placement has left as it was.
    if (this.expectations.satisfied(key) && ds.spec?.updateStrategy?.type !== 'OnDelete') {
      const step = planUpdate(await this.situation(ds, hash, signal));
      await this.carryOut(ds, step, hash, signal);
    }
    const pods = podsByNode(await this.claimPods(ds, signal), true);
    await cleanUpRevisions(ds, [...pods.values()].flat(), old, this.history, signal);
  }

  private async situation(ds: DaemonSet, hash: string, signal: AbortSignal): Promise<Situation> {
    const byNode = podsByNode(await this.claimPods(ds, signal));
    const verdicts = judgeAll(ds, this.nodes.store.values());
    return { ds, verdicts, byNode, hash, nowMs: this.context.clock.now() };
  }

  private claimPods(ds: DaemonSet, signal: AbortSignal): Promise<Pod[]> {
    const { namespace = '', uid = '' } = ds.metadata ?? {};
    const { store } = this.pods;
    return claim({
      objects: [
        ...store.byIndex(BY_OWNER, uid),
        ...store.byIndex(BY_OWNER, orphanValue(namespace)),
      ],
      client: this.podClient,
      owner: ds,
      ownerRef: DAEMON_SETS,
      ownerClient: this.client,
      selector: selectorFromObject(ds.spec?.selector),
      signal,
    });
  }

  private mayReplaceFailed(ds: DaemonSet, pod: Pod, node: string): boolean {
    const generation = ds.status?.observedGeneration ?? 0;
    const wait = this.backoff.wait(`${ds.metadata?.uid}/${generation}/${node}`);
    if (wait > 0) {
      this.queue.addAfter(keyOf(ds), wait);
      return false;
    }
    const message = `Found failed daemon pod ${keyOf(pod)} on node ${node}, will try to kill it`;
    this.tell(ds, 'Warning', 'FailedDaemonPod', message);
    return true;
  }

  /** Throws the first failure, after all else was tried. */
  private async carryOut(
    ds: DaemonSet,
    plan: Plan,
    hash: string,
    signal: AbortSignal,
  ): Promise<void> {
    const key = keyOf(ds);
    const nodes = plan.create.slice(0, BURST_REPLICAS);
    const surplus = plan.delete.slice(0, BURST_REPLICAS);
    this.expectations.expect(key, nodes.length, surplus.map(keyOf));
    const left = nodes.values();
    const { successes, error } = await slowStartBatch(nodes.length, async () => {
      const { value: node = '' } = left.next();
      try {
        await this.podControl.create(DAEMON_SETS, ds, daemonPod(ds, node, hash), signal);
      } catch (err) {
        // A namespace that goes away refuses everything; trying again cannot help.
        if (!isNamespaceTerminating(err)) throw err;
      }
    });
    // What failed, and what was not even tried, will not be observed.
    this.expectations.creationObserved(key, nodes.length - successes);
    const deletions = await Promise.allSettled(
      surplus.map(async (pod) => {
        try {
          await this.podControl.delete(DAEMON_SETS, ds, pod, signal);
        } catch (err) {
          this.expectations.deletionObserved(key, keyOf(pod));
          if (!isNotFound(err)) throw err;
        }
      }),
    );
    const failed = deletions.find((result) => result.status === 'rejected');
    if (error !== undefined) throw error;
    if (failed) throw failed.reason;
  }

  /** `observed`: this generation was acted upon. */
  private async updateStatus(
    ds: DaemonSet,
    { hash, collisionCount }: DaemonRevisions,
    observed: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace = '', name = '', uid, generation = 0 } = ds.metadata ?? {};
    const situation = await this.situation(ds, hash, signal);
    const next = countNodes(situation);
    const minReadySeconds = ds.spec?.minReadySeconds ?? 0;
    const all = [...situation.byNode.values()].flat();
    const again = untilNextAvailable(all, minReadySeconds, situation.nowMs);
    if (again !== undefined) this.queue.addAfter(keyOf(ds), again);
    const isTold =
      sameCounts(ds.status, next) &&
      collisionCount === ds.status?.collisionCount &&
      (ds.status?.observedGeneration ?? 0) >= generation;
    if (isTold) return;
    let current = ds;
    for (let tries = 0; ; tries++) {
      const status = {
        ...withCounts(current.status, next),
        ...(observed ? { observedGeneration: generation } : {}),
        ...(collisionCount === undefined ? {} : { collisionCount }),
      };
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

  private tell(ds: DaemonSet, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.recorder.event(referenceTo(DAEMON_SETS, ds), type, reason, message);
  }

  // --- enqueue helpers ---

  private enqueue(ds: DaemonSet): void {
    this.queue.add(keyOf(ds));
  }

  private updateSet(old: DaemonSet, ds: DaemonSet): void {
    // Deleted and made anew between two events: what was expected of the old one is void.
    if (old.metadata?.uid !== ds.metadata?.uid) this.deleteSet(old);
    this.enqueue(ds);
  }

  private deleteSet(ds: DaemonSet): void {
    this.expectations.forget(keyOf(ds));
    this.enqueue(ds);
  }

  private addPod(pod: Pod): void {
    if (pod.metadata?.deletionTimestamp !== undefined) {
      this.deletePod(pod);
      return;
    }
    const owner = this.ownerOf(pod.metadata);
    if (owner) this.expectations.creationObserved(keyOf(owner));
    this.wake(pod);
  }

  private updatePod(old: Pod, pod: Pod): void {
    if (pod.metadata?.deletionTimestamp !== undefined) {
      this.deletePod(pod);
      return;
    }
    const before = controllerOf(old);
    if (before && before.uid !== controllerOf(pod)?.uid) this.enqueueOwner(old.metadata);
    const changed = before || !semanticDeepEqual(old.metadata?.labels, pod.metadata?.labels);
    if (controllerOf(pod) || changed) this.wake(pod);
  }

  private deletePod(pod: Pod): void {
    const owner = this.ownerOf(pod.metadata);
    if (!owner) return;
    this.expectations.deletionObserved(keyOf(owner), keyOf(pod));
    this.enqueue(owner);
  }

  /** One that has its owner is the owner's own work, or somebody's who means it to stay as it is. */
  private addRevision(revision: ControllerRevision): void {
    if (!controllerOf(revision)) this.wake(revision);
  }

  private updateRevision(old: ControllerRevision, revision: ControllerRevision): void {
    const before = controllerOf(old);
    if (before && before.uid !== controllerOf(revision)?.uid) this.enqueueOwner(old.metadata);
    this.addRevision(revision);
  }

  /** Only labels and taints decide; a node's heartbeats wake nobody. */
  private nodeChanged(old: Node | undefined, node: Node | undefined): void {
    if (
      old &&
      node &&
      semanticDeepEqual(old.metadata?.labels, node.metadata?.labels) &&
      semanticDeepEqual(old.spec?.taints, node.spec?.taints)
    )
      return;
    for (const ds of this.sets.store.values()) {
      const verdictOn = judge(ds);
      const before = old && verdictOn(old);
      const after = node && verdictOn(node);
      if (before?.shouldRun !== after?.shouldRun || before?.mayStay !== after?.mayStay)
        this.enqueue(ds);
    }
  }

  private enqueueOwner(meta: ObjectMeta | undefined): void {
    const owner = this.ownerOf(meta);
    if (owner) this.enqueue(owner);
  }

  /** The owner in the cache, if it is the very one that is meant. */
  private ownerOf(meta: ObjectMeta | undefined): DaemonSet | undefined {
    const ref = meta?.ownerReferences?.find((each) => each.controller === true);
    if (ref?.kind !== DAEMON_SETS.kind) return undefined;
    const owner = this.sets.store.get(`${meta?.namespace ?? ''}/${ref.name}`);
    return owner?.metadata?.uid === ref.uid ? owner : undefined;
  }

  /** Its owner; an orphan wakes every set that might adopt it. */
  private wake(obj: KubeObject): void {
    if (controllerOf(obj)) {
      this.enqueueOwner(obj.metadata);
      return;
    }
    for (const ds of this.sets.store.byIndex(BY_NAMESPACE, obj.metadata?.namespace ?? '')) {
      const selector = selectorFromObject(ds.spec?.selector);
      if (!selector.empty && selector.matches(obj.metadata?.labels)) this.enqueue(ds);
    }
  }
}
