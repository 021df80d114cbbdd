/** What a Service may say to no effect. */
import type { Service } from '../../../pkg/api/types.js';
import { path } from '../../../pkg/apimachinery/field-error.js';
import { cidrWarnings, ipWarnings } from './addresses.js';

const HINTS = 'service.kubernetes.io/topology-aware-hints';
const MODE = 'service.kubernetes.io/topology-mode';

const SPEC = path('spec');

/** Told at every write, also of what was so before. */
export function serviceWarnings(obj: Service): string[] {
  const spec = obj.spec ?? {};
  const warnings: string[] = [];
  if (obj.metadata?.annotations?.[HINTS] !== undefined) {
    warnings.push(`annotation ${HINTS} is deprecated, please use ${MODE} instead`);
  }
  const externalIPs = (spec.externalIPs ?? []).length > 0;
  const listed = (field: 'clusterIPs' | 'externalIPs') =>
    (spec[field] ?? []).flatMap((ip, i) => ipWarnings(ip, SPEC.child(field).index(i)));
  if (spec.type !== 'ExternalName') warnings.push(...listed('clusterIPs'));
  if (spec.type === 'ClusterIP' && spec.clusterIP === 'None') {
    if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIPs) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None')
      warnings.push('spec.SessionAffinity is ignored for headless services');
  }
  warnings.push(...listed('externalIPs'));
  if (spec.loadBalancerIP)
    warnings.push(...ipWarnings(spec.loadBalancerIP, SPEC.child('loadBalancerIP')));
  for (const [i, range] of (spec.loadBalancerSourceRanges ?? []).entries())
    warnings.push(...cidrWarnings(range, SPEC.child('loadBalancerSourceRanges').index(i)));
  if (spec.type === 'ExternalName' && externalIPs) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (spec.type !== 'ExternalName' && spec.externalName) {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec.trafficDistribution === 'PreferClose') {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return warnings;
}
