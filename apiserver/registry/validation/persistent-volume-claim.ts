/** What a claim asks for, of its own or in a StatefulSet's template. */
import type {
  PersistentVolumeClaimSpec,
  TypedLocalObjectReference,
} from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import { isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { fractionalByteWarnings, signOf } from './quantities.js';
import { validateAccessModes, validateClassName, validateVolumeMode } from './storage.js';

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
  errors.push(...validateClassName(storageClassName, at.child('storageClassName')));
  errors.push(...validateVolumeMode(volumeMode, at.child('volumeMode')));
  const { volumeAttributesClassName, dataSource, dataSourceRef } = spec ?? {};
  errors.push(
    ...validateClassName(volumeAttributesClassName, at.child('volumeAttributesClassName')),
  );
  if (dataSource) errors.push(...validateSource(dataSource, at.child('dataSource')));
  if (dataSourceRef) errors.push(...validateSource(dataSourceRef, at.child('dataSourceRef')));
  if (dataSource && dataSourceRef && !isSameSource(dataSource, dataSourceRef))
    errors.push(invalid(at, at.child('dataSource').toString(), 'must match dataSourceRef'));
  return errors;
}

function validateSource(
  { apiGroup, kind, name }: TypedLocalObjectReference,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(at.child('name')));
  if (!kind) errors.push(required(at.child('kind')));
  if (!apiGroup && kind !== 'PersistentVolumeClaim') {
    const why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    errors.push(invalid(at, kind, why));
  }
  if (apiGroup)
    errors.push(...isDNS1123Subdomain(apiGroup).map((why) => invalid(at, apiGroup, why)));
  return errors;
}

function isSameSource(a: TypedLocalObjectReference, b: TypedLocalObjectReference): boolean {
  return a.kind === b.kind && a.name === b.name && (a.apiGroup ?? '') === (b.apiGroup ?? '');
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
