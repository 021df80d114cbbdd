/**
 * The apiserver put together, from its parts and the contents of its files to an app that listens. Nothing
 * here runs by itself: `run` follows the store, fills what the authorizer needs and makes what every
 * cluster starts with, until its signal aborts.
 */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { loadBuiltinSchemas } from '../../pkg/api/schema/builtin.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import { TaskGroup } from '../../pkg/component/task-group.js';
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';
import type { AdmissionConfiguration } from '../admission/configuration.js';
import { admissionChain } from '../admission/index.js';
import { webhookOptions } from '../admission/webhook/index.js';
import { Aggregator } from '../aggregator/aggregator.js';
import type { ProxyClient } from '../aggregator/remote-api.js';
import { CrdController } from '../apiextensions/crd-controller.js';
import { CustomResources } from '../apiextensions/custom-resources.js';
import { type AuthenticatorOptions, authenticatorOf } from '../authn/index.js';
import type { Issuers } from '../authn/issuers.js';
import {
  type AuthorizerOptions,
  authorizerOf,
  policyReady,
  type ServerAuthorizer,
} from '../authz/index.js';
import { componentProbes } from '../endpoints/component-probes.js';
import { LiveDiscovery } from '../endpoints/discovery/live-discovery.js';
import type { KubeletConnection } from '../endpoints/kubelet-proxy.js';
import { ResourceHandler } from '../endpoints/resource-handler.js';
import type { ConfigConsumer } from '../flow-control/config-consumer.js';
import type { FlowControl } from '../flow-control/flow-control.js';
import { InFlight } from '../flow-control/in-flight.js';
import { registerFlowControl } from '../flow-control/metrics.js';
import type { ResourceDefinition } from '../registry/resource.js';
import { builtInResources, type ResourceOptions } from '../registry/resources/index.js';
import { Stores } from '../registry/stores.js';
import { serviceAccountToken } from '../registry/subresources/service-account-token.js';
import type { EncryptionConfiguration } from '../storage/encryption/configuration.js';
import { EncryptedClient } from '../storage/encryption/encrypted-client.js';
import { foldersOf } from '../storage/encryption/folders.js';
import { UsageReader } from '../usage/usage-reader.js';
import { createApp } from './app.js';
import type { AuditOptions } from './audit/audit.js';
import { bootstrap, serverContext } from './bootstrap/index.js';
import { routableAddress } from './bootstrap/kubernetes-service.js';
import { Chain } from './chain.js';
import type { ServerCheck } from './health.js';
import { configConsumer, flowControlOf, type LoadOptions } from './load.js';
import { ServerMetrics } from './metrics.js';
import type { OptionalApis } from './optional-apis.js';
import { Paths } from './paths.js';
import type { ServerAccess, UserInfo } from './request-context.js';
import { ServerHealth } from './server-checks.js';
import { ServiceResolver } from './service-resolver.js';

export interface ApiServerOptions {
  readonly etcd: EtcdClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** PEM. Absent: plain HTTP, for tests. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly authentication: Omit<AuthenticatorOptions, 'server' | 'clock'>;
  readonly authorizationModes: readonly string[];
  readonly authorization?: Pick<AuthorizerOptions, 'abacPolicy' | 'webhooks'>;
  readonly audit?: Omit<AuditOptions, 'clock'>;
  /** Absent: everything is stored as it is. */
  readonly encryption?: EncryptionConfiguration;
  readonly resources: Omit<
    ResourceOptions,
    | 'etcd'
    | 'kubelet'
    | 'optional'
    | 'serviceAccountToken'
    | 'tokens'
    | 'rulesOf'
    | 'components'
    | 'usage'
  >;
  /** APIs that are off by default. */
  readonly optional?: OptionalApis;
  readonly kubelet: KubeletConnection;
  /** Who this server is to extension servers. */
  readonly proxyClient?: ProxyClient;
  /** Component → URL of its health check, for ComponentStatus. */
  readonly componentUrls?: ReadonlyMap<string, string>;
  readonly admission?: AdmissionConfiguration;
  readonly enableAdmissionPlugins: readonly string[];
  readonly disableAdmissionPlugins: readonly string[];
  readonly defaultNotReadyTolerationSeconds: number;
  readonly defaultUnreachableTolerationSeconds: number;
  readonly load: LoadOptions;
  readonly compactionIntervalMs: number;
  /** How others reach this server; known once it listens where the port is 0. */
  readonly advertiseAddress: string;
}

