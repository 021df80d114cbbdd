/**
 * One node: its Node object and heartbeats, its runtime, and a worker for each of its pods. Client,
 * informers, statuses and clock belong to the process, so that one process can be many nodes. Handlers
 * only note and wake; the work is done in tasks.
 */
import type { CSINode, Node, NodeCondition, Pod } from '../../pkg/api/types.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import { isAlreadyExists } from '../../pkg/client/errors.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import type { TaskGroup } from '../../pkg/component/task-group.js';
import type { KubeletEvents } from '../events.js';
import { ImageManager } from '../images/image-manager.js';
import { isTerminalPhase, uidOf } from '../pod/pod.js';
import { PodContainers } from '../pod/pod-containers.js';
import { PodWorker } from '../pod/pod-worker.js';
import type { ContainerRuntime, ImageInfo } from '../runtime/interface.js';
import type { StatusManager } from '../status-manager.js';
import type { PodObjects } from '../volumes/object-cache.js';
import { VolumesInUse } from '../volumes/volumes-in-use.js';
import { admit, refuseResize } from './admission.js';
import { csiNodeObject } from './csi-node.js';
import type { NodeLease } from './lease.js';
import { defaultLabels, type NodeSettings, nodeObject, nodeStatus } from './node-status.js';
import { slimNode } from './slim-node.js';

/** A node that never got a podCIDR makes one up, so that its pods can run. */
const POD_CIDR_WAIT_MS = 10_000;
/** Without a change the status is sent again this often. */
const REPORT_MS = 300_000;
const RETRY_MS = 500;
const MAX_RETRY_MS = 7000;

export interface NodeAgentOptions {
  readonly settings: NodeSettings;
  readonly register: boolean;
  readonly statusIntervalMs: number;
  readonly rootDir: string;
  readonly runtime: ContainerRuntime;
  readonly nodes: ResourceClient<Node>;
  readonly csiNodes: ResourceClient<CSINode>;
  readonly lease: NodeLease;
  readonly statuses: StatusManager;
  readonly objects: PodObjects;
  readonly events: KubeletEvents;
  /** Tells what a person who looks at one node wants to see; a thousand nodes at once would only flood. */
  readonly verbose: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tasks: TaskGroup;
}

export class NodeAgent {
  readonly name: string;
  private readonly workers = new Map<string, PodWorker>();
  private readonly containers: PodContainers;
  private readonly inUse = new VolumesInUse(() => this.wakeStatus?.());
  private node: Node | undefined;
  private podCidr: string | undefined;
  private waitsForCidr = false;
  private wakeStatus: (() => void) | undefined;
  private sentImages: readonly ImageInfo[] = [];
  private wasReady = false;
  /** Pods that were here before this process: they ran, and are not judged again. */
  private admitting = false;

  constructor(private readonly options: NodeAgentOptions) {
    const { runtime, events, clock, objects, settings, rootDir } = options;
    this.name = settings.name;
    this.containers = new PodContainers({
      runtime,
      images: new ImageManager({ runtime, clock, events }),
      objects,
      events,
      clock,
      node: { hostIP: settings.ip, rootDir, allocatable: () => settings.capacity },
      signal: options.tasks.signal,
    });
    runtime.subscribe((event) => this.workers.get(event.podUid)?.notice(event));
  }

  get runtime(): ContainerRuntime {
    return this.options.runtime;
  }

  pods(): Pod[] {
    return [...this.workers.values()].map((w) => w.object);
  }

  get uid(): string | undefined {
    return this.node?.metadata?.uid;
  }

  /** Resolves when the node is registered and Ready. */
  async start(signal: AbortSignal): Promise<void> {
    const { events, register, verbose } = this.options;
    if (verbose) events.node('Normal', 'Starting', 'Starting kubelet.');
    if (verbose) this.tellConditions();
    if (register) await this.register(signal);
  }

  /** Keeps lease and status until the signal aborts. `spread`: 0 to 1, the node's turn among many. */
  async run(signal: AbortSignal, spread: number): Promise<void> {
    await Promise.all([this.options.lease.run(signal, spread), this.keepStatus(signal, spread)]);
  }

  /** The node as the API shows it. */
  observeNode(node: Node): void {
    this.node = node;
    const cidr = node.spec?.podCIDR;
    if (cidr && cidr !== this.podCidr) this.useCidr(cidr);
    const ready = node.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
    if (!ready) this.wakeStatus?.();
    else if (!this.wasReady && this.options.verbose) {
      this.options.events.node('Normal', 'NodeReady', `Node ${this.name} status is now: NodeReady`);
    }
    this.wasReady = ready;
  }

