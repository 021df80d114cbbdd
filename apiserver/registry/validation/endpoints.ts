/** Endpoints: each subset has addresses that a client could mean, and ports with names where there are several. */
import type { EndpointAddress, EndpointPort, Endpoints } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { nameIsDNSSubdomain } from '../../../pkg/apimachinery/validation/names.js';
import { ipWarnings } from './addresses.js';
import { PROTOCOLS } from './containers.js';
import {
  dnsLabel,
  invalidEach,
  ipAddress,
  nonSpecialIP,
  oneOf,
  portNumber,
  qualifiedName,
} from './fields.js';

const CHANGED_AT = 'endpoints.kubernetes.io/last-change-trigger-time';
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export function validateEndpoints(obj: Endpoints): FieldError[] {
  return [...validateChangedAt(obj), ...validateSubsets(obj)];
}

/** An address is warned of where others would read it differently. */
export function endpointsWarnings(obj: Endpoints): string[] {
  return (obj.subsets ?? []).flatMap((subset, i) =>
    (['addresses', 'notReadyAddresses'] as const).flatMap((field) =>
      (subset[field] ?? []).flatMap(({ ip }, j) =>
        ipWarnings(ip, path('subsets').index(i).child(field).index(j).child('ip')),
      ),
    ),
  );
}

function validateChangedAt(obj: Endpoints): FieldError[] {
  const time = obj.metadata?.annotations?.[CHANGED_AT];
  if (time === undefined || RFC3339.test(time)) return [];
  return [invalid(path('annotations').key(CHANGED_AT), time, 'must be a valid RFC3339 timestamp')];
}

function validateSubsets(obj: Endpoints): FieldError[] {
  return (obj.subsets ?? []).flatMap((subset, i) => {
    const at = path('subsets').index(i);
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    const errors: FieldError[] = [];
    if (addresses.length + notReadyAddresses.length === 0) {
      errors.push(required(at, 'must specify `addresses` or `notReadyAddresses`'));
    }
    for (const [field, list] of Object.entries({ addresses, notReadyAddresses })) {
      for (const [j, address] of list.entries())
        errors.push(...validateAddress(address, at.child(field).index(j)));
    }
    for (const [j, port] of ports.entries()) {
      errors.push(...validatePort(port, ports.length > 1, at.child('ports').index(j)));
    }
    return errors;
  });
}

export function validateEndpointsUpdate(obj: Endpoints): FieldError[] {
  return validateEndpoints(obj);
}

function validateAddress(address: EndpointAddress, at: Path): FieldError[] {
  const { ip, hostname, nodeName } = address;
  const errors = ipAddress(ip, at.child('ip'));
  if (hostname) errors.push(...dnsLabel(hostname, at.child('hostname')));
  if (nodeName !== undefined) {
    errors.push(
      ...invalidEach(at.child('nodeName'), nodeName, nameIsDNSSubdomain(nodeName, false)),
    );
  }
  return [...errors, ...nonSpecialIP(ip, at.child('ip'))];
}

function validatePort(port: EndpointPort, needsName: boolean, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (port.name) errors.push(...dnsLabel(port.name, at.child('name')));
  else if (needsName) errors.push(required(at.child('name')));
  errors.push(
    ...portNumber(port.port, at.child('port')),
    ...oneOf(port.protocol, PROTOCOLS, at.child('protocol')),
  );
  if (port.appProtocol !== undefined)
    errors.push(...qualifiedName(port.appProtocol, at.child('appProtocol')));
  return errors;
}
