/** ValidatingAdmissionPolicy: rules in CEL that objects must pass, where a binding says so. */

import type {
  AuditAnnotation,
  ValidatingAdmissionPolicy,
  Validation,
} from '../../../pkg/api/types.js';
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isQualifiedName } from '../../../pkg/apimachinery/validation/names.js';
import { type AdmissionOptions, admissionEnvironment } from '../../../pkg/cel/admission.js';
import type { Environment } from '../../../pkg/cel/program.js';
import { BOOL, NULL, STRING } from '../../../pkg/cel/types.js';
import { paramKindText } from '../columns/admission-policies.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { integerColumn, textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import {
  validateExpression,
  validateMatchConditions,
  validateVariables,
} from '../validation/admission-expressions.js';
import { validatePolicy } from '../validation/admission-policies.js';
import { setMatchDefaults } from '../validation/match-resources.js';

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const MAX_ANNOTATIONS = 20;
/** Less than an annotation's value may have: what is concatenated is often longer than the expression. */
const MAX_ANNOTATION_BYTES = 5 * 1024;

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
      paramKindText(spec?.paramKind),
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
    validate: (obj) => validate(obj),
    validateUpdate: (obj, old) => validate(obj, old),
    allowUnconditionalUpdate: false,
    generation: true,
    status: true,
  },
};

function validate(
  { metadata, spec = {} }: ValidatingAdmissionPolicy,
  old?: ValidatingAdmissionPolicy,
): FieldError[] {
  const at = path('spec');
  const errors = validatePolicy(spec, at, false);
  const options: AdmissionOptions = { params: spec.paramKind !== undefined, authorizer: true };
  const same =
    old &&
    deepEqual(old.spec?.paramKind, spec.paramKind) &&
    deepEqual(old.spec?.matchConditions, spec.matchConditions);
  if (!same) {
    const where = at.child('matchConditions');
    errors.push(...validateMatchConditions(spec.matchConditions, where, options));
  }
  const variables = validateVariables(spec.variables, at.child('variables'), options);
  errors.push(...variables.errors);
  const known: AdmissionOptions = { ...options, variables: variables.types };
  const validations = spec.validations ?? [];
  const annotations = spec.auditAnnotations ?? [];
  if (validations.length === 0 && annotations.length === 0) {
    const why = 'validations or auditAnnotations must contain at least one item';
    errors.push(required(at.child('validations'), why));
    errors.push(required(at.child('auditAnnotations'), why));
    return errors;
  }
  validations.forEach((validation, i) => {
    errors.push(...validateValidation(validation, at.child('validations').index(i), known));
  });
  const where = at.child('auditAnnotations');
  if (annotations.length > MAX_ANNOTATIONS) {
    const why = `must not have more than ${MAX_ANNOTATIONS} auditAnnotations`;
    errors.push(invalid(where, annotations, why));
  }
  const env = admissionEnvironment(known);
  annotations.forEach((annotation, i) => {
    const here = where.index(i);
    errors.push(...validateAnnotation(annotation, metadata?.name ?? '', here, env));
    if (annotations.findIndex(({ key }) => key === annotation.key) < i)
      errors.push(duplicate(here.child('key'), annotation.key));
  });
  return errors;
}

function validateValidation(
  { expression, message, messageExpression, reason }: Validation,
  at: Path,
  options: AdmissionOptions,
): FieldError[] {
  const errors = validateExpression(
    expression,
    at.child('expression'),
    'expression',
    admissionEnvironment(options),
    [BOOL],
  );
  if (messageExpression) {
    const where = at.child('messageExpression');
    const env = admissionEnvironment({ ...options, authorizer: false });
    if (messageExpression.trim() === '')
      errors.push(invalid(where, messageExpression, 'must be non-empty if specified'));
    else errors.push(...validateExpression(messageExpression, where, '', env, [STRING]));
  }
  if (message) {
    const where = at.child('message');
    if (message.trim() === '')
      errors.push(invalid(where, message, 'message must be non-empty if specified'));
    else if (/[\n\r]/.test(message.trim()))
      errors.push(invalid(where, message, 'message must not contain line breaks'));
  }
  if (reason !== undefined && !REASONS.includes(reason)) {
    errors.push(notSupported(at.child('reason'), reason, REASONS));
  }
  return errors;
}

function validateAnnotation(
  { key, valueExpression }: AuditAnnotation,
  policy: string,
  at: Path,
  env: Environment,
): FieldError[] {
  const own = at.child('key');
  const name = `${policy}/${key}`;
  const errors =
    policy === ''
      ? [invalid(own, key, 'requires metadata.name be non-empty')]
      : isQualifiedName(name).map((why) => invalid(own, name, why));
  const where = at.child('valueExpression');
  const text = (valueExpression ?? '').trim();
  if (Buffer.byteLength(text) > MAX_ANNOTATION_BYTES) {
    const why = `must not exceed ${MAX_ANNOTATION_BYTES} bytes in length`;
    return [...errors, required(where, why)];
  }
  const expected = [STRING, NULL];
  return [...errors, ...validateExpression(text, where, 'valueExpression', env, expected)];
}
