/**
 * Runs pods to their end (`pkg/controller/job`): as many at a time as `parallelism`, until `completions`
 * succeeded, more than `backoffLimit` failed, or `activeDeadlineSeconds` are over. How pods are counted:
 * `job/progress.ts`.
 *
 *   running ─ criteria met ─▶ SuccessCriteriaMet │ FailureTarget ─ all pods ended and counted ─▶ Complete │ Failed
 *
 * Not built: podFailurePolicy, successPolicy and backoffLimitPerIndex; a Job that asks for one is not run,
 * and an Event says so.
 */

import type { Job, JobCondition, JobStatus, Pod } from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { selectorFromObject } from '../../pkg/apimachinery/labels.js';
import { controllerOf, formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { isConflict, isNamespaceTerminating, isNotFound } from '../../pkg/client/errors.js';
import {
  type EventRecorder,
  type EventType,
  referenceTo,
} from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { JOBS, PODS } from '../../pkg/client/resources.js';
import { BY_OWNER, orphanValue, ownerIndex } from '../../pkg/client/store.js';
import { claim } from '../claim.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { podsToDelete } from '../deletion-ranking.js';
import { Expectations } from '../expectations.js';
import {
  COMPLETION_INDEX,
  conditionOf,
  isFinished,
  isIndexed,
  isTracked,
  nextIndexes,
  type Progress,
  progressOf,
  TRACKING_FINALIZER,
  wantedActive,
} from '../job/progress.js';
import { PodControl, podFromTemplate, slowStartBatch } from '../pod-control.js';

const MANAGER = 'kubernetes.io/job-controller';
/** After a failure: 10 s, 20 s … ten minutes, until a pod succeeds. */
const BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 600_000;
const MAX_PODS_PER_SYNC = 500;

export const job: ControllerDescriptor = {
  name: 'job-controller',
  aliases: ['job'],
  serviceAccount: 'job-controller',
  create: (context) => new JobController(context),
};

interface Outcome {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
}

class JobController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly expectations: Expectations;
  private readonly recorder: EventRecorder;
  private readonly podControl: PodControl;
  private readonly jobs: Informer<Job>;
  private readonly pods: Informer<Pod>;
  private readonly client: ResourceClient<Job>;
  private readonly podClient: ResourceClient<Pod>;
  /** Failures since the last success, by uid of the Job. */
  private readonly failures = new Map<string, { count: number; at: number }>();

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.expectations = new Expectations(clock);
    this.recorder = context.recorder.forComponent('job-controller');
    this.podControl = new PodControl(context, this.recorder);
    this.client = client.resource<Job>(JOBS);
    this.podClient = client.resource<Pod>(PODS);
    this.jobs = informers.informer<Job>(JOBS);
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_OWNER]: ownerIndex } });
    const enqueue = (obj: Job) => this.queue.add(keyOf(obj));
    this.jobs.addHandler({
      add: enqueue,
      update: (_, obj) => enqueue(obj),
      delete: (obj) => {
        this.expectations.forget(keyOf(obj));
        this.failures.delete(obj.metadata?.uid ?? '');
        // Pods that keep their finalizer would never go.
        for (const pod of this.pods.store.byIndex(BY_OWNER, obj.metadata?.uid ?? ''))
          this.queue.add(orphanKey(pod));
      },
    });
    this.pods.addHandler({
      add: (pod) => this.podChanged(pod, true),
      update: (old, pod) => {
        if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) this.podChanged(old, false);
        this.podChanged(pod, false);
      },
      delete: (pod) => this.podChanged(pod, false),
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
          key.startsWith(ORPHAN) ? this.releaseOrphan(key, stop) : this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const cached = this.jobs.store.get(key);
    if (!cached) return;
    if ((cached.spec?.managedBy ?? MANAGER) !== MANAGER) return;
    const pods = await this.claimPods(cached, signal);
    if (isFinished(cached)) {
      await this.release(pods.filter(isTracked), signal);
      return;
    }
    const unbuilt = (['podFailurePolicy', 'successPolicy', 'backoffLimitPerIndex'] as const).find(
      (field) => cached.spec?.[field] !== undefined,
    );
    if (unbuilt !== undefined) {
      this.tell(
        cached,
        'Warning',
        'UnsupportedField',
        `spec.${unbuilt} is not supported, the job is not run`,
      );
      return;
    }
    const now = this.context.clock.now();
    const progress = progressOf(cached, pods);
    this.noteFailures(cached, progress, now);
    const outcome = this.outcomeOf(cached, progress, now);
    const suspended = cached.spec?.suspend === true && !outcome;
    let manageError: unknown;
    let active = progress.active.length;
    if (outcome || suspended) {
      active -= await this.deletePods(cached, progress.active, progress.active.length, signal);
    } else if (
      this.expectations.satisfied(key) &&
      cached.metadata?.deletionTimestamp === undefined
    ) {
      ({ active, error: manageError } = await this.managePods(cached, progress, signal));
    }
    const status = this.statusOf(cached, progress, { active, outcome, suspended, now });
    const wrote = await this.writeStatus(cached, status, signal);
    await this.release(progress.release, signal);
    if (wrote) this.announce(cached, status);
    this.scheduleDeadline(cached, now);
    if (manageError !== undefined) throw manageError;
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
      // An adopted pod must be counted too; without the finalizer it may go uncounted.
      adoptable: isTracked,
      signal,
    });
  }

  /** What ends the Job, once and for all; noted in an interim condition until all is counted. */
  private outcomeOf(obj: Job, progress: Progress, now: number): Outcome | undefined {
    const success = conditionOf(obj, 'SuccessCriteriaMet');
    if (success)
      return { type: 'Complete', reason: success.reason ?? '', message: success.message ?? '' };
    const failure = conditionOf(obj, 'FailureTarget');
    if (failure)
      return { type: 'Failed', reason: failure.reason ?? '', message: failure.message ?? '' };
    const { completions, backoffLimit = 6, activeDeadlineSeconds } = obj.spec ?? {};
    if (progress.failed > backoffLimit || pastLimitOnFailure(obj, progress.active)) {
      const message = 'Job has reached the specified backoff limit';
      return { type: 'Failed', reason: 'BackoffLimitExceeded', message };
    }
    const started = parseTime(obj.status?.startTime ?? '');
    if (
      activeDeadlineSeconds !== undefined &&
      started !== undefined &&
      !obj.spec?.suspend &&
      now - started >= activeDeadlineSeconds * 1000
    ) {
      return {
        type: 'Failed',
        reason: 'DeadlineExceeded',
        message: 'Job was active longer than specified deadline',
      };
    }
    const complete =
      completions === undefined
        ? progress.succeeded > 0 && progress.active.length === 0
        : progress.succeeded >= completions && (completions > 0 || progress.active.length === 0);
    if (!complete) return undefined;
    return {
      type: 'Complete',
      reason: 'CompletionsReached',
      message: 'Reached expected number of succeeded pods',
    };
  }

  private async managePods(
    obj: Job,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<{ active: number; error: unknown }> {
    const running = progress.active.length;
    const wanted = wantedActive(obj, progress);
    if (running > wanted) {
      return {
        active: running - (await this.deletePods(obj, progress.active, running - wanted, signal)),
        error: undefined,
      };
    }
    const holding = obj.spec?.podReplacementPolicy === 'Failed' ? progress.terminating : 0;
    const missing = Math.min(wanted - running - holding, MAX_PODS_PER_SYNC);
    if (missing <= 0) return { active: running, error: undefined };
    const wait = this.backoffLeft(obj);
    if (wait > 0) {
      this.queue.addAfter(keyOf(obj), wait);
      return { active: running, error: undefined };
    }
    const indexes = isIndexed(obj) ? nextIndexes(obj, progress, missing) : undefined;
    const count = indexes?.length ?? missing;
    const key = keyOf(obj);
    this.expectations.expectCreations(key, count);
    let next = 0;
    const { successes, error } = await slowStartBatch(count, async () => {
      const index = indexes?.[next++];
      try {
        await this.podControl.create(JOBS, obj, podOf(obj, index), signal);
      } catch (err) {
        if (!isNamespaceTerminating(err)) throw err;
      }
    });
    this.expectations.creationObserved(key, count - successes);
    return { active: running + successes, error };
  }

  /** Returns how many were deleted; the first failure is thrown. */
  private async deletePods(
    obj: Job,
    active: readonly Pod[],
    count: number,
    signal: AbortSignal,
  ): Promise<number> {
    const chosen = podsToDelete(active, active, count, this.context.clock.now());
    const results = await Promise.allSettled(
      chosen.map(async (pod) => {
        try {
          await this.podControl.delete(JOBS, obj, pod, signal);
        } catch (err) {
          if (!isNotFound(err)) throw err;
        }
      }),
    );
    const failed = results.find((r) => r.status === 'rejected');
    if (failed) throw failed.reason;
    return chosen.length;
  }

  private noteFailures(obj: Job, progress: Progress, now: number): void {
    const uid = obj.metadata?.uid ?? '';
    if (progress.succeeded > (obj.status?.succeeded ?? 0)) this.failures.delete(uid);
    if (progress.newlyFailed.length === 0) return;
    const known = this.failures.get(uid)?.count ?? 0;
    this.failures.set(uid, { count: known + progress.newlyFailed.length, at: now });
  }

  private backoffLeft(obj: Job): number {
    const known = this.failures.get(obj.metadata?.uid ?? '');
    if (!known) return 0;
    const wait = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** Math.min(known.count - 1, 10));
    return known.at + wait - this.context.clock.now();
  }

  // --- status ---

  private statusOf(
    obj: Job,
    progress: Progress,
    now: { active: number; outcome: Outcome | undefined; suspended: boolean; now: number },
  ): JobStatus {
    const { outcome, suspended, active } = now;
    const time = formatTime(new Date(now.now));
    const started = obj.status?.startTime ?? (suspended ? undefined : time);
    const resumed = obj.spec?.suspend !== true && conditionOf(obj, 'Suspended') !== undefined;
    let conditions = obj.status?.conditions ?? [];
    const set = (type: string, status: 'True' | 'False', reason: string, message: string) => {
      conditions = withCondition(conditions, {
        type,
        status,
        reason,
        message,
        lastProbeTime: time,
        lastTransitionTime: time,
      });
    };
    if (suspended) set('Suspended', 'True', 'JobSuspended', 'Job suspended');
    else if (resumed) set('Suspended', 'False', 'JobResumed', 'Job resumed');
    let completionTime: string | undefined;
    if (outcome) {
      const { type, reason, message } = outcome;
      set(type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget', 'True', reason, message);
      const counted = !Object.keys(progress.counting.uncountedTerminatedPods ?? {}).length;
      if (counted && active === 0 && progress.terminating === 0 && progress.release.length === 0) {
        set(type, 'True', reason, message);
        if (type === 'Complete') completionTime = time;
      }
    }
    return {
      ...(conditions.length ? { conditions } : {}),
      // A resumed Job starts its deadline anew.
      ...(started === undefined ? {} : { startTime: resumed ? time : started }),
      ...(completionTime === undefined ? {} : { completionTime }),
      ...(active > 0 ? { active } : {}),
      ...progress.counting,
      terminating: progress.terminating,
      ready: Math.min(progress.ready, active),
    };
  }

  private async writeStatus(obj: Job, status: JobStatus, signal: AbortSignal): Promise<boolean> {
    if (semanticDeepEqual(obj.status ?? {}, status)) return false;
    try {
      await this.client.updateStatus({ ...obj, status }, { signal });
      return true;
    } catch (err) {
      if (isNotFound(err)) return false;
      throw err;
    }
  }

  private announce(old: Job, status: JobStatus): void {
    const turned = (type: string, value: string) =>
      status.conditions?.some((c) => c.type === type && c.status === value) === true &&
      old.status?.conditions?.some((c) => c.type === type && c.status === value) !== true;
    if (turned('Complete', 'True')) this.tell(old, 'Normal', 'Completed', 'Job completed');
    if (turned('FailureTarget', 'True')) {
      const { reason = '', message = '' } =
        status.conditions?.find((c) => c.type === 'FailureTarget') ?? {};
      this.tell(old, 'Warning', reason, message);
    }
    if (turned('Suspended', 'True')) this.tell(old, 'Normal', 'Suspended', 'Job suspended');
    if (turned('Suspended', 'False')) this.tell(old, 'Normal', 'Resumed', 'Job resumed');
  }

  private scheduleDeadline(obj: Job, now: number): void {
    const { activeDeadlineSeconds, suspend } = obj.spec ?? {};
    if (activeDeadlineSeconds === undefined || suspend) return;
    const started = parseTime(obj.status?.startTime ?? '') ?? now;
    const left = started + activeDeadlineSeconds * 1000 - now;
    if (left > 0) this.queue.addAfter(keyOf(obj), left);
  }

  private tell(obj: Job, type: EventType, reason: string, message: string): void {
    this.recorder.event(referenceTo(JOBS, obj), type, reason, message);
  }

  // --- finalizers ---

  private async release(pods: readonly Pod[], signal: AbortSignal): Promise<void> {
    await Promise.all(pods.filter(isTracked).map((pod) => this.removeFinalizer(pod, signal)));
  }

  private async releaseOrphan(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.pods.store.get(key.slice(ORPHAN.length));
    const ref = pod && controllerOf(pod);
    if (!pod || !isTracked(pod)) return;
    const owner = this.jobs.store.get(`${pod.metadata?.namespace}/${ref?.name}`);
    if (ref?.kind === JOBS.kind && owner?.metadata?.uid === ref.uid) return;
    await this.removeFinalizer(pod, signal);
  }

  private async removeFinalizer(pod: Pod, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '', uid, resourceVersion } = pod.metadata ?? {};
    const finalizers = pod.metadata?.finalizers?.filter((f) => f !== TRACKING_FINALIZER) ?? [];
    try {
      const metadata = { uid, resourceVersion, finalizers: finalizers.length ? finalizers : null };
      await this.podClient.patch(namespace, name, 'merge', { metadata }, { signal });
    } catch (err) {
      // It changed meanwhile, and its change brings the Job back here.
      if (!isNotFound(err) && !isConflict(err)) throw err;
    }
  }

  // --- enqueue helpers ---

  private podChanged(pod: Pod, created: boolean): void {
    const ref = controllerOf(pod);
    if (ref?.kind !== JOBS.kind) return;
    const key = `${pod.metadata?.namespace ?? ''}/${ref.name}`;
    const owner = this.jobs.store.get(key);
    if (owner?.metadata?.uid !== ref.uid) {
      if (isTracked(pod)) this.queue.add(orphanKey(pod));
      return;
    }
    if (created) this.expectations.creationObserved(key);
    this.queue.add(key);
  }
}

