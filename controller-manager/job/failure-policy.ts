/** What the end of a pod means for its Job by `spec.podFailurePolicy`: the first rule that fits decides. Pure. */
import type {
  ContainerStatus,
  Job,
  Pod,
  PodFailurePolicyOnExitCodesRequirement,
} from '../../pkg/api/types.js';
import { hasFailed } from './pod.js';

export interface FailureVerdict {
  readonly action?: 'FailJob' | 'FailIndex' | 'Ignore' | 'Count';
  /** Whether it counts towards the limits. */
  readonly counts: boolean;
  /** Why the Job fails, with FailJob. */
  readonly message?: string;
}

const COUNTED: FailureVerdict = { counts: true };

export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  const rules = job.spec?.podFailurePolicy?.rules ?? [];
  for (const [i, rule] of rules.entries()) {
    const why = rule.onExitCodes
      ? exitReason(pod, rule.onExitCodes)
      : conditionReason(pod, rule.onPodConditions ?? []);
    if (why === undefined) continue;
    switch (rule.action) {
      case 'Ignore':
        return { action: 'Ignore', counts: false };
      case 'FailIndex':
      case 'Count':
        return { action: rule.action, counts: true };
      case 'FailJob': {
        const message = `${why} matching ${rule.action} rule at index ${i}`;
        return { action: 'FailJob', counts: true, message };
      }
    }
  }
  return COUNTED;
}

/** Why the Job is to fail as a whole, when one of its pods says so. */
export function jobFailure(job: Job, pods: readonly Pod[]): string | undefined {
  if (!job.spec?.podFailurePolicy) return undefined;
  for (const pod of pods) {
    const message = hasFailed(job, pod) ? judgeFailure(job, pod).message : undefined;
    if (message !== undefined) return message;
  }
  return undefined;
}

function exitReason(pod: Pod, wanted: PodFailurePolicyOnExitCodesRequirement): string | undefined {
  const found =
    (pod.status?.containerStatuses ?? []).find((c) => exitMatches(c, wanted)) ??
    (pod.status?.initContainerStatuses ?? []).find((c) => exitMatches(c, wanted));
  if (!found) return undefined;
  const code = found.state?.terminated?.exitCode;
  return `Container ${found.name} for pod ${named(pod)} failed with exit code ${code}`;
}

/** Containers that still run, and those that ended well, fit no rule. */
function exitMatches(
  container: ContainerStatus,
  { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement,
): boolean {
  const code = container.state?.terminated?.exitCode;
  if (code === undefined || code === 0) return false;
  if (containerName !== undefined && containerName !== container.name) return false;
  if (operator === 'In') return values.includes(code);
  return operator === 'NotIn' && !values.includes(code);
}

function conditionReason(
  pod: Pod,
  patterns: readonly { type: string; status?: string }[],
): string | undefined {
  const found = pod.status?.conditions?.find((c) =>
    patterns.some((p) => p.type === c.type && p.status === c.status),
  );
  return found && `Pod ${named(pod)} has condition ${found.type}`;
}

function named(pod: Pod): string {
  return `${pod.metadata?.namespace}/${pod.metadata?.name}`;
}