  observePod(pod: Pod): void {
    const uid = uidOf(pod);
    const known = this.workers.get(uid);
    if (known) {
      known.update(pod);
      return;
    }
    this.addWorker(pod, this.judge(pod));
  }

  removePod(pod: Pod): void {
    this.workers.get(uidOf(pod))?.remove();
  }

  /** Once the pods are known: ends what runs here for pods that are gone, and judges those that come. */
  async adopt(): Promise<void> {
    const { runtime, logger } = this.options;
    this.admitting = true;
    for (const uid of await runtime.podUids()) {
      if (this.workers.has(uid)) continue;
      const { sandboxes, containers } = await runtime.podStatus(uid);
      logger.info({ node: this.name, uid }, 'Removing a pod that no longer exists');
      for (const container of containers) await runtime.removeContainer(container.id);
      for (const sandbox of sandboxes) await runtime.removeSandbox(sandbox.id);
    }
  }

  private addWorker(pod: Pod, rejected: ReturnType<typeof admit>): void {
    const { runtime, statuses, objects, events, clock, logger, settings, tasks } = this.options;
    const uid = uidOf(pod);
    if (rejected) {
      events.pod(pod, 'Warning', rejected.reason, rejected.message);
      logger.info(
        { name: pod.metadata?.name, uid, reason: rejected.reason },
        'Pod is not admitted',
      );
    }
    const worker: PodWorker = new PodWorker({
      pod,
      runtime,
      containers: this.containers,
      statuses,
      objects,
      inUse: this.inUse,
      events,
      clock,
      logger,
      hostIP: settings.ip,
      signal: tasks.signal,
      ...(rejected ? { rejected } : {}),
      refusesResize: (wanted) => refuseResize(wanted, this.others(wanted), settings.capacity),
      spawn: (run) => tasks.spawn(`pod ${uid}`, run),
      finished: () => {
        this.workers.delete(uid);
        for (const other of this.workers.values()) other.retryResize();
      },
    });
    this.workers.set(uid, worker);
    worker.wake();
    if (this.podCidr === undefined) this.waitForCidr();
  }

  private judge(pod: Pod): ReturnType<typeof admit> {
    const over =
      isTerminalPhase(pod.status?.phase) || pod.metadata?.deletionTimestamp !== undefined;
    if (over || (!this.admitting && pod.status?.startTime !== undefined)) return undefined;
    const { settings } = this.options;
    return admit(pod, this.others(pod), {
      name: this.name,
      labels: this.node?.metadata?.labels ?? { ...defaultLabels(this.name), ...settings.labels },
      taints: this.node?.spec?.taints ?? [],
      allocatable: settings.capacity,
    });
  }

  /** The pods beside this one that are not over, with what they have been given. */
  private others(pod: Pod): Pod[] {
    const { statuses } = this.options;
    return [...this.workers.values()]
      .filter(({ object }) => {
        const phase = statuses.get(uidOf(object))?.phase ?? object.status?.phase;
        return !isTerminalPhase(phase) && uidOf(object) !== uidOf(pod);
      })
      .map((w) => w.allocated);
  }

  /** Pods that are on a network already keep their addresses when the range changes. */
  private waitForCidr(): void {
    if (this.waitsForCidr) return;
    this.waitsForCidr = true;
    this.options.clock.after(POD_CIDR_WAIT_MS, () => {
      this.waitsForCidr = false;
      if (this.podCidr !== undefined || this.options.tasks.signal.aborted) return;
      const cidr = madeUpCidr(this.name);
      this.options.logger.warn(
        { node: this.name, cidr },
        'The node has no podCIDR, one is made up',
      );
      this.useCidr(cidr);
    });
  }

  private useCidr(cidr: string): void {
    this.podCidr = cidr;
    this.options.runtime.configureNetwork(cidr);
    for (const worker of this.workers.values()) worker.wake();
  }

  private async register(signal: AbortSignal): Promise<void> {
    const { clock, logger, nodes, settings } = this.options;
    for (let wait = RETRY_MS; ; wait = Math.min(wait * 2, MAX_RETRY_MS)) {
      try {
        await this.tryRegister(signal);
        await this.registerDrivers(signal);
        logger.info(
          { node: this.name, address: settings.ip, port: settings.port },
          'Node is registered',
        );
        return;
      } catch (err) {
        if (signal.aborted) throw err;
        logger.warn(
          { node: this.name, resource: nodes.ref.resource, err },
          'Node could not be registered',
        );
        await clock.sleep(wait, signal);
      }
    }
  }

