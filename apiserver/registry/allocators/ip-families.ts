/**
 * Which address families a Service has: what its author asked for, filled up with what the cluster is
 * configured for. `defaultIPFamilies` changes the spec; `validateIPFamilies` reports what can not be had.
 */
import type { Service } from '../../../pkg/api/types.js';
import { familyOf, type IPFamily } from '../../../pkg/apimachinery/cidr.js';
import { type FieldError, invalid, path } from '../../../pkg/apimachinery/field-error.js';
import { needsClusterIP } from '../defaults/service.js';

const SPEC = path('spec');

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIPs?.[0] === 'None' || service.spec?.clusterIP === 'None';
}

/** `families` are the cluster's, the main one first. */
export function defaultIPFamilies(service: Service, families: readonly IPFamily[]): void {
  const spec = service.spec;
  if (!spec || !needsClusterIP(spec)) return;
  const main = families[0] ?? 'IPv4';
  if (isHeadless(service) && Object.keys(spec.selector ?? {}).length === 0) {
    // Its endpoints are somebody else's, and may be of any family.
    spec.ipFamilyPolicy ??= 'RequireDualStack';
    spec.ipFamilies = spec.ipFamilies?.length ? spec.ipFamilies : [main];
    if (spec.ipFamilies.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
      spec.ipFamilies = [...spec.ipFamilies, spec.ipFamilies[0] === 'IPv4' ? 'IPv6' : 'IPv4'];
    }
    return;
  }
  if (validateIPFamilies(service, families).length > 0) return;
  const wanted = [...(spec.ipFamilies ?? [])];
  for (const [i, address] of (spec.clusterIPs ?? []).entries()) {
    const family = familyOf(address);
    if (family && i >= wanted.length) wanted.push(family);
  }
  if (wanted.length === 0) wanted.push(main);
  spec.ipFamilyPolicy ??= 'SingleStack';
  const other = families.find((family) => family !== wanted[0]);
  if (wanted.length === 1 && spec.ipFamilyPolicy !== 'SingleStack' && other) wanted.push(other);
  spec.ipFamilies = wanted;
}

export function validateIPFamilies(service: Service, families: readonly IPFamily[]): FieldError[] {
  const spec = service.spec;
  if (!spec || !needsClusterIP(spec)) return [];
  if (isHeadless(service) && Object.keys(spec.selector ?? {}).length === 0) return [];
  const errors: FieldError[] = [];
  if (spec.ipFamilyPolicy === 'RequireDualStack' && families.length < 2) {
    errors.push(
      invalid(
        SPEC.child('ipFamilyPolicy'),
        spec.ipFamilyPolicy,
        'this cluster is not configured for dual-stack services',
      ),
    );
  }
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    if (!families.some((known) => known === family)) {
      errors.push(
        invalid(SPEC.child('ipFamilies').index(i), family, 'not configured on this cluster'),
      );
    }
  }
  for (const [i, address] of (spec.clusterIPs ?? []).entries()) {
    const family = familyOf(address);
    if (family && !families.includes(family)) {
      errors.push(
        invalid(
          SPEC.child('clusterIPs').index(i),
          address,
          'must be in a ip family configured on this cluster',
        ),
      );
    }
  }
  if (spec.ipFamilyPolicy === undefined || spec.ipFamilyPolicy === 'SingleStack') {
    const policy = spec.ipFamilyPolicy ?? null;
    if ((spec.clusterIPs ?? []).length === 2) {
      errors.push(
        invalid(
          SPEC.child('ipFamilyPolicy'),
          policy,
          "must be RequireDualStack or PreferDualStack when multiple 'clusterIPs' are specified",
        ),
      );
    }
    if ((spec.ipFamilies ?? []).length === 2) {
      errors.push(
        invalid(
          SPEC.child('ipFamilyPolicy'),
          policy,
          "must be RequireDualStack or PreferDualStack when multiple 'ipFamilies' are specified",
        ),
      );
    }
  }
  return errors;
}
