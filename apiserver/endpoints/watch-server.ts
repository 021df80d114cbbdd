/** Starts watches: from a resourceVersion, from now with the state first, or with `sendInitialEvents`. */
import type { RequestContext } from '../server/request-context.js';
import { parseRevision } from '../storage/resource-storage.js';
import type { WatchCache } from '../storage/watch-cache.js';
import type { CacheEvent } from '../storage/watch-history.js';
import { listOptions } from './list-options.js';
import { type Accepted, streamTypeOf } from './media-type.js';
import { exchangeOf } from './respond.js';
import { selection } from './selection.js';
import type { ServedView } from './served-view.js';
import { includeObject } from './table.js';
import { HttpWatchConnection, type WatchConnection } from './watch-connection.js';
import { watchEncoder } from './watch-encoder.js';
import { transition, WatchHub } from './watch-hub.js';
import { WatchStream } from './watch-stream.js';
import { WebSocketWatchConnection, wantsWebSocket } from './watch-websocket.js';

/** Upstream's `--min-request-timeout`: a watch without a time of its own lasts this long up to twice that. */
const MIN_REQUEST_TIMEOUT_SECONDS = 1_800;

export interface WatchTarget {
  readonly view: ServedView;
  readonly ctx: RequestContext;
  readonly accepted: Accepted;
  readonly namespace: string;
}

export class WatchServer {
  private readonly hubs = new WeakMap<WatchCache, WatchHub>();
  private streams = 0;

  constructor(private readonly minTimeoutSeconds = MIN_REQUEST_TIMEOUT_SECONDS) {}

  async serve({ view, ctx, accepted, namespace }: WatchTarget): Promise<void> {
    const options = listOptions(ctx.query, true, view.qualified);
    const { storage } = view.store;
    const { cache, feed } = storage;
    const chosen = selection(
      view.definition,
      namespace,
      options.labelSelector,
      options.fieldSelector,
      view.fieldsOf,
    );
    const include = includeObject(ctx.query);
    const encoder = watchEncoder(view, accepted, include, () => ctx.clock.now());
    const { resourceVersion, sendInitialEvents } = options;
    const withState = sendInitialEvents ?? (resourceVersion === '' || resourceVersion === '0');

    await cache.ready(ctx.signal);
    if (withState) {
      if (resourceVersion === '') await feed.consistent(ctx.signal);
      else if (resourceVersion !== '0')
        await feed.waitFor(parseRevision(resourceVersion), ctx.signal);
      await cache.ready(ctx.signal);
    }
    const begins =
      resourceVersion === '' || resourceVersion === '0' ? 0 : parseRevision(resourceVersion);
    if (begins > feed.revision) await feed.waitFor(begins, ctx.signal);
    if (!withState) await cache.reachBack(begins);
    // From here to `run` without a pause: the state, the channel and the revision belong together.
    const { revision } = cache;
    const past: CacheEvent[] = withState ? [] : cache.since(begins);
    const form = encoder.form ?? `stream ${++this.streams}`;
    const channel = this.hub(view).channel(`${form} ${chosen.id}`, chosen, encoder.event);
    const stream = new WatchStream({
      ctx,
      connection: connectionOf(ctx, accepted),
      channel,
      encoder,
      contentType: streamTypeOf(accepted.encoding),
      timeoutMs: this.timeoutMs(options.timeoutSeconds, ctx),
      bookmarks: options.allowWatchBookmarks,
      revision: () => cache.revision,
    });
    const state = withState ? cache.list(namespace) : [];
    channel.join(stream);
    await stream.run(initial());

    function* initial() {
      for (const object of state) if (chosen.matches(object)) yield encoder.event('ADDED', object);
      for (const event of past) {
        const seen = transition(event, chosen);
        if (seen) yield encoder.event(seen.type, seen.object);
      }
      if (sendInitialEvents && options.allowWatchBookmarks)
        yield [encoder.bookmark(String(revision), true)];
    }
  }

  private timeoutMs(asked: number | undefined, ctx: RequestContext): number {
    const seconds =
      asked !== undefined && asked > 0 ? asked : this.minTimeoutSeconds * (1 + ctx.clock.random());
    return seconds * 1000;
  }

  private hub(view: ServedView): WatchHub {
    const { cache } = view.store.storage;
    let hub = this.hubs.get(cache);
    if (!hub) {
      hub = new WatchHub(cache, view.store.clock);
      this.hubs.set(cache, hub);
    }
    return hub;
  }
}

function connectionOf(ctx: RequestContext, { encoding }: Accepted): WatchConnection {
  const exchange = exchangeOf(ctx);
  return wantsWebSocket(exchange.req) && encoding !== 'yaml'
    ? new WebSocketWatchConnection(exchange, encoding)
    : new HttpWatchConnection(exchange.res);
}
