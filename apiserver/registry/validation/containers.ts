/**
 * Containers, init containers and ephemeral containers: what all have in common, then what each kind may
 * have besides. Names are unique over all three.
 */
import type {
  Container,
  ContainerPort,
  ContainerResizePolicy,
  EphemeralContainer,
  PodSpec,
  Volume,
} from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notFound,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isValidPortName } from '../../../pkg/apimachinery/validation/formats.js';
import { validateEnv, validateEnvFrom } from './env.js';
import { dnsLabel, invalidEach, nonEmpty, oneOf, portNumber } from './fields.js';
import {
  validateLifecycle,
  validateLivenessProbe,
  validateReadinessProbe,
  validateStartupProbe,
} from './probes.js';
import { validateResourceRequirements } from './resources.js';
import { validateRestartRules } from './restart-rules.js';
import { validateSecurityContext } from './security-context.js';
import { validateVolumeDevices, validateVolumeMounts } from './volume-mounts.js';

export const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const NOT_EPHEMERAL = 'cannot be set for an Ephemeral Container';
const ONLY_SIDECARS = 'may not be set for init containers without restartPolicy=Always';
/** What a container that is only there for a look can not have. */
const FORBIDDEN_EPHEMERAL = [
  'ports',
  'resources',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
] as const;

/** What the checks of one container need of its pod. */
export interface ContainerSurroundings {
  readonly spec: PodSpec;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claimNames: ReadonlySet<string>;
}

export function validateContainers(around: ContainerSurroundings, at: Path): FieldError[] {
  const containers = around.spec.containers ?? [];
  if (containers.length === 0) return [required(at)];
  const grace = around.spec.terminationGracePeriodSeconds;
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, container] of containers.entries()) {
    const own = at.index(i);
    errors.push(...validateCommon(container, around, own));
    if (names.has(container.name)) errors.push(duplicate(own.child('name'), container.name));
    names.add(container.name);
    errors.push(...validateLifecycle(container.lifecycle, grace, own.child('lifecycle')));
    errors.push(...validateProbes(container, grace, own));
    errors.push(...validateRestartRules(container, own));
  }
  return [...errors, ...hostPortConflicts(containers, at)];
}

export function validateInitContainers(around: ContainerSurroundings, at: Path): FieldError[] {
  const grace = around.spec.terminationGracePeriodSeconds;
  const names = new Set((around.spec.containers ?? []).map((container) => container.name));
  const errors: FieldError[] = [];
  for (const [i, container] of (around.spec.initContainers ?? []).entries()) {
    const own = at.index(i);
    errors.push(...validateCommon(container, around, own));
    errors.push(...validateRestartRules(container, own));
    if (names.has(container.name)) errors.push(duplicate(own.child('name'), container.name));
    else if (container.name) names.add(container.name);
    // They run one after another: their host ports can only clash with themselves.
    errors.push(...hostPortConflicts([container], at));
    if (container.restartPolicy === 'Always') {
      errors.push(...validateLifecycle(container.lifecycle, grace, own.child('lifecycle')));
      errors.push(...validateProbes(container, grace, own));
    } else {
      for (const field of [
        'lifecycle',
        'livenessProbe',
        'readinessProbe',
        'startupProbe',
      ] as const) {
        if (container[field]) errors.push(forbidden(own.child(field), ONLY_SIDECARS));
      }
    }
  }
  return errors;
}

