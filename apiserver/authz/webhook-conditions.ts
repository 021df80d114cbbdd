/** Whether an authorization webhook is asked at all: its conditions on the request, in CEL. */
import type { SubjectAccessReviewSpec } from '../../pkg/api/types.js';
import { accessActivation } from '../../pkg/cel/access-review.js';
import type { Program } from '../../pkg/cel/program.js';

export interface AccessCondition {
  readonly text: string;
  readonly program: Program;
}

/** One that is false decides, whatever becomes of the others. Throws where one fails and none is false. */
export function meetsConditions(
  conditions: readonly AccessCondition[],
  spec: SubjectAccessReviewSpec,
): boolean {
  if (conditions.length === 0) return true;
  const activation = accessActivation(spec);
  const errors: string[] = [];
  for (const { text, program } of conditions) {
    const { value, failure } = program.evaluate(activation);
    if (value === false) return false;
    if (failure) {
      errors.push(
        `cel evaluation error: expression '${text}' resulted in error: ${failure.message}`,
      );
    }
  }
  const texts = [...new Set(errors)];
  if (texts.length === 0) return true;
  throw new Error(texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`);
}
