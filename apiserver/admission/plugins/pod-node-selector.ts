/**
 * PodNodeSelector: pods of a namespace go where its annotation `scheduler.alpha.kubernetes.io/node-selector`
 * says, besides where they ask to go; a pod that asks for something else is refused.
 */
import type { Pod } from '../../../pkg/api/types.js';
import type { ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

const ANNOTATION = 'scheduler.alpha.kubernetes.io/node-selector';

export const podNodeSelector: AdmissionPluginFactory = {
  name: 'PodNodeSelector',
  create: (server) => ({
    name: 'PodNodeSelector',
    handles: (operation, group, resource, subresource) =>
      operation === 'CREATE' && group === '' && resource === 'pods' && subresource === '',
    async admit(attributes) {
      const pod: Pod = attributes.object ?? {};
      if (!pod.spec) return;
      const wanted = await selectorOf(server, attributes);
      const own = pod.spec.nodeSelector ?? {};
      if (Object.entries(wanted).some(([key, value]) => (own[key] ?? value) !== value))
        throw refuse(
          attributes,
          'pod node label selector conflicts with its namespace node label selector',
        );
      if (Object.keys(wanted).length > 0) pod.spec.nodeSelector = { ...wanted, ...own };
    },
  }),
};

/** `a=b,c=d` */
async function selectorOf(
  server: ServerAccess,
  attributes: AdmissionAttributes,
): Promise<Record<string, string>> {
  const store = server.store('', 'namespaces');
  const found = store.peek('', attributes.namespace) ?? (await store.get('', attributes.namespace));
  const selector: Record<string, string> = {};
  for (const part of (found.metadata?.annotations?.[ANNOTATION] ?? '').split(',')) {
    if (part.trim() === '') continue;
    const [key = '', value = '', ...rest] = part.split('=').map((text) => text.trim());
    if (key === '' || rest.length > 0 || !part.includes('='))
      throw refuse(attributes, `invalid node selector ${JSON.stringify(part)} of the namespace`);
    selector[key] = value;
  }
  return selector;
}
