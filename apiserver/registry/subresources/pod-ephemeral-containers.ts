/** `pods/NAME/ephemeralcontainers`: adds containers for a look into a running pod; none is ever changed or removed. */
import type { Pod } from '../../../pkg/api/types.js';
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import { type FieldError, forbidden, path } from '../../../pkg/apimachinery/field-error.js';
import { setPodSpecDefaults } from '../defaults/pod-spec.js';
import type { Subresource } from '../resource.js';
import { goDiff } from '../validation/diff.js';
import { MIRROR_ANNOTATION, validatePodAnnotationUpdates } from '../validation/pod-annotations.js';
import { validatePodMetadataAndSpec } from '../validation/pod-spec.js';

export const podEphemeralContainers: Subresource<Pod> = {
  name: 'ephemeralcontainers',
  kind: { group: '', version: 'v1', kind: 'Pod' },
  verbs: ['get', 'patch', 'update'],
  strategy: {
    setDefaults(pod) {
      if (pod.spec) setPodSpecDefaults(pod.spec);
    },
    prepareForUpdate(pod, old) {
      const added = pod.spec?.ephemeralContainers;
      pod.spec = structuredClone(old.spec ?? { containers: [] });
      if (added) pod.spec.ephemeralContainers = added;
      if (old.status) pod.status = structuredClone(old.status);
    },
    validateUpdate: validateEphemeralContainersUpdate,
    generation: true,
  },
};

export function validateEphemeralContainersUpdate(pod: Pod, old: Pod): FieldError[] {
  if (old.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined) {
    return [forbidden(path(''), 'static pods do not support ephemeral containers')];
  }
  const errors = [
    ...validatePodMetadataAndSpec(pod, old),
    ...validatePodAnnotationUpdates(pod, old),
  ];
  const at = path('spec', 'ephemeralContainers');
  const now = new Map(
    (pod.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]),
  );
  for (const before of old.spec?.ephemeralContainers ?? []) {
    const after = now.get(before.name);
    const name = JSON.stringify(before.name);
    if (!after) {
      errors.push(forbidden(at, `existing ephemeral containers ${name} may not be removed\n`));
    } else if (!deepEqual(before, after)) {
      const text = `existing ephemeral containers ${name} may not be changed\n${goDiff('core.EphemeralContainer', before, after)}`;
      errors.push(forbidden(at, text));
    }
  }
  return errors;
}
