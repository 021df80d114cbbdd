/** What a Service may say to no effect. */
import type { Service } from '../../../pkg/api/types.js';

const HINTS = 'service.kubernetes.io/topology-aware-hints';
const MODE = 'service.kubernetes.io/topology-mode';

/** Each is told again on an update, unless the old object drew it as well. */
export function serviceWarnings(obj: Service, old?: Service): string[] {
  const known = new Set(old ? warningsOf(old) : []);
  return warningsOf(obj).filter((text) => !known.has(text));
}

function warningsOf(obj: Service): string[] {
  const spec = obj.spec ?? {};
  const warnings: string[] = [];
  if (obj.metadata?.annotations?.[HINTS] !== undefined) {
    warnings.push(`annotation ${HINTS} is deprecated, please use ${MODE} instead`);
  }
  const externalIPs = (spec.externalIPs ?? []).length > 0;
  if (spec.type === 'ClusterIP' && spec.clusterIP === 'None') {
    if (spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIPs) warnings.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None')
      warnings.push('spec.SessionAffinity is ignored for headless services');
  }
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
