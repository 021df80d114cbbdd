/**
 * Pod addresses of one node out of its podCIDR, lowest free first after the last one given, so that an
 * address is not used again at once. The network's own, the bridge's (.1) and the broadcast address are
 * kept. Addresses given before the range was known are kept too.
 */
export class IpAllocator {
  private base = 0;
  private size = 0;
  private next = 2;
  private readonly used = new Set<string>();

  constructor(cidr?: string) {
    if (cidr !== undefined) this.configure(cidr);
  }

  get configured(): boolean {
    return this.size > 0;
  }

  configure(cidr: string): void {
    const [address = '', bits = '24'] = cidr.split('/');
    const parts = address.split('.').map(Number);
    const prefix = Number(bits);
    if (
      parts.length !== 4 ||
      parts.some((p) => !(p >= 0 && p <= 255)) ||
      !(prefix >= 8 && prefix <= 30)
    ) {
      throw new Error(`not an IPv4 pod range: ${cidr}`);
    }
    const size = 2 ** (32 - prefix);
    const base = parts.reduce((sum, p) => sum * 256 + p, 0);
    if (base === this.base && size === this.size) return;
    this.base = base - (base % size);
    this.size = size;
    this.next = 2;
  }

  /** Undefined when every address is taken. */
  allocate(): string | undefined {
    for (let tried = 0; tried < this.size - 3; tried++) {
      const offset = this.next;
      this.next = this.next + 1 >= this.size - 1 ? 2 : this.next + 1;
      const ip = format(this.base + offset);
      if (this.used.has(ip)) continue;
      this.used.add(ip);
      return ip;
    }
    return undefined;
  }

  restore(ip: string): void {
    this.used.add(ip);
    const offset = ip.split('.').reduce((sum, p) => sum * 256 + Number(p), 0) - this.base;
    if (offset >= this.next && offset < this.size - 2) this.next = offset + 1;
  }

  release(ip: string): void {
    this.used.delete(ip);
  }
}

function format(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
