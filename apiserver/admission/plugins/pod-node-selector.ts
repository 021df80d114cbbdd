/**
 * PodNodeSelector: pods of a namespace go where its annotation `scheduler.alpha.kubernetes.io/node-selector`
 * says, or else the cluster's default, besides where they ask to go; a pod that asks for something else, or
 * for what its namespace's whitelist has not, is refused.
 */
import type { Pod } from '../../../pkg/api/types.js';
import type { ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import type { PodNodeSelectors } from '../configurations/pod-node-selectors.js';
import { refuse } from '../refuse.js';

const ANNOTATION = 'scheduler.alpha.kubernetes.io/node-selector';

export function podNodeSelector(config: PodNodeSelectors): AdmissionPluginFactory {
  return {
    name: 'PodNodeSelector',
    create: (server) => ({
      name: 'PodNodeSelector',
      handles: (operation, group, resource, subresource) =>
        operation === 'CREATE' && group === '' && resource === 'pods' && subresource === '',
      async admit(attributes, ctx) {
        const pod: Pod = attributes.object ?? {};
        if (!pod.spec) return;
        const wanted = await namespaceSelector(server, config, attributes);
        const own = pod.spec.nodeSelector ?? {};
        refuseConflict(attributes, wanted, own);
        if (Object.keys(wanted).length > 0) pod.spec.nodeSelector = { ...wanted, ...own };
        await this.validate?.(attributes, ctx);
      },
      async validate(attributes) {
        const pod: Pod = attributes.object ?? {};
        const own = pod.spec?.nodeSelector ?? {};
        refuseConflict(attributes, await namespaceSelector(server, config, attributes), own);
        const whitelist = parse(attributes, config.whitelists.get(attributes.namespace) ?? '');
        if (Object.keys(whitelist).length === 0) return;
        if (Object.entries(own).some(([key, value]) => whitelist[key] !== value))
          throw refuse(
            attributes,
            'pod node label selector labels conflict with its namespace whitelist',
          );
      },
    }),
  };
}

function refuseConflict(
  attributes: AdmissionAttributes,
  wanted: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
): void {
  if (Object.entries(wanted).some(([key, value]) => (own[key] ?? value) !== value))
    throw refuse(
      attributes,
      'pod node label selector conflicts with its namespace node label selector',
    );
}

async function namespaceSelector(
  server: ServerAccess,
  config: PodNodeSelectors,
  attributes: AdmissionAttributes,
): Promise<Record<string, string>> {
  const store = server.store('', 'namespaces');
  const found = store.peek('', attributes.namespace) ?? (await store.get('', attributes.namespace));
  return parse(attributes, found.metadata?.annotations?.[ANNOTATION] ?? config.clusterDefault);
}

/** `a=b,c=d` */
function parse(attributes: AdmissionAttributes, text: string): Record<string, string> {
  const selector: Record<string, string> = {};
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const [key = '', value = '', ...rest] = part.split('=').map((one) => one.trim());
    if (key === '' || rest.length > 0 || !part.includes('='))
      throw refuse(attributes, `invalid node selector ${JSON.stringify(part)} of the namespace`);
    selector[key] = value;
  }
  return selector;
}
