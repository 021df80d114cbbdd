/**
 * Starts Jobs by schedule (`pkg/controller/cronjob`):
 *
 *   sync ─ history over its limits: delete ─ active Jobs that ended: off the list
 *        ─ due? too late │ one still runs (Forbid │ Replace) │ create NAME-MINUTES
 *        ─ again at the next time of the schedule
 *
 * A Job's name is made from its scheduled minute, so that no time is ever started twice, whoever tries.
 * `@every` is no schedule here, as times are those of a calendar: an Event says so.
 */
import { Cron } from 'croner';
import type { CronJob, CronJobStatus, Job, ObjectReference } from '../../pkg/api/types.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { controllerOf, formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
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
    this.cronJobs.addHandler({ add: enqueue, update: (_, obj) => enqueue(obj) });
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

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const cj = this.cronJobs.store.get(key);
    if (!cj) return;
    const owned = this.jobs.store.byIndex(BY_OWNER, cj.metadata?.uid ?? '');
    await this.trimHistory(cj, owned, signal);
    const status = this.followActive(cj, owned);
    try {
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
    if (cj.metadata?.deletionTimestamp !== undefined || cj.spec?.suspend) return undefined;
    const now = this.context.clock.now();
    const due = this.dueOf(cj, now);
    if (!due) return undefined;
    const { at, missed, next } = due;
    if (missed > TOO_MANY_MISSED) {
      const message =
        'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      this.tell(cj, 'Warning', 'TooManyMissedTimes', message);
    }
    if (at === undefined) return next;
    const deadline = cj.spec?.startingDeadlineSeconds;
    if (deadline !== undefined && at + deadline * 1000 < now) {
      this.tell(
        cj,
        'Warning',
        'MissSchedule',
        `Missed scheduled time to start a job: ${new Date(at).toUTCString().replace('GMT', '+0000')}`,
      );
      return next;
    }
    const name = jobName(cj, at);
    if (
      status.lastScheduleTime === formatTime(new Date(at)) ||
      owned.some((j) => j.metadata?.name === name)
    )
      return next;
    if (cj.spec?.concurrencyPolicy === 'Forbid' && status.active?.length) {
      const message =
        'Not starting job because prior execution is running and concurrency policy is Forbid';
      this.tell(cj, 'Normal', 'JobAlreadyActive', message);
      return next;
    }
    if (cj.spec?.concurrencyPolicy === 'Replace') {
      for (const running of owned.filter((j) => !isFinished(j)))
        await this.remove(cj, running, signal);
      delete status.active;
    }
    const made = await this.create(cj, at, signal);
    if (made) status.active = [...(status.active ?? []), referenceTo(JOBS, made)];
    status.lastScheduleTime = formatTime(new Date(at));
    return next;
  }

  private dueOf(cj: CronJob, now: number): Due | undefined {
    const { schedule = '', timeZone } = cj.spec ?? {};
    try {
      return dueTimes(cj, now);
    } catch (err) {
      if (timeZone !== undefined && !isTimeZone(timeZone)) {
        this.tell(
          cj,
          'Warning',
          'UnknownTimeZone',
          `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`,
        );
      } else {
        this.tell(
          cj,
          'Warning',
          'UnparseableSchedule',
          `unparseable schedule: ${JSON.stringify(schedule)} : ${messageOf(err)}`,
        );
      }
      return undefined;
    }
  }

  private async create(cj: CronJob, at: number, signal: AbortSignal): Promise<Job | undefined> {
    try {
      const made = await this.jobClient.create(jobObject(cj, at), { signal });
      this.tell(cj, 'Normal', 'SuccessfulCreate', `Created job ${made.metadata?.name}`);
      return made;
    } catch (err) {
      if (isNamespaceTerminating(err)) return undefined;
      // Ours, made before the cache showed it; its own event brings it onto the list.
      if (isAlreadyExists(err)) return undefined;
      if (!signal.aborted)
        this.tell(cj, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(err)}`);
      throw err;
    }
  }

  /** The status with what is seen of the Jobs: ended ones off the list of active ones. */
  private followActive(cj: CronJob, owned: readonly Job[]): CronJobStatus {
    const status = clone(cj.status ?? {});
    const active: ObjectReference[] = [];
    for (const ref of status.active ?? []) {
      const found = owned.find((j) => j.metadata?.uid === ref.uid);
      if (!found) {
        this.tell(cj, 'Normal', 'MissingJob', `Active job went missing: ${ref.name}`);
        continue;
      }
      if (!isFinished(found)) {
        active.push(ref);
        continue;
      }
      const type = conditionOf(found, 'Complete') ? 'Complete' : 'Failed';
      this.tell(
        cj,
        'Normal',
        'SawCompletedJob',
        `Saw completed job: ${ref.name}, condition: ${type}`,
      );
    }
    for (const found of owned) {
      if (isFinished(found) || active.some((ref) => ref.uid === found.metadata?.uid)) continue;
      active.push(referenceTo(JOBS, found));
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

interface Due {
  /** The latest time of the schedule that has come and was not started. */
  readonly at: number | undefined;
  /** Times that have come since the last start. */
  readonly missed: number;
  readonly next: number | undefined;
}

/** Throws for a schedule or time zone that is none. Pure. */
export function dueTimes(cj: CronJob, now: number): Due {
  const { schedule = '', timeZone, startingDeadlineSeconds } = cj.spec ?? {};
  // In standard cron a restricted day of month and a restricted day of week are alternatives.
  const cron = new Cron(schedule, {
    paused: true,
    mode: '5-part',
    timezone: timeZone ?? 'Etc/UTC',
  });
  let since = parseTime(cj.status?.lastScheduleTime ?? cj.metadata?.creationTimestamp ?? '') ?? now;
  if (startingDeadlineSeconds !== undefined)
    since = Math.max(since, now - startingDeadlineSeconds * 1000);
  const next = cron.nextRun(new Date(now))?.getTime();
  const times = cron.nextRuns(TOO_MANY_MISSED + 1, new Date(since)).map((date) => date.getTime());
  const come = times.filter((time) => time <= now);
  if (come.length <= TOO_MANY_MISSED) return { at: come.at(-1), missed: come.length, next };
  const [latest] = cron.previousRuns(1, new Date(now + 1));
  return { at: latest?.getTime(), missed: come.length, next };
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    // That is how Intl says no.
    return false;
  }
}

function startedAt(obj: Job): number {
  return parseTime(obj.status?.startTime ?? obj.metadata?.creationTimestamp ?? '') ?? 0;
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
      annotations: { ...metadata?.annotations, [SCHEDULED_AT]: formatTime(new Date(at)) },
      name: jobName(cj, at),
      namespace: cj.metadata?.namespace ?? '',
      ownerReferences: [controllerRefTo(CRON_JOBS, cj)],
    },
    ...(spec ? { spec: clone(spec) } : {}),
  };
}
