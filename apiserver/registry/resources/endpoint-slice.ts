/** EndpointSlice: some of the addresses behind a Service, of one family, with their readiness and zone. */
import type { EndpointSlice } from '../../../pkg/api/types.js';
import { ageColumn, listWithMore, nameColumn, UNSET } from '../columns/metadata.js';
import type { ResourceDefinition } from '../resource.js';
import {
  endpointSliceWarnings,
  validateEndpointSlice,
  validateEndpointSliceUpdate,
} from '../validation/endpoint-slice.js';

const SHOWN = 3;

export const endpointSlice: ResourceDefinition<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  resource: 'endpointslices',
  singular: 'endpointslice',
  namespaced: true,
  definition: 'io.k8s.api.discovery.v1.EndpointSlice',
  columns: [
    nameColumn(),
    {
      name: 'AddressType',
      type: 'string',
      description: 'Family of all addresses of the slice.',
      value: (obj) => obj.addressType ?? '',
    },
    {
      name: 'Ports',
      type: 'string',
      description: 'Ports of every endpoint of the slice.',
      value: (obj) =>
        listWithMore(
          (obj.ports ?? []).map((p) => (p.port ? String(p.port) : p.name || '*')),
          SHOWN,
          UNSET,
        ),
    },
    {
      name: 'Endpoints',
      type: 'string',
      description: 'Addresses of the slice.',
      value: (obj) =>
        listWithMore(
          (obj.endpoints ?? []).flatMap((e) => e.addresses ?? []),
          SHOWN,
          UNSET,
        ),
    },
    ageColumn(),
  ],
  strategy: {
    setDefaults(obj) {
      for (const port of obj.ports ?? []) {
        port.name ??= '';
        port.protocol ??= 'TCP';
      }
    },
    validate: validateEndpointSlice,
    validateUpdate: validateEndpointSliceUpdate,
    warningsOnCreate: endpointSliceWarnings,
    warningsOnUpdate: endpointSliceWarnings,
    generation: true,
  },
};
