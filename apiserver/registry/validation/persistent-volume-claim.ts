/** What a claim asks for, of its own or in a StatefulSet's template. */
import type { PersistentVolumeClaimSpec } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import { nameIsDNSSubdomain } from '../../../pkg/apimachinery/validation/names.js';
import { fractionalByteWarnings, signOf } from './quantities.js';
import { validateAccessModes, validateVolumeMode } from './storage.js';

export function validatePersistentVolumeClaimSpec(
  spec: PersistentVolumeClaimSpec | undefined,
  at: Path,
): FieldError[] {
  const { accessModes, selector, resources, storageClassName, volumeMode } = spec ?? {};
  const errors = validateAccessModes(
    accessModes,
    at.child('accessModes'),
    'at least 1 access mode is required',
  );
  errors.push(...validateLabelSelector(selector, at.child('selector')));
  const storage = resources?.requests?.['storage'];
  const storagePath = at.child('resources').key('storage');
  if (storage === undefined) errors.push(required(storagePath));
  else if (signOf(storage) <= 0) {
    errors.push(invalid(storagePath, storage, 'must be greater than zero'));
  }
  if (storageClassName) {
    errors.push(
      ...nameIsDNSSubdomain(storageClassName, false).map((why) =>
        invalid(at.child('storageClassName'), storageClassName, why),
      ),
    );
  }
  errors.push(...validateVolumeMode(volumeMode, at.child('volumeMode')));
  return errors;
}

export function persistentVolumeClaimWarnings(
  spec: PersistentVolumeClaimSpec | undefined,
  at: Path,
): string[] {
  return (['requests', 'limits'] as const).flatMap((kind) =>
    fractionalByteWarnings(
      spec?.resources?.[kind]?.['storage'],
      at.child('resources', kind).key('storage'),
    ),
  );
}
