/**
 * What a write to a Service takes and gives back: virtual addresses, node ports, the health check's port.
 *
 *   begin: take what the new object needs and the old one has not ─▶ the write
 *     failed ─▶ undo: give back what was taken
 *     done   ─▶ commit: give back what the old object had and the new one has not
 *
 * Nothing is given back before the write is done, so no address is ever two Services'. A crash between the
 * steps leaves something taken that nobody uses, never the other way round.
 */
import type { Service, ServicePort } from '../../../pkg/api/types.js';
import {
  canonicalAddress,
  familyOf,
  type IPFamily,
  parseRange,
} from '../../../pkg/apimachinery/cidr.js';
import { invalid as invalidField, type Path, path } from '../../../pkg/apimachinery/field-error.js';
import { internalError, invalid } from '../../../pkg/apimachinery/status.js';
import type { EtcdClient } from '../../../pkg/etcd-client/interface.js';
import { serverContext } from '../../server/bootstrap/server-context.js';
import type { RequestContext } from '../../server/request-context.js';
import { needsClusterIP, needsHealthCheckNodePort, needsNodePort } from '../defaults/service.js';
import type { Undo } from '../resource.js';
import { AllocationError } from './cluster-ip-allocator.js';
import { isHeadless } from './ip-families.js';
import { NodePortAllocator, type PortRange } from './node-port-allocator.js';
import { ServiceRanges } from './service-ranges.js';

/** How long the store is given to take back what is no longer used. */
const RELEASE_PATIENCE_MS = 10_000;

export interface ServiceAllocatorOptions {
  readonly serviceClusterIPRanges: readonly string[];
  readonly serviceNodePortRange: PortRange;
  readonly etcd: EtcdClient;
}

/** What one write has taken so far. */
interface Taken {
  readonly addresses: string[];
  readonly ports: number[];
}

export class ServiceAllocator {
  /** The cluster's, the main one first. */
  readonly families: readonly IPFamily[];
  private readonly addresses = new Map<IPFamily, ServiceRanges>();
  private readonly ports: NodePortAllocator;

  constructor(options: ServiceAllocatorOptions) {
    for (const cidr of options.serviceClusterIPRanges) {
      const range = parseRange(cidr);
      this.addresses.set(range.family, new ServiceRanges(range));
    }
    this.families = [...this.addresses.keys()];
    this.ports = new NodePortAllocator(options.etcd, options.serviceNodePortRange);
  }

  async begin(
    write: 'create' | 'update' | 'delete',
    obj: Service,
    old: Service | undefined,
    ctx: RequestContext,
  ): Promise<Undo> {
    const taken: Taken = { addresses: [], ports: [] };
    const undo: Undo = () => this.release(obj, taken, ctx);
    if (write !== 'delete') {
      const own = ownContext(ctx, ctx.signal);
      try {
        await this.takeAddresses(obj, old, taken, own);
        await this.takePorts(obj, old, taken, own);
      } catch (err) {
        await undo();
        throw err;
      }
    }
    const before = write === 'create' ? undefined : old;
    const after = write === 'delete' ? undefined : obj;
    undo.commit = () => this.release(obj, unused(before, after), ctx);
    return undo;
  }

  private async takeAddresses(
    obj: Service,
    old: Service | undefined,
    taken: Taken,
    ctx: RequestContext,
  ) {
    const spec = obj.spec;
    if (!spec || !needsClusterIP(spec) || isHeadless(obj)) return;
    const owner = ownerOf(obj);
    const had = new Set(addressesOf(old));
    const wanted = [...(spec.clusterIPs ?? [])];
    const families = spec.ipFamilies ?? this.families.slice(0, 1);
    for (const [i, family] of families.entries()) {
      const asked = wanted[i];
      if (asked && had.has(canonicalAddress(asked))) continue;
      const allocator = this.addresses.get(
        (asked && familyOf(asked)) || (family === 'IPv6' ? 'IPv6' : 'IPv4'),
      );
      if (!allocator) continue;
      if (asked) {
        await orInvalid(
          obj,
          path('spec', 'clusterIPs'),
          wanted,
          `failed to allocate IP ${asked}: `,
          () => allocator.allocate(asked, owner, ctx),
        );
      } else {
        wanted[i] = await orInternal('failed to allocate a serviceIP: ', () =>
          allocator.allocateNext(owner, ctx),
        );
      }
      taken.addresses.push(wanted[i] ?? '');
    }
    // What has all that it needs may be frozen: of a patched status the spec is the stored one.
    const own = wanted.slice(0, families.length);
    if (own.join() === spec.clusterIPs?.join() && spec.clusterIP === own[0]) return;
    spec.clusterIPs = own;
    spec.clusterIP = wanted[0];
  }

