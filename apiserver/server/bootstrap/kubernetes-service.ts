/**
 * The Service `kubernetes` and the addresses behind it. Every apiserver holds a key under
 * `/registry/masterleases/` with a lease and renews it; the Endpoints and EndpointSlice list whoever has one.
 * A server that dies drops out when its lease ends; one that stops in order takes its key away. Who deletes the
 * Service has it back within ten seconds.
 */
import { networkInterfaces } from 'node:os';
import type { EndpointSlice, Endpoints, Service } from '../../../pkg/api/types.js';
import type { EtcdClient } from '../../../pkg/etcd-client/interface.js';
import { prefixEnd } from '../../../pkg/etcd-client/interface.js';
import type { RequestContext } from '../request-context.js';
import { ensure, keep } from './ensure.js';

const LEASES = '/registry/masterleases/';
const LEASE_SECONDS = 15;
const RENEW_MS = 10_000;
const NAME = 'kubernetes';
const LABELS = { component: 'apiserver', provider: 'kubernetes' };

export interface KubernetesServiceOptions {
  readonly etcd: EtcdClient;
  /** The first address of the service range. */
  readonly clusterIP: string;
  readonly advertiseAddress: string;
  readonly port: number;
}

async function ensureService(
  ctx: RequestContext,
  { clusterIP, port }: KubernetesServiceOptions,
): Promise<void> {
  const wanted: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace: 'default', labels: LABELS },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port }],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
  };
  await ensure(ctx, '', 'services', wanted);
}

/** Keeps the Service, and this server in its list, until the signal aborts. */
export class KubernetesService {
  private leaseId: string | undefined;
  private readonly address: string | undefined;

  constructor(private readonly options: KubernetesServiceOptions) {
    this.address = routableAddress(options.advertiseAddress);
  }

  /** One round: the Service is there; renew, look who else is there, write that down. */
  async reconcile(ctx: RequestContext): Promise<void> {
    await ensureService(ctx, this.options);
    if (this.address === undefined) return;
    await this.renew(this.address);
    const { kvs } = await this.options.etcd.range(LEASES, {
      rangeEnd: prefixEnd(LEASES),
      keysOnly: true,
    });
    const addresses = kvs.map(({ key }) => key.slice(LEASES.length)).sort();
    await Promise.all([this.keepEndpoints(ctx, addresses), this.keepSlice(ctx, addresses)]);
  }

  async run(ctx: RequestContext): Promise<void> {
    const { signal, clock, logger } = ctx;
    if (this.address === undefined) {
      logger.warn('no address that others could reach: the kubernetes Service has no endpoints');
    }
    while (!signal.aborted) {
      try {
        await clock.sleep(RENEW_MS, signal);
        await this.reconcile(ctx);
      } catch (err) {
        if (signal.aborted) break;
        logger.warn(
          { err },
          'could not keep the kubernetes Service and the place among the apiservers',
        );
      }
    }
    await this.leave(ctx);
  }

  private async leave(ctx: RequestContext): Promise<void> {
    if (this.leaseId === undefined) return;
    try {
      await this.options.etcd.leaseRevoke(this.leaseId);
    } catch (err) {
      // It ends by itself soon.
      ctx.logger.debug({ err }, 'could not give up the place among the apiservers');
    }
  }

  private async renew(address: string): Promise<void> {
    const { etcd } = this.options;
    if (this.leaseId !== undefined) {
      const { ttl } = await etcd.leaseKeepAlive(this.leaseId);
      if (ttl > 0) return;
    }
    const { id } = await etcd.leaseGrant(LEASE_SECONDS);
    this.leaseId = id;
    const value = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { creationTimestamp: null },
      subsets: [{ addresses: [{ ip: address }] }],
    };
    const put = {
      type: 'put',
      key: LEASES + address,
      value: Buffer.from(JSON.stringify(value)),
      lease: id,
    } as const;
    await etcd.txn([], [put], []);
  }

  private async keepEndpoints(ctx: RequestContext, addresses: readonly string[]): Promise<void> {
    const subsets = [
      {
        addresses: addresses.map((ip) => ({ ip })),
        ports: [{ name: 'https', port: this.options.port, protocol: 'TCP' }],
      },
    ];
    const wanted: Endpoints = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: {
        name: NAME,
        namespace: 'default',
        labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
      },
      subsets,
    };
    await keep(ctx, '', 'endpoints', wanted, (current) =>
      same(current.subsets, subsets) ? undefined : { ...current, subsets },
    );
  }

  private async keepSlice(ctx: RequestContext, addresses: readonly string[]): Promise<void> {
    const endpoints = addresses.map((ip) => ({ addresses: [ip], conditions: { ready: true } }));
    const ports = [{ name: 'https', port: this.options.port, protocol: 'TCP' }];
    const wanted: EndpointSlice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: NAME,
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': NAME },
      },
      addressType: this.address?.includes(':') ? 'IPv6' : 'IPv4',
      endpoints,
      ports,
    };
    await keep(ctx, 'discovery.k8s.io', 'endpointslices', wanted, (current) =>
      same(current.endpoints, endpoints) && same(current.ports, ports)
        ? undefined
        : { ...current, endpoints, ports },
    );
  }
}

/** An address that may stand in Endpoints: a loopback one may not, so the machine's first other one. */
export function routableAddress(advertised: string): string | undefined {
  const usable = (address: string) => !/^(127\.|::1$|0\.0\.0\.0$|::$)/.test(address);
  if (advertised !== '' && usable(advertised)) return advertised;
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === 'IPv4' && !internal && !address.startsWith('169.254.')) return address;
    }
  }
  return undefined;
}

/** Both are made of the same fields in the same order but for what defaulting adds, which is none here. */
function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
