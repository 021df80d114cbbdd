/** PersistentVolumeClaim: storage that a pod wants, and the volume that it got. */

import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import { type FieldError, forbidden, path } from '../../../pkg/apimachinery/field-error.js';
import { nameIsDNSSubdomain } from '../../../pkg/apimachinery/validation/names.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn, wide } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { goDiff } from '../validation/diff.js';
import { validatePersistentVolumeClaimSpec } from '../validation/persistent-volume-claim.js';
import { compareQuantity } from '../validation/quantities.js';
import { accessModesText, BETA_STORAGE_CLASS } from '../validation/storage.js';
import { claimWarnings } from '../validation/storage-warnings.js';

export const persistentVolumeClaim: ResourceDefinition<PersistentVolumeClaim> = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  resource: 'persistentvolumeclaims',
  singular: 'persistentvolumeclaim',
  namespaced: true,
  shortNames: ['pvc'],
  definition: 'io.k8s.api.core.v1.PersistentVolumeClaim',
  columns: [
    nameColumn(),
    textColumn('Status', 'Whether it has a volume.', (obj) =>
      obj.metadata?.deletionTimestamp ? 'Terminating' : (obj.status?.phase ?? ''),
    ),
    textColumn('Volume', 'The volume that it has.', (obj) => obj.spec?.volumeName ?? ''),
    textColumn('Capacity', 'How large the volume is.', (obj) =>
      obj.spec?.volumeName ? (obj.status?.capacity?.['storage'] ?? '0') : '',
    ),
    textColumn('Access Modes', 'How the volume can be mounted.', (obj) =>
      obj.spec?.volumeName ? accessModesText(obj.status?.accessModes) : '',
    ),
    textColumn(
      'StorageClass',
      'Class of the claim.',
      (obj) => obj.metadata?.annotations?.[BETA_STORAGE_CLASS] ?? obj.spec?.storageClassName ?? '',
    ),
    textColumn(
      'VolumeAttributesClass',
      'Attributes class of the claim.',
      (obj) => obj.spec?.volumeAttributesClassName ?? '<unset>',
    ),
    ageColumn(),
    wide(
      textColumn(
        'VolumeMode',
        'Whether it has a file system.',
        (obj) => obj.spec?.volumeMode ?? '<unset>',
      ),
    ),
  ],
  strategy: {
    setDefaults(obj) {
      obj.status ??= {};
      obj.status.phase ||= 'Pending';
      if (!obj.spec) return;
      obj.spec.volumeMode ??= 'Filesystem';
    },
    prepareForCreate(obj) {
      obj.status = { phase: 'Pending' };
      prepareDataSource(obj.spec);
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
      prepareDataSource(obj.spec, old.spec);
    },
    validate: validatePersistentVolumeClaim,
    validateUpdate,
    validateName: nameIsDNSSubdomain,
    warningsOnCreate: claimWarnings,
    warningsOnUpdate: claimWarnings,
    status: true,
    selectableFields: (obj) => ({ name: obj.metadata?.name ?? '' }),
    returnsDeletedObject: true,
  },
};

/**
 * A data source of old is one of new as well, and the other way round where it fits. As of old, one of old that
 * is neither a claim nor a snapshot is as good as none; sources of other namespaces are off in v1.35.
 */
function prepareDataSource(
  spec: PersistentVolumeClaimSpec | undefined,
  old?: PersistentVolumeClaimSpec,
): void {
  if (!spec) return;
  if (spec.dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef;
  const had = old?.dataSource !== undefined || old?.dataSourceRef !== undefined;
  if (!had && !spec.dataSourceRef && !isClaimOrSnapshot(spec.dataSource)) delete spec.dataSource;
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { apiGroup, kind, name } = spec.dataSourceRef;
    spec.dataSource = { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name };
  }
}

function isClaimOrSnapshot(source: PersistentVolumeClaimSpec['dataSource']): boolean {
  const { apiGroup = '', kind } = source ?? {};
  if (kind === 'PersistentVolumeClaim') return apiGroup === '';
  return kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io';
}

export function validatePersistentVolumeClaim({ spec }: PersistentVolumeClaim): FieldError[] {
  return validatePersistentVolumeClaimSpec(spec, path('spec'));
}

function validateUpdate(obj: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const errors = validatePersistentVolumeClaim(obj);
  const bound = old.status?.phase === 'Bound';
  const now = fixedPart(obj.spec, old.spec, bound);
  const then = fixedPart(old.spec, old.spec, bound);
  if (!semanticDeepEqual(now, then)) {
    const diff = goDiff('core.PersistentVolumeClaimSpec', then, now);
    errors.push(
      forbidden(
        'spec',
        `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${diff}`,
      ),
    );
  }
  const storage = obj.spec?.resources?.requests?.['storage'];
  const before = old.spec?.resources?.requests?.['storage'];
  const capacity = obj.status?.capacity?.['storage'];
  if (storage !== undefined && before !== undefined && compareQuantity(storage, before) < 0) {
    if (capacity === undefined || compareQuantity(storage, capacity) < 0) {
      errors.push(
        forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'),
      );
    }
  }
  return errors;
}

/** What may never change: all but the volume and class once they are set, and the size of a bound claim. */
function fixedPart(
  spec: PersistentVolumeClaimSpec = {},
  old: PersistentVolumeClaimSpec = {},
  bound: boolean,
): PersistentVolumeClaimSpec {
  const fixed = { ...spec };
  if (!old.volumeName) delete fixed.volumeName;
  if (old.storageClassName === undefined) delete fixed.storageClassName;
  if (bound) {
    delete fixed.resources;
    delete fixed.volumeAttributesClassName;
  }
  return fixed;
}
