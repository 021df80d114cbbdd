/**
 * A Service's addresses and their families: `clusterIP` is the first of `clusterIPs`, there is at most one of
 * each family, in the order of `ipFamilies`. Once given they stay; a second one may come and go.
 */
import type { ServiceSpec } from '../../../pkg/api/types.js';
import { familyOf } from '../../../pkg/apimachinery/cidr.js';
import {
  duplicate,
  type FieldError,
  invalid,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { ipAddress, oneOf, optionalOneOf } from './fields.js';

const FAMILIES = ['IPv4', 'IPv6'];
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const FIXED = 'may not change once set';

export function validateAddressFields(spec: ServiceSpec, at: Path): FieldError[] {
  if (spec.type === 'ExternalName') return [];
  const own = at.child('clusterIPs');
  const { clusterIP = '', clusterIPs = [], ipFamilies = [] } = spec;
  const errors: FieldError[] = [];
  if (clusterIP === '') {
    if (clusterIPs.length > 0)
      errors.push(invalid(own, clusterIPs, 'must be empty when `clusterIP` is not specified'));
  } else if (clusterIPs.length === 0) {
    errors.push(required(own));
  } else if (clusterIPs[0] !== clusterIP) {
    errors.push(invalid(own, clusterIPs, 'first value must match `clusterIP`'));
  }
  for (const [i, family] of ipFamilies.entries()) {
    const here = at.child('ipFamilies').index(i);
    errors.push(...oneOf(family, FAMILIES, here));
    if (ipFamilies.indexOf(family) < i) errors.push(duplicate(here, family));
  }
  errors.push(...optionalOneOf(spec.ipFamilyPolicy, POLICIES, at.child('ipFamilyPolicy')));
  const bad: FieldError[] = [];
  for (const [i, address] of clusterIPs.entries()) {
    if (i > 0 || address !== 'None') bad.push(...ipAddress(address, own.index(i)));
    else if (clusterIPs.length > 1)
      bad.push(invalid(own, clusterIPs, "'None' must be the first and only value"));
  }
  errors.push(...bad);
  if (clusterIPs.length > 2) errors.push(invalid(own, clusterIPs, 'may only hold up to 2 values'));
  // Of addresses that are none, nothing more can be said.
  if (bad.length > 0) return errors;
  if (clusterIPs.length > 1 && new Set(clusterIPs.map(familyOf)).size < 2) {
    errors.push(invalid(own, clusterIPs, 'may specify no more than one IP for each IP family'));
  }
  for (const [i, address] of clusterIPs.entries()) {
    const wanted = ipFamilies[i];
    if (address === 'None' || wanted === undefined || familyOf(address) === wanted) continue;
    errors.push(
      invalid(
        own.index(i),
        address,
        `expected an ${wanted} value as indicated by \`ipFamilies[${i}]\``,
      ),
    );
  }
  return errors;
}

export function validateAddressUpdate(
  spec: ServiceSpec,
  before: ServiceSpec,
  at: Path,
): FieldError[] {
  if (spec.type === 'ExternalName' || before.type === 'ExternalName') return [];
  const headless = isHeadless(spec);
  const wasHeadless = isHeadless(before);
  if (headless && wasHeadless) return [];
  const errors = validateClusterIPsUpdate(spec, before, at);
  return headless === wasHeadless
    ? [...errors, ...validateFamiliesUpdate(spec, before, at)]
    : errors;
}

function validateClusterIPsUpdate(spec: ServiceSpec, before: ServiceSpec, at: Path): FieldError[] {
  const own = at.child('clusterIPs');
  const now = spec.clusterIPs ?? [];
  const then = before.clusterIPs ?? [];
  if (now.length === then.length) {
    return then.flatMap((address, i) =>
      address === now[i] ? [] : [invalid(own.index(i), now, FIXED)],
    );
  }
  const errors: FieldError[] = [];
  if (now.length === 0)
    errors.push(invalid(own.index(0), now, 'primary clusterIP can not be unset'));
  else if (then.length > 0 && now[0] !== then[0]) errors.push(invalid(own.index(0), now, FIXED));
  if (now.length < then.length && now.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    const text = "must be set to 'SingleStack' when releasing the secondary clusterIP";
    errors.push(invalid(at.child('ipFamilyPolicy'), spec.ipFamilyPolicy ?? null, text));
  }
  return errors;
}

function validateFamiliesUpdate(spec: ServiceSpec, before: ServiceSpec, at: Path): FieldError[] {
  const own = at.child('ipFamilies').index(0);
  const now = spec.ipFamilies ?? [];
  const then = before.ipFamilies ?? [];
  if (now.length === then.length) {
    return then.flatMap((family, i) => (family === now[i] ? [] : [invalid(own, now, FIXED)]));
  }
  const errors: FieldError[] = [];
  if (now.length < then.length && (spec.clusterIPs ?? []).length === 0) {
    errors.push(invalid(own, now, 'primary ipFamily can not be unset'));
  }
  if (now.length > 0 && then.length > 0 && now[0] !== then[0])
    errors.push(invalid(own, spec.clusterIPs ?? [], FIXED));
  if (now.length < then.length && now.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    const text = "must be set to 'SingleStack' when releasing the secondary ipFamily";
    errors.push(invalid(at.child('ipFamilyPolicy'), spec.ipFamilyPolicy ?? null, text));
  }
  return errors;
}

function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
}
