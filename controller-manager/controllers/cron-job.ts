/**
 * Starts Jobs by schedule (`pkg/controller/cronjob`):
 *
 *   sync ─ history over its limits: delete ─ active Jobs that ended: off the list
 *        ─ due? too late │ one still runs (Forbid │ Replace) │ create NAME-MINUTES
 *        ─ again at the next time of the schedule
 *
 * A Job's name is made from its scheduled minute, so that no time is ever started twice, whoever tries.
 * When it is due: `cron-job/timing.ts`.
 */
import type { CronJob, CronJobStatus, Job, ObjectReference } from '../../pkg/api/types.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { controllerOf, formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { WallClock } from '../../pkg/apimachinery/wall-clock.js';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../pkg/client/errors.js';
import {
  type EventRecorder,
  type EventType,
  referenceTo,
} from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { CRON_JOBS, JOBS } from '../../pkg/client/resources.js';
import { BY_OWNER, ownerIndex } from '../../pkg/client/store.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { isFault, timingOf, zoneFault } from '../cron-job/timing.js';
import { conditionOf, isFinished } from '../job/conditions.js';
import { controllerRefTo, messageOf } from '../pod-control.js';

const SCHEDULED_AT = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
const TOO_MANY_MISSED = 100;
/** The clock may be read a little before the minute turns. */
const SLACK_MS = 100;

export const cronJob: ControllerDescriptor = {
  name: 'cronjob-controller',
  aliases: ['cronjob'],
  serviceAccount: 'cronjob-controller',
  create: (context) => new CronJobController(context),
};

