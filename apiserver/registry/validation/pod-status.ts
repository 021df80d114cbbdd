/** What a kubelet may write of a pod: no pod changes its node or class, and what has ended stays ended. */
import type { ContainerStatus, Pod } from '../../../pkg/api/types.js';
import { familyOf } from '../../../pkg/apimachinery/cidr.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  type Path,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { nameIsDNSSubdomain } from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { invalidEach, ipAddress, qualifiedName } from './fields.js';
import { validatePodAnnotationUpdates } from './pod-annotations.js';

const SYSTEM_CONDITIONS = new Set(['PodScheduled', 'Ready', 'Initialized']);
const NOT_BACK = 'may not be transitioned to non-terminated state';

export function validatePodStatusUpdate(pod: Pod, old: Pod): FieldError[] {
  const at = path('status');
  const status = pod.status ?? {};
  const before = old.status ?? {};
  const errors = validatePodAnnotationUpdates(pod, old);
  for (const [i, condition] of (status.conditions ?? []).entries()) {
    if (SYSTEM_CONDITIONS.has(condition.type)) continue;
    errors.push(
      ...qualifiedName(condition.type ?? '', path('metadata', 'conditions').index(i).child('Type')),
    );
  }
  if ((pod.spec?.nodeName ?? '') !== (old.spec?.nodeName ?? '')) {
    errors.push(forbidden(at.child('nodeName'), 'may not be changed directly'));
  }
  const nominated = status.nominatedNodeName;
  if (nominated && nominated !== before.nominatedNodeName) {
    errors.push(
      ...invalidEach(
        at.child('nominatedNodeName'),
        nominated,
        nameIsDNSSubdomain(nominated, false),
      ),
    );
  }
  errors.push(...validateImmutable(status.qosClass, before.qosClass, at.child('qosClass')));
  const policy = old.spec?.restartPolicy ?? 'Always';
  const policies = new Map<string, string | undefined>();
  for (const container of [...(old.spec?.containers ?? []), ...(old.spec?.initContainers ?? [])]) {
    policies.set(container.name, container.restartPolicy);
  }
  const canRestart = (name: string, exitCode: number) => {
    const own = policies.get(name) ?? policy;
    return own === 'Always' || (own === 'OnFailure' && exitCode !== 0);
  };
  for (const field of ['containerStatuses', 'initContainerStatuses'] as const) {
    errors.push(
      ...validateTransitions(status[field] ?? [], before[field] ?? [], canRestart, at.child(field)),
    );
  }
  errors.push(
    ...validateTransitions(
      status.ephemeralContainerStatuses ?? [],
      before.ephemeralContainerStatuses ?? [],
      () => false,
      at.child('ephemeralContainerStatuses'),
    ),
  );
  errors.push(
    ...validateAddresses(
      (status.podIPs ?? []).map((address) => address.ip),
      at.child('podIPs'),
    ),
  );
  errors.push(...validateHostAddresses(pod, at));
  return errors;
}

function validateTransitions(
  now: readonly ContainerStatus[],
  before: readonly ContainerStatus[],
  canRestart: (name: string, exitCode: number) => boolean,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, old] of before.entries()) {
    const ended = old.state?.terminated;
    if (!ended || canRestart(old.name, ended.exitCode ?? 0)) continue;
    const runsAgain = now.some((status) => status.name === old.name && !status.state?.terminated);
    if (runsAgain) errors.push(forbidden(at.index(i).child('state'), NOT_BACK));
  }
  return errors;
}

function validateHostAddresses(pod: Pod, at: Path): FieldError[] {
  const { hostIP, hostIPs = [] } = pod.status ?? {};
  const addresses = hostIPs.map((address) => address.ip);
  const first = addresses[0];
  if (first === undefined) return [];
  const own = at.child('hostIPs');
  const errors =
    first === hostIP ? [] : [invalid(own.index(0).child('ip'), first, 'must be equal to `hostIP`')];
  return [...errors, ...validateAddresses(addresses, own)];
}

/** At most one of each family. */
function validateAddresses(addresses: readonly string[], at: Path): FieldError[] {
  const errors = addresses.flatMap((address, i) => ipAddress(address, at.index(i)));
  if (addresses.length < 2) return errors;
  const families = new Set(addresses.map(familyOf));
  const shown = addresses.map((ip) => ({ ip }));
  if (families.size < 2 || addresses.length > 2) {
    errors.push(invalid(at, shown, 'may specify no more than one IP for each IP family'));
  }
  for (const [i, ip] of addresses.entries()) {
    if (addresses.indexOf(ip) < i) errors.push(duplicate(at.index(i), { ip }));
  }
  return errors;
}
