/** What a DaemonSet says of its nodes. Pure. */
import type { DaemonSetStatus } from '../../pkg/api/types.js';
import { counts } from '../deployment/status.js';
import { isPodAvailable, isPodReady } from '../pods.js';
import { type Situation, scheduledOldestFirst } from './placement.js';
import { isUpdated } from './pod.js';

const COUNTS = [
  'desiredNumberScheduled',
  'currentNumberScheduled',
  'numberMisscheduled',
  'numberReady',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
] as const;

type Counts = Pick<DaemonSetStatus, (typeof COUNTS)[number]>;

/** Of a node with several pods, the oldest that is bound counts. */
export function countNodes(situation: Situation): Counts {
  const { ds, byNode, verdicts, hash, nowMs } = situation;
  const minReadySeconds = ds.spec?.minReadySeconds ?? 0;
  let desiredNumberScheduled = 0;
  let currentNumberScheduled = 0;
  let numberMisscheduled = 0;
  let numberReady = 0;
  let numberAvailable = 0;
  let updatedNumberScheduled = 0;
  for (const [node, { shouldRun }] of verdicts) {
    const pods = byNode.get(node) ?? [];
    const [pod] = [...pods].sort(scheduledOldestFirst);
    if (!shouldRun) {
      if (pod) numberMisscheduled++;
      continue;
    }
    desiredNumberScheduled++;
    if (!pod) continue;
    currentNumberScheduled++;
    if (isPodReady(pod)) {
      numberReady++;
      if (isPodAvailable(pod, minReadySeconds, nowMs)) numberAvailable++;
    }
    if (isUpdated(ds, pod, hash)) updatedNumberScheduled++;
  }
  const numberUnavailable = desiredNumberScheduled - numberAvailable;
  return {
    desiredNumberScheduled,
    currentNumberScheduled,
    numberMisscheduled,
    numberReady,
    ...counts({ updatedNumberScheduled, numberAvailable, numberUnavailable }),
  };
}

/** Counts that are 0 are absent from `next` and must go from what is written. */
export function withCounts(status: DaemonSetStatus | undefined, next: Counts): DaemonSetStatus {
  const {
    updatedNumberScheduled: _,
    numberAvailable: __,
    numberUnavailable: ___,
    ...kept
  } = {
    ...status,
  };
  return { ...kept, ...next };
}

export function sameCounts(status: DaemonSetStatus | undefined, next: Counts): boolean {
  return COUNTS.every((count) => (status?.[count] ?? 0) === (next[count] ?? 0));
}
