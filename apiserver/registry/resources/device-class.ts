/** DeviceClass: which devices a name in a claim stands for. */

import type { DeviceClass } from '../../../pkg/api/types.js';
import { type FieldError, invalid, path } from '../../../pkg/apimachinery/field-error.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { dropFromClass } from '../defaults/disabled-device-fields.js';
import type { ResourceDefinition } from '../resource.js';
import { validateList } from '../validation/device-names.js';
import { validateConfiguration, validateSelectors } from '../validation/devices.js';
import { isExtendedResource } from '../validation/resources.js';

const MAX_CONFIGS = 32;

export const deviceClass: ResourceDefinition<DeviceClass> = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  resource: 'deviceclasses',
  singular: 'deviceclass',
  namespaced: false,
  definition: 'io.k8s.api.resource.v1.DeviceClass',
  columns: [nameColumn(), ageColumn()],
  strategy: {
    prepareForCreate: (obj) => dropFromClass(obj),
    prepareForUpdate: dropFromClass,
    validate,
    validateUpdate: validate,
    generation: true,
    returnsDeletedObject: true,
  },
};

function validate({ spec }: DeviceClass): FieldError[] {
  const at = path('spec');
  const errors = [
    ...validateSelectors(spec?.selectors, at.child('selectors')),
    ...validateList(spec?.config, MAX_CONFIGS, validateConfiguration, at.child('config')),
  ];
  const name = spec?.extendedResourceName;
  if (name === undefined || isExtendedResource(name)) return errors;
  const own = at.child('extendedResourceName');
  return [...errors, invalid(own, name, 'must be a valid extended resource name')];
}
