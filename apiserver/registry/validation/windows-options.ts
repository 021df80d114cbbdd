/** What only pods on Windows have, and what a pod that names its operating system may not have. */
import type { Container, PodSpec, WindowsSecurityContextOptions } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { invalidEach } from './fields.js';

const MAX_CREDENTIAL_SPEC_KIB = 64;
const MAX_DOMAIN = 256;
const MAX_USER = 104;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;
const NETBIOS = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const DNS_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const DNS_DOMAIN = new RegExp(`^${DNS_LABEL}(?:\\.${DNS_LABEL})*$`);
const USER_CHARACTERS = /["/\\:;|=,+*?<>@[\]]/;
const NOT_ON_WINDOWS = 'cannot be set for a windows pod';
const NOT_ON_LINUX = 'windows options cannot be set for a linux pod';

export function validateWindowsOptions(
  options: WindowsSecurityContextOptions | undefined,
  at: Path,
): FieldError[] {
  if (!options) return [];
  const errors: FieldError[] = [];
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options;
  if (gmsaCredentialSpecName !== undefined) {
    const own = at.child('gmsaCredentialSpecName');
    errors.push(
      ...invalidEach(own, gmsaCredentialSpecName, isDNS1123Subdomain(gmsaCredentialSpecName)),
    );
  }
  if (gmsaCredentialSpec !== undefined) {
    const own = at.child('gmsaCredentialSpec');
    if (gmsaCredentialSpec === '') {
      errors.push(invalid(own, gmsaCredentialSpec, 'gmsaCredentialSpec cannot be an empty string'));
    } else if (Buffer.byteLength(gmsaCredentialSpec) > MAX_CREDENTIAL_SPEC_KIB * 1024) {
      errors.push(
        invalid(
          own,
          gmsaCredentialSpec,
          `gmsaCredentialSpec size must be under ${MAX_CREDENTIAL_SPEC_KIB} KiB`,
        ),
      );
    }
  }
  if (runAsUserName !== undefined) {
    errors.push(
      ...invalidEach(at.child('runAsUserName'), runAsUserName, userNameProblems(runAsUserName)),
    );
  }
  return errors;
}

/** HostProcess containers: all or none, on the host's network. */
export function validateHostProcess(spec: PodSpec, at: Path): FieldError[] {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const containers = containersWithPath(spec, at);
  const errors: FieldError[] = [];
  let hostProcesses = 0;
  for (const { container, path } of containers) {
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const text = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
      errors.push(
        invalid(path.child('securityContext', 'windowsOptions', 'hostProcess'), own, text),
      );
    }
    if (own ?? ofPod) hostProcesses++;
  }
  if (hostProcesses === 0) return errors;
  if (hostProcesses !== containers.length) {
    const text =
      'If pod contains any hostProcess containers then all containers must be HostProcess containers';
    errors.push(invalid(at, '', text));
  }
  if (!spec.hostNetwork) {
    const text = 'hostNetwork must be true if pod contains any hostProcess containers';
    errors.push(invalid(at.child('hostNetwork'), false, text));
  }
  return errors;
}

export function validateOS(spec: PodSpec, at: Path): FieldError[] {
  if (!spec.os) return [];
  const { name } = spec.os;
  if (!name) return [required(at.child('os', 'name'), 'cannot be empty')];
  if (name === 'linux') return validateLinux(spec, at);
  if (name === 'windows') return validateWindows(spec, at);
  return [notSupported(at.child('os'), name, ['linux', 'windows'])];
}

export function containersWithPath(
  spec: PodSpec,
  at: Path,
): { container: Container; path: Path }[] {
  const of = (field: 'initContainers' | 'containers' | 'ephemeralContainers') =>
    (spec[field] ?? []).map((container, i) => ({ container, path: at.child(field).index(i) }));
  return [...of('initContainers'), ...of('containers'), ...of('ephemeralContainers')];
}

function validateLinux(spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.securityContext?.windowsOptions) {
    errors.push(forbidden(at.child('securityContext', 'windowsOptions'), NOT_ON_LINUX));
  }
  for (const { container, path } of containersWithPath(spec, at)) {
    if (!container.securityContext?.windowsOptions) continue;
    errors.push(forbidden(path.child('securityContext', 'windowsOptions'), NOT_ON_LINUX));
  }
  return errors;
}

function validateWindows(spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const) {
    const set =
      field === 'hostPID' || field === 'hostIPC' ? spec[field] : spec[field] !== undefined;
    if (set) errors.push(forbidden(at.child(field), NOT_ON_WINDOWS));
  }
  const pod = [
    'appArmorProfile',
    'seLinuxOptions',
    'seccompProfile',
    'fsGroup',
    'fsGroupChangePolicy',
    'sysctls',
  ] as const;
  const more = [
    'runAsUser',
    'runAsGroup',
    'supplementalGroups',
    'supplementalGroupsPolicy',
    'seLinuxChangePolicy',
  ] as const;
  for (const field of [...pod, ...more]) {
    const value = spec.securityContext?.[field];
    if (value === undefined || (field === 'sysctls' && spec.securityContext?.sysctls?.length === 0))
      continue;
    errors.push(forbidden(at.child('securityContext', field), NOT_ON_WINDOWS));
  }
  const own = [
    'appArmorProfile',
    'seLinuxOptions',
    'seccompProfile',
    'capabilities',
    'readOnlyRootFilesystem',
  ] as const;
  const rest = [
    'privileged',
    'allowPrivilegeEscalation',
    'procMount',
    'runAsUser',
    'runAsGroup',
  ] as const;
  for (const { container, path } of containersWithPath(spec, at)) {
    for (const field of [...own, ...rest]) {
      if (container.securityContext?.[field] === undefined) continue;
      errors.push(forbidden(path.child('securityContext', field), NOT_ON_WINDOWS));
    }
  }
  return errors;
}

function userNameProblems(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string'];
  if (CONTROL.test(name)) return ['runAsUserName cannot contain control characters'];
  const parts = name.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const user = parts.at(-1) ?? '';
  const domain = parts.length === 2 ? (parts[0] ?? '') : undefined;
  const problems: string[] = [];
  if ((domain?.length ?? 0) >= MAX_DOMAIN) {
    problems.push(`runAsUserName's Domain length must be under ${MAX_DOMAIN} characters`);
  }
  if (domain !== undefined && !NETBIOS.test(domain) && !DNS_DOMAIN.test(domain)) {
    problems.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user === '') problems.push("runAsUserName's User cannot be empty");
  else if (user.length > MAX_USER) {
    problems.push(`runAsUserName's User length must not be longer than ${MAX_USER} characters`);
  }
  if (/^[. ]+$/.test(user))
    problems.push("runAsUserName's User cannot contain only periods or spaces");
  if (USER_CHARACTERS.test(user)) {
    problems.push(
      `runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`,
    );
  }
  return problems;
}
