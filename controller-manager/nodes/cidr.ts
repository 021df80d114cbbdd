/**
 * Equal parts of an IPv4 network, handed out and taken back (`pkg/controller/nodeipam/ipam/cidrset`): the
 * /24s of 10.244.0.0/16. Memory is one bit a part.
 */
export class CidrSet {
  private readonly base: number;
  private readonly size: number;
  private readonly bits: Uint8Array;
  readonly count: number;
  private next = 0;

  /** Throws where the parts do not fit the network. */
  constructor(
    cidr: string,
    private readonly partMask: number,
  ) {
    const { address, mask } = parseCidr(cidr);
    if (partMask < mask || partMask > 32 || partMask - mask > 16) {
      throw new Error(`node CIDR mask size ${partMask} does not fit cluster CIDR ${cidr}`);
    }
    this.size = 2 ** (32 - partMask);
    this.count = 2 ** (partMask - mask);
    this.base = address - (address % 2 ** (32 - mask));
    this.bits = new Uint8Array(Math.ceil(this.count / 8));
  }

  /** undefined: all are taken. Parts come in order, so that a freed one is not used again at once. */
  allocate(): string | undefined {
    for (let i = 0; i < this.count; i++) {
      const at = (this.next + i) % this.count;
      if (this.taken(at)) continue;
      this.mark(at, true);
      this.next = (at + 1) % this.count;
      return `${formatAddress(this.base + at * this.size)}/${this.partMask}`;
    }
    return undefined;
  }

  /** A part that a node has already. What is no part of this network is ignored. */
  occupy(cidr: string): void {
    const at = this.indexOf(cidr);
    if (at !== undefined) this.mark(at, true);
  }

  release(cidr: string): void {
    const at = this.indexOf(cidr);
    if (at !== undefined) this.mark(at, false);
  }

  private indexOf(cidr: string): number | undefined {
    if (cidr.includes(':')) return undefined;
    const { address } = parseCidr(cidr);
    const at = Math.floor((address - this.base) / this.size);
    return at >= 0 && at < this.count ? at : undefined;
  }

  private taken(at: number): boolean {
    return ((this.bits[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }

  private mark(at: number, on: boolean): void {
    const byte = this.bits[at >> 3] ?? 0;
    this.bits[at >> 3] = on ? byte | (1 << (at & 7)) : byte & ~(1 << (at & 7));
  }
}

function parseCidr(cidr: string): { address: number; mask: number } {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr);
  if (!match) throw new Error(`not an IPv4 network: ${JSON.stringify(cidr)}`);
  const [a = 0, b = 0, c = 0, d = 0, mask = 0] = match.slice(1).map(Number);
  if ([a, b, c, d].some((part) => part > 255) || mask > 32) {
    throw new Error(`not an IPv4 network: ${JSON.stringify(cidr)}`);
  }
  return { address: ((a * 256 + b) * 256 + c) * 256 + d, mask };
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
