/** What a pod or template may say, but hardly means: told to its author, and taken. */

import type {
  Container,
  ContainerPort,
  NodeSelectorTerm,
  Pod,
  PodSpec,
  PodTemplateSpec,
} from '../../../pkg/api/types.js';
import { type Path, path } from '../../../pkg/apimachinery/field-error.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { ownValue } from '../../../pkg/apimachinery/own-value.js';
import { ipWarnings } from './addresses.js';
import { podNameWarnings } from './name-warnings.js';
import { volumeWarnings } from './pod-volume-warnings.js';
import { fractionalByteWarnings } from './quantities.js';
import { containersWithPath } from './windows-options.js';

const ANNOTATIONS: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod':
    'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls':
    'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls':
    'non-functional in v1.11+; use the "sysctls" field instead',
};
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const USE_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead';
const NODE_LABELS: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region':
    'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone':
    'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type':
    'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};
export function deprecatedLabelWarning(key: string): string | undefined {
  return ownValue(NODE_LABELS, key);
}

export function podWarnings(pod: Pod): string[] {
  return [
    ...podNameWarnings(pod.metadata?.name),
    ...warningsOf(pod.spec, pod.metadata?.annotations, path(''), false),
  ];
}

export function podTemplateWarnings(template: PodTemplateSpec | undefined, at: string): string[] {
  return warningsOf(template?.spec, template?.metadata?.annotations, path(at), true);
}

/** Whether the template, or what else there is to warn of, may have changed with a write: who only labels is not warned. */
export function isNewGeneration(obj: KubeObject, old: KubeObject): boolean {
  return obj.metadata?.generation !== old.metadata?.generation;
}

function warningsOf(
  spec: PodSpec | undefined,
  annotations: Readonly<Record<string, string>> | undefined,
  at: Path,
  isTemplate: boolean,
): string[] {
  if (!spec) return [];
  const own = at.child('spec');
  const notes = at.child('metadata', 'annotations');
  const warnings = schedulingWarnings(spec, own);
  for (const [key, text] of Object.entries(ANNOTATIONS)) {
    if (annotations?.[key] !== undefined) warnings.push(`${notes.key(key)}: ${text}`);
  }
  warnings.push(...volumeWarnings(spec, own));
  warnings.push(...duplicateWarnings(spec, own));
  for (const name of ['memory', 'ephemeral-storage']) {
    warnings.push(
      ...fractionalByteWarnings(spec.overhead?.[name], own.child('overhead').key(name)),
    );
  }
  if (!spec.securityContext?.seccompProfile && annotations?.[SECCOMP_POD] !== undefined) {
    warnings.push(`${notes.key(SECCOMP_POD)}: ${USE_SECCOMP}`);
  }
  for (const { container, path: where } of containersWithPath(spec, own)) {
    const seccomp = `${SECCOMP_CONTAINER}${container.name}`;
    if (!container.securityContext?.seccompProfile && annotations?.[seccomp] !== undefined) {
      warnings.push(`${notes.key(seccomp)}: ${USE_SECCOMP}`);
    }
    const appArmor = `${APPARMOR}${container.name}`;
    const hasField =
      spec.securityContext?.appArmorProfile ?? container.securityContext?.appArmorProfile;
    if (isTemplate && !hasField && annotations?.[appArmor] !== undefined) {
      warnings.push(
        `${notes.key(appArmor)}: deprecated since v1.30; use the "appArmorProfile" field instead`,
      );
    }
    warnings.push(...containerWarnings(container, where));
  }
  warnings.push(...portWarnings(spec, own));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warnings.push(
      `${own.child('terminationGracePeriodSeconds')}: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  }
  warnings.push(...affinityWarnings(spec, own));
  return warnings;
}

function schedulingWarnings(spec: PodSpec, at: Path): string[] {
  const warnings: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const text = deprecatedLabelWarning(key);
    if (text) warnings.push(`${at.child('nodeSelector').key(key)}: ${text}`);
  }
  const affinity = at.child('affinity', 'nodeAffinity');
  const must =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  for (const [i, term] of (must ?? []).entries()) {
    const own = affinity
      .child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms')
      .index(i);
    warnings.push(...termWarnings(term, own));
  }
  const may = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
  for (const [i, { preference }] of (may ?? []).entries()) {
    const own = affinity
      .child('preferredDuringSchedulingIgnoredDuringExecution')
      .index(i)
      .child('preference');
    warnings.push(...termWarnings(preference, own));
  }
  for (const [i, constraint] of (spec.topologySpreadConstraints ?? []).entries()) {
    const own = at.child('topologySpreadConstraints').index(i);
    const text = deprecatedLabelWarning(constraint.topologyKey);
    if (text) warnings.push(`${own.child('topologyKey')}: ${constraint.topologyKey} is ${text}`);
    if (!constraint.labelSelector) {
      warnings.push(
        `${own.child('labelSelector')}: a null labelSelector results in matching no pod`,
      );
    }
  }
  return warnings;
}

/** A term without a selector, which people take for one that selects all. */
function affinityWarnings({ affinity }: PodSpec, at: Path): string[] {
  const nobody = (where: Path) =>
    `${where.child('labelSelector')}: a null labelSelector results in matching no pod`;
  return (['podAffinity', 'podAntiAffinity'] as const).flatMap((kind) => {
    const own = at.child('affinity', kind);
    const must = affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const may = affinity?.[kind]?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return [
      ...must.flatMap(({ labelSelector }, i) =>
        labelSelector
          ? []
          : [nobody(own.child('requiredDuringSchedulingIgnoredDuringExecution').index(i))],
      ),
      ...may.flatMap(({ podAffinityTerm }, i) => {
        if (podAffinityTerm?.labelSelector) return [];
        const term = own.child('preferredDuringSchedulingIgnoredDuringExecution').index(i);
        return [nobody(term.child('podAffinityTerm'))];
      }),
    ];
  });
}

function termWarnings(term: NodeSelectorTerm | undefined, at: Path): string[] {
  return (term?.matchExpressions ?? []).flatMap(({ key }, i) => {
    const text = deprecatedLabelWarning(key);
    return text ? [`${at.child('matchExpressions').index(i).child('key')}: ${key} is ${text}`] : [];
  });
}

function duplicateWarnings(spec: PodSpec, at: Path): string[] {
  const warnings: string[] = [];
  const addresses = new Set<string>();
  for (const [i, { ip }] of (spec.hostAliases ?? []).entries()) {
    if (addresses.has(ip))
      warnings.push(
        `${at.child('hostAliases').index(i).child('ip')}: duplicate ip ${JSON.stringify(ip)}`,
      );
    addresses.add(ip);
    warnings.push(...ipWarnings(ip, at.child('hostAliases').index(i).child('ip')));
  }
  for (const [i, server] of (spec.dnsConfig?.nameservers ?? []).entries()) {
    warnings.push(...ipWarnings(server, at.child('dnsConfig', 'nameservers').index(i)));
  }
  const names = new Set<string>();
  for (const [i, { name = '' }] of (spec.imagePullSecrets ?? []).entries()) {
    const own = at.child('imagePullSecrets').index(i).child('name');
    if (names.has(name)) warnings.push(`${own}: duplicate name ${JSON.stringify(name)}`);
    else if (name === '') warnings.push(`${own}: invalid empty name ""`);
    names.add(name);
  }
  return warnings;
}

function containerWarnings(container: Container, at: Path): string[] {
  const warnings: string[] = [];
  for (const name of ['memory', 'ephemeral-storage']) {
    for (const list of ['limits', 'requests'] as const) {
      warnings.push(
        ...fractionalByteWarnings(
          container.resources?.[list]?.[name],
          at.child('resources', list).key(name),
        ),
      );
    }
  }
  const seen = new Set<string>();
  for (const [i, { name, value = '', valueFrom }] of (container.env ?? []).entries()) {
    const reference = `$(${name})`;
    const extendsOld = !valueFrom && value !== reference && value.includes(reference);
    if (seen.has(name) && !extendsOld) {
      warnings.push(
        `${at.child('env').index(i)}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
      );
    }
    seen.add(name);
  }
  return warnings;
}

