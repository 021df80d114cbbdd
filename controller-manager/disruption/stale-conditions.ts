/**
 * Pods that were said to be disrupted and are still here two minutes later: the condition DisruptionTarget is
 * taken back. What a kubelet says of its own pods, and of pods that have ended, stays.
 */
import type { Pod } from '../../pkg/api/types.js';
import { formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { PODS } from '../../pkg/client/resources.js';
import { type ControllerContext, runSyncLoop } from '../controller.js';
import { isPodTerminal, podCondition } from '../pods.js';

const TIMEOUT_MS = 2 * 60_000;
const TYPE = 'DisruptionTarget';

export class StaleConditions {
  private readonly queue: RateLimitingQueue;
  private readonly client: ResourceClient<Pod>;

  constructor(
    private readonly context: ControllerContext,
    private readonly pods: Informer<Pod>,
  ) {
    this.queue = new RateLimitingQueue(context.clock);
    this.client = context.client.resource<Pod>(PODS);
    const look = (pod: Pod) => {
      const left = untilStale(pod, context.clock.now());
      if (left !== undefined) this.queue.addAfter(keyOf(pod), left);
    };
    pods.addHandler({ add: look, update: (_, pod) => look(pod) });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue, pods } = this;
    return runSyncLoop(
      { context, queue, concurrency: 1, informers: [pods], sync: (key, s) => this.sync(key, s) },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.pods.store.get(key);
    const now = this.context.clock.now();
    const left = pod && untilStale(pod, now);
    if (!pod || left === undefined) return;
    if (left > 0) {
      this.queue.addAfter(key, left);
      return;
    }
    const { namespace = '', name = '', uid } = pod.metadata ?? {};
    const lastTransitionTime = formatTime(new Date(now));
    const gone = { reason: null, message: null };
    const conditions = [{ type: TYPE, status: 'False', lastTransitionTime, ...gone }];
    try {
      await this.client.patch(
        namespace,
        name,
        'strategic',
        { metadata: { uid }, status: { conditions } },
        { subresource: 'status', signal },
      );
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}

/** Milliseconds; undefined: there is nothing to take back. */
export function untilStale(pod: Pod, nowMs: number): number | undefined {
  const condition = podCondition(pod, TYPE);
  if (pod.metadata?.deletionTimestamp !== undefined || isPodTerminal(pod)) return undefined;
  if (condition?.status !== 'True' || condition.reason === 'TerminationByKubelet') return undefined;
  const since = parseTime(condition.lastTransitionTime ?? '') ?? nowMs;
  return Math.max(0, since + TIMEOUT_MS - nowMs);
}
