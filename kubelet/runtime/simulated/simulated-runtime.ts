/**
 * A runtime without processes: what a container does is computed (`behaviour.ts`) and driven by the clock
 * (`process.ts`). State is journaled, so that after a restart of the kubelet the same containers run on,
 * with the same addresses, and none starts twice.
 */
import { randomBytes } from 'node:crypto';
import { formatDuration } from '../../../pkg/apimachinery/duration.js';
import { goQuote } from '../../../pkg/apimachinery/go-format.js';
import type { Clock } from '../../../pkg/component/clock.js';
import {
  type ContainerConfig,
  type ContainerInfo,
  type ContainerLimits,
  type ContainerRuntime,
  type ContainerState,
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
  type SandboxStatus,
} from '../interface.js';
import { LogWriter, removeLog } from '../log-file.js';
import { type Behaviour, behaviourOf, type Surroundings } from './behaviour.js';
import { ContainerFiles } from './files.js';
import { lacksProgram } from './image-facts.js';
import { addressOf, refused, serverAnswer } from './image-servers.js';
import { ImageStore } from './image-store.js';
import { IpAllocator } from './ip-allocator.js';
import type { Journal, RecordKind } from './journal.js';
import { givenFiles, resolveName, type ServiceAddresses } from './names.js';
import { type ProcessExit, SimulatedProcess } from './process.js';
import { runProcess } from './shell.js';
import { UsageMeter, usageOf } from './usage.js';
import { VolumeTrees } from './volume-trees.js';

export const SIMULATED_VERSION = '1.35.0';
/** What a command run inside may print at most. */
const MAX_EXEC_EFFECTS = 10_000;
const MESSAGE_PATH = '/dev/termination-log';
const START_ERROR_CODE = 128;
const KILLED = 137;

interface SandboxRecord {
  id: string;
  config: SandboxConfig;
  state: 'ready' | 'notready';
  createdAt: number;
  ips: string[];
}

interface ContainerRecord {
  id: string;
  sandboxId: string;
  podUid: string;
  config: ContainerConfig;
  state: ContainerState;
  createdAt: number;
  startedAt?: number;
  finishedAt?: number;
  exitCode?: number;
  reason?: string;
  message?: string;
}

interface Pod {
  readonly sandboxes: SandboxRecord[];
  readonly containers: ContainerRecord[];
  /** As it is told, which is many times between two changes. */
  told?: PodRuntimeStatus | undefined;
}

