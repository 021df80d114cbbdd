/** What level `restricted` asks besides `baseline`: what a container must give up by itself. */
import type { Container, PodSpec, Volume } from '../../../pkg/api/types.js';
import { seccompProfile } from './baseline.js';
import {
  type Check,
  type CheckPod,
  containersOf,
  distinct,
  inUserNamespace,
  isWindows,
  named,
  namesWhere,
  plural,
  quoted,
  setters,
} from './check.js';

/** Kinds of volumes that anybody may use; any other one is named by its field. */
const VOLUME_TYPES = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);
const KNOWN_VOLUME_TYPES = new Set([
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'hostPath',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
]);

export const restrictedChecks: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    versions: [
      [8, allowPrivilegeEscalation],
      [25, unlessWindows(allowPrivilegeEscalation)],
    ],
  },
  {
    id: 'capabilities_restricted',
    versions: [
      [22, capabilities],
      [25, unlessWindows(capabilities)],
    ],
    overrides: ['capabilities_baseline'],
  },
  { id: 'restrictedVolumes', versions: [[0, volumes]], overrides: ['hostPathVolumes'] },
  {
    id: 'runAsNonRoot',
    versions: [
      [0, runAsNonRoot],
      [35, unlessInUserNamespace(runAsNonRoot)],
    ],
  },
  {
    id: 'runAsUser',
    versions: [
      [23, runAsUser],
      [35, unlessInUserNamespace(runAsUser)],
    ],
  },
  {
    id: 'seccompProfile_restricted',
    versions: [
      [19, seccomp],
      [25, unlessWindows(seccomp)],
    ],
    overrides: ['seccompProfile_baseline'],
  },
];

function unlessWindows(check: CheckPod): CheckPod {
  return (spec, meta) => (isWindows(spec) ? undefined : check(spec, meta));
}

function unlessInUserNamespace(check: CheckPod): CheckPod {
  return (spec, meta) => (inUserNamespace(spec) ? undefined : check(spec, meta));
}

function allowPrivilegeEscalation(spec: PodSpec) {
  const containers = namesWhere(
    spec,
    ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false,
  );
  if (containers.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${named('container', containers)} must set securityContext.allowPrivilegeEscalation=false`,
  };
}

function capabilities(spec: PodSpec) {
  const of = ({ securityContext }: Pick<Container, 'securityContext'>) =>
    securityContext?.capabilities;
  const extra = (container: Pick<Container, 'securityContext'>) =>
    (of(container)?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
  const keeping = namesWhere(spec, (container) => !of(container)?.drop?.includes('ALL'));
  const adding = namesWhere(spec, (container) => extra(container).length > 0);
  const details: string[] = [];
  if (keeping.length > 0)
    details.push(
      `${named('container', keeping)} must set securityContext.capabilities.drop=["ALL"]`,
    );
  if (adding.length > 0) {
    const added = distinct(containersOf(spec).flatMap(extra));
    details.push(
      `${named('container', adding)} must not include ${quoted(added)} in securityContext.capabilities.add`,
    );
  }
  if (details.length === 0) return undefined;
  return { reason: 'unrestricted capabilities', detail: details.join('; ') };
}

function volumes(spec: PodSpec) {
  const typesOf = (volume: Volume) => Object.keys(volume).filter((field) => field !== 'name');
  const bad = (spec.volumes ?? []).filter(
    (volume) => !typesOf(volume).some((type) => VOLUME_TYPES.has(type)),
  );
  if (bad.length === 0) return undefined;
  const types = distinct(
    bad.map((volume) => typesOf(volume).find((type) => KNOWN_VOLUME_TYPES.has(type)) ?? 'unknown'),
  );
  const uses = bad.length === 1 ? 'uses' : 'use';
  const names = bad.map(({ name }) => name);
  return {
    reason: 'restricted volume types',
    detail: `${named('volume', names)} ${uses} ${plural('restricted volume type', types.length)} ${quoted(types)}`,
  };
}

function runAsNonRoot(spec: PodSpec) {
  const of = (context: { runAsNonRoot?: boolean } | undefined) => context?.runAsNonRoot;
  const pod = of(spec.securityContext);
  const who = setters(
    pod === false,
    namesWhere(spec, ({ securityContext }) => of(securityContext) === false),
  );
  const reason = 'runAsNonRoot != true';
  if (who !== '')
    return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  if (pod) return undefined;
  const silent = namesWhere(spec, ({ securityContext }) => of(securityContext) === undefined);
  if (silent.length === 0) return undefined;
  return {
    reason,
    detail: `pod or ${named('container', silent)} must set securityContext.runAsNonRoot=true`,
  };
}

function runAsUser(spec: PodSpec) {
  const who = setters(
    spec.securityContext?.runAsUser === 0,
    namesWhere(spec, ({ securityContext }) => securityContext?.runAsUser === 0),
  );
  return who === ''
    ? undefined
    : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
}

function seccomp(spec: PodSpec) {
  const wrong = seccompProfile(spec);
  if (wrong || spec.securityContext?.seccompProfile) return wrong;
  const silent = namesWhere(spec, ({ securityContext }) => !securityContext?.seccompProfile);
  if (silent.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${named('container', silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
}
