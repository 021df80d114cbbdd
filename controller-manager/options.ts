/** The flags of kube-controller-manager that drydock's understands; an unknown flag is an error. */
import { Flags } from '../pkg/component/flags.js';

export interface ControllerManagerOptions {
  readonly kubeconfig: string;
  /** `*`, `name`, `-name`, in order. */
  readonly controllers: readonly string[];
  readonly bindAddress: string;
  readonly securePort: number;
  readonly tlsCertFile: string;
  readonly tlsPrivateKeyFile: string;
  readonly leaderElect: boolean;
  readonly leaderElectIdentity: string;
  readonly leaderElectLeaseDurationMs: number;
  readonly leaderElectRenewDeadlineMs: number;
  readonly leaderElectRetryPeriodMs: number;
  readonly leaderElectResourceName: string;
  readonly leaderElectResourceNamespace: string;
  readonly nodeMonitorPeriodMs: number;
  readonly nodeMonitorGracePeriodMs: number;
  readonly nodeStartupGracePeriodMs: number;
  readonly nodeEvictionRate: number;
  readonly secondaryNodeEvictionRate: number;
  readonly unhealthyZoneThreshold: number;
  readonly largeClusterSizeThreshold: number;
  readonly terminatedPodGcThreshold: number;
  readonly rootCaFile: string;
  readonly serviceAccountPrivateKeyFile: string;
  /** The cluster's CA, which signs certificates that were asked for; empty: none are signed. */
  readonly clusterSigningCertFile: string;
  readonly clusterSigningKeyFile: string;
  readonly clusterSigningDurationMs: number;
  /** Where Services of type LoadBalancer get their addresses from; empty: they get none. */
  readonly loadBalancerCidrs: readonly string[];
  readonly legacyServiceAccountTokenCleanUpPeriodMs: number;
  readonly allocateNodeCidrs: boolean;
  readonly clusterCidr: string;
  readonly nodeCidrMaskSize: number;
  readonly useServiceAccountCredentials: boolean;
  readonly maxEndpointsPerSlice: number;
  /** `--concurrent-X-syncs`, by X: `deployment`, `replicaset`, `gc` … */
  readonly concurrency: Readonly<Record<string, number>>;
  readonly autoscaler: AutoscalerOptions;
  readonly verbosity: number;
}

/** `--horizontal-pod-autoscaler-…` */
export interface AutoscalerOptions {
  readonly syncPeriodMs: number;
  readonly downscaleStabilizationMs: number;
  readonly tolerance: number;
  readonly cpuInitializationMs: number;
  readonly initialReadinessDelayMs: number;
}

/** Defaults of `--concurrent-X-syncs`. */
const CONCURRENCY: Readonly<Record<string, number>> = {
  deployment: 5,
  replicaset: 5,
  rc: 5,
  statefulset: 5,
  daemonset: 2,
  job: 5,
  'cron-job': 5,
  endpoint: 5,
  service: 1,
  'mirroring-service-endpoint': 5,
  'service-endpoint': 5,
  namespace: 10,
  'serviceaccount-token': 5,
  gc: 20,
  'ttl-after-finished': 5,
  'resource-quota': 5,
  'horizontal-pod-autoscaler': 5,
};

