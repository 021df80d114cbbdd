/**
 * The parts of an apiserver, made from its options and known to each other: stores with their admission,
 * who may come in, what is served. Some of them look things up in others that are made after them; they do
 * so late, when the first request comes, and using one before that is an error.
 */
import { loadBuiltinSchemas } from '../../pkg/api/schema/builtin.js';
import { admissionChain } from '../admission/index.js';
import { webhookOptions } from '../admission/webhook/index.js';
import { CustomResources } from '../apiextensions/custom-resources.js';
import { authenticatorOf } from '../authn/index.js';
import type { Issuers } from '../authn/issuers.js';
import { authorizerOf, type ServerAuthorizer } from '../authz/index.js';
import { componentProbes } from '../endpoints/component-probes.js';
import { LiveDiscovery } from '../endpoints/discovery/live-discovery.js';
import { ResourceHandler } from '../endpoints/resource-handler.js';
import type { FlowControl } from '../flow-control/flow-control.js';
import type { ResourceDefinition } from '../registry/resource.js';
import { builtInResources } from '../registry/resources/index.js';
import { Stores } from '../registry/stores.js';
import { serviceAccountToken } from '../registry/subresources/service-account-token.js';
import { EncryptedClient } from '../storage/encryption/encrypted-client.js';
import { foldersOf } from '../storage/encryption/folders.js';
import { UsageReader } from '../usage/usage-reader.js';
import type { ApiServerOptions } from './api-server-options.js';
import type { ChainOptions } from './chain.js';
import type { ServerCheck } from './health.js';
import { ServerMetrics } from './metrics.js';
import { Paths } from './paths.js';
import type { ServerAccess, UserInfo } from './request-context.js';
import { ServiceResolver } from './service-resolver.js';

export interface ServerParts {
  readonly stores: Stores;
  readonly definitions: readonly ResourceDefinition[];
  readonly access: ServerAccess;
  readonly metrics: ServerMetrics;
  readonly encryption: EncryptedClient | undefined;
  readonly issuers: Issuers;
  readonly authorizer: ServerAuthorizer;
  readonly discovery: LiveDiscovery;
  readonly custom: CustomResources;
  readonly resolver: ServiceResolver;
  readonly handler: ResourceHandler;
  readonly authenticate: ChainOptions['authenticate'];
  readonly paths: (checks: readonly ServerCheck[], flowControl: FlowControl | undefined) => Paths;
}

export async function serverParts(options: ApiServerOptions): Promise<ServerParts> {
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
  return {
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
  };
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a part of the server was used before it was made');
  return value;
}
