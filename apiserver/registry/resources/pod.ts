/**
 * Pod: the unit that is scheduled and run. A new pod is Pending with its QoS class worked out; after that
 * its spec hardly changes (see validation/pod-update.ts) and its status belongs to the kubelet.
 * Deletion is graceful: the object stays, marked, until the kubelet has stopped it.
 */
import type { Pod } from '../../../pkg/api/types.js';
import { podColumns } from '../columns/pod.js';
import { applyMatchLabelKeys } from '../defaults/match-label-keys.js';
import { setPodResourceDefaults } from '../defaults/pod-resources.js';
import { setPodOnlyDefaults, setPodSpecDefaults } from '../defaults/pod-spec.js';
import { setPodStatusDefaults } from '../defaults/pod-status.js';
import { qosClass } from '../defaults/qos-class.js';
import { UNSET_TIME } from '../defaults/unset-time.js';
import type { ResourceDefinition, Strategy, Subresource } from '../resource.js';
import { validatePod } from '../validation/pod-spec.js';
import { validatePodStatusUpdate } from '../validation/pod-status.js';
import { validatePodUpdate } from '../validation/pod-update.js';
import { podWarnings } from '../validation/pod-warnings.js';

export const podStrategy: Strategy<Pod> = {
  returnsDeletedObject: true,
  setDefaults(pod) {
    pod.spec ??= { containers: [] };
    setPodSpecDefaults(pod.spec);
    setPodOnlyDefaults(pod.spec);
    setPodResourceDefaults(pod);
    pod.status ??= {};
    setPodStatusDefaults(pod.status);
  },
  prepareForCreate(pod) {
    applyMatchLabelKeys(pod);
    pod.status = { phase: 'Pending', qosClass: qosClass(pod) };
    if ((pod.spec?.schedulingGates ?? []).length > 0) {
      pod.status.conditions = [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'SchedulingGated',
          message: 'Scheduling is blocked due to non-empty scheduling gates',
          lastProbeTime: UNSET_TIME,
          lastTransitionTime: UNSET_TIME,
        },
      ];
    }
  },
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  warningsOnCreate: (pod) => podWarnings(pod),
  generation: true,
  status: {
    prepareForUpdate(pod, old) {
      pod.status ??= {};
      // Neither who owns a pod nor its class is the kubelet's to change.
      pod.metadata ??= {};
      delete pod.metadata.ownerReferences;
      const owners = old.metadata?.ownerReferences;
      if (owners) pod.metadata.ownerReferences = structuredClone(owners);
      if (old.status?.qosClass) pod.status.qosClass ||= old.status.qosClass;
      // Devices in place of extended resources are off by default (DRAExtendedResource).
      if (!old.status?.extendedResourceClaimStatus) delete pod.status.extendedResourceClaimStatus;
      setPodStatusDefaults(pod.status);
    },
    validateUpdate: validatePodStatusUpdate,
  },
  selectableFields: (pod) => ({
    'spec.nodeName': pod.spec?.nodeName ?? '',
    'spec.restartPolicy': pod.spec?.restartPolicy ?? '',
    'spec.schedulerName': pod.spec?.schedulerName ?? '',
    'spec.serviceAccountName': pod.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(pod.spec?.hostNetwork ?? false),
    'status.phase': pod.status?.phase ?? '',
    'status.podIP': pod.status?.podIPs?.[0]?.ip ?? '',
    'status.podIPs': (pod.status?.podIPs ?? []).map((address) => address.ip).join(','),
    'status.nominatedNodeName': pod.status?.nominatedNodeName ?? '',
  }),
  gracefulDeletion(pod, requestedSeconds) {
    // Nothing runs: there is nobody to wait for.
    if (!pod.spec?.nodeName) return 0;
    if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return 0;
    const seconds = requestedSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 0;
    return seconds < 0 ? 1 : seconds;
  },
};

export function pod(subresources: readonly Subresource<Pod>[]): ResourceDefinition<Pod> {
  return {
    group: '',
    version: 'v1',
    kind: 'Pod',
    resource: 'pods',
    singular: 'pod',
    namespaced: true,
    shortNames: ['po'],
    categories: ['all'],
    definition: 'io.k8s.api.core.v1.Pod',
    columns: podColumns,
    strategy: podStrategy,
    subresources,
  };
}
