/** IP addresses and ranges, with the messages of `k8s.io/apimachinery/pkg/util/validation`. */
import { BlockList, isIP } from 'node:net';
import { type FieldError, invalid, type Path } from '../../../pkg/apimachinery/field-error.js';

export function validateIP(value: string, at: Path): FieldError[] {
  if (isIP(value) !== 0) return [];
  return [invalid(at, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
}

export function validateCIDR(value: string, at: Path): FieldError[] {
  if (isCIDR(value)) return [];
  return [invalid(at, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
}

/** 4 or 6; 0 for what is no range. */
export function familyOfCIDR(value: string): number {
  return isCIDR(value) ? isIP(value.slice(0, value.indexOf('/'))) : 0;
}

/** Both are ranges; true where all of `inner`, and not only that, is in `outer`. */
export function isStrictSubset(inner: string, outer: string): boolean {
  const family = familyOfCIDR(outer) === 4 ? 'ipv4' : 'ipv6';
  const [innerAddress = '', innerBits = ''] = inner.split('/');
  const [outerAddress = '', outerBits = ''] = outer.split('/');
  if (familyOfCIDR(inner) !== familyOfCIDR(outer)) return false;
  const range = new BlockList();
  range.addSubnet(outerAddress, Number(outerBits), family);
  return Number(innerBits) > Number(outerBits) && range.check(innerAddress, family);
}

function isCIDR(value: string): boolean {
  const [address = '', bits = '', ...rest] = value.split('/');
  const family = isIP(address);
  return (
    family !== 0 &&
    rest.length === 0 &&
    /^\d{1,3}$/.test(bits) &&
    Number(bits) <= (family === 4 ? 32 : 128)
  );
}
