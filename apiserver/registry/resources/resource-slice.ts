/** ResourceSlice: devices that a driver has to give, on a node or for some of them. */

import type { ResourceSlice } from '../../../pkg/api/types.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import { dropFromSlice } from '../defaults/disabled-device-fields.js';
import type { ResourceDefinition } from '../resource.js';
import { validateResourceSlice } from '../validation/resource-slice.js';

export const resourceSlice: ResourceDefinition<ResourceSlice> = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  resource: 'resourceslices',
  singular: 'resourceslice',
  namespaced: false,
  definition: 'io.k8s.api.resource.v1.ResourceSlice',
  columns: [
    nameColumn(),
    textColumn('Node', 'The node that has the devices.', (obj) => obj.spec?.nodeName ?? ''),
    textColumn('Driver', 'The driver.', (obj) => obj.spec?.driver ?? ''),
    textColumn('Pool', 'The pool that they are part of.', (obj) => obj.spec?.pool.name ?? ''),
    ageColumn(),
  ],
  strategy: {
    prepareForCreate: (obj) => dropFromSlice(obj),
    prepareForUpdate: dropFromSlice,
    validate: (obj) => validateResourceSlice(obj),
    validateUpdate: validateResourceSlice,
    generation: true,
    selectableFields: (obj) => ({
      'spec.nodeName': obj.spec?.nodeName ?? '',
      'spec.driver': obj.spec?.driver ?? '',
    }),
    returnsDeletedObject: true,
  },
};
