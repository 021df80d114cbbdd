/** Deletes Jobs `ttlSecondsAfterFinished` after their end (`pkg/controller/ttlafterfinished`). */

import type { Job } from '../../pkg/api/types.js';
import { keyOf, splitKey } from '../../pkg/apimachinery/meta.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { JOBS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { conditionOf } from '../job/conditions.js';

export const ttlAfterFinished: ControllerDescriptor = {
  name: 'ttl-after-finished-controller',
  aliases: ['ttl-after-finished'],
  serviceAccount: 'ttl-after-finished-controller',
  create: (context) => new TtlAfterFinishedController(context),
};

class TtlAfterFinishedController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly jobs: Informer<Job>;
  private readonly client: ResourceClient<Job>;

  constructor(private readonly context: ControllerContext) {
    this.queue = new RateLimitingQueue(context.clock);
    this.client = context.client.resource<Job>(JOBS);
    this.jobs = context.informers.informer<Job>(JOBS);
    const enqueue = (job: Job) => {
      if (expiryOf(job) !== undefined) this.queue.add(keyOf(job));
    };
    this.jobs.addHandler({ add: enqueue, update: (_, job) => enqueue(job) });
  }

  run(signal: AbortSignal): Promise<void> {
    const concurrency = this.context.options.concurrency['ttl-after-finished'] ?? 5;
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency,
        informers: [this.jobs],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const cached = this.jobs.store.get(key);
    if (!cached || this.left(cached) === undefined) return;
    if (this.later(key, cached)) return;
    const { namespace, name } = splitKey(key);
    try {
      // The TTL may have been raised a moment ago: decide on what the server has.
      const fresh = await this.client.get(namespace, name, { signal });
      if (fresh.metadata?.uid !== cached.metadata?.uid || this.left(fresh) === undefined) return;
      if (this.later(key, fresh)) return;
      const { uid = '', resourceVersion = '' } = fresh.metadata ?? {};
      const preconditions = { uid, resourceVersion };
      await this.client.delete(namespace, name, {
        propagationPolicy: 'Foreground',
        preconditions,
        signal,
      });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private later(key: string, job: Job): boolean {
    const left = this.left(job);
    if (left === undefined || left <= 0) return false;
    this.queue.addAfter(key, left);
    return true;
  }

  private left(job: Job): number | undefined {
    const expiry = expiryOf(job);
    return expiry === undefined ? undefined : expiry - this.context.clock.now();
  }
}

/** When the Job is to go, in milliseconds since the epoch; undefined: never, or not known yet. */
function expiryOf(job: Job): number | undefined {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  if (ttl === undefined || job.metadata?.deletionTimestamp !== undefined) return undefined;
  const end = conditionOf(job, 'Complete') ?? conditionOf(job, 'Failed');
  const at = end && parseTime(end.lastTransitionTime ?? '');
  return at === undefined ? undefined : at + ttl * 1000;
}
