/** Whether an Indexed Job has succeeded early, by `spec.successPolicy`. Pure. */
import type { Job } from '../../pkg/api/types.js';
import { IndexSet } from './indexes.js';

/** Which rule is met. */
export function successByPolicy(job: Job, succeeded: IndexSet): string | undefined {
  if (succeeded.size === 0) return undefined;
  const completions = job.spec?.completions ?? 0;
  for (const [i, rule] of (job.spec?.successPolicy?.rules ?? []).entries()) {
    const { succeededIndexes, succeededCount } = rule;
    const message = `Matched rules at index ${i}`;
    if (succeededIndexes === undefined) {
      if (succeededCount !== undefined && succeeded.size >= succeededCount) return message;
      continue;
    }
    const wanted = IndexSet.parse(succeededIndexes, completions);
    if (wanted.size === 0) continue;
    const met = wanted.overlap(succeeded);
    if (met === wanted.size || (succeededCount !== undefined && met >= succeededCount))
      return message;
  }
  return undefined;
}
