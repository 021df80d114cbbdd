/**
 * What every cluster has from its first second, made at each start of an apiserver: idempotent, concurrent,
 * and safe beside another server that does the same. Throws when the store cannot be written; the caller
 * tries again.
 *
 *   storage class ─▶ namespaces ─▶ default roles, priority classes, flow control, the kubernetes Service, ServiceCIDR,
 *                 the ConfigMap that extension servers read, since when tokens are tracked
 */
import type { EtcdClient } from '../../../pkg/etcd-client/interface.js';
import { reconcilePolicy } from '../../authz/bootstrap-policy/reconcile.js';
import type { RequestContext } from '../request-context.js';
import { ensure, keep } from './ensure.js';
import { ensureFlowControl } from './flow-control.js';
import { KubernetesService } from './kubernetes-service.js';
import { ensureLegacyTokenTracking } from './legacy-token-tracking.js';
import { ensurePriorityClasses } from './priority-classes.js';
import { ServerLease } from './server-lease.js';
import { createFirstStorageClass } from './storage-class.js';

const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export interface BootstrapOptions {
  readonly etcd: EtcdClient;
  readonly serviceClusterIPRanges: readonly string[];
  readonly advertiseAddress: string;
  readonly port: number;
  /** Contents of `--client-ca-file`. */
  readonly clientCa?: string;
  readonly requestHeader?: {
    readonly clientCa: string;
    readonly allowedNames: readonly string[];
    readonly usernameHeaders: readonly string[];
    readonly groupHeaders: readonly string[];
    readonly extraHeaderPrefixes: readonly string[];
    readonly uidHeaders?: readonly string[];
  };
}

/** Resolves to what must run on until the server stops. */
export async function bootstrap(
  ctx: RequestContext,
  options: BootstrapOptions,
): Promise<(ctx: RequestContext) => Promise<void>> {
  await createFirstStorageClass(ctx);
  await ensureNamespaces(ctx);
  const kubernetes = new KubernetesService({
    etcd: options.etcd,
    clusterIP: firstAddress(options.serviceClusterIPRanges[0] ?? '10.96.0.0/16'),
    advertiseAddress: options.advertiseAddress,
    port: options.port,
  });
  await Promise.all([
    reconcilePolicy(ctx),
    ensurePriorityClasses(ctx),
    ensureFlowControl(ctx),
    ensureServiceCidr(ctx, options.serviceClusterIPRanges),
    ensureAuthenticationConfig(ctx, options),
    ensureLegacyTokenTracking(ctx),
    kubernetes.reconcile(ctx),
  ]);
  const lease = new ServerLease(options.port);
  await lease.hold(ctx);
  return async (running) => {
    await Promise.all([kubernetes.run(running), lease.run(running)]);
  };
}

async function ensureNamespaces(ctx: RequestContext): Promise<void> {
  await Promise.all(
    SYSTEM_NAMESPACES.map((name) =>
      ensure(ctx, '', 'namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
    ),
  );
}

async function ensureServiceCidr(ctx: RequestContext, cidrs: readonly string[]): Promise<void> {
  const wanted = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec: { cidrs: [...cidrs] },
  };
  await ensure(ctx, 'networking.k8s.io', 'servicecidrs', wanted);
}

/** What aggregated API servers need to believe this one. */
async function ensureAuthenticationConfig(
  ctx: RequestContext,
  { clientCa, requestHeader }: BootstrapOptions,
): Promise<void> {
  const data: Record<string, string> = {
    ...(clientCa ? { 'client-ca-file': clientCa } : {}),
    ...(requestHeader
      ? {
          'requestheader-allowed-names': JSON.stringify(requestHeader.allowedNames),
          'requestheader-client-ca-file': requestHeader.clientCa,
          'requestheader-extra-headers-prefix': JSON.stringify(requestHeader.extraHeaderPrefixes),
          'requestheader-group-headers': JSON.stringify(requestHeader.groupHeaders),
          'requestheader-uid-headers': JSON.stringify(requestHeader.uidHeaders ?? []),
          'requestheader-username-headers': JSON.stringify(requestHeader.usernameHeaders),
        }
      : {}),
  };
  const wanted = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data,
  };
  await keep(ctx, '', 'configmaps', wanted, (current) =>
    Object.entries(data).every(([key, value]) => current.data?.[key] === value)
      ? undefined
      : { ...current, data: { ...current.data, ...data } },
  );
}

/** `10.96.0.0/16` → `10.96.0.1`; `fd00::/108` → `fd00::1`. */
export function firstAddress(cidr: string): string {
  const [base = ''] = cidr.split('/');
  if (base.includes(':')) return base.endsWith('::') ? `${base}1` : base;
  const octets = base.split('.').map(Number);
  octets[3] = (octets[3] ?? 0) + 1;
  return octets.join('.');
}

export { serverContext } from './server-context.js';
