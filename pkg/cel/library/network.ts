/** IP addresses and CIDRs (`library/ip.go`, `library/cidr.go`). Only unambiguous forms are read. */
import { formatIP, parseCIDR, parseIP } from '../../apimachinery/validation/ip.js';
import { asText } from '../equality.js';
import { define, type Library } from '../function.js';
import { CelFailure, noSuchOverload, Opaque, type Value } from '../values.js';
import { addressFault, prefixFault } from './netip.js';

const IP = 'net.IP';
const CIDR = 'net.CIDR';

class Address extends Opaque {
  readonly type = IP;
  constructor(readonly bytes: readonly number[]) {
    super();
  }
  equals(other: Opaque): boolean {
    return other instanceof Address && String(this) === String(other);
  }
  override toString(): string {
    return formatIP(this.bytes);
  }
}

class Network extends Opaque {
  readonly type = CIDR;
  constructor(
    readonly address: Address,
    readonly prefix: number,
  ) {
    super();
  }
  equals(other: Opaque): boolean {
    return other instanceof Network && String(this) === String(other);
  }
  override toString(): string {
    return `${this.address}/${this.prefix}`;
  }
  masked(): Network {
    const { bytes } = this.address;
    return new Network(
      new Address(bytes.map((byte, i) => byte & maskByte(this.prefix, i))),
      this.prefix,
    );
  }
  contains({ bytes }: Address): boolean {
    const own = this.address.bytes;
    if (bytes.length !== own.length) return false;
    return own.every(
      (byte, i) =>
        (byte & maskByte(this.prefix, i)) === ((bytes[i] ?? 0) & maskByte(this.prefix, i)),
    );
  }
}

function maskByte(prefix: number, i: number): number {
  const bits = Math.min(8, Math.max(0, prefix - i * 8));
  return (0xff << (8 - bits)) & 0xff;
}

function readAddress(text: string): Address {
  const found = parseIP(text);
  if (!found || found.leadingZeros) {
    throw new CelFailure(
      `IP Address ${JSON.stringify(text)} parse error during conversion from string: ${addressFault(text)}`,
    );
  }
  if (found.mapped)
    throw new CelFailure(`IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`);
  return new Address(found.bytes);
}

/** Upstream says it twice. */
const NETWORK_FAULT = 'network address parse error during conversion from string';

function readNetwork(text: string): Network {
  const found = parseCIDR(text);
  if (!found || found.leadingZeros) {
    throw new CelFailure(
      `${NETWORK_FAULT}: ${NETWORK_FAULT}: ${prefixFault(text, (address) => isValid(() => readAddress(address)))}`,
    );
  }
  if (found.address.mapped)
    throw new CelFailure(`IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`);
  return new Network(new Address(found.address.bytes), found.prefix);
}

function isValid(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (err) {
    if (err instanceof CelFailure) return false;
    throw err;
  }
}

function address(value: Value | undefined): Address {
  if (typeof value === 'string') return readAddress(value);
  if (!(value instanceof Address)) throw noSuchOverload();
  return value;
}

function network(value: Value | undefined): Network {
  if (typeof value === 'string') return readNetwork(value);
  if (!(value instanceof Network)) throw noSuchOverload();
  return value;
}

const of = (name: string, test: (bytes: readonly number[], v6: boolean) => boolean) =>
  define(name, [`ip_${name}: ${IP}.() -> bool`], ([value]) => {
    const { bytes } = address(value);
    return test(bytes, bytes.length === 16);
  });

const zeros = (bytes: readonly number[]) => bytes.every((byte) => byte === 0);
const isUnspecified = zeros;
const isLoopback = (b: readonly number[], v6: boolean) =>
  v6 ? zeros(b.slice(0, 15)) && b[15] === 1 : b[0] === 127;
const isMulticast = (b: readonly number[], v6: boolean) =>
  v6 ? b[0] === 0xff : ((b[0] ?? 0) & 0xf0) === 0xe0;
const isLocalMulticast = (b: readonly number[], v6: boolean) =>
  v6 ? b[0] === 0xff && ((b[1] ?? 0) & 0x0f) === 2 : b[0] === 224 && b[1] === 0 && b[2] === 0;
const isLocalUnicast = (b: readonly number[], v6: boolean) =>
  v6 ? b[0] === 0xfe && ((b[1] ?? 0) & 0xc0) === 0x80 : b[0] === 169 && b[1] === 254;
const isBroadcast = (b: readonly number[], v6: boolean) => !v6 && b.every((byte) => byte === 255);

export const addresses: Library = [
  define('ip', [`string_to_ip: (string) -> ${IP}`, `cidr_ip: ${CIDR}.() -> ${IP}`], ([value]) =>
    typeof value === 'string' ? readAddress(value) : network(value).address,
  ),
  define('isIP', ['is_ip: (string) -> bool'], ([text]) => isValid(() => readAddress(asText(text)))),
  define(
    'ip.isCanonical',
    ['ip_is_canonical: (string) -> bool'],
    ([text]) => String(readAddress(asText(text))) === text,
  ),
  define('family', [`ip_family: ${IP}.() -> int`], ([value]) =>
    address(value).bytes.length === 4 ? 4 : 6,
  ),
  of('isUnspecified', isUnspecified),
  of('isLoopback', isLoopback),
  of('isLinkLocalMulticast', isLocalMulticast),
  of('isLinkLocalUnicast', isLocalUnicast),
  of(
    'isGlobalUnicast',
    (b, v6) =>
      ![isUnspecified, isLoopback, isMulticast, isLocalUnicast, isBroadcast].some((test) =>
        test(b, v6),
      ),
  ),
  define('cidr', [`string_to_cidr: (string) -> ${CIDR}`], ([text]) => readNetwork(asText(text))),
  define('isCIDR', ['is_cidr: (string) -> bool'], ([text]) =>
    isValid(() => readNetwork(asText(text))),
  ),
  define('masked', [`cidr_masked: ${CIDR}.() -> ${CIDR}`], ([value]) => network(value).masked()),
  define(
    'prefixLength',
    [`cidr_prefix_length: ${CIDR}.() -> int`],
    ([value]) => network(value).prefix,
  ),
  define(
    'containsIP',
    [
      `cidr_contains_ip_string: ${CIDR}.(string) -> bool`,
      `cidr_contains_ip_ip: ${CIDR}.(${IP}) -> bool`,
    ],
    ([value, other]) => network(value).contains(address(other)),
  ),
  define(
    'containsCIDR',
    [
      `cidr_contains_cidr_string: ${CIDR}.(string) -> bool`,
      `cidr_contains_cidr: ${CIDR}.(${CIDR}) -> bool`,
    ],
    ([value, other]) => {
      const [outer, inner] = [network(value), network(other)];
      return outer.prefix <= inner.prefix && outer.contains(inner.address);
    },
  ),
];
