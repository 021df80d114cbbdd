/**
 * The arithmetic of a Deployment (`pkg/controller/deployment/util`): how far a rollout may go, and how a
 * change of scale is spread. Pure.
 */

import type { Deployment, PodTemplateSpec, ReplicaSet } from '../../pkg/api/types.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { scaledValue } from '../../pkg/apimachinery/int-or-string.js';

export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';
export const TEMPLATE_HASH = 'pod-template-hash';

export function desired(d: Deployment): number {
  return d.spec?.replicas ?? 1;
}

export function isRollingUpdate(d: Deployment): boolean {
  return d.spec?.strategy?.type !== 'Recreate';
}

/**
 * Surge rounds up, unavailable rounds down; when both come to 0 one pod may be unavailable, or a rollout
 * could never begin. 25% of 10: surge 3, unavailable 2. 1% of 2 and surge 0: unavailable 1.
 */
export function resolveFenceposts(d: Deployment): { surge: number; unavailable: number } {
  const { maxSurge = '25%', maxUnavailable = '25%' } = d.spec?.strategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge, desired(d), true);
  const unavailable = scaledValue(maxUnavailable, desired(d), false);
  return surge === 0 && unavailable === 0 ? { surge: 0, unavailable: 1 } : { surge, unavailable };
}

export function maxSurgeOf(d: Deployment): number {
  return isRollingUpdate(d) ? resolveFenceposts(d).surge : 0;
}

/** Never more than all of them. */
export function maxUnavailableOf(d: Deployment): number {
  if (!isRollingUpdate(d) || desired(d) === 0) return 0;
  return Math.min(resolveFenceposts(d).unavailable, desired(d));
}

export function replicasOf(rs: ReplicaSet): number {
  return rs.spec?.replicas ?? 1;
}

export function sumReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, rs) => sum + replicasOf(rs), 0);
}

export function sumActual(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, rs) => sum + (rs.status?.replicas ?? 0), 0);
}

export function sumAvailable(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, rs) => sum + (rs.status?.availableReplicas ?? 0), 0);
}

/** The size that the new set may have now: all of it for Recreate, else what the surge leaves room for. */
export function newSetReplicas(
  d: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet,
): number {
  if (!isRollingUpdate(d)) return desired(d);
  const { maxSurge = '25%' } = d.spec?.strategy?.rollingUpdate ?? {};
  const maxTotal = desired(d) + scaledValue(maxSurge, desired(d), true);
  const current = sumReplicas(all);
  if (current >= maxTotal) return replicasOf(newSet);
  const room = Math.min(maxTotal - current, desired(d) - replicasOf(newSet));
  return replicasOf(newSet) + room;
}

/**
 * How many old pods may go, unhealthy ones included: what is there, less what must stay available, less
 * the new pods that are not available yet.
 */
export function maxScaledDown(
  d: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet,
): number {
  const minAvailable = desired(d) - maxUnavailableOf(d);
  const newUnavailable = replicasOf(newSet) - (newSet.status?.availableReplicas ?? 0);
  return sumReplicas(all) - minAvailable - newUnavailable;
}

export interface Scaling {
  readonly set: ReplicaSet;
  readonly to: number;
}

/** Unhealthy pods of old sets go first, oldest set first, whatever is available. */
export function cleanupUnhealthy(old: readonly ReplicaSet[], maxCleanup: number): Scaling[] {
  const result: Scaling[] = [];
  let done = 0;
  for (const set of [...old].sort(byCreation)) {
    if (done >= maxCleanup) break;
    const unhealthy = replicasOf(set) - (set.status?.availableReplicas ?? 0);
    if (replicasOf(set) === 0 || unhealthy <= 0) continue;
    const down = Math.min(maxCleanup - done, unhealthy);
    done += down;
    result.push({ set, to: replicasOf(set) - down });
  }
  return result;
}

/** Then old sets shrink, oldest first, by what is available beyond the minimum. */
export function shrinkOld(
  d: Deployment,
  all: readonly ReplicaSet[],
  old: readonly ReplicaSet[],
): Scaling[] {
  const total = sumAvailable(all) - (desired(d) - maxUnavailableOf(d));
  const result: Scaling[] = [];
  let done = 0;
  for (const set of [...old].sort(byCreation)) {
    if (done >= total) break;
    if (replicasOf(set) === 0) continue;
    const down = Math.min(replicasOf(set), total - done);
    done += down;
    result.push({ set, to: replicasOf(set) - down });
  }
  return result;
}

