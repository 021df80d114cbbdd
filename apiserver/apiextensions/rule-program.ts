/** One rule of a schema as programs: the rule itself and what makes its message. */
import type { ValidationRule } from '../../pkg/api/types.js';
import type { DeclType } from '../../pkg/cel/decl-type.js';
import { CelIssues } from '../../pkg/cel/issues.js';
import { compile, type Program } from '../../pkg/cel/program.js';
import { BOOL, optionalOf, STRING, type Type } from '../../pkg/cel/types.js';
import { ruleFieldPath } from './rule-field-path.js';
import type { JsonSchema } from './schema/structural.js';

export interface RuleProgram {
  readonly rule: ValidationRule;
  /** Undefined for a rule without text. */
  readonly program?: Program;
  readonly error?: RuleError;
  readonly message?: Program;
  readonly messageError?: RuleError;
  /** It compares with what was there before. */
  readonly usesOldSelf: boolean;
  /** `spec.x`, in the form of field errors; empty without a fieldPath. */
  readonly fieldPath: string;
}

export interface RuleError {
  readonly required?: boolean;
  readonly detail: string;
}

export function ruleProgram(
  rule: ValidationRule,
  declared: DeclType,
  schema: JsonSchema,
): RuleProgram {
  const found = rule.fieldPath ? ruleFieldPath(rule.fieldPath, schema) : undefined;
  const fieldPath = found && 'path' in found ? found.path : '';
  const base = { rule, usesOldSelf: false, fieldPath };
  if (rule.rule.trim() === '') return base;
  const { type } = declared;
  const optional = rule.optionalOldSelf === true;
  const variables = new Map<string, Type>([
    ['self', type],
    ['oldSelf', optional ? optionalOf(type) : type],
  ]);
  const compiled = attempt(rule.rule, variables, BOOL, 'cel expression must evaluate to a bool');
  if ('detail' in compiled) return { ...base, error: compiled };
  const usesOldSelf = compiled.variables.has('oldSelf');
  if (optional && !usesOldSelf) {
    return {
      ...base,
      error: { detail: 'optionalOldSelf may not be set if oldSelf is not used in rule' },
    };
  }
  const made = { ...base, program: compiled, usesOldSelf };
  if (!rule.messageExpression?.trim()) return made;
  const message = attempt(
    rule.messageExpression,
    variables,
    STRING,
    'messageExpression must evaluate to a string',
    'messageExpression ',
  );
  return 'detail' in message ? { ...made, messageError: message } : { ...made, message };
}

function attempt(
  text: string,
  variables: ReadonlyMap<string, Type>,
  expected: Type,
  otherwise: string,
  prefix = '',
): Program | RuleError {
  try {
    const program = compile(text, { variables });
    return program.type === expected ? program : { detail: otherwise };
  } catch (err) {
    if (err instanceof CelIssues) return { detail: `${prefix}compilation failed: ${err.message}` };
    throw err;
  }
}
