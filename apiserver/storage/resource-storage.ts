/**
 * One stored resource: its cache for reading, the store for writing. Every write compares the revision it
 * was made from, so that several apiservers may share a store. Knows nothing of defaults, validation or
 * verbs; that is the registry's.
 */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { badRequest, expired, type StatusError } from '../../pkg/apimachinery/status.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import {
  CompactedError,
  type EtcdClient,
  type KeyValue,
  prefixEnd,
} from '../../pkg/etcd-client/interface.js';
import { type ContinueToken, decodeContinue, encodeContinue } from './continue-token.js';
import { staleInStore } from './encryption/encrypted-client.js';
import type { LeasePool } from './lease-pool.js';
import { storeError } from './store-errors.js';
import type { StoreFeed } from './store-feed.js';
import { convertValues, type StoredForm } from './stored-form.js';
import { ObjectCodec, type StoredObject } from './stored-object.js';
import { WatchCache } from './watch-cache.js';

/** A page of the store where a selector leaves out most: read more at a time than asked for. */
const MIN_PAGE = 100;
const MAX_PAGE = 10_000;

const CONTINUE_EXPIRED =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
  'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
  'deleted between the time the first chunk was returned and now may show up in the list.';

export interface ResourceStorageOptions {
  readonly prefix: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly client: EtcdClient;
  readonly feed: StoreFeed;
  readonly leases: LeasePool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fieldsOf: (obj: KubeObject) => Record<string, string>;
  /** Of custom resources. */
  readonly form?: StoredForm;
}

export interface ListQuery {
  readonly namespace: string;
  /** '' consistent, '0' whatever there is, else at least or exactly this. */
  readonly resourceVersion: string;
  readonly match: '' | 'Exact' | 'NotOlderThan';
  /** 0: no limit. */
  readonly limit: number;
  readonly continue: string;
  /** Absent: everything. */
  readonly selects?: (object: StoredObject) => boolean;
  readonly signal?: AbortSignal;
}

export interface ListPage {
  readonly revision: number;
  readonly items: readonly StoredObject[];
  readonly continue?: string;
  /** Only where it is known without looking at every object: no selector. */
  readonly remaining?: number;
}

/** What a write met in place of what it expected. */
export interface Lost {
  readonly lost: true;
  /** The object as it is now; absent where there is none. */
  readonly current?: StoredObject;
}

export class ResourceStorage {
  readonly codec: ObjectCodec;
  readonly cache: WatchCache;
  readonly feed: StoreFeed;
  readonly prefix: string;
  private readonly client: EtcdClient;
  private readonly leases: LeasePool;

  constructor(options: ResourceStorageOptions) {
    this.codec = new ObjectCodec(options.kind, options.apiVersion, options.form);
    this.prefix = options.prefix;
    this.client = options.client;
    this.feed = options.feed;
    this.leases = options.leases;
    this.cache = new WatchCache({ ...options, codec: this.codec });
  }

  /** As new as the store was when asked; with a resourceVersion, at least as new as that. */
  async get(
    key: string,
    resourceVersion = '',
    signal?: AbortSignal,
  ): Promise<StoredObject | undefined> {
    if (this.cache.closed) return this.read(key);
    await this.cache.ready(signal);
    await this.reach(resourceVersion, signal);
    await this.cache.ready(signal);
    return this.cache.get(key);
  }

  /** Straight from the store. */
  async read(key: string): Promise<StoredObject | undefined> {
    try {
      const { kvs } = await this.client.range(this.prefix + key);
      return await this.decode(kvs[0]);
    } catch (err) {
      throw storeError(err, 'read');
    }
  }

  /** Whether the store holds the object in a form that it should no longer have: encrypted by an old key. */
  isStale(object: StoredObject): Promise<boolean> {
    return staleInStore(this.client, this.prefix + object.key);
  }

