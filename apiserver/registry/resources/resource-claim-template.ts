/** ResourceClaimTemplate: the ResourceClaim that a pod gets for itself. */

import type { ResourceClaimTemplate } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import { invalid, path } from '../../../pkg/apimachinery/field-error.js';
import { FIELD_IMMUTABLE } from '../../../pkg/apimachinery/validation/object-meta.js';
import { checkAdminRequests } from '../allocators/admin-access.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { dropFromClaimSpec } from '../defaults/disabled-device-fields.js';
import type { ResourceDefinition } from '../resource.js';
import { setClaimDefaults, validateClaimSpec } from '../validation/devices.js';

export const resourceClaimTemplate: ResourceDefinition<ResourceClaimTemplate> = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  resource: 'resourceclaimtemplates',
  singular: 'resourceclaimtemplate',
  namespaced: true,
  definition: 'io.k8s.api.resource.v1.ResourceClaimTemplate',
  columns: [nameColumn(), ageColumn()],
  strategy: {
    setDefaults: (obj) => setClaimDefaults(obj.spec?.spec),
    prepareForCreate: (obj) => dropFromClaimSpec(obj.spec?.spec),
    prepareForUpdate: (obj, old) => dropFromClaimSpec(obj.spec?.spec, old.spec?.spec),
    validate: (obj) => validateClaimSpec(obj.spec?.spec, path('spec', 'spec')),
    validateUpdate: (obj, old) =>
      semanticDeepEqual(obj.spec, old.spec) ? [] : [invalid('spec', obj.spec, FIELD_IMMUTABLE)],
    begin: (_write, obj, _old, ctx) =>
      checkAdminRequests('ResourceClaimTemplate', obj, obj.spec.spec.devices?.requests, ctx),
    returnsDeletedObject: true,
  },
};
