/** The checks of level `baseline`: known ways out of a container. */
import type { Container, ObjectMeta, PodSpec, SELinuxOptions } from '../../../pkg/api/types.js';
import {
  type Check,
  type CheckPod,
  containersOf,
  distinct,
  inUserNamespace,
  named,
  namesWhere,
  plural,
  quoted,
  setters,
} from './check.js';

const APP_ARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';
const SECCOMP_POD_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER_ANNOTATION = 'container.seccomp.security.alpha.kubernetes.io/';
const GOOD_PROFILES = ['RuntimeDefault', 'Localhost'];

const DEFAULT_CAPABILITIES = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

/** Safe ones, by the minor version that allowed them. */
const SYSCTLS: readonly (readonly [number, readonly string[]])[] = [
  [
    0,
    [
      'kernel.shm_rmid_forced',
      'net.ipv4.ip_local_port_range',
      'net.ipv4.tcp_syncookies',
      'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start',
    ],
  ],
  [27, ['net.ipv4.ip_local_reserved_ports']],
  [
    29,
    [
      'net.ipv4.tcp_keepalive_time',
      'net.ipv4.tcp_fin_timeout',
      'net.ipv4.tcp_keepalive_intvl',
      'net.ipv4.tcp_keepalive_probes',
    ],
  ],
  [32, ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']],
];

export const baselineChecks: readonly Check[] = [
  { id: 'appArmorProfile', versions: [[0, appArmorProfile]] },
  { id: 'capabilities_baseline', versions: [[0, capabilities]] },
  { id: 'hostNamespaces', versions: [[0, hostNamespaces]] },
  { id: 'hostPathVolumes', versions: [[0, hostPathVolumes]] },
  { id: 'hostPorts', versions: [[0, hostPorts]] },
  { id: 'hostProbesAndHostLifecycle', versions: [[34, hostProbes]] },
  { id: 'privileged', versions: [[0, privileged]] },
  {
    id: 'procMount',
    versions: [
      [0, procMount],
      [35, (spec) => (inUserNamespace(spec) ? undefined : procMount(spec))],
    ],
  },
  {
    id: 'seLinuxOptions',
    versions: [
      [0, seLinuxOptions(['', 'container_t', 'container_init_t', 'container_kvm_t'])],
      [
        31,
        seLinuxOptions([
          '',
          'container_t',
          'container_init_t',
          'container_kvm_t',
          'container_engine_t',
        ]),
      ],
    ],
  },
  {
    id: 'seccompProfile_baseline',
    versions: [
      [0, seccompAnnotations],
      [19, seccompProfile],
    ],
  },
  {
    id: 'sysctls',
    versions: SYSCTLS.map(([since], i) => [
      since,
      sysctls(SYSCTLS.slice(0, i + 1).flatMap(([, names]) => names)),
    ]),
  },
  { id: 'windowsHostProcess', versions: [[0, windowsHostProcess]] },
];

function appArmorProfile(spec: PodSpec, meta: ObjectMeta) {
  const bad = (context: { appArmorProfile?: { type: string } } | undefined) => {
    const type = context?.appArmorProfile?.type;
    return type !== undefined && !GOOD_PROFILES.includes(type) ? type : undefined;
  };
  const podType = bad(spec.securityContext);
  const containers = containersOf(spec).filter((c) => bad(c.securityContext) !== undefined);
  const annotations = Object.entries(meta.annotations ?? {})
    .filter(
      ([key, value]) =>
        key.startsWith(APP_ARMOR_ANNOTATION) &&
        value !== '' &&
        value !== 'runtime/default' &&
        !value.startsWith('localhost/'),
    )
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const values = [
    ...distinct(
      [podType, ...containers.map((c) => bad(c.securityContext))].filter((t) => t !== undefined),
    ),
    ...annotations,
  ];
  if (values.length === 0) return undefined;
  const who = [
    setters(
      podType !== undefined,
      containers.map(({ name }) => name),
    ),
    annotations.length > 0 ? plural('annotation', annotations.length) : '',
  ].filter((text) => text !== '');
  return {
    reason: plural('forbidden AppArmor profile', values.length),
    detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  };
}

function capabilities(spec: PodSpec) {
  const extra = (container: Pick<Container, 'securityContext'>) =>
    (container.securityContext?.capabilities?.add ?? []).filter(
      (name) => !DEFAULT_CAPABILITIES.has(name),
    );
  const containers = namesWhere(spec, (container) => extra(container).length > 0);
  if (containers.length === 0) return undefined;
  const added = distinct(containersOf(spec).flatMap(extra));
  return {
    reason: 'non-default capabilities',
    detail: `${named('container', containers)} must not include ${quoted(added)} in securityContext.capabilities.add`,
  };
}

function hostNamespaces(spec: PodSpec) {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]);
  if (shared.length === 0) return undefined;
  return {
    reason: 'host namespaces',
    detail: shared.map((field) => `${field}=true`).join(', '),
  };
}

function hostPathVolumes(spec: PodSpec) {
  const volumes = (spec.volumes ?? []).filter(({ hostPath }) => hostPath).map(({ name }) => name);
  if (volumes.length === 0) return undefined;
  return { reason: 'hostPath volumes', detail: named('volume', volumes) };
}

