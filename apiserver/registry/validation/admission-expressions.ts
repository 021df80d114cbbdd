/** CEL expressions of admission, as their author applies them: each must be there and compile. */
import type { MatchCondition, Variable } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  type Path,
  required,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { isQualifiedName } from '../../../pkg/apimachinery/validation/names.js';
import {
  type AdmissionOptions,
  admissionEnvironment,
  compileExpression,
} from '../../../pkg/cel/admission.js';
import { KEYWORDS, RESERVED } from '../../../pkg/cel/grammar.js';
import type { Environment } from '../../../pkg/cel/program.js';
import { BOOL, DYN, type Type } from '../../../pkg/cel/types.js';

const MAX_MATCH_CONDITIONS = 64;
const IDENTIFIER = /^[A-Za-z_]\w*$/;

/** `what` is its field, for an expression that has to be there. */
export function validateExpression(
  text: string | undefined,
  at: Path,
  what: string,
  env: Environment,
  expected: readonly Type[],
): FieldError[] {
  if (!text?.trim()) return [required(at, what === '' ? '' : `${what} is not specified`)];
  const compiled = compileExpression(text, env, expected);
  return 'error' in compiled ? [invalid(at, text, compiled.error)] : [];
}

export function validateMatchConditions(
  conditions: readonly MatchCondition[] | undefined,
  at: Path,
  options: AdmissionOptions,
): FieldError[] {
  const errors: FieldError[] = [];
  const given = conditions ?? [];
  if (given.length > MAX_MATCH_CONDITIONS)
    errors.push(tooMany(at, given.length, MAX_MATCH_CONDITIONS));
  const env = admissionEnvironment(options);
  const names = new Set<string>();
  given.forEach(({ name, expression }, i) => {
    const here = at.index(i);
    const text = expression?.trim();
    errors.push(...validateExpression(text, here.child('expression'), '', env, [BOOL]));
    if (!name) errors.push(required(here.child('name')));
    else {
      errors.push(...isQualifiedName(name).map((why) => invalid(here.child('name'), name, why)));
      if (names.has(name)) errors.push(duplicate(here.child('name'), name));
    }
    names.add(name);
  });
  return errors;
}

/** Their errors, and their types for the expressions that use them. */
export function validateVariables(
  variables: readonly Variable[] | undefined,
  at: Path,
  options: AdmissionOptions,
): { readonly errors: readonly FieldError[]; readonly types: ReadonlyMap<string, Type> } {
  const errors: FieldError[] = [];
  const types = new Map<string, Type>();
  (variables ?? []).forEach(({ name, expression }, i) => {
    const here = at.index(i);
    if (!name?.trim()) errors.push(required(here.child('name'), 'name is not specified'));
    else if (!IDENTIFIER.test(name) || KEYWORDS.has(name) || RESERVED.has(name))
      errors.push(invalid(here.child('name'), name, 'name is not a valid CEL identifier'));
    const where = here.child('expression');
    if (!expression?.trim()) errors.push(required(where, 'expression is not specified'));
    else {
      const env = admissionEnvironment({ ...options, variables: new Map(types) });
      const compiled = compileExpression(expression, env, []);
      if ('error' in compiled) errors.push(invalid(where, expression, compiled.error));
      types.set(name, 'program' in compiled ? compiled.program.type : DYN);
    }
  });
  return { errors, types };
}
