/** Addresses that are given out from ranges, the lowest free one first. */
import {
  type AddressRange,
  addressAt,
  canonicalAddress,
  contains,
  type IPFamily,
  parseRange,
} from '../../pkg/apimachinery/cidr.js';

/** No more of one range are looked through. */
const MAX_ADDRESSES = 65_536n;

export class AddressPool {
  private readonly ranges: readonly AddressRange[];
  private readonly owners = new Map<string, string>();

  /** Throws for what is no CIDR. */
  constructor(cidrs: readonly string[]) {
    this.ranges = cidrs.map(parseRange);
  }

  /** False: it is another's, or not of this pool. */
  take(address: string, owner: string): boolean {
    const name = canonicalAddress(address);
    if (!this.ranges.some((range) => contains(range, name))) return false;
    const known = this.owners.get(name);
    if (known !== undefined && known !== owner) return false;
    this.owners.set(name, owner);
    return true;
  }

  /** Undefined: none is free. */
  takeNext(family: IPFamily, owner: string): string | undefined {
    for (const range of this.ranges.filter((each) => each.family === family)) {
      const end = range.size < MAX_ADDRESSES ? range.size : MAX_ADDRESSES;
      for (let i = 1n; i < end; i++) {
        const address = addressAt(range, i);
        if (!this.owners.has(address) && this.take(address, owner)) return address;
      }
    }
    return undefined;
  }

  release(owner: string): void {
    for (const [address, taker] of this.owners) if (taker === owner) this.owners.delete(address);
  }
}