  private async tryRegister(signal: AbortSignal): Promise<void> {
    const { clock, nodes, settings } = this.options;
    const wanted = nodeObject(settings, clock.now());
    try {
      this.observeNode(slimNode(await nodes.create(wanted, { signal })));
      return;
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
    }
    const existing = await nodes.get('', this.name, { signal });
    const labels = existing.metadata?.labels ?? {};
    const missing = Object.entries(wanted.metadata?.labels ?? {}).filter(
      ([k, v]) => labels[k] !== v,
    );
    if (missing.length > 0) {
      await nodes.patch(
        '',
        this.name,
        'merge',
        { metadata: { labels: Object.fromEntries(missing) } },
        { signal },
      );
    }
    this.node = existing;
    this.inUse.shown(existing.status?.volumesInUse ?? []);
    await this.sendStatus(signal);
  }

  /** Where a driver's registrar will write what the driver offers. Of hollow nodes nobody asks. */
  private async registerDrivers(signal: AbortSignal): Promise<void> {
    const { csiNodes, verbose } = this.options;
    if (!verbose || this.uid === undefined) return;
    try {
      await csiNodes.create(csiNodeObject(this.name, this.uid), { signal });
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
    }
  }

  private async keepStatus(signal: AbortSignal, spread: number): Promise<void> {
    const { clock, statusIntervalMs, logger, verbose } = this.options;
    let sentAt = clock.now() - spread * REPORT_MS;
    while (!signal.aborted) {
      // Images change with the pods; a hollow node's are of no interest before its next report.
      const left = sentAt + REPORT_MS - clock.now();
      const period = verbose ? Math.min(statusIntervalMs, left) : left;
      // Volumes may have come, or gone, while the last status was under way.
      await this.sleepUnlessWoken(this.owesVolumes ? 0 : period, signal);
      const due = clock.now() - sentAt >= REPORT_MS;
      if (!due && !(await this.needsStatus())) continue;
      try {
        await this.sendStatus(signal);
        sentAt = clock.now();
      } catch (err) {
        if (signal.aborted) return;
        logger.warn({ node: this.name, err }, 'Node status could not be sent');
        await clock.sleep(RETRY_MS, signal);
        sentAt = 0;
      }
    }
  }

  private async needsStatus(): Promise<boolean> {
    const shown = this.node?.status?.conditions?.find((c) => c.type === 'Ready');
    if (shown && shown.status !== 'True') return true;
    if (this.owesVolumes) return true;
    return !deepEqual(await this.options.runtime.images(), this.sentImages);
  }

  private async sendStatus(signal: AbortSignal): Promise<void> {
    const { clock, nodes, settings, runtime } = this.options;
    const images = await runtime.images();
    const before: readonly NodeCondition[] = this.node?.status?.conditions ?? [];
    const status = nodeStatus(settings, images, before, clock.now());
    // Before its pods are known, what the node showed of their volumes stays.
    const inUse = this.admitting ? this.inUse.names : undefined;
    const volumesInUse = inUse && { volumesInUse: inUse.length > 0 ? inUse : null };
    // Addresses and conditions merge by type: what others wrote beside stays.
    const answer = await nodes.patch(
      '',
      this.name,
      'strategic',
      { status: { ...status, ...volumesInUse } },
      { subresource: 'status', signal },
    );
    this.sentImages = images;
    if (inUse) for (const uid of this.inUse.shown(inUse)) this.workers.get(uid)?.wake();
    this.observeNode(slimNode(answer));
  }

  /** The status does not show which volumes the pods use. */
  private get owesVolumes(): boolean {
    return this.admitting && !this.inUse.allShown;
  }

  private async sleepUnlessWoken(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        timer.stop();
        signal.removeEventListener('abort', done);
        this.wakeStatus = undefined;
        resolve();
      };
      const timer = this.options.clock.after(ms, done);
      signal.addEventListener('abort', done, { once: true });
      this.wakeStatus = done;
    });
  }

  private tellConditions(): void {
    for (const reason of [
      'NodeHasSufficientMemory',
      'NodeHasNoDiskPressure',
      'NodeHasSufficientPID',
    ]) {
      this.options.events.node('Normal', reason, `Node ${this.name} status is now: ${reason}`);
    }
    this.options.events.node(
      'Normal',
      'NodeAllocatableEnforced',
      'Updated Node Allocatable limit across pods',
    );
  }
}

function madeUpCidr(name: string): string {
  let hash = 0;
  for (const char of name) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0;
  return `10.${128 + (hash % 127)}.${(hash >>> 8) % 256}.0/24`;
}
