/** MutatingWebhookConfiguration: webhooks that may change objects before they are stored. */
import type { MutatingWebhookConfiguration } from '../../../pkg/api/types.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { integerColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { setWebhookDefaults, validateWebhooks } from '../validation/webhooks.js';

export const mutatingWebhookConfiguration: ResourceDefinition<MutatingWebhookConfiguration> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  resource: 'mutatingwebhookconfigurations',
  singular: 'mutatingwebhookconfiguration',
  namespaced: false,
  categories: ['api-extensions'],
  definition: 'io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration',
  columns: [
    nameColumn(),
    integerColumn('Webhooks', 'How many webhooks it names.', (obj) => obj.webhooks?.length ?? 0),
    ageColumn(),
  ],
  strategy: {
    setDefaults(obj) {
      for (const webhook of obj.webhooks ?? []) {
        setWebhookDefaults(webhook);
        webhook.reinvocationPolicy ??= 'Never';
      }
    },
    validate: (obj) => validateWebhooks(obj.webhooks),
    validateUpdate: (obj, old) => validateWebhooks(obj.webhooks, old.webhooks ?? []),
    generation: true,
  },
};
