/**
 * Services. What a type needs and what it can not have; addresses, families and their policy belong
 * together (service-addresses.ts). Addresses and ports that are still to be allocated may be missing here.
 */
import type { Service, ServicePort, ServiceSpec } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabels } from '../../../pkg/apimachinery/validation/label-selector.js';
import { isExternallyAccessible, needsHealthCheckNodePort } from '../defaults/service.js';
import { validateCIDR } from './addresses.js';
import { PROTOCOLS } from './containers.js';
import {
  dnsLabel,
  dnsSubdomain,
  ipAddress,
  nonEmpty,
  nonSpecialIP,
  oneOf,
  optionalOneOf,
  portNumber,
  portNumberOrName,
  qualifiedName,
} from './fields.js';
import { validateAddressFields, validateAddressUpdate } from './service-addresses.js';

const SPEC = path('spec');
const MAX_AFFINITY_SECONDS = 86_400;
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const HINTS = 'service.kubernetes.io/topology-aware-hints';
const MODE = 'service.kubernetes.io/topology-mode';
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const ONLY_BALANCERS = "may only be used when `type` is 'LoadBalancer'";

export function validateService(obj: Service): FieldError[] {
  const spec = obj.spec ?? {};
  const headless = spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
  const ports = spec.ports ?? [];
  const errors = validateTopologyAnnotations(obj);
  if (ports.length === 0 && !headless && spec.type !== 'ExternalName')
    errors.push(required(SPEC.child('ports')));
  if (headless && (spec.type === 'LoadBalancer' || spec.type === 'NodePort')) {
    const text = `may not be set to 'None' for ${spec.type} services`;
    errors.push(invalid(SPEC.child('clusterIPs').index(0), 'None', text));
  }
  if (spec.type === 'ExternalName') errors.push(...validateExternalName(spec));
  errors.push(
    ...validatePorts(ports, SPEC.child('ports')),
    ...validateLabels(spec.selector, SPEC.child('selector')),
    ...validateAffinity(spec),
    ...validateAddressFields(spec, SPEC),
  );
  for (const [i, address] of (spec.externalIPs ?? []).entries()) {
    const own = SPEC.child('externalIPs').index(i);
    const wrong = ipAddress(address, own);
    errors.push(...(wrong.length > 0 ? wrong : nonSpecialIP(address, own)));
  }
  errors.push(...oneOf(spec.type, TYPES, SPEC.child('type')));
  errors.push(...validatePortUse(spec, SPEC.child('ports')));
  errors.push(...validateSourceRanges(obj, spec));
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer') {
    errors.push(forbidden(SPEC.child('allocateLoadBalancerNodePorts'), ONLY_BALANCERS));
  }
  errors.push(...validateLoadBalancerClass(spec), ...validateTrafficPolicies(spec));
  return errors;
}

export function validateServiceUpdate(obj: Service, old: Service): FieldError[] {
  const spec = obj.spec ?? {};
  const before = old.spec ?? {};
  const errors = validateAddressUpdate(spec, before, SPEC);
  const bothBalance = spec.type === 'LoadBalancer' && before.type === 'LoadBalancer';
  if (bothBalance && spec.loadBalancerClass !== before.loadBalancerClass) {
    errors.push(
      invalid(
        SPEC.child('loadBalancerClass'),
        spec.loadBalancerClass ?? null,
        'may not change once set',
      ),
    );
  }
  if (
    needsHealthCheckNodePort(before) &&
    needsHealthCheckNodePort(spec) &&
    spec.healthCheckNodePort !== before.healthCheckNodePort
  ) {
    errors.push(forbidden(SPEC.child('healthCheckNodePort'), 'field is immutable'));
  }
  return [...errors, ...validateService(obj)];
}

