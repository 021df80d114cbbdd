/** One ValidatingAdmissionPolicy, compiled, and what it decides about one write (`validating/validator.go`). */
import type { ValidatingAdmissionPolicy, Validation } from '../../../pkg/api/types.js';
import {
  type AdmissionOptions,
  admissionEnvironment,
  type Compiled,
  compileExpression,
  compileVariables,
} from '../../../pkg/cel/admission.js';
import { MAX_MESSAGE_BYTES, RUNTIME_BUDGET } from '../../../pkg/cel/program.js';
import { BOOL, NULL, STRING } from '../../../pkg/cel/types.js';
import { typeNameOf } from '../../../pkg/cel/values.js';
import { type AskedDecisions, PolicyActivation, type PolicyInput } from './activation.js';
import { type Expression, evaluateAll, OutOfBudget, type Result } from './evaluate.js';
import { ConditionError, MatchConditions } from './match-conditions.js';

export interface Denial {
  /** Of the validation in the policy. */
  readonly index: number;
  readonly message: string;
  /** Empty: Invalid. */
  readonly reason: string;
}

export interface Decision {
  readonly denials: readonly Denial[];
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** Audit annotations that could not be made, where failure counts. */
  readonly annotationErrors: readonly string[];
}

export class CompiledPolicy {
  private readonly ignoresFailure: boolean;
  private readonly conditions: MatchConditions;
  private readonly variables: ReadonlyMap<string, Compiled>;
  private readonly validations: readonly Validation[];
  private readonly expressions: readonly Expression[];
  private readonly messages: readonly Expression[];
  private readonly annotations: readonly (Expression & { readonly key: string })[];

  constructor({ spec = {} }: ValidatingAdmissionPolicy) {
    const options: AdmissionOptions = { params: spec.paramKind !== undefined, authorizer: true };
    this.ignoresFailure = spec.failurePolicy === 'Ignore';
    this.conditions = new MatchConditions(spec.matchConditions ?? [], this.ignoresFailure, options);
    const { compiled, types } = compileVariables(spec.variables ?? [], options);
    this.variables = compiled;
    const env = admissionEnvironment({ ...options, variables: types });
    const messageEnv = admissionEnvironment({ ...options, authorizer: false, variables: types });
    this.validations = spec.validations ?? [];
    this.expressions = this.validations.map(({ expression }) => ({
      text: expression,
      compiled: compileExpression(expression, env, [BOOL]),
    }));
    this.messages = this.validations.map(({ messageExpression }) => ({
      text: messageExpression ?? '',
      compiled: messageExpression
        ? compileExpression(messageExpression, messageEnv, [STRING])
        : undefined,
    }));
    this.annotations = (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      text: valueExpression,
      compiled: compileExpression(valueExpression, env, [STRING, NULL]),
    }));
  }

  async decide(input: PolicyInput, decisions: AskedDecisions): Promise<Decision> {
    const activation = new PolicyActivation(input, this.variables, decisions);
    try {
      if (!(await this.conditions.match(activation))) return NOTHING;
      const { results, remaining } = await evaluateAll(
        this.expressions,
        activation,
        RUNTIME_BUDGET,
      );
      const failed = results.some((result) => result && 'value' in result && result.value !== true);
      const messages = failed ? await this.evaluateMessages(activation, remaining) : [];
      const denials = results.flatMap(
        (result, index) => this.denial(result, index, messages) ?? [],
      );
      return { denials, ...(await this.annotate(activation)) };
    } catch (err) {
      if (!(err instanceof OutOfBudget || err instanceof ConditionError)) throw err;
      return { ...NOTHING, denials: this.failure(0, err.message) };
    }
  }

  /** A string: they could not be evaluated within the budget. */
  private async evaluateMessages(
    activation: PolicyActivation,
    budget: number,
  ): Promise<readonly Result[] | string> {
    try {
      return (await evaluateAll(this.messages, activation, budget)).results;
    } catch (err) {
      if (err instanceof OutOfBudget) return err.message;
      throw err;
    }
  }

  private failure(index: number, message: string): Denial[] {
    return this.ignoresFailure ? [] : [{ index, message, reason: '' }];
  }

  private denial(result: Result, index: number, messages: readonly Result[] | string): Denial[] {
    const validation = this.validations[index];
    if (!result || !validation) return [];
    if ('error' in result) return this.failure(index, result.error);
    if (result.value === true) return [];
    if (typeof messages === 'string')
      return this.failure(index, `failed messageExpression: ${messages}`);
    const message =
      usable(messages[index]) ||
      (validation.message ?? '').trim() ||
      `failed expression: ${validation.expression.trim()}`;
    return [{ index, message, reason: validation.reason ?? '' }];
  }

  private async annotate(activation: PolicyActivation): Promise<Omit<Decision, 'denials'>> {
    const annotations: { key: string; value: string }[] = [];
    const annotationErrors: string[] = [];
    const { results } = await evaluateAll(this.annotations, activation, RUNTIME_BUDGET);
    results.forEach((result, i) => {
      const annotation = this.annotations[i];
      if (!result || !annotation) return;
      if ('error' in result) {
        if (!this.ignoresFailure) annotationErrors.push(result.error);
      } else if (typeof result.value === 'string') {
        const value = result.value.trim();
        if (value !== '') annotations.push({ key: annotation.key, value });
      } else if (result.value !== null) {
        annotationErrors.push(
          `valueExpression '${annotation.text}' resulted in unsupported return type: ${typeNameOf(result.value)}. Return type must be either string or null.`,
        );
      }
    });
    return { annotations, annotationErrors };
  }
}

const NOTHING: Decision = { denials: [], annotations: [], annotationErrors: [] };

/** What a messageExpression made, where it can be shown; else nothing. */
function usable(result: Result): string {
  if (!result || 'error' in result || typeof result.value !== 'string') return '';
  const text = result.value.trim();
  return text.includes('\n') || Buffer.byteLength(text) > MAX_MESSAGE_BYTES ? '' : text;
}
