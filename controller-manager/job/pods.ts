/**
 * Starting and ending the pods of a Job. What is deleted because there are too many, or because the Job is
 * suspended, loses its finalizer first, and so counts as no failure; what is deleted because the Job has
 * ended keeps it until it is counted.
 */
import type { Job, Pod } from '../../pkg/api/types.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { EventRecorder } from '../../pkg/client/event-recorder.js';
import { JOBS } from '../../pkg/client/resources.js';
import type { ControllerContext } from '../controller.js';
import type { Expectations } from '../expectations.js';
import { PodBatches } from '../pod-batches.js';
import { PodControl } from '../pod-control.js';
import { isPodReady } from '../pods.js';
import type { TrackingFinalizers } from './finalizers.js';
import { failureAnnotations, limitsEachIndex, startableIndexes } from './index-failures.js';
import { isIndexed, podOf } from './pod.js';
import { missingPods, nextIndexes, type Progress, wantedActive } from './progress.js';
import { podsToRemove } from './removal.js';

/** Created, or deleted, in one sync. */
const MAX_PODS_PER_SYNC = 500;

export interface Managed {
  readonly active: number;
  readonly terminating: number;
  readonly ready: number;
  /** Pods that were to be deleted and were not. */
  readonly left: number;
  /** Milliseconds after which there is more to do; 0: nothing waits. */
  readonly wait: number;
  readonly error?: unknown;
}

export class JobPods {
  private readonly control: PodControl;
  private readonly batches: PodBatches;

  constructor(
    private readonly parts: {
      readonly context: ControllerContext;
      readonly expectations: Expectations;
      readonly finalizers: TrackingFinalizers;
      readonly recorder: EventRecorder;
    },
  ) {
    this.control = new PodControl(parts.context, parts.recorder);
    this.batches = new PodBatches(JOBS, this.control, parts.expectations);
  }

  /** As many pods as are wanted: deletes some, or creates some, never both. */
  async manage(progress: Progress, backoff: number, signal: AbortSignal): Promise<Managed> {
    const { job, active } = progress;
    const now = this.parts.context.clock.now();
    if (job.spec?.suspend) return this.remove(progress, active, signal);
    const wanted = wantedActive(progress);
    const extra = podsToRemove(job, active, Math.max(0, active.length - wanted), now);
    if (extra.length > 0) return this.remove(progress, extra.slice(0, MAX_PODS_PER_SYNC), signal);
    const missing = Math.min(missingPods(progress, wanted), MAX_PODS_PER_SYNC);
    if (missing === 0) return outcome(progress, { wait: 0 });
    if (!limitsEachIndex(job) && backoff > 0) return outcome(progress, { wait: backoff });
    if (!isIndexed(job)) return this.create(progress, Array(missing).fill(undefined), signal);
    const next = nextIndexes(progress, missing);
    if (!limitsEachIndex(job)) return this.create(progress, next, signal);
    const { indexes, wait } = startableIndexes(next, progress.replaced, now);
    return indexes.length > 0
      ? this.create(progress, indexes, signal)
      : outcome(progress, { wait });
  }

  /** The Job has ended. */
  async deleteAll(progress: Progress, signal: AbortSignal): Promise<Managed> {
    const { job, active } = progress;
    return deleted(progress, await eachOf(active, (pod) => this.delete(job, pod, signal)));
  }

  private async remove(
    progress: Progress,
    pods: readonly Pod[],
    signal: AbortSignal,
  ): Promise<Managed> {
    const { expectations, finalizers } = this.parts;
    const { job } = progress;
    const key = keyOf(job);
    if (pods.length > 0) expectations.expectDeletions(key, pods.map(keyOf));
    const results = await eachOf(pods, async (pod) => {
      try {
        await finalizers.remove(pod, signal);
        await this.delete(job, pod, signal, () => expectations.deletionObserved(key, keyOf(pod)));
      } catch (err) {
        expectations.deletionObserved(key, keyOf(pod));
        throw err;
      }
    });
    return deleted(progress, results);
  }

  private async delete(
    job: Job,
    pod: Pod,
    signal: AbortSignal,
    whenGone?: () => void,
  ): Promise<void> {
    try {
      await this.control.delete(JOBS, job, pod, signal);
    } catch (err) {
      if (!isNotFound(err)) throw err;
      whenGone?.();
    }
  }

  /** One pod for each entry: an index, or none. */
  private async create(
    progress: Progress,
    indexes: readonly (number | undefined)[],
    signal: AbortSignal,
  ): Promise<Managed> {
    const { job, active, replaced } = progress;
    const { expectations } = this.parts;
    const key = keyOf(job);
    expectations.expectCreations(key, indexes.length);
    const pods = indexes.map((index) => {
      const isLimited = index !== undefined && limitsEachIndex(job);
      return podOf(job, index, isLimited ? failureAnnotations(job, replaced.get(index)) : {});
    });
    const { successes, error } = await this.batches.create(job, pods, signal);
    return outcome(progress, { wait: 0, active: active.length + successes, error });
  }
}

interface Results {
  readonly done: readonly Pod[];
  readonly failed: number;
  readonly error?: unknown;
}

async function eachOf(pods: readonly Pod[], fn: (pod: Pod) => Promise<void>): Promise<Results> {
  const results = await Promise.allSettled(pods.map(fn));
  const done = pods.filter((_, i) => results[i]?.status === 'fulfilled');
  const error = results.find((r) => r.status === 'rejected')?.reason;
  return { done, failed: pods.length - done.length, error };
}

function deleted(progress: Progress, { done, failed, error }: Results): Managed {
  const ready = done.filter(isPodReady).length;
  return {
    active: progress.active.length - done.length,
    terminating: progress.terminating.length + done.length,
    ready: progress.ready - ready,
    left: failed,
    wait: 0,
    error,
  };
}

function outcome(
  { active, terminating, ready }: Progress,
  changed: Partial<Managed> & Pick<Managed, 'wait'>,
): Managed {
  return {
    active: active.length,
    terminating: terminating.length,
    ready,
    left: 0,
    ...changed,
  };
}
