/**
 * Feeds the owner graph from one resource. Where another controller has an informer of the resource, the
 * monitor listens to it; else it watches by itself, metadata only, and keeps nothing but which uid stands
 * under which key.
 */
import { type KubeObject, keyOf } from '../../pkg/apimachinery/meta.js';
import { withCause } from '../../pkg/client/cause.js';
import type { DiscoveredResource } from '../../pkg/client/discovery.js';
import type { Informer } from '../../pkg/client/informer.js';
import { Reflector, type ReflectorSink } from '../../pkg/client/reflector.js';
import type { WatchEvent } from '../../pkg/client/watch-stream.js';
import type { ControllerContext } from '../controller.js';
import type { OwnerGraph } from './graph.js';

/** What is told of every object; an owner graph. */
export type GraphSink = Pick<OwnerGraph, 'observe' | 'remove'>;

export class Monitor implements ReflectorSink<KubeObject> {
  /** Key → uid of what is there; only when it watches by itself. */
  private readonly uids = new Map<string, string>();
  private synced = false;

  constructor(
    private readonly context: ControllerContext,
    private readonly resource: DiscoveredResource,
    private readonly graph: GraphSink,
  ) {}

  get hasSynced(): boolean {
    return this.synced;
  }

  /** Until the signal aborts; then its objects leave the graph only if the resource itself is gone. */
  async run(signal: AbortSignal): Promise<void> {
    const shared = this.context.informers.existing(this.resource);
    if (shared) return this.listen(shared, signal);
    const { client, clock, logger } = this.context;
    const reflector = new Reflector<KubeObject>({
      client: client.resource<KubeObject>(this.resource, { metadataOnly: true }),
      sink: this,
      clock,
      logger,
    });
    await reflector.run(signal);
  }

  /** The server does not have the resource any more. */
  forget(): void {
    for (const uid of this.uids.values()) this.graph.remove(uid);
    this.uids.clear();
  }

  replace(items: KubeObject[]): void {
    const gone = new Map(this.uids);
    for (const item of items) {
      this.observe(item);
      if (gone.get(keyOf(item)) === item.metadata?.uid) gone.delete(keyOf(item));
    }
    for (const [key, uid] of gone) {
      this.graph.remove(uid);
      if (this.uids.get(key) === uid) this.uids.delete(key);
    }
    this.synced = true;
  }

  apply(event: WatchEvent): void {
    if (event.type !== 'DELETED') {
      this.observe(event.object);
      return;
    }
    this.uids.delete(keyOf(event.object));
    withCause(this.resource, event.object, () =>
      this.graph.remove(event.object.metadata?.uid ?? ''),
    );
  }

  private observe(obj: KubeObject): void {
    const uid = obj.metadata?.uid;
    if (uid === undefined) return;
    this.uids.set(keyOf(obj), uid);
    withCause(this.resource, obj, () => this.graph.observe(this.resource, obj));
  }

  private async listen(informer: Informer<KubeObject>, signal: AbortSignal): Promise<void> {
    const stop = informer.addHandler({
      add: (obj) => this.graph.observe(this.resource, obj),
      update: (_, obj) => this.graph.observe(this.resource, obj),
      delete: (obj) => this.graph.remove(obj.metadata?.uid ?? ''),
    });
    try {
      await informer.waitForSync(signal);
      this.synced = true;
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      });
    } catch (err) {
      if (!signal.aborted) throw err;
    } finally {
      stop();
    }
  }
}
