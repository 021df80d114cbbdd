/**
 * Watches over nodes (`pkg/controller/nodelifecycle`):
 *
 *   silent for the grace period ─▶ conditions Unknown ─▶ taint unreachable (NoSchedule at once, NoExecute at
 *   Ready=False                 ─▶ taint not-ready       the zone's rate) ─▶ pods marked not ready
 *   Ready=True again            ─▶ taints off
 *
 * Evicting pods for those taints is the taint-eviction controller's. Conditions of pressure and
 * `unschedulable` become NoSchedule taints here too.
 */

import type { Lease, Node, Pod, Taint } from '../../pkg/api/types.js';
import { formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { isConflict, isNotFound } from '../../pkg/client/errors.js';
import { type EventRecorder, referenceTo } from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { LEASES, NODES, PODS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runPeriodically,
  runSyncLoop,
} from '../controller.js';
import {
  type NodeHealth,
  observeHealth,
  readyCondition,
  silentConditions,
} from '../nodes/health.js';
import {
  changedTaints,
  patchTaints,
  sameTaint,
  TAINT_NOT_READY,
  TAINT_UNREACHABLE,
} from '../nodes/taints.js';
import { evictionRate, type ZoneState, zoneOf, zoneState } from '../nodes/zones.js';
import { BY_NODE, isPodReady, nodeIndex, podCondition, withPodCondition } from '../pods.js';

const NODE_LEASES = 'kube-node-lease';
/** How often nodes that wait for their NoExecute taint are looked at. */
const TAINT_PASS_MS = 100;

const NO_EXECUTE: Readonly<Record<string, Taint>> = {
  False: { key: TAINT_NOT_READY, effect: 'NoExecute' },
  Unknown: { key: TAINT_UNREACHABLE, effect: 'NoExecute' },
};

/** Condition → status → NoSchedule taint. */
const NO_SCHEDULE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: TAINT_NOT_READY, Unknown: TAINT_UNREACHABLE },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
};
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const CONDITION_TAINTS: readonly Taint[] = [
  ...Object.values(NO_SCHEDULE).flatMap((byStatus) => Object.values(byStatus)),
  UNSCHEDULABLE,
].map((key) => ({ key, effect: 'NoSchedule' }));

export const nodeLifecycle: ControllerDescriptor = {
  name: 'node-lifecycle-controller',
  aliases: ['nodelifecycle'],
  serviceAccount: 'node-controller',
  create: (context) => new NodeLifecycleController(context),
};

interface Zone {
  state: ZoneState;
  /** Nodes a second; with it, when the next may be tainted. */
  rate: number;
  nextAt: number;
  /** Nodes that wait for their NoExecute taint. */
  readonly waiting: Set<string>;
}

