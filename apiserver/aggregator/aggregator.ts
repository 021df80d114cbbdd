/**
 * The aggregation layer (`kube-aggregator`): one API out of this server's own groups and those of extension
 * servers that APIServices name. It stands between the handler chain and this server's own resources, after
 * authentication and authorisation; whatever it does not take is answered as if it were not there.
 */
import type { JsonObject } from '../endpoints/openapi/definitions.js';
import type { OpenApi } from '../endpoints/openapi/openapi.js';
import { sendIndex, sendV2 } from '../endpoints/openapi/serve.js';
import { exchangeOf } from '../endpoints/respond.js';
import type { RequestContext } from '../server/request-context.js';
import type { ServiceAddress, ServiceResolver } from '../server/service-resolver.js';
import { ApiServiceController } from './api-service-controller.js';
import { AggregatedDiscovery, type LocalDiscovery } from './discovery.js';
import { GROUP, type GroupVersion, LocalApiServices, RESOURCE } from './local-api-services.js';
import { AggregatedOpenApi, mergedV2 } from './openapi.js';
import { forward, sendUnavailable } from './proxy.js';
import type { ProxyClient, RemoteApi } from './remote-api.js';

export interface AggregatorOptions {
  readonly discovery: LocalDiscovery;
  /** Made after the aggregator. */
  readonly openApi: () => OpenApi;
  readonly resolver: ServiceResolver;
  /** Absent: extension servers are not told by a certificate who asks. */
  readonly client?: ProxyClient;
  /** Of the built-in resources. */
  readonly served: readonly GroupVersion[];
  /** Of custom resources that are served just now; undefined while that is not known. */
  readonly custom: () => readonly GroupVersion[] | undefined;
  /** Calls after every change of a resource, for as long as the server lives. */
  watch(group: string, resource: string, changed: () => void): void;
}

const V3 = '/openapi/v3/';

export class Aggregator {
  private readonly controller: ApiServiceController;
  private readonly discovery: AggregatedDiscovery;
  private readonly openApi: AggregatedOpenApi;
  private readonly local: LocalApiServices;

  constructor(private readonly options: AggregatorOptions) {
    const { resolver, client, served } = options;
    const remotes = () => this.controller.remotes;
    this.local = new LocalApiServices(served, options.custom);
    this.discovery = new AggregatedDiscovery(options.discovery, remotes);
    this.controller = new ApiServiceController({
      resolver,
      client,
      local: this.local,
      isServedHere: (group, version) => options.discovery.isKnownVersion(group, version),
    });
    this.openApi = new AggregatedOpenApi({ local: options.openApi, remotes, resolver, client });
  }

  /** Before the server calls itself ready: its own APIServices are there. */
  async bootstrap(ctx: RequestContext): Promise<void> {
    await this.local.ensure(ctx);
  }

  async run(ctx: RequestContext): Promise<void> {
    const { watch } = this.options;
    watch(GROUP, RESOURCE, () => this.controller.wake(true));
    watch('apiextensions.k8s.io', 'customresourcedefinitions', () => this.controller.wake(true));
    watch('', 'services', () => this.controller.wake(false));
    watch('discovery.k8s.io', 'endpointslices', () => this.controller.wake(false));
    await this.controller.run(ctx);
  }

  /** False where this server's own resources and paths are to answer. */
  async serve(ctx: RequestContext): Promise<boolean> {
    const remote = this.remoteFor(ctx);
    if (remote) {
      await this.proxy(ctx, remote);
      return true;
    }
    if (ctx.requestInfo.isResourceRequest || this.controller.remotes.length === 0) return false;
    const path = ctx.requestInfo.path.replace(/\/+$/, '');
    if (path === '/apis' || path.startsWith('/apis/')) return this.discovery.serve(ctx);
    const { req, res } = exchangeOf(ctx);
    if (path === '/openapi/v3') {
      sendIndex(req, res, await this.openApi.index(ctx));
      return true;
    }
    if (path === '/openapi/v2') {
      const parts = await this.openApi.parts(ctx);
      if (parts.length === 0) return false;
      const openApi = this.options.openApi();
      const add = (document: JsonObject) => mergedV2(document, parts);
      await sendV2(req, res, (format) => openApi.v2With(format, add));
      return true;
    }
    return false;
  }

  private remoteFor(ctx: RequestContext): RemoteApi | undefined {
    const { isResourceRequest, group, version, path } = ctx.requestInfo;
    if (isResourceRequest) return this.found(group, version);
    if (path.startsWith(V3)) {
      const remote = this.openApi.remoteOf(path.slice(V3.length));
      return remote?.standIn ? undefined : remote;
    }
    const root = /^\/apis\/([^/]+)\/([^/]+)\/?$/.exec(path);
    return root?.[1] && root[2] ? this.found(root[1], root[2]) : undefined;
  }

  private found(group: string, version: string): RemoteApi | undefined {
    const remote = this.controller.find(group, version);
    return remote?.standIn ? undefined : remote;
  }

  private async proxy(ctx: RequestContext, remote: RemoteApi): Promise<void> {
    if (!remote.available) return sendUnavailable(ctx);
    let at: ServiceAddress;
    try {
      at = await this.options.resolver.resolve(remote.namespace, remote.service, remote.port);
    } catch (err) {
      ctx.logger.debug({ err, name: remote.name }, 'The Service of an APIService leads nowhere');
      return sendUnavailable(ctx);
    }
    await forward(ctx, remote, at);
  }
}
