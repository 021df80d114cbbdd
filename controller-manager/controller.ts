/**
 * What a controller is, and what it is given. A controller is one file of `controllers/` and one line of
 * its index: reasons → class → run → worker → sync → status → enqueue helpers → object builders.
 *
 * Construction registers informers and handlers and starts nothing; `run(signal)` resolves when its last
 * worker has stopped. Objects from informers are shared and read-only.
 */
import type { KubeObject } from '../pkg/apimachinery/meta.js';
import { isConflict } from '../pkg/client/errors.js';
import type { EventRecorder } from '../pkg/client/event-recorder.js';
import type { Informer } from '../pkg/client/informer.js';
import type { InformerFactory } from '../pkg/client/informer-factory.js';
import type { RateLimitingQueue } from '../pkg/client/rate-limiting-queue.js';
import type { RestClient } from '../pkg/client/rest.js';
import { runWorkers } from '../pkg/client/workers.js';
import type { Clock } from '../pkg/component/clock.js';
import type { Logger } from '../pkg/component/logger.js';
import type { ControllerManagerOptions } from './options.js';

export interface Controller {
  run(signal: AbortSignal): Promise<void>;
}

export interface ControllerContext {
  /** Acts as the controller's own service account where the process is told to (`--use-service-account-credentials`). */
  readonly client: RestClient;
  /** Shared by all controllers. */
  readonly informers: InformerFactory;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: ControllerManagerOptions;
}

export interface ControllerDescriptor {
  /** As `--controllers` takes it: `replicaset-controller`. */
  readonly name: string;
  /** Older names that `--controllers` takes too: `replicaset`. */
  readonly aliases?: readonly string[];
  /** The service account in kube-system whose rights it needs: `replicaset-controller`. Absent: it acts as the process. */
  readonly serviceAccount?: string;
  /** `*` does not mean it; it runs where it is named. */
  readonly offByDefault?: boolean;
  readonly create: (context: ControllerContext) => Controller;
}

export interface SyncLoop<K extends string> {
  readonly context: ControllerContext;
  readonly queue: RateLimitingQueue<K>;
  readonly concurrency: number;
  /** What must hold a complete list before the first sync. */
  readonly informers: readonly Pick<Informer<KubeObject>, 'waitForSync'>[];
  readonly sync: (key: K, signal: AbortSignal) => Promise<void>;
  /** Failures after which a key is dropped until its object changes. Absent: tried for ever. */
  readonly maxRetries?: number;
}

/** Waits for the caches, then works on the queue until the signal aborts. */
export async function runSyncLoop<K extends string>(
  loop: SyncLoop<K>,
  signal: AbortSignal,
): Promise<void> {
  const { context, queue, concurrency, sync, maxRetries } = loop;
  try {
    await Promise.all(loop.informers.map((informer) => informer.waitForSync(signal)));
  } catch (err) {
    if (signal.aborted) return;
    throw err;
  }
  await runWorkers({
    queue,
    concurrency,
    sync,
    signal,
    onError: (key, err, failures) => {
      const again = maxRetries === undefined || failures < maxRetries;
      // A conflict only means that the cache was behind.
      if (isConflict(err))
        context.logger.debug({ key, err }, 'Sync met a newer object, trying again');
      else if (again) context.logger.info({ key, err, failures }, 'Sync failed, trying again');
      else context.logger.error({ key, err, failures }, 'Sync failed, dropping the key');
      return again;
    },
  });
}

/** Runs `fn` at once and then every `ms`, measured from end to start, until the signal aborts. */
export async function runPeriodically(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  fn: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    await fn();
    try {
      await clock.sleep(ms, signal);
    } catch (err) {
      if (!signal.aborted) throw err;
    }
  }
}
