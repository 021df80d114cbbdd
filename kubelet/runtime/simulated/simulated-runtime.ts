/**
 * A runtime without processes: what a container does is computed (`behaviour.ts`) and driven by the clock
 * (`process.ts`). State is journaled (`records.ts`), so that after a restart of the kubelet the same containers
 * run on (`running-containers.ts`), with the same addresses, and none starts twice.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../pkg/component/clock.js';
import {
  type ContainerConfig,
  type ContainerLimits,
  type ContainerRuntime,
  type ContainerStats,
  type ExecResult,
  type ImageInfo,
  type PodRuntimeStatus,
  type ProbeOutcome,
  type ProbeRequest,
  type PullOptions,
  RuntimeError,
  type RuntimeEvent,
  type SandboxConfig,
} from '../interface.js';
import { removeLog } from '../log-file.js';
import { lacksProgram } from './image-facts.js';
import { ImageStore } from './image-store.js';
import { IpAllocator } from './ip-allocator.js';
import type { Journal, RecordKind } from './journal.js';
import type { ServiceAddresses } from './names.js';
import { ProbeAnswers } from './probe-answers.js';
import type { ProcessExit } from './process.js';
import { type ContainerRecord, type RecordKeeper, Records, type SandboxRecord } from './records.js';
import { RunningContainers } from './running-containers.js';
import { VolumeTrees } from './volume-trees.js';

export const SIMULATED_VERSION = '1.35.0';
const START_ERROR_CODE = 128;
const KILLED = 137;

export interface SimulatedRuntimeOptions {
  readonly nodeName: string;
  readonly clock: Clock;
  /** Absent: nothing outlives the process. */
  readonly journal?: Journal;
  /** Absent: nobody can tell what a name of the cluster stands for. */
  readonly services?: ServiceAddresses;
  /** Records of this node that the journal held. */
  readonly restored?: readonly { kind: RecordKind; value: unknown }[];
}

export class SimulatedRuntime implements ContainerRuntime {
  readonly name = 'simulated';
  readonly version = SIMULATED_VERSION;
  private readonly clock: Clock;
  private readonly handlers = new Set<(event: RuntimeEvent) => void>();
  private readonly ips = new IpAllocator();
  private readonly volumes = new VolumeTrees();
  private readonly imageStore: ImageStore;
  private readonly records: Records;
  private readonly running: RunningContainers;
  private readonly probes: ProbeAnswers;

  constructor(private readonly options: SimulatedRuntimeOptions) {
    const { clock, nodeName, journal, services } = options;
    const keeper: RecordKeeper = {
      put: (kind, id, value) => journal?.put(nodeName, kind, id, value),
      remove: (kind, id) => journal?.remove(nodeName, kind, id),
    };
    this.clock = clock;
    this.imageStore = new ImageStore(clock, (image) => keeper.put('image', image.id, image));
    this.records = new Records({
      keeper,
      podForgotten: (uid) => this.volumes.forgetPod(uid),
    });
    this.running = new RunningContainers({
      clock,
      records: this.records,
      volumes: this.volumes,
      services,
      ended: (container, exit, reason) => this.ended(container, exit, reason),
    });
    this.probes = new ProbeAnswers({ clock, records: this.records, running: this.running });
    for (const record of options.restored ?? []) this.restore(record.kind, record.value);
    for (const container of this.records.allContainers()) {
      if (container.state === 'running') this.running.launch(container, true);
    }
  }

  configureNetwork(podCidr: string): void {
    this.ips.configure(podCidr);
  }

  async runSandbox(config: SandboxConfig): Promise<string> {
    if (!config.hostNetwork && !this.ips.configured) {
      throw new RuntimeError('Unavailable', 'network is not ready: the node has no podCIDR yet');
    }
    const ip = config.hostNetwork ? undefined : this.ips.allocate();
    if (!config.hostNetwork && ip === undefined) {
      throw new RuntimeError(
        'Unknown',
        'failed to allocate for range 0: no IP addresses available in range set',
      );
    }
    const sandbox: SandboxRecord = {
      id: newId(),
      config,
      state: 'ready',
      createdAt: this.clock.now(),
      ips: ip === undefined ? [] : [ip],
    };
    this.records.addSandbox(sandbox);
    this.emit('sandbox', config.podUid, sandbox.id);
    return sandbox.id;
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.records.sandbox(id);
    if (!sandbox || sandbox.state === 'notready') return;
    await Promise.all(this.inside(sandbox).map((c) => this.stopContainer(c.id, 0)));
    sandbox.state = 'notready';
    for (const ip of sandbox.ips) this.ips.release(ip);
    this.records.saveSandbox(sandbox);
    this.emit('sandbox', sandbox.config.podUid, id);
  }

  async removeSandbox(id: string): Promise<void> {
    const sandbox = this.records.sandbox(id);
    if (!sandbox) return;
    await this.stopSandbox(id);
    for (const container of this.inside(sandbox)) await this.removeContainer(container.id);
    if (!this.records.removeSandbox(sandbox)) return;
    this.emit('removed', sandbox.config.podUid, id);
  }

