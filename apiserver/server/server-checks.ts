/**
 * The named checks of this server's /healthz, /livez and /readyz, under upstream's names, as far as the server has
 * what they are named after. Upstream's start-up hooks run one by one; here they are one piece of work, which
 * is done or not.
 */
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';
import type { ServerCheck } from './health.js';

const ALL = ['healthz', 'livez', 'readyz'] as const;

/** In upstream's order; all of them are done when the bootstrap is. */
const BOOTSTRAP_HOOKS = [
  'start-apiserver-admission-initializer',
  'priority-and-fairness-config-consumer',
  'priority-and-fairness-filter',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'start-system-namespaces-controller',
  'start-cluster-authentication-info-controller',
  'start-kube-apiserver-identity-lease-controller',
  'start-kube-apiserver-identity-lease-garbage-collector',
  'start-legacy-token-tracking-controller',
  'start-service-ip-repair-controllers',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'bootstrap-controller',
  'start-kubernetes-service-cidr-controller',
  'aggregator-reload-proxy-client-cert',
  'apiservice-status-local-available-controller',
  'apiservice-status-remote-available-controller',
  'apiservice-registration-controller',
  'apiservice-discovery-controller',
  'kube-apiserver-autoregistration',
] as const;
const LAST_HOOKS = ['apiservice-openapi-controller', 'apiservice-openapiv3-controller'] as const;

/** What this server has no part for: repairs of Service addresses, and certificates that are read again. */
const ABSENT = new Set<string>([
  'start-service-ip-repair-controllers',
  'aggregator-reload-proxy-client-cert',
]);
const FLOW_CONTROL = 'priority-and-fairness-config-consumer';

export interface ServerHealthOptions {
  readonly etcd: Pick<EtcdClient, 'status'>;
  readonly flowControlSynced: () => boolean;
  readonly isStopping: () => boolean;
}

export class ServerHealth {
  readonly checks: readonly ServerCheck[];
  private isBootstrapped = false;

  constructor(private readonly options: ServerHealthOptions) {
    const { flowControlSynced, isStopping } = options;
    const hook = (name: string): ServerCheck => ({
      name: `poststarthook/${name}`,
      of: ALL,
      check: () => {
        if (!this.isBootstrapped || (name === FLOW_CONTROL && !flowControlSynced()))
          throw new Error('not finished');
      },
    });
    const hooks = (names: readonly string[]) => names.filter((n) => !ABSENT.has(n)).map(hook);
    this.checks = [
      { name: 'ping', of: ALL, check: () => undefined },
      { name: 'log', of: ALL, check: () => undefined },
      { name: 'etcd', of: ALL, check: (signal) => this.storeAnswers(signal) },
      { name: 'etcd-readiness', of: ['readyz'], check: (signal) => this.storeAnswers(signal) },
      {
        name: 'informer-sync',
        of: ['readyz'],
        check: () => {
          if (!this.isBootstrapped) throw new Error('informers not started yet');
        },
      },
      ...hooks(BOOTSTRAP_HOOKS),
      {
        name: 'autoregister-completion',
        of: ALL,
        check: () => {
          if (!this.isBootstrapped) throw new Error('missing APIServices');
        },
      },
      ...hooks(LAST_HOOKS),
      {
        name: 'shutdown',
        of: ['readyz'],
        check: () => {
          if (isStopping()) throw new Error('process is shutting down');
        },
      },
    ];
  }

  bootstrapped(): void {
    this.isBootstrapped = true;
  }

  private async storeAnswers(signal: AbortSignal): Promise<void> {
    await this.options.etcd.status(signal);
  }
}
