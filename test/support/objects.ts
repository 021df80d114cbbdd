/**
 * Any resource by its path, over the official JavaScript client's connection, credentials and decoding: what
 * its typed calls say in five arguments, in one. Each call throws the client's ApiException.
 */
import {
  type Configuration,
  HttpMethod,
  type KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  PatchStrategy,
  type V1Scale,
  Watch,
} from '@kubernetes/client-node';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Page<T> {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly _continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: T[];
}

export interface Change<T> {
  readonly type: string;
  readonly object: T;
}

/** What a watch has said until now; `stop` ends it. */
export interface Recording<T> {
  readonly changes: readonly Change<T>[];
  stop(): void;
}

interface Call {
  readonly method: HttpMethod;
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** The client's own object API, with a path in place of the kinds that it would look up. */
class Requests extends KubernetesObjectApi {
  constructor(private readonly settings: Configuration) {
    super(settings);
  }

  send<T extends object>({ method, path, query = {}, body, contentType }: Call): Promise<T> {
    const request = this.settings.baseServer.makeRequestContext(path, method);
    request.setHeaderParam('Accept', 'application/json');
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) request.setQueryParam(name, String(value));
    }
    if (body !== undefined) {
      request.setHeaderParam('Content-Type', contentType ?? 'application/json');
      request.setBody(JSON.stringify(body));
    }
    return this.requestPromise<T & KubernetesObject>(request);
  }
}

/** The door to every resource of a cluster. */
export class Objects {
  private readonly requests: Requests;

  constructor(readonly config: KubeConfig) {
    this.requests = config.makeApiClient(Requests);
  }

  /** `at<V1Deployment>('apps/v1', 'deployments', namespace)`; without one those of the whole cluster. */
  at<T extends KubernetesObject>(apiVersion: string, plural: string, namespace?: string) {
    return new Resource<T>(this, apiVersion, plural, namespace);
  }

  send<T extends object>(call: Call): Promise<T> {
    return this.requests.send<T>(call);
  }

  get<T extends object>(path: string): Promise<T> {
    return this.send<T>({ method: HttpMethod.GET, path });
  }
}

export class Resource<T extends KubernetesObject> {
  readonly path: string;

  constructor(
    private readonly objects: Objects,
    readonly apiVersion: string,
    readonly plural: string,
    namespace?: string,
  ) {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    this.path = `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`;
  }

  create(body: T, query: Query = {}): Promise<T> {
    return this.objects.send({ method: HttpMethod.POST, path: this.path, body, query });
  }

  get(name: string, subresource?: string): Promise<T> {
    return this.objects.send({ method: HttpMethod.GET, path: this.pathOf(name, subresource) });
  }

  /** Undefined where there is none. */
  async find(name: string): Promise<T | undefined> {
    return (await this.list(`metadata.name=${name}`, 'fieldSelector')).find(
      ({ metadata }) => metadata?.name === name,
    );
  }

  async list(
    selector?: string,
    by: 'labelSelector' | 'fieldSelector' = 'labelSelector',
  ): Promise<T[]> {
    return (await this.page({ [by]: selector })).items;
  }

  page(query: Query = {}): Promise<Page<T>> {
    return this.objects.send({ method: HttpMethod.GET, path: this.path, query });
  }

  replace(body: T, subresource?: string): Promise<T> {
    const path = this.pathOf(body.metadata?.name ?? '', subresource);
    return this.objects.send({ method: HttpMethod.PUT, path, body });
  }

  /** A merge patch, unless another way is named. */
  patch(
    name: string,
    body: object,
    {
      subresource,
      as = PatchStrategy.MergePatch,
    }: { subresource?: string; as?: PatchStrategy } = {},
  ): Promise<T> {
    const path = this.pathOf(name, subresource);
    return this.objects.send({ method: HttpMethod.PATCH, path, body, contentType: as });
  }

  /** To a subresource that takes another kind: evictions, tokens, bindings. */
  post<R extends object>(name: string, subresource: string, body: object): Promise<R> {
    const path = this.pathOf(name, subresource);
    return this.objects.send({ method: HttpMethod.POST, path, body });
  }

  delete(name: string, body?: object): Promise<object> {
    return this.objects.send({ method: HttpMethod.DELETE, path: this.pathOf(name), body });
  }

  deleteCollection(labelSelector: string): Promise<object> {
    const query = { labelSelector };
    return this.objects.send({ method: HttpMethod.DELETE, path: this.path, query });
  }

  scale(name: string): Promise<V1Scale> {
    return this.objects.get(this.pathOf(name, 'scale'));
  }

  putScale(name: string, body: V1Scale): Promise<V1Scale> {
    return this.objects.send({ method: HttpMethod.PUT, path: this.pathOf(name, 'scale'), body });
  }

  /** Watches from `resourceVersion` on, or from what there is; the server's own words, undecoded. */
  async record(query: Query = {}): Promise<Recording<T>> {
    const changes: Change<T>[] = [];
    const { server } = this.objects.config.getCurrentCluster() ?? {};
    if (server === undefined) throw new Error('no cluster');
    const controller = await new Watch(this.objects.config).watch(
      this.path,
      { ...query },
      (type: string, object: T) => changes.push({ type, object }),
      () => undefined,
    );
    return { changes, stop: () => controller.abort() };
  }

  private pathOf(name: string, subresource?: string): string {
    return `${this.path}/${name}${subresource === undefined ? '' : `/${subresource}`}`;
  }
}
