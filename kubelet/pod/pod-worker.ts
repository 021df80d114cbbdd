/**
 * One pod on one node, from its first sight to its last trace (`pkg/kubelet/pod_workers.go`):
 *
 *   sync ──deleted, done, deadline, evicted──▶ terminating ──containers gone──▶ terminated ──removed──▶ (forgotten)
 *
 * It never goes back. All work of the pod runs here, one step at a time; `update`, `wake` and `remove` only
 * note what changed and see that a step follows. A step never waits for a container to end: the runtime's
 * event wakes the worker. A step that throws is told as FailedSync and tried again with back-off.
 */
import type { Pod, PodStatus } from '../../pkg/api/types.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import type { Clock, Timer } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import type { KubeletEvents } from '../events.js';
import { PodProber } from '../prober/prober.js';
import type {
  ContainerInfo,
  ContainerRuntime,
  PodRuntimeStatus,
  RuntimeEvent,
} from '../runtime/interface.js';
import type { StatusManager } from '../status-manager.js';
import type { PodObjects } from '../volumes/object-cache.js';
import type { VolumesInUse } from '../volumes/volumes-in-use.js';
import {
  asksAnew,
  graceSecondsOf,
  isSidecar,
  isTerminalPhase,
  readySandbox,
  uidOf,
} from './pod.js';
import { type PodContainers, PodMemory } from './pod-containers.js';
import { PodMounts } from './pod-mounts.js';
import { PodResizer, type ResizeRefusal } from './pod-resize.js';
import { failPod, generatePodStatus, terminatedStatus } from './pod-status.js';
import { withLogMessages } from './termination-message.js';

export type WorkerState = 'sync' | 'terminating' | 'terminated';

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** A resize that has to wait is also tried again without any event. */
const RESIZE_RETRY_MS = 180_000;
const DEADLINE_MESSAGE = 'Pod was active on the node longer than the specified deadline';

export interface PodWorkerOptions {
  readonly pod: Pod;
  readonly runtime: ContainerRuntime;
  readonly containers: PodContainers;
  readonly statuses: StatusManager;
  readonly objects: PodObjects;
  readonly inUse: VolumesInUse;
  readonly events: KubeletEvents;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hostIP: string;
  /** Aborts when the kubelet stops; containers are left as they are. */
  readonly signal: AbortSignal;
  /** Why the pod cannot have other resources now. Absent: it can have any. */
  refusesResize?(pod: Pod): ResizeRefusal | undefined;
  /** A pod that is not admitted: it fails without having run. */
  readonly rejected?: { readonly reason: string; readonly message: string };
  /** Runs the worker's steps as a task of its owner. */
  spawn(run: (signal: AbortSignal) => Promise<void>): void;
  /** The pod is removed and nothing is left of it on the node. */
  finished(): void;
}

export class PodWorker {
  private pod: Pod;
  private current: WorkerState = 'sync';
  private readonly memory = new PodMemory();
  private readonly prober: PodProber;
  private running = false;
  private dirty = false;
  /** The step under way made a sandbox or started a container. */
  private progressed = false;
  private timer: Timer | undefined;
  private failures = 0;
  private readonly mounts: PodMounts;
  private readonly resizer: PodResizer;
  private removed = false;
  /** Of the task that steps the worker. */
  private signal: AbortSignal;
  /** Container id → the grace it was asked to stop with. */
  private readonly stopping = new Map<string, number>();
  private terminatingSince = 0;

  constructor(private readonly options: PodWorkerOptions) {
    this.pod = options.pod;
    this.resizer = new PodResizer(options);
    this.mounts = new PodMounts({
      ...options,
      allocatable: () => options.containers.allocatable(),
    });
    this.signal = options.signal;
    this.prober = new PodProber({
      runtime: options.runtime,
      clock: options.clock,
      changed: () => this.wake(),
      failed: (container, message) =>
        options.events.container(this.pod, container, 'Warning', 'Unhealthy', message),
      unhealthy: (container, id, kind) => {
        this.memory.condemned.set(
          id,
          `Container ${container} failed ${kind} probe, will be restarted`,
        );
        this.wake();
      },
    });
  }

  get state(): WorkerState {
    return this.current;
  }

  /** The newest object; a worker never changes it. */
  get object(): Pod {
    return this.pod;
  }

  /** The same with the resources that it has been given. */
  get allocated(): Pod {
    return this.resizer.podOf(this.pod);
  }

  /** Others have left: a resize that waited may be had now. */
  retryResize(): void {
    if (this.resizer.isDeferred) this.wake();
  }

  /** Most updates are the echo of a status that was sent from here; those need nothing done. */
  update(pod: Pod): void {
    const before = this.pod;
    this.pod = pod;
    this.options.statuses.observe(pod);
    if (asksAnew(before, pod)) this.wake();
  }

