/**
 * Gives out the virtual addresses of one range. Each address that is taken is an IPAddress object of that
 * name, and creating it is what takes it: the store lets one of many apiservers win. Nothing is remembered
 * here, so there is nothing to repair after a crash but objects whose Service never came to be.
 */
import type { IPAddress } from '../../../pkg/api/types.js';
import {
  type AddressRange,
  addressAt,
  canonicalAddress,
  contains,
} from '../../../pkg/apimachinery/cidr.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import type { InternalStore, RequestContext } from '../../server/request-context.js';

/** Dynamic addresses keep out of the range's first part while there are others: people choose from there. */
const MIN_STATIC = 16n;
const MAX_STATIC = 256n;
/** Random draws before the range is walked; enough unless it is nearly full. */
const DRAWS = 8;
/** How many are looked at in a walk; more than a range of IPv4 services commonly has. */
const MAX_WALK = 1n << 16n;

const FAMILY_LABEL = 'ipaddress.kubernetes.io/ip-family';
const MANAGED_BY_LABEL = 'ipaddress.kubernetes.io/managed-by';
const MANAGED_BY = 'ipallocator.k8s.io';

export interface AddressOwner {
  readonly namespace: string;
  readonly name: string;
}

/** Why an address could not be had, in the words that the Service's field error ends with. */
export class AllocationError extends Error {}

export class ClusterIPAllocator {
  constructor(readonly range: AddressRange) {}

  holds(address: string): boolean {
    return contains(this.range, address);
  }

  /** Takes one address of the range, or throws AllocationError. */
  async allocate(address: string, owner: AddressOwner, ctx: RequestContext): Promise<void> {
    if (!(await this.take(canonicalAddress(address), owner, ctx))) {
      throw new AllocationError('provided IP is already allocated');
    }
  }

  /** Takes any free address, or throws AllocationError when there is none. */
  async allocateNext(owner: AddressOwner, ctx: RequestContext): Promise<string> {
    const last = this.range.family === 'IPv4' ? this.range.size - 2n : this.range.size - 1n;
    if (last < 1n) throw new AllocationError('range is full');
    const first = this.staticOffsets() + 1n;
    const upper = first <= last ? { from: first, to: last } : undefined;
    const lower = { from: 1n, to: upper ? first - 1n : last };
    for (const band of upper ? [upper, lower] : [lower]) {
      const taken = await this.allocateIn(band.from, band.to, owner, ctx);
      if (taken) return taken;
    }
    throw new AllocationError('range is full');
  }

  /** Gives an address back, if it is the owner's. Absent is as good as given back. */
  async release(address: string, owner: AddressOwner, ctx: RequestContext): Promise<void> {
    const store = addresses(ctx);
    const name = canonicalAddress(address);
    const held = store.peek('', name);
    if (held && !isOwner(held, owner)) return;
    try {
      await store.delete('', name, undefined, ctx);
    } catch (err) {
      if (!isReason(err, 'NotFound')) throw err;
    }
  }

  private async allocateIn(
    from: bigint,
    to: bigint,
    owner: AddressOwner,
    ctx: RequestContext,
  ): Promise<string | undefined> {
    const count = to - from + 1n;
    if (count < 1n) return undefined;
    for (let draw = 0; draw < DRAWS; draw++) {
      const taken = await this.takeAt(from + randomBelow(count, ctx), owner, ctx);
      if (taken) return taken;
    }
    const start = randomBelow(count, ctx);
    const steps = count < MAX_WALK ? count : MAX_WALK;
    for (let step = 0n; step < steps; step++) {
      ctx.signal.throwIfAborted();
      const taken = await this.takeAt(from + ((start + step) % count), owner, ctx);
      if (taken) return taken;
    }
    return undefined;
  }

  private async takeAt(
    offset: bigint,
    owner: AddressOwner,
    ctx: RequestContext,
  ): Promise<string | undefined> {
    const address = addressAt(this.range, offset);
    // The cache spares most of the tries that would fail; the create below decides.
    if (addresses(ctx).peek('', address)) return undefined;
    return (await this.take(address, owner, ctx)) ? address : undefined;
  }

  private async take(address: string, owner: AddressOwner, ctx: RequestContext): Promise<boolean> {
    const obj: IPAddress = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: {
        name: address,
        labels: { [FAMILY_LABEL]: this.range.family, [MANAGED_BY_LABEL]: MANAGED_BY },
      },
      spec: {
        parentRef: {
          group: '',
          resource: 'services',
          namespace: owner.namespace,
          name: owner.name,
        },
      },
    };
    try {
      await addresses(ctx).create(obj, ctx);
      return true;
    } catch (err) {
      if (isReason(err, 'AlreadyExists')) return false;
      throw err;
    }
  }

  private staticOffsets(): bigint {
    const share = this.range.size / 16n;
    return share < MIN_STATIC ? MIN_STATIC : share > MAX_STATIC ? MAX_STATIC : share;
  }
}

function addresses(ctx: RequestContext): InternalStore {
  return ctx.server.store('networking.k8s.io', 'ipaddresses');
}

function isOwner(obj: KubeObject & Partial<IPAddress>, owner: AddressOwner): boolean {
  const parent = obj.spec?.parentRef;
  return parent?.namespace === owner.namespace && parent?.name === owner.name;
}

function randomBelow(count: bigint, ctx: RequestContext): bigint {
  // 53 random bits are plenty, also for a range of IPv6.
  const limit = count < 1n << 53n ? Number(count) : Number.MAX_SAFE_INTEGER;
  return BigInt(Math.floor(ctx.clock.random() * limit));
}
