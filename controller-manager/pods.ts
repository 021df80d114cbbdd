/** What controllers ask of a pod. Pure. */

import type { Pod, PodCondition } from '../pkg/api/types.js';
import { parseTime } from '../pkg/apimachinery/time.js';

/** The index of pods by the name of their node; pods without one are under ''. */
export const BY_NODE = 'node';

export function nodeIndex(pod: Pod): readonly string[] {
  return [pod.spec?.nodeName ?? ''];
}

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((c) => c.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  if (!isPodReady(pod)) return false;
  if (minReadySeconds === 0) return true;
  const since = readySince(pod);
  return since !== undefined && since + minReadySeconds * 1000 <= nowMs;
}

/** Milliseconds since the epoch. */
export function readySince(pod: Pod): number | undefined {
  const time = podCondition(pod, 'Ready')?.lastTransitionTime;
  return time === undefined ? undefined : parseTime(time);
}

/** Milliseconds until the next of these pods becomes available; undefined when none is on its way. */
export function untilNextAvailable(
  pods: readonly Pod[],
  minReadySeconds: number,
  nowMs: number,
): number | undefined {
  if (minReadySeconds === 0) return undefined;
  let next: number | undefined;
  for (const pod of pods) {
    const since = isPodReady(pod) ? readySince(pod) : undefined;
    if (since === undefined) continue;
    const left = since + minReadySeconds * 1000 - nowMs;
    if (left > 0 && (next === undefined || left < next)) next = left;
  }
  return next;
}

export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Neither at its end nor being deleted. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata?.deletionTimestamp === undefined;
}

/** Being deleted, and not at its end yet. */
export function isPodTerminating(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata?.deletionTimestamp !== undefined;
}

/** The conditions with one set; its transition time moves only when its status does. */
export function withPodCondition(pod: Pod, next: PodCondition, now: string): PodCondition[] {
  const conditions = pod.status?.conditions ?? [];
  const old = conditions.find((c) => c.type === next.type);
  const kept = old?.status === next.status ? old.lastTransitionTime : undefined;
  const made = { ...old, ...next, lastTransitionTime: kept ?? now };
  return old ? conditions.map((c) => (c.type === next.type ? made : c)) : [...conditions, made];
}