  /** The API has forgotten the pod: whatever runs of it ends, and its traces go. */
  remove(): void {
    this.removed = true;
    this.wake();
  }

  /**
   * Something became of the pod on the node. What a step under way started it tells of itself at its end;
   * only where it did not get all that it wanted is there another for it.
   */
  notice({ type }: RuntimeEvent): void {
    if (this.running && (type === 'started' || type === 'sandbox')) this.progressed = true;
    else this.wake();
  }

  wake(): void {
    this.dirty = true;
    if (this.running || this.options.signal.aborted) return;
    this.running = true;
    this.timer?.stop();
    this.options.spawn((signal) => this.run(signal));
  }

  private async run(signal: AbortSignal): Promise<void> {
    this.signal = signal;
    let delay: number | undefined;
    while (this.dirty && !this.options.signal.aborted) {
      this.dirty = false;
      this.progressed = false;
      delay = await this.guardedStep();
    }
    this.running = false;
    if (delay !== undefined && !this.options.signal.aborted) {
      this.timer = this.options.clock.after(delay, () => this.wake());
    }
  }

  private async guardedStep(): Promise<number | undefined> {
    try {
      const failures = this.failures;
      const delay = await this.step();
      if (this.failures === failures) this.failures = 0;
      return delay;
    } catch (err) {
      if (this.options.signal.aborted) return undefined;
      const { namespace, name, uid } = this.pod.metadata ?? {};
      this.options.logger.warn({ namespace, name, uid, err }, 'Pod could not be synced');
      const message = err instanceof Error ? err.message : String(err);
      this.options.events.pod(
        this.pod,
        'Warning',
        'FailedSync',
        `error determining status: ${message}`,
      );
      return this.backoff();
    }
  }

  /** Resolves to when the next step is due without an event. */
  private async step(): Promise<number | undefined> {
    if (this.current === 'sync' && this.mustEnd()) this.terminate();
    if (this.current === 'sync') {
      const delay = await this.sync();
      if (this.state === 'sync') return delay;
    }
    if (this.current === 'terminating') await this.syncTerminating();
    if (this.current === 'terminated') await this.syncTerminated();
    return undefined;
  }

  private async sync(): Promise<number | undefined> {
    const { options } = this;
    if (options.rejected) {
      const { reason, message } = options.rejected;
      const { qosClass } = this.pod.status ?? {};
      options.statuses.set(this.pod, {
        ...(qosClass ? { qosClass } : {}),
        phase: 'Failed',
        reason,
        message: `Pod was rejected: ${message}`,
        startTime: this.pod.status?.startTime ?? formatTime(new Date(options.clock.now())),
      });
      this.terminate();
      return undefined;
    }
    const deadline = this.deadlineLeft();
    if (deadline !== undefined && deadline <= 0) {
      options.events.pod(this.pod, 'Normal', 'DeadlineExceeded', DEADLINE_MESSAGE);
      options.statuses.set(
        this.pod,
        failPod(await this.status(false), 'DeadlineExceeded', DEADLINE_MESSAGE),
      );
      this.terminate();
      return undefined;
    }
    await this.resizer.resize(this.pod, this.memory.condemned);
    if (!(await this.publish())) return undefined;
    if (!(await this.mounts.mount(this.pod)))
      return Math.min(this.backoff(), deadline ?? MAX_RETRY_MS);
    const claimsDue = await this.mounts.grow(this.pod);
    const filesDue = await this.mounts.refresh(this.pod);
    const pod = this.allocated;
    const outcome = await options.containers.sync(pod, this.memory, this.prober, this.signal);
    await this.resizer.complete(this.pod);
    if (this.mustEnd() || (this.progressed && outcome.retryAfterMs !== undefined))
      this.dirty = true;
    else if (!(await this.publish())) return undefined;
    const resizeDue = this.resizer.isDeferred ? RESIZE_RETRY_MS : undefined;
    const dues = [outcome.retryAfterMs, this.deadlineLeft(), claimsDue, filesDue, resizeDue];
    const delays = dues.filter((ms) => ms !== undefined);
    return delays.length > 0 ? Math.min(...delays) : undefined;
  }

  /** Sets the status; false when the pod turned out to be over. */
  private async publish(): Promise<boolean> {
    const status = await this.status(false);
    this.options.statuses.set(this.pod, status);
    if (!isTerminalPhase(status.phase)) return true;
    this.terminate();
    return false;
  }

