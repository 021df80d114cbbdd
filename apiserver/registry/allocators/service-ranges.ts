/**
 * All ranges that Services get addresses of one family from: those of every ServiceCIDR that is Ready and not
 * being deleted (`pkg/registry/core/service/ipallocator`, MetaAllocator). Until there is one, the server's own.
 */
import type { ServiceCIDR } from '../../../pkg/api/types.js';
import { type AddressRange, canonicalAddress, parseRange } from '../../../pkg/apimachinery/cidr.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import type { RequestContext } from '../../server/request-context.js';
import { type AddressOwner, AllocationError, ClusterIPAllocator } from './cluster-ip-allocator.js';

export class ServiceRanges {
  private readonly own: ClusterIPAllocator;
  /** By range. There are as many as people make objects. */
  private known = new Map<string, ClusterIPAllocator>();

  constructor(range: AddressRange) {
    this.own = new ClusterIPAllocator(range);
  }

  /** Takes one address, or throws AllocationError. */
  async allocate(address: string, owner: AddressOwner, ctx: RequestContext): Promise<void> {
    const canonical = canonicalAddress(address);
    const range = this.ready(ctx).find((one) => one.holds(canonical));
    if (!range) throw new AllocationError('the provided network does not match the current range');
    await range.allocate(address, owner, ctx);
  }

  /** Takes any free address of any range, or throws AllocationError when there is none. */
  async allocateNext(owner: AddressOwner, ctx: RequestContext): Promise<string> {
    const ranges = this.ready(ctx);
    for (const [i, range] of ranges.entries()) {
      try {
        return await range.allocateNext(owner, ctx);
      } catch (err) {
        if (!(err instanceof AllocationError) || i === ranges.length - 1) throw err;
      }
    }
    throw new AllocationError('range is full');
  }

  /** Wherever it was taken from. */
  release(address: string, owner: AddressOwner, ctx: RequestContext): Promise<void> {
    return this.own.release(address, owner, ctx);
  }

  /** The server's own first, where it is among them. */
  private ready(ctx: RequestContext): ClusterIPAllocator[] {
    const { cidr: own, family } = this.own.range;
    const objects = ctx.server.store('networking.k8s.io', 'servicecidrs').peekAll('') ?? [];
    const cidrs = new Set(objects.filter(isReady).flatMap((one) => one.spec?.cidrs ?? []));
    const known = new Map<string, ClusterIPAllocator>();
    for (const cidr of cidrs) {
      const allocator = this.known.get(cidr) ?? new ClusterIPAllocator(parseRange(cidr));
      if (allocator.range.family === family) known.set(cidr, allocator);
    }
    this.known = known;
    if (known.size === 0) return [this.own];
    return [...known]
      .sort(([a], [b]) => Number(b === own) - Number(a === own))
      .map(([, allocator]) => allocator);
  }
}

function isReady(obj: KubeObject & Partial<ServiceCIDR>): obj is ServiceCIDR {
  if (obj.metadata?.deletionTimestamp !== undefined) return false;
  return (
    obj.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ===
    true
  );
}