export class ApiServer {
  readonly app: FastifyInstance;
  readonly stores: Stores;
  readonly definitions: readonly ResourceDefinition[];
  /** Both may be reconfigured while the server runs. */
  readonly issuers: Issuers;
  private readonly discovery: LiveDiscovery;
  readonly authorizer: ServerAuthorizer;
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
    parts: Pick<ApiServer, 'stores' | 'definitions' | 'issuers' | 'authorizer'> & {
      access: ServerAccess;
      handler: ResourceHandler;
      authenticate: Chain['options']['authenticate'];
      paths: (checks: readonly ServerCheck[], flowControl: FlowControl | undefined) => Paths;
      metrics: ServerMetrics;
      encryption: EncryptedClient | undefined;
      discovery: LiveDiscovery;
      custom: CustomResources;
      resolver: ServiceResolver;
    },
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
    const { clock, logger } = options;
    const schemas = await loadBuiltinSchemas();
    const metrics = new ServerMetrics();
    // Authentication, admission and the kinds' own files look things up in stores that are made below.
    const late: { stores?: Stores; authorizer?: ServerAuthorizer } = {};
    const encryption = options.encryption
      ? new EncryptedClient({
          client: options.etcd,
          configuration: options.encryption,
          folders: () => foldersOf(required(late.stores).definitions),
        })
      : undefined;
    const etcd = encryption ?? options.etcd;
    const access: ServerAccess = {
      store: (group, resource) => required(late.stores).internal(group, resource),
      authorize: async (attributes) => required(late.authorizer).authorize(attributes),
    };
    const rulesFor = (user: UserInfo, namespace: string) =>
      required(late.authorizer).rbac.rulesFor(user, namespace);
    const resolver = new ServiceResolver(access);
    const authenticators = authenticatorOf({ ...options.authentication, server: access, clock });
    const { serviceAccounts, tokens } = authenticators;
    const definitions = builtInResources({
      ...options.resources,
      ...(options.optional ? { optional: options.optional } : {}),
      etcd,
      kubelet: options.kubelet,
      tokens,
      usage: new UsageReader({ kubelet: options.kubelet, clock, logger }),
      components: componentProbes(options.componentUrls ?? new Map(), etcd),
      rulesOf: rulesFor,
      ...(serviceAccounts ? { serviceAccountToken: serviceAccountToken(serviceAccounts) } : {}),
    });
    const stores = new Stores({
      definitions,
      client: etcd,
      schemas,
      admission: admissionChain(
        {
          enable: options.enableAdmissionPlugins,
          disable: options.disableAdmissionPlugins,
          ...options.admission,
          defaultNotReadyTolerationSeconds: options.defaultNotReadyTolerationSeconds,
          defaultUnreachableTolerationSeconds: options.defaultUnreachableTolerationSeconds,
          rulesFor,
          ...(options.optional ? { optional: options.optional } : {}),
          webhooks: webhookOptions({
            schemas,
            stores: () => required(late.stores),
            resolver,
            registry: metrics.registry,
          }),
        },
        access,
      ),
      clock,
      logger,
      compactionIntervalMs: options.compactionIntervalMs,
    });
    late.stores = stores;
    late.authorizer = authorizerOf({
      modes: options.authorizationModes,
      ...options.authorization,
      stores,
      server: access,
      clock,
      logger,
    });
    const discovery = new LiveDiscovery(() => stores.definitions);
    const custom = new CustomResources({ stores, schemas, services: resolver, clock, logger });
    return new ApiServer(options, {
      stores,
      definitions,
      access,
      metrics,
      encryption,
      issuers: authenticators.issuers,
      authorizer: late.authorizer,
      discovery,
      custom,
      resolver,
      handler: new ResourceHandler({
        stores,
        schemas,
        minRequestTimeoutSeconds: options.load.minRequestTimeoutSeconds,
      }),
      authenticate: (req) =>
        authenticators.authenticate(req, (method, err) => {
          logger.debug({ method, err }, 'Authentication failed');
        }),
      paths: (checks, flowControl) =>
        new Paths({
          checks,
          metrics,
          discovery,
          stores,
          schemas,
          authenticators,
          clock,
          ...(flowControl ? { flowControl } : {}),
        }),
    });
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

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a part of the server was used before it was made');
  return value;
}

/** Resolves when the first of them aborts. */
async function anyAborted(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return;
  await new Promise((resolve) => {
    for (const signal of signals) signal.addEventListener('abort', resolve, { once: true });
  });
}
