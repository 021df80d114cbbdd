/** Lease: who holds something, since when, and until when without a renewal. */
import type { Lease } from '../../../pkg/api/types.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import type { ResourceDefinition } from '../resource.js';
import { validateLease } from '../validation/lease.js';

export const lease: ResourceDefinition<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  resource: 'leases',
  singular: 'lease',
  namespaced: true,
  definition: 'io.k8s.api.coordination.v1.Lease',
  columns: [
    nameColumn(),
    {
      name: 'Holder',
      type: 'string',
      description: 'Identity of who holds the lease.',
      value: (obj) => obj.spec?.holderIdentity ?? '',
    },
    ageColumn(),
  ],
  strategy: {
    setDefaults(obj) {
      obj.spec ??= {};
    },
    validate: validateLease,
    validateUpdate: validateLease,
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: false,
  },
};
