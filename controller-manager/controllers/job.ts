/**
 * Runs pods to their end (`pkg/controller/job`): as many at a time as `parallelism`, until enough succeeded
 * or the Job has failed. What pods amount to: `job/progress.ts`; how each is counted once: `job/tracking.ts`.
 *
 *   running ─ criteria met ─▶ SuccessCriteriaMet │ FailureTarget ─ all pods ended and counted ─▶ Complete │ Failed
 *
 * A Job whose `spec.managedBy` names another controller is left alone.
 */

import type { Job, Pod } from '../../pkg/api/types.js';
import { selectorFromObject } from '../../pkg/apimachinery/labels.js';
import { apiVersionOf, controllerOf, keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { ControllerRateLimiter, RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { JOBS, PODS } from '../../pkg/client/resources.js';
import { BY_NAMESPACE, BY_OWNER, namespaceIndex, ownerIndex } from '../../pkg/client/store.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { Expectations } from '../expectations.js';
import { backoffLeft, type FailureRecord, nextRecord } from '../job/backoff.js';
import { Bookkeeping } from '../job/bookkeeping.js';
import { isFinished } from '../job/conditions.js';
import { TrackingFinalizers } from '../job/finalizers.js';
import { OwnWrites } from '../job/own-writes.js';
import { isManagedElsewhere, isTracked, TRACKING_FINALIZER } from '../job/pod.js';
import { JobPods, type Managed } from '../job/pods.js';
import {
  COMPLETED,
  deadlineLeft,
  isComplete,
  outcomeOf,
  type Progress,
  progressOf,
} from '../job/progress.js';
import { started, statusOf } from '../job/status.js';
import { Ownership } from '../ownership.js';

const ORPHAN = 'orphan pod ';
/** Jobs that the API refuses something are more patient than other objects. */
const API_BACKOFF = { baseMs: 1000, maxMs: 60_000 };

export const job: ControllerDescriptor = {
  name: 'job-controller',
  aliases: ['job'],
  serviceAccount: 'job-controller',
  create: (context) => new JobController(context),
};

class JobController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly expectations: Expectations;
  private readonly ownWrites: OwnWrites;
  private readonly finalizers: TrackingFinalizers;
  private readonly books: Bookkeeping;
  private readonly jobPods: JobPods;
  private readonly jobs: Informer<Job>;
  private readonly pods: Informer<Pod>;
  private readonly client: ResourceClient<Job>;
  private readonly podClient: ResourceClient<Pod>;
  private readonly ownership: Ownership<Job, Pod>;
  /** Failures since the last success, by key of the Job. */
  private readonly failures = new Map<string, FailureRecord>();

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock, new ControllerRateLimiter(clock, API_BACKOFF));
    this.expectations = new Expectations(clock);
    this.ownWrites = new OwnWrites(clock);
    const recorder = context.recorder.forComponent('job-controller');
    this.client = client.resource<Job>(JOBS);
    this.podClient = client.resource<Pod>(PODS);
    this.finalizers = new TrackingFinalizers(this.podClient);
    const { expectations, finalizers, ownWrites } = this;
    this.jobPods = new JobPods({ context, expectations, finalizers, recorder });
    this.books = new Bookkeeping({ client: this.client, clock, recorder, finalizers, ownWrites });
    this.jobs = informers.informer<Job>(JOBS, { indexers: { [BY_NAMESPACE]: namespaceIndex } });
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_OWNER]: ownerIndex } });
    this.ownership = new Ownership({
      ref: JOBS,
      owners: this.jobs.store,
      ownerClient: this.client,
      dependents: this.pods.store,
      dependentClient: this.podClient,
      selectorOf: (obj: Job) => selectorFromObject(obj.spec?.selector),
      wake: (obj) => this.queue.add(keyOf(obj)),
    });
    this.jobs.addHandler({
      add: (obj) => this.jobChanged(obj),
      update: (_, obj) => this.jobChanged(obj),
      delete: (obj) => this.jobDeleted(obj),
    });
    this.pods.addHandler({
      add: (pod) => this.podAdded(pod),
      update: (old, pod) => this.podUpdated(old, pod),
      delete: (pod) => this.podGoing(pod, true),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency: context.options.concurrency['job'] ?? 5,
        informers: [this.jobs, this.pods],
        sync: (key, stop) =>
          key.startsWith(ORPHAN)
            ? this.syncOrphan(key.slice(ORPHAN.length), stop)
            : this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const cached = this.jobs.store.get(key);
    if (!cached || isManagedElsewhere(cached)) return;
    if (isFinished(cached)) {
      this.failures.delete(key);
      return;
    }
    const stale = this.ownWrites.wait(key);
    if (stale > 0) {
      this.queue.addAfter(key, stale);
      return;
    }
    const satisfied = this.expectations.satisfied(key);
    const now = this.context.clock.now();
    // An adopted pod is counted too.
    const claimed = await this.ownership.claim(cached, signal, { finalizer: TRACKING_FINALIZER });
    const pods = claimed.map((pod) => (controllerOf(pod) ? pod : adopted(pod)));
    const obj = started(cached, now);
    const progress = progressOf(obj, pods, this.finalizers.releasedOf(key));
    const record = nextRecord(
      this.failures.get(key),
      progress.newlySucceeded,
      progress.newlyFailed,
    );
    let outcome = outcomeOf(progress, now);
    let managed: Managed | undefined;
    let settled = false;
    if (outcome) {
      managed = await this.jobPods.deleteAll(progress, signal);
      // What is not deleted, or not seen yet, may still hold a finalizer.
      if (managed.left > 0 || !satisfied) outcome = undefined;
    } else {
      if (satisfied && obj.metadata?.deletionTimestamp === undefined) {
        managed = await this.jobPods.manage(progress, backoffLeft(record, now), signal);
        if (managed.wait > 0) this.queue.addAfter(key, managed.wait);
      }
      if (isComplete(progress, managed?.active ?? progress.active.length)) outcome = COMPLETED;
      settled = managed !== undefined && !outcome;
    }
    const status = statusOf(obj, managed ?? countsOf(progress), settled, now);
    try {
      const entry = { job: cached, progress, outcome, status };
      const counted = () => this.failures.set(key, record);
      if (await this.books.write(entry, counted, signal)) this.queue.add(key);
    } catch (err) {
      // The Job is gone; its deletion releases the pods.
      if (!isNotFound(err)) throw err;
    }
    const left = deadlineLeft(obj, now);
    if (left !== undefined && left > 0) this.queue.addAfter(key, left);
    if (managed?.error !== undefined) throw managed.error;
  }

  // --- pods without a Job that counts them ---

  private async syncOrphan(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.pods.store.get(key);
    if (!pod || !isTracked(pod)) return;
    const ref = controllerOf(pod);
    if (ref && (ref.kind !== JOBS.kind || ref.apiVersion !== apiVersionOf(JOBS))) return;
    const owner = ref && this.ownership.ownerOf(pod);
    if (owner && (isManagedElsewhere(owner) || !isFinished(owner))) return;
    await this.finalizers.remove(pod, signal);
  }

  // --- enqueue helpers ---

  private jobChanged(obj: Job): void {
    const key = keyOf(obj);
    this.ownWrites.seen(key, obj.metadata?.resourceVersion ?? '');
    this.queue.add(key);
    if (isFinished(obj)) this.releaseAll(obj);
  }

  private jobDeleted(obj: Job): void {
    const key = keyOf(obj);
    this.expectations.forget(key);
    this.ownWrites.forget(key);
    this.finalizers.forget(key);
    this.failures.delete(key);
    this.releaseAll(obj);
  }

  /** Pods that keep their finalizer would never go. */
  private releaseAll(obj: Job): void {
    for (const pod of this.pods.store.byIndex(BY_OWNER, obj.metadata?.uid ?? ''))
      if (isTracked(pod)) this.queue.add(`${ORPHAN}${keyOf(pod)}`);
  }

  private podAdded(pod: Pod): void {
    if (pod.metadata?.deletionTimestamp !== undefined) {
      this.podGoing(pod, false);
      return;
    }
    const owner = this.ownership.ownerOf(pod);
    if (owner) {
      this.expectations.creationObserved(keyOf(owner));
      this.queue.add(keyOf(owner));
    } else if (!controllerOf(pod)) this.orphanChanged(pod);
  }

  private podUpdated(old: Pod, pod: Pod): void {
    if (pod.metadata?.deletionTimestamp !== undefined) {
      this.podGoing(pod, false);
      return;
    }
    const uid = pod.metadata?.uid ?? '';
    const before = this.ownership.ownerOf(old);
    const owner = this.ownership.ownerOf(pod);
    for (const each of new Set([before, owner])) {
      if (!each) continue;
      if (!isTracked(pod)) this.finalizers.observed(keyOf(each), uid);
      this.queue.add(keyOf(each));
    }
    if (!controllerOf(pod)) this.orphanChanged(pod);
  }

  private podGoing(pod: Pod, gone: boolean): void {
    const owner = this.ownership.ownerOf(pod);
    if (!owner || isFinished(owner)) {
      if (isTracked(pod)) this.queue.add(`${ORPHAN}${keyOf(pod)}`);
      return;
    }
    const key = keyOf(owner);
    this.expectations.deletionObserved(key, keyOf(pod));
    if (gone || !isTracked(pod)) this.finalizers.observed(key, pod.metadata?.uid ?? '');
    this.queue.add(key);
  }

  /** Somebody may adopt it; until then nobody counts it. */
  private orphanChanged(pod: Pod): void {
    if (isTracked(pod)) this.queue.add(`${ORPHAN}${keyOf(pod)}`);
    for (const each of this.ownership.matching(pod)) this.queue.add(keyOf(each));
  }
}

function countsOf({ active, terminating, ready }: Progress) {
  return { active: active.length, terminating: terminating.length, ready };
}

function adopted(pod: Pod): Pod {
  const finalizers = [...new Set([...(pod.metadata?.finalizers ?? []), TRACKING_FINALIZER])];
  return { ...pod, metadata: { ...pod.metadata, finalizers } };
}
