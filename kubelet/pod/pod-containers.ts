/**
 * Brings a pod's sandbox and containers to what its spec asks for (`kuberuntime.SyncPod`): sandbox, init
 * containers in order, sidecars before what follows them, then the others; each with its image, environment
 * and back-off. Called by the pod's worker, one call at a time. Faults of one container are kept as the
 * reasons of its status and do not stop the others.
 */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, Pod } from '../../pkg/api/types.js';
import { formatDuration } from '../../pkg/apimachinery/duration.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import type { Clock } from '../../pkg/component/clock.js';
import { Backoff } from '../backoff.js';
import type { KubeletEvents } from '../events.js';
import { ImageError, type ImageManager } from '../images/image-manager.js';
import {
  type ContainerInfo,
  type ContainerLimits,
  type ContainerRuntime,
  type PodRuntimeStatus,
  RuntimeError,
  type SandboxStatus,
} from '../runtime/interface.js';
import { EnvironmentError, environmentOf, expand } from '../volumes/environment.js';
import { mountsOf } from '../volumes/mounts.js';
import type { PodObjects } from '../volumes/object-cache.js';
import type { ProbeView, WaitingReason } from './container-statuses.js';
import {
  formatPod,
  graceSecondsOf,
  hasStartedRegularContainer,
  hostnameOf,
  isSidecar,
  newest,
  readySandbox,
  shouldRestart,
  uidOf,
} from './pod.js';
import { rootFault } from './run-as-non-root.js';

const CRASH_BACKOFF_MS = 10_000;
const MAX_CRASH_BACKOFF_MS = 300_000;
/** After a fault that has no time of its own, as after any sync that failed. */
const RETRY_MS = 10_000;
/** Back-off is told again this often. */
const RESYNC_MS = 10_000;
/** DEVIATION: how long is waited for a postStart command; upstream waits for ever. */
const POST_START_MS = 30_000;

/** What the node lends to its pods. */
export interface NodeView {
  readonly hostIP: string;
  readonly rootDir: string;
  allocatable(): Readonly<Record<string, string>>;
}

export interface PodContainersOptions {
  readonly runtime: ContainerRuntime;
  readonly images: ImageManager;
  readonly objects: PodObjects;
  readonly events: KubeletEvents;
  readonly clock: Clock;
  readonly node: NodeView;
  /** Aborts when the kubelet stops. */
  readonly signal: AbortSignal;
}

/** What is remembered of one pod between calls. */
export class PodMemory {
  readonly reasons = new Map<string, WaitingReason>();
  readonly backoff = new Backoff(CRASH_BACKOFF_MS, MAX_CRASH_BACKOFF_MS);
  /** Containers that a probe wants restarted: container id → the Killing event's text. */
  readonly condemned = new Map<string, string>();
}

export interface SyncOutcome {
  /** When to look again without any event; absent: an event will come. */
  readonly retryAfterMs?: number;
}

export class PodContainers {
  constructor(private readonly options: PodContainersOptions) {}