/**
 * A change of scale in the middle of a rollout is spread over all active sets in proportion to their size,
 * larger first; what rounding leaves goes to the first.
 */
export function scaleProportionally(d: Deployment, active: readonly ReplicaSet[]): Scaling[] {
  const allowed = desired(d) > 0 ? desired(d) + maxSurgeOf(d) : 0;
  const toAdd = allowed - sumReplicas(active);
  const sorted = [...active].sort(toAdd > 0 ? bySizeNewer : bySizeOlder);
  let added = 0;
  const sizes = sorted.map((set) => {
    if (toAdd === 0) return { set, to: replicasOf(set) };
    const part = proportion(d, set, toAdd, added);
    added += part;
    return { set, to: replicasOf(set) + part };
  });
  const first = sizes[0];
  if (first && toAdd !== 0)
    sizes[0] = { set: first.set, to: Math.max(0, first.to + toAdd - added) };
  return sizes;
}

function proportion(d: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  if (replicasOf(set) === 0 || toAdd === 0 || toAdd === added) return 0;
  const allowed = toAdd - added;
  const fraction = setFraction(d, set);
  return toAdd > 0 ? Math.min(fraction, allowed) : Math.max(fraction, allowed);
}

/** By how much this set alone would change. The size that it was last scaled for stands in an annotation. */
function setFraction(d: Deployment, set: ReplicaSet): number {
  if (desired(d) === 0) return -replicasOf(set);
  const maxReplicas = desired(d) + maxSurgeOf(d);
  const noted = Number(set.metadata?.annotations?.[MAX_REPLICAS]);
  const before = Number.isInteger(noted) && noted > 0 ? noted : (d.status?.replicas ?? 0);
  if (before === 0) return 0;
  return roundHalfAway((replicasOf(set) * maxReplicas) / before) - replicasOf(set);
}

function roundHalfAway(x: number): number {
  return x < 0 ? -Math.round(-x) : Math.round(x);
}

/** The set that alone is active, or the newest when none is; undefined when several are. */
export function activeOrLatest(
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): ReplicaSet | undefined {
  const active = [...old, ...(newSet ? [newSet] : [])].filter((rs) => replicasOf(rs) > 0);
  if (active.length > 1) return undefined;
  if (active.length === 1) return active[0];
  return newSet ?? [...old].sort((a, b) => byCreation(b, a))[0];
}

/** The new set is complete by the Deployment's own reckoning. */
export function isSaturated(d: Deployment, set: ReplicaSet | undefined): boolean {
  if (!set) return false;
  return (
    replicasOf(set) === desired(d) &&
    Number(set.metadata?.annotations?.[DESIRED_REPLICAS]) === desired(d) &&
    (set.status?.availableReplicas ?? 0) === desired(d)
  );
}

export function revisionOf(obj: { metadata?: { annotations?: Record<string, string> } }): number {
  const value = Number(obj.metadata?.annotations?.[REVISION] ?? '0');
  return Number.isInteger(value) ? value : 0;
}

/** The oldest set whose template is the Deployment's, but for the hash label. */
export function findNewSet(d: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const template = withoutHash(d.spec?.template);
  return [...sets]
    .sort(byCreation)
    .find((rs) => semanticDeepEqual(withoutHash(rs.spec?.template), template));
}

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  if (template?.metadata?.labels?.[TEMPLATE_HASH] === undefined) return template;
  const copy = clone(template);
  delete copy.metadata?.labels?.[TEMPLATE_HASH];
  return copy;
}

/** Oldest first; of the same second, by name. */
export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  return (
    compareText(a.metadata?.creationTimestamp, b.metadata?.creationTimestamp) ||
    compareText(a.metadata?.name, b.metadata?.name)
  );
}

function bySizeNewer(a: ReplicaSet, b: ReplicaSet): number {
  return replicasOf(b) - replicasOf(a) || byCreation(b, a);
}

function bySizeOlder(a: ReplicaSet, b: ReplicaSet): number {
  return replicasOf(b) - replicasOf(a) || byCreation(a, b);
}

function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
