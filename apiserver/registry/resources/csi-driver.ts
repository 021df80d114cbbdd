/** CSIDriver: what a storage driver of the nodes can do and wants. */

import type { CSIDriver } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { booleanColumn, textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateDriverName } from '../validation/pod-volumes.js';
import { csiDriverWarnings } from '../validation/storage-warnings.js';

const MODES = ['Ephemeral', 'Persistent'];
const MIN_UPDATE_PERIOD_SECONDS = 10;
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;
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
    warningsOnCreate: (obj) => csiDriverWarnings(obj),
    warningsOnUpdate: csiDriverWarnings,
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
  const errors = validateDriverName(metadata?.name, path('name'));
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
  errors.push(...tokenFaults(spec, at.child('tokenRequests')));
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < MIN_UPDATE_PERIOD_SECONDS) {
    const why = `must be greater than or equal to ${MIN_UPDATE_PERIOD_SECONDS} seconds`;
    errors.push(invalid(at.child('nodeAllocatableUpdatePeriodSeconds'), period, why));
  }
  const inSecrets = spec.serviceAccountTokenInSecrets;
  if (inSecrets !== undefined && (spec.tokenRequests ?? []).length === 0) {
    const why = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified';
    errors.push(invalid(at.child('serviceAccountTokenInSecrets'), inSecrets, why));
  }
  return errors;
}

/** One token an audience, each for ten minutes at least. */
function tokenFaults({ tokenRequests = [] }: CSIDriver['spec'], at: Path): FieldError[] {
  const seen = new Set<string>();
  return tokenRequests.flatMap(({ audience, expirationSeconds }, i) => {
    const own = at.index(i);
    const errors = seen.has(audience) ? [duplicate(own.child('audience'), audience)] : [];
    seen.add(audience);
    if (expirationSeconds === undefined) return errors;
    const field = own.child('expirationSeconds');
    if (expirationSeconds < MIN_TOKEN_SECONDS) {
      const why = 'may not specify a duration less than 10 minutes';
      errors.push(invalid(field, expirationSeconds, why));
    }
    if (expirationSeconds > MAX_TOKEN_SECONDS) {
      const why = 'may not specify a duration larger than 2^32 seconds';
      errors.push(invalid(field, expirationSeconds, why));
    }
    return errors;
  });
}
