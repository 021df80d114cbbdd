/**
 * What about an object changed that scheduling reads. Most updates of pods and nodes are news of their
 * status; those give an empty list, and no waiting pod is bothered.
 */
import { isDeepStrictEqual as equal } from 'node:util';
import type { Node, Pod } from '../../pkg/api/types.js';
import type { EventAction } from './interface.js';
import { isResizing, podRequests } from './resource.js';

export function podChanges(old: Pod, now: Pod): EventAction[] {
  const changes: EventAction[] = [];
  if (!equal(old.metadata?.labels ?? {}, now.metadata?.labels ?? {})) changes.push('UpdateLabel');
  if (!equal(old.status?.resourceClaimStatuses ?? [], now.status?.resourceClaimStatuses ?? []))
    changes.push('UpdateGeneratedClaim');
  if (old.metadata?.generation !== undefined && sameGeneration(old, now)) {
    // A resize in place gives back what it frees when the node has done it.
    if ((isResizing(old) || isResizing(now)) && asksLess(now, old)) changes.push('UpdateScaleDown');
    return changes;
  }
  if (gates(now) < gates(old) && gates(now) === 0) changes.push('UpdateGates');
  if (!equal(old.spec?.tolerations ?? [], now.spec?.tolerations ?? []))
    changes.push('UpdateToleration');
  if (asksLess(now, old)) changes.push('UpdateScaleDown');
  return changes;
}

export function nodeChanges(old: Node, now: Node): EventAction[] {
  const changes: EventAction[] = [];
  if (!equal(old.status?.allocatable, now.status?.allocatable)) changes.push('UpdateAllocatable');
  if (!equal(old.metadata?.labels ?? {}, now.metadata?.labels ?? {})) changes.push('UpdateLabel');
  const cordoned = (node: Node) => node.spec?.unschedulable === true;
  if (!equal(old.spec?.taints ?? [], now.spec?.taints ?? []) || cordoned(old) !== cordoned(now))
    changes.push('UpdateTaint');
  return changes;
}

/** The spec is the same where the API server says so. */
export function sameGeneration(old: Pod, now: Pod): boolean {
  return old.metadata?.generation === now.metadata?.generation;
}

function gates(pod: Pod): number {
  return pod.spec?.schedulingGates?.length ?? 0;
}

function asksLess(now: Pod, old: Pod): boolean {
  const before = podRequests(old);
  const after = podRequests(now);
  return (
    after.milliCpu < before.milliCpu ||
    after.memory < before.memory ||
    after.ephemeralStorage < before.ephemeralStorage ||
    [...before.scalar].some(([name, amount]) => after.get(name) < amount)
  );
}
