/**
 * One informer a resource, shared by all parts of a process: two controllers that watch pods cost one
 * watch and one copy. `informer(ref)` makes it at its first use; `run` runs them all, also those that are
 * asked for later.
 */
import type { KubeObject } from '../apimachinery/meta.js';
import type { Clock } from '../component/clock.js';
import type { Logger } from '../component/logger.js';
import { TaskGroup } from '../component/task-group.js';
import { dropManagedFields, Informer, type InformerOptions } from './informer.js';
import type { ResourceRef } from './resources.js';
import type { RestClient } from './rest.js';

export interface InformerFactoryOptions {
  readonly client: RestClient;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** See InformerOptions. Also switched on by the environment: DRYDOCK_DETECT_MUTATION=1. */
  readonly detectMutation?: boolean;
}

type PerResource<T extends KubeObject> = Pick<
  InformerOptions<T>,
  'indexers' | 'transform' | 'fieldSelector' | 'labelSelector' | 'namespace'
>;

export class InformerFactory {
  private readonly informers = new Map<string, Informer<KubeObject>>();
  private readonly detectMutation: boolean;
  private tasks: TaskGroup | undefined;

  constructor(private readonly options: InformerFactoryOptions) {
    this.detectMutation = options.detectMutation ?? process.env['DRYDOCK_DETECT_MUTATION'] === '1';
  }

  /**
   * The informer of a resource. Options other than indexers are those of the first caller, except that a
   * different selection is a different informer. managedFields are dropped unless a transform says else.
   */
  informer<T extends KubeObject>(ref: ResourceRef, options: PerResource<T> = {}): Informer<T> {
    const { namespace = '', labelSelector = '', fieldSelector = '' } = options;
    const id = [ref.group, ref.version, ref.resource, namespace, labelSelector, fieldSelector].join(
      '\n',
    );
    const known = this.informers.get(id);
    if (known) {
      const shared = sharedAs<T>(known);
      if (options.indexers) shared.addIndexers(options.indexers);
      return shared;
    }
    const { clock, logger, client } = this.options;
    const made = new Informer<T>({
      transform: dropManagedFields,
      ...options,
      client: client.resource<T>(ref),
      detectMutation: this.detectMutation,
      ...(clock ? { clock } : {}),
      ...(logger ? { logger } : {}),
    });
    this.informers.set(id, sharedAs<KubeObject>(made));
    this.start(ref.resource, made);
    return made;
  }

  /** The informer of all of a resource, if some part of the process has asked for one. */
  existing(ref: Pick<ResourceRef, 'group' | 'resource'>): Informer<KubeObject> | undefined {
    for (const [id, informer] of this.informers) {
      const [group, , resource, namespace, labels, fields] = id.split('\n');
      const whole = namespace === '' && labels === '' && fields === '';
      if (whole && group === ref.group && resource === ref.resource) return informer;
    }
    return undefined;
  }

  /** Until the signal aborts and all informers have stopped; throws what the first failing one threw. */
  async run(signal: AbortSignal): Promise<void> {
    let failure: { err: unknown } | undefined;
    const tasks = new TaskGroup(signal, (_, err) => {
      failure = { err };
    });
    this.tasks = tasks;
    for (const [id, informer] of this.informers) this.start(id, informer);
    // A group without tasks would be done at once; informers may still be asked for.
    tasks.spawn(
      'until aborted',
      (inner) =>
        new Promise<void>((resolve) => {
          if (inner.aborted) resolve();
          else inner.addEventListener('abort', () => resolve(), { once: true });
        }),
    );
    await tasks.done();
    if (failure) throw failure.err;
  }

  /** Resolves when every informer asked for so far has its first list. */
  async waitForSync(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.informers.values()].map((informer) => informer.waitForSync(signal)));
  }

  private start(name: string, informer: { run(signal: AbortSignal): Promise<void> }): void {
    this.tasks?.spawn(`informer ${name}`, (signal) => informer.run(signal));
  }
}

/** The registry holds informers of every type under their resource; the caller of one knows its type. */
function sharedAs<T extends KubeObject>(informer: unknown): Informer<T> {
  if (!(informer instanceof Informer)) throw new Error('not an informer');
  return informer;
}
