/**
 * Makes and starts one container in its pod's sandbox (`kuberuntime.startContainer`): image, user, environment,
 * mounts, the container itself, postStart hook; with the Events of each step. What the container is at fault for
 * throws a `StartError` or an `ImageError`, and is the reason why it waits. Keeps nothing between calls.
 */
import type { Container, Pod } from '../../pkg/api/types.js';
import type { ImageManager } from '../images/image-manager.js';
import { type ContainerInfo, RuntimeError, type SandboxStatus } from '../runtime/interface.js';
import { EnvironmentError, environmentOf } from '../volumes/environment.js';
import { mountsOf } from '../volumes/mounts.js';
import type { PodObjects } from '../volumes/object-cache.js';
import { containerConfig } from './container-config.js';
import { ContainerStopper, type ContainerStopperOptions } from './container-stop.js';
import { LifecycleHooks } from './lifecycle-hooks.js';
import { hostnameOf, uidOf } from './pod.js';
import { rootFault } from './run-as-non-root.js';

/** What the node lends to its pods. */
export interface NodeView {
  readonly hostIP: string;
  readonly rootDir: string;
  allocatable(): Readonly<Record<string, string>>;
}

export interface ContainerStarterOptions extends ContainerStopperOptions {
  readonly images: ImageManager;
  readonly objects: PodObjects;
  readonly node: NodeView;
}

export class StartError extends Error {
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
    this.name = 'StartError';
  }
}

export class ContainerStarter {
  private readonly hooks: LifecycleHooks;
  private readonly stopper: ContainerStopper;

  constructor(private readonly options: ContainerStarterOptions) {
    this.hooks = new LifecycleHooks(options);
    this.stopper = new ContainerStopper(options);
  }

  /** The new container's id; `last` is its run before. */
  async start(
    pod: Pod,
    container: Container,
    sandbox: SandboxStatus,
    last: ContainerInfo | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const { runtime, images, events, node } = this.options;
    const image = await images.ensure(pod, container, signal);
    const attempt = attemptOf(pod, container, last);
    this.refuse(pod, container, rootFault(pod, container, image.user));
    const env = await this.environment(pod, container, sandbox);
    const mounts = await mountsOf(pod, container, env, this.options.objects);
    const { rootDir } = node;
    const id = await this.step(pod, container, 'CreateContainerError', () =>
      runtime.createContainer(
        sandbox.id,
        containerConfig({ pod, container, attempt, imageId: image.id, env, mounts, rootDir }),
      ),
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

  private async postStart(pod: Pod, container: Container, id: string): Promise<void> {
    const { runtime, events } = this.options;
    const hook = container.lifecycle?.postStart;
    if (!hook || (await this.hooks.postStart(hook, id))) return;
    events.container(pod, container.name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    const info = (await runtime.podStatus(uidOf(pod))).containers.find((c) => c.id === id);
    if (info) await this.stopper.stop(pod, info, 0, 'FailedPostStartHook');
    throw new StartError('PostStartHookError', 'PostStartHookError: the command failed');
  }
}

/** Counted on from the run before; where the runtime has forgotten it, from what the pod's status says. */
function attemptOf(pod: Pod, container: Container, last: ContainerInfo | undefined): number {
  if (last) return last.attempt + 1;
  const known = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
  ].find((s) => s.name === container.name);
  return known?.containerID ? known.restartCount + 1 : 0;
}
