/**
 * A pod's spec, in a Pod or in a template. `old` is the spec that the stored object has: a rule that came
 * later than the object is not held against it. Nothing here changes anything; all errors are reported.
 */
import type { Pod, PodDNSConfig, PodResourceClaim, PodSpec } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import type { ObjectMeta } from '../../../pkg/apimachinery/meta.js';
import { inclusiveRangeMessage } from '../../../pkg/apimachinery/validation/formats.js';
import {
  validateLabelSelector,
  validateLabels,
} from '../../../pkg/apimachinery/validation/label-selector.js';
import {
  isDNS1123SubdomainWithUnderscore,
  nameIsDNSSubdomain,
} from '../../../pkg/apimachinery/validation/names.js';
import { validateAffinity } from './affinity.js';
import {
  validateContainers,
  validateEphemeralContainers,
  validateImageSpaces,
  validateInitContainers,
  validateRestartPolicy,
} from './containers.js';
import { dnsLabel, dnsSubdomain, invalidEach, ipAddress, oneOf, qualifiedName } from './fields.js';
import { validatePodAnnotations } from './pod-annotations.js';
import { validatePodResources } from './pod-resources.js';
import { validateVolumes } from './pod-volumes.js';
import { validateResourceRequirements } from './resources.js';
import { validateProfilesAgree } from './security-annotations.js';
import { validatePodSecurityContext } from './security-context.js';
import { validateTolerations } from './tolerations.js';
import { validateTopologySpread } from './topology-spread.js';
import { validateHostProcess, validateOS } from './windows-options.js';

const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
/** What the resolver of Linux' libc takes. */
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;
const MAX_INT32 = 2 ** 31 - 1;

export interface PodSpecOptions {
  /** Of a Pod; absent for a template. */
  readonly podMeta?: ObjectMeta;
  readonly old?: PodSpec;
}

export function validatePod(pod: Pod): FieldError[] {
  const spec = pod.spec;
  const at = path('spec');
  const errors = validatePodMetadataAndSpec(pod);
  if ((spec?.ephemeralContainers ?? []).length > 0) {
    errors.push(forbidden(at.child('ephemeralContainers'), 'cannot be set on create'));
  }
  if (spec?.nodeName && (spec.schedulingGates ?? []).length > 0) {
    errors.push(
      forbidden(at.child('nodeName'), 'cannot be set until all schedulingGates have been cleared'),
    );
  }
  if (spec) errors.push(...validateProfilesAgree(pod.metadata?.annotations, spec, at));
  return errors;
}

/** What holds of a Pod whenever it is written. */
export function validatePodMetadataAndSpec(pod: Pod, old?: Pod): FieldError[] {
  const at = path('spec');
  const spec = pod.spec ?? { containers: [] };
  const errors = validatePodAnnotations(
    pod.metadata?.annotations,
    spec,
    path('metadata', 'annotations'),
  );
  errors.push(
    ...validatePodSpec(spec, at, {
      podMeta: pod.metadata ?? {},
      ...(old?.spec ? { old: old.spec } : {}),
    }),
  );
  if (!spec.serviceAccountName) {
    for (const [i, volume] of (spec.volumes ?? []).entries()) {
      for (const [j, source] of (volume.projected?.sources ?? []).entries()) {
        if (!source.serviceAccountToken) continue;
        const own = at
          .child('volumes')
          .index(i)
          .child('projected', 'sources')
          .index(j)
          .child('serviceAccountToken');
        errors.push(forbidden(own, 'must not be specified when serviceAccountName is not set'));
      }
    }
  }
  for (const field of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (spec[field] ?? []).entries()) {
      errors.push(...validateImageSpaces(container, at.child(field).index(i)));
    }
  }
  return errors;
}