interface Running {
  readonly files: ContainerFiles;
  readonly process: SimulatedProcess;
  readonly behaviour: Behaviour;
  readonly log: LogWriter;
  readonly usage: UsageMeter;
}

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
  private readonly pods = new Map<string, Pod>();
  private readonly running = new Map<string, Running>();
  private readonly sandboxes = new Map<string, SandboxRecord>();
  private readonly containers = new Map<string, ContainerRecord>();
  private readonly handlers = new Set<(event: RuntimeEvent) => void>();
  private readonly ips = new IpAllocator();
  private readonly volumes = new VolumeTrees();
  private readonly imageStore: ImageStore;
  private readonly closing = new AbortController();

  constructor(private readonly options: SimulatedRuntimeOptions) {
    this.clock = options.clock;
    this.imageStore = new ImageStore(this.clock, (image) => this.keep('image', image.id, image));
    for (const record of options.restored ?? []) this.restore(record.kind, record.value);
    for (const container of this.containers.values()) {
      if (container.state === 'running') this.launch(container, true);
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
    this.sandboxes.set(sandbox.id, sandbox);
    this.pod(config.podUid).sandboxes.unshift(sandbox);
    this.changed(config.podUid);
    this.keep('sandbox', sandbox.id, sandbox);
    this.emit('sandbox', config.podUid, sandbox.id);
    return sandbox.id;
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.sandboxes.get(id);
    if (!sandbox || sandbox.state === 'notready') return;
    const inside = this.pod(sandbox.config.podUid).containers.filter((c) => c.sandboxId === id);
    await Promise.all(inside.map((c) => this.stopContainer(c.id, 0)));
    sandbox.state = 'notready';
    this.changed(sandbox.config.podUid);
    for (const ip of sandbox.ips) this.ips.release(ip);
    this.keep('sandbox', id, sandbox);
    this.emit('sandbox', sandbox.config.podUid, id);
  }

  async removeSandbox(id: string): Promise<void> {
    const sandbox = this.sandboxes.get(id);
    if (!sandbox) return;
    await this.stopSandbox(id);
    const pod = this.pod(sandbox.config.podUid);
    for (const c of pod.containers.filter((c) => c.sandboxId === id))
      await this.removeContainer(c.id);
    this.sandboxes.delete(id);
    pod.sandboxes.splice(pod.sandboxes.indexOf(sandbox), 1);
    this.changed(sandbox.config.podUid);
    this.forgetEmpty(sandbox.config.podUid);
    this.options.journal?.remove(this.options.nodeName, 'sandbox', id);
    this.emit('removed', sandbox.config.podUid, id);
  }

  fillVolume(podUid: string, volume: string, files: Readonly<Record<string, string>>): void {
    this.volumes.fill(podUid, volume, files);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.sandboxes.get(sandboxId);
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
    this.containers.set(container.id, container);
    this.pod(container.podUid).containers.unshift(container);
    this.changed(container.podUid);
    this.keep('container', container.id, container);
    return container.id;
  }

  async startContainer(id: string): Promise<void> {
    const container = this.mustHave(id);
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
    this.changed(container.podUid);
    this.keep('container', id, container);
    this.launch(container, false);
    this.emit('started', container.podUid, id);
  }

  async updateContainer(id: string, limits: ContainerLimits): Promise<void> {
    const container = this.mustHave(id);
    const { cpuLimitNanoCores: _cpu, memoryLimitBytes: _memory, ...config } = container.config;
    container.config = { ...config, ...limits };
    this.keep('container', id, container);
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    const container = this.containers.get(id);
    if (!container) return;
    await this.running.get(id)?.process.stop(graceMs);
    if (container.state === 'created') {
      this.ended(container, { exitCode: 137, finishedAt: this.clock.now() }, undefined);
    }
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.containers.get(id);
    if (!container) return;
    await this.stopContainer(id, 0);
    this.containers.delete(id);
    const pod = this.pod(container.podUid);
    pod.containers.splice(pod.containers.indexOf(container), 1);
    this.changed(container.podUid);
    this.forgetEmpty(container.podUid);
    this.options.journal?.remove(this.options.nodeName, 'container', id);
    await removeLog(container.config.logPath);
    this.emit('removed', container.podUid, id);
  }

  async podStatus(podUid: string): Promise<PodRuntimeStatus> {
    const pod = this.pods.get(podUid);
    if (!pod) return { sandboxes: [], containers: [] };
    pod.told ??= {
      sandboxes: pod.sandboxes.map(sandboxStatus),
      containers: pod.containers.map(containerInfo),
    };
    return pod.told;
  }

  async podUids(): Promise<readonly string[]> {
    return [...this.pods.keys()];
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
    const container = this.mustHave(containerId);
    if (container.state !== 'running') {
      throw new RuntimeError('Unknown', `container ${containerId} is not running`);
    }
    return this.runInside(container, command, { timeoutMs, isStopping: true, signal });
  }

  private async runInside(
    container: ContainerRecord,
    command: readonly string[],
    options: { timeoutMs: number; isStopping: boolean; signal?: AbortSignal | undefined },
  ): Promise<ExecResult> {
    const { timeoutMs, isStopping, signal } = options;
    const until = this.clock.now() + timeoutMs;
    const result = { stdout: '', stderr: '' };
    const run = runProcess(command, {
      ...this.surroundingsOf(container, this.running.get(container.id)?.files),
      env: new Map(container.config.env.map((e) => [e.name, e.value])),
      now: () => this.clock.now(),
      unknown: 'passes',
      isStopping,
    });
    for (let n = 0; n < MAX_EXEC_EFFECTS; n++) {
      const step = run.next();
      if (step.done) return { ...result, exitCode: step.value };
      const effect = step.value;
      if (effect.type === 'print') result[effect.stream] += effect.text;
      if (effect.type !== 'wait' && effect.type !== 'forever') continue;
      const wanted = effect.type === 'wait' ? effect.ms : Number.POSITIVE_INFINITY;
      const left = until - this.clock.now();
      await this.pause(Math.min(wanted, left), signal);
      if (wanted > left) return { ...result, exitCode: KILLED, timedOut: true };
      if (!this.running.has(container.id)) break;
    }
    return { ...result, exitCode: KILLED };
  }

  private async pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (ms <= 0) return;
    const closing = this.closing.signal;
    try {
      await this.clock.sleep(ms, signal ? AbortSignal.any([signal, closing]) : closing);
    } catch (err) {
      if (closing.aborted && !signal?.aborted)
        throw new RuntimeError('Unavailable', 'the runtime is closed');
      throw err;
    }
  }

  async probe(containerId: string, request: ProbeRequest): Promise<ProbeOutcome> {
    const container = this.mustHave(containerId);
    const running = this.running.get(containerId);
    if (!running || container.startedAt === undefined)
      return { ok: false, output: 'container is not running' };
    const age = this.clock.now() - container.startedAt;
    const { behaviour } = running;
    const failing = behaviour.failProbes.has(request.kind) && age >= behaviour.failProbesAfterMs;
    if (age >= behaviour.readyAfterMs && !failing) {
      if (request.handler !== 'exec') return this.answer(container, request, age);
      const command = splitCommand(request.target);
      const { timeoutMs } = request;
      const result = await this.runInside(container, command, { timeoutMs, isStopping: false });
      if (result.timedOut)
        return { ok: false, output: `command ${goQuote(command.join(' '))} timed out` };
      return { ok: result.exitCode === 0, output: result.stdout + result.stderr };
    }
    return { ok: false, output: failureText(request) };
  }

  /** Of a port that another container of the pod may serve nothing is certain. */
  private answer(container: ContainerRecord, request: ProbeRequest, age: number): ProbeOutcome {
    const sandbox = this.sandboxes.get(container.sandboxId);
    const inside = this.pod(container.podUid).containers.filter((c) => c.state === 'running');
    const isAlone = inside.length === 1 && sandbox?.config.hostNetwork !== true;
    const known = isAlone ? serverAnswer(container.config, request, age) : undefined;
    return known ?? { ok: true, output: '' };
  }

  async stats(
    podUid: string,
    annotations?: Readonly<Record<string, string>>,
  ): Promise<readonly ContainerStats[]> {
    const containers = this.pods.get(podUid)?.containers ?? [];
    return containers.flatMap(({ id, sandboxId, config }) => {
      const running = this.running.get(id);
      if (!running) return [];
      const now = annotations ?? this.sandboxes.get(sandboxId)?.config.annotations ?? {};
      return [{ containerId: id, ...running.usage.read(usageOf(now, config), this.clock.now()) }];
    });
  }

  subscribe(handler: (event: RuntimeEvent) => void): () => void {
    this.handlers.add(handler);
    return () => this.handlers.delete(handler);
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.handlers.clear();
    for (const { process, log } of this.running.values()) {
      process.abandon();
      log.flush();
    }
    this.running.clear();
    this.options.journal?.flush();
  }

  private launch(container: ContainerRecord, resumed: boolean): void {
    const annotations = this.sandboxes.get(container.sandboxId)?.config.annotations ?? {};
    const surroundings = this.surroundingsOf(container);
    const behaviour = behaviourOf(container.config, annotations, surroundings);
    const log = new LogWriter(container.config.logPath);
    const process = new SimulatedProcess({
      clock: this.clock,
      behaviour,
      startedAt: container.startedAt ?? this.clock.now(),
      resumed,
      print: (text, stream) => log.write(this.clock.now(), stream, text),
      exited: (exit) => {
        log.flush();
        this.running.delete(container.id);
        this.ended(container, exit, behaviour.exitReason);
      },
    });
    const usage = new UsageMeter(container.startedAt ?? this.clock.now());
    this.running.set(container.id, { process, behaviour, log, usage, files: surroundings.files });
    process.start();
  }

  private ended(container: ContainerRecord, exit: ProcessExit, reason: string | undefined): void {
    container.state = 'exited';
    container.exitCode = exit.exitCode;
    container.finishedAt = exit.finishedAt;
    container.reason = reason ?? (exit.exitCode === 0 ? 'Completed' : 'Error');
    if (exit.message !== undefined) container.message = exit.message;
    this.changed(container.podUid);
    this.keep('container', container.id, container);
    this.emit('exited', container.podUid, container.id);
  }

  private restore(kind: RecordKind, value: unknown): void {
    if (kind === 'image') this.imageStore.restore(asRecord<ImageInfo>(value));
    else if (kind === 'sandbox') {
      const sandbox = asRecord<SandboxRecord>(value);
      this.sandboxes.set(sandbox.id, sandbox);
      this.pod(sandbox.config.podUid).sandboxes.unshift(sandbox);
      if (sandbox.state === 'ready') for (const ip of sandbox.ips) this.ips.restore(ip);
    } else {
      const container = asRecord<ContainerRecord>(value);
      this.containers.set(container.id, container);
      this.pod(container.podUid).containers.unshift(container);
    }
  }

  /** As containerd tells of a program that is not in the image. */
  private failToStart(container: ContainerRecord, program: string): never {
    const message = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: ${JSON.stringify(program)}: executable file not found in $PATH`;
    const exit = { exitCode: START_ERROR_CODE, finishedAt: this.clock.now(), message };
    this.ended(container, exit, 'StartError');
    throw new RuntimeError('Unknown', message);
  }

  private surroundingsOf(container: ContainerRecord, files?: ContainerFiles): Surroundings {
    const { hostname = '', podNamespace = '' } =
      this.sandboxes.get(container.sandboxId)?.config ?? {};
    const mounts = (container.config.mounts ?? []).map((mount) =>
      this.volumes.mounted(container.podUid, mount),
    );
    return {
      hostname,
      messagePath: container.config.terminationMessagePath ?? MESSAGE_PATH,
      files: files ?? new ContainerFiles(givenFiles(hostname, podNamespace), mounts),
      resolve: (name) => resolveName(name, podNamespace, this.options.services),
    };
  }

  private pod(uid: string): Pod {
    let pod = this.pods.get(uid);
    if (!pod) {
      pod = { sandboxes: [], containers: [] };
      this.pods.set(uid, pod);
    }
    return pod;
  }

  private changed(podUid: string): void {
    const pod = this.pods.get(podUid);
    if (pod) pod.told = undefined;
  }

  private forgetEmpty(uid: string): void {
    const pod = this.pods.get(uid);
    if (!pod || pod.sandboxes.length + pod.containers.length > 0) return;
    this.pods.delete(uid);
    this.volumes.forgetPod(uid);
  }

  private mustHave(id: string): ContainerRecord {
    const container = this.containers.get(id);
    if (!container) throw new RuntimeError('NotFound', `container ${JSON.stringify(id)} not found`);
    return container;
  }

  private keep(kind: RecordKind, id: string, value: unknown): void {
    this.options.journal?.put(this.options.nodeName, kind, id, value);
  }

  private emit(type: RuntimeEvent['type'], podUid: string, id: string): void {
    for (const handler of this.handlers) handler({ type, podUid, id });
  }
}

/** The journal is this file's own; what it wrote has the shape that it reads. */
function asRecord<T>(value: unknown): T {
  return value as T;
}

function sandboxStatus(sandbox: SandboxRecord): SandboxStatus {
  const { podUid, podName, podNamespace, attempt } = sandbox.config;
  const { id, state, createdAt, ips } = sandbox;
  return { id, podUid, podName, podNamespace, attempt, state, createdAt, ips };
}

function containerInfo(container: ContainerRecord): ContainerInfo {
  const { config, ...rest } = container;
  const { name, attempt, image, imageId, specHash, logPath } = config;
  return { ...rest, name, attempt, image, imageId, specHash, logPath };
}

function failureText(request: ProbeRequest): string {
  const { handler, target, timeoutMs } = request;
  switch (handler) {
    case 'http':
    case 'tcp':
      return refused(request).output;
    case 'grpc':
      return `timeout: failed to connect service "${addressOf(target)}" within ${formatDuration(timeoutMs)}: context deadline exceeded`;
    case 'exec':
      return 'the container is not ready';
  }
}

/** Probe targets carry their command as a JSON list. */
function splitCommand(target: string): readonly string[] {
  const parsed: unknown = JSON.parse(target);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

function newId(): string {
  return randomBytes(32).toString('hex');
}
