/** ValidatingAdmissionPolicy: rules in CEL that objects must pass, where a binding says so. */

import type { ValidatingAdmissionPolicy } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { integerColumn, textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { setMatchDefaults, validateMatchResources } from '../validation/match-resources.js';

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];

export const validatingAdmissionPolicy: ResourceDefinition<ValidatingAdmissionPolicy> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  resource: 'validatingadmissionpolicies',
  singular: 'validatingadmissionpolicy',
  namespaced: false,
  categories: ['api-extensions'],
  definition: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy',
  columns: [
    nameColumn(),
    integerColumn(
      'Validations',
      'How many rules it has.',
      (obj) => obj.spec?.validations?.length ?? 0,
    ),
    textColumn('ParamKind', 'What its parameters are.', ({ spec }) =>
      spec?.paramKind
        ? `${spec.paramKind.apiVersion ?? ''}/${spec.paramKind.kind ?? ''}`
        : '<unset>',
    ),
    ageColumn(),
  ],
  strategy: {
    setDefaults({ spec }) {
      if (!spec) return;
      spec.failurePolicy ??= 'Fail';
      if (spec.matchConstraints) setMatchDefaults(spec.matchConstraints);
    },
    prepareForCreate(obj) {
      obj.status = {};
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
    },
    validate,
    validateUpdate: validate,
    generation: true,
    status: true,
  },
};

function validate({ spec }: ValidatingAdmissionPolicy): FieldError[] {
  const at = path('spec');
  if (!spec) return [required(at)];
  const errors: FieldError[] = [];
  if (spec.failurePolicy === undefined) errors.push(required(at.child('failurePolicy')));
  else if (!['Fail', 'Ignore'].includes(spec.failurePolicy)) {
    errors.push(notSupported(at.child('failurePolicy'), spec.failurePolicy, ['Fail', 'Ignore']));
  }
  if (spec.paramKind) {
    for (const field of ['apiVersion', 'kind'] as const) {
      if (!spec.paramKind[field]) errors.push(required(at.child('paramKind', field)));
    }
  }
  const constraints = at.child('matchConstraints');
  if (!spec.matchConstraints) errors.push(required(constraints));
  else {
    errors.push(...validateMatchResources(spec.matchConstraints, constraints));
    if ((spec.matchConstraints.resourceRules ?? []).length === 0) {
      errors.push(required(constraints.child('resourceRules')));
    }
  }
  const validations = spec.validations ?? [];
  const annotations = spec.auditAnnotations ?? [];
  if (validations.length === 0 && annotations.length === 0) {
    errors.push(
      required(at.child('validations'), 'validations or auditAnnotations must be specified'),
      required(at.child('auditAnnotations'), 'validations or auditAnnotations must be specified'),
    );
  }
  validations.forEach(({ expression, reason }, i) => {
    const here = at.child('validations').index(i);
    if (!expression?.trim())
      errors.push(required(here.child('expression'), 'expression is not specified'));
    if (reason !== undefined && !REASONS.includes(reason)) {
      errors.push(notSupported(here.child('reason'), reason, REASONS));
    }
  });
  const names = new Set<string>();
  (spec.matchConditions ?? []).forEach(({ name, expression }, i) => {
    const here = at.child('matchConditions').index(i);
    if (!name) errors.push(required(here.child('name')));
    if (!expression?.trim()) errors.push(required(here.child('expression')));
    if (names.has(name)) errors.push(duplicate(here.child('name'), name));
    names.add(name);
  });
  const variables = new Set<string>();
  (spec.variables ?? []).forEach(({ name, expression }, i) => {
    const here = at.child('variables').index(i);
    if (!name?.trim()) errors.push(required(here.child('name'), 'name is not specified'));
    else if (!/^[A-Za-z_]\w*$/.test(name)) {
      errors.push(invalid(here.child('name'), name, 'name is not a valid CEL identifier'));
    }
    if (!expression?.trim())
      errors.push(required(here.child('expression'), 'expression is not specified'));
    if (variables.has(name)) errors.push(duplicate(here.child('name'), name));
    variables.add(name);
  });
  annotations.forEach(({ key, valueExpression }, i) => {
    const here = at.child('auditAnnotations').index(i);
    if (!key) errors.push(required(here.child('key')));
    else
      errors.push(
        ...isDNS1123Subdomain(key.toLowerCase()).map((why) => invalid(here.child('key'), key, why)),
      );
    if (!valueExpression?.trim()) {
      errors.push(required(here.child('valueExpression'), 'valueExpression is not specified'));
    }
  });
  return errors;
}
