/**
 * Brings a pod's sandbox and containers to what its spec asks for (`kuberuntime.SyncPod`): sandbox, init
 * containers in order, sidecars before what follows them, then the others; each with its image, environment
 * and back-off. Called by the pod's worker, one call at a time. Faults of one container are kept as the
 * reasons of its status and do not stop the others.
 */
import { rm } from 'node:fs/promises';
import type { Container, Pod } from '../../pkg/api/types.js';
import { formatDuration } from '../../pkg/apimachinery/duration.js';
import { Backoff } from '../backoff.js';
import { ImageError } from '../images/image-manager.js';
import type { ContainerInfo, PodRuntimeStatus, SandboxStatus } from '../runtime/interface.js';
import { logFolder, specHash } from './container-config.js';
import { ContainerStarter, type ContainerStarterOptions, StartError } from './container-start.js';
import type { ProbeView, WaitingReason } from './container-statuses.js';
import { ContainerStopper } from './container-stop.js';
import {
  containerOf,
  formatPod,
  graceSecondsOf,
  hasStartedRegularContainer,
  isSidecar,
  newest,
  shouldRestart,
  uidOf,
} from './pod.js';
import { ensureSandbox } from './pod-sandbox.js';
import { RETRY_MS, type SyncOutcome, SyncRetry } from './sync-retry.js';

const CRASH_BACKOFF_MS = 10_000;
const MAX_CRASH_BACKOFF_MS = 300_000;
/** Back-off is told again this often. */
const RESYNC_MS = 10_000;

/** What is remembered of one pod between calls. */
export class PodMemory {
  readonly reasons = new Map<string, WaitingReason>();
  readonly backoff = new Backoff(CRASH_BACKOFF_MS, MAX_CRASH_BACKOFF_MS);
  /** Containers that a probe wants restarted: container id → the Killing event's text. */
  readonly condemned = new Map<string, string>();
}

/** One call of `sync`: what its steps have in common. */
interface SyncPass {
  readonly pod: Pod;
  readonly sandbox: SandboxStatus;
  readonly status: PodRuntimeStatus;
  readonly memory: PodMemory;
  readonly retry: SyncRetry;
  readonly signal: AbortSignal;
}

export class PodContainers {
  private readonly starter: ContainerStarter;
  private readonly stopper: ContainerStopper;

  constructor(private readonly options: ContainerStarterOptions) {
    this.starter = new ContainerStarter(options);
    this.stopper = new ContainerStopper(options);
  }

  async sync(
    pod: Pod,
    memory: PodMemory,
    probes: ProbeView,
    signal: AbortSignal,
  ): Promise<SyncOutcome> {
    const { runtime } = this.options;
    const retry = new SyncRetry();
    const before = await runtime.podStatus(uidOf(pod));
    const sandbox = await ensureSandbox(this.options, pod, before, retry);
    if (!sandbox) return retry.outcome();
    let status = await runtime.podStatus(uidOf(pod));
    if (await this.killCondemned(pod, status, memory)) status = await runtime.podStatus(uidOf(pod));
    if (haveEnded(pod, status)) {
      await this.stopHelpers(pod, status);
      return retry.outcome();
    }
    const pass: SyncPass = { pod, sandbox, status, memory, retry, signal };
    for (const container of pod.spec?.ephemeralContainers ?? []) {
      if (!newest(status, container.name)) {
        await this.tryStart(pass, container);
      }
    }
    if (!(await this.syncInit(pass, probes))) return retry.outcome();
    for (const container of pod.spec?.containers ?? []) {
      const last = inSandbox(newest(status, container.name), sandbox);
      if (shouldRestart(pod, container, last)) {
        await this.tryStart(pass, container);
      }
    }
    await this.collectDead(uidOf(pod));
    return retry.outcome();
  }

  /** Of the node. */
  allocatable(): Readonly<Record<string, string>> {
    return this.options.node.allocatable();
  }

  /** Drops what is kept of a pod that is gone: its logs' folder and its images' back-off. */
  async forget(pod: Pod): Promise<void> {
    this.options.images.forget(uidOf(pod));
    await rm(logFolder(this.options.node.rootDir, pod), { recursive: true, force: true });
  }

  /** Asks one container to end, with its preStop hook. Resolves when it has ended. */
  stop(pod: Pod, info: ContainerInfo, graceMs: number, message?: string): Promise<void> {
    return this.stopper.stop(pod, info, graceMs, message);
  }

