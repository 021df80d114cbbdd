/** Priority: from a pod's PriorityClass to its priority and preemption policy; at most one class is the default. */
import type { Pod, PriorityClass } from '../../../pkg/api/types.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import type { ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

const GROUP = 'scheduling.k8s.io';
const DEFAULT_PREEMPTION = 'PreemptLowerPriority';

export const priority: AdmissionPluginFactory = {
  name: 'Priority',
  create: (server) => ({
    name: 'Priority',
    handles: (operation, group, resource, subresource) =>
      subresource === '' &&
      (operation === 'CREATE' || operation === 'UPDATE') &&
      ((group === '' && resource === 'pods') ||
        (group === GROUP && resource === 'priorityclasses')),
    async admit(attributes) {
      if (attributes.resource !== 'pods') return;
      const pod: Pod = attributes.object ?? {};
      if (!pod.spec) return;
      if (attributes.operation === 'UPDATE') {
        const old: Pod = attributes.oldObject ?? {};
        pod.spec.priority ??= old.spec?.priority;
        pod.spec.preemptionPolicy ??= old.spec?.preemptionPolicy;
        return;
      }
      const found = await classOf(server, attributes, pod);
      const value = found?.value ?? 0;
      const policy = found?.preemptionPolicy ?? DEFAULT_PREEMPTION;
      if (pod.spec.priority !== undefined && pod.spec.priority !== value)
        throw refuse(
          attributes,
          `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
        );
      if (pod.spec.preemptionPolicy !== undefined && pod.spec.preemptionPolicy !== policy)
        throw refuse(
          attributes,
          `the string value of PreemptionPolicy (${pod.spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
        );
      if (found) pod.spec.priorityClassName = found.metadata?.name;
      pod.spec.priority = value;
      pod.spec.preemptionPolicy = policy;
    },
    async validate(attributes) {
      if (attributes.resource !== 'priorityclasses') return;
      const wanted = attributes.object as PriorityClass;
      if (!wanted.globalDefault) return;
      const other = (await classes(server)).find(
        (candidate) =>
          candidate.globalDefault && candidate.metadata?.name !== wanted.metadata?.name,
      );
      if (other)
        throw refuse(
          attributes,
          `PriorityClass ${other.metadata?.name} is already marked as default. Only one default can exist`,
        );
    },
  }),
};

async function classOf(
  server: ServerAccess,
  attributes: AdmissionAttributes,
  pod: Pod,
): Promise<PriorityClass | undefined> {
  const name = pod.spec?.priorityClassName;
  if (!name) {
    // By mistake or by a race there may be two; the lower one does less harm.
    return (await classes(server))
      .filter((candidate) => candidate.globalDefault)
      .sort((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
  }
  const store = server.store(GROUP, 'priorityclasses');
  try {
    return (store.peek('', name) ?? (await store.get('', name))) as PriorityClass;
  } catch (err) {
    if (isReason(err, 'NotFound'))
      throw refuse(attributes, `no PriorityClass with name ${name} was found`);
    throw err;
  }
}

async function classes(server: ServerAccess): Promise<readonly PriorityClass[]> {
  return (await server.store(GROUP, 'priorityclasses').list('')) as readonly PriorityClass[];
}