class NodeLifecycleController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly podQueue: RateLimitingQueue;
  private readonly recorder: EventRecorder;
  private readonly nodes: Informer<Node>;
  private readonly pods: Informer<Pod>;
  private readonly leases: Informer<Lease>;
  private readonly client: ResourceClient<Node>;
  private readonly podClient: ResourceClient<Pod>;
  private readonly health = new Map<string, NodeHealth>();
  private readonly zones = new Map<string, Zone>();
  private readonly known = new Set<string>();
  private allDown = false;

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.podQueue = new RateLimitingQueue(clock);
    this.recorder = context.recorder.forComponent('node-controller');
    this.client = client.resource<Node>(NODES);
    this.podClient = client.resource<Pod>(PODS);
    this.nodes = informers.informer<Node>(NODES);
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_NODE]: nodeIndex } });
    this.leases = informers.informer<Lease>(LEASES, { namespace: NODE_LEASES });
    const enqueue = (node: Node) => this.queue.add(keyOf(node));
    this.nodes.addHandler({ add: enqueue, update: (_, node) => enqueue(node) });
    this.pods.addHandler({
      add: (pod) => this.podArrived(undefined, pod),
      update: (old, pod) => this.podArrived(old, pod),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { context } = this;
    const informers = [this.nodes, this.pods, this.leases];
    const loop = { context, informers, concurrency: 8 };
    const { nodeMonitorPeriodMs } = context.options;
    const monitor = async () => {
      try {
        await Promise.all(informers.map((informer) => informer.waitForSync(signal)));
      } catch (err) {
        if (signal.aborted) return;
        throw err;
      }
      await Promise.all([
        runPeriodically(context.clock, nodeMonitorPeriodMs, signal, () => this.monitor(signal)),
        runPeriodically(context.clock, TAINT_PASS_MS, signal, () => this.taintPass(signal)),
      ]);
    };
    await Promise.all([
      monitor(),
      runSyncLoop(
        { ...loop, queue: this.queue, sync: (name, stop) => this.taintByConditions(name, stop) },
        signal,
      ),
      runSyncLoop(
        { ...loop, queue: this.podQueue, sync: (key, stop) => this.markIfNodeDown(key, stop) },
        signal,
      ),
    ]);
  }

  // --- health ---

  private async monitor(signal: AbortSignal): Promise<void> {
    this.noteArrivals();
    const counts = new Map<string, { ready: number; notReady: number }>();
    await Promise.all(
      [...this.nodes.store.values()].map(async (node) => {
        const zone = zoneOf(node);
        const count = counts.get(zone) ?? { ready: 0, notReady: 0 };
        counts.set(zone, count);
        const status = await this.guard(node, () => this.judge(node, signal), signal);
        if (status === 'True') count.ready++;
        else count.notReady++;
      }),
    );
    await this.updateZones(counts, signal);
  }

  /** One node's failure must not keep the others from being looked at. */
  private async guard<R>(
    node: Node,
    fn: () => Promise<R>,
    signal: AbortSignal,
  ): Promise<R | undefined> {
    try {
      return await fn();
    } catch (err) {
      const fields = { node: node.metadata?.name, err };
      if (!signal.aborted && !isConflict(err))
        this.context.logger.info(fields, 'Could not update a node');
      return undefined;
    }
  }

  /** The status of Ready that counts from now on. */
  private async judge(node: Node, signal: AbortSignal): Promise<string> {
    const { clock, options } = this.context;
    const name = node.metadata?.name ?? '';
    const now = clock.now();
    const lease = this.leases.store.get(`${NODE_LEASES}/${name}`);
    const health = observeHealth(this.health.get(name), node, lease, now);
    this.health.set(name, health);
    const before = readyCondition(node);
    const grace = before ? options.nodeMonitorGracePeriodMs : options.nodeStartupGracePeriodMs;
    let current = before?.status ?? 'Unknown';
    if (now > health.seenAt + grace) {
      const conditions = silentConditions(node, formatTime(new Date(now)));
      current = 'Unknown';
      if (conditions) {
        const updated = await this.client.updateStatus(
          { ...node, status: { ...node.status, conditions } },
          { signal },
        );
        // Our own write is no sign of life.
        const seen = observeHealth(health, updated, lease, now);
        this.health.set(name, { ...seen, seenAt: health.seenAt });
        this.context.logger.info({ node: name }, 'Node stopped reporting');
      }
    }
    if (current !== 'True' && before?.status === 'True') this.tellNotReady(node);
    if (current !== 'True') await this.markPodsNotReady(name, signal);
    this.planNoExecute(node, current);
    if (current === 'True') await this.clearNoExecute(node, signal);
    return current;
  }

  private noteArrivals(): void {
    for (const node of this.nodes.store.values()) {
      const name = node.metadata?.name ?? '';
      if (this.known.has(name)) continue;
      this.known.add(name);
      this.tellNode(name, node, 'RegisteredNode', `Registered Node ${name} in Controller`);
    }
    for (const name of this.known) {
      if (this.nodes.store.get(name)) continue;
      this.known.delete(name);
      this.health.delete(name);
      for (const zone of this.zones.values()) zone.waiting.delete(name);
      this.tellNode(
        name,
        { metadata: { name } },
        'RemovingNode',
        `Removing Node ${name} from Controller`,
      );
    }
  }

  private tellNode(name: string, node: Node, reason: string, what: string): void {
    this.recorder.event(referenceTo(NODES, node), 'Normal', reason, `Node ${name} event: ${what}`);
  }

  private tellNotReady(node: Node): void {
    const message = `Node ${node.metadata?.name} status is now: NodeNotReady`;
    this.recorder.event(referenceTo(NODES, node), 'Normal', 'NodeNotReady', message);
  }

  // --- pods of a node that is down ---

  private async markPodsNotReady(node: string, signal: AbortSignal): Promise<void> {
    const ready = this.pods.store.byIndex(BY_NODE, node).filter(isPodReady);
    await Promise.all(ready.map((pod) => this.markNotReady(pod, signal)));
  }

  /** A pod that lands on, or turns ready on, a node that is already down. */
  private async markIfNodeDown(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.pods.store.get(key);
    const node = pod && this.nodes.store.get(pod.spec?.nodeName ?? '');
    if (!pod || !node || !isPodReady(pod)) return;
    const status = readyCondition(node)?.status;
    if (status === 'Unknown' || status === 'False') await this.markNotReady(pod, signal);
  }

  private async markNotReady(pod: Pod, signal: AbortSignal): Promise<void> {
    const current = podCondition(pod, 'Ready');
    if (!current || current.status === 'False') return;
    const now = formatTime(new Date(this.context.clock.now()));
    const conditions = withPodCondition(pod, { type: 'Ready', status: 'False' }, now);
    try {
      await this.podClient.updateStatus(
        { ...pod, status: { ...pod.status, conditions } },
        { signal },
      );
      this.recorder.event(referenceTo(PODS, pod), 'Warning', 'NodeNotReady', 'Node is not ready');
    } catch (err) {
      if (!isNotFound(err) && !isConflict(err)) throw err;
    }
  }

  // --- taints ---

  private async taintByConditions(name: string, signal: AbortSignal): Promise<void> {
    const node = this.nodes.store.get(name);
    if (!node) return;
    const wanted: Taint[] = [];
    for (const { type, status } of node.status?.conditions ?? []) {
      const key = NO_SCHEDULE[type]?.[status];
      if (key !== undefined) wanted.push({ key, effect: 'NoSchedule' });
    }
    if (node.spec?.unschedulable) wanted.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' });
    const now = formatTime(new Date(this.context.clock.now()));
    const taints = changedTaints(
      node.spec?.taints ?? [],
      wanted.map((taint) => ({ ...taint, timeAdded: now })),
      CONDITION_TAINTS.filter((taint) => !wanted.some((w) => sameTaint(w, taint))),
    );
    if (taints) await patchTaints(this.client, node, taints, signal);
  }

  /** Puts a node that is down in its zone's line. */
  private planNoExecute(node: Node, status: string): void {
    const name = node.metadata?.name ?? '';
    const zone = this.zone(zoneOf(node));
    const wanted = NO_EXECUTE[status];
    const has = wanted && (node.spec?.taints ?? []).some((taint) => sameTaint(taint, wanted));
    if (!wanted || has) zone.waiting.delete(name);
    else zone.waiting.add(name);
  }

  private async clearNoExecute(node: Node, signal: AbortSignal): Promise<void> {
    const taints = changedTaints(node.spec?.taints ?? [], [], Object.values(NO_EXECUTE));
    if (taints) await patchTaints(this.client, node, taints, signal);
  }

  private async taintPass(signal: AbortSignal): Promise<void> {
    const now = this.context.clock.monotonic();
    for (const zone of this.zones.values()) {
      const [name] = zone.waiting;
      if (name === undefined || zone.rate <= 0 || now < zone.nextAt) continue;
      const node = this.nodes.store.get(name);
      const status = node && (readyCondition(node)?.status ?? 'Unknown');
      const wanted = status === undefined ? undefined : NO_EXECUTE[status];
      if (!node || !wanted) {
        zone.waiting.delete(name);
        continue;
      }
      const now2 = formatTime(new Date(this.context.clock.now()));
      const others = Object.values(NO_EXECUTE).filter((taint) => !sameTaint(taint, wanted));
      // Going from one to the other (not-ready → unreachable) is no new eviction.
      const swap = (node.spec?.taints ?? []).some((taint) =>
        others.some((o) => sameTaint(o, taint)),
      );
      const taints = changedTaints(
        node.spec?.taints ?? [],
        [{ ...wanted, timeAdded: now2 }],
        others,
      );
      await this.guard(
        node,
        async () => {
          if (taints) await patchTaints(this.client, node, taints, signal);
          zone.waiting.delete(name);
          if (!swap) zone.nextAt = now + 1000 / zone.rate;
        },
        signal,
      );
    }
  }

  private async updateZones(
    counts: ReadonlyMap<string, { ready: number; notReady: number }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { options, clock } = this.context;
    for (const [name, { ready, notReady }] of counts) {
      this.zone(name).state = zoneState(ready, notReady, options.unhealthyZoneThreshold);
    }
    for (const name of this.zones.keys()) if (!counts.has(name)) this.zones.delete(name);
    const wasDown = this.allDown;
    this.allDown =
      this.zones.size > 0 && [...this.zones.values()].every((z) => z.state === 'FullDisruption');
    for (const [name, zone] of this.zones) {
      const { ready, notReady } = counts.get(name) ?? { ready: 0, notReady: 0 };
      zone.rate = evictionRate(zone.state, ready + notReady, this.allDown, options);
    }
    if (this.allDown && !wasDown) {
      // Everything seems down: more likely it is us. Nobody is evicted for that.
      for (const node of this.nodes.store.values()) {
        await this.guard(node, () => this.clearNoExecute(node, signal), signal);
      }
    }
    if (wasDown && !this.allDown) {
      const now = clock.now();
      for (const [name, health] of this.health) this.health.set(name, { ...health, seenAt: now });
    }
  }

  private zone(name: string): Zone {
    const known = this.zones.get(name);
    if (known) return known;
    const rate = this.context.options.nodeEvictionRate;
    const made: Zone = { state: 'Normal', rate, nextAt: 0, waiting: new Set() };
    this.zones.set(name, made);
    return made;
  }

  // --- enqueue helpers ---

  private podArrived(old: Pod | undefined, pod: Pod): void {
    if (!pod.spec?.nodeName || !isPodReady(pod)) return;
    if (old && isPodReady(old) && old.spec?.nodeName === pod.spec.nodeName) return;
    this.podQueue.add(keyOf(pod));
  }
}
