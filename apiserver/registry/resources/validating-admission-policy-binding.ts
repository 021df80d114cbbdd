/** ValidatingAdmissionPolicyBinding: puts a policy into force, for some objects and with parameters. */

import type { ParamRef, ValidatingAdmissionPolicyBinding } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import { nameIsDNSSubdomain } from '../../../pkg/apimachinery/validation/names.js';
import { ageColumn, formatLabelSelector, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { oneOf } from '../validation/fields.js';
import { setMatchDefaults, validateMatchResources } from '../validation/match-resources.js';
import { optionalSegment } from '../validation/references.js';

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
      textColumn('ParamRef', 'Its parameters.', (obj) => paramText(obj.spec?.paramRef)),
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

function paramText(ref: ParamRef | undefined): string {
  if (!ref) return '<unset>';
  const namespace = ref.namespace || '*';
  if (ref.selector) return `${namespace}/${formatLabelSelector(ref.selector)}`;
  return ref.name ? `${namespace}/${ref.name}` : '<unset>';
}

function validate({ spec }: ValidatingAdmissionPolicyBinding): FieldError[] {
  const at = path('spec');
  const errors: FieldError[] = [];
  const policy = spec?.policyName ?? '';
  const own = at.child('policyName');
  if (policy === '') errors.push(required(own));
  else errors.push(...nameIsDNSSubdomain(policy, false).map((why) => invalid(own, policy, why)));
  if (spec?.paramRef) errors.push(...validateParamRef(spec.paramRef, at.child('paramRef')));
  if (spec?.matchResources) {
    errors.push(...validateMatchResources(spec.matchResources, at.child('matchResources')));
  }
  const actions = spec?.validationActions ?? [];
  const here = at.child('validationActions');
  if (actions.length === 0) errors.push(required(here));
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
  return errors;
}

function validateParamRef(ref: ParamRef, at: Path): FieldError[] {
  const both = 'name and selector are mutually exclusive';
  const errors = optionalSegment(ref.name, at.child('name'));
  if (ref.name && ref.selector) errors.push(forbidden(at.child('name'), both));
  if (ref.selector) {
    errors.push(...validateLabelSelector(ref.selector, at.child('selector')));
    if (ref.name) errors.push(forbidden(at.child('selector'), both));
  }
  if (!ref.name && !ref.selector) {
    errors.push(required(at, 'one of name or selector must be specified'));
  }
  const own = at.child('parameterNotFoundAction');
  return [...errors, ...oneOf(ref.parameterNotFoundAction, ['Deny', 'Allow'], own)];
}
