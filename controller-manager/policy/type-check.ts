/**
 * What is doubtful about a policy's expressions, given the types that its rules name: a field that one of them
 * does not have, an operator that does not fit. Warnings only; a policy is in force whatever they say
 * (`policy/validating/typechecking.go`).
 */
import type {
  ExpressionWarning,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicy,
} from '../../pkg/api/types.js';
import {
  type AdmissionOptions,
  admissionEnvironment,
  compileExpression,
  compileVariables,
} from '../../pkg/cel/admission.js';
import { type GroupVersionKind, type KindSchemas, kindText, parseKind } from './kind-schemas.js';

const MAX_TYPES = 10;
const FAILED = /^compilation failed: /;

export async function typeCheck(
  { spec = {} }: ValidatingAdmissionPolicy,
  schemas: KindSchemas,
): Promise<ExpressionWarning[]> {
  const { paramKind, variables = [], validations = [] } = spec;
  const environments: { kind: GroupVersionKind; options: AdmissionOptions }[] = [];
  const params =
    paramKind &&
    (await schemas.typeOf(parseKind(paramKind.apiVersion ?? '', paramKind.kind ?? '')));
  for (const kind of await kindsOf(spec.matchConstraints?.resourceRules ?? [], schemas)) {
    const declared = await schemas.typeOf(kind);
    if (!declared) continue;
    environments.push({
      kind,
      options: {
        authorizer: true,
        // A kind that is not there has no parameters to speak of.
        params: params !== undefined,
        objectType: declared.type,
        ...(params ? { paramsType: params.type } : {}),
      },
    });
  }
  const check = (expression: string): string =>
    environments
      .flatMap(({ kind, options }) => {
        const { types } = compileVariables(variables, options);
        const compiled = compileExpression(
          expression,
          admissionEnvironment({ ...options, variables: types }),
          [],
        );
        return 'error' in compiled
          ? `${kindText(kind)}: ${compiled.error.replace(FAILED, '')}\n`
          : [];
      })
      .join('\n');
  return validations.flatMap(({ expression, messageExpression }, i) => {
    const warnings: ExpressionWarning[] = [];
    const add = (field: string, text: string | undefined) => {
      const warning = text ? check(text) : '';
      if (warning !== '') warnings.push({ fieldRef: `spec.validations[${i}].${field}`, warning });
    };
    add('expression', expression);
    add('messageExpression', messageExpression);
    return warnings;
  });
}

/** Those that the rules name without wildcards, in order. */
async function kindsOf(
  rules: readonly NamedRuleWithOperations[],
  schemas: KindSchemas,
): Promise<readonly GroupVersionKind[]> {
  const found = new Map<string, GroupVersionKind>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of rules) {
    if ([...apiGroups, ...apiVersions].some((text) => text.includes('*'))) continue;
    for (const group of [...apiGroups].sort()) {
      for (const version of [...apiVersions].sort()) {
        for (const resource of [...resources].sort()) {
          if (/[*/]/.test(resource) || found.size >= MAX_TYPES) continue;
          const kind = await schemas.kindOf(group, version, resource);
          if (kind !== undefined)
            found.set(`${group}/${version}/${kind}`, { group, version, kind });
        }
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kind]) => kind);
}
