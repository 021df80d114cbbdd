/**
 * One monitor for each resource that can be listed, watched and deleted, by what discovery says
 * (`garbagecollector.go`, Sync). Discovery is read every half minute as upstream, and within a moment of a
 * change of a CustomResourceDefinition or an APIService: what a new kind owns is collected from its first
 * object on.
 */
import type { DiscoveredResource } from '../../pkg/client/discovery.js';
import { discoverPreferred } from '../../pkg/client/discovery.js';
import { ControllerRateLimiter, RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import { runWorkers } from '../../pkg/client/workers.js';
import { TaskGroup } from '../../pkg/component/task-group.js';
import type { ControllerContext } from '../controller.js';
import { messageOf } from '../pod-control.js';
import type { Identity } from './graph.js';
import { type GraphSink, Monitor } from './monitor.js';

const DISCOVERY_PERIOD_MS = 30_000;
/** Changes this close together are looked at once. */
const CHANGES_SETTLE_MS = 250;
const DISCOVERY_RETRY = { baseMs: 1000, maxMs: DISCOVERY_PERIOD_MS };
const SYNC_POLL_MS = 50;
/** How long all first lists are waited for. */
const INITIAL_SYNC_MS = 30_000;
/** Never owned, never owning, and many. */
const IGNORED: ReadonlySet<string> = new Set(['/events', 'events.k8s.io/events']);
/** Whose objects decide which resources there are. */
const DEFINING: ReadonlySet<string> = new Set([
  'apiextensions.k8s.io/customresourcedefinitions',
  'apiregistration.k8s.io/apiservices',
]);
const DISCOVER = 'discover';

interface Running {
  readonly monitor: Monitor;
  readonly stop: AbortController;
}

export class Monitors {
  private readonly running = new Map<string, Running>();
  /** `group/Kind` → resource. */
  private readonly kinds = new Map<string, DiscoveredResource>();
  private readonly queue: RateLimitingQueue<typeof DISCOVER>;

  /** `onNewKinds`: references that could not be resolved before may be now. */
  constructor(
    private readonly context: ControllerContext,
    private readonly graph: GraphSink,
    private readonly onNewKinds: () => void,
  ) {
    const limiter = new ControllerRateLimiter<typeof DISCOVER>(context.clock, DISCOVERY_RETRY);
    this.queue = new RateLimitingQueue(context.clock, limiter);
  }

  async run(signal: AbortSignal): Promise<void> {
    let failure: { err: unknown } | undefined;
    const tasks = new TaskGroup(signal, (_, err) => {
      failure ??= { err };
    });
    this.queue.add(DISCOVER);
    await runWorkers({
      queue: this.queue,
      concurrency: 1,
      sync: (_, stop) => this.discover(tasks, stop),
      onError: (_, err) => {
        this.context.logger.debug({ err }, 'Discovery failed, trying again');
        return true;
      },
      signal,
    });
    await tasks.done();
    if (failure) throw failure.err;
  }

  /** Resolves when every resource has been listed once, or has had its time for it. */
  async waitForSync(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.context;
    const deadline = clock.monotonic() + INITIAL_SYNC_MS;
    while (!this.hasSynced) {
      // One resource that cannot be listed must not stop all collection; every judgement asks the server.
      if (this.running.size > 0 && clock.monotonic() > deadline) {
        logger.warn('Not all resources could be listed, collecting garbage all the same');
        return;
      }
      await clock.sleep(SYNC_POLL_MS, signal);
    }
  }

  /** A kind that nobody serves may only be served later: who needs it waits. */
  resourceOf({ group, kind }: Identity): DiscoveredResource {
    const resource = this.kinds.get(`${group}/${kind}`);
    if (!resource) throw new Error(messageOf(`unable to get REST mapping for ${group}/${kind}`));
    return resource;
  }

  private get hasSynced(): boolean {
    return this.running.size > 0 && [...this.running.values()].every((r) => r.monitor.hasSynced);
  }

  private async discover(tasks: TaskGroup, signal: AbortSignal): Promise<void> {
    const { resources, failed } = await discoverPreferred(this.context.client, { signal });
    this.update(resources, failed.size === 0, tasks);
    this.queue.addAfter(DISCOVER, DISCOVERY_PERIOD_MS);
  }

  private update(
    resources: readonly DiscoveredResource[],
    complete: boolean,
    tasks: TaskGroup,
  ): void {
    const wanted = new Map<string, DiscoveredResource>();
    const known = this.kinds.size;
    for (const resource of resources) {
      this.kinds.set(`${resource.group}/${resource.kind}`, resource);
      const id = `${resource.group}/${resource.resource}`;
      const usable = ['delete', 'list', 'watch'].every((verb) => resource.verbs.includes(verb));
      if (usable && !IGNORED.has(id)) wanted.set(id, resource);
    }
    for (const [id, resource] of wanted) if (!this.running.has(id)) this.start(id, resource, tasks);
    if (this.kinds.size > known) this.onNewKinds();
    // A group that could not be read is not a group that is gone.
    if (!complete) return;
    for (const [id, { monitor, stop }] of this.running) {
      if (wanted.has(id)) continue;
      this.running.delete(id);
      stop.abort(new Error('the resource is gone'));
      monitor.forget();
    }
  }

  private start(id: string, resource: DiscoveredResource, tasks: TaskGroup): void {
    const sink = DEFINING.has(id) ? this.rediscovering() : this.graph;
    const monitor = new Monitor(this.context, resource, sink);
    const stop = new AbortController();
    this.running.set(id, { monitor, stop });
    tasks.spawn(`monitor ${id}`, async (signal) => {
      const onAbort = () => stop.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      await monitor.run(stop.signal);
      signal.removeEventListener('abort', onAbort);
    });
  }

  private rediscovering(): GraphSink {
    const changed = () => this.queue.addAfter(DISCOVER, CHANGES_SETTLE_MS);
    return {
      observe: (ref, obj) => {
        this.graph.observe(ref, obj);
        changed();
      },
      remove: (uid) => {
        this.graph.remove(uid);
        changed();
      },
    };
  }
}
