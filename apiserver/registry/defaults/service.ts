/**
 * What a Service is filled up with, and which fields are cleared because its type has no use for them
 * (as long as the author did not touch them), so that a change of type needs no manual clean-up.
 */
import type { Service, ServicePort, ServiceSpec } from '../../../pkg/api/types.js';

const DEFAULT_AFFINITY_SECONDS = 10800;

export function setServiceDefaults(obj: Service): void {
  // Of a patched status the spec is not decoded again; whether it may have an ingress, validation sees.
  const isStatusAlone = obj.spec === undefined;
  obj.spec ??= {};
  const { spec } = obj;
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (
    spec.sessionAffinity === 'ClientIP' &&
    spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined
  ) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: DEFAULT_AFFINITY_SECONDS } };
  }
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (!port.targetPort) port.targetPort = port.port;
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  if (spec.type === 'LoadBalancer' || isStatusAlone) {
    for (const ingress of obj.status?.loadBalancer?.ingress ?? []) {
      if (ingress.ip) ingress.ipMode ??= 'VIP';
    }
  }
  obj.status ??= {};
  obj.status.loadBalancer ??= {};
  if (spec.clusterIP === undefined && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0];
}

/** Reachable from outside the cluster: by node port, load balancer or a listed external address. */
export function isExternallyAccessible(spec: ServiceSpec): boolean {
  return (
    spec.type === 'LoadBalancer' ||
    spec.type === 'NodePort' ||
    (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0)
  );
}

/** Whether a kube-proxy answers health checks for it on a node port of its own. */
export function needsHealthCheckNodePort(spec: ServiceSpec | undefined): boolean {
  return spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

export function clearUnusedServiceFields(obj: Service, old: Service | undefined): void {
  const spec = obj.spec;
  if (!spec) return;
  syncClusterIPs(spec, old?.spec);
  if (!old?.spec) return;
  const before = old.spec;
  if (needsClusterIP(before) && !needsClusterIP(spec)) {
    if (sameList(spec.clusterIPs, before.clusterIPs)) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (sameList(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
  }
  if (needsNodePort(before) && !needsNodePort(spec) && sameNodePorts(before, spec)) {
    for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (
    needsHealthCheckNodePort(before) &&
    !needsHealthCheckNodePort(spec) &&
    spec.healthCheckNodePort === before.healthCheckNodePort
  ) {
    delete spec.healthCheckNodePort;
  }
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts) {
      delete spec.allocateLoadBalancerNodePorts;
    }
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (isExternallyAccessible(before) && !isExternallyAccessible(spec)) {
    if (spec.externalTrafficPolicy === before.externalTrafficPolicy)
      delete spec.externalTrafficPolicy;
  }
}

export function needsClusterIP(spec: ServiceSpec): boolean {
  return spec.type === 'ClusterIP' || spec.type === 'NodePort' || spec.type === 'LoadBalancer';
}

export function needsNodePort(spec: ServiceSpec): boolean {
  if (spec.type === 'NodePort') return true;
  return spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false;
}

/** Keeps `clusterIP` and `clusterIPs[0]` one value, following whichever of them the author changed. */
function syncClusterIPs(spec: ServiceSpec, before: ServiceSpec | undefined): void {
  if (!before) {
    if (spec.clusterIP && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  if (
    !spec.clusterIP &&
    !spec.clusterIPs?.length &&
    needsClusterIP(spec) &&
    needsClusterIP(before)
  ) {
    // An update by a client that leaves allocated fields out keeps them.
    if (before.clusterIP) spec.clusterIP = before.clusterIP;
    if (before.clusterIPs) spec.clusterIPs = [...before.clusterIPs];
    if (!spec.ipFamilies && before.ipFamilies) spec.ipFamilies = [...before.ipFamilies];
    spec.ipFamilyPolicy ??= before.ipFamilyPolicy;
  } else if (spec.clusterIP !== before.clusterIP && sameList(spec.clusterIPs, before.clusterIPs)) {
    if (spec.clusterIP === undefined || spec.clusterIP === '') delete spec.clusterIPs;
    else spec.clusterIPs = [spec.clusterIP, ...(spec.clusterIPs ?? []).slice(1)];
  }
  keepNodePorts(spec, before);
}

/** A client that leaves allocated node ports out keeps them, port by port. */
function keepNodePorts(spec: ServiceSpec, before: ServiceSpec): void {
  if (!needsNodePort(spec) || !needsNodePort(before)) return;
  const allocated = new Map((before.ports ?? []).map((port) => [portKey(port), port.nodePort]));
  const taken = new Set((spec.ports ?? []).map((port) => `${port.protocol}/${port.nodePort}`));
  for (const port of spec.ports ?? []) {
    const kept = allocated.get(portKey(port));
    if (!port.nodePort && kept && !taken.has(`${port.protocol}/${kept}`)) port.nodePort = kept;
  }
  if (needsHealthCheckNodePort(spec) && needsHealthCheckNodePort(before)) {
    spec.healthCheckNodePort ||= before.healthCheckNodePort;
  }
}

function portKey(port: ServicePort): string {
  return `${port.protocol ?? 'TCP'}/${port.port}`;
}

function sameNodePorts(a: ServiceSpec, b: ServiceSpec): boolean {
  const known = new Set((a.ports ?? []).map((port) => port.nodePort ?? 0));
  return (b.ports ?? []).every((port) => !port.nodePort || known.has(port.nodePort));
}

function sameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  const left = a ?? [];
  const right = b ?? [];
  return left.length === right.length && left.every((text, i) => text === right[i]);
}
