/**
 * Runs the hooks of a container's `lifecycle` (`pkg/kubelet/lifecycle`): a sleep, or a command inside. They tell
 * whether the hook went well; what follows from that, its Event among it, is the caller's.
 */
import type { LifecycleHandler } from '../../pkg/api/types.js';
import type { Clock } from '../../pkg/component/clock.js';
import { type ContainerRuntime, RuntimeError } from '../runtime/interface.js';

/** DEVIATION: how long is waited for a postStart command; upstream waits for ever. */
const POST_START_MS = 30_000;

export interface LifecycleHooksOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  /** Aborts when the kubelet stops. */
  readonly signal: AbortSignal;
}

export class LifecycleHooks {
  constructor(private readonly options: LifecycleHooksOptions) {}

  async postStart(hook: LifecycleHandler, id: string): Promise<boolean> {
    const { clock, signal } = this.options;
    if (hook.sleep) await clock.sleep(hook.sleep.seconds * 1000, signal);
    return !hook.exec || this.succeeds(id, hook.exec.command ?? [], POST_START_MS);
  }

  /** Takes no longer than the grace that the container has to end. */
  async preStop(hook: LifecycleHandler, id: string, graceMs: number): Promise<boolean> {
    const { clock, signal } = this.options;
    if (hook.sleep) {
      await clock.sleep(Math.min(hook.sleep.seconds * 1000, graceMs), signal);
      return true;
    }
    return !hook.exec || this.succeeds(id, hook.exec.command ?? [], graceMs);
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
}
