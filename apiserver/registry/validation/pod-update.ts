/**
 * What may change in a pod that exists: images, an earlier deadline, more tolerations, fewer scheduling
 * gates - and, while it is gated, where it may be scheduled. All else is refused, with the difference.
 */
import type { Container, NodeAffinity, Pod, PodSpec } from '../../../pkg/api/types.js';
import { deepEqual, semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { inclusiveRangeMessage } from '../../../pkg/apimachinery/validation/formats.js';
import { goDiff } from './diff.js';
import { validatePodAnnotationUpdates } from './pod-annotations.js';
import { validatePodMetadataAndSpec } from './pod-spec.js';
import { validateOnlyAddedTolerations } from './tolerations.js';

const UPDATABLE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');
const MAX_INT32 = 2 ** 31 - 1;

export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const at = path('spec');
  const spec = pod.spec ?? { containers: [] };
  const before = old.spec ?? { containers: [] };
  const errors = [
    ...validatePodMetadataAndSpec(pod, old),
    ...validatePodAnnotationUpdates(pod, old),
  ];
  for (const field of ['containers', 'initContainers'] as const) {
    const own = at.child(field);
    if ((spec[field] ?? []).length !== (before[field] ?? []).length) {
      return [...errors, forbidden(own, 'pod updates may not add or remove containers')];
    }
    errors.push(...validateImages(spec[field] ?? [], own));
  }
  const ofDeadline = validateDeadline(spec, before, at.child('activeDeadlineSeconds'));
  errors.push(...ofDeadline.errors);
  if (ofDeadline.stop) return errors;
  errors.push(
    ...validateOnlyAddedTolerations(
      spec.tolerations ?? [],
      before.tolerations ?? [],
      at.child('tolerations'),
    ),
    ...validateOnlyDeletedGates(spec, before, at.child('schedulingGates')),
  );
  if (semanticDeepEqual(spec, before)) return errors;
  const rest = withUpdatableFieldsOf(spec, before);
  if ((before.schedulingGates ?? []).length > 0)
    errors.push(...allowGatedChanges(rest, before, at));
  if (!semanticDeepEqual(rest, before)) {
    const text = `pod updates may not change fields other than ${UPDATABLE}\n${goDiff('core.PodSpec', before, rest)}`;
    errors.push(forbidden(at, text));
  }
  return errors;
}

function validateImages(containers: readonly Container[], at: Path): FieldError[] {
  return containers.flatMap(({ image = '' }, i) => {
    const own = at.index(i).child('image');
    if (image === '') return [required(own)];
    return image === image.trim()
      ? []
      : [invalid(own, image, 'must not have leading or trailing whitespace')];
  });
}

/** From none to some, or to an earlier one. */
function validateDeadline(
  spec: PodSpec,
  before: PodSpec,
  at: Path,
): { errors: FieldError[]; stop: boolean } {
  const now = spec.activeDeadlineSeconds;
  const then = before.activeDeadlineSeconds;
  if (now === undefined) {
    const text = 'must not update from a positive integer to nil value';
    return { errors: then === undefined ? [] : [invalid(at, null, text)], stop: false };
  }
  if (now < 0 || now > MAX_INT32)
    return { errors: [invalid(at, now, inclusiveRangeMessage(0, MAX_INT32))], stop: true };
  if (then !== undefined && then < now) {
    return {
      errors: [invalid(at, now, 'must be less than or equal to previous value')],
      stop: true,
    };
  }
  return { errors: [], stop: false };
}

function validateOnlyDeletedGates(spec: PodSpec, before: PodSpec, at: Path): FieldError[] {
  const known = new Set((before.schedulingGates ?? []).map((gate) => gate.name));
  return (spec.schedulingGates ?? []).flatMap((gate, i) => {
    if (known.has(gate.name)) return [];
    const text = `only deletion is allowed, but found new scheduling gate '${gate.name}'`;
    return [forbidden(at.index(i).child('name'), text)];
  });
}

/** The new spec with the old one's values where a change is allowed: what still differs is not. */
function withUpdatableFieldsOf(spec: PodSpec, before: PodSpec): PodSpec {
  const rest = structuredClone(spec);
  for (const field of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (rest[field] ?? []).entries())
      copyField(container, before[field]?.[i] ?? {}, 'image');
  }
  copyField(rest, before, 'activeDeadlineSeconds');
  copyField(rest, before, 'schedulingGates');
  copyField(rest, before, 'tolerations');
  const wasNegative = (before.terminationGracePeriodSeconds ?? 0) < 0;
  if (wasNegative && rest.terminationGracePeriodSeconds === 1)
    copyField(rest, before, 'terminationGracePeriodSeconds');
  return rest;
}

/** A gated pod may be narrowed to fewer nodes: nobody has looked at it yet. Takes what it allows out of `rest`. */
function allowGatedChanges(rest: PodSpec, before: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (!semanticDeepEqual(rest.nodeSelector, before.nodeSelector)) {
    const kept = Object.entries(before.nodeSelector ?? {}).every(
      ([key, value]) => rest.nodeSelector?.[key] === value,
    );
    if (!kept) {
      const text = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
      errors.push(invalid(at.child('nodeSelector'), rest.nodeSelector ?? null, text));
    }
    copyField(rest, before, 'nodeSelector');
  }
  const was = before.affinity?.nodeAffinity;
  const is = rest.affinity?.nodeAffinity;
  if (!semanticDeepEqual(was, is)) {
    errors.push(...validateNodeAffinityChange(is, was, at.child('affinity', 'nodeAffinity')));
    const { nodeAffinity: _, ...others } = rest.affinity ?? {};
    if (was) rest.affinity = { ...others, nodeAffinity: was };
    else if (Object.keys(others).length > 0 || before.affinity) rest.affinity = others;
    else delete rest.affinity;
  }
  return errors;
}

function validateNodeAffinityChange(
  is: NodeAffinity | undefined,
  was: NodeAffinity | undefined,
  at: Path,
): FieldError[] {
  const terms = at.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms');
  const old = was?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  // Where nothing was demanded, anything may be.
  if (!old) return [];
  const now = is?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (now.length !== old.length) {
    return [
      invalid(terms, now, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed'),
    ];
  }
  return now.flatMap((term, i) => {
    const before = old[i] ?? {};
    const isExtended = (field: 'matchExpressions' | 'matchFields') =>
      deepEqual((term[field] ?? []).slice(0, (before[field] ?? []).length), before[field] ?? []);
    if (isExtended('matchExpressions') && isExtended('matchFields')) return [];
    return [
      invalid(terms.index(i), term, 'only additions are allowed (no mutations or deletions)'),
    ];
  });
}

function copyField<T extends object, K extends keyof T>(to: T, from: Partial<T>, field: K): void {
  const value = from[field];
  if (value === undefined) delete to[field];
  else to[field] = value;
}