export function validatePodSpec(spec: PodSpec, at: Path, options: PodSpecOptions): FieldError[] {
  const { podMeta, old } = options;
  const errors: FieldError[] = [];
  if (spec.terminationGracePeriodSeconds === undefined)
    errors.push(required(at.child('terminationGracePeriodSeconds')));
  const { volumes, errors: ofVolumes } = validateVolumes(
    spec.volumes ?? [],
    podMeta,
    at.child('volumes'),
  );
  const claimNames = new Set(
    (spec.resourceClaims ?? []).map((claim) => claim.name).filter((name) => name),
  );
  const around = { spec, volumes, claimNames };
  errors.push(
    ...ofVolumes,
    ...validateResourceClaims(spec.resourceClaims ?? [], at.child('resourceClaims')),
    ...validateContainers(around, at.child('containers')),
    ...validateInitContainers(around, at.child('initContainers')),
    ...validateEphemeralContainers(around, at.child('ephemeralContainers')),
    ...validatePodResources(spec, claimNames, at.child('resources')),
    ...validateHostPorts(spec, at.child('containers'), podMeta !== undefined),
    ...validateRestartPolicy(spec.restartPolicy, at.child('restartPolicy')),
    ...oneOf(spec.dnsPolicy, DNS_POLICIES, at.child('dnsPolicy')),
    ...validateLabels(spec.nodeSelector, at.child('nodeSelector')),
    ...validatePodSecurityContext(spec, at.child('securityContext')),
    ...validateAffinity(spec.affinity, at.child('affinity'), old?.affinity),
    ...validateDNSConfig(spec.dnsConfig, spec.dnsPolicy, at.child('dnsConfig')),
    ...(spec.readinessGates ?? []).flatMap((gate, i) =>
      qualifiedName(
        gate.conditionType ?? '',
        at.child('readinessGates').index(i).child('conditionType'),
      ),
    ),
    ...validateSchedulingGates(spec, at.child('schedulingGates')),
    ...validateTopologySpread(
      spec.topologySpreadConstraints ?? [],
      at.child('topologySpreadConstraints'),
      hasInvalidSpreadSelector(old),
    ),
    ...validateHostProcess(spec, at),
    ...validateHostUsers(spec, at),
    ...validateNames(spec, at),
  );
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
    errors.push(
      invalid(at.child('activeDeadlineSeconds'), deadline, inclusiveRangeMessage(1, MAX_INT32)),
    );
  }
  errors.push(...validateTolerations(spec.tolerations ?? [], at.child('tolerations')));
  errors.push(...validateHostAliases(spec, at.child('hostAliases')));
  if (spec.preemptionPolicy !== undefined) {
    errors.push(
      ...oneOf(
        spec.preemptionPolicy,
        ['PreemptLowerPriority', 'Never'],
        at.child('preemptionPolicy'),
      ),
    );
  }
  if (spec.overhead) {
    errors.push(
      ...validateResourceRequirements({ limits: spec.overhead }, new Set(), at.child('overhead')),
    );
  }
  return [...errors, ...validateOS(spec, at)];
}

function validateNames(spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['serviceAccountName', 'nodeName'] as const) {
    const name = spec[field];
    if (name) errors.push(...invalidEach(at.child(field), name, nameIsDNSSubdomain(name, false)));
  }
  if (spec.hostname) errors.push(...dnsLabel(spec.hostname, at.child('hostname')));
  if (spec.subdomain) errors.push(...dnsLabel(spec.subdomain, at.child('subdomain')));
  const { priorityClassName, runtimeClassName } = spec;
  if (priorityClassName) {
    errors.push(
      ...invalidEach(
        at.child('priorityClassName'),
        priorityClassName,
        nameIsDNSSubdomain(priorityClassName, false),
      ),
    );
  }
  if (runtimeClassName !== undefined) {
    errors.push(
      ...invalidEach(
        at.child('runtimeClassName'),
        runtimeClassName,
        nameIsDNSSubdomain(runtimeClassName, false),
      ),
    );
  }
  return errors;
}

