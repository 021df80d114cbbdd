import { setMaxListeners } from 'node:events';

/**
 * Background work with an owner. Every promise that nobody awaits at once is started here, so that no
 * failure is lost and a stop waits for all of it.
 *
 *   const tasks = new TaskGroup(signal, (name, err) => fatal(name, err));
 *   tasks.spawn('reflector pods', (signal) => reflector.run(signal));
 *   await tasks.done();
 *
 * A task that fails while the group is not stopping is reported once to `onFailure`, and the whole group
 * is aborted: a component with a dead part is a broken component. A task that ends after the abort, with
 * whatever error, ended as asked.
 */
export class TaskGroup {
  private readonly controller = new AbortController();
  private readonly running = new Set<Promise<void>>();
  /** One for each task that runs. */
  private readonly children = new Set<AbortController>();
  private readonly parentAbort: () => void;

  constructor(
    private readonly parent: AbortSignal,
    private readonly onFailure: (task: string, err: unknown) => void,
  ) {
    // One listener a request and task is no leak: each goes with what it belongs to.
    setMaxListeners(0, this.controller.signal);
    this.controller.signal.addEventListener('abort', () => {
      for (const child of [...this.children]) child.abort(this.controller.signal.reason);
    });
    this.parentAbort = () => this.controller.abort(parent.reason);
    if (parent.aborted) this.parentAbort();
    else parent.addEventListener('abort', this.parentAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  spawn(name: string, run: (signal: AbortSignal) => Promise<unknown>): void {
    const task = this.guard(name, run);
    this.running.add(task);
    void task.finally(() => this.running.delete(task));
  }

  /** Aborts all tasks and waits for them. */
  async stop(reason: unknown = new Error('stopped')): Promise<void> {
    this.controller.abort(reason);
    await this.done();
  }

  /** Resolves when no task runs any more. */
  async done(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
    this.parent.removeEventListener('abort', this.parentAbort);
  }

  /**
   * Each task has a signal of its own, which aborts with the group's: every wait and request listens to the
   * signal that it was given, and to add a listener takes as long as there are others.
   */
  private async guard(name: string, run: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    const child = new AbortController();
    setMaxListeners(0, child.signal);
    if (this.signal.aborted) child.abort(this.signal.reason);
    else this.children.add(child);
    try {
      await run(child.signal);
    } catch (err) {
      if (this.signal.aborted) return;
      this.onFailure(name, err);
      this.controller.abort(err);
    } finally {
      this.children.delete(child);
    }
  }
}
