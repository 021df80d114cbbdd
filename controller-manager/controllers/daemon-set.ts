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
import { controllerOf, keyOf } from '../../pkg/apimachinery/meta.js';
import { type EventRecorder, referenceTo } from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { DAEMON_SETS, NODES, PODS } from '../../pkg/client/resources.js';
import { BY_NAMESPACE, BY_OWNER, namespaceIndex, ownerIndex } from '../../pkg/client/store.js';
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
import { Ownership } from '../ownership.js';
import { PodBatches } from '../pod-batches.js';
import { PodControl } from '../pod-control.js';
import { untilNextAvailable } from '../pods.js';
import { writeStatus } from '../status-writer.js';

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
  private readonly batches: PodBatches;
  private readonly ownership: Ownership<DaemonSet, Pod>;
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
    const control = new PodControl(context, this.recorder);
    this.batches = new PodBatches(DAEMON_SETS, control, this.expectations);
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
    this.ownership = new Ownership({
      ref: DAEMON_SETS,
      owners: this.sets.store,
      ownerClient: this.client,
      selectorOf: (ds: DaemonSet) => selectorFromObject(ds.spec?.selector),
      wake: (ds) => this.enqueue(ds),
      dependents: this.pods.store,
      dependentClient: this.podClient,
      expectations: this.expectations,
    });
    this.pods.addHandler(this.ownership.handler);
    this.nodes.addHandler({
      add: (node) => this.nodeChanged(undefined, node),
      update: (old, node) => this.nodeChanged(old, node),
      delete: (node) => this.nodeChanged(node, undefined),
    });
    this.history.informer.addHandler({
      add: (revision) => this.addRevision(revision),
      update: (old, revision) => this.updateRevision(old, revision),
      delete: (revision) => this.enqueueOwner(revision),
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
    const pods = await this.ownership.claim(ds, signal);
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
    const pods = podsByNode(await this.ownership.claim(ds, signal), true);
    await cleanUpRevisions(ds, [...pods.values()].flat(), old, this.history, signal);
  }

  private async situation(ds: DaemonSet, hash: string, signal: AbortSignal): Promise<Situation> {
    const byNode = podsByNode(await this.ownership.claim(ds, signal));
    const verdicts = judgeAll(ds, this.nodes.store.values());
    return { ds, verdicts, byNode, hash, nowMs: this.context.clock.now() };
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
    const pods = nodes.map((node) => daemonPod(ds, node, hash));
    const { error } = await this.batches.create(ds, pods, signal);
    const failed = await this.batches.delete(ds, surplus, signal);
    if (error !== undefined) throw error;
    if (failed !== undefined) throw failed;
  }

  /** `observed`: this generation was acted upon. */
  private async updateStatus(
    ds: DaemonSet,
    { hash, collisionCount }: DaemonRevisions,
    observed: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { generation = 0 } = ds.metadata ?? {};
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
    const statusOf = ({ status }: DaemonSet) => ({
      ...withCounts(status, next),
      ...(observed ? { observedGeneration: generation } : {}),
      ...(collisionCount === undefined ? {} : { collisionCount }),
    });
    await writeStatus(this.client, ds, statusOf, STATUS_RETRIES, signal);
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

  /** One that has its owner is the owner's own work, or somebody's who means it to stay as it is. */
  private addRevision(revision: ControllerRevision): void {
    if (controllerOf(revision)) return;
    for (const ds of this.ownership.matching(revision)) this.enqueue(ds);
  }

  private updateRevision(old: ControllerRevision, revision: ControllerRevision): void {
    const before = controllerOf(old);
    if (before && before.uid !== controllerOf(revision)?.uid) this.enqueueOwner(old);
    this.addRevision(revision);
  }

  private enqueueOwner(revision: ControllerRevision): void {
    const owner = this.ownership.ownerOf(revision);
    if (owner) this.enqueue(owner);
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
}