  private async takePorts(
    obj: Service,
    old: Service | undefined,
    taken: Taken,
    ctx: RequestContext,
  ) {
    const spec = obj.spec;
    if (!spec) return;
    const had = new Set(portsOf(old));
    if (
      needsNodePort(spec) ||
      (spec.type === 'LoadBalancer' && (spec.ports ?? []).some((p) => p.nodePort))
    ) {
      // TCP and UDP of one port share a node port.
      const known = new Map<number, number>();
      const own = new Set<number>(had);
      for (const [i, port] of (spec.ports ?? []).entries()) {
        await this.takePort(
          obj,
          port,
          path('spec', 'ports').index(i).child('nodePort'),
          known,
          own,
          taken,
          ctx,
        );
      }
    }
    if (!needsHealthCheckNodePort(spec)) return;
    const asked = spec.healthCheckNodePort;
    if (asked && had.has(asked)) return;
    if (asked) {
      await orInternal(`failed to allocate requested HealthCheck NodePort ${asked}: `, () =>
        this.ports.allocate(asked, ctx),
      );
      taken.ports.push(asked);
    } else {
      const port = await orInternal('failed to allocate a HealthCheck NodePort : ', () =>
        this.ports.allocateNext(ctx),
      );
      taken.ports.push(port);
      spec.healthCheckNodePort = port;
    }
  }

  private async takePort(
    obj: Service,
    port: ServicePort,
    at: Path,
    known: Map<number, number>,
    own: Set<number>,
    taken: Taken,
    ctx: RequestContext,
  ): Promise<void> {
    const shared = known.get(port.port);
    if (!port.nodePort && shared) port.nodePort = shared;
    if (!port.nodePort) {
      if (!needsNodePort(obj.spec ?? {})) return;
      port.nodePort = await orInternal('failed to allocate a nodePort: ', () =>
        this.ports.allocateNext(ctx),
      );
      taken.ports.push(port.nodePort);
    } else if (!own.has(port.nodePort)) {
      const asked = port.nodePort;
      await orInvalid(obj, at, asked, '', () => this.ports.allocate(asked, ctx));
      taken.ports.push(asked);
    }
    own.add(port.nodePort);
    if (!known.has(port.port)) known.set(port.port, port.nodePort);
  }

  /**
   * Whatever becomes of the request: its client may be gone by now. What can not be given back stays taken,
   * which harms nobody but shows in the log.
   */
  private async release(obj: Service, what: Taken, ctx: RequestContext): Promise<void> {
    if (what.addresses.length + what.ports.length === 0) return;
    const patience = new AbortController();
    const timer = ctx.clock.after(RELEASE_PATIENCE_MS, () =>
      patience.abort(new Error('addresses could not be given back in time')),
    );
    const own = ownContext(ctx, patience.signal);
    const owner = ownerOf(obj);
    try {
      for (const address of what.addresses) {
        const family = familyOf(address);
        await (family && this.addresses.get(family))?.release(address, owner, own);
      }
      await this.ports.release(what.ports, own.signal);
    } catch (err) {
      ctx.logger.error({ err, ...owner, ...what }, 'Addresses of a Service stay taken');
    } finally {
      timer.stop();
    }
  }
}

/** Allocations are the server's own doing, not the client's. */
function ownContext(ctx: RequestContext, signal: AbortSignal): RequestContext {
  return serverContext({ server: ctx.server, clock: ctx.clock, logger: ctx.logger, signal });
}

/** What the old object had and the new one has not. */
function unused(old: Service | undefined, obj: Service | undefined): Taken {
  const addresses = new Set(addressesOf(obj));
  const ports = new Set(portsOf(obj));
  return {
    addresses: addressesOf(old).filter((address) => !addresses.has(address)),
    ports: portsOf(old).filter((port) => !ports.has(port)),
  };
}

function addressesOf(obj: Service | undefined): string[] {
  if (!obj?.spec || !needsClusterIP(obj.spec)) return [];
  return (obj.spec.clusterIPs ?? []).filter((address) => familyOf(address)).map(canonicalAddress);
}

function portsOf(obj: Service | undefined): number[] {
  const ports = (obj?.spec?.ports ?? []).map((port) => port.nodePort ?? 0);
  return [...new Set([...ports, obj?.spec?.healthCheckNodePort ?? 0])].filter((port) => port > 0);
}

function ownerOf(obj: Service) {
  return { namespace: obj.metadata?.namespace ?? '', name: obj.metadata?.name ?? '' };
}

async function orInvalid<T>(
  obj: Service,
  at: Path,
  value: unknown,
  prefix: string,
  allocate: () => Promise<T>,
): Promise<T> {
  try {
    return await allocate();
  } catch (err) {
    if (!(err instanceof AllocationError)) throw err;
    const error = invalidField(at, value, `${prefix}${err.message}`);
    throw invalid({ group: '', kind: 'Service' }, obj.metadata?.name ?? '', [error]);
  }
}

async function orInternal<T>(prefix: string, allocate: () => Promise<T>): Promise<T> {
  try {
    return await allocate();
  } catch (err) {
    if (err instanceof AllocationError) throw internalError(`${prefix}${err.message}`);
    throw err;
  }
}
