/** `pods/NAME/resize`: other cpu and memory for containers that run. The QoS class must stay what it is. */
import type { Container, Pod, ResourceRequirements } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  type Path,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { setPodOnlyDefaults, setPodSpecDefaults } from '../defaults/pod-spec.js';
import { qosClass } from '../defaults/qos-class.js';
import type { Subresource } from '../resource.js';
import { MIRROR_ANNOTATION } from '../validation/pod-annotations.js';
import { validatePodMetadataAndSpec } from '../validation/pod-spec.js';

const RESIZABLE = ['cpu', 'memory'] as const;

export const podResize: Subresource<Pod> = {
  name: 'resize',
  kind: { group: '', version: 'v1', kind: 'Pod' },
  verbs: ['get', 'patch', 'update'],
  strategy: {
    setDefaults(pod) {
      if (!pod.spec) return;
      setPodSpecDefaults(pod.spec);
      setPodOnlyDefaults(pod.spec);
    },
    prepareForUpdate(pod, old) {
      const asked = pod.spec;
      pod.spec = structuredClone(old.spec ?? { containers: [] });
      copyResources(asked?.containers, pod.spec.containers);
      copyResources(asked?.initContainers, pod.spec.initContainers);
      if (old.status) pod.status = structuredClone(old.status);
    },
    validateUpdate: validatePodResize,
    generation: true,
  },
};

export function validatePodResize(pod: Pod, old: Pod): FieldError[] {
  const refusal = neverResizable(pod, old);
  if (refusal) return [forbidden(path(''), refusal)];
  const spec = path('spec');
  const errors = validatePodMetadataAndSpec(pod, old);
  if ((old.status?.qosClass || qosClass(old)) !== qosClass(pod)) {
    errors.push(
      invalid(
        spec,
        pod.status?.qosClass ?? '',
        'Pod QOS Class may not change as a result of resizing',
      ),
    );
  }
  const running = (old.status?.containerStatuses ?? []).find((status) => status.state?.running);
  if (running && !running.resources) {
    errors.push(forbidden(spec, 'Pod running on node without support for resize'));
  }
  for (const [i, before] of (old.spec?.initContainers ?? []).entries()) {
    const after = pod.spec?.initContainers?.[i];
    if (!after) continue;
    if (before.restartPolicy === 'Always') {
      errors.push(
        ...validateResize(after, before, spec.child('initContainers').index(i).child('resources')),
      );
      if (changesOtherResources(after.resources, before.resources)) {
        errors.push(
          forbidden(spec, 'only cpu and memory resources for sidecar containers are mutable'),
        );
      }
    } else if (!semanticDeepEqual(after.resources, before.resources)) {
      errors.push(forbidden(spec, 'resources for non-sidecar init containers are immutable'));
    }
  }
  for (const [i, before] of (old.spec?.containers ?? []).entries()) {
    const after = pod.spec?.containers[i];
    if (!after) continue;
    errors.push(
      ...validateResize(after, before, spec.child('containers').index(i).child('resources')),
    );
    if (changesOtherResources(after.resources, before.resources)) {
      errors.push(forbidden(spec, 'only cpu and memory resources are mutable'));
    }
  }
  return errors;
}

function neverResizable(pod: Pod, old: Pod): string | undefined {
  const podLevel = [pod, old].some(
    ({ spec }) =>
      Object.keys(spec?.resources?.requests ?? {}).length +
        Object.keys(spec?.resources?.limits ?? {}).length >
      0,
  );
  if (podLevel) return 'pods with pod-level resources cannot be resized';
  if (old.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined)
    return 'static pods cannot be resized';
  if (old.spec?.os?.name === 'windows') return 'windows pods cannot be resized';
  return undefined;
}

function validateResize(after: Container, before: Container, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const list of ['requests', 'limits'] as const) {
    const now = after.resources?.[list] ?? {};
    if (Object.keys(before.resources?.[list] ?? {}).some((name) => now[name] === undefined)) {
      errors.push(forbidden(at.child(list), `resource ${list} cannot be removed`));
    }
  }
  return errors;
}

function changesOtherResources(
  after: ResourceRequirements | undefined,
  before: ResourceRequirements | undefined,
): boolean {
  return !semanticDeepEqual(withoutResizable(after), withoutResizable(before));
}

function withoutResizable(resources: ResourceRequirements | undefined): unknown {
  const strip = (list: Readonly<Record<string, string>> | undefined) =>
    Object.fromEntries(
      Object.entries(list ?? {}).filter(([name]) => !RESIZABLE.some((known) => known === name)),
    );
  return {
    claims: resources?.claims,
    limits: strip(resources?.limits),
    requests: strip(resources?.requests),
  };
}

/** By name: a patch need not keep the order. */
function copyResources(from: readonly Container[] | undefined, to: Container[] | undefined): void {
  for (const container of to ?? []) {
    const asked = from?.find((candidate) => candidate.name === container.name);
    if (!asked) continue;
    if (asked.resources) container.resources = asked.resources;
    if (asked.resizePolicy) container.resizePolicy = asked.resizePolicy;
  }
}
