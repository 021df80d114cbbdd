/** What a StatefulSet says of its pods. Pure. */
import type { Pod, StatefulSet, StatefulSetStatus } from '../../pkg/api/types.js';
import { counts } from '../deployment/status.js';
import { isPodAvailable, isPodReady } from '../pods.js';
import { type Revisions, replicasOf, revisionOf } from './identity.js';

export interface Observed extends Revisions {
  readonly set: StatefulSet;
  readonly pods: readonly Pod[];
  readonly collisionCount: number;
  /** Pods of the current revision that were deleted just now; the cache does not show it yet. */
  readonly deleted: number;
  readonly nowMs: number;
}

export function statusOf(observed: Observed): StatefulSetStatus {
  const { set, pods, current, update, collisionCount, deleted, nowMs } = observed;
  const currentName = current.metadata?.name ?? '';
  const updateName = update.metadata?.name ?? '';
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  let replicas = 0;
  let readyReplicas = 0;
  let availableReplicas = 0;
  let currentReplicas = -deleted;
  let updatedReplicas = 0;
  for (const pod of pods) {
    if (!isCreated(pod)) continue;
    replicas++;
    if (isRunningAndReady(pod)) {
      readyReplicas++;
      if (isPodAvailable(pod, minReadySeconds, nowMs)) availableReplicas++;
    }
    if (pod.metadata?.deletionTimestamp !== undefined) continue;
    if (revisionOf(pod) === currentName) currentReplicas++;
    if (revisionOf(pod) === updateName) updatedReplicas++;
  }
  const wanted = replicasOf(set);
  const done =
    set.spec?.updateStrategy?.type === 'RollingUpdate' &&
    [updatedReplicas, readyReplicas, replicas].every((count) => count === wanted);
  return {
    observedGeneration: set.metadata?.generation ?? 0,
    replicas,
    ...counts({
      readyReplicas,
      currentReplicas: done ? updatedReplicas : Math.max(0, currentReplicas),
      updatedReplicas,
    }),
    currentRevision: done ? updateName : currentName,
    updateRevision: updateName,
    collisionCount,
    availableReplicas,
  };
}

/** Whether writing `next` would tell anything new. */
export function statusDiffers(
  old: StatefulSetStatus | undefined,
  next: StatefulSetStatus,
): boolean {
  return (
    (next.observedGeneration ?? 0) > (old?.observedGeneration ?? 0) ||
    next.currentRevision !== old?.currentRevision ||
    next.updateRevision !== old?.updateRevision ||
    next.collisionCount !== (old?.collisionCount ?? 0) ||
    (
      [
        'replicas',
        'readyReplicas',
        'availableReplicas',
        'currentReplicas',
        'updatedReplicas',
      ] as const
    ).some((count) => (next[count] ?? 0) !== (old?.[count] ?? 0))
  );
}

/** The server has it, unlike a pod that is only built yet. */
export function isCreated(pod: Pod): boolean {
  return (pod.status?.phase ?? '') !== '';
}

export function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isPodReady(pod);
}
