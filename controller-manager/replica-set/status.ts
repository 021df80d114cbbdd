/** The status of a ReplicaSet, or of a ReplicationController, as its pods make it. Pure. */
import type { Pod, ReplicaSetCondition, ReplicaSetStatus } from '../../pkg/api/types.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import type { ReplicaOwner } from '../controllers/replica-set.js';
import { counts } from '../deployment/status.js';
import { messageOf } from '../pod-control.js';
import { isPodAvailable, isPodReady } from '../pods.js';

/** Without observedGeneration, which is added when it is written. */
export function calculateStatus(
  owner: ReplicaOwner,
  active: readonly Pod[],
  terminating: readonly Pod[],
  outcome: { readonly manageError: unknown; readonly difference: number },
  nowMs: number,
): ReplicaSetStatus {
  const templateLabels = Object.entries(owner.spec?.template?.metadata?.labels ?? {});
  const minReadySeconds = owner.spec?.minReadySeconds ?? 0;
  let fullyLabeledReplicas = 0;
  let readyReplicas = 0;
  let availableReplicas = 0;
  for (const pod of active) {
    const labels = pod.metadata?.labels ?? {};
    if (templateLabels.every(([key, value]) => labels[key] === value)) fullyLabeledReplicas++;
    if (isPodReady(pod)) readyReplicas++;
    if (isPodAvailable(pod, minReadySeconds, nowMs)) availableReplicas++;
  }
  const conditions = conditionsAfter(owner.status?.conditions ?? [], outcome, nowMs);
  return {
    replicas: active.length,
    ...counts({ fullyLabeledReplicas, readyReplicas, availableReplicas }),
    terminatingReplicas: terminating.length,
    ...(conditions.length ? { conditions } : {}),
  };
}

function conditionsAfter(
  conditions: readonly ReplicaSetCondition[],
  { manageError, difference }: { readonly manageError: unknown; readonly difference: number },
  nowMs: number,
): ReplicaSetCondition[] {
  const others = conditions.filter((c) => c.type !== 'ReplicaFailure');
  if (manageError === undefined) return others;
  if (others.length < conditions.length) return [...conditions];
  return [
    ...others,
    {
      type: 'ReplicaFailure',
      status: 'True',
      reason: difference < 0 ? 'FailedCreate' : difference > 0 ? 'FailedDelete' : '',
      message: messageOf(manageError),
      lastTransitionTime: formatTime(new Date(nowMs)),
    },
  ];
}
