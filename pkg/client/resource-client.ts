/**
 * Typed verbs on one resource. Objects come and go as on the wire; a cluster-scoped resource takes '' for
 * its namespace. Writes return what the server stored. See `rest.ts` for errors and retries.
 */
import { apiVersionOf, type KubeList, type KubeObject } from '../apimachinery/meta.js';
import type { Status } from '../apimachinery/status.js';
import type { Answer } from './answer.js';
import { type ResourceRef, resourcePath } from './resources.js';
import type { CallOptions, Method, Query, RestClient } from './rest.js';
import { decodeWatch, type WatchEvent } from './watch-stream.js';

export interface ResourceClientOptions {
  /** Ask for PartialObjectMetadata: type and metadata only. */
  readonly metadataOnly?: boolean;
}

export interface ListOptions extends CallOptions {
  /** Absent or '': all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

export interface WatchOptions extends ListOptions {
  /** The server ends the watch, without an error, after this time. */
  readonly timeoutSeconds?: number;
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
}

export interface WriteOptions extends CallOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
}

export interface PatchOptions extends WriteOptions {
  readonly subresource?: string;
  /** Apply only: take fields over from other managers. */
  readonly force?: boolean;
}

export interface DeleteOptions extends CallOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const PATCH_CONTENT_TYPES: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export class ResourceClient<T extends KubeObject> {
  constructor(
    readonly client: RestClient,
    readonly ref: ResourceRef,
    private readonly options: ResourceClientOptions = {},
  ) {}

  async get(
    namespace: string,
    name: string,
    options: CallOptions & { readonly resourceVersion?: string } = {},
  ): Promise<T> {
    const { resourceVersion } = options;
    return this.call('GET', resourcePath(this.ref, namespace, required(name)), options, {
      query: { resourceVersion },
    });
  }

  async list(options: ListOptions = {}): Promise<KubeList<T>> {
    const list: KubeList<T> = await this.call('GET', this.collection(options), options, {
      query: selection(options),
      accept: this.accept('PartialObjectMetadataList'),
    });
    // Go's servers send null for an empty list.
    list.items ??= [];
    return list;
  }

  /** All of a list, page by page, each consistent with the first. */
  async *pages(options: ListOptions & { readonly limit: number }): AsyncGenerator<KubeList<T>> {
    for (let next: string | undefined; ; ) {
      const page: KubeList<T> = await this.list({
        ...options,
        ...(next === undefined ? {} : { continue: next, resourceVersion: '' }),
      });
      yield page;
      next = page.metadata?.continue;
      if (!next) return;
    }
  }

