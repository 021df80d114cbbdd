/** The `matchConditions` of webhooks and policies: all must hold, and one that does not decides at once. */
import type { MatchCondition } from '../../../pkg/api/types.js';
import {
  type AdmissionOptions,
  admissionEnvironment,
  compileExpression,
} from '../../../pkg/cel/admission.js';
import { MATCH_CONDITIONS_BUDGET } from '../../../pkg/cel/program.js';
import { BOOL } from '../../../pkg/cel/types.js';
import type { CompileMatchConditions } from '../webhook/hooks.js';
import { AskedDecisions, PolicyActivation } from './activation.js';
import { type Expression, evaluateAll, OutOfBudget } from './evaluate.js';

export class MatchConditions {
  private readonly expressions: readonly Expression[];

  constructor(
    conditions: readonly MatchCondition[],
    private readonly ignoresFailure: boolean,
    options: AdmissionOptions,
  ) {
    const env = admissionEnvironment(options);
    this.expressions = conditions.map(({ expression }) => ({
      text: expression,
      compiled: compileExpression(expression, env, [BOOL]),
    }));
  }

  /** Throws where a condition fails and failure counts. */
  async match(activation: PolicyActivation): Promise<boolean> {
    if (this.expressions.length === 0) return true;
    const errors: string[] = [];
    try {
      const { results } = await evaluateAll(this.expressions, activation, MATCH_CONDITIONS_BUDGET);
      for (const result of results) {
        if (!result) continue;
        if ('error' in result) errors.push(result.error);
        else if (result.value === false) return false;
      }
    } catch (err) {
      if (!(err instanceof OutOfBudget)) throw err;
      errors.push(err.message);
    }
    if (errors.length === 0) return true;
    if (this.ignoresFailure) return false;
    const texts = [...new Set(errors)];
    throw new ConditionError(texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`);
  }
}

export class ConditionError extends Error {
  override name = 'ConditionError';
}

export const compileMatchConditions: CompileMatchConditions = (conditions, failurePolicy) => {
  const compiled = new MatchConditions(conditions, failurePolicy === 'Ignore', {
    authorizer: true,
  });
  return {
    matches: ({ request, object, oldObject }, { user, server }) =>
      compiled.match(
        new PolicyActivation(
          { request, object, oldObject },
          new Map(),
          new AskedDecisions(user, server),
        ),
      ),
  };
};