  private async syncTerminating(): Promise<void> {
    if (this.options.rejected) {
      // Its status says why; it has no containers to tell of.
      this.current = 'terminated';
      return;
    }
    const { runtime, statuses } = this.options;
    const uid = uidOf(this.pod);
    const graceMs = this.graceMs();
    const running = (await runtime.podStatus(uid)).containers.filter(
      (c) => c.state === 'running' || c.state === 'created',
    );
    if (running.length > 0) {
      if (this.stopping.size === 0) statuses.set(this.pod, await this.status(false));
      // Sidecars serve the others to the end.
      const regular = running.filter((c) => !this.isSidecarName(c));
      for (const info of regular.length > 0 && graceMs > 0 ? regular : running)
        this.stop(info, graceMs);
      return;
    }
    for (const sandbox of (await runtime.podStatus(uid)).sandboxes)
      await runtime.stopSandbox(sandbox.id);
    this.mounts.unmount(this.pod);
    this.prober.stop();
    const status = await this.status(true);
    const over = isTerminalPhase(status.phase) ? status : { ...status, ...this.endPhase(status) };
    statuses.set(this.pod, terminatedStatus(this.pod, over));
    this.current = 'terminated';
  }

  private async syncTerminated(): Promise<void> {
    const { statuses, runtime } = this.options;
    const uid = uidOf(this.pod);
    if (!this.removed) {
      statuses.finish(this.pod);
      return;
    }
    for (const sandbox of (await runtime.podStatus(uid)).sandboxes)
      await runtime.removeSandbox(sandbox.id);
    for (const info of (await runtime.podStatus(uid)).containers)
      await runtime.removeContainer(info.id);
    await this.options.containers.forget(this.pod);
    statuses.forget(uid);
    this.timer?.stop();
    this.options.finished();
  }

  /** Asks the container to stop, or again with less patience than before. */
  private stop(info: ContainerInfo, graceMs: number): void {
    const asked = this.stopping.get(info.id);
    if (asked !== undefined && asked <= graceMs) return;
    this.stopping.set(info.id, graceMs);
    const { runtime, containers } = this.options;
    this.options.spawn(async () => {
      if (asked === undefined) await containers.stop(this.pod, info, graceMs);
      else await runtime.stopContainer(info.id, graceMs);
      this.wake();
    });
  }

  private async status(terminal: boolean): Promise<PodStatus> {
    const { runtime, statuses, hostIP, clock } = this.options;
    const uid = uidOf(this.pod);
    const seen = await withLogMessages(
      this.pod,
      await runtime.podStatus(uid),
      clock,
      this.options.signal,
    );
    const old = statuses.get(uid) ?? this.pod.status ?? {};
    if (this.current === 'sync') this.syncProbes(seen, old);
    return generatePodStatus({
      pod: this.allocated,
      resize: this.resizer.conditions(),
      runtimeName: runtime.name,
      runtime: seen,
      old,
      reasons: this.memory.reasons,
      terminal,
      probes: this.prober,
      hostIP,
      now: clock.now(),
    });
  }

  private syncProbes(seen: PodRuntimeStatus, old: PodStatus): void {
    const { runtime, hostIP } = this.options;
    const ip = this.pod.spec?.hostNetwork ? hostIP : (readySandbox(seen)?.ips[0] ?? '');
    const olds = [...(old.containerStatuses ?? []), ...(old.initContainerStatuses ?? [])];
    this.prober.sync(this.pod, seen.containers, ip, olds, runtime.name);
  }

  private mustEnd(): boolean {
    const { deletionTimestamp } = this.pod.metadata ?? {};
    const phase = this.options.statuses.get(uidOf(this.pod))?.phase ?? this.pod.status?.phase;
    return this.removed || deletionTimestamp !== undefined || isTerminalPhase(phase);
  }

  private terminate(): void {
    if (this.current !== 'sync') return;
    this.current = 'terminating';
    this.terminatingSince = this.options.clock.now();
    this.prober.stop();
  }

  /** Of a pod that was ended from outside: what its containers' ends amount to. */
  private endPhase(status: PodStatus): { phase: string } {
    const statuses = status.containerStatuses ?? [];
    const good = statuses.length > 0 && statuses.every((s) => s.state?.terminated?.exitCode === 0);
    return { phase: good ? 'Succeeded' : 'Failed' };
  }

  private graceMs(): number {
    if (this.removed) return 0;
    const total = graceSecondsOf(this.pod) * 1000;
    if (total === 0) return 0;
    return Math.max(1000, total - (this.options.clock.now() - this.terminatingSince));
  }

  private deadlineLeft(): number | undefined {
    const seconds = this.pod.spec?.activeDeadlineSeconds;
    const start =
      this.options.statuses.get(uidOf(this.pod))?.startTime ?? this.pod.status?.startTime;
    if (seconds === undefined || start === undefined) return undefined;
    return Date.parse(start) + seconds * 1000 - this.options.clock.now();
  }

  private isSidecarName(info: ContainerInfo): boolean {
    return (
      this.pod.spec?.initContainers?.some((c) => c.name === info.name && isSidecar(c)) ?? false
    );
  }

  private backoff(): number {
    return Math.min(FIRST_RETRY_MS * 2 ** this.failures++, MAX_RETRY_MS);
  }
}
