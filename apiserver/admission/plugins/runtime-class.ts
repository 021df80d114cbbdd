/** RuntimeClass: a pod of a class carries the class's overhead and runs only where the class says. */
import type { Pod, RuntimeClass, Toleration } from '../../../pkg/api/types.js';
import { deepEqual, semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import type { ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

export const runtimeClass: AdmissionPluginFactory = {
  name: 'RuntimeClass',
  create: (server) => ({
    name: 'RuntimeClass',
    handles: (operation, group, resource, subresource) =>
      operation === 'CREATE' && group === '' && resource === 'pods' && subresource === '',
    async admit(attributes) {
      const pod: Pod = attributes.object ?? {};
      const found = await classOf(server, attributes, pod);
      if (!found || !pod.spec) return;
      setOverhead(attributes, pod, found);
      setScheduling(attributes, pod, found);
    },
    async validate(attributes) {
      const pod: Pod = attributes.object ?? {};
      const found = await classOf(server, attributes, pod);
      const overhead = pod.spec?.overhead;
      const wanted = found?.overhead?.podFixed;
      if (wanted && !semanticDeepEqual(overhead ?? {}, wanted))
        throw refuse(
          attributes,
          "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        );
      if (!wanted && overhead && Object.keys(overhead).length > 0)
        throw refuse(
          attributes,
          'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
        );
    },
  }),
};

async function classOf(
  server: ServerAccess,
  attributes: AdmissionAttributes,
  pod: Pod,
): Promise<RuntimeClass | undefined> {
  const name = pod.spec?.runtimeClassName;
  if (!name) return undefined;
  try {
    return (await server.store('node.k8s.io', 'runtimeclasses').get('', name)) as RuntimeClass;
  } catch (err) {
    if (isReason(err, 'NotFound'))
      throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
    throw err;
  }
}

function setOverhead(attributes: AdmissionAttributes, pod: Pod, { overhead }: RuntimeClass): void {
  const wanted = overhead?.podFixed;
  if (!pod.spec || !wanted || Object.keys(wanted).length === 0) return;
  if (pod.spec.overhead && !semanticDeepEqual(pod.spec.overhead, wanted))
    throw refuse(
      attributes,
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    );
  pod.spec.overhead = { ...wanted };
}

function setScheduling(
  attributes: AdmissionAttributes,
  pod: Pod,
  { scheduling }: RuntimeClass,
): void {
  if (!pod.spec || !scheduling) return;
  const selector = { ...pod.spec.nodeSelector };
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = selector[key];
    if (own !== undefined && own !== value)
      throw refuse(
        attributes,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    selector[key] = value;
  }
  if (Object.keys(selector).length > 0) pod.spec.nodeSelector = selector;
  const present: Toleration[] = pod.spec.tolerations ?? [];
  const missing = (scheduling.tolerations ?? []).filter(
    (toleration) => !present.some((own) => deepEqual(own, toleration)),
  );
  if (missing.length > 0)
    pod.spec.tolerations = [...present, ...missing.map((toleration) => ({ ...toleration }))];
}
