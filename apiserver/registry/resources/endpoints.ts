/** Endpoints: the addresses behind a Service, all in one object. EndpointSlice took its place. */
import type { Endpoints } from '../../../pkg/api/types.js';
import { ageColumn, listWithMore, NONE, nameColumn } from '../columns/metadata.js';
import type { ResourceDefinition } from '../resource.js';
import {
  endpointsWarnings,
  validateEndpoints,
  validateEndpointsUpdate,
} from '../validation/endpoints.js';

const SHOWN = 3;
const DEPRECATED = 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice';

export const endpoints: ResourceDefinition<Endpoints> = {
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  resource: 'endpoints',
  singular: 'endpoints',
  namespaced: true,
  shortNames: ['ep'],
  definition: 'io.k8s.api.core.v1.Endpoints',
  storage: { prefix: 'services/endpoints' },
  deprecation: DEPRECATED,
  columns: [
    nameColumn(),
    {
      name: 'Endpoints',
      type: 'string',
      description: 'Addresses and ports that are ready.',
      value: (obj) => listWithMore(addressesOf(obj), SHOWN, NONE),
    },
    ageColumn(),
  ],
  strategy: {
    setDefaults(obj) {
      for (const subset of obj.subsets ?? []) {
        for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
      }
    },
    validate: validateEndpoints,
    validateUpdate: validateEndpointsUpdate,
    warningsOnCreate: endpointsWarnings,
    warningsOnUpdate: endpointsWarnings,
    allowCreateOnUpdate: true,
  },
};

/** A subset without ports (headless) shows its bare addresses. */
function addressesOf(obj: Endpoints): string[] {
  const texts: string[] = [];
  for (const { addresses = [], ports = [] } of obj.subsets ?? []) {
    if (ports.length === 0) texts.push(...addresses.map((address) => address.ip));
    for (const { port } of ports) {
      texts.push(
        ...addresses.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)),
      );
    }
  }
  return texts;
}
