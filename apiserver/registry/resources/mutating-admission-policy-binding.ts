/** MutatingAdmissionPolicyBinding: puts such a policy into force, for some objects and with parameters. */
import type { MutatingAdmissionPolicyBinding } from '../../../pkg/api/types.js';
import { path } from '../../../pkg/apimachinery/field-error.js';
import { paramRefText } from '../columns/admission-policies.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateBinding } from '../validation/admission-policies.js';
import { setMatchDefaults } from '../validation/match-resources.js';

export const mutatingAdmissionPolicyBinding: ResourceDefinition<MutatingAdmissionPolicyBinding> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1beta1',
  kind: 'MutatingAdmissionPolicyBinding',
  resource: 'mutatingadmissionpolicybindings',
  singular: 'mutatingadmissionpolicybinding',
  namespaced: false,
  categories: ['api-extensions'],
  definition: 'io.k8s.api.admissionregistration.v1beta1.MutatingAdmissionPolicyBinding',
  columns: [
    nameColumn(),
    textColumn('PolicyName', 'The policy.', (obj) => obj.spec?.policyName ?? ''),
    textColumn('ParamRef', 'Its parameters.', (obj) => paramRefText(obj.spec?.paramRef)),
    ageColumn(),
  ],
  strategy: {
    setDefaults({ spec }) {
      if (spec?.matchResources) setMatchDefaults(spec.matchResources);
    },
    validate: ({ spec }) => validateBinding(spec ?? {}, path('spec'), true),
    validateUpdate: ({ spec }) => validateBinding(spec ?? {}, path('spec'), true),
    generation: true,
    allowUnconditionalUpdate: false,
  },
};
