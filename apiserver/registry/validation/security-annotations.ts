/**
 * Profiles of seccomp and AppArmor that are said twice, in a field and in the annotation that was there
 * before the field: both have to say the same. Checked when a pod or a template is made.
 */
import type { AppArmorProfile, PodSpec, SeccompProfile } from '../../../pkg/api/types.js';
import { type FieldError, forbidden, type Path } from '../../../pkg/apimachinery/field-error.js';
import { containersWithPath } from './windows-options.js';

const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const LOCAL = 'localhost/';

export function validateProfilesAgree(
  annotations: Readonly<Record<string, string>> | undefined,
  spec: PodSpec,
  at: Path,
): FieldError[] {
  if (!annotations) return [];
  const pod = spec.securityContext;
  const errors = agree(
    'seccomp',
    annotations[SECCOMP_POD],
    pod?.seccompProfile,
    at.child('securityContext', 'seccompProfile'),
  );
  for (const { container, path } of containersWithPath(spec, at)) {
    const own = container.securityContext;
    const where = path.child('securityContext');
    const seccomp = annotations[`${SECCOMP_CONTAINER}${container.name}`];
    errors.push(...agree('seccomp', seccomp, own?.seccompProfile, where.child('seccompProfile')));
    if (spec.os?.name === 'windows') continue;
    const appArmor = annotations[`${APPARMOR}${container.name}`];
    const profile = own?.appArmorProfile ?? pod?.appArmorProfile;
    errors.push(...agree('apparmor', appArmor, profile, where.child('appArmorProfile')));
  }
  return errors;
}

function agree(
  what: 'seccomp' | 'apparmor',
  annotation: string | undefined,
  profile: SeccompProfile | AppArmorProfile | undefined,
  at: Path,
): FieldError[] {
  if (annotation === undefined || !profile) return [];
  const differs = [forbidden(at.child('type'), `${what} type in annotation and field must match`)];
  switch (profile.type) {
    case 'Unconfined':
      return annotation === 'unconfined' ? [] : differs;
    case 'RuntimeDefault': {
      const same =
        annotation === 'runtime/default' || (what === 'seccomp' && annotation === 'docker/default');
      return same ? [] : differs;
    }
    case 'Localhost':
      if (!annotation.startsWith(LOCAL)) return differs;
      if (annotation.slice(LOCAL.length) === profile.localhostProfile) return [];
      return [
        forbidden(
          at.child('localhostProfile'),
          `${what} profile in annotation and field must match`,
        ),
      ];
    default:
      return [];
  }
}
