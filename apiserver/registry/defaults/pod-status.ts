/** The empty structures and required fields that Kubernetes always shows in a pod's status. Idempotent. */
import type { ContainerStatus, PodStatus } from '../../../pkg/api/types.js';
import { UNSET_TIME } from './unset-time.js';

export function setPodStatusDefaults(status: PodStatus): void {
  for (const condition of status.conditions ?? []) {
    condition.lastProbeTime ??= UNSET_TIME;
    condition.lastTransitionTime ??= UNSET_TIME;
  }
  for (const container of status.containerStatuses ?? []) setContainerStatusDefaults(container);
  for (const container of status.initContainerStatuses ?? []) setContainerStatusDefaults(container);
  for (const container of status.ephemeralContainerStatuses ?? [])
    setContainerStatusDefaults(container);
  // One address in two spellings; the list's first is the old field.
  if (status.podIP && status.podIP !== status.podIPs?.[0]?.ip)
    status.podIPs = [{ ip: status.podIP }];
  else if (status.podIPs?.[0]?.ip) status.podIP = status.podIPs[0].ip;
  if (status.hostIP && (status.hostIPs ?? []).length === 0)
    status.hostIPs = [{ ip: status.hostIP }];
  else if (status.hostIPs?.[0]?.ip) status.hostIP ??= status.hostIPs[0].ip;
}

function setContainerStatusDefaults(status: ContainerStatus): void {
  status.state ??= {};
  status.lastState ??= {};
  status.ready ??= false;
  status.restartCount ??= 0;
  status.image ??= '';
  status.imageID ??= '';
}
