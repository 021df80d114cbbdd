/** Annotations of a pod or a template that mean something to Kubernetes: mirror pods, deletion cost, old security profiles. */
import type { Pod, PodSpec } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  type Path,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { localDescendingPath } from './fields.js';
import { containersWithPath } from './windows-options.js';

export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const MAX_INT32 = 2 ** 31 - 1;

type Annotations = Readonly<Record<string, string>>;

export function validatePodAnnotations(
  annotations: Annotations | undefined,
  spec: PodSpec,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(annotations ?? {})) {
    if (key === MIRROR_ANNOTATION && !spec.nodeName) {
      errors.push(
        invalid(at.key(key), value, 'must set spec.nodeName if mirror pod annotation is set'),
      );
    } else if (key === DELETION_COST && !isInt32(value)) {
      errors.push(invalid(at.key(key), value, 'must be a 32bit integer'));
    } else if (key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER)) {
      errors.push(...validateSeccomp(value, at.child(key)));
    } else if (key.startsWith(APPARMOR)) {
      errors.push(...validateAppArmor(key, value, spec, at));
    }
  }
  return errors;
}

/** Between two states of one pod: who reads these reads them once, when the pod starts. */
export function validatePodAnnotationUpdates(pod: Pod, old: Pod): FieldError[] {
  const at = path('metadata', 'annotations');
  const now = pod.metadata?.annotations ?? {};
  const before = old.metadata?.annotations ?? {};
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(before)) {
    if (now[key] === value) continue;
    if (key.startsWith(APPARMOR))
      errors.push(forbidden(at.key(key), 'may not remove or update AppArmor annotations'));
    if (key === MIRROR_ANNOTATION)
      errors.push(forbidden(at.key(key), 'may not remove or update mirror pod annotation'));
  }
  for (const key of Object.keys(now)) {
    if (before[key] !== undefined) continue;
    if (key.startsWith(APPARMOR))
      errors.push(forbidden(at.key(key), 'may not add AppArmor annotations'));
    if (key === MIRROR_ANNOTATION)
      errors.push(forbidden(at.key(key), 'may not add mirror pod annotation'));
  }
  return errors;
}

/** Canonical: no sign but a minus, no leading zeros. */
function isInt32(value: string): boolean {
  return /^(0|-?[1-9]\d*)$/.test(value) && Math.abs(Number(value)) <= MAX_INT32;
}

function validateSeccomp(profile: string, at: Path): FieldError[] {
  if (profile === 'runtime/default' || profile === 'docker/default' || profile === 'unconfined')
    return [];
  if (profile.startsWith('localhost/'))
    return localDescendingPath(profile.slice('localhost/'.length), at);
  return [invalid(at, profile, 'must be a valid seccomp profile')];
}

function validateAppArmor(key: string, profile: string, spec: PodSpec, at: Path): FieldError[] {
  const name = key.slice(APPARMOR.length);
  const errors: FieldError[] = [];
  if (!containersWithPath(spec, path('spec')).some(({ container }) => container.name === name)) {
    errors.push(invalid(at.key(key), name, 'container not found'));
  }
  const known =
    profile === '' ||
    profile === 'runtime/default' ||
    profile === 'unconfined' ||
    profile.startsWith('localhost/');
  if (!known)
    errors.push(
      invalid(at.key(key), profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`),
    );
  return errors;
}