  async sync(
    pod: Pod,
    memory: PodMemory,
    probes: ProbeView,
    signal: AbortSignal,
  ): Promise<SyncOutcome> {
    const { runtime } = this.options;
    const retry = new Retry();
    const before = await runtime.podStatus(uidOf(pod));
    const sandbox = await this.ensureSandbox(pod, before, retry);
    if (!sandbox) return retry.outcome();
    let status = await runtime.podStatus(uidOf(pod));
    if (await this.killCondemned(pod, status, memory)) status = await runtime.podStatus(uidOf(pod));
    if (haveEnded(pod, status)) {
      await this.stopHelpers(pod, status);
      return retry.outcome();
    }
    for (const container of pod.spec?.ephemeralContainers ?? []) {
      if (!newest(status, container.name)) {
        await this.tryStart(pod, container, sandbox, status, memory, retry, signal);
      }
    }
    if (!(await this.syncInit(pod, sandbox, status, memory, probes, retry, signal)))
      return retry.outcome();
    for (const container of pod.spec?.containers ?? []) {
      const last = inSandbox(newest(status, container.name), sandbox);
      if (shouldRestart(pod, container, last)) {
        await this.tryStart(pod, container, sandbox, status, memory, retry, signal);
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

  /** Asks one container to end: event, preStop hook, SIGTERM, then SIGKILL. Resolves when it has ended. */
  async stop(pod: Pod, info: ContainerInfo, graceMs: number, message?: string): Promise<void> {
    const { runtime, clock, events } = this.options;
    events.container(
      pod,
      info.name,
      'Normal',
      'Killing',
      message ?? `Stopping container ${info.name}`,
    );
    const began = clock.now();
    const hook = containerOf(pod, info.name)?.lifecycle?.preStop;
    if (hook && graceMs > 0) {
      if (hook.sleep)
        await clock.sleep(Math.min(hook.sleep.seconds * 1000, graceMs), this.options.signal);
      else if (hook.exec && !(await this.succeeds(info.id, hook.exec.command ?? [], graceMs))) {
        events.container(pod, info.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
      }
    }
    const left = graceMs - (clock.now() - began);
    // Upstream leaves a container that used up its grace in the hook two seconds more.
    await runtime.stopContainer(info.id, graceMs === 0 ? 0 : Math.max(left, 2000));
  }

  /** False also for a container that has just ended; a command that takes longer is left to itself. */
  private async succeeds(
    id: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<boolean> {
    try {
      const { runtime, signal } = this.options;
      const { exitCode, timedOut = false } = await runtime.exec(id, command, timeoutMs, signal);
      return exitCode === 0 || timedOut;
    } catch (err) {
      if (err instanceof RuntimeError) return false;
      throw err;
    }
  }

  private async ensureSandbox(
    pod: Pod,
    status: PodRuntimeStatus,
    retry: Retry,
  ): Promise<SandboxStatus | undefined> {
    const { runtime, events } = this.options;
    const ready = readySandbox(status);
    if (ready) return ready;
    const before = status.sandboxes[0];
    if (before) {
      const left = (pod.spec?.containers ?? []).filter((c) =>
        shouldRestart(pod, c, newest(status, c.name)),
      );
      if (left.length === 0) return undefined;
      events.pod(
        pod,
        'Normal',
        'SandboxChanged',
        'Pod sandbox changed, it will be killed and re-created.',
      );
    }
    try {
      await runtime.runSandbox({
        podUid: uidOf(pod),
        podName: pod.metadata?.name ?? '',
        podNamespace: pod.metadata?.namespace ?? '',
        attempt: before ? before.attempt + 1 : 0,
        hostname: hostnameOf(pod),
        hostNetwork: pod.spec?.hostNetwork === true,
        annotations: pod.metadata?.annotations ?? {},
        labels: pod.metadata?.labels ?? {},
      });
    } catch (err) {
      if (!(err instanceof RuntimeError)) throw err;
      // Without a network yet the worker is woken when there is one.
      if (err.code !== 'Unavailable') {
        events.pod(
          pod,
          'Warning',
          'FailedCreatePodSandBox',
          `Failed to create pod sandbox: ${err.message}`,
        );
        retry.within(RETRY_MS);
      }
      return undefined;
    }
    return readySandbox(await runtime.podStatus(uidOf(pod)));
  }

  /** True when the regular containers may start. */
  private async syncInit(
    pod: Pod,
    sandbox: SandboxStatus,
    status: PodRuntimeStatus,
    memory: PodMemory,
    probes: ProbeView,
    retry: Retry,
    signal: AbortSignal,
  ): Promise<boolean> {
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
          id = await this.tryStart(pod, container, sandbox, status, memory, retry, signal);
        }
        if (initialized) continue;
        if (id === undefined || !probes.isStarted(container, id)) return false;
        continue;
      }
      if (initialized) continue;
      if (last?.state === 'running') return false;
      if (last?.state === 'exited' && last.exitCode === 0) continue;
      if (shouldRestart(pod, container, last)) {
        await this.tryStart(pod, container, sandbox, status, memory, retry, signal);
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
  private async tryStart(
    pod: Pod,
    container: Container,
    sandbox: SandboxStatus,
    status: PodRuntimeStatus,
    memory: PodMemory,
    retry: Retry,
    signal: AbortSignal,
  ): Promise<string | undefined> {
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
      const id = await this.start(pod, container, sandbox, last, signal);
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

  private async start(
    pod: Pod,
    container: Container,
    sandbox: SandboxStatus,
    last: ContainerInfo | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const { runtime, images, events, node } = this.options;
    const image = await images.ensure(pod, container, signal);
    const known = [
      ...(pod.status?.containerStatuses ?? []),
      ...(pod.status?.initContainerStatuses ?? []),
    ].find((s) => s.name === container.name);
    const attempt = last ? last.attempt + 1 : known?.containerID ? known.restartCount + 1 : 0;
    this.refuse(pod, container, rootFault(pod, container, image.user));
    const env = await this.environment(pod, container, sandbox);
    const mounts = await mountsOf(pod, container, env, this.options.objects);
    // Under a pod that always restarts, an init container is still meant to end, and runs again only if it failed.
    const isInit = pod.spec?.initContainers?.some(({ name }) => name === container.name) === true;
    const ofPod = pod.spec?.restartPolicy ?? 'Always';
    const policy = container.restartPolicy ?? (isInit && ofPod === 'Always' ? 'OnFailure' : ofPod);
    const id = await this.step(pod, container, 'CreateContainerError', () =>
      runtime.createContainer(sandbox.id, {
        name: container.name,
        attempt,
        image: container.image ?? '',
        imageId: image.id,
        command: (container.command ?? []).map((part) => expand(part, env)),
        args: (container.args ?? []).map((part) => expand(part, env)),
        env: [...env].map(([key, value]) => ({ name: key, value })),
        ...(mounts.length > 0 ? { mounts } : {}),
        ...(container.workingDir === undefined ? {} : { workingDir: container.workingDir }),
        ...(container.terminationMessagePath === undefined
          ? {}
          : { terminationMessagePath: container.terminationMessagePath }),
        tty: container.tty === true,
        stdin: container.stdin === true,
        restartPolicy: policy === 'Never' || policy === 'OnFailure' ? policy : 'Always',
        ...limitsOf(container),
        specHash: specHash(container),
        logPath: join(logFolder(node.rootDir, pod), container.name, `${attempt}.log`),
      }),
    );
    events.container(pod, container.name, 'Normal', 'Created', 'Container created');
    await this.step(pod, container, 'RunContainerError', () => runtime.startContainer(id));
    events.container(pod, container.name, 'Normal', 'Started', 'Container started');
    await this.postStart(pod, container, id);
    return id;
  }

  private async environment(
    pod: Pod,
    container: Container,
    sandbox: SandboxStatus,
  ): Promise<Map<string, string>> {
    const { objects, node } = this.options;
    const podIPs = pod.spec?.hostNetwork ? [node.hostIP] : sandbox.ips;
    const allocatable = node.allocatable();
    try {
      const env = await environmentOf({
        pod,
        container,
        objects,
        podIPs,
        hostIP: node.hostIP,
        allocatable,
      });
      return new Map([
        ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
        ['HOSTNAME', hostnameOf(pod)],
        ...env,
      ]);
    } catch (err) {
      if (!(err instanceof EnvironmentError)) throw err;
      return this.refuse(pod, container, err.message);
    }
  }

  /** Tells what is wrong with the container as it is configured, if anything is. */
  private refuse(pod: Pod, container: Container, fault: string): never;
  private refuse(pod: Pod, container: Container, fault: string | undefined): void;
  private refuse(pod: Pod, container: Container, fault: string | undefined): void {
    if (fault === undefined) return;
    this.options.events.container(pod, container.name, 'Warning', 'Failed', `Error: ${fault}`);
    throw new StartError('CreateContainerConfigError', fault);
  }

  private async postStart(pod: Pod, container: Container, id: string): Promise<void> {
    const { runtime, clock, events } = this.options;
    const hook = container.lifecycle?.postStart;
    if (hook?.sleep) await clock.sleep(hook.sleep.seconds * 1000, this.options.signal);
    if (!hook?.exec) return;
    if (await this.succeeds(id, hook.exec.command ?? [], POST_START_MS)) return;
    events.container(pod, container.name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    const info = (await runtime.podStatus(uidOf(pod))).containers.find((c) => c.id === id);
    if (info) await this.stop(pod, info, 0, 'FailedPostStartHook');
    throw new StartError('PostStartHookError', 'PostStartHookError: the command failed');
  }

  private async step<T>(
    pod: Pod,
    container: Container,
    reason: string,
    run: () => Promise<T>,
  ): Promise<T> {
    try {
      return await run();
    } catch (err) {
      if (!(err instanceof RuntimeError)) throw err;
      this.options.events.container(
        pod,
        container.name,
        'Warning',
        'Failed',
        `Error: ${err.message}`,
      );
      throw new StartError(reason, err.message);
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

function logFolder(rootDir: string, pod: Pod): string {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  return join(rootDir, 'logs', `${namespace}_${name}_${uidOf(pod)}`);
}

class StartError extends Error {
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
    this.name = 'StartError';
  }
}

/** The earliest of several wishes. */
class Retry {
  private ms = Number.POSITIVE_INFINITY;
  within(ms: number): void {
    this.ms = Math.min(this.ms, ms);
  }
  outcome(): SyncOutcome {
    return this.ms === Number.POSITIVE_INFINITY ? {} : { retryAfterMs: this.ms };
  }
}

function containerOf(pod: Pod, name: string): Container | undefined {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers].find((c) => c.name === name);
}

/** A container of an earlier sandbox is not there any more. */
function inSandbox(
  info: ContainerInfo | undefined,
  sandbox: SandboxStatus,
): ContainerInfo | undefined {
  return info?.sandboxId !== sandbox.id && info?.state === 'running' ? undefined : info;
}

export function limitsOf(container: Container): ContainerLimits {
  const { cpu, memory } = container.resources?.limits ?? {};
  const cores = Quantity.tryParse(cpu ?? '0');
  const bytes = Quantity.tryParse(memory ?? '0');
  return {
    ...(cores && cores.sign > 0 ? { cpuLimitNanoCores: cores.milliValue() * 1_000_000 } : {}),
    ...(bytes && bytes.sign > 0 ? { memoryLimitBytes: bytes.value() } : {}),
  };
}

/** What cannot change under a running container. */
function specHash(container: Container): string {
  return createHash('sha1')
    .update(`${container.name}\n${container.image ?? ''}`)
    .digest('hex')
    .slice(0, 8);
}
