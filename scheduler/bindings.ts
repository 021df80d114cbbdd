/**
 * Takes pods that were given a node to the API: what their plugins have to do before (volumes, devices), the
 * binding itself, and the Event that tells of it. Off the scheduling loop, many at a time; where it fails,
 * what was reserved is given back, and the pod is its caller's again.
 */
import type { Pod } from '../pkg/api/types.js';
import { referenceTo } from '../pkg/client/event-recorder.js';
import type { EventsV1Recorder } from '../pkg/client/events-v1-recorder.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import { PODS } from '../pkg/client/resources.js';
import type { Clock } from '../pkg/component/clock.js';
import type { Logger } from '../pkg/component/logger.js';
import type { SchedulerCache } from './cache/cache.js';
import type { Extenders } from './extenders.js';
import type { Framework } from './framework/framework.js';
import type { CycleState } from './framework/interface.js';
import type { PodInfo } from './framework/pod-info.js';
import type { SchedulerMetrics } from './metrics.js';
import type { QueuedPod, SchedulingQueue } from './queue/scheduling-queue.js';

/** Bindings under way at a time: enough for the server to store many at once, few enough that others get through. */
const MAX_BINDINGS = 32;

/** A pod that was given a node, and in whose name it is told. */
export interface Bound {
  readonly queued: QueuedPod;
  readonly profile: { readonly framework: Framework; readonly recorder: EventsV1Recorder };
}

export interface BindingsOptions {
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly extenders: Extenders;
  readonly pods: ResourceClient<Pod>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SchedulerMetrics;
}

export class Bindings {
  private underWay = 0;
  private waiting: (() => void) | undefined;

  constructor(private readonly options: BindingsOptions) {}

  get full(): boolean {
    return this.underWay >= MAX_BINDINGS;
  }

  /** Of those that are full: resolves when one more can begin. One caller at a time. */
  room(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  /** What went wrong, where the pod is to be tried again. */
  async bind(
    { queued, profile }: Bound,
    state: CycleState,
    node: string,
    began: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { cache, queue, clock, logger, metrics, extenders } = this.options;
    const { framework, recorder } = profile;
    const pod = queued.info;
    // From here on only an error brings it back, and that waits for nothing but time.
    queue.decided(pod.uid);
    try {
      if (framework.hasPreBindWork(state, pod, node)) await this.announce(pod, node, signal);
      await framework.preBind(state, pod, node, signal);
      await this.withBindingSlot(async () => {
        if (!(await extenders.bind(pod, node, signal)))
          await framework.bind(state, pod, node, signal);
      });
    } catch (err) {
      framework.unreserve(state, pod, node);
      cache.forget(pod.uid);
      queue.onEvent({ resource: 'AssignedPod', action: 'Delete' }, pod.pod, undefined);
      if (signal.aborted) return undefined;
      metrics.attempt('error', framework.profile);
      logger.warn(
        { namespace: pod.namespace, name: pod.name, node, err },
        'Binding failed, the pod is tried again if it is still there',
      );
      return err instanceof Error ? err.message : String(err);
    }
    queue.done(pod.uid);
    metrics.attempt('scheduled', framework.profile);
    metrics.observeScheduled(
      (clock.monotonic() - began) / 1000,
      (clock.now() - queued.firstSeen) / 1000,
    );
    logger.debug({ namespace: pod.namespace, name: pod.name, node }, 'Pod was bound');
    recorder.event(
      referenceTo(PODS, pod.pod),
      undefined,
      'Normal',
      'Scheduled',
      'Binding',
      `Successfully assigned ${pod.namespace}/${pod.name} to ${node}`,
    );
    return undefined;
  }

  /** Tells where the pod will go, for those that plan with it: it may be long until it is bound. */
  private async announce(pod: PodInfo, node: string, signal: AbortSignal): Promise<void> {
    const { namespace, name, uid } = pod;
    if (pod.pod.status?.nominatedNodeName === node) return;
    const news = { metadata: { uid }, status: { nominatedNodeName: node } };
    const options = { subresource: 'status', signal };
    try {
      await this.options.pods.patch(namespace, name, 'strategic', news, options);
    } catch (err) {
      if (signal.aborted) throw err;
      this.options.logger.warn({ namespace, name, node, err }, 'Nominated node was not written');
    }
  }

  /** Those that wait for volumes do not count, so they hold nobody up. */
  private async withBindingSlot(run: () => Promise<void>): Promise<void> {
    this.underWay++;
    try {
      await run();
    } finally {
      this.underWay--;
      this.waiting?.();
      this.waiting = undefined;
    }
  }
}
