/**
 * The books of a Job: counts the pods that ended, in the order that `tracking.ts` explains, takes their
 * finalizers off, ends the Job when that was the last, and tells what happened.
 */
import type { Job, JobStatus } from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import {
  type EventRecorder,
  type EventType,
  referenceTo,
} from '../../pkg/client/event-recorder.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { JOBS } from '../../pkg/client/resources.js';
import type { Clock } from '../../pkg/component/clock.js';
import { turned } from './conditions.js';
import type { TrackingFinalizers } from './finalizers.js';
import type { OwnWrites } from './own-writes.js';
import type { Outcome, Progress } from './progress.js';
import { finished, heldUids, settle, track } from './tracking.js';

export interface Entry {
  /** The Job as it was read. */
  readonly job: Job;
  readonly progress: Progress;
  /** How it ends, if it does. */
  readonly outcome: Outcome | undefined;
  /** All but the counts of those that ended. */
  readonly status: JobStatus;
}

export class Bookkeeping {
  constructor(
    private readonly parts: {
      readonly client: ResourceClient<Job>;
      readonly clock: Clock;
      readonly recorder: EventRecorder;
      readonly finalizers: TrackingFinalizers;
      readonly ownWrites: OwnWrites;
    },
  ) {}

  /** `counted` is called when what ended anew stands in the status. Returns whether there is more to count. */
  async write(
    { job, progress, outcome, status: wanted }: Entry,
    counted: () => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { clock, finalizers } = this.parts;
    const key = keyOf(job);
    const time = formatTime(new Date(clock.now()));
    const { status, release, more } = track(progress, outcome, wanted, time);
    let current = job;
    if (!semanticDeepEqual(job.status ?? {}, status)) {
      current = await this.writeStatus(key, current, status, signal);
      counted();
      if (turned(job.status, status, 'Suspended', 'True'))
        this.tell(current, 'Normal', 'Suspended', 'Job suspended');
      if (turned(job.status, status, 'Suspended', 'False'))
        this.tell(current, 'Normal', 'Resumed', 'Job resumed');
    }
    const held = heldUids(progress);
    const { done, error } = await finalizers.release(key, release, signal);
    for (const uid of done) held.delete(uid);
    let settled = settle(status, held);
    const end = outcome && !more && !error ? finished(settled, outcome, time) : undefined;
    if (end) settled = end;
    if (!semanticDeepEqual(status, settled)) {
      current = await this.writeStatus(key, current, settled, signal);
      if (end && outcome) this.announceEnd(current, outcome);
    }
    if (error !== undefined) throw error;
    return more;
  }

  private async writeStatus(
    key: string,
    job: Job,
    status: JobStatus,
    signal: AbortSignal,
  ): Promise<Job> {
    const { client, ownWrites } = this.parts;
    ownWrites.begin(key);
    try {
      const made = await client.updateStatus({ ...job, status }, { signal });
      const { resourceVersion } = made.metadata ?? {};
      // What changed nothing is seen already.
      ownWrites.end(
        key,
        resourceVersion === job.metadata?.resourceVersion ? undefined : resourceVersion,
      );
      return made;
    } catch (err) {
      ownWrites.end(key);
      throw err;
    }
  }

  private announceEnd(job: Job, { type, reason, message }: Outcome): void {
    if (type === 'Failed') {
      this.tell(job, 'Warning', reason, message);
      return;
    }
    const { completions } = job.spec ?? {};
    if (completions !== undefined && (job.status?.succeeded ?? 0) > completions) {
      const text = 'Too many succeeded pods running after completion count reached';
      this.tell(job, 'Warning', 'TooManySucceededPods', text);
    }
    this.tell(job, 'Normal', 'Completed', 'Job completed');
  }

  private tell(job: Job, type: EventType, reason: string, message: string): void {
    this.parts.recorder.event(referenceTo(JOBS, job), type, reason, message);
  }
}