  async list(query: ListQuery): Promise<ListPage> {
    const { limit, resourceVersion, match, signal } = query;
    if (query.continue !== '') return this.continueList(query);
    const exact =
      resourceVersion !== '' &&
      resourceVersion !== '0' &&
      (match === 'Exact' || (match === '' && limit > 0));
    if (exact) {
      const revision = parseRevision(resourceVersion);
      await this.feed.started(signal);
      await this.feed.waitFor(revision, signal);
      return this.listFromStore(query, { startKey: '', revision });
    }
    if (this.cache.closed) return this.listFromStore(query, { startKey: '', revision: 0 });
    await this.cache.ready(signal);
    await this.reach(resourceVersion, signal);
    await this.cache.ready(signal);
    return this.listFromCache(query);
  }

  async create(key: string, obj: KubeObject, ttlSeconds = 0): Promise<StoredObject | Lost> {
    return this.write(key, obj, 0, ttlSeconds);
  }

  /** Writes only over the state at `revision`. */
  async update(
    key: string,
    obj: KubeObject,
    revision: number,
    ttlSeconds = 0,
  ): Promise<StoredObject | Lost> {
    return this.write(key, obj, revision, ttlSeconds);
  }

  /** Deletes only the state at `revision`; answers it under the revision of the deletion. */
  async delete(current: StoredObject): Promise<StoredObject | Lost> {
    const key = this.prefix + current.key;
    try {
      const result = await this.client.txn(
        [{ key, modRevision: current.revision }],
        [{ type: 'delete', key }],
        [{ type: 'range', key }],
      );
      if (!result.succeeded) return await this.lost(result.responses[0]?.kvs[0]);
      this.feed.noteWrite(result.revision);
      return current.at(result.revision);
    } catch (err) {
      throw storeError(err, 'write');
    }
  }

  private async write(
    key: string,
    obj: KubeObject,
    modRevision: number,
    ttlSeconds: number,
  ): Promise<StoredObject | Lost> {
    const fullKey = this.prefix + key;
    const value = await this.encode(obj);
    try {
      const lease = ttlSeconds > 0 ? await this.leases.lease(ttlSeconds) : undefined;
      const result = await this.client.txn(
        [{ key: fullKey, modRevision }],
        [
          lease === undefined
            ? { type: 'put', key: fullKey, value }
            : { type: 'put', key: fullKey, value, lease },
        ],
        [{ type: 'range', key: fullKey }],
      );
      if (!result.succeeded) return await this.lost(result.responses[0]?.kvs[0]);
      this.feed.noteWrite(result.revision);
      const known = this.cache.at(key, result.revision);
      if (known) return known;
      const written = this.codec.written(key, obj, value, result.revision, lease);
      this.cache.expect(written);
      return written;
    } catch (err) {
      throw storeError(err, 'write');
    }
  }

  private async encode(obj: KubeObject): Promise<Buffer> {
    const { codec } = this;
    const { form } = codec;
    if (!form?.converter || form.apiVersion === codec.apiVersion) return codec.encode(obj);
    const own = { ...obj, kind: codec.kind, apiVersion: codec.apiVersion };
    const [converted] = await form.converter.convert([own], form.apiVersion);
    return codec.encode(converted ?? own);
  }

  private async lost(kv: KeyValue | undefined): Promise<Lost> {
    const current = await this.decode(kv);
    return current ? { lost: true, current } : { lost: true };
  }

  private async decode(found: KeyValue | undefined): Promise<StoredObject | undefined> {
    if (!found) return undefined;
    const [kv = found] = await this.converted([found]);
    return this.decodeOwn(kv);
  }

  private converted(kvs: readonly KeyValue[]): Promise<readonly KeyValue[]> {
    return convertValues(kvs, this.codec.apiVersion, this.codec.form?.converter);
  }

  private decodeOwn(kv: KeyValue): StoredObject {
    return this.codec.fromValue(
      kv.key.slice(this.prefix.length),
      kv.value,
      kv.modRevision,
      kv.lease,
    );
  }

