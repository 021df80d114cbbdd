/** ValidatingAdmissionPolicy: rules in CEL that objects must pass, where a binding says so. */

import type { ValidatingAdmissionPolicy } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  notSupported,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { type AdmissionOptions, admissionEnvironment } from '../../../pkg/cel/admission.js';
import { BOOL, NULL, STRING } from '../../../pkg/cel/types.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { integerColumn, textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import {
  validateExpression,
  validateMatchConditions,
  validateVariables,
} from '../validation/admission-expressions.js';
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
  const options: AdmissionOptions = { params: spec.paramKind !== undefined, authorizer: true };
  errors.push(
    ...validateMatchConditions(spec.matchConditions, at.child('matchConditions'), options),
  );
  const variables = validateVariables(spec.variables, at.child('variables'), options);
  errors.push(...variables.errors);
  const env = admissionEnvironment({ ...options, variables: variables.types });
  const messageEnv = admissionEnvironment({
    ...options,
    authorizer: false,
    variables: variables.types,
  });
  validations.forEach(({ expression, message, messageExpression, reason }, i) => {
    const here = at.child('validations').index(i);
    errors.push(
      ...validateExpression(expression, here.child('expression'), 'expression', env, [BOOL]),
    );
    if (messageExpression) {
      const where = here.child('messageExpression');
      if (messageExpression.trim() === '')
        errors.push(invalid(where, messageExpression, 'must be non-empty if specified'));
      else errors.push(...validateExpression(messageExpression, where, '', messageEnv, [STRING]));
    }
    if (message) {
      const where = here.child('message');
      if (message.trim() === '')
        errors.push(invalid(where, message, 'message must be non-empty if specified'));
      else if (/[\n\r]/.test(message.trim()))
        errors.push(invalid(where, message, 'message must not contain line breaks'));
    }
    if (reason !== undefined && !REASONS.includes(reason)) {
      errors.push(notSupported(here.child('reason'), reason, REASONS));
    }
  });
  annotations.forEach(({ key, valueExpression }, i) => {
    const here = at.child('auditAnnotations').index(i);
    if (!key) errors.push(required(here.child('key')));
    else
      errors.push(
        ...isDNS1123Subdomain(key.toLowerCase()).map((why) => invalid(here.child('key'), key, why)),
      );
    const where = here.child('valueExpression');
    errors.push(
      ...validateExpression(valueExpression, where, 'valueExpression', env, [STRING, NULL]),
    );
  });
  return errors;
}
