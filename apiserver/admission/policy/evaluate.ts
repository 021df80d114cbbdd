/** Evaluates the expressions of a policy one after the other, within one budget (`cel/condition.go`). */
import type { Compiled } from '../../../pkg/cel/admission.js';
import type { Value } from '../../../pkg/cel/values.js';
import type { PolicyActivation } from './activation.js';

export interface Expression {
  readonly text: string;
  /** Undefined: there is none, and no result. */
  readonly compiled: Compiled | undefined;
}

export type Result = { readonly value: Value } | { readonly error: string } | undefined;

export class OutOfBudget extends Error {
  override name = 'OutOfBudget';
  constructor() {
    super(
      'validation failed due to running out of cost budget, no further validation rules will be run',
    );
  }
}

export interface Results {
  readonly results: readonly Result[];
  readonly remaining: number;
}

/** Throws OutOfBudget. */
export async function evaluateAll(
  expressions: readonly Expression[],
  activation: PolicyActivation,
  budget: number,
): Promise<Results> {
  const results: Result[] = [];
  let remaining = budget;
  for (const { text, compiled } of expressions) {
    if (!compiled) {
      results.push(undefined);
      continue;
    }
    if ('error' in compiled) {
      results.push({ error: `compilation error: ${compiled.error}` });
      continue;
    }
    const { value, failure, cost } = await compiled.program.evaluateAsking(activation, (check) =>
      activation.decisions.decide(check),
    );
    const total = cost + activation.takeCost();
    if (total > remaining) throw new OutOfBudget();
    remaining -= total;
    results.push(
      failure ? { error: `expression '${text}' resulted in error: ${failure.message}` } : { value },
    );
  }
  return { results, remaining };
}
