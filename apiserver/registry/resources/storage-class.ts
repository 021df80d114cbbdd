/** StorageClass: how volumes of a name are made. */

import type { StorageClass } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isQualifiedName } from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn } from '../columns/metadata.js';
import { booleanColumn, textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateParameters, validateQualifiedDriverName } from '../validation/storage.js';
import { storageClassWarnings } from '../validation/storage-warnings.js';

const DEFAULT_ANNOTATIONS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

export const storageClass: ResourceDefinition<StorageClass> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  resource: 'storageclasses',
  singular: 'storageclass',
  namespaced: false,
  shortNames: ['sc'],
  definition: 'io.k8s.api.storage.v1.StorageClass',
  columns: [
    {
      name: 'Name',
      type: 'string',
      format: 'name',
      description: 'Name of the class, and whether it is the default one.',
      value: (obj) => `${obj.metadata?.name ?? ''}${isDefaultClass(obj) ? ' (default)' : ''}`,
    },
    textColumn('Provisioner', 'Who makes the volumes.', (obj) => obj.provisioner),
    textColumn(
      'ReclaimPolicy',
      'What becomes of a volume after its claim.',
      (obj) => obj.reclaimPolicy ?? 'Delete',
    ),
    textColumn(
      'VolumeBindingMode',
      'When volumes are bound.',
      (obj) => obj.volumeBindingMode ?? '<unset>',
    ),
    booleanColumn(
      'AllowVolumeExpansion',
      'Whether claims may grow.',
      (obj) => obj.allowVolumeExpansion === true,
    ),
    ageColumn(),
  ],
  strategy: {
    setDefaults(obj) {
      obj.reclaimPolicy ??= 'Delete';
      obj.volumeBindingMode ??= 'Immediate';
    },
    warningsOnCreate: storageClassWarnings,
    warningsOnUpdate: storageClassWarnings,
    validate,
    validateUpdate(obj, old) {
      const errors = validate(obj);
      if (!semanticDeepEqual(obj.parameters ?? {}, old.parameters ?? {})) {
        errors.push(forbidden('parameters', 'updates to parameters are forbidden.'));
      }
      if (obj.provisioner !== old.provisioner) {
        errors.push(forbidden('provisioner', 'updates to provisioner are forbidden.'));
      }
      if (obj.reclaimPolicy !== old.reclaimPolicy) {
        errors.push(forbidden('reclaimPolicy', 'updates to reclaimPolicy are forbidden.'));
      }
      errors.push(
        ...validateImmutable(
          obj.volumeBindingMode,
          old.volumeBindingMode,
          path('volumeBindingMode'),
        ),
      );
      return errors;
    },
    allowCreateOnUpdate: false,
    returnsDeletedObject: true,
  },
};

export function isDefaultClass(obj: StorageClass): boolean {
  return DEFAULT_ANNOTATIONS.some((key) => obj.metadata?.annotations?.[key] === 'true');
}

/** Terms say something, and no two of them the same. */
function validateTopologies({ allowedTopologies = [] }: StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  allowedTopologies.forEach(({ matchLabelExpressions = [] }, i) => {
    const at = path('allowedTopologies').index(i).child('matchLabelExpressions');
    const keys = new Map<string, readonly string[]>();
    matchLabelExpressions.forEach(({ key, values }, j) => {
      const own = at.index(j);
      if (!values?.length) errors.push(required(own.child('values')));
      values?.forEach((value, k) => {
        if (values.indexOf(value) < k) errors.push(duplicate(own.child('values').index(k), value));
      });
      errors.push(...isQualifiedName(key).map((why) => invalid(own.child('key'), key, why)));
      if (keys.has(key)) errors.push(duplicate(own.child('key'), key));
      keys.set(key, [...(values ?? [])].sort());
    });
    const term = JSON.stringify([...keys].sort());
    if (seen.has(term)) errors.push(duplicate(at, ''));
    seen.add(term);
  });
  return errors;
}

function validate(obj: StorageClass): FieldError[] {
  const errors: FieldError[] = obj.provisioner
    ? validateQualifiedDriverName(obj.provisioner, path('provisioner'))
    : [required('provisioner', '')];
  errors.push(...validateParameters(obj.parameters, path('parameters')));
  errors.push(...validateTopologies(obj));
  if (obj.reclaimPolicy && !['Delete', 'Retain'].includes(obj.reclaimPolicy)) {
    errors.push(notSupported('reclaimPolicy', obj.reclaimPolicy, ['Delete', 'Retain']));
  }
  if (!obj.volumeBindingMode) errors.push(required('volumeBindingMode'));
  else if (!['Immediate', 'WaitForFirstConsumer'].includes(obj.volumeBindingMode)) {
    errors.push(
      notSupported('volumeBindingMode', obj.volumeBindingMode, [
        'Immediate',
        'WaitForFirstConsumer',
      ]),
    );
  }
  return errors;
}
