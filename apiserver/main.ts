/** kube-apiserver: flags and files, the store's client, and the server. */
import { readFileSync } from 'node:fs';
import { RealClock } from '../pkg/component/clock.js';
import { Flags } from '../pkg/component/flags.js';
import { createLogger } from '../pkg/component/logger.js';
import { ownAddress } from '../pkg/component/own-address.js';
import { stopSignal } from '../pkg/component/signals.js';
import { connect } from '../pkg/etcd-client/client.js';
import { KubeletConnection } from './endpoints/kubelet-proxy.js';
import { readAccessFiles } from './server/access-files.js';
import { ApiServer } from './server/api-server.js';
import { optionalApis } from './server/optional-apis.js';

const flags = new Flags('kube-apiserver', 'Serves the Kubernetes API.')
  .list('etcd-servers', 'the members of etcd, as URLs')
  .duration('etcd-compaction-interval', 'between compactions of the store; 0 for never', '5m')
  .text('bind-address', 'address to listen on', '0.0.0.0')
  .integer('secure-port', 'port to listen on; 0 for any that is free', 6443)
  .text('advertise-address', 'address at which members of the cluster reach this server')
  .text('tls-cert-file', 'certificate of the server')
  .text('tls-private-key-file', 'its key')
  .text('client-ca-file', 'authority of client certificates')
  .text('token-auth-file', 'static bearer tokens')
  .boolean(
    'enable-bootstrap-token-auth',
    'take tokens of bootstrap.kubernetes.io/token Secrets',
    false,
  )
  .text('oidc-issuer-url', 'issuer of OpenID Connect tokens')
  .text('oidc-client-id', 'what their audience must be')
  .text('oidc-ca-file', "authority of the issuer's server; default: the machine's")
  .text('oidc-username-claim', 'claim that names the user', 'sub')
  .text('oidc-username-prefix', 'what is put before it; - for nothing')
  .text('oidc-groups-claim', 'claim that names groups')
  .text('oidc-groups-prefix', 'what is put before each')
  .list('oidc-required-claim', 'claims that a token must have, as key=value')
  .list('oidc-signing-algs', 'how tokens may be signed', ['RS256'])
  .text('authentication-config', 'an AuthenticationConfiguration')
  .text('authentication-token-webhook-config-file', 'kubeconfig of a webhook that knows tokens')
  .text('authentication-token-webhook-version', 'version of its TokenReview', 'v1')
  .duration('authentication-token-webhook-cache-ttl', 'how long its answers are kept', '2m')
  .boolean('anonymous-auth', 'let requests without credentials in as system:anonymous', true)
  .list('service-account-key-file', 'keys that service account tokens are checked with')
  .text('service-account-signing-key-file', 'the key that they are signed with')
  .text('service-account-issuer', 'who issues them', 'https://kubernetes.default.svc.cluster.local')
  .list('api-audiences', 'audiences of the API; default: the issuer')
  .text('requestheader-client-ca-file', 'authority of front proxies')
  .list('requestheader-allowed-names', 'common names of front proxies; default: any')
  .list('requestheader-username-headers', 'headers that name the user', ['X-Remote-User'])
  .list('requestheader-group-headers', 'headers that name groups', ['X-Remote-Group'])
  .list('requestheader-extra-headers-prefix', 'prefixes of further headers', ['X-Remote-Extra-'])
  .list('requestheader-uid-headers', 'headers that name the uid')
  .text('proxy-client-cert-file', 'who this server is to extension servers')
  .text('proxy-client-key-file', 'its key')
  .list('authorization-mode', 'Node, RBAC, ABAC, Webhook, AlwaysAllow, AlwaysDeny', ['AlwaysAllow'])
  .text('authorization-config', 'an AuthorizationConfiguration')
  .text('authorization-policy-file', 'policy of ABAC')
  .text('authorization-webhook-config-file', 'kubeconfig of a webhook that authorizes')
  .text('authorization-webhook-version', 'version of its SubjectAccessReview', 'v1')
  .duration('authorization-webhook-cache-authorized-ttl', 'how long a yes is kept', '5m')
  .duration('authorization-webhook-cache-unauthorized-ttl', 'how long a no is kept', '30s')
  .text('audit-policy-file', 'what is written into the audit log')
  .text('audit-log-path', 'the audit log; - for standard output')
  .integer('audit-log-maxsize', 'MiB after which it is put aside; 0: 100', 0)
  .integer('audit-log-maxbackup', 'logs put aside that are kept; 0: all', 0)
  .integer('audit-log-maxage', 'days that they are kept; 0: for ever', 0)
  .text('audit-log-format', 'json', 'json')
  .text('encryption-provider-config', 'how objects are encrypted in the store')
  .boolean('encryption-provider-config-automatic-reload', 'follow changes of that file', false)
  .text('admission-control-config-file', 'configuration of admission plugins')
  .list('enable-admission-plugins', 'admission plugins besides the default ones')
  .list('disable-admission-plugins', 'default admission plugins that are left out')
  .integer(
    'default-not-ready-toleration-seconds',
    'how long pods stay on a node that is not ready',
    300,
  )
  .integer(
    'default-unreachable-toleration-seconds',
    'how long pods stay on a node that is unreachable',
    300,
  )
  .list('service-cluster-ip-range', 'addresses of Services', ['10.96.0.0/16'])
  .text('service-node-port-range', 'ports of NodePort Services', '30000-32767')
  .text('kubelet-client-certificate', 'who this server is to kubelets')
  .text('kubelet-client-key', 'its key')
  .text('kubelet-certificate-authority', 'authority of kubelets; absent: they are not checked')
  .list('kubelet-preferred-address-types', 'which address of a node to use', [
    'Hostname',
    'InternalDNS',
    'InternalIP',
    'ExternalDNS',
    'ExternalIP',
  ])
  .list('component-status-urls', 'what ComponentStatus asks, as name=URL', [
    'scheduler=https://127.0.0.1:10259/healthz',
    'controller-manager=https://127.0.0.1:10257/healthz',
  ])
  .integer('max-requests-inflight', 'requests that read, at a time', 400)
  .integer('max-mutating-requests-inflight', 'requests that write, at a time', 200)
  .boolean(
    'enable-priority-and-fairness',
    'both limits together are divided among priority levels and flows',
    true,
  )
  .duration('request-timeout', 'for a request that is not long-running', '1m')
  .integer(
    'min-request-timeout',
    'seconds that a watch without a time of its own lasts, up to twice that',
    1800,
  )
  .duration('shutdown-delay-duration', 'how long it serves on after it is told to stop', '0s')
  .boolean(
    'shutdown-send-retry-after',
    'send new requests away while the last ones are finished',
    false,
  )
  .list('feature-gates', 'features that are off by default, as NAME=true')
  .list('runtime-config', 'versions of the API that are off by default, as GROUP/VERSION=true')
  .integer('v', 'log verbosity', 0)
  .parse(process.argv.slice(2));

