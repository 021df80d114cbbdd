/**
 * A pod's quality of service, worked out once when it is created:
 * Guaranteed - every container limits cpu and memory, with equal requests; BestEffort - nobody asks for
 * either; else Burstable. Pod-level resources, where given, decide alone.
 */
import type { Pod } from '../../../pkg/api/types.js';
import { compareQuantity, isZeroQuantity } from '../validation/quantities.js';

type ResourceList = Readonly<Record<string, string | number>>;

const QOS_RESOURCES = ['cpu', 'memory'] as const;

export function qosClass(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const podLevel = pod.spec?.resources;
  const owners =
    podLevel && (hasEntries(podLevel.requests) || hasEntries(podLevel.limits))
      ? [podLevel]
      : [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map(
          (c) => c.resources ?? {},
        );
  let asksForAny = false;
  let guaranteed = owners.length > 0;
  for (const { requests, limits } of owners) {
    for (const name of QOS_RESOURCES) {
      const request = positive(requests, name);
      const limit = positive(limits, name);
      if (request !== undefined || limit !== undefined) asksForAny = true;
      if (limit === undefined) guaranteed = false;
      else if (request !== undefined && compareQuantity(request, limit) !== 0) guaranteed = false;
      else if (request === undefined && requests?.[name] !== undefined) guaranteed = false;
    }
  }
  if (!asksForAny) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function positive(list: ResourceList | undefined, name: string): string | number | undefined {
  const value = list?.[name];
  return value === undefined || isZeroQuantity(value) ? undefined : value;
}

function hasEntries(list: ResourceList | undefined): boolean {
  return QOS_RESOURCES.some((name) => list?.[name] !== undefined);
}
