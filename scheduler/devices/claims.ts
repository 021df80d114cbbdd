/**
 * ResourceClaims as the scheduler sees them, and what it has promised: devices that were picked for a claim
 * are kept from others until the API shows them allocated, or the promise is taken back.
 */
import {
  claimNameOf,
  DEVICES_FINALIZER,
  isReservedFor,
  notForPod,
} from '../../pkg/api/devices/pod-claims.js';
import type {
  AllocationResult,
  DeviceClass,
  Pod,
  ResourceClaim,
  ResourceSlice,
} from '../../pkg/api/types.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isConflict } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { deviceId } from './pools.js';

/** A claim that others write to at the same time is read again this often. */
const CONFLICT_RETRIES = 5;

export interface ClaimBookOptions {
  readonly claims: Pick<Informer<ResourceClaim>, 'store' | 'addHandler'>;
  readonly slices: Pick<Informer<ResourceSlice>, 'store'>;
  readonly classes: Pick<Informer<DeviceClass>, 'store'>;
  readonly client: Pick<ResourceClient<ResourceClaim>, 'get' | 'update' | 'updateStatus'>;
}

export class ClaimBook {
  /** By the claim's uid. */
  private readonly promised = new Map<string, AllocationResult>();

  constructor(private readonly options: ClaimBookOptions) {
    const over = (claim: ResourceClaim) => this.promised.delete(claim.metadata?.uid ?? '');
    options.claims.addHandler({
      update: (_, claim) => {
        if (claim.status?.allocation) over(claim);
      },
      delete: over,
    });
  }

  slices(): Iterable<ResourceSlice> {
    return this.options.slices.store.values();
  }

  deviceClass(name: string): DeviceClass | undefined {
    return this.options.classes.store.get(name);
  }

  /** The pod's claims, or the sentence that says what is wrong with one. */
  ofPod(pod: Pod): ResourceClaim[] | string {
    const claims: ResourceClaim[] = [];
    for (const one of pod.spec?.resourceClaims ?? []) {
      const found = claimNameOf(pod, one);
      if (found.missing !== undefined) return found.missing;
      if (found.name === undefined) continue;
      const key = `${pod.metadata?.namespace ?? ''}/${found.name}`;
      const claim = this.options.claims.store.get(key);
      if (!claim) return `could not find ResourceClaim ${JSON.stringify(key)}`;
      if (claim.metadata?.deletionTimestamp !== undefined)
        return `resourceclaim ${JSON.stringify(found.name)} is being deleted`;
      const foreign = found.owned ? notForPod(pod, claim) : undefined;
      if (foreign !== undefined) return foreign;
      claims.push(claim);
    }
    return claims;
  }

  /** Devices that nobody else may have. Those that were only looked into are not among them. */
  inUse(): Set<string> {
    const used = new Set<string>();
    const add = ({ devices }: AllocationResult) => {
      for (const { driver, pool, device, adminAccess } of devices?.results ?? [])
        if (!adminAccess) used.add(deviceId(driver, pool, device));
    };
    for (const { status } of this.options.claims.store.values())
      if (status?.allocation) add(status.allocation);
    for (const allocation of this.promised.values()) add(allocation);
    return used;
  }

  isPromised({ metadata }: ResourceClaim): boolean {
    return this.promised.has(metadata?.uid ?? '');
  }

  promise({ metadata }: ResourceClaim, allocation: AllocationResult): void {
    this.promised.set(metadata?.uid ?? '', allocation);
  }

  release({ metadata }: ResourceClaim): void {
    this.promised.delete(metadata?.uid ?? '');
  }

  /** Writes down that the pod has the claim, and with it what was promised for it. */
  async reserve(
    claim: ResourceClaim,
    pod: Pod,
    allocation: AllocationResult | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace = '', name = '' } = claim.metadata ?? {};
    for (let current = claim, tries = 0; ; tries++) {
      try {
        await this.write(current, pod, allocation, signal);
        return;
      } catch (err) {
        if (!isConflict(err) || tries >= CONFLICT_RETRIES) throw err;
        current = await this.options.client.get(namespace, name, { signal });
      }
    }
  }

  /** Takes the devices of a claim that nobody uses back, so that it can be allocated elsewhere. */
  async deallocate(claim: ResourceClaim, signal: AbortSignal): Promise<void> {
    const { allocation: _, reservedFor: __, devices: ___, ...status } = claim.status ?? {};
    await this.options.client.updateStatus({ ...claim, status }, { signal });
  }

  private async write(
    claim: ResourceClaim,
    pod: Pod,
    allocation: AllocationResult | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { client } = this.options;
    const key = keyOf(claim);
    let current = claim;
    if (current.metadata?.deletionTimestamp !== undefined)
      throw new Error(`claim ${key} got deleted in the meantime`);
    if (allocation) {
      if (current.status?.allocation)
        throw new Error(`claim ${key} got allocated elsewhere in the meantime`);
      const finalizers = current.metadata?.finalizers ?? [];
      if (!finalizers.includes(DEVICES_FINALIZER)) {
        const metadata = { ...current.metadata, finalizers: [...finalizers, DEVICES_FINALIZER] };
        current = await client.update({ ...current, metadata }, { signal });
      }
    }
    if (isReservedFor(pod, current)) return;
    const { name = '', uid = '' } = pod.metadata ?? {};
    const reservedFor = [...(current.status?.reservedFor ?? []), { resource: 'pods', name, uid }];
    const status = { ...current.status, ...(allocation ? { allocation } : {}), reservedFor };
    await client.updateStatus({ ...current, status }, { signal });
  }
}