const logger = createLogger('apiserver', flags.number('v'));
const clock = new RealClock();
const stop = stopSignal();

const read = (flag: string) =>
  flags.text(flag) === '' ? undefined : readFileSync(flags.text(flag), 'utf8');
const clientCa = read('client-ca-file');
const tokenFile = read('token-auth-file');
const signingKey = read('service-account-signing-key-file');
const requestHeaderCa = read('requestheader-client-ca-file');
const kubeletCa = read('kubelet-certificate-authority');
const proxyCert = read('proxy-client-cert-file');
const proxyKey = read('proxy-client-key-file');
const cert = read('tls-cert-file');
const key = read('tls-private-key-file');
if (!cert || !key) throw new Error('--tls-cert-file and --tls-private-key-file are required');
const ports = /^(\d+)-(\d+)$/.exec(flags.text('service-node-port-range'));
if (!ports) throw new Error('--service-node-port-range must be like 30000-32767');

// No signal: the store is needed until the last request is answered.
const etcd = await connect({ endpoints: flags.list('etcd-servers'), logger, clock });
const kubelet = new KubeletConnection({
  clientCertificate: read('kubelet-client-certificate') ?? '',
  clientKey: read('kubelet-client-key') ?? '',
  preferredAddressTypes: flags.list('kubelet-preferred-address-types'),
  ...(kubeletCa ? { certificateAuthority: kubeletCa } : {}),
});
const access = readAccessFiles(flags, clock, logger);
const server = await ApiServer.create({
  etcd,
  clock,
  logger,
  tls: { cert, key },
  ...(proxyCert && proxyKey ? { proxyClient: { cert: proxyCert, key: proxyKey } } : {}),
  kubelet,
  componentUrls: new Map(
    flags.list('component-status-urls').map((entry): [string, string] => {
      const equals = entry.indexOf('=');
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  ),
  authentication: {
    anonymous: flags.boolean('anonymous-auth'),
    ...access.authentication,
    ...(clientCa ? { clientCa } : {}),
    ...(tokenFile ? { tokenFile } : {}),
    serviceAccount: {
      issuer: flags.text('service-account-issuer'),
      audiences: flags.list('api-audiences'),
      keys: flags.list('service-account-key-file').map((path) => readFileSync(path, 'utf8')),
      ...(signingKey ? { signingKey } : {}),
    },
    ...(requestHeaderCa
      ? {
          requestHeader: {
            clientCa: requestHeaderCa,
            allowedNames: flags.list('requestheader-allowed-names'),
            usernameHeaders: flags.list('requestheader-username-headers'),
            groupHeaders: flags.list('requestheader-group-headers'),
            extraHeaderPrefixes: flags.list('requestheader-extra-headers-prefix'),
            uidHeaders: flags.list('requestheader-uid-headers'),
          },
        }
      : {}),
  },
  ...access.server,
  optional: optionalApis(flags.list('feature-gates'), flags.list('runtime-config')),
  resources: {
    serviceClusterIPRanges: flags.list('service-cluster-ip-range'),
    serviceNodePortRange: { from: Number(ports[1]), to: Number(ports[2]) },
  },
  enableAdmissionPlugins: flags.list('enable-admission-plugins'),
  disableAdmissionPlugins: flags.list('disable-admission-plugins'),
  defaultNotReadyTolerationSeconds: flags.number('default-not-ready-toleration-seconds'),
  defaultUnreachableTolerationSeconds: flags.number('default-unreachable-toleration-seconds'),
  load: {
    maxRequestsInFlight: flags.number('max-requests-inflight'),
    maxMutatingRequestsInFlight: flags.number('max-mutating-requests-inflight'),
    priorityAndFairness: flags.boolean('enable-priority-and-fairness'),
    requestTimeoutMs: flags.number('request-timeout'),
    minRequestTimeoutSeconds: flags.number('min-request-timeout'),
    shutdownDelayMs: flags.number('shutdown-delay-duration'),
    shutdownSendRetryAfter: flags.boolean('shutdown-send-retry-after'),
  },
  compactionIntervalMs: flags.number('etcd-compaction-interval'),
  advertiseAddress:
    flags.text('advertise-address') ||
    (['0.0.0.0', '::'].includes(flags.text('bind-address'))
      ? ownAddress()
      : flags.text('bind-address')),
});
const port = await server.listen(flags.text('bind-address'), flags.number('secure-port'));
logger.info({ address: flags.text('bind-address'), port }, 'Listening');
const following = access.follow(server, stop);
try {
  await server.run(stop);
} catch (err) {
  logger.fatal({ err }, 'The apiserver ends');
  process.exitCode = 1;
}
await following;
access.close();
kubelet.close();
await etcd.close();
process.exit(process.exitCode ?? 0);
