/**
 * The events of one resource from before its cache was filled, read from the store's own history. A cache
 * starts when it is first used, or anew with the process; a client that comes with an older resourceVersion
 * would have to list again. As long as the store has not compacted that far, it need not.
 *
 * The state at the older revision is read, then changed event by event, so that every event knows what the
 * object was before.
 */
import type { Clock } from '../../pkg/component/clock.js';
import {
  type EtcdClient,
  type KeyValue,
  prefixEnd,
  type WatchBatch,
} from '../../pkg/etcd-client/interface.js';
import type { ObjectCodec, StoredObject } from './stored-object.js';
import type { CacheEvent } from './watch-history.js';

const PAGE = 2_000;
/** A store that has nothing to tell of these keys is asked how far it is this often, and not for ever. */
const ASK_MS = 20;
const PATIENCE_MS = 3_000;
/** More than a history keeps is not worth reading: the client lists again. */
const MAX_BYTES = 16 * 1024 * 1024;

export interface BackfillOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  readonly prefix: string;
  readonly codec: ObjectCodec;
  /** Events after this … */
  readonly after: number;
  /** … up to this, included. */
  readonly upTo: number;
}

/** Oldest first. Undefined when the store does not answer in time, or with too much; throws CompactedError when it has forgotten. */
export async function backfill(options: BackfillOptions): Promise<CacheEvent[] | undefined> {
  const { client, clock, prefix, after, upTo } = options;
  const state = await stateAt(options);
  const events: CacheEvent[] = [];
  const stop = new AbortController();
  const late = clock.after(PATIENCE_MS, () => stop.abort());
  let complete = false;
  let bytes = 0;
  const onBatch = (batch: WatchBatch): void => {
    if (stop.signal.aborted) return;
    for (const { type, kv } of batch.events) {
      if (kv.modRevision > upTo) continue;
      const event = type === 'delete' ? deletion(options, state, kv) : write(options, state, kv);
      if (!event) continue;
      events.push(event);
      bytes += event.object.line.length;
      if (bytes > MAX_BYTES) {
        stop.abort();
        return;
      }
    }
    if (batch.revision < upTo) return;
    complete = true;
    stop.abort();
  };
  const asking = askUntil(client, clock, stop.signal);
  try {
    await client.watch(prefix, {
      rangeEnd: prefixEnd(prefix),
      startRevision: after + 1,
      signal: stop.signal,
      onBatch,
    });
  } finally {
    late.stop();
    stop.abort();
    await asking;
  }
  return complete ? events : undefined;
}

async function stateAt({
  client,
  prefix,
  codec,
  after,
}: BackfillOptions): Promise<Map<string, StoredObject>> {
  const state = new Map<string, StoredObject>();
  const rangeEnd = prefixEnd(prefix);
  let from = prefix;
  for (;;) {
    const page = await client.range(from, { rangeEnd, limit: PAGE, revision: after });
    for (const kv of page.kvs) {
      const key = kv.key.slice(prefix.length);
      state.set(key, codec.fromValue(key, kv.value, kv.modRevision, kv.lease));
    }
    const last = page.kvs.at(-1);
    if (!page.more || !last) return state;
    from = `${last.key}\0`;
  }
}

function write(
  { prefix, codec }: BackfillOptions,
  state: Map<string, StoredObject>,
  kv: KeyValue,
): CacheEvent {
  const key = kv.key.slice(prefix.length);
  const previous = state.get(key);
  const object = codec.fromValue(key, kv.value, kv.modRevision, kv.lease);
  state.set(key, object);
  return previous
    ? { type: 'MODIFIED', revision: kv.modRevision, object, previous }
    : { type: 'ADDED', revision: kv.modRevision, object };
}

function deletion(
  { prefix }: BackfillOptions,
  state: Map<string, StoredObject>,
  kv: KeyValue,
): CacheEvent | undefined {
  const key = kv.key.slice(prefix.length);
  const previous = state.get(key);
  if (!previous) return undefined;
  state.delete(key);
  return {
    type: 'DELETED',
    revision: kv.modRevision,
    object: previous.at(kv.modRevision),
    previous,
  };
}

async function askUntil(client: EtcdClient, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await clock.sleep(ASK_MS, signal);
      await client.requestProgress();
    } catch {
      // Ended, or the store is away: then the watch itself is what tells.
      if (signal.aborted) return;
    }
  }
}
