/**
 * The apiserver put together, from its parts to an app that listens. Nothing here runs by itself: `run`
 * follows the store, fills what the authorizer needs and makes what every cluster starts with, until its
 * signal aborts.
 */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { TaskGroup } from '../../pkg/component/task-group.js';
import { Aggregator } from '../aggregator/aggregator.js';
import { CrdController } from '../apiextensions/crd-controller.js';
import type { CustomResources } from '../apiextensions/custom-resources.js';
import type { Issuers } from '../authn/issuers.js';
import { policyReady, type ServerAuthorizer } from '../authz/index.js';
import type { LiveDiscovery } from '../endpoints/discovery/live-discovery.js';
import type { ConfigConsumer } from '../flow-control/config-consumer.js';
import type { FlowControl } from '../flow-control/flow-control.js';
import { InFlight } from '../flow-control/in-flight.js';
import { registerFlowControl } from '../flow-control/metrics.js';
import type { ResourceDefinition } from '../registry/resource.js';
import type { Stores } from '../registry/stores.js';
import type { EncryptionConfiguration } from '../storage/encryption/configuration.js';
import type { EncryptedClient } from '../storage/encryption/encrypted-client.js';
import type { ApiServerOptions } from './api-server-options.js';
import { createApp } from './app.js';
import { bootstrap, serverContext } from './bootstrap/index.js';
import { routableAddress } from './bootstrap/kubernetes-service.js';
import { Chain } from './chain.js';
import { configConsumer, flowControlOf } from './load.js';
import type { ServerAccess } from './request-context.js';
import { ServerHealth } from './server-checks.js';
import { type ServerParts, serverParts } from './server-parts.js';

export class ApiServer {
  readonly app: FastifyInstance;
  readonly stores: Stores;
  readonly definitions: readonly ResourceDefinition[];
  /** Both may be reconfigured while the server runs. */
  readonly issuers: Issuers;
  readonly authorizer: ServerAuthorizer;
  private readonly discovery: LiveDiscovery;
  private readonly chain: Chain;
  private readonly access: ServerAccess;
  private readonly custom: CustomResources;
  private readonly aggregator: Aggregator;
  private readonly encryption: EncryptedClient | undefined;
  private readonly flowControl: FlowControl | undefined;
  private readonly config: ConfigConsumer | undefined;
  private readonly health: ServerHealth;
  private port = 0;

  private constructor(
    private readonly options: ApiServerOptions,
    parts: ServerParts,
  ) {
    const { clock, logger } = options;
    this.stores = parts.stores;
    this.definitions = parts.definitions;
    this.access = parts.access;
    this.encryption = parts.encryption;
    this.issuers = parts.issuers;
    this.discovery = parts.discovery;
    this.authorizer = parts.authorizer;
    const { metrics } = parts;
    const { load } = options;
    this.flowControl = flowControlOf(load, this.stores, clock);
    this.config = this.flowControl && configConsumer(this.flowControl, this.stores, clock);
    if (this.flowControl) registerFlowControl(this.flowControl, metrics.registry);
    this.health = new ServerHealth({
      etcd: options.etcd,
      flowControlSynced: () => this.config?.synced ?? true,
      isStopping: () => this.chain.isStopping,
    });
    const paths = parts.paths(this.health.checks, this.flowControl);
    this.aggregator = new Aggregator({
      discovery: parts.discovery,
      openApi: () => paths.openApi,
      resolver: parts.resolver,
      served: this.definitions,
      custom: () => parts.custom.served,
      watch: (group, resource, changed) =>
        this.stores.get(group, resource).storage.cache.subscribe({
          interest: { namespace: '' },
          onEvent: changed,
          onReset: changed,
        }),
      ...(options.proxyClient ? { client: options.proxyClient } : {}),
    });
    this.custom = parts.custom;
    this.chain = new Chain({
      authenticate: parts.authenticate,
      server: parts.access,
      resources: parts.handler,
      isServed: (group, version, resource) =>
        this.stores.definition(group, version, resource) !== undefined,
      catchUp: (signal) => this.custom.catchUp(signal),
      isKnownVersion: (group, version) => parts.discovery.isKnownVersion(group, version),
      aggregate: (ctx) => this.aggregator.serve(ctx),
      paths: (ctx) => paths.serve(ctx),
      metrics,
      ...(options.audit ? { audit: { ...options.audit, clock } } : {}),
      clock,
      logger,
      limiter:
        this.flowControl ??
        new InFlight(load.maxRequestsInFlight, load.maxMutatingRequestsInFlight),
      requestTimeoutMs: load.requestTimeoutMs,
      sendRetryAfter: load.shutdownSendRetryAfter,
    });
    const { clientCa, requestHeader } = options.authentication;
    this.app = createApp({
      chain: this.chain,
      ...(options.tls
        ? {
            tls: {
              ...options.tls,
              ca: [clientCa, requestHeader?.clientCa].filter(
                (ca): ca is string => ca !== undefined,
              ),
            },
          }
        : {}),
    });
  }

