/** ValidatingAdmissionPolicyBinding: puts a policy into force, for some objects and with parameters. */

import type { ValidatingAdmissionPolicyBinding } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  notSupported,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { paramRefText } from '../columns/admission-policies.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateBinding } from '../validation/admission-policies.js';
import { setMatchDefaults } from '../validation/match-resources.js';

const ACTIONS = ['Audit', 'Deny', 'Warn'];

export const validatingAdmissionPolicyBinding: ResourceDefinition<ValidatingAdmissionPolicyBinding> =
  {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    resource: 'validatingadmissionpolicybindings',
    singular: 'validatingadmissionpolicybinding',
    namespaced: false,
    categories: ['api-extensions'],
    definition: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding',
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
      validate,
      validateUpdate: validate,
      generation: true,
    },
  };

function validate({ spec }: ValidatingAdmissionPolicyBinding): FieldError[] {
  const at = path('spec');
  const errors = validateBinding(spec ?? {}, at, false);
  const actions = spec?.validationActions ?? [];
  const here = at.child('validationActions');
  actions.forEach((action, i) => {
    if (!ACTIONS.includes(action)) errors.push(notSupported(here.index(i), action, ACTIONS));
    if (actions.indexOf(action) < i) errors.push(duplicate(here.index(i), action));
  });
  if (actions.includes('Deny') && actions.includes('Warn')) {
    errors.push({
      type: 'FieldValueInvalid',
      field: here.toString(),
      body: `Invalid value: ${JSON.stringify(actions)}: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)`,
    });
  }
  if (actions.length === 0)
    errors.push(required(here, 'at least one validation action is required'));
  return errors;
}