/** `identity` is used when no flag sets one. Ends the process for a flag that is wrong. */
export function parseOptions(args: readonly string[], identity: string): ControllerManagerOptions {
  const flags = new Flags('controller-manager', 'Runs the control loops of the cluster.')
    .text('kubeconfig', 'how to reach the apiserver')
    .list('controllers', "'*' for all, 'foo' enables, '-foo' disables", ['*'])
    .text('bind-address', 'where health and metrics are served', '0.0.0.0')
    .integer('secure-port', 'where health and metrics are served; 0 serves none', 10257)
    .text('tls-cert-file', 'certificate of that server')
    .text('tls-private-key-file', 'key of that server')
    .boolean('leader-elect', 'lead before working', true)
    .text('leader-elect-identity', 'who this process is among the candidates')
    .duration('leader-elect-lease-duration', 'how long followers wait for a dead leader', '15s')
    .duration('leader-elect-renew-deadline', 'when a leader gives up', '10s')
    .duration('leader-elect-retry-period', 'time between tries', '2s')
    .text('leader-elect-resource-lock', 'only leases', 'leases')
    .text('leader-elect-resource-name', 'name of the lease', 'kube-controller-manager')
    .text('leader-elect-resource-namespace', 'namespace of the lease', 'kube-system')
    .duration('node-monitor-period', 'how often nodes are looked at', '5s')
    .duration('node-monitor-grace-period', 'silence after which a node is unhealthy', '50s')
    .duration('node-startup-grace-period', 'the same for a node that just started', '1m0s')
    .text('node-eviction-rate', 'nodes a second that are evicted in a healthy zone', '0.1')
    .text('secondary-node-eviction-rate', 'the same in an unhealthy zone', '0.01')
    .text(
      'unhealthy-zone-threshold',
      'fraction of not ready nodes that makes a zone unhealthy',
      '0.55',
    )
    .integer('large-cluster-size-threshold', 'nodes that make a cluster large', 50)
    .integer('terminated-pod-gc-threshold', 'ended pods that are kept; 0 keeps all', 12500)
    .text('root-ca-file', 'published to every namespace as kube-root-ca.crt')
    .text('service-account-private-key-file', 'signs legacy service account tokens')
    .text('cluster-signing-cert-file', 'CA certificate that signs certificate requests')
    .text('cluster-signing-key-file', 'key of that CA')
    .duration('cluster-signing-duration', 'longest life of a certificate', '8760h0m0s')
    .list('load-balancer-cidr', 'addresses of Services of type LoadBalancer', [])
    .duration(
      'legacy-service-account-token-clean-up-period',
      'how long a token Secret may be unused',
      '8760h0m0s',
    )
    .boolean('allocate-node-cidrs', 'give each node a pod CIDR', false)
    .text('cluster-cidr', 'where pod CIDRs are taken from')
    .integer('node-cidr-mask-size', 'size of a pod CIDR', 24)
    .boolean('use-service-account-credentials', 'one identity a controller', false)
    .integer('max-endpoints-per-slice', 'endpoints in one EndpointSlice', 100)
    .duration('horizontal-pod-autoscaler-sync-period', 'how often autoscalers look', '15s')
    .duration(
      'horizontal-pod-autoscaler-downscale-stabilization',
      'how long a higher recommendation keeps an autoscaler from scaling down',
      '5m0s',
    )
    .text(
      'horizontal-pod-autoscaler-tolerance',
      'how far from its target a metric may be before autoscalers act',
      '0.1',
    )
    .duration(
      'horizontal-pod-autoscaler-cpu-initialization-period',
      'after the start of a pod, how long its CPU counts only while it is ready',
      '5m0s',
    )
    .duration(
      'horizontal-pod-autoscaler-initial-readiness-delay',
      'after the start of a pod, how long becoming unready means that it never was ready',
      '30s',
    )
    .integer('v', 'log verbosity', 0);
  for (const [name, standard] of Object.entries(CONCURRENCY)) {
    flags.integer(`concurrent-${name}-syncs`, `${name} objects worked on at a time`, standard);
  }
  const values = flags.parse(args);
  const fraction = (flag: string): number => {
    const value = Number(values.text(flag));
    if (Number.isNaN(value) || value < 0)
      throw new Error(`--${flag} must be a number that is not negative`);
    return value;
  };
  const concurrency: Record<string, number> = {};
  for (const name of Object.keys(CONCURRENCY)) {
    concurrency[name] = values.number(`concurrent-${name}-syncs`);
  }
  return {
    kubeconfig: values.text('kubeconfig'),
    controllers: values.list('controllers'),
    bindAddress: values.text('bind-address'),
    securePort: values.number('secure-port'),
    tlsCertFile: values.text('tls-cert-file'),
    tlsPrivateKeyFile: values.text('tls-private-key-file'),
    leaderElect: values.boolean('leader-elect'),
    leaderElectIdentity: values.text('leader-elect-identity') || identity,
    leaderElectLeaseDurationMs: values.number('leader-elect-lease-duration'),
    leaderElectRenewDeadlineMs: values.number('leader-elect-renew-deadline'),
    leaderElectRetryPeriodMs: values.number('leader-elect-retry-period'),
    leaderElectResourceName: values.text('leader-elect-resource-name'),
    leaderElectResourceNamespace: values.text('leader-elect-resource-namespace'),
    nodeMonitorPeriodMs: values.number('node-monitor-period'),
    nodeMonitorGracePeriodMs: values.number('node-monitor-grace-period'),
    nodeStartupGracePeriodMs: values.number('node-startup-grace-period'),
    nodeEvictionRate: fraction('node-eviction-rate'),
    secondaryNodeEvictionRate: fraction('secondary-node-eviction-rate'),
    unhealthyZoneThreshold: fraction('unhealthy-zone-threshold'),
    largeClusterSizeThreshold: values.number('large-cluster-size-threshold'),
    terminatedPodGcThreshold: values.number('terminated-pod-gc-threshold'),
    rootCaFile: values.text('root-ca-file'),
    serviceAccountPrivateKeyFile: values.text('service-account-private-key-file'),
    clusterSigningCertFile: values.text('cluster-signing-cert-file'),
    clusterSigningKeyFile: values.text('cluster-signing-key-file'),
    clusterSigningDurationMs: values.number('cluster-signing-duration'),
    loadBalancerCidrs: values.list('load-balancer-cidr'),
    legacyServiceAccountTokenCleanUpPeriodMs: values.number(
      'legacy-service-account-token-clean-up-period',
    ),
    allocateNodeCidrs: values.boolean('allocate-node-cidrs'),
    clusterCidr: values.text('cluster-cidr'),
    nodeCidrMaskSize: values.number('node-cidr-mask-size'),
    useServiceAccountCredentials: values.boolean('use-service-account-credentials'),
    maxEndpointsPerSlice: values.number('max-endpoints-per-slice'),
    concurrency,
    autoscaler: {
      syncPeriodMs: values.number('horizontal-pod-autoscaler-sync-period'),
      downscaleStabilizationMs: values.number('horizontal-pod-autoscaler-downscale-stabilization'),
      tolerance: fraction('horizontal-pod-autoscaler-tolerance'),
      cpuInitializationMs: values.number('horizontal-pod-autoscaler-cpu-initialization-period'),
      initialReadinessDelayMs: values.number('horizontal-pod-autoscaler-initial-readiness-delay'),
    },
    verbosity: values.number('v'),
  };
}

/** What `--controllers` knows of a controller. */
interface Switchable {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly offByDefault?: boolean;
}

/** Whether `--controllers` switches one on: named, or `*` and neither `-named` nor off by default. */
export function isEnabled(
  controllers: readonly string[],
  { name, aliases = [], offByDefault = false }: Switchable,
): boolean {
  const names = [name, ...aliases];
  if (controllers.some((c) => names.includes(c))) return true;
  if (controllers.some((c) => c.startsWith('-') && names.includes(c.slice(1)))) return false;
  return !offByDefault && controllers.includes('*');
}

/** Throws for the first name that nobody has. */
export function checkControllers(
  controllers: readonly string[],
  known: readonly Switchable[],
): void {
  const names = new Set(known.flatMap(({ name, aliases = [] }) => [name, ...aliases]));
  for (const one of controllers) {
    const name = one.replace(/^-/, '');
    if (one !== '*' && !names.has(name))
      throw new Error(`${JSON.stringify(name)} is not in the list of known controllers`);
  }
}
