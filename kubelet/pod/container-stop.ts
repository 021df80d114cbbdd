/** Ends one container as its pod asks for (`kuberuntime.killContainer`). Keeps nothing between calls. */
import type { Pod } from '../../pkg/api/types.js';
import type { KubeletEvents } from '../events.js';
import type { ContainerInfo } from '../runtime/interface.js';
import { LifecycleHooks, type LifecycleHooksOptions } from './lifecycle-hooks.js';
import { containerOf } from './pod.js';

/** Upstream leaves a container that used up its grace in the hook two seconds more. */
const MIN_GRACE_MS = 2000;

export interface ContainerStopperOptions extends LifecycleHooksOptions {
  readonly events: KubeletEvents;
}

export class ContainerStopper {
  private readonly hooks: LifecycleHooks;

  constructor(private readonly options: ContainerStopperOptions) {
    this.hooks = new LifecycleHooks(options);
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
    if (hook && graceMs > 0 && !(await this.hooks.preStop(hook, info.id, graceMs))) {
      events.container(pod, info.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
    }
    const left = graceMs - (clock.now() - began);
    await runtime.stopContainer(info.id, graceMs === 0 ? 0 : Math.max(left, MIN_GRACE_MS));
  }
}