  private async reach(resourceVersion: string, signal?: AbortSignal): Promise<void> {
    if (resourceVersion === '') await this.feed.consistent(signal);
    else if (resourceVersion !== '0')
      await this.feed.waitFor(parseRevision(resourceVersion), signal);
  }

  private listFromCache(query: ListQuery): ListPage {
    const { selects, namespace, resourceVersion } = query;
    const { revision } = this.cache;
    const all = this.cache.list(namespace);
    const items = selects ? all.filter(selects) : all;
    // From the cache "whatever there is" has no pages, as upstream.
    const limit = resourceVersion === '0' ? 0 : query.limit;
    if (limit === 0 || items.length <= limit) return { revision, items };
    const page = items.slice(0, limit);
    return {
      revision,
      items: page,
      continue: this.continueAfter(page.at(-1)?.key ?? '', namespace, revision),
      ...(selects ? {} : { remaining: items.length - limit }),
    };
  }

  private async continueList(query: ListQuery): Promise<ListPage> {
    if (query.resourceVersion !== '' && query.resourceVersion !== '0') {
      throw badRequest('specifying resource version is not allowed when using continue');
    }
    const token = decodeContinue(query.continue);
    try {
      return await this.listFromStore(query, token);
    } catch (err) {
      if (!(err instanceof CompactedError)) throw err;
      throw continueExpired(encodeContinue({ startKey: token.startKey, revision: -1 }));
    }
  }

  /** Reads at a revision of the past, in pages, until `limit` objects are found. */
  private async listFromStore(query: ListQuery, token: ContinueToken): Promise<ListPage> {
    const { limit, selects, namespace, signal } = query;
    const folder = namespace === '' ? this.prefix : `${this.prefix}${namespace}/`;
    const rangeEnd = prefixEnd(folder);
    const items: StoredObject[] = [];
    let from = folder + token.startKey;
    let revision = Math.max(0, token.revision);
    try {
      for (;;) {
        const pageSize =
          limit === 0
            ? MAX_PAGE
            : Math.min(MAX_PAGE, Math.max(selects ? MIN_PAGE : 1, limit - items.length));
        const page = await this.client.range(from, {
          rangeEnd,
          limit: pageSize,
          ...(revision > 0 ? { revision } : {}),
          ...(signal ? { signal } : {}),
        });
        if (revision === 0) revision = page.revision;
        let lastKey = '';
        let used = 0;
        for (const kv of await this.converted(page.kvs)) {
          used++;
          lastKey = kv.key;
          const object = this.decodeOwn(kv);
          if (!selects || selects(object)) items.push(object);
          if (limit > 0 && items.length === limit) break;
        }
        const left = page.more || used < page.kvs.length;
        if (!left || lastKey === '') return { revision, items };
        if (limit > 0 && items.length === limit) {
          return {
            revision,
            items,
            continue: this.continueAfter(lastKey.slice(this.prefix.length), namespace, revision),
            ...(selects ? {} : { remaining: page.count - used }),
          };
        }
        from = `${lastKey}\0`;
      }
    } catch (err) {
      if (err instanceof CompactedError && query.continue !== '') throw err;
      throw storeError(err, 'read');
    }
  }

  /** `key` is relative to the resource; a token is relative to what is listed. */
  private continueAfter(key: string, namespace: string, revision: number): string {
    const start = namespace === '' ? key : key.slice(namespace.length + 1);
    return encodeContinue({ startKey: `${start}\0`, revision });
  }
}

export function isLost(result: object): result is Lost {
  return 'lost' in result;
}

/** A resourceVersion as the store's revision; 400 for what is none. */
export function parseRevision(resourceVersion: string): number {
  if (!/^[0-9]{1,19}$/.test(resourceVersion) || !Number.isSafeInteger(Number(resourceVersion))) {
    throw badRequest(`invalid resource version ${JSON.stringify(resourceVersion)}`);
  }
  return Number(resourceVersion);
}

function continueExpired(token: string): StatusError {
  const error = expired(CONTINUE_EXPIRED);
  error.status.metadata.continue = token;
  return error;
}
