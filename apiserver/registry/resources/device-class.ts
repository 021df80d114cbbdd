/** DeviceClass: which devices a name in a claim stands for. */

import type { DeviceClass } from '../../../pkg/api/types.js';
import { type FieldError, path } from '../../../pkg/apimachinery/field-error.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import type { ResourceDefinition } from '../resource.js';
import { validateSelectors } from '../validation/devices.js';

export const deviceClass: ResourceDefinition<DeviceClass> = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  resource: 'deviceclasses',
  singular: 'deviceclass',
  namespaced: false,
  definition: 'io.k8s.api.resource.v1.DeviceClass',
  columns: [nameColumn(), ageColumn()],
  strategy: { validate, validateUpdate: validate, generation: true, returnsDeletedObject: true },
};

function validate({ spec }: DeviceClass): FieldError[] {
  return validateSelectors(spec?.selectors, path('spec', 'selectors'));
}
