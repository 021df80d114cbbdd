/** LimitPodHardAntiAffinityTopology: no pod keeps others off more than the node that it is on. */
import type { Pod } from '../../../pkg/api/types.js';
import type { AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

const HOSTNAME = 'kubernetes.io/hostname';

export const limitPodHardAntiAffinityTopology: AdmissionPluginFactory = {
  name: 'LimitPodHardAntiAffinityTopology',
  create: () => ({
    name: 'LimitPodHardAntiAffinityTopology',
    handles: (operation, group, resource, subresource) =>
      (operation === 'CREATE' || operation === 'UPDATE') &&
      group === '' &&
      resource === 'pods' &&
      subresource === '',
    validate(attributes) {
      const pod: Pod = attributes.object ?? {};
      const terms =
        pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
      for (const { topologyKey } of terms)
        if (topologyKey !== HOSTNAME)
          throw refuse(
            attributes,
            `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${topologyKey} but only key ${HOSTNAME} is allowed`,
          );
    },
  }),
};