function hostPorts(spec: PodSpec) {
  const portsOf = (container: Pick<Container, 'ports'>) =>
    (container.ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []));
  const containers = namesWhere(spec, (container) => portsOf(container).length > 0);
  if (containers.length === 0) return undefined;
  const ports = distinct(containersOf(spec).flatMap(portsOf));
  const uses = containers.length === 1 ? 'uses' : 'use';
  return {
    reason: 'hostPort',
    detail: `${named('container', containers)} ${uses} ${plural('hostPort', ports.length)} ${ports.join(', ')}`,
  };
}

function hostProbes(spec: PodSpec) {
  const hostsOf = ({
    livenessProbe,
    readinessProbe,
    startupProbe,
    lifecycle,
  }: Pick<Container, 'livenessProbe' | 'readinessProbe' | 'startupProbe' | 'lifecycle'>) =>
    [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]
      .flatMap((handler) => [handler?.httpGet?.host ?? '', handler?.tcpSocket?.host ?? ''])
      .filter((host) => host !== '');
  const containers = distinct(namesWhere(spec, (container) => hostsOf(container).length > 0));
  if (containers.length === 0) return undefined;
  const hosts = distinct(containersOf(spec).flatMap(hostsOf));
  const uses = containers.length === 1 ? 'uses' : 'use';
  return {
    reason: 'probe or lifecycle host',
    detail: `${named('container', containers)} ${uses} ${plural('probe or lifecycle host', hosts.length)} ${quoted(hosts)}`,
  };
}

function privileged(spec: PodSpec) {
  const containers = namesWhere(spec, ({ securityContext }) => securityContext?.privileged);
  if (containers.length === 0) return undefined;
  return {
    reason: 'privileged',
    detail: `${named('container', containers)} must not set securityContext.privileged=true`,
  };
}

function procMount(spec: PodSpec) {
  const of = ({ securityContext }: Pick<Container, 'securityContext'>) =>
    securityContext?.procMount ?? 'Default';
  const containers = namesWhere(spec, (container) => of(container) !== 'Default');
  if (containers.length === 0) return undefined;
  const types = distinct(containersOf(spec).map(of)).filter((type) => type !== 'Default');
  return {
    reason: 'procMount',
    detail: `${named('container', containers)} must not set securityContext.procMount to ${quoted(types)}`,
  };
}

function seLinuxOptions(allowedTypes: readonly string[]): CheckPod {
  const allowed = new Set(allowedTypes);
  const isBad = ({ type = '', user = '', role = '' }: SELinuxOptions = {}) =>
    !allowed.has(type) || user !== '' || role !== '';
  return (spec) => {
    const options = [
      spec.securityContext?.seLinuxOptions,
      ...containersOf(spec).map(({ securityContext }) => securityContext?.seLinuxOptions),
    ].filter((given) => given !== undefined);
    const who = setters(
      isBad(spec.securityContext?.seLinuxOptions),
      namesWhere(spec, ({ securityContext }) => isBad(securityContext?.seLinuxOptions)),
    );
    if (who === '') return undefined;
    const types = distinct(options.map(({ type = '' }) => type)).filter((t) => !allowed.has(t));
    const what = [
      types.length > 0 ? named('type', types) : '',
      options.some(({ user }) => user) ? 'user may not be set' : '',
      options.some(({ role }) => role) ? 'role may not be set' : '',
    ].filter((text) => text !== '');
    return {
      reason: 'seLinuxOptions',
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`,
    };
  };
}

function seccompAnnotations(spec: PodSpec, meta: ObjectMeta) {
  const keys = [
    SECCOMP_POD_ANNOTATION,
    ...containersOf(spec).map(({ name }) => SECCOMP_CONTAINER_ANNOTATION + name),
  ];
  const found = keys.flatMap((key) => {
    const value = meta.annotations?.[key];
    const good =
      value === undefined ||
      value === 'runtime/default' ||
      value === 'docker/default' ||
      value.startsWith('localhost/');
    return good ? [] : [`${key}=${JSON.stringify(value)}`];
  });
  if (found.length === 0) return undefined;
  const all = distinct(found);
  return {
    reason: 'seccompProfile',
    detail: `forbidden ${plural('annotation', all.length)} ${all.join(', ')}`,
  };
}

/** Set, and to something else than a good profile. Restricted asks this first, too. */
export function seccompProfile(spec: PodSpec) {
  const bad = (context: { seccompProfile?: { type: string } } | undefined) => {
    const type = context?.seccompProfile?.type;
    return type !== undefined && !GOOD_PROFILES.includes(type) ? type : undefined;
  };
  const podType = bad(spec.securityContext);
  const containers = containersOf(spec).filter((c) => bad(c.securityContext) !== undefined);
  const who = setters(
    podType !== undefined,
    containers.map(({ name }) => name),
  );
  if (who === '') return undefined;
  const types = [podType, ...containers.map((c) => bad(c.securityContext))];
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(distinct(types.filter((t) => t !== undefined)))}`,
  };
}

function sysctls(allowed: readonly string[]): CheckPod {
  return (spec) => {
    const found = (spec.securityContext?.sysctls ?? [])
      .map(({ name }) => name)
      .filter((name) => !allowed.includes(name));
    return found.length === 0
      ? undefined
      : { reason: 'forbidden sysctls', detail: found.join(', ') };
  };
}

function windowsHostProcess(spec: PodSpec) {
  const who = setters(
    spec.securityContext?.windowsOptions?.hostProcess,
    namesWhere(spec, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess),
  );
  if (who === '') return undefined;
  return {
    reason: 'hostProcess',
    detail: `${who} must not set securityContext.windowsOptions.hostProcess=true`,
  };
}
