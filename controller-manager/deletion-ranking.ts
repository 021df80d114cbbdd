/**
 * Which pods a ReplicaSet deletes first when it has too many
 * (`pkg/controller.ActivePodsWithRanks`). In order:
 *
 *   1. not assigned to a node          5. on a node with more pods of the same owner
 *   2. Pending, Unknown, Running       6. ready for a shorter time    ⎫ compared by powers of two, so that
 *   3. not ready                       7. more container restarts     ⎬ among pods of like age the choice
 *   4. lower pod-deletion-cost         8. newer                       ⎭ is random (by uid)
 */

import type { Pod } from '../pkg/api/types.js';
import { parseTime } from '../pkg/apimachinery/time.js';
import { isPodReady, readySince } from './pods.js';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const PHASE_RANK: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };
const NANOS_PER_MS = 1e6;

/**
 * The first `count` of `pods` in the order of deletion. `related` are the active pods of all ReplicaSets
 * with the same owner: they decide which nodes are doubled up.
 */
export function podsToDelete(
  pods: readonly Pod[],
  related: readonly Pod[],
  count: number,
  nowMs: number,
): Pod[] {
  // No order matters when all of them go.
  if (count >= pods.length) return [...pods];
  const perNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName ?? '';
    if (node !== '') perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const rank = (pod: Pod) => perNode.get(pod.spec?.nodeName ?? '') ?? 0;
  return [...pods]
    .sort((a, b) => compareForDeletion(a, b, rank(a), rank(b), nowMs))
    .slice(0, count);
}

/** Negative: `a` goes first. */
export function compareForDeletion(
  a: Pod,
  b: Pod,
  rankA: number,
  rankB: number,
  nowMs: number,
): number {
  const assigned = Number(Boolean(a.spec?.nodeName)) - Number(Boolean(b.spec?.nodeName));
  if (assigned !== 0) return assigned;
  const phase = phaseRank(a) - phaseRank(b);
  if (phase !== 0) return phase;
  const ready = Number(isPodReady(a)) - Number(isPodReady(b));
  if (ready !== 0) return ready;
  const cost = deletionCost(a) - deletionCost(b);
  if (cost !== 0) return cost;
  if (rankA !== rankB) return rankB - rankA;
  if (isPodReady(a) && isPodReady(b)) {
    const byReady = compareAges(readySince(a), readySince(b), a, b, nowMs);
    if (byReady !== 0) return byReady;
  }
  const [restartsA, sidecarsA] = maxRestarts(a);
  const [restartsB, sidecarsB] = maxRestarts(b);
  if (restartsA !== restartsB) return restartsB - restartsA;
  if (sidecarsA !== sidecarsB) return sidecarsB - sidecarsA;
  return compareAges(createdAt(a), createdAt(b), a, b, nowMs);
}

/** The younger first; a missing time is youngest of all; within one power of two, by uid. */
function compareAges(
  a: number | undefined,
  b: number | undefined,
  podA: Pod,
  podB: Pod,
  nowMs: number,
): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  const rank = logarithmicAge(a, nowMs) - logarithmicAge(b, nowMs);
  if (rank !== 0) return rank;
  return (podA.metadata?.uid ?? '') < (podB.metadata?.uid ?? '') ? -1 : 1;
}

function logarithmicAge(at: number, nowMs: number): number {
  const age = (nowMs - at) * NANOS_PER_MS;
  return age > 0 ? Math.floor(Math.log2(age)) : -1;
}

function phaseRank(pod: Pod): number {
  return PHASE_RANK[pod.status?.phase ?? ''] ?? 0;
}

/** A cost that is no int32 counts as 0; the server refuses it anyway. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata?.annotations?.[DELETION_COST] ?? '0';
  return /^(0|-?[1-9][0-9]*)$/.test(text) ? Number(text) : 0;
}

function createdAt(pod: Pod): number | undefined {
  return parseTime(pod.metadata?.creationTimestamp ?? '');
}

/** Of regular containers, and of sidecars (init containers that are restarted Always). */
function maxRestarts(pod: Pod): [number, number] {
  let regular = 0;
  let sidecar = 0;
  for (const c of pod.status?.containerStatuses ?? []) regular = Math.max(regular, c.restartCount);
  const sidecars = new Set(
    (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name),
  );
  for (const c of pod.status?.initContainerStatuses ?? []) {
    if (sidecars.has(c.name)) sidecar = Math.max(sidecar, c.restartCount);
  }
  return [regular, sidecar];
}