/** On the host's network a container's port is the host's port. */
function validateHostPorts(spec: PodSpec, at: Path, isPod: boolean): FieldError[] {
  if (!spec.hostNetwork) return [];
  const errors: FieldError[] = [];
  for (const [i, container] of (spec.containers ?? []).entries()) {
    for (const [j, { hostPort = 0, containerPort }] of (container.ports ?? []).entries()) {
      if (hostPort === containerPort || (!isPod && hostPort === 0)) continue;
      const own = at.index(i).child('ports').index(j).child('hostPort');
      errors.push(invalid(own, hostPort, 'must match `containerPort` when `hostNetwork` is true'));
    }
  }
  return errors;
}

function validateHostUsers(spec: PodSpec, at: Path): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const text = 'when `hostUsers` is false';
  const errors: FieldError[] = [];
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec[field]) errors.push(forbidden(at.child(field), text));
  }
  return errors;
}

function validateResourceClaims(claims: readonly PodResourceClaim[], at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, claim] of claims.entries()) {
    const own = at.index(i);
    if (!claim.name) errors.push(required(own.child('name')));
    else if (seen.has(claim.name)) errors.push(duplicate(own.child('name'), claim.name));
    else errors.push(...dnsLabel(claim.name, own.child('name')));
    seen.add(claim.name);
    const { resourceClaimName, resourceClaimTemplateName } = claim;
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      const text =
        'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified';
      errors.push(invalid(own, claim, text));
    }
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      errors.push(
        invalid(
          own,
          claim,
          'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
        ),
      );
    }
    for (const field of ['resourceClaimName', 'resourceClaimTemplateName'] as const) {
      const name = claim[field];
      if (name !== undefined)
        errors.push(...invalidEach(own.child(field), name, nameIsDNSSubdomain(name, false)));
    }
  }
  return errors;
}

function validateSchedulingGates(spec: PodSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { name = '' }] of (spec.schedulingGates ?? []).entries()) {
    errors.push(...qualifiedName(name, at.index(i)));
    if (seen.has(name)) errors.push(duplicate(at.index(i), name));
    seen.add(name);
  }
  return errors;
}

function validateDNSConfig(
  config: PodDNSConfig | undefined,
  policy: string | undefined,
  at: Path,
): FieldError[] {
  if (policy === 'None') {
    if (!config) return [required(at, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if ((config.nameservers ?? []).length === 0) {
      const text = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      return [required(at.child('nameservers'), text)];
    }
  }
  if (!config) return [];
  const { nameservers = [], searches = [], options = [] } = config;
  const errors: FieldError[] = [];
  if (nameservers.length > MAX_NAMESERVERS) {
    errors.push(
      invalid(
        at.child('nameservers'),
        nameservers,
        `must not have more than ${MAX_NAMESERVERS} nameservers`,
      ),
    );
  }
  for (const [i, server] of nameservers.entries())
    errors.push(...ipAddress(server, at.child('nameservers').index(i)));
  if (searches.length > MAX_SEARCHES) {
    errors.push(
      invalid(
        at.child('searches'),
        searches,
        `must not have more than ${MAX_SEARCHES} search paths`,
      ),
    );
  }
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS) {
    const text = `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`;
    errors.push(invalid(at.child('searches'), searches, text));
  }
  for (const [i, search] of searches.entries()) {
    if (search === '.') continue;
    const name = search.replace(/\.$/, '');
    errors.push(
      ...invalidEach(at.child('searches').index(i), name, isDNS1123SubdomainWithUnderscore(name)),
    );
  }
  for (const [i, option] of options.entries()) {
    if (!option.name) errors.push(required(at.child('options').index(i), 'must not be empty'));
  }
  return errors;
}

function validateHostAliases(spec: PodSpec, at: Path): FieldError[] {
  return (spec.hostAliases ?? []).flatMap((alias, i) => [
    ...ipAddress(alias.ip, at.index(i).child('ip')),
    ...(alias.hostnames ?? []).flatMap((name, j) =>
      dnsSubdomain(name, at.index(i).child('hostnames').index(j)),
    ),
  ]);
}

function hasInvalidSpreadSelector(old: PodSpec | undefined): boolean {
  return (old?.topologySpreadConstraints ?? []).some(
    (constraint) => validateLabelSelector(constraint.labelSelector, path('')).length > 0,
  );
}
