/**
 * MutatingAdmissionPolicy: changes in CEL that are made to objects as they are written, where a binding says
 * so. Served only where it is asked for, as v1beta1.
 */
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicySpec,
  Mutation,
} from '../../../pkg/api/types.js';
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { type AdmissionOptions, admissionEnvironment } from '../../../pkg/cel/admission.js';
import { JSON_PATCH_LIST, OBJECT_TYPE } from '../../../pkg/cel/mutation.js';
import type { Environment } from '../../../pkg/cel/program.js';
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

const REINVOCATIONS = ['IfNeeded', 'Never'];
const PATCH_TYPES = ['ApplyConfiguration', 'JSONPatch'];

export const mutatingAdmissionPolicy: ResourceDefinition<MutatingAdmissionPolicy> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1beta1',
  kind: 'MutatingAdmissionPolicy',
  resource: 'mutatingadmissionpolicies',
  singular: 'mutatingadmissionpolicy',
  namespaced: false,
  categories: ['api-extensions'],
  definition: 'io.k8s.api.admissionregistration.v1beta1.MutatingAdmissionPolicy',
  columns: [
    nameColumn(),
    integerColumn('Mutations', 'How many changes it makes.', (obj) => mutationsOf(obj).length),
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
    validate: ({ spec }) => validate(spec, undefined),
    validateUpdate: ({ spec }, { spec: old }) => validate(spec, old),
    generation: true,
    allowUnconditionalUpdate: false,
  },
};

function mutationsOf({ spec }: MutatingAdmissionPolicy): readonly Mutation[] {
  return spec?.mutations ?? [];
}

function validate(
  spec: MutatingAdmissionPolicySpec = {},
  old: MutatingAdmissionPolicySpec | undefined,
): FieldError[] {
  const at = path('spec');
  const errors = validatePolicy(spec, at, true);
  const options: AdmissionOptions = { params: spec.paramKind !== undefined, authorizer: true };
  const same =
    old &&
    deepEqual(old.paramKind, spec.paramKind) &&
    deepEqual(old.matchConditions, spec.matchConditions);
  if (!same) {
    const where = at.child('matchConditions');
    errors.push(...validateMatchConditions(spec.matchConditions, where, options));
  }
  const variables = validateVariables(spec.variables, at.child('variables'), options);
  errors.push(...variables.errors);
  const env = admissionEnvironment({ ...options, variables: variables.types, patches: true });
  const mutations = spec.mutations ?? [];
  const here = at.child('mutations');
  if (mutations.length === 0)
    errors.push(required(here, 'mutations must contain at least one item'));
  mutations.forEach((mutation, i) => {
    errors.push(...validateMutation(mutation, here.index(i), env));
  });
  const reinvocation = at.child('reinvocationPolicy');
  if (!spec.reinvocationPolicy) errors.push(required(reinvocation));
  else if (!REINVOCATIONS.includes(spec.reinvocationPolicy))
    errors.push(notSupported(reinvocation, spec.reinvocationPolicy, REINVOCATIONS));
  return errors;
}

function validateMutation(
  { patchType, applyConfiguration, jsonPatch }: Mutation,
  at: Path,
  env: Environment,
): FieldError[] {
  const errors: FieldError[] = [];
  const forms = {
    ApplyConfiguration: {
      own: ['applyConfiguration', applyConfiguration, OBJECT_TYPE],
      other: ['jsonPatch', jsonPatch],
    },
    JSONPatch: {
      own: ['jsonPatch', jsonPatch, JSON_PATCH_LIST],
      other: ['applyConfiguration', applyConfiguration],
    },
  } as const;
  if (!patchType) return [required(at.child('patchType'))];
  if (patchType !== 'ApplyConfiguration' && patchType !== 'JSONPatch')
    return [notSupported(at.child('patchType'), patchType, PATCH_TYPES)];
  const { own, other } = forms[patchType];
  const [field, form, type] = own;
  if (!form) {
    errors.push(required(at.child(field), `must be specified when patchType is ${patchType}`));
  } else {
    const text = (form.expression ?? '').trim();
    errors.push(...validateExpression(text, at.child(field, 'expression'), '', env, [type]));
  }
  const [otherField, otherForm] = other;
  if (otherForm) {
    const why = `must not be specified when patchType is ${patchType}`;
    errors.push(invalid(at.child(otherField), `{${otherField}}`, why));
  }
  return errors;
}