export function validateServiceStatusUpdate(obj: Service): FieldError[] {
  const at = path('status', 'loadBalancer', 'ingress');
  const ingress = obj.status?.loadBalancer?.ingress ?? [];
  if (ingress.length > 0 && obj.spec?.type !== 'LoadBalancer') {
    return [forbidden(at, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  return ingress.flatMap(({ ip, ipMode, hostname }, i) => {
    const own = at.index(i);
    const errors = ip ? ipAddress(ip, own.child('ip')) : [];
    if (ip && ipMode === undefined)
      errors.push(required(own.child('ipMode'), 'must be specified when `ip` is set'));
    else if (!ip && ipMode !== undefined) {
      errors.push(forbidden(own.child('ipMode'), 'may not be specified when `ip` is not set'));
    } else errors.push(...optionalOneOf(ipMode, ['Proxy', 'VIP'], own.child('ipMode')));
    if (hostname) {
      errors.push(...dnsSubdomain(hostname, own.child('hostname')));
      if (ipAddress(hostname, own).length === 0) {
        errors.push(
          invalid(own.child('hostname'), hostname, 'must be a DNS name, not an IP address'),
        );
      }
    }
    return errors;
  });
}

function validateTopologyAnnotations(obj: Service): FieldError[] {
  const hints = obj.metadata?.annotations?.[HINTS];
  const mode = obj.metadata?.annotations?.[MODE];
  if (hints === undefined || mode === undefined || hints === mode) return [];
  const text = `must match annotations[${HINTS}] when both are specified`;
  return [invalid(path('metadata', 'annotations').key(MODE), mode, text)];
}

function validateExternalName(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const never = 'may not be set for ExternalName services';
  if ((spec.clusterIPs ?? []).length > 0) errors.push(forbidden(SPEC.child('clusterIPs'), never));
  if ((spec.ipFamilies ?? []).length > 0) errors.push(forbidden(SPEC.child('ipFamilies'), never));
  if (spec.ipFamilyPolicy !== undefined)
    errors.push(forbidden(SPEC.child('ipFamilyPolicy'), never));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  const own = SPEC.child('externalName');
  return [...errors, ...(name === '' ? [required(own)] : dnsSubdomain(name, own))];
}

function validatePorts(ports: readonly ServicePort[], at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const own = at.index(i);
    if (!port.name) {
      if (ports.length > 1) errors.push(required(own.child('name')));
    } else {
      errors.push(...dnsLabel(port.name, own.child('name')));
      if (names.has(port.name)) errors.push(duplicate(own.child('name'), port.name));
      names.add(port.name);
    }
    errors.push(
      ...portNumber(port.port, own.child('port')),
      ...oneOf(port.protocol, PROTOCOLS, own.child('protocol')),
    );
    errors.push(...portNumberOrName(port.targetPort, own.child('targetPort')));
    if (port.appProtocol !== undefined)
      errors.push(...qualifiedName(port.appProtocol, own.child('appProtocol')));
  }
  return errors;
}

/** Pairs of protocol and number are there once, and node ports where the type has any. */
function validatePortUse(spec: ServiceSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const ports = spec.ports ?? [];
  for (const [i, { nodePort }] of ports.entries()) {
    if (spec.type !== 'ClusterIP' || !nodePort) continue;
    errors.push(
      forbidden(at.index(i).child('nodePort'), "may not be used when `type` is 'ClusterIP'"),
    );
  }
  const nodePorts = new Set<string>();
  for (const [i, { protocol, nodePort }] of ports.entries()) {
    if (!nodePort) continue;
    const key = `${protocol}/${nodePort}`;
    if (nodePorts.has(key)) errors.push(duplicate(at.index(i).child('nodePort'), nodePort));
    nodePorts.add(key);
  }
  const seen = new Set<string>();
  for (const [i, { protocol, port }] of ports.entries()) {
    const key = `${protocol}/${port}`;
    if (seen.has(key)) errors.push(duplicate(at.index(i), portKey(protocol, port)));
    seen.add(key);
  }
  return errors;
}

/** As the server prints what makes a port: under the names of its own type, with what does not count left empty. */
function portKey(protocol: string | undefined, port: number): object {
  return {
    Name: '',
    Protocol: protocol ?? '',
    AppProtocol: null,
    Port: port,
    TargetPort: 0,
    NodePort: 0,
  };
}

function validateAffinity(spec: ServiceSpec): FieldError[] {
  const own = SPEC.child('sessionAffinityConfig');
  const errors = oneOf(spec.sessionAffinity, ['ClientIP', 'None'], SPEC.child('sessionAffinity'));
  if (spec.sessionAffinity === 'None') {
    if (spec.sessionAffinityConfig)
      errors.push(forbidden(own, 'must not be set when session affinity is None'));
  } else if (spec.sessionAffinity === 'ClientIP') {
    const when = 'when session affinity type is ClientIP';
    const config = spec.sessionAffinityConfig;
    const seconds = config?.clientIP?.timeoutSeconds;
    if (!config) errors.push(required(own, when));
    else if (!config.clientIP) errors.push(required(own.child('clientIP'), when));
    else if (seconds === undefined)
      errors.push(required(own.child('clientIP', 'timeoutSeconds'), when));
    else if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS) {
      const text = `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`;
      errors.push(invalid(own.child('clientIP', 'timeoutSeconds'), seconds, text));
    }
  }
  return errors;
}

function validateSourceRanges(obj: Service, spec: ServiceSpec): FieldError[] {
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const annotation = obj.metadata?.annotations?.[SOURCE_RANGES];
  if (ranges.length === 0 && annotation === undefined) return [];
  const own =
    ranges.length > 0
      ? SPEC.child('LoadBalancerSourceRanges')
      : path('metadata', 'annotations').key(SOURCE_RANGES);
  const errors = spec.type === 'LoadBalancer' ? [] : [forbidden(own, ONLY_BALANCERS)];
  if (ranges.length > 0) {
    // They may be padded with spaces: they once were an annotation.
    return [...errors, ...ranges.flatMap((range, i) => validateCIDR(range.trim(), own.index(i)))];
  }
  const listed = (annotation ?? '').trim();
  return listed === ''
    ? errors
    : [...errors, ...listed.split(',').flatMap((range) => validateCIDR(range.trim(), own))];
}

function validateLoadBalancerClass(spec: ServiceSpec): FieldError[] {
  const own = SPEC.child('loadBalancerClass');
  const name = spec.loadBalancerClass;
  if (name === undefined) return [];
  return spec.type === 'LoadBalancer' ? qualifiedName(name, own) : [forbidden(own, ONLY_BALANCERS)];
}

function validateTrafficPolicies(spec: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const external = SPEC.child('externalTrafficPolicy');
  if (isExternallyAccessible(spec)) {
    errors.push(...oneOf(spec.externalTrafficPolicy, ['Cluster', 'Local'], external));
  } else if (spec.externalTrafficPolicy) {
    errors.push(
      invalid(
        external,
        spec.externalTrafficPolicy,
        'may only be set for externally-accessible services',
      ),
    );
  }
  const health = SPEC.child('healthCheckNodePort');
  const port = spec.healthCheckNodePort ?? 0;
  if (needsHealthCheckNodePort(spec)) {
    if (port !== 0) errors.push(...portNumber(port, health));
  } else if (port !== 0) {
    const text =
      "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(invalid(health, port, text));
  }
  const internal = SPEC.child('internalTrafficPolicy');
  if (spec.type !== 'ExternalName') errors.push(...nonEmpty(spec.internalTrafficPolicy, internal));
  if (spec.internalTrafficPolicy) {
    errors.push(...oneOf(spec.internalTrafficPolicy, ['Cluster', 'Local'], internal));
  }
  const distribution = spec.trafficDistribution;
  const distributions = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
  if (distribution !== undefined && !distributions.includes(distribution)) {
    errors.push(notSupported(SPEC.child('trafficDistribution'), distribution, distributions));
  }
  return errors;
}
