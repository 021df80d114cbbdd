/** EndpointSlices: endpoints of one family of addresses, no more than fit one object, and ports with names of their own. */
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabels } from '../../../pkg/apimachinery/validation/label-selector.js';
import {
  isDNS1123Label,
  isValidLabelValue,
  nameIsDNSSubdomain,
} from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { canonicalIP, ipWarnings, validateIP } from './addresses.js';
import { PROTOCOLS } from './containers.js';
import {
  dnsLabel,
  dnsSubdomain,
  invalidEach,
  nonSpecialIP,
  oneOf,
  qualifiedName,
} from './fields.js';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;
const MAX_TOPOLOGY_LABELS = 16;
const MAX_HINTS = 8;

export function validateEndpointSlice(obj: EndpointSlice): FieldError[] {
  return [
    ...validateAddressType(obj.addressType),
    ...validateEndpointsOf(obj, path('endpoints')),
    ...validatePorts(obj.ports ?? [], path('ports')),
  ];
}

export function validateEndpointSliceUpdate(obj: EndpointSlice, old: EndpointSlice): FieldError[] {
  return [
    ...validateEndpointSlice(obj),
    ...validateImmutable(obj.addressType, old.addressType, path('addressType')),
  ];
}

export function endpointSliceWarnings(obj: EndpointSlice): string[] {
  if (obj.addressType === 'FQDN') {
    return ['spec.addressType: FQDN endpoints are deprecated'];
  }
  return (obj.endpoints ?? []).flatMap((endpoint, i) =>
    (endpoint.addresses ?? []).flatMap((ip, j) =>
      ipWarnings(ip, path('endpoints').index(i).child('addresses').index(j)),
    ),
  );
}

function validateAddressType(type: string | undefined): FieldError[] {
  if (!type) return [required(path('addressType'))];
  return ADDRESS_TYPES.includes(type)
    ? []
    : [notSupported(path('addressType'), type, ADDRESS_TYPES)];
}

function validateEndpointsOf(obj: EndpointSlice, at: Path): FieldError[] {
  const endpoints = obj.endpoints ?? [];
  if (endpoints.length > MAX_ENDPOINTS) return [tooMany(at, endpoints.length, MAX_ENDPOINTS)];
  return endpoints.flatMap((endpoint, i) =>
    validateEndpoint(endpoint, obj.addressType ?? '', at.index(i)),
  );
}

function validateEndpoint(endpoint: Endpoint, type: string, at: Path): FieldError[] {
  const own = at.child('addresses');
  const addresses = endpoint.addresses ?? [];
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(required(own, 'must contain at least 1 address'));
  else if (addresses.length > MAX_ADDRESSES)
    errors.push(tooMany(own, addresses.length, MAX_ADDRESSES));
  for (const [i, address] of addresses.entries())
    errors.push(...validateAddress(address, type, own.index(i)));
  const { nodeName, hostname, deprecatedTopology = {}, hints } = endpoint;
  if (nodeName !== undefined) {
    errors.push(
      ...invalidEach(at.child('nodeName'), nodeName, nameIsDNSSubdomain(nodeName, false)),
    );
  }
  const topology = at.child('deprecatedTopology');
  if (Object.keys(deprecatedTopology).length > MAX_TOPOLOGY_LABELS) {
    errors.push(tooMany(topology, Object.keys(deprecatedTopology).length, MAX_TOPOLOGY_LABELS));
  }
  errors.push(...validateLabels(deprecatedTopology, topology));
  if (deprecatedTopology['kubernetes.io/hostname'] !== undefined && nodeName !== undefined) {
    errors.push(
      forbidden(
        topology.key('kubernetes.io/hostname'),
        'may not be set when nodeName is specified',
      ),
    );
  }
  if (hostname !== undefined)
    errors.push(...invalidEach(at.child('hostname'), hostname, isDNS1123Label(hostname)));
  for (const field of ['forZones', 'forNodes'] as const) {
    const list = hints?.[field] ?? [];
    const here = at.child('hints', field);
    if (list.length > MAX_HINTS) {
      errors.push(tooMany(here, list.length, MAX_HINTS));
      continue;
    }
    const seen = new Set<string>();
    for (const [i, { name = '' }] of list.entries()) {
      const own = here.index(i).child('name');
      if (seen.has(name)) errors.push(duplicate(own, name));
      seen.add(name);
      const wrong =
        field === 'forZones' ? isValidLabelValue(name) : nameIsDNSSubdomain(name, false);
      errors.push(...invalidEach(own, name, wrong));
    }
  }
  return errors;
}

function validateAddress(address: string, type: string, at: Path): FieldError[] {
  if (type === 'FQDN') return dnsSubdomain(address, at);
  if (type !== 'IPv4' && type !== 'IPv6') return [];
  const errors = validateIP(address, at);
  if (errors.length > 0) return errors;
  const family = canonicalIP(address)?.includes(':') ? 'IPv6' : 'IPv4';
  if (family !== type) errors.push(invalid(at, address, `must be an ${type} address`));
  return [...errors, ...nonSpecialIP(address, at)];
}

function validatePorts(ports: readonly DiscoveryEndpointPort[], at: Path): FieldError[] {
  if (ports.length > MAX_PORTS) return [tooMany(at, ports.length, MAX_PORTS)];
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const own = at.index(i);
    const name = port.name ?? '';
    if (name !== '') errors.push(...dnsLabel(name, own.child('name')));
    if (names.has(name)) errors.push(duplicate(own.child('name'), name));
    names.add(name);
    errors.push(...oneOf(port.protocol, PROTOCOLS, own.child('protocol')));
    if (port.appProtocol !== undefined)
      errors.push(...qualifiedName(port.appProtocol, own.child('appProtocol')));
  }
  return errors;
}
