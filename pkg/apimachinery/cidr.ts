/**
 * Address ranges and addresses as numbers (bigint, so that both families are one case). Addresses are taken as
 * Kubernetes' old fields take them: with leading zeros, and inside IPv6 an address of IPv4 is one. Pure.
 */
import { isIP } from 'node:net';
import { formatIP, parseIP } from './validation/ip.js';

export type IPFamily = 'IPv4' | 'IPv6';

export interface AddressRange {
  readonly cidr: string;
  readonly family: IPFamily;
  /** The network's own address; the first that can be given out is the next one. */
  readonly base: bigint;
  readonly size: bigint;
}

/** Undefined for text that is no address. */
export function familyOf(address: string): IPFamily | undefined {
  if (isIP(address) === 4) return 'IPv4';
  const parsed = parseIP(address);
  return parsed && (parsed.bytes.length === 4 ? 'IPv4' : 'IPv6');
}

/** Throws for text that is no CIDR: a flag is wrong, and the process must not start. */
export function parseRange(cidr: string): AddressRange {
  const [address = '', bits = ''] = cidr.split('/');
  const family = familyOf(address);
  const width = family === 'IPv4' ? 32 : 128;
  const prefix = Number(bits);
  if (!family || bits === '' || !Number.isInteger(prefix) || prefix < 0 || prefix > width) {
    throw new Error(`invalid CIDR address: ${cidr}`);
  }
  const size = 1n << BigInt(width - prefix);
  const value = toNumber(canonicalAddress(address));
  return { cidr, family, base: value - (value % size), size };
}

export function contains(range: AddressRange, address: string): boolean {
  if (familyOf(address) !== range.family) return false;
  const value = toNumber(canonicalAddress(address));
  // Neither the network's address nor IPv4's broadcast address is anybody's.
  const last =
    range.family === 'IPv4' ? range.base + range.size - 2n : range.base + range.size - 1n;
  return value > range.base && value <= last;
}

/** The address at an offset: 1 is the first that can be given out. */
export function addressAt(range: AddressRange, offset: bigint): string {
  return toAddress(range.base + offset, range.family);
}

/** Of an address in the strict form. */
export function toNumber(address: string): bigint {
  if (isIP(address) === 4) {
    return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(Number(part)), 0n);
  }
  return expand(address).reduce((sum, part) => (sum << 16n) | BigInt(part), 0n);
}

/** Canonical: IPv6 in lower case with its longest run of zeros left out. */
export function toAddress(value: bigint, family: IPFamily): string {
  if (family === 'IPv4') {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
  }
  const parts = Array.from({ length: 8 }, (_, i) =>
    Number((value >> BigInt((7 - i) * 16)) & 0xffffn),
  );
  return compress(parts);
}

/** One text for an address, so that two spellings of it are one name. */
export function canonicalAddress(address: string): string {
  const parsed = parseIP(address);
  return parsed ? formatIP(parsed.bytes) : address;
}

function expand(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const left = groups(head);
  if (tail === undefined) return left;
  const right = groups(tail);
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const value = Number(toNumber(group));
    return [Math.floor(value / 65536), value % 65536];
  });
}

function compress(parts: readonly number[]): string {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && parts[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  const hex = parts.map((part) => part.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}
