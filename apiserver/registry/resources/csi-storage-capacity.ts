/** CSIStorageCapacity: how much storage of a class is left for some nodes. */

import type { CSIStorageCapacity } from '../../../pkg/api/types.js';
import { type FieldError, invalid, path } from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import { isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import {
  NOT_NEGATIVE,
  validateImmutable,
} from '../../../pkg/apimachinery/validation/object-meta.js';
import { nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { signOf } from '../validation/quantities.js';
import { storageCapacityWarnings } from '../validation/storage-warnings.js';

export const csiStorageCapacity: ResourceDefinition<CSIStorageCapacity> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  resource: 'csistoragecapacities',
  singular: 'csistoragecapacity',
  namespaced: true,
  definition: 'io.k8s.api.storage.v1.CSIStorageCapacity',
  columns: [
    nameColumn(),
    textColumn('StorageClassName', 'The class.', (obj) => obj.storageClassName),
    textColumn('Capacity', 'How much is left.', (obj) => obj.capacity ?? '<unset>'),
  ],
  strategy: {
    warningsOnCreate: storageCapacityWarnings,
    warningsOnUpdate: storageCapacityWarnings,
    validate,
    validateUpdate: (obj, old) => [
      ...validateImmutable(obj.nodeTopology, old.nodeTopology, path('nodeTopology')),
      ...validateImmutable(obj.storageClassName, old.storageClassName, path('storageClassName')),
    ],
  },
};

function validate(obj: CSIStorageCapacity): FieldError[] {
  const errors = isDNS1123Subdomain(obj.storageClassName).map((why) =>
    invalid('storageClassName', obj.storageClassName, why),
  );
  for (const field of ['capacity', 'maximumVolumeSize'] as const) {
    const value = obj[field];
    if (value !== undefined && signOf(value) < 0) errors.push(invalid(field, value, NOT_NEGATIVE));
  }
  errors.push(...validateLabelSelector(obj.nodeTopology, path('nodeTopology')));
  return errors;
}
