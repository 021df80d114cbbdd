/**
 * What a Deployment says about itself: counts and the conditions Available, Progressing and ReplicaFailure,
 * with upstream's reasons and messages (`pkg/controller/deployment/progress.go`). Pure.
 */

import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from '../../pkg/api/types.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { desired, maxUnavailableOf, sumActual, sumAvailable } from './math.js';

export const REASONS = {
  replicaSetUpdated: 'ReplicaSetUpdated',
  createError: 'ReplicaSetCreateError',
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  available: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
  minimumAvailable: 'MinimumReplicasAvailable',
  minimumUnavailable: 'MinimumReplicasUnavailable',
} as const;

/** The deadline that means "none". */
const NO_DEADLINE = 2 ** 31 - 1;

export function hasProgressDeadline(d: Deployment): boolean {
  const seconds = d.spec?.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== NO_DEADLINE;
}

export function conditionOf(
  status: DeploymentStatus | undefined,
  type: string,
): DeploymentCondition | undefined {
  return status?.conditions?.find((c) => c.type === type);
}

export function newCondition(
  type: string,
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  message: string,
  nowMs: number,
): DeploymentCondition {
  const now = formatTime(new Date(nowMs));
  return { type, status, lastUpdateTime: now, lastTransitionTime: now, reason, message };
}

/** Same status and reason: nothing changes. Same status: the time of the transition stays. */
export function setCondition(
  conditions: readonly DeploymentCondition[],
  next: DeploymentCondition,
): DeploymentCondition[] {
  const old = conditions.find((c) => c.type === next.type);
  if (old && old.status === next.status && old.reason === next.reason) return [...conditions];
  const kept = old?.status === next.status ? old.lastTransitionTime : next.lastTransitionTime;
  return [
    ...withoutCondition(conditions, next.type),
    { ...next, ...(kept === undefined ? {} : { lastTransitionTime: kept }) },
  ];
}

export function withoutCondition(
  conditions: readonly DeploymentCondition[],
  type: string,
): DeploymentCondition[] {
  return conditions.filter((c) => c.type !== type);
}

/** Counts and Available; the other conditions as they are. */
export function calculateStatus(
  d: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const available = sumAvailable(all);
  const sum = (count: (rs: ReplicaSet) => number | undefined) =>
    all.reduce((total, rs) => total + (count(rs) ?? 0), 0);
  // Unknown for as long as one set has not counted them yet.
  const counted = all.every((rs) => rs.status?.terminatingReplicas !== undefined);
  const enough = available >= desired(d) - maxUnavailableOf(d);
  return {
    observedGeneration: d.metadata?.generation ?? 0,
    ...counts({
      replicas: sumActual(all),
      updatedReplicas: newSet?.status?.replicas ?? 0,
      readyReplicas: sum((rs) => rs.status?.readyReplicas),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, sum((rs) => rs.spec?.replicas ?? 1) - available),
    }),
    ...(counted ? { terminatingReplicas: sum((rs) => rs.status?.terminatingReplicas) } : {}),
    ...(d.status?.collisionCount === undefined ? {} : { collisionCount: d.status.collisionCount }),
    conditions: setCondition(
      d.status?.conditions ?? [],
      enough
        ? newCondition(
            'Available',
            'True',
            REASONS.minimumAvailable,
            'Deployment has minimum availability.',
            nowMs,
          )
        : newCondition(
            'Available',
            'False',
            REASONS.minimumUnavailable,
            'Deployment does not have minimum availability.',
            nowMs,
          ),
    ),
  };
}

/** A count of 0 is left out on the wire; so it is here, or a status would never equal what is stored. */
export function counts<K extends string>(all: Readonly<Record<K, number>>): { [P in K]?: number } {
  const result: { [P in K]?: number } = {};
  for (const key in all) if (all[key] !== 0) result[key] = all[key];
  return result;
}

/** All pods are new, all are available, no old one runs. */
export function isComplete(d: Deployment, status: DeploymentStatus): boolean {
  const wanted = desired(d);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (d.metadata?.generation ?? 0)
  );
}