function portWarnings(spec: PodSpec, at: Path): string[] {
  const warnings: string[] = [];
  const known = new Map<string, { where: Path; port: ContainerPort }[]>();
  for (const { container, path: where } of containersWithPath(spec, at)) {
    for (const [i, port] of (container.ports ?? []).entries()) {
      const own = where.child('ports').index(i);
      if (port.hostIP && !port.hostPort)
        warnings.push(`${own}: hostIP set without hostPort: ${portText(port)}`);
      const key = `${port.containerPort}/${port.protocol ?? ''}`;
      const others = known.get(key) ?? [];
      for (const other of others) {
        const what = clash(port, other.port);
        if (what) warnings.push(`${own}: ${what} with ${other.where}`);
      }
      known.set(key, [...others, { where: own, port }]);
    }
  }
  return warnings;
}

function clash(a: ContainerPort, b: ContainerPort): string | undefined {
  const [portA, portB] = [a.hostPort ?? 0, b.hostPort ?? 0];
  const [ipA, ipB] = [a.hostIP ?? '', b.hostIP ?? ''];
  if (ipA === ipB && portA === portB) return 'duplicate port definition';
  if (portA === 0 || portB === 0) return 'overlapping port definition';
  if (portA === portB && (ipA === '' || ipB === '')) return 'dangerously ambiguous port definition';
  return undefined;
}

/** As Go prints the struct. */
function portText({ name, hostPort, containerPort, protocol, hostIP }: ContainerPort): string {
  return `{Name:${name ?? ''} HostPort:${hostPort ?? 0} ContainerPort:${containerPort} Protocol:${protocol ?? ''} HostIP:${hostIP ?? ''}}`;
}
