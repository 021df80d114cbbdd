/**
 * Taking `batch.kubernetes.io/job-tracking` off pods, and remembering which came off until the cache shows
 * it (`uidTrackingExpectations`), so that no pod is counted twice.
 */
import type { Pod } from '../../pkg/api/types.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { isTracked, TRACKING_FINALIZER } from './pod.js';

export class TrackingFinalizers {
  private readonly released = new Map<string, Set<string>>();

  constructor(private readonly pods: ResourceClient<Pod>) {}

  /** Uids of the Job's pods that lost the finalizer though the cache may still show it. */
  releasedOf(key: string): ReadonlySet<string> {
    return new Set(this.released.get(key));
  }

  /** The cache shows the pod without it, or not at all. */
  observed(key: string, uid: string): void {
    const uids = this.released.get(key);
    uids?.delete(uid);
    if (uids?.size === 0) this.released.delete(key);
  }

  forget(key: string): void {
    this.released.delete(key);
  }

  /** Returns the uids of those that have it no more, and the first failure. */
  async release(
    key: string,
    pods: readonly Pod[],
    signal: AbortSignal,
  ): Promise<{ done: Set<string>; error?: unknown }> {
    const uids = this.released.get(key) ?? new Set();
    for (const pod of pods) uids.add(pod.metadata?.uid ?? '');
    if (uids.size > 0) this.released.set(key, uids);
    const done = new Set<string>();
    const results = await Promise.allSettled(
      pods.map(async (pod) => {
        const uid = pod.metadata?.uid ?? '';
        try {
          if (!(await this.remove(pod, signal))) this.observed(key, uid);
          done.add(uid);
        } catch (err) {
          this.observed(key, uid);
          throw err;
        }
      }),
    );
    const failed = results.find((r) => r.status === 'rejected');
    return failed ? { done, error: failed.reason } : { done };
  }

  /** False: the pod is gone. */
  async remove(pod: Pod, signal: AbortSignal): Promise<boolean> {
    if (!isTracked(pod)) return true;
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const metadata = { '$deleteFromPrimitiveList/finalizers': [TRACKING_FINALIZER] };
    try {
      await this.pods.patch(namespace, name, 'strategic', { metadata }, { signal });
      return true;
    } catch (err) {
      if (isNotFound(err)) return false;
      throw err;
    }
  }
}
