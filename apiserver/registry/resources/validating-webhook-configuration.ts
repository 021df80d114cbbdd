/** ValidatingWebhookConfiguration: webhooks that may refuse objects. */
import type { ValidatingWebhookConfiguration } from '../../../pkg/api/types.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { integerColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { setWebhookDefaults, validateWebhooks } from '../validation/webhooks.js';

export const validatingWebhookConfiguration: ResourceDefinition<ValidatingWebhookConfiguration> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  resource: 'validatingwebhookconfigurations',
  singular: 'validatingwebhookconfiguration',
  namespaced: false,
  categories: ['api-extensions'],
  definition: 'io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration',
  columns: [
    nameColumn(),
    integerColumn('Webhooks', 'How many webhooks it names.', (obj) => obj.webhooks?.length ?? 0),
    ageColumn(),
  ],
  strategy: {
    setDefaults(obj) {
      for (const webhook of obj.webhooks ?? []) {
        setWebhookDefaults(webhook);
      }
    },
    validate: (obj) => validateWebhooks(obj.webhooks),
    validateUpdate: (obj, old) => validateWebhooks(obj.webhooks, old.webhooks ?? []),
    generation: true,
  },
};
