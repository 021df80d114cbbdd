/** Which pods of a Job go when it has too many (`activePodsForRemoval`). Pure. */
import type { Job, Pod } from '../../pkg/api/types.js';
import { podsToDelete } from '../deletion-ranking.js';
import { isIndexed, validIndexOf } from './pod.js';

/**
 * At least `count` of `active`. Of an Indexed Job those go first that have no index, one that the Job no
 * longer has, or the index of another pod.
 */
export function podsToRemove(job: Job, active: readonly Pod[], count: number, now: number): Pod[] {
  const removed: Pod[] = [];
  let left = [...active];
  if (isIndexed(job)) {
    left = [];
    const byIndex = new Map<number, Pod[]>();
    for (const pod of active) {
      const index = validIndexOf(job, pod);
      if (index === undefined) removed.push(pod);
      else byIndex.set(index, [...(byIndex.get(index) ?? []), pod]);
    }
    for (const pods of byIndex.values()) {
      const extra = pods.length > 1 ? podsToDelete(pods, pods, pods.length - 1, now) : [];
      removed.push(...extra);
      left.push(...pods.filter((pod) => !extra.includes(pod)));
    }
  }
  const more = count - removed.length;
  return more > 0 ? [...removed, ...podsToDelete(left, left, more, now)] : removed;
}
