/**
 * IP addresses and ranges, with the messages of `k8s.io/apimachinery/pkg/util/validation`. Fields from before
 * Kubernetes was strict (`validateIP`, `validateCIDR`) also take leading zeros, IPv4 inside IPv6 and ranges
 * with bits beyond their prefix, and their authors are warned; newer fields (`strictIPFaults`,
 * `validateStrictCIDR`) take one spelling only.
 */
import { isIP } from 'node:net';
import { toAddress, toNumber } from '../../../pkg/apimachinery/cidr.js';
import { type FieldError, invalid, type Path } from '../../../pkg/apimachinery/field-error.js';
import { goQuote } from '../../../pkg/apimachinery/go-format.js';

const NOT_AN_ADDRESS = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const NOT_A_RANGE = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
/** The upper bits of an IPv6 address that stands for one of IPv4: `::ffff:1.2.3.4`. */
const MAPPED = 0xffffn;

interface Address {
  readonly value: bigint;
  readonly width: 32 | 128;
  /** The spelling that Kubernetes prefers. */
  readonly text: string;
  /** Written in a way that other programs read differently. */
  readonly zeros: boolean;
  readonly mapped: boolean;
}

interface AddressRange {
  readonly address: Address;
  readonly bits: number;
  /** `network/bits` in its preferred spelling. */
  readonly text: string;
  readonly zeros: boolean;
  /** The address has bits beyond the prefix. */
  readonly inside: boolean;
}

export function validateIP(value: string, at: Path): FieldError[] {
  return parseAddress(value) ? [] : [invalid(at, value, NOT_AN_ADDRESS)];
}

export function validateCIDR(value: string, at: Path): FieldError[] {
  return parseCIDR(value) ? [] : [invalid(at, value, NOT_A_RANGE)];
}

/** Why a text is no address in its one spelling. */
export function strictIPFaults(value: string): string[] {
  const address = parseAddress(value);
  if (!address) return [NOT_AN_ADDRESS];
  if (address.zeros) return ['must not have leading 0s'];
  if (address.mapped) return ['must not be an IPv4-mapped IPv6 address'];
  return address.text === value ? [] : [`must be in canonical form (${goQuote(address.text)})`];
}

export function validateStrictCIDR(value: string, at: Path): FieldError[] {
  const range = parseCIDR(value);
  if (!range) return [invalid(at, value, NOT_A_RANGE)];
  if (range.zeros) return [invalid(at, value, 'must not have leading 0s in IP or prefix length')];
  if (range.address.mapped)
    return [invalid(at, value, 'must not have an IPv4-mapped IPv6 address')];
  if (range.inside) return [invalid(at, value, 'must not have bits set beyond the prefix length')];
  if (range.text === value) return [];
  return [invalid(at, value, `must be in canonical form (${goQuote(range.text)})`)];
}

/** Why a text is no address of an interface with the length of its network's prefix. */
export function interfaceAddressFaults(value: string): string[] {
  const range = parseCIDR(value);
  if (!range) {
    return ['must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)'];
  }
  const text = `${range.address.text}/${range.bits}`;
  return text === value ? [] : [`must be in canonical form (${goQuote(text)})`];
}

export function ipWarnings(value: string, at: Path): string[] {
  const address = parseAddress(value);
  if (!address) return [];
  if (address.zeros || address.mapped) {
    return [
      `${at}: non-standard IP address ${goQuote(value)} will be considered invalid in a future Kubernetes release: use ${goQuote(address.text)}`,
    ];
  }
  if (address.width === 32 || address.text === value) return [];
  return [
    `${at}: IPv6 address ${goQuote(value)} should be in RFC 5952 canonical format (${goQuote(address.text)})`,
  ];
}

export function cidrWarnings(value: string, at: Path): string[] {
  const range = parseCIDR(value);
  if (!range) return [];
  const { address, text } = range;
  const warnings: string[] = [];
  if (range.inside) {
    const single = goQuote(`${address.text}/${address.width}`);
    warnings.push(
      `${at}: CIDR value ${goQuote(value)} is ambiguous in this context (should be ${goQuote(text)} or ${single}?)`,
    );
  }
  if (range.zeros || address.mapped) {
    warnings.push(
      `${at}: non-standard CIDR value ${goQuote(value)} will be considered invalid in a future Kubernetes release: use ${goQuote(text)}`,
    );
  }
  if (warnings.length === 0 && address.width === 128 && text !== value) {
    warnings.push(
      `${at}: IPv6 CIDR value ${goQuote(value)} should be in RFC 5952 canonical format (${goQuote(text)})`,
    );
  }
  return warnings;
}

/** The preferred spelling; undefined for what is no address. What stands for an address of IPv4 is one. */
export function canonicalIP(value: string): string | undefined {
  return parseAddress(value)?.text;
}

/** 4 or 6; 0 for what is no range. */
export function familyOfCIDR(value: string): number {
  const range = parseCIDR(value);
  return range ? (range.address.width === 32 ? 4 : 6) : 0;
}

/** Both are ranges; true where all of `inner`, and not only that, is in `outer`. */
export function isStrictSubset(inner: string, outer: string): boolean {
  const a = parseCIDR(inner);
  const b = parseCIDR(outer);
  if (!a || !b || a.address.width !== b.address.width || a.bits <= b.bits) return false;
  const shift = BigInt(b.address.width - b.bits);
  return a.address.value >> shift === b.address.value >> shift;
}

function parseAddress(text: string): Address | undefined {
  const plain = text.includes(':') ? text : text.replace(/(^|\.)0+(?=\d)/g, '$1');
  const version = text.includes('%') ? 0 : isIP(plain);
  if (version === 0) return undefined;
  const number = toNumber(plain);
  const mapped = version === 6 && number >> 32n === MAPPED;
  const width = version === 4 || mapped ? 32 : 128;
  const value = mapped ? number & 0xffff_ffffn : number;
  const spelled = toAddress(value, width === 32 ? 'IPv4' : 'IPv6');
  return { value, width, text: spelled, zeros: plain !== text, mapped };
}

function parseCIDR(text: string): AddressRange | undefined {
  const [head = '', tail = '', ...rest] = text.split('/');
  const address = parseAddress(head);
  if (!address || rest.length > 0 || !/^\d+$/.test(tail)) return undefined;
  const most = address.mapped ? 128 : address.width;
  if (Number(tail) > most) return undefined;
  // The prefix of an address inside IPv6 counts the bits around it.
  const bits = address.mapped ? Math.max(0, Number(tail) - 96) : Number(tail);
  const shift = BigInt(address.width - bits);
  const network = (address.value >> shift) << shift;
  return {
    address,
    bits,
    text: `${toAddress(network, address.width === 32 ? 'IPv4' : 'IPv6')}/${bits}`,
    zeros: address.zeros || String(Number(tail)) !== tail,
    inside: network !== address.value,
  };
}