  fillVolume(podUid: string, volume: string, files: Readonly<Record<string, string>>): void {
    this.volumes.fill(podUid, volume, files);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.records.sandbox(sandboxId);
    if (!sandbox || sandbox.state !== 'ready') {
      throw new RuntimeError('NotFound', `sandbox ${JSON.stringify(sandboxId)} is not running`);
    }
    const container: ContainerRecord = {
      id: newId(),
      sandboxId,
      podUid: sandbox.config.podUid,
      config,
      state: 'created',
      createdAt: this.clock.now(),
    };
    this.records.addContainer(container);
    return container.id;
  }

  async startContainer(id: string): Promise<void> {
    const container = this.records.mustHaveContainer(id);
    if (container.state !== 'created') {
      throw new RuntimeError(
        'InvalidArgument',
        `container ${id} is in ${container.state} state, not created`,
      );
    }
    container.startedAt = this.clock.now();
    const [program] = [...container.config.command, ...container.config.args];
    if (program !== undefined && lacksProgram(container.config.image, program)) {
      this.failToStart(container, program);
    }
    container.state = 'running';
    this.records.saveContainer(container);
    this.running.launch(container, false);
    this.emit('started', container.podUid, id);
  }

  async updateContainer(id: string, limits: ContainerLimits): Promise<void> {
    const container = this.records.mustHaveContainer(id);
    const { cpuLimitNanoCores: _cpu, memoryLimitBytes: _memory, ...config } = container.config;
    container.config = { ...config, ...limits };
    this.records.saveContainer(container);
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    const container = this.records.container(id);
    if (!container) return;
    await this.running.stop(id, graceMs);
    if (container.state === 'created') {
      this.ended(container, { exitCode: KILLED, finishedAt: this.clock.now() }, undefined);
    }
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.records.container(id);
    if (!container) return;
    await this.stopContainer(id, 0);
    if (!this.records.removeContainer(container)) return;
    await removeLog(container.config.logPath);
    this.emit('removed', container.podUid, id);
  }

  async podStatus(podUid: string): Promise<PodRuntimeStatus> {
    return this.records.podStatus(podUid);
  }

  async podUids(): Promise<readonly string[]> {
    return this.records.podUids();
  }

  async imageStatus(image: string): Promise<ImageInfo | undefined> {
    return this.imageStore.get(image);
  }

  async pullImage(image: string, options: PullOptions): Promise<ImageInfo> {
    return this.imageStore.pull(image, options);
  }

  async images(): Promise<readonly ImageInfo[]> {
    return this.imageStore.list();
  }

  async exec(
    containerId: string,
    command: readonly string[],
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<ExecResult> {
    const container = this.records.mustHaveContainer(containerId);
    if (container.state !== 'running') {
      throw new RuntimeError('Unknown', `container ${containerId} is not running`);
    }
    return this.running.runInside(container, command, { timeoutMs, isStopping: true, signal });
  }

  async probe(containerId: string, request: ProbeRequest): Promise<ProbeOutcome> {
    return this.probes.answer(this.records.mustHaveContainer(containerId), request);
  }

  async stats(
    podUid: string,
    annotations?: Readonly<Record<string, string>>,
  ): Promise<readonly ContainerStats[]> {
    return this.running.stats(podUid, annotations);
  }

  subscribe(handler: (event: RuntimeEvent) => void): () => void {
    this.handlers.add(handler);
    return () => this.handlers.delete(handler);
  }

  async close(): Promise<void> {
    this.handlers.clear();
    this.running.close();
    this.options.journal?.flush();
  }

  private inside(sandbox: SandboxRecord): readonly ContainerRecord[] {
    return this.records
      .containersOf(sandbox.config.podUid)
      .filter((container) => container.sandboxId === sandbox.id);
  }

  private ended(container: ContainerRecord, exit: ProcessExit, reason: string | undefined): void {
    this.records.saveEnd(container, exit, reason);
    this.emit('exited', container.podUid, container.id);
  }

  private restore(kind: RecordKind, value: unknown): void {
    if (kind === 'image') this.imageStore.restore(asRecord<ImageInfo>(value));
    else if (kind === 'sandbox') {
      const sandbox = asRecord<SandboxRecord>(value);
      this.records.restoreSandbox(sandbox);
      if (sandbox.state === 'ready') for (const ip of sandbox.ips) this.ips.restore(ip);
    } else this.records.restoreContainer(asRecord<ContainerRecord>(value));
  }

  /** As containerd tells of a program that is not in the image. */
  private failToStart(container: ContainerRecord, program: string): never {
    const message = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: ${JSON.stringify(program)}: executable file not found in $PATH`;
    const exit = { exitCode: START_ERROR_CODE, finishedAt: this.clock.now(), message };
    this.ended(container, exit, 'StartError');
    throw new RuntimeError('Unknown', message);
  }

  private emit(type: RuntimeEvent['type'], podUid: string, id: string): void {
    for (const handler of this.handlers) handler({ type, podUid, id });
  }
}

/** The journal is the runtime's own; what it wrote has the shape that it reads. */
function asRecord<T>(value: unknown): T {
  return value as T;
}

function newId(): string {
  return randomBytes(32).toString('hex');
}
