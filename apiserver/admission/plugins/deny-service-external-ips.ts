/** DenyServiceExternalIPs: nobody adds an address to a Service by which they could take others' traffic. */
import type { Service } from '../../../pkg/api/types.js';
import type { AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

export const denyServiceExternalIPs: AdmissionPluginFactory = {
  name: 'DenyServiceExternalIPs',
  create: () => ({
    name: 'DenyServiceExternalIPs',
    handles: (operation, group, resource, subresource) =>
      (operation === 'CREATE' || operation === 'UPDATE') &&
      group === '' &&
      resource === 'services' &&
      subresource === '',
    validate(attributes) {
      const now: Service = attributes.object ?? {};
      const before: Service = attributes.oldObject ?? {};
      const had = new Set(before.spec?.externalIPs ?? []);
      // Those that are there may stay, so that the Service can still be written.
      if ((now.spec?.externalIPs ?? []).every((address) => had.has(address))) return;
      throw refuse(attributes, 'Use of external IPs is denied by admission control');
    },
  }),
};