class CronJobController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly recorder: EventRecorder;
  private readonly cronJobs: Informer<CronJob>;
  private readonly jobs: Informer<Job>;
  private readonly client: ResourceClient<CronJob>;
  private readonly jobClient: ResourceClient<Job>;

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.recorder = context.recorder.forComponent('cronjob-controller');
    this.client = client.resource<CronJob>(CRON_JOBS);
    this.jobClient = client.resource<Job>(JOBS);
    this.cronJobs = informers.informer<CronJob>(CRON_JOBS);
    this.jobs = informers.informer<Job>(JOBS, { indexers: { [BY_OWNER]: ownerIndex } });
    const enqueue = (obj: CronJob) => this.queue.add(keyOf(obj));
    this.cronJobs.addHandler({ add: enqueue, update: (old, obj) => this.changed(old, obj) });
    const enqueueOwner = (obj: Job) => {
      const ref = controllerOf(obj);
      if (ref?.kind === CRON_JOBS.kind)
        this.queue.add(`${obj.metadata?.namespace ?? ''}/${ref.name}`);
    };
    this.jobs.addHandler({
      add: enqueueOwner,
      update: (_, obj) => enqueueOwner(obj),
      delete: enqueueOwner,
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency: context.options.concurrency['cron-job'] ?? 5,
        informers: [this.cronJobs, this.jobs],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  /** Times of a new schedule that have passed are no missed ones: it counts from its next time. */
  private changed(old: CronJob, obj: CronJob): void {
    const now = this.context.clock.now();
    const isNew =
      old.spec?.schedule !== obj.spec?.schedule || old.spec?.timeZone !== obj.spec?.timeZone;
    const timing = isNew ? timingOf(obj, now) : undefined;
    const next = timing && !isFault(timing) ? timing.next : undefined;
    if (next === undefined) this.queue.add(keyOf(obj));
    else this.queue.addAfter(keyOf(obj), next - now + SLACK_MS);
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const cj = this.cronJobs.store.get(key);
    if (!cj) return;
    const owned = this.jobs.store.byIndex(BY_OWNER, cj.metadata?.uid ?? '');
    const status = await this.followActive(cj, owned, signal);
    try {
      await this.trimHistory(cj, owned, signal);
      const next = await this.start(cj, status, owned, signal);
      if (next !== undefined) this.queue.addAfter(key, next - this.context.clock.now() + SLACK_MS);
    } finally {
      await this.writeStatus(cj, status, signal);
    }
  }

  /** Starts the Job that is due, noting it in `status`. Returns when to look again. */
  private async start(
    cj: CronJob,
    status: CronJobStatus,
    owned: readonly Job[],
    signal: AbortSignal,
  ): Promise<number | undefined> {
    if (cj.metadata?.deletionTimestamp !== undefined) return undefined;
    const { schedule, timeZone, suspend, startingDeadlineSeconds: deadline } = cj.spec ?? {};
    const unknownZone = zoneFault(timeZone);
    if (unknownZone) this.tell(cj, 'Warning', unknownZone.reason, unknownZone.message);
    if (unknownZone || suspend) return undefined;
    if (schedule?.includes('TZ')) {
      const message = `CRON_TZ or TZ used in schedule ${JSON.stringify(schedule)} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`;
      this.tell(cj, 'Warning', 'UnsupportedSchedule', message);
    }
    const now = this.context.clock.now();
    const timing = timingOf(cj, now);
    if (isFault(timing)) {
      this.tell(cj, 'Warning', timing.reason, timing.message);
      return undefined;
    }
    const { at, missed, next } = timing;
    if (missed > TOO_MANY_MISSED) {
      const message =
        'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      this.tell(cj, 'Warning', 'TooManyMissedTimes', message);
    }
    if (at === undefined) return next;
    if (deadline !== undefined && at + deadline * 1000 < now) {
      const message = `Missed scheduled time to start a job: ${rfc1123(at)}`;
      this.tell(cj, 'Warning', 'MissSchedule', message);
      return next;
    }
    const time = formatTime(new Date(at));
    const name = jobName(cj, at);
    if (status.lastScheduleTime === time || status.active?.some((ref) => ref.name === name))
      return next;
    if (cj.spec?.concurrencyPolicy === 'Forbid' && status.active?.length) {
      const message =
        'Not starting job because prior execution is running and concurrency policy is Forbid';
      this.tell(cj, 'Normal', 'JobAlreadyActive', message);
      return next;
    }
    if (cj.spec?.concurrencyPolicy === 'Replace') {
      for (const ref of status.active ?? []) {
        const running = owned.find((j) => j.metadata?.uid === ref.uid);
        if (running) await this.remove(cj, running, signal);
      }
      delete status.active;
    }
    const made = await this.create(cj, at, signal);
    if (made && !status.active?.some((ref) => ref.uid === made.metadata?.uid))
      status.active = [...(status.active ?? []), referenceTo(JOBS, made)];
    if (made) status.lastScheduleTime = time;
    return next;
  }

  /** The Job of that time, new, or made before by this controller; undefined: it is another's. */
  private async create(cj: CronJob, at: number, signal: AbortSignal): Promise<Job | undefined> {
    try {
      const made = await this.jobClient.create(jobObject(cj, at), { signal });
      this.tell(cj, 'Normal', 'SuccessfulCreate', `Created job ${made.metadata?.name}`);
      return made;
    } catch (err) {
      if (isNamespaceTerminating(err)) return undefined;
      if (!isAlreadyExists(err)) {
        if (!signal.aborted)
          this.tell(cj, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(err)}`);
        throw err;
      }
    }
    const found = await this.jobClient.get(cj.metadata?.namespace ?? '', jobName(cj, at), {
      signal,
    });
    return controllerOf(found)?.uid === cj.metadata?.uid ? found : undefined;
  }

  /** The status with what is seen of the Jobs: ended ones off the list of active ones. */
  private async followActive(
    cj: CronJob,
    owned: readonly Job[],
    signal: AbortSignal,
  ): Promise<CronJobStatus> {
    const status = clone(cj.status ?? {});
    const active: ObjectReference[] = [];
    for (const ref of status.active ?? []) {
      const found = owned.find((j) => j.metadata?.uid === ref.uid);
      if (!found) {
        if (await this.exists(ref, signal)) active.push(ref);
        else this.tell(cj, 'Normal', 'MissingJob', `Active job went missing: ${ref.name}`);
      } else if (isFinished(found)) {
        const type = conditionOf(found, 'Complete') ? 'Complete' : 'Failed';
        const message = `Saw completed job: ${ref.name}, condition: ${type}`;
        this.tell(cj, 'Normal', 'SawCompletedJob', message);
      } else active.push(ref);
    }
    for (const found of owned) {
      if (isFinished(found) || active.some((ref) => ref.uid === found.metadata?.uid)) continue;
      await this.noteStranger(cj, found, signal);
    }
    const successes = owned.map((j) =>
      conditionOf(j, 'Complete') ? j.status?.completionTime : undefined,
    );
    const last = [status.lastSuccessfulTime, ...successes]
      .filter((time) => time !== undefined)
      .sort()
      .at(-1);
    if (last !== undefined) status.lastSuccessfulTime = last;
    if (active.length) status.active = active;
    else delete status.active;
    return status;
  }

  /** The cache may be behind what was just made. */
  private async exists(ref: ObjectReference, signal: AbortSignal): Promise<boolean> {
    try {
      await this.jobClient.get(ref.namespace ?? '', ref.name ?? '', { signal });
      return true;
    } catch (err) {
      if (isNotFound(err)) return false;
      throw err;
    }
  }

  /** One made by hand from this CronJob runs beside its own, and is not counted among them. */
  private async noteStranger(cj: CronJob, found: Job, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '' } = cj.metadata ?? {};
    const fresh = await this.client.get(namespace, name, { signal });
    if (fresh.status?.active?.some((ref) => ref.uid === found.metadata?.uid)) return;
    const message = `Saw a job that the controller did not create or forgot: ${found.metadata?.name}`;
    this.tell(cj, 'Warning', 'UnexpectedJob', message);
  }

  private async trimHistory(
    cj: CronJob,
    owned: readonly Job[],
    signal: AbortSignal,
  ): Promise<void> {
    const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cj.spec ?? {};
    const trim = async (type: string, limit: number) => {
      const ended = owned
        .filter((j) => conditionOf(j, type) && j.metadata?.deletionTimestamp === undefined)
        .sort((a, b) => startedAt(a) - startedAt(b) || (keyOf(a) < keyOf(b) ? -1 : 1));
      for (const old of ended.slice(0, Math.max(0, ended.length - limit)))
        await this.remove(cj, old, signal);
    };
    await trim('Complete', successfulJobsHistoryLimit);
    await trim('Failed', failedJobsHistoryLimit);
  }

  private async remove(cj: CronJob, old: Job, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '' } = old.metadata ?? {};
    try {
      await this.jobClient.delete(namespace, name, { propagationPolicy: 'Background', signal });
      this.tell(cj, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
    } catch (err) {
      if (isNotFound(err)) return;
      if (!signal.aborted)
        this.tell(cj, 'Warning', 'FailedDelete', `Deleted job: ${messageOf(err)}`);
      throw err;
    }
  }

  private async writeStatus(
    cj: CronJob,
    status: CronJobStatus,
    signal: AbortSignal,
  ): Promise<void> {
    if (semanticDeepEqual(cj.status ?? {}, status)) return;
    try {
      await this.client.updateStatus({ ...cj, status }, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private tell(cj: CronJob, type: EventType, reason: string, message: string): void {
    this.recorder.event(referenceTo(CRON_JOBS, cj), type, reason, message);
  }
}

function startedAt(obj: Job): number {
  return parseTime(obj.status?.startTime ?? obj.metadata?.creationTimestamp ?? '') ?? 0;
}

/** `Mon, 02 Jan 2006 15:04:05 +0000` */
function rfc1123(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}

// --- object builders ---

function jobName(cj: CronJob, at: number): string {
  return `${cj.metadata?.name ?? ''}-${Math.floor(at / 60_000)}`;
}

function jobObject(cj: CronJob, at: number): Job {
  const { metadata, spec } = cj.spec?.jobTemplate ?? {};
  return {
    metadata: {
      ...(metadata?.labels ? { labels: { ...metadata.labels } } : {}),
      annotations: {
        ...metadata?.annotations,
        [SCHEDULED_AT]: new WallClock(cj.spec?.timeZone ?? 'UTC').format3339(at),
      },
      name: jobName(cj, at),
      namespace: cj.metadata?.namespace ?? '',
      ownerReferences: [controllerRefTo(CRON_JOBS, cj)],
    },
    ...(spec ? { spec: clone(spec) } : {}),
  };
}