export function validateEphemeralContainers(around: ContainerSurroundings, at: Path): FieldError[] {
  const { spec } = around;
  const others = new Set(
    [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((container) => container.name),
  );
  const names = new Set(others);
  const errors: FieldError[] = [];
  for (const [i, container] of (spec.ephemeralContainers ?? []).entries()) {
    const own = at.index(i);
    errors.push(...validateCommon(container, around, own), ...validateImageSpaces(container, own));
    if (names.has(container.name)) errors.push(duplicate(own.child('name'), container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target))
      errors.push(notFound(own.child('targetContainerName'), target));
    errors.push(...forbiddenForEphemeral(container, own));
  }
  return errors;
}

/** Of a Pod, not of a template, where an image may be a placeholder. */
export function validateImageSpaces(container: { image?: string }, at: Path): FieldError[] {
  const image = container.image ?? '';
  if (image === image.trim()) return [];
  return [invalid(at.child('image'), image, 'must not have leading or trailing whitespace')];
}

function validateCommon(
  container: Container,
  around: ContainerSurroundings,
  at: Path,
): FieldError[] {
  const { spec, volumes, claimNames } = around;
  const hostUsers = spec.hostUsers !== false;
  const name = at.child('name');
  return [
    ...(container.name ? dnsLabel(container.name, name) : [required(name)]),
    ...nonEmpty(container.image, at.child('image')),
    ...oneOf(
      container.terminationMessagePolicy,
      ['File', 'FallbackToLogsOnError'],
      at.child('terminationMessagePolicy'),
    ),
    ...validatePorts(container.ports ?? [], at.child('ports')),
    ...validateEnv(container.env ?? [], at.child('env')),
    ...validateEnvFrom(container.envFrom ?? [], at.child('envFrom')),
    ...validateVolumeMounts(container, volumes, at.child('volumeMounts')),
    ...validateVolumeDevices(container, volumes, at.child('volumeDevices')),
    ...oneOf(
      container.imagePullPolicy,
      ['Always', 'IfNotPresent', 'Never'],
      at.child('imagePullPolicy'),
    ),
    ...validateResourceRequirements(container.resources, claimNames, at.child('resources')),
    ...validateResizePolicy(
      container.resizePolicy ?? [],
      spec.restartPolicy,
      at.child('resizePolicy'),
    ),
    ...validateSecurityContext(container.securityContext, hostUsers, at.child('securityContext')),
  ];
}

function validateProbes(container: Container, grace: number | undefined, at: Path): FieldError[] {
  return [
    ...validateLivenessProbe(container.livenessProbe, grace, at.child('livenessProbe')),
    ...validateReadinessProbe(container.readinessProbe, grace, at.child('readinessProbe')),
    ...validateStartupProbe(container.startupProbe, grace, at.child('startupProbe')),
  ];
}

function validatePorts(ports: readonly ContainerPort[], at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const own = at.index(i);
    if (port.name) {
      const messages = isValidPortName(port.name);
      errors.push(...invalidEach(own.child('name'), port.name, messages));
      if (messages.length === 0 && names.has(port.name))
        errors.push(duplicate(own.child('name'), port.name));
      if (messages.length === 0) names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(own.child('containerPort')));
    else errors.push(...portNumber(port.containerPort, own.child('containerPort')));
    if (port.hostPort) errors.push(...portNumber(port.hostPort, own.child('hostPort')));
    errors.push(...oneOf(port.protocol, PROTOCOLS, own.child('protocol')));
  }
  return errors;
}

function hostPortConflicts(containers: readonly Container[], at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, container] of containers.entries()) {
    for (const [j, port] of (container.ports ?? []).entries()) {
      if (!port.hostPort) continue;
      const key = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (seen.has(key))
        errors.push(duplicate(at.index(i).child('ports').index(j).child('hostPort'), key));
      seen.add(key);
    }
  }
  return errors;
}

function validateResizePolicy(
  policies: readonly ContainerResizePolicy[],
  podPolicy: string | undefined,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { resourceName, restartPolicy }] of policies.entries()) {
    if (seen.has(resourceName)) errors.push(duplicate(at.index(i), resourceName));
    seen.add(resourceName);
    errors.push(...oneOf(resourceName, ['cpu', 'memory'], at));
    errors.push(...oneOf(restartPolicy, ['NotRequired', 'RestartContainer'], at));
    if (podPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      errors.push(
        invalid(at, restartPolicy ?? '', "must be 'NotRequired' when `restartPolicy` is 'Never'"),
      );
    }
  }
  return errors;
}

function forbiddenForEphemeral(container: EphemeralContainer, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of FORBIDDEN_EPHEMERAL) {
    const value = container[field];
    if (value === undefined || (typeof value === 'object' && Object.keys(value).length === 0))
      continue;
    errors.push(forbidden(at.child(field), NOT_EPHEMERAL));
  }
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const own = at.child('volumeMounts').index(i);
    if (mount.subPath) errors.push(forbidden(own.child('subPath'), NOT_EPHEMERAL));
    if (mount.subPathExpr) errors.push(forbidden(own.child('subPathExpr'), NOT_EPHEMERAL));
  }
  return errors;
}

/** The list that a message shows is the one that the field takes. */
export function validateRestartPolicy(policy: string | undefined, at: Path): FieldError[] {
  const values = ['Always', 'OnFailure', 'Never'];
  if (!policy) return [required(at)];
  return values.includes(policy) ? [] : [notSupported(at, policy, values)];
}
