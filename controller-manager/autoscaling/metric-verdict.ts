/**
 * What all metrics of an autoscaler together propose: the most that one of them does. Where some cannot be
 * had, the others may only add replicas: nothing shrinks by half the truth.
 */
import type { MetricStatus } from '../../pkg/api/types.js';
import { MetricFailure, type MetricProposal } from './metric-proposal.js';
import type { StatusReport } from './status-report.js';

export interface Verdict {
  /** Undefined: there is none; the report says why. */
  readonly replicas?: number;
  /** The metric that proposes it. */
  readonly metric: string;
  /** One for each metric; one that failed says nothing. */
  readonly statuses: MetricStatus[];
  /** What was wrong with a metric, though the others may do. */
  readonly failure?: Error;
}

export function verdictOf(
  outcomes: readonly PromiseSettledResult<MetricProposal>[],
  current: number,
  report: StatusReport,
): Verdict {
  let replicas = 0;
  let metric = '';
  const statuses: MetricStatus[] = [];
  const failures: MetricFailure[] = [];
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') {
      statuses.push(outcome.value.status);
      if (replicas === 0 || outcome.value.replicas > replicas)
        ({ replicas, name: metric } = outcome.value);
      continue;
    }
    if (!(outcome.reason instanceof MetricFailure)) throw outcome.reason;
    statuses.push({ type: '' });
    failures.push(outcome.reason);
    report.event('Warning', outcome.reason.reason, outcome.reason.detail);
  }
  const [first] = failures;
  const failure = first && invalidMetrics(failures.length, outcomes.length, first);
  if (first && failure && (failures.length === outcomes.length || replicas < current)) {
    report.condition('ScalingActive', 'False', {
      reason: first.reason,
      message: `the HPA was unable to compute the replica count: ${first.detail}`,
    });
    return { metric, statuses, failure };
  }
  report.condition('ScalingActive', 'True', {
    reason: 'ValidMetricFound',
    message: `the HPA was able to successfully calculate a replica count from ${metric}`,
  });
  return { replicas, metric, statuses, ...(failure ? { failure } : {}) };
}

function invalidMetrics(failed: number, of: number, first: MetricFailure): Error {
  return new Error(
    `invalid metrics (${failed} invalid out of ${of}), first error is: ${first.message}`,
    { cause: first },
  );
}
