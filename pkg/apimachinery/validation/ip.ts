/**
 * IP addresses and CIDRs, with the checks and texts of `k8s.io/apimachinery/pkg/util/validation` and the
 * tolerance of the old parser behind them: leading zeros in IPv4 octets are decimal, and the checks that
 * are strict say so themselves.
 */
import { type FieldError, invalid, type Path } from '../field-error.js';

const IP_MESSAGE = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const CIDR_MESSAGE = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

export interface IPAddress {
  /** Four or sixteen; an IPv4 address mapped into IPv6 has four, as in Go. */
  readonly bytes: readonly number[];
  readonly leadingZeros: boolean;
  readonly mapped: boolean;
}

export interface CIDR {
  readonly address: IPAddress;
  /** Of the four or sixteen bytes. */
  readonly prefix: number;
  readonly leadingZeros: boolean;
}

export function parseIP(text: string): IPAddress | undefined {
  if (text.includes(':')) return parseIPv6(text);
  const v4 = parseIPv4(text);
  return v4 && { ...v4, mapped: false };
}

export function parseCIDR(text: string): CIDR | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIP(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !/^[0-9]+$/.test(digits)) return undefined;
  const written = Number(digits);
  const bits = address.mapped ? 128 : address.bytes.length * 8;
  if (written > bits) return undefined;
  return {
    address,
    prefix: address.mapped ? Math.max(0, written - 96) : written,
    leadingZeros: address.leadingZeros || (digits.length > 1 && digits.startsWith('0')),
  };
}

/** As Go prints it: RFC 5952, without leading zeros. */
export function formatIP(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0));
  // The longest run of two zero groups or more, the first of equals, becomes `::`.
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
  }
  const hex = (from: number, to?: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return start < 0 ? hex(0) : `${hex(0, start)}::${hex(start + length)}`;
}

/** The network's address: bits beyond the prefix are zero. */
export function formatCIDR({ address, prefix }: CIDR): string {
  return `${formatIP(masked(address.bytes, prefix))}/${prefix}`;
}

export function isIPv6(text: string): boolean {
  const ip = parseIP(text);
  return ip !== undefined && ip.bytes.length === 16;
}

/** For fields of old: any form of the address, but none that others might read differently. */
export function validateIPForLegacyField(
  at: Path,
  value: string,
  old: readonly string[] = [],
): FieldError[] {
  if (old.includes(value)) return [];
  const ip = parseIP(value);
  if (ip === undefined) return [invalid(at, value, IP_MESSAGE)];
  const errors: FieldError[] = [];
  if (ip.leadingZeros) errors.push(invalid(at, value, 'must not have leading 0s'));
  if (ip.mapped) errors.push(invalid(at, value, 'must not be an IPv4-mapped IPv6 address'));
  return errors;
}

/** For new fields: only the canonical form. */
export function validateIP(at: Path, value: string): FieldError[] {
  const errors = validateIPForLegacyField(at, value);
  const ip = parseIP(value);
  if (errors.length > 0 || ip === undefined) return errors;
  const canonical = formatIP(ip.bytes);
  if (canonical === value) return [];
  return [invalid(at, value, `must be in canonical form (${JSON.stringify(canonical)})`)];
}

export function validateCIDRForLegacyField(
  at: Path,
  value: string,
  old: readonly string[] = [],
): FieldError[] {
  if (old.includes(value)) return [];
  const cidr = parseCIDR(value);
  if (cidr === undefined) return [invalid(at, value, CIDR_MESSAGE)];
  if (cidr.leadingZeros) {
    return [invalid(at, value, 'must not have leading 0s in IP or prefix length')];
  }
  if (cidr.address.mapped) {
    return [invalid(at, value, 'must not have an IPv4-mapped IPv6 address')];
  }
  const network = masked(cidr.address.bytes, cidr.prefix);
  if (network.some((byte, i) => byte !== cidr.address.bytes[i])) {
    return [invalid(at, value, 'must not have bits set beyond the prefix length')];
  }
  return [];
}

export function validateCIDR(at: Path, value: string): FieldError[] {
  const errors = validateCIDRForLegacyField(at, value);
  const cidr = parseCIDR(value);
  if (errors.length > 0 || cidr === undefined) return errors;
  const canonical = formatCIDR(cidr);
  if (canonical === value) return [];
  return [invalid(at, value, `must be in canonical form (${JSON.stringify(canonical)})`)];
}

function masked(bytes: readonly number[], prefix: number): number[] {
  return bytes.map((byte, i) => {
    const bits = Math.min(8, Math.max(0, prefix - i * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
}

function parseIPv4(text: string): { bytes: number[]; leadingZeros: boolean } | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let leadingZeros = false;
  const bytes: number[] = [];
  for (const part of parts) {
    if (!/^[0-9]+$/.test(part)) return undefined;
    const value = Number(part);
    if (value > 255) return undefined;
    if (part.length > 1 && part.startsWith('0')) leadingZeros = true;
    bytes.push(value);
  }
  return { bytes, leadingZeros };
}

function parseIPv6(text: string): IPAddress | undefined {
  let rest = text;
  let tail: number[] = [];
  let leadingZeros = false;
  // The last four bytes may be written as an IPv4 address.
  const colon = text.lastIndexOf(':');
  if (text.includes('.')) {
    const v4 = parseIPv4(text.slice(colon + 1));
    if (v4 === undefined) return undefined;
    tail = v4.bytes;
    leadingZeros = v4.leadingZeros;
    rest = text.slice(0, colon + 1);
    // `a:b:` lost its last part; `a::` did not.
    if (!rest.endsWith('::')) rest = rest.slice(0, -1);
  }
  const halves = rest.split('::');
  if (halves.length > 2) return undefined;
  const [head, end] = halves.map(parseGroups);
  if (head === undefined || (halves.length === 2 && end === undefined)) return undefined;
  const after = [...(end ?? []), ...tail];
  const missing = 16 - head.length - after.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  const bytes = [...head, ...Array<number>(missing).fill(0), ...after];
  const mapped =
    bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return { bytes: mapped ? bytes.slice(12) : bytes, leadingZeros, mapped };
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  for (const group of text.split(':')) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes;
}