  static async create(options: ApiServerOptions): Promise<ApiServer> {
    return new ApiServer(options, await serverParts(options));
  }

  /** New keys from now on; what is stored is encrypted with them when it is written again. */
  reconfigureEncryption(configuration: EncryptionConfiguration): void {
    this.encryption?.reconfigure(configuration);
  }

  /** Starts to listen; resolves to the port. */
  async listen(host: string, port: number): Promise<number> {
    await this.app.listen({ host, port });
    this.port = (this.app.server.address() as AddressInfo).port;
    const address = routableAddress(this.options.advertiseAddress) ?? '127.0.0.1';
    this.discovery.servedAt(
      address.includes(':') ? `[${address}]:${this.port}` : `${address}:${this.port}`,
    );
    return this.port;
  }

  /**
   * Until the signal aborts. Then the server calls itself not ready, goes on for as long as load balancers need
   * to see it, ends watches (their clients come back elsewhere, or here), and finishes what is under way; only
   * then does it stop to follow the store.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, clock, load } = this.options;
    let failure: { err: unknown } | undefined;
    const failed = (_task: string, err: unknown) => {
      failure ??= { err };
    };
    // Whatever waits for its own writes to be seen can only end as long as the store is followed.
    const following = new TaskGroup(new AbortController().signal, failed);
    const tasks = new TaskGroup(following.signal, failed);
    const context = (inner: AbortSignal) =>
      serverContext({ server: this.access, signal: inner, clock, logger });
    following.spawn('store feed', (inner) => this.stores.run(inner));
    tasks.spawn('custom resources', (inner) => this.custom.run(inner));
    tasks.spawn('custom resource definitions', (inner) => {
      const { stores, custom } = this;
      return new CrdController({ stores, custom, clock, logger }).run(context(inner));
    });
    const { config } = this;
    if (config) tasks.spawn('flow control', (inner) => config.run(context(inner)));
    tasks.spawn('bootstrap', async (inner) => {
      const began = clock.monotonic();
      const keepUp = await this.bootstrap(inner);
      this.health.bootstrapped();
      logger.info({ durationMs: Math.round(clock.monotonic() - began) }, 'Serving');
      await keepUp();
    });
    await anyAborted(signal, tasks.signal);
    this.chain.stop();
    if (!failure && load.shutdownDelayMs > 0) await clock.sleep(load.shutdownDelayMs);
    await this.chain.drain();
    await this.app.close();
    await tasks.stop(signal.reason);
    await following.stop(signal.reason);
    if (failure) throw failure.err;
  }

  /**
   * What must be there before the server calls itself ready, tried again until the store is. Resolves to
   * what goes on until the server stops.
   */
  private async bootstrap(signal: AbortSignal): Promise<() => Promise<void>> {
    const { clock, logger, etcd, resources, authentication, advertiseAddress } = this.options;
    const ctx = serverContext({ server: this.access, signal, clock, logger });
    for (;;) {
      try {
        await policyReady(this.stores, signal);
        const keepUp = await bootstrap(ctx, {
          etcd,
          serviceClusterIPRanges: resources.serviceClusterIPRanges,
          advertiseAddress,
          port: this.port,
          ...(authentication.clientCa ? { clientCa: authentication.clientCa } : {}),
          ...(authentication.requestHeader ? { requestHeader: authentication.requestHeader } : {}),
        });
        await this.aggregator.bootstrap(ctx);
        return async () => {
          await Promise.all([keepUp(ctx), this.aggregator.run(ctx)]);
        };
      } catch (err) {
        signal.throwIfAborted();
        logger.warn({ err }, 'The store is not there yet');
        await clock.sleep(BOOTSTRAP_RETRY_MS, signal);
      }
    }
  }
}

const BOOTSTRAP_RETRY_MS = 100;

/** Resolves when the first of them aborts. */
async function anyAborted(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return;
  await new Promise((resolve) => {
    for (const signal of signals) signal.addEventListener('abort', resolve, { once: true });
  });
}
