/** PersistentVolume: storage that is there, and the claim that has it. */

import type { PersistentVolume, PersistentVolumeSpec } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn, wide } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { goDiff } from '../validation/diff.js';
import { validateVolumeSource } from '../validation/persistent-volume-source.js';
import { signOf } from '../validation/quantities.js';
import {
  accessModesText,
  BETA_STORAGE_CLASS,
  validateAccessModes,
  validateClassName,
  validateVolumeMode,
} from '../validation/storage.js';
import { volumeWarnings } from '../validation/storage-warnings.js';

/** The fields of the spec that say what kind of storage it is; exactly one is set. */
const SOURCES = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'csi',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'glusterfs',
  'hostPath',
  'iscsi',
  'local',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
] as const satisfies readonly (keyof PersistentVolumeSpec)[];
const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];

export const persistentVolume: ResourceDefinition<PersistentVolume> = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  resource: 'persistentvolumes',
  singular: 'persistentvolume',
  namespaced: false,
  shortNames: ['pv'],
  definition: 'io.k8s.api.core.v1.PersistentVolume',
  columns: [
    nameColumn(),
    textColumn('Capacity', 'How large it is.', (obj) => obj.spec?.capacity?.['storage'] ?? '0'),
    textColumn('Access Modes', 'How it can be mounted.', (obj) =>
      accessModesText(obj.spec?.accessModes),
    ),
    textColumn(
      'Reclaim Policy',
      'What becomes of it after its claim.',
      (obj) => obj.spec?.persistentVolumeReclaimPolicy ?? '',
    ),
    textColumn('Status', 'Whether it is free, bound or released.', (obj) =>
      obj.metadata?.deletionTimestamp ? 'Terminating' : (obj.status?.phase ?? ''),
    ),
    textColumn('Claim', 'The claim that has it.', ({ spec }) =>
      spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '',
    ),
    textColumn(
      'StorageClass',
      'Class of the volume.',
      (obj) => obj.metadata?.annotations?.[BETA_STORAGE_CLASS] ?? obj.spec?.storageClassName ?? '',
    ),
    textColumn(
      'VolumeAttributesClass',
      'Attributes class of the volume.',
      (obj) => obj.spec?.volumeAttributesClassName ?? '<unset>',
    ),
    textColumn('Reason', 'Why it is in its status.', (obj) => obj.status?.reason ?? ''),
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
      obj.spec.persistentVolumeReclaimPolicy ||= 'Retain';
      obj.spec.volumeMode ??= 'Filesystem';
      if (obj.spec.hostPath) obj.spec.hostPath.type ??= '';
    },
    prepareForCreate(obj, ctx) {
      obj.status = { phase: 'Pending', lastPhaseTransitionTime: now(ctx.clock.now()) };
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
    },
    warningsOnCreate: volumeWarnings,
    warningsOnUpdate: volumeWarnings,
    validate,
    validateUpdate(obj, old) {
      const errors = validate(obj);
      if (!semanticDeepEqual(sourceOf(obj), sourceOf(old))) {
        errors.push(
          forbidden(
            'spec.persistentvolumesource',
            `spec.persistentvolumesource is immutable after creation\n${goDiff('core.PersistentVolumeSource', sourceOf(old), sourceOf(obj))}`,
          ),
        );
      }
      errors.push(
        ...validateImmutable(obj.spec?.volumeMode, old.spec?.volumeMode, path('volumeMode')),
      );
      if (old.spec?.nodeAffinity) {
        errors.push(
          ...validateImmutable(obj.spec?.nodeAffinity, old.spec.nodeAffinity, path('nodeAffinity')),
        );
      }
      return errors;
    },
    status: {
      prepareForUpdate(obj, old, ctx) {
        if (obj.status && obj.status.phase !== old.status?.phase) {
          obj.status.lastPhaseTransitionTime = now(ctx.clock.now());
        }
      },
    },
    selectableFields: (obj) => ({ name: obj.metadata?.name ?? '' }),
    returnsDeletedObject: true,
  },
};

function now(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function sourceOf({ spec = {} }: PersistentVolume): object {
  return Object.fromEntries(SOURCES.filter((name) => spec[name]).map((name) => [name, spec[name]]));
}

function validate({ spec = {} }: PersistentVolume): FieldError[] {
  const at = path('spec');
  const errors = validateAccessModes(spec.accessModes, at.child('accessModes'), '');
  const capacity = spec.capacity ?? {};
  const storage = capacity['storage'];
  if (Object.keys(capacity).length === 0) errors.push(required(at.child('capacity')));
  if (storage === undefined || Object.keys(capacity).length > 1) {
    errors.push(notSupported(at.child('capacity'), capacity, ['storage']));
  }
  for (const [name, quantity] of Object.entries(capacity)) {
    if (signOf(quantity) <= 0) {
      errors.push(invalid(at.child('capacity').key(name), quantity, 'must be greater than zero'));
    }
  }
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy && !RECLAIM_POLICIES.includes(policy)) {
    errors.push(notSupported(at.child('persistentVolumeReclaimPolicy'), policy, RECLAIM_POLICIES));
  }
  const sources = SOURCES.filter((name) => spec[name] !== undefined);
  if (sources.length === 0) errors.push(required(at, 'must specify a volume type'));
  for (const extra of sources.slice(1)) {
    errors.push(forbidden(at.child(extra), 'may not specify more than 1 volume type'));
  }
  errors.push(...validateVolumeSource(spec, at));
  if (spec.hostPath?.path === '/' && policy === 'Recycle') {
    errors.push(
      forbidden(
        at.child('persistentVolumeReclaimPolicy'),
        "may not be 'recycle' for a hostPath mount of '/'",
      ),
    );
  }
  errors.push(...validateVolumeMode(spec.volumeMode, at.child('volumeMode')));
  errors.push(...validateClassName(spec.storageClassName, at.child('storageClassName')));
  const attributes = spec.volumeAttributesClassName;
  if (attributes === '') {
    errors.push(required(at.child('volumeAttributesClassName'), 'an empty string is disallowed'));
  } else if (attributes !== undefined) {
    errors.push(...validateClassName(attributes, at.child('volumeAttributesClassName')));
    if (!spec.csi)
      errors.push(
        required(at.child('csi'), 'has to be specified when using volumeAttributesClassName'),
      );
  }
  return errors;
}