const ORPHAN = 'orphan pod ';
const orphanKey = (pod: Pod) => `${ORPHAN}${keyOf(pod)}`;

/** With restartPolicy OnFailure a pod does not fail; its restarts count instead. */
function pastLimitOnFailure(obj: Job, active: readonly Pod[]): boolean {
  if (obj.spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  const { backoffLimit = 6 } = obj.spec;
  let restarts = 0;
  for (const pod of active) {
    if (pod.status?.phase !== 'Running' && pod.status?.phase !== 'Pending') continue;
    for (const c of pod.status.initContainerStatuses ?? []) restarts += c.restartCount;
    for (const c of pod.status.containerStatuses ?? []) restarts += c.restartCount;
  }
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}

function withCondition(conditions: readonly JobCondition[], next: JobCondition): JobCondition[] {
  const old = conditions.find((c) => c.type === next.type);
  if (old && old.status === next.status) return [...conditions];
  return old ? conditions.map((c) => (c === old ? next : c)) : [...conditions, next];
}

// --- object builders ---

function podOf(obj: Job, index: number | undefined): Pod {
  const pod = podFromTemplate(JOBS, obj, obj.spec?.template);
  const metadata = {
    ...pod.metadata,
    finalizers: [...(pod.metadata?.finalizers ?? []), TRACKING_FINALIZER],
  };
  if (index === undefined || !pod.spec) return { ...pod, metadata };
  const value = String(index);
  const fieldPath = `metadata.labels['${COMPLETION_INDEX}']`;
  const env = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath } } };
  const withEnv = <C extends { env?: { name: string }[] }>(c: C): C =>
    c.env?.some((e) => e.name === env.name) ? c : { ...c, env: [...(c.env ?? []), env] };
  return {
    ...pod,
    metadata: {
      ...metadata,
      generateName: `${obj.metadata?.name ?? ''}-${index}-`,
      labels: { ...metadata.labels, [COMPLETION_INDEX]: value },
      annotations: { ...metadata.annotations, [COMPLETION_INDEX]: value },
    },
    spec: {
      ...pod.spec,
      hostname: `${obj.metadata?.name ?? ''}-${index}`,
      containers: pod.spec.containers.map(withEnv),
      ...(pod.spec.initContainers ? { initContainers: pod.spec.initContainers.map(withEnv) } : {}),
    },
  };
}
