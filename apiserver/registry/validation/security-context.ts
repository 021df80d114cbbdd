/** What pods and containers may do on their node: users, groups, profiles, capabilities, sysctls. */
import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
} from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  type Path,
  required,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import { isValidGroupID, isValidUserID } from '../../../pkg/apimachinery/validation/formats.js';
import { invalidEach, localDescendingPath, optionalOneOf } from './fields.js';
import { validateWindowsOptions } from './windows-options.js';

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
/** PATH_MAX - 1 */
const MAX_APPARMOR_PROFILE = 4095;
const MAX_SYSCTL = 253;
const SYSCTL_SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SYSCTL_FORM = `^(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}$`;
const SYSCTL = new RegExp(SYSCTL_FORM);
/** Sysctls that belong to the pod's network or IPC namespace; on the host's there is nothing to set. */
const IPC_SYSCTL = /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/;
const NET_SYSCTL = /^net\./;

export function validatePodSecurityContext(spec: PodSpec, at: Path): FieldError[] {
  const context = spec.securityContext;
  if (!context) return [];
  const errors: FieldError[] = [];
  const id = (field: 'fsGroup' | 'runAsUser' | 'runAsGroup', check: (id: number) => string[]) => {
    const value = context[field];
    if (value !== undefined) errors.push(...invalidEach(at.child(field), value, check(value)));
  };
  id('fsGroup', isValidGroupID);
  id('runAsUser', isValidUserID);
  id('runAsGroup', isValidGroupID);
  for (const [i, group] of (context.supplementalGroups ?? []).entries()) {
    errors.push(
      ...invalidEach(at.child('supplementalGroups').index(i), group, isValidGroupID(group)),
    );
  }
  if (spec.shareProcessNamespace && spec.hostPID) {
    const text = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalid(at.child('shareProcessNamespace'), true, text));
  }
  errors.push(...validateSysctls(context, spec, at.child('sysctls')));
  errors.push(
    ...optionalOneOf(
      context.fsGroupChangePolicy,
      ['Always', 'OnRootMismatch'],
      at.child('fsGroupChangePolicy'),
    ),
  );
  errors.push(...validateSeccompProfile(context.seccompProfile, at.child('seccompProfile')));
  errors.push(...validateWindowsOptions(context.windowsOptions, at.child('windowsOptions')));
  errors.push(...validateAppArmorProfile(context.appArmorProfile, at.child('appArmorProfile')));
  errors.push(
    ...optionalOneOf(
      context.supplementalGroupsPolicy,
      ['Merge', 'Strict'],
      at.child('supplementalGroupsPolicy'),
    ),
  );
  errors.push(
    ...optionalOneOf(
      context.seLinuxChangePolicy,
      ['MountOption', 'Recursive'],
      at.child('seLinuxChangePolicy'),
    ),
  );
  return errors;
}

export function validateSecurityContext(
  context: SecurityContext | undefined,
  hostUsers: boolean,
  at: Path,
): FieldError[] {
  if (!context) return [];
  const errors: FieldError[] = [];
  const { runAsUser, runAsGroup, procMount } = context;
  if (runAsUser !== undefined)
    errors.push(...invalidEach(at.child('runAsUser'), runAsUser, isValidUserID(runAsUser)));
  if (runAsGroup !== undefined) {
    errors.push(...invalidEach(at.child('runAsGroup'), runAsGroup, isValidGroupID(runAsGroup)));
  }
  errors.push(...optionalOneOf(procMount, ['Default', 'Unmasked'], at.child('procMount')));
  if (procMount === 'Unmasked' && hostUsers) {
    errors.push(
      invalid(at.child('procMount'), procMount, '`hostUsers` must be false to use `Unmasked`'),
    );
  }
  errors.push(...validateSeccompProfile(context.seccompProfile, at.child('seccompProfile')));
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) {
      errors.push(
        invalid(
          at,
          context,
          'cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
        ),
      );
    }
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      const text =
        'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
      errors.push(invalid(at, context, text));
    }
  }
  errors.push(...validateWindowsOptions(context.windowsOptions, at.child('windowsOptions')));
  errors.push(...validateAppArmorProfile(context.appArmorProfile, at.child('appArmorProfile')));
  return errors;
}

function validateSeccompProfile(profile: SeccompProfile | undefined, at: Path): FieldError[] {
  if (!profile) return [];
  const errors: FieldError[] = [];
  if (!profile.type)
    errors.push(required(at.child('type'), 'type is required when seccompProfile is set'));
  else if (!PROFILE_TYPES.includes(profile.type))
    errors.push(notSupported(at.child('type'), profile.type, PROFILE_TYPES));
  const local = at.child('localhostProfile');
  if (profile.type !== 'Localhost') {
    if (profile.localhostProfile !== undefined) {
      errors.push(invalid(local, profile, 'can only be set when seccomp type is Localhost'));
    }
  } else if (profile.localhostProfile === undefined) {
    errors.push(required(local, 'must be set when seccomp type is Localhost'));
  } else {
    errors.push(...localDescendingPath(profile.localhostProfile, local));
  }
  return errors;
}

function validateAppArmorProfile(profile: AppArmorProfile | undefined, at: Path): FieldError[] {
  if (!profile) return [];
  const local = at.child('localhostProfile');
  const { type, localhostProfile } = profile;
  if (!type) return [required(at.child('type'), 'type is required when appArmorProfile is set')];
  if (!PROFILE_TYPES.includes(type)) return [notSupported(at.child('type'), type, PROFILE_TYPES)];
  if (type !== 'Localhost') {
    if (localhostProfile === undefined) return [];
    return [invalid(local, localhostProfile, 'can only be set when AppArmor type is Localhost')];
  }
  const errors: FieldError[] = [];
  if (localhostProfile !== undefined && localhostProfile.trim() !== localhostProfile) {
    errors.push(invalid(local, localhostProfile, 'must not be padded with whitespace'));
  } else if (!localhostProfile) {
    errors.push(required(local, 'must be set when AppArmor type is Localhost'));
  }
  if (Buffer.byteLength(localhostProfile ?? '') > MAX_APPARMOR_PROFILE)
    errors.push(tooLong(local, MAX_APPARMOR_PROFILE));
  return errors;
}

function validateSysctls(context: PodSecurityContext, spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { name }] of (context.sysctls ?? []).entries()) {
    const own = at.index(i).child('name');
    if (!name) errors.push(required(own));
    else if (name.length > MAX_SYSCTL || !SYSCTL.test(name)) {
      errors.push(
        invalid(
          own,
          name,
          `must have at most ${MAX_SYSCTL} characters and match regex ${SYSCTL_FORM}`,
        ),
      );
    } else if (seen.has(name)) errors.push(duplicate(own, name));
    const dotted = (name ?? '').replaceAll('/', '.');
    if (spec.hostNetwork && NET_SYSCTL.test(dotted)) {
      errors.push(invalid(own, name, "may not be specified when 'hostNetwork' is true"));
    } else if (spec.hostIPC && IPC_SYSCTL.test(dotted)) {
      errors.push(invalid(own, name, "may not be specified when 'hostIPC' is true"));
    }
    seen.add(name);
  }
  return errors;
}
