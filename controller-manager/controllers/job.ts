/**
 * Runs pods to their end (`pkg/controller/job`): as many at a time as `parallelism`, until enough succeeded
 * or the Job has failed. What pods amount to: `job/progress.ts`; how each is counted once: `job/tracking.ts`.
 *
 *   running ─ criteria met ─▶ SuccessCriteriaMet │ FailureTarget ─ all pods ended and counted ─▶ Complete │ Failed
 *
 * A Job whose `spec.managedBy` names another controller is left alone.
 */

import type { Job, JobStatus, Pod } from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { selectorFromObject } from '../../pkg/apimachinery/labels.js';
import { apiVersionOf, controllerOf, formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import {
  type EventRecorder,
  type EventType,
  referenceTo,
} from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { JOBS, PODS } from '../../pkg/client/resources.js';
import {
  BY_NAMESPACE,
  BY_OWNER,
  namespaceIndex,
  orphanValue,
  ownerIndex,
} from '../../pkg/client/store.js';
import { claim } from '../claim.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { Expectations } from '../expectations.js';
import { backoffLeft, type FailureRecord, nextRecord } from '../job/backoff.js';
import { isFinished, turned, withCondition } from '../job/conditions.js';
import { TrackingFinalizers } from '../job/finalizers.js';
import { OwnWrites } from '../job/own-writes.js';
import { isManagedElsewhere, isTracked, TRACKING_FINALIZER } from '../job/pod.js';
import { JobPods, type Managed } from '../job/pods.js';
import {
  COMPLETED,
  deadlineLeft,
  isComplete,
  type Outcome,
  outcomeOf,
  type Progress,
  progressOf,
} from '../job/progress.js';
import { finished, heldUids, settle, track } from '../job/tracking.js';

const ORPHAN = 'orphan pod ';

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
  private readonly recorder: EventRecorder;
  private readonly jobPods: JobPods;
  private readonly jobs: Informer<Job>;
  private readonly pods: Informer<Pod>;
  private readonly client: ResourceClient<Job>;
  private readonly podClient: ResourceClient<Pod>;
  /** Failures since the last success, by key of the Job. */
  private readonly failures = new Map<string, FailureRecord>();

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.expectations = new Expectations(clock);
    this.ownWrites = new OwnWrites(clock);
    this.recorder = context.recorder.forComponent('job-controller');
    this.client = client.resource<Job>(JOBS);
    this.podClient = client.resource<Pod>(PODS);
    this.finalizers = new TrackingFinalizers(this.podClient);
    const { expectations, finalizers, recorder } = this;
    this.jobPods = new JobPods({ context, expectations, finalizers, recorder });
    this.jobs = informers.informer<Job>(JOBS, { indexers: { [BY_NAMESPACE]: namespaceIndex } });
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_OWNER]: ownerIndex } });
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
    const pods = await this.claimPods(cached, signal);
    const obj = this.started(cached, now);
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
    const status = this.statusOf(obj, managed ?? countsOf(progress), settled, now);
    const sync = { cached, progress, outcome, status, record };
    try {
      await this.writeProgress(key, sync, signal);
    } catch (err) {
      // The Job is gone; its deletion releases the pods.
      if (!isNotFound(err)) throw err;
    }
    const left = deadlineLeft(obj, now);
    if (left !== undefined && left > 0) this.queue.addAfter(key, left);
    if (managed?.error !== undefined) throw managed.error;
  }

  private claimPods(obj: Job, signal: AbortSignal): Promise<Pod[]> {
    const { namespace = '', uid = '' } = obj.metadata ?? {};
    return claim({
      objects: [
        ...this.pods.store.byIndex(BY_OWNER, uid),
        ...this.pods.store.byIndex(BY_OWNER, orphanValue(namespace)),
      ],
      client: this.podClient,
      owner: obj,
      ownerRef: JOBS,
      ownerClient: this.client,
      selector: selectorFromObject(obj.spec?.selector),
      // An adopted pod is counted too.
      finalizer: TRACKING_FINALIZER,
      signal,
    }).then((pods) => pods.map((pod) => (controllerOf(pod) ? pod : adopted(pod))));
  }

  /** The Job as it starts: a suspended one does not. */
  private started(obj: Job, now: number): Job {
    if (obj.status?.startTime !== undefined || obj.spec?.suspend) return obj;
    return { ...obj, status: { ...obj.status, startTime: formatTime(new Date(now)) } };
  }

  // --- status ---

  private statusOf(
    obj: Job,
    { active, terminating, ready }: { active: number; terminating: number; ready: number },
    settled: boolean,
    now: number,
  ): JobStatus {
    const time = formatTime(new Date(now));
    const { active: _a, ...status } = obj.status ?? {};
    const counts = { ...(active > 0 ? { active } : {}), terminating, ready };
    if (!settled) return { ...status, ...counts };
    const next = obj.spec?.suspend
      ? ({ status: 'True', reason: 'JobSuspended', message: 'Job suspended' } as const)
      : ({ status: 'False', reason: 'JobResumed', message: 'Job resumed' } as const);
    const conditions = withCondition(status.conditions, { type: 'Suspended', ...next }, time);
    const changed = { ...status, ...counts, ...(conditions.length ? { conditions } : {}) };
    // A resumed Job starts its deadline anew.
    const resumed = turned(obj.status, changed, 'Suspended', 'False');
    return resumed ? { ...changed, startTime: time } : changed;
  }

  /** Counts the pods that ended, takes their finalizers off, and ends the Job when that was the last. */
  private async writeProgress(
    key: string,
    sync: {
      cached: Job;
      progress: Progress;
      outcome: Outcome | undefined;
      status: JobStatus;
      record: FailureRecord;
    },
    signal: AbortSignal,
  ): Promise<void> {
    const { progress, outcome } = sync;
    const time = formatTime(new Date(this.context.clock.now()));
    const { status, release, more } = track(progress, outcome, sync.status, time);
    let obj = sync.cached;
    if (!semanticDeepEqual(obj.status ?? {}, status)) {
      obj = await this.writeStatus(key, obj, status, signal);
      this.failures.set(key, sync.record);
      if (turned(sync.cached.status, status, 'Suspended', 'True'))
        this.tell(obj, 'Normal', 'Suspended', 'Job suspended');
      if (turned(sync.cached.status, status, 'Suspended', 'False'))
        this.tell(obj, 'Normal', 'Resumed', 'Job resumed');
    }
    const held = heldUids(progress);
    const { done, error } = await this.finalizers.release(key, release, signal);
    for (const uid of done) held.delete(uid);
    let settled = settle(status, held);
    const end = outcome && !more && !error ? finished(settled, outcome, time) : undefined;
    if (end) settled = end;
    if (!semanticDeepEqual(status, settled)) {
      obj = await this.writeStatus(key, obj, settled, signal);
      if (end && outcome) this.announceEnd(obj, outcome);
    }
    if (error !== undefined) throw error;
    if (more) this.queue.add(key);
  }

  private async writeStatus(
    key: string,
    obj: Job,
    status: JobStatus,
    signal: AbortSignal,
  ): Promise<Job> {
    this.ownWrites.begin(key);
    try {
      const made = await this.client.updateStatus({ ...obj, status }, { signal });
      this.ownWrites.end(key, made.metadata?.resourceVersion);
      return made;
    } catch (err) {
      this.ownWrites.end(key);
      throw err;
    }
  }

  private announceEnd(obj: Job, { type, reason, message }: Outcome): void {
    if (type === 'Failed') {
      this.tell(obj, 'Warning', reason, message);
      return;
    }
    const { completions } = obj.spec ?? {};
    if (completions !== undefined && (obj.status?.succeeded ?? 0) > completions) {
      const text = 'Too many succeeded pods running after completion count reached';
      this.tell(obj, 'Warning', 'TooManySucceededPods', text);
    }
    this.tell(obj, 'Normal', 'Completed', 'Job completed');
  }

  private tell(obj: Job, type: EventType, reason: string, message: string): void {
    this.recorder.event(referenceTo(JOBS, obj), type, reason, message);
  }

  // --- pods without a Job that counts them ---

  private async syncOrphan(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.pods.store.get(key);
    if (!pod || !isTracked(pod)) return;
    const ref = controllerOf(pod);
    if (ref && (ref.kind !== JOBS.kind || ref.apiVersion !== apiVersionOf(JOBS))) return;
    const owner = ref && this.ownerOf(pod);
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
    const owner = this.ownerOf(pod);
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
    const before = this.ownerOf(old);
    const owner = this.ownerOf(pod);
    for (const each of new Set([before, owner])) {
      if (!each) continue;
      if (!isTracked(pod)) this.finalizers.observed(keyOf(each), uid);
      this.queue.add(keyOf(each));
    }
    if (!controllerOf(pod)) this.orphanChanged(pod);
  }

  private podGoing(pod: Pod, gone: boolean): void {
    const owner = this.ownerOf(pod);
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
    for (const each of this.jobs.store.byIndex(BY_NAMESPACE, pod.metadata?.namespace ?? '')) {
      const { selector } = each.spec ?? {};
      if (selector && selectorFromObject(selector).matches(pod.metadata?.labels))
        this.queue.add(keyOf(each));
    }
  }

  private ownerOf(pod: Pod): Job | undefined {
    const ref = controllerOf(pod);
    if (ref?.kind !== JOBS.kind) return undefined;
    const owner = this.jobs.store.get(`${pod.metadata?.namespace ?? ''}/${ref.name}`);
    return owner?.metadata?.uid === ref.uid ? owner : undefined;
  }
}

function countsOf({ active, terminating, ready }: Progress) {
  return { active: active.length, terminating: terminating.length, ready };
}

function adopted(pod: Pod): Pod {
  const finalizers = [...new Set([...(pod.metadata?.finalizers ?? []), TRACKING_FINALIZER])];
  return { ...pod, metadata: { ...pod.metadata, finalizers } };
}