/** New pods were made, old ones went, or more are ready or available than before. */
export function isProgressing(d: Deployment, next: DeploymentStatus): boolean {
  const old = d.status ?? {};
  const count = (n = 0) => n;
  const oldOld = count(old.replicas) - count(old.updatedReplicas);
  const newOld = count(next.replicas) - count(next.updatedReplicas);
  return (
    count(next.updatedReplicas) > count(old.updatedReplicas) ||
    newOld < oldOld ||
    count(next.readyReplicas) > count(old.readyReplicas) ||
    count(next.availableReplicas) > count(old.availableReplicas)
  );
}

export function isTimedOut(d: Deployment, status: DeploymentStatus, nowMs: number): boolean {
  const condition = conditionOf(status, 'Progressing');
  if (!condition) return false;
  if (condition.reason === REASONS.available) return false;
  if (condition.reason === REASONS.timedOut) return true;
  const since = parseTime(condition.lastUpdateTime ?? '') ?? nowMs;
  return since + (d.spec?.progressDeadlineSeconds ?? NO_DEADLINE) * 1000 < nowMs;
}

/** The status during a rollout: counts, progress, failures. */
export function rolloutStatus(
  d: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
  nowMs: number,
): DeploymentStatus {
  const status = calculateStatus(d, all, newSet, nowMs);
  let conditions = status.conditions ?? [];
  const current = conditionOf(d.status, 'Progressing');
  const done =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) &&
    current?.reason === REASONS.available;
  if (!hasProgressDeadline(d)) {
    conditions = withoutCondition(conditions, 'Progressing');
  } else if (!done) {
    conditions = progressConditions(d, { ...status, conditions }, newSet, nowMs);
  }
  const failure = replicaFailure(all, newSet);
  conditions = failure
    ? setCondition(conditions, failure)
    : withoutCondition(conditions, 'ReplicaFailure');
  return { ...status, conditions };
}

function progressConditions(
  d: Deployment,
  status: DeploymentStatus,
  newSet: ReplicaSet | undefined,
  nowMs: number,
): DeploymentCondition[] {
  const conditions = status.conditions ?? [];
  const subject = newSet
    ? `ReplicaSet ${JSON.stringify(newSet.metadata?.name)}`
    : `Deployment ${JSON.stringify(d.metadata?.name)}`;
  if (isComplete(d, status)) {
    const message = `${subject} has successfully progressed.`;
    return setCondition(
      conditions,
      newCondition('Progressing', 'True', REASONS.available, message, nowMs),
    );
  }
  if (isProgressing(d, status)) {
    const next = newCondition(
      'Progressing',
      'True',
      REASONS.replicaSetUpdated,
      `${subject} is progressing.`,
      nowMs,
    );
    // Each progress is noted, also when status and reason stay: the deadline counts from it.
    const current = conditionOf(d.status, 'Progressing');
    if (current?.status === 'True' && current.lastTransitionTime !== undefined) {
      next.lastTransitionTime = current.lastTransitionTime;
    }
    return [...withoutCondition(conditions, 'Progressing'), next];
  }
  if (isTimedOut(d, status, nowMs)) {
    const message = `${subject} has timed out progressing.`;
    return setCondition(
      conditions,
      newCondition('Progressing', 'False', REASONS.timedOut, message, nowMs),
    );
  }
  return conditions;
}

/** A failure of the new set counts before one of an old set. */
function replicaFailure(
  all: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
): DeploymentCondition | undefined {
  for (const set of [...(newSet ? [newSet] : []), ...all]) {
    const found = set.status?.conditions?.find((c) => c.type === 'ReplicaFailure');
    if (!found) continue;
    const { type, status, reason, message, lastTransitionTime } = found;
    return {
      type,
      status,
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
      ...(lastTransitionTime === undefined
        ? {}
        : { lastTransitionTime, lastUpdateTime: lastTransitionTime }),
    };
  }
  return undefined;
}

/** Milliseconds until it is worth looking whether the deadline has passed; undefined: never. */
export function untilProgressCheck(
  d: Deployment,
  status: DeploymentStatus,
  nowMs: number,
): number | undefined {
  const current = conditionOf(d.status, 'Progressing');
  if (!hasProgressDeadline(d) || !current) return undefined;
  if (isComplete(d, status) || current.reason === REASONS.timedOut) return undefined;
  const since = parseTime(current.lastUpdateTime ?? '') ?? nowMs;
  return Math.max(0, since + (d.spec?.progressDeadlineSeconds ?? 0) * 1000 - nowMs);
}