  /** True when the regular containers may start. */
  private async syncInit(pass: SyncPass, probes: ProbeView): Promise<boolean> {
    const { pod, sandbox, status } = pass;
    const current = {
      ...status,
      containers: status.containers.filter((c) => c.sandboxId === sandbox.id),
    };
    const initialized = hasStartedRegularContainer(pod, current);
    for (const container of pod.spec?.initContainers ?? []) {
      const last = newest(current, container.name);
      if (isSidecar(container)) {
        let id = last?.state === 'running' ? last.id : undefined;
        if (last?.state !== 'running') {
          id = await this.tryStart(pass, container);
        }
        if (initialized) continue;
        if (id === undefined || !probes.isStarted(container, id)) return false;
        continue;
      }
      if (initialized) continue;
      if (last?.state === 'running') return false;
      if (last?.state === 'exited' && last.exitCode === 0) continue;
      if (shouldRestart(pod, container, last)) {
        await this.tryStart(pass, container);
      }
      return false;
    }
    return true;
  }

  /** Whether any was. */
  private async killCondemned(
    pod: Pod,
    status: PodRuntimeStatus,
    memory: PodMemory,
  ): Promise<boolean> {
    let killed = false;
    for (const info of status.containers) {
      const container = containerOf(pod, info.name);
      if (info.state !== 'running' || !container) continue;
      const changed = info.specHash !== specHash(container) && newest(status, info.name) === info;
      const message = changed
        ? `Container ${info.name} definition changed, will be restarted`
        : memory.condemned.get(info.id);
      if (message === undefined) continue;
      const grace =
        container.livenessProbe?.terminationGracePeriodSeconds ??
        pod.spec?.terminationGracePeriodSeconds ??
        30;
      await this.stop(pod, info, grace * 1000, message);
      killed = true;
    }
    memory.condemned.clear();
    return killed;
  }

  /** Sidecars and ephemeral containers do not outlive those that they serve; the last sidecar goes first. */
  private async stopHelpers(pod: Pod, status: PodRuntimeStatus): Promise<void> {
    const { ephemeralContainers = [], initContainers = [] } = pod.spec ?? {};
    const graceMs = graceSecondsOf(pod) * 1000;
    for (const { name } of [
      ...ephemeralContainers,
      ...initContainers.filter(isSidecar).reverse(),
    ]) {
      const info = newest(status, name);
      if (info?.state === 'running') await this.stop(pod, info, graceMs);
    }
  }

  /** The new container's id; undefined when it waits, with the reason in `memory`. */
  private async tryStart(pass: SyncPass, container: Container): Promise<string | undefined> {
    const { pod, sandbox, status, memory, retry, signal } = pass;
    const { clock, events } = this.options;
    const last = newest(status, container.name);
    if (last?.state === 'exited') {
      const key = container.name;
      const now = clock.now();
      const finished = last.finishedAt ?? now;
      const left = memory.backoff.leftSince(key, finished, now);
      if (left > 0) {
        const where = `${container.name} in pod ${formatPod(pod)}`;
        events.container(
          pod,
          key,
          'Warning',
          'BackOff',
          `Back-off restarting failed container ${where}`,
        );
        const wait = formatDuration(memory.backoff.get(key));
        memory.reasons.set(key, {
          reason: 'CrashLoopBackOff',
          message: `back-off ${wait} restarting failed container=${container.name} pod=${formatPod(pod)}`,
        });
        retry.within(Math.min(left, RESYNC_MS));
        return undefined;
      }
      memory.backoff.next(key, finished, now);
    }
    try {
      const id = await this.starter.start(pod, container, sandbox, last, signal);
      memory.reasons.delete(container.name);
      return id;
    } catch (err) {
      if (err instanceof ImageError) {
        memory.reasons.set(container.name, { reason: err.reason, message: err.message });
        events.container(pod, container.name, 'Warning', 'Failed', `Error: ${err.reason}`);
        retry.within(Math.min(err.retryAfterMs, RESYNC_MS));
        return undefined;
      }
      const known = err instanceof StartError ? err : undefined;
      if (!known) throw err;
      memory.reasons.set(container.name, { reason: known.reason, message: known.message });
      retry.within(RETRY_MS);
      return undefined;
    }
  }

  /** Of each container the runs before the last one are forgotten. */
  private async collectDead(podUid: string): Promise<void> {
    const { runtime } = this.options;
    const seen = new Map<string, number>();
    for (const info of (await runtime.podStatus(podUid)).containers) {
      const count = (seen.get(info.name) ?? 0) + 1;
      seen.set(info.name, count);
      if (count > 2 && info.state !== 'running') await runtime.removeContainer(info.id);
    }
  }
}

/** Every regular container has ended, none of them will run again. */
function haveEnded(pod: Pod, status: PodRuntimeStatus): boolean {
  return (pod.spec?.containers ?? []).every((container) => {
    const last = newest(status, container.name);
    return last?.state === 'exited' && !shouldRestart(pod, container, last);
  });
}

/** A container of an earlier sandbox is not there any more. */
function inSandbox(
  info: ContainerInfo | undefined,
  sandbox: SandboxStatus,
): ContainerInfo | undefined {
  return info?.sandboxId !== sandbox.id && info?.state === 'running' ? undefined : info;
}
