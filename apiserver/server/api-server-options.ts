/** What an apiserver is made of and for: its flags, and the contents of the files that they name, as values. */
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';
import type { AdmissionConfiguration } from '../admission/configuration.js';
import type { ProxyClient } from '../aggregator/remote-api.js';
import type { AuthenticatorOptions } from '../authn/index.js';
import type { AuthorizerOptions } from '../authz/index.js';
import type { KubeletConnection } from '../endpoints/kubelet-proxy.js';
import type { ResourceOptions } from '../registry/resources/index.js';
import type { EncryptionConfiguration } from '../storage/encryption/configuration.js';
import type { AuditOptions } from './audit/audit.js';
import type { LoadOptions } from './load.js';
import type { OptionalApis } from './optional-apis.js';

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
