/** VolumeAttributesClass: settings of volumes that can change while they are in use. */

import type { VolumeAttributesClass } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateParameters, validateQualifiedDriverName } from '../validation/storage.js';

export const volumeAttributesClass: ResourceDefinition<VolumeAttributesClass> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  resource: 'volumeattributesclasses',
  singular: 'volumeattributesclass',
  namespaced: false,
  shortNames: ['vac'],
  definition: 'io.k8s.api.storage.v1.VolumeAttributesClass',
  columns: [
    nameColumn(),
    textColumn('DriverName', 'The driver that knows the settings.', (obj) => obj.driverName),
    ageColumn(),
  ],
  strategy: {
    validate,
    validateUpdate(obj, old) {
      const errors = validate(obj);
      errors.push(...validateImmutable(obj.driverName, old.driverName, path('driverName')));
      if (JSON.stringify(obj.parameters) !== JSON.stringify(old.parameters)) {
        errors.push(forbidden('parameters', 'updates to parameters are forbidden.'));
      }
      return errors;
    },
    returnsDeletedObject: true,
  },
};

function validate(obj: VolumeAttributesClass): FieldError[] {
  const errors: FieldError[] = obj.driverName
    ? validateQualifiedDriverName(obj.driverName, path('driverName'))
    : [required('driverName', '')];
  if (Object.keys(obj.parameters ?? {}).length === 0) {
    errors.push(required('parameters', 'must contain at least one key/value pair'));
  }
  errors.push(...validateParameters(obj.parameters, path('parameters')));
  return errors;
}
