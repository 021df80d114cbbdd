/**
 * One MutatingAdmissionPolicy, compiled, and what its mutations make of an object: each is evaluated on what
 * the one before left (`policy/mutating/patch`).
 */
import type { Operation } from 'rfc6902';
import type { MutatingAdmissionPolicy } from '../../../pkg/api/types.js';
import {
  ApplyConfigurationError,
  applyConfiguration,
} from '../../../pkg/apimachinery/managed-fields/apply-configuration.js';
import type { FieldType } from '../../../pkg/apimachinery/managed-fields/field-type.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { applyJsonPatch } from '../../../pkg/apimachinery/patch/json-patch.js';
import {
  type AdmissionOptions,
  admissionEnvironment,
  type Compiled,
  compileExpression,
  compileVariables,
} from '../../../pkg/cel/admission.js';
import {
  JSON_PATCH_LIST,
  JsonPatchValue,
  misnamedTypes,
  OBJECT_TYPE,
  ObjectValue,
  plain,
} from '../../../pkg/cel/mutation.js';
import { RUNTIME_BUDGET } from '../../../pkg/cel/program.js';
import { CelFailure, isList, typeNameOf, type Value } from '../../../pkg/cel/values.js';
import { type AskedDecisions, PolicyActivation, type PolicyInput } from './activation.js';
import { type Expression, evaluateAll, OutOfBudget } from './evaluate.js';
import { JsonPatchFault } from './json-patch-fault.js';
import { ConditionError, MatchConditions } from './match-conditions.js';

/** What is wrong with a policy, as its failurePolicy decides about and the client sees it. */
export class MutationError extends Error {
  override name = 'MutationError';
}

/** One mutation of a policy. */
export interface CompiledMutation extends Expression {
  readonly isJsonPatch: boolean;
}

export class CompiledMutatingPolicy {
  readonly mutations: readonly CompiledMutation[];
  private readonly conditions: MatchConditions;
  private readonly variables: ReadonlyMap<string, Compiled>;

  constructor({ spec = {} }: MutatingAdmissionPolicy) {
    const options: AdmissionOptions = { params: spec.paramKind !== undefined, authorizer: true };
    const ignores = spec.failurePolicy === 'Ignore';
    const { compiled, types } = compileVariables(spec.variables ?? [], options);
    this.variables = compiled;
    this.conditions = new MatchConditions(spec.matchConditions ?? [], ignores, options);
    const env = admissionEnvironment({ ...options, variables: types, patches: true });
    this.mutations = (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => {
      const isJsonPatch = patchType === 'JSONPatch';
      const text = (isJsonPatch ? jsonPatch : applyConfiguration)?.expression ?? '';
      const expected = isJsonPatch ? JSON_PATCH_LIST : OBJECT_TYPE;
      return { text, isJsonPatch, compiled: compileExpression(text, env, [expected]) };
    });
  }

  /** Throws a MutationError. */
  async matches(input: PolicyInput, decisions: AskedDecisions): Promise<boolean> {
    try {
      return await this.conditions.match(new PolicyActivation(input, this.variables, decisions));
    } catch (err) {
      if (err instanceof ConditionError) throw new MutationError(err.message);
      throw err;
    }
  }

  /**
   * `shown`, the object of the input, changed; undefined where the mutation is not for it, since a test of its
   * patch fails. Throws a MutationError.
   */
  async mutate(
    mutation: CompiledMutation,
    input: PolicyInput,
    decisions: AskedDecisions,
    shown: KubeObject,
    type: FieldType,
  ): Promise<unknown> {
    const value = await this.evaluate(mutation, input, decisions);
    try {
      return mutation.isJsonPatch ? patched(shown, value) : applied(shown, value, type);
    } catch (err) {
      if (err instanceof CelFailure) throw new MutationError(err.message);
      throw err;
    }
  }

  private async evaluate(
    mutation: CompiledMutation,
    input: PolicyInput,
    decisions: AskedDecisions,
  ): Promise<Value> {
    const { compiled } = mutation;
    if (compiled && 'error' in compiled) throw new MutationError(compiled.error);
    const activation = new PolicyActivation(input, this.variables, decisions);
    try {
      const { results } = await evaluateAll([mutation], activation, RUNTIME_BUDGET);
      const [result] = results;
      if (!result) throw new Error('a mutation without an expression was evaluated');
      if ('error' in result) throw new MutationError(result.error);
      return result.value;
    } catch (err) {
      if (err instanceof OutOfBudget) throw new MutationError(err.message);
      throw err;
    }
  }
}

function applied(shown: KubeObject, value: Value, type: FieldType): unknown {
  if (!(value instanceof ObjectValue)) {
    throw new MutationError(
      `unsupported return type from ApplyConfiguration expression: ${typeNameOf(value)}`,
    );
  }
  const misnamed = misnamedTypes(value);
  if (misnamed.length > 0) throw new MutationError(`type mismatch: ${misnamed.join('\n')}`);
  const { apiVersion, kind } = shown;
  const configuration = { ...(plain(value) as object), apiVersion, kind };
  try {
    return applyConfiguration(type, shown as Record<string, unknown>, configuration);
  } catch (err) {
    if (!(err instanceof ApplyConfigurationError)) throw err;
    throw new MutationError(`error applying patch: ${err.message}`);
  }
}

function patched(shown: KubeObject, value: Value): unknown {
  const items = isList(value) ? value : [];
  const operations = items.map((item) => {
    if (!(item instanceof JsonPatchValue)) {
      throw new MutationError(
        `type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch, got element of ${typeNameOf(item)}`,
      );
    }
    const made = item.get('value');
    const wrong = made instanceof ObjectValue ? misnamedTypes(made) : [];
    if (wrong.length > 0) throw new MutationError(`type mismatch: ${wrong.join('\n')}`);
    return item.operation() as unknown as Operation;
  });
  try {
    return applyJsonPatch(
      shown,
      operations,
      (doc, operation) => new JsonPatchFault(doc, operation),
    );
  } catch (err) {
    if (!(err instanceof JsonPatchFault)) throw err;
    if (err.isFailedTest) return undefined;
    throw new MutationError(`JSONPath: ${err.message}`);
  }
}