  /**
   * Events until the server ends the watch (returns), it reports an error (throws the StatusError), the
   * connection breaks (throws a ConnectionError) or the signal aborts (throws its reason).
   */
  async *watch(options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>> {
    for await (const events of this.watchTogether(options)) yield* events;
  }

  /** The same, together what came together: for who follows many. */
  async *watchTogether(options: WatchOptions = {}): AsyncGenerator<readonly WatchEvent<T>[]> {
    const { timeoutSeconds, allowWatchBookmarks, sendInitialEvents } = options;
    const path = this.collection(options);
    const response = await this.client.stream({
      path,
      query: {
        watch: true,
        ...selection(options),
        timeoutSeconds,
        allowWatchBookmarks,
        sendInitialEvents,
      },
      accept: this.accept('PartialObjectMetadata'),
      ...calls(options),
    });
    yield* decodeWatch<T>(response.body, path, options.signal);
  }

  create(obj: T, options: WriteOptions = {}): Promise<T> {
    const path = resourcePath(this.ref, obj.metadata?.namespace);
    return this.call('POST', path, options, { query: write(options), body: this.typed(obj) });
  }

  /** As `create`, for who does not want what the server stored. */
  async createUnread(obj: T, options: WriteOptions = {}): Promise<void> {
    const path = resourcePath(this.ref, obj.metadata?.namespace);
    await this.send('POST', path, options, {
      query: write(options),
      body: this.typed(obj),
      unread: true,
    });
  }

  update(obj: T, options: WriteOptions = {}): Promise<T> {
    return this.put(obj, '', options);
  }

  updateStatus(obj: T, options: WriteOptions = {}): Promise<T> {
    return this.put(obj, 'status', options);
  }

  updateSubresource(obj: T, subresource: string, options: WriteOptions = {}): Promise<T> {
    return this.put(obj, subresource, options);
  }

  async patch(
    namespace: string,
    name: string,
    type: PatchType,
    body: unknown,
    options: PatchOptions = {},
  ): Promise<T> {
    const path = resourcePath(this.ref, namespace, required(name), options.subresource);
    return this.call('PATCH', path, options, patching(type, body, options));
  }

  /** As `patch`, for who does not want what the server stored. */
  async patchUnread(
    namespace: string,
    name: string,
    type: PatchType,
    body: unknown,
    options: PatchOptions = {},
  ): Promise<void> {
    const path = resourcePath(this.ref, namespace, required(name), options.subresource);
    await this.send('PATCH', path, options, { ...patching(type, body, options), unread: true });
  }

  /** Server-side apply; `fieldManager` is required by the server. */
  apply(obj: T, options: PatchOptions & { readonly fieldManager: string }): Promise<T> {
    const { namespace = '', name = '' } = obj.metadata ?? {};
    return this.patch(namespace, name, 'apply', this.typed(obj), options);
  }

  /** What was deleted, or a Status, as the server chooses. */
  async delete(namespace: string, name: string, options: DeleteOptions = {}): Promise<T | Status> {
    const path = resourcePath(this.ref, namespace, required(name));
    return this.call('DELETE', path, options, { body: deletion(options) });
  }

  deleteCollection(
    list: ListOptions = {},
    options: DeleteOptions = {},
  ): Promise<KubeList<T> | Status> {
    return this.call('DELETE', this.collection(list), options, {
      query: selection(list),
      body: deletion(options),
      // The answer is the list of what goes.
      accept: this.accept('PartialObjectMetadataList'),
    });
  }

  /** POST to a subresource: `binding`, `eviction`, `token`. */
  async createSubresource<R extends KubeObject>(
    namespace: string,
    name: string,
    subresource: string,
    body: KubeObject,
    options: WriteOptions = {},
  ): Promise<R> {
    const path = resourcePath(this.ref, namespace, required(name), subresource);
    return this.call('POST', path, options, { query: write(options), body });
  }

  async getSubresource<R extends KubeObject>(
    namespace: string,
    name: string,
    subresource: string,
    options: CallOptions = {},
  ): Promise<R> {
    return this.call(
      'GET',
      resourcePath(this.ref, namespace, required(name), subresource),
      options,
      {},
    );
  }

  private async put(obj: T, subresource: string, options: WriteOptions): Promise<T> {
    const { namespace, name = '' } = obj.metadata ?? {};
    const path = resourcePath(this.ref, namespace, required(name), subresource);
    return this.call('PUT', path, options, { query: write(options), body: this.typed(obj) });
  }

  private collection(options: ListOptions): string {
    return resourcePath(this.ref, options.namespace);
  }

  private accept(kind: 'PartialObjectMetadata' | 'PartialObjectMetadataList'): string {
    return this.options.metadataOnly
      ? `application/json;as=${kind};g=meta.k8s.io;v=v1`
      : 'application/json';
  }

  /** A body must say what it is; objects out of a list or a builder often do not. */
  private typed(obj: T): T {
    if (obj.apiVersion !== undefined && obj.kind !== undefined) return obj;
    return { ...obj, apiVersion: apiVersionOf(this.ref), kind: this.ref.kind };
  }

  private async call<R>(
    method: Method,
    path: string,
    options: CallOptions,
    request: Call,
  ): Promise<R> {
    return JSON.parse((await this.send(method, path, options, request)).text);
  }

  private send(method: Method, path: string, options: CallOptions, request: Call): Promise<Answer> {
    const { body, ...rest } = request;
    return this.client.request({
      method,
      path,
      accept: this.accept('PartialObjectMetadata'),
      ...rest,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...calls(options),
    });
  }
}

/** What a request says besides what it is about. */
interface Call {
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly unread?: boolean;
}

function patching(type: PatchType, body: unknown, options: PatchOptions): Call {
  return {
    query: { ...write(options), force: options.force },
    body,
    contentType: PATCH_CONTENT_TYPES[type],
  };
}

/** An empty name would address the whole collection. */
function required(name: string): string {
  if (name === '') throw new Error('resource name may not be empty');
  return name;
}

function calls({ signal, timeoutMs }: CallOptions): CallOptions {
  return { ...(signal ? { signal } : {}), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

function selection(options: ListOptions): Query {
  const { labelSelector, fieldSelector, limit, resourceVersion, resourceVersionMatch } = options;
  return {
    labelSelector,
    fieldSelector,
    limit,
    continue: options.continue,
    resourceVersion,
    resourceVersionMatch,
  };
}

function write(options: WriteOptions): Query {
  return {
    dryRun: options.dryRun ? 'All' : undefined,
    fieldManager: options.fieldManager,
    fieldValidation: options.fieldValidation,
  };
}

function deletion(options: DeleteOptions): KubeObject | undefined {
  const { gracePeriodSeconds, propagationPolicy, preconditions, dryRun } = options;
  if (gracePeriodSeconds === undefined && !propagationPolicy && !preconditions && !dryRun) {
    return undefined;
  }
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy ? { propagationPolicy } : {}),
    ...(preconditions ? { preconditions } : {}),
    ...(dryRun ? { dryRun: ['All'] } : {}),
  };
  return body;
}
