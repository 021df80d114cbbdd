/** ServiceAccount: the identity that pods run as. Its `token` subresource is handed in: it signs with the server's key. */
import type { ServiceAccount } from '../../../pkg/api/types.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import type { ResourceDefinition, Subresource } from '../resource.js';
import { serviceAccountWarnings } from '../validation/service-account.js';

export function serviceAccount(token?: Subresource): ResourceDefinition<ServiceAccount> {
  return {
    group: '',
    version: 'v1',
    kind: 'ServiceAccount',
    resource: 'serviceaccounts',
    singular: 'serviceaccount',
    namespaced: true,
    shortNames: ['sa'],
    definition: 'io.k8s.api.core.v1.ServiceAccount',
    columns: [
      nameColumn(),
      {
        name: 'Secrets',
        type: 'string',
        description: 'Number of secrets that pods of the account may mount.',
        value: (obj) => (obj.secrets ?? []).length,
      },
      ageColumn(),
    ],
    strategy: {
      returnsDeletedObject: true,
      prepareForCreate(obj) {
        // Tokens are requested, no longer listed.
        if (obj.secrets?.length === 0) delete obj.secrets;
      },
      warningsOnCreate: serviceAccountWarnings,
      warningsOnUpdate: (obj, old) =>
        serviceAccountWarnings(old).length > 0 ? [] : serviceAccountWarnings(obj),
    },
    ...(token ? { subresources: [token] } : {}),
  };
}
