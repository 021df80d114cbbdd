/** CSIDriver: what a storage driver of the nodes can do and wants. */

import type { CSIDriver } from '../../../pkg/api/types.js';
import {
  type FieldError,
  notSupported,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { booleanColumn, textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateQualifiedDriverName } from '../validation/storage.js';

const MODES = ['Ephemeral', 'Persistent'];
const FS_GROUP_POLICIES = ['File', 'None', 'ReadWriteOnceWithFSType'];

export const csiDriver: ResourceDefinition<CSIDriver> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  resource: 'csidrivers',
  singular: 'csidriver',
  namespaced: false,
  definition: 'io.k8s.api.storage.v1.CSIDriver',
  columns: [
    nameColumn(),
    booleanColumn(
      'AttachRequired',
      'Whether volumes are attached first.',
      (obj) => obj.spec.attachRequired ?? true,
    ),
    booleanColumn(
      'PodInfoOnMount',
      'Whether it is told of the pod.',
      (obj) => obj.spec.podInfoOnMount ?? false,
    ),
    booleanColumn(
      'StorageCapacity',
      'Whether it tells how much is free.',
      (obj) => obj.spec.storageCapacity ?? false,
    ),
    textColumn('TokenRequests', 'Tokens that it needs.', ({ spec }) =>
      spec.tokenRequests ? spec.tokenRequests.map(({ audience }) => audience).join(',') : '<unset>',
    ),
    booleanColumn(
      'RequiresRepublish',
      'Whether it is called again and again.',
      (obj) => obj.spec.requiresRepublish ?? false,
    ),
    textColumn('Modes', 'Which volumes it can make.', ({ spec }) => {
      const modes = spec.volumeLifecycleModes ?? [];
      return modes.length === 0 ? '<none>' : modes.join(',');
    }),
    ageColumn(),
  ],
  strategy: {
    setDefaults({ spec }) {
      if (!spec) return;
      spec.attachRequired ??= true;
      spec.podInfoOnMount ??= false;
      spec.storageCapacity ??= false;
      spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
      spec.requiresRepublish ??= false;
      spec.seLinuxMount ??= false;
      if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    },
    validate,
    validateUpdate(obj, old) {
      const at = path('spec');
      return [
        ...validate(obj),
        ...validateImmutable(
          obj.spec.attachRequired,
          old.spec.attachRequired,
          at.child('attachedRequired'),
        ),
        ...validateImmutable(
          obj.spec.volumeLifecycleModes,
          old.spec.volumeLifecycleModes,
          at.child('volumeLifecycleModes'),
        ),
      ];
    },
    generation: true,
    returnsDeletedObject: true,
  },
};

function validate({ metadata, spec }: CSIDriver): FieldError[] {
  const at = path('spec');
  const errors = validateQualifiedDriverName(metadata?.name ?? '', path('name'));
  for (const field of ['attachRequired', 'podInfoOnMount', 'storageCapacity'] as const) {
    if (spec[field] === undefined) errors.push(required(at.child(field)));
  }
  (spec.volumeLifecycleModes ?? []).forEach((mode) => {
    if (!MODES.includes(mode))
      errors.push(notSupported(at.child('volumeLifecycleModes'), mode, MODES));
  });
  if (spec.fsGroupPolicy !== undefined && !FS_GROUP_POLICIES.includes(spec.fsGroupPolicy)) {
    errors.push(notSupported(at.child('fsGroupPolicy'), spec.fsGroupPolicy, FS_GROUP_POLICIES));
  }
  return errors;
}
