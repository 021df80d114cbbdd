/**
 * `matchLabelKeys` of a new pod become requirements of the selector beside them: whatever value the pod's
 * own label has now, its peers must have (or, for `mismatchLabelKeys`, must not). Done once, at create;
 * a key that the pod has no label of is left out.
 *
 *   labels {rev: 7}, labelSelector {app=web}, matchLabelKeys [rev] → labelSelector {app=web, rev in (7)}
 */
import type { LabelSelector, Pod, PodAffinityTerm } from '../../../pkg/api/types.js';

type Labels = Readonly<Record<string, string>>;

export function applyMatchLabelKeys(pod: Pod): void {
  const labels = pod.metadata?.labels ?? {};
  const { affinity, topologySpreadConstraints = [] } = pod.spec ?? {};
  for (const own of [affinity?.podAffinity, affinity?.podAntiAffinity]) {
    const terms = [
      ...(own?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(own?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        (weighted) => weighted.podAffinityTerm,
      ),
    ];
    for (const term of terms) applyToTerm(term, labels);
  }
  for (const constraint of topologySpreadConstraints) {
    require(constraint.labelSelector, constraint.matchLabelKeys, 'In', labels);
  }
}

function applyToTerm(term: PodAffinityTerm | undefined, labels: Labels): void {
  require(term?.labelSelector, term?.matchLabelKeys, 'In', labels);
  require(term?.labelSelector, term?.mismatchLabelKeys, 'NotIn', labels);
}

function require(
  selector: LabelSelector | undefined,
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Labels,
): void {
  if (!selector) return;
  for (const key of keys ?? []) {
    const value = labels[key];
    if (value === undefined) continue;
    selector.matchExpressions = [
      ...(selector.matchExpressions ?? []),
      { key, operator, values: [value] },
    ];
  }
}
