/**
 * The life of one pod in the scheduler, from the queue to its binding:
 *
 *   1. pop           the next pod of the active queue
 *   2. schedule      (synchronous) filter and score the nodes; the pod is assumed on the best
 *   3. bind          (concurrent, off the loop) POST pods/binding; the next pod does not wait for it
 *   4. on failure    tell the user why (Event, PodScheduled condition), make room if that helps, and
 *                    put the pod back to wait for an event that may change the answer
 *
 * Whatever happens, each popped pod ends in exactly one of `queue.done` and `queue.putBack`.
 */
import type { Pod, PodCondition } from '../pkg/api/types.js';
import { formatTime } from '../pkg/apimachinery/meta.js';
import { withCause } from '../pkg/client/cause.js';
import { isNotFound } from '../pkg/client/errors.js';
import { referenceTo } from '../pkg/client/event-recorder.js';
import type { EventsV1Recorder } from '../pkg/client/events-v1-recorder.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import { PODS } from '../pkg/client/resources.js';
import type { Clock } from '../pkg/component/clock.js';
import type { Logger } from '../pkg/component/logger.js';
import type { TaskGroup } from '../pkg/component/task-group.js';
import type { Algorithm } from './algorithm.js';
import type { SchedulerCache } from './cache/cache.js';
import type { Diagnosis } from './framework/diagnosis.js';
import type { Framework } from './framework/framework.js';
import type { CycleState } from './framework/interface.js';
import type { PodInfo } from './framework/pod-info.js';
import type { SchedulerMetrics } from './metrics.js';
import type { Preemption } from './preemption.js';
import type { Nominator } from './queue/nominator.js';
import type { QueuedPod, SchedulingQueue } from './queue/scheduling-queue.js';

/** Bindings under way at a time; more would only wait in the connection pool. */
const MAX_BINDINGS = 128;
/** The loop yields to I/O after this long, so that a full queue does not starve watches and bindings. */
const YIELD_AFTER_MS = 8;

export interface ScheduleOneOptions {
  cache: SchedulerCache;
  queue: SchedulingQueue;
  nominator: Nominator;
  framework: Framework;
  algorithm: Algorithm;
  pods: ResourceClient<Pod>;
  recorder: EventsV1Recorder;
  clock: Clock;
  logger: Logger;
  metrics: SchedulerMetrics;
  tasks: TaskGroup;
  /** The pod as the API has it now; undefined once it is gone. */
  latest(pod: PodInfo): Pod | undefined;
  preempt(state: CycleState, pod: PodInfo, diagnosis: Diagnosis): Preemption | string;
}

export class ScheduleOne {
  private bindings = 0;
  private bindingSlot: (() => void) | undefined;

  constructor(private readonly options: ScheduleOneOptions) {}

  /** Until the queue is closed. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, clock } = this.options;
    let turn = clock.monotonic();
    for (;;) {
      const queued = await queue.pop();
      if (!queued) return;
      withCause(PODS, queued.info.pod, () => this.schedule(queued));
      if (this.bindings >= MAX_BINDINGS) {
        await new Promise<void>((resolve) => {
          this.bindingSlot = resolve;
        });
      }
      if (clock.monotonic() - turn > YIELD_AFTER_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        turn = clock.monotonic();
      }
      if (signal.aborted) return;
    }
  }

  private schedule(queued: QueuedPod): void {
    const { cache, queue, algorithm, framework, clock, metrics, nominator } = this.options;
    const pod = queued.info;
    if (this.isStale(pod)) {
      queue.done(pod.uid);
      return;
    }
    const began = clock.monotonic();
    const outcome = algorithm.schedule(pod);
    metrics.observeAlgorithm((clock.monotonic() - began) / 1000);
    if ('diagnosis' in outcome) {
      this.giveUp(queued, outcome.state, outcome.diagnosis);
      return;
    }
    const { state, node } = outcome;
    cache.assume(pod, node);
    const refused = framework.reserve(state, pod, node);
    if (refused) {
      cache.forget(pod.uid);
      this.reportFailure(pod, refused.reasons.join(', '), undefined);
      queue.putBack(queued, new Set([refused.plugin]));
      return;
    }
    nominator.delete(pod.uid);
    this.bindings++;
    this.options.tasks.spawn(`bind ${pod.namespace}/${pod.name}`, async (signal) => {
      try {
        await this.bind(queued, state, node, began, signal);
      } finally {
        this.bindings--;
        this.bindingSlot?.();
        this.bindingSlot = undefined;
      }
    });
  }

  private async bind(
    queued: QueuedPod,
    state: CycleState,
    node: string,
    began: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { framework, cache, queue, clock, logger, metrics, recorder } = this.options;
    const pod = queued.info;
    try {
      await framework.bind(state, pod, node, signal);
    } catch (err) {
      framework.unreserve(state, pod, node);
      cache.forget(pod.uid);
      queue.onEvent({ resource: 'AssignedPod', action: 'Delete' }, pod.pod, undefined);
      if (signal.aborted) return;
      if (isNotFound(err) || !this.options.latest(pod)) {
        queue.done(pod.uid);
        return;
      }
      metrics.attempt('error');
      logger.warn(
        { namespace: pod.namespace, name: pod.name, node, err },
        'Binding failed, the pod is tried again',
      );
      this.reportFailure(pod, err instanceof Error ? err.message : String(err), 'SchedulerError');
      queue.putBack(queued, new Set());
      return;
    }
    queue.done(pod.uid);
    metrics.attempt('scheduled');
    metrics.observeScheduled(
      (clock.monotonic() - began) / 1000,
      (clock.now() - queued.since) / 1000,
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
  }

  private giveUp(queued: QueuedPod, state: CycleState, diagnosis: Diagnosis): void {
    const { queue, metrics, nominator, logger } = this.options;
    const pod = queued.info;
    metrics.attempt('unschedulable');
    let nominated: string | undefined;
    if (diagnosis.nodeCount > 0) {
      const decision = this.options.preempt(state, pod, diagnosis);
      if (typeof decision === 'string') {
        diagnosis.postFilter = `no new claims to deallocate, preemption: ${decision}`;
      } else {
        nominated = decision.node;
        nominator.set(pod, decision.node);
        this.evict(pod, decision);
      }
    }
    const message = diagnosis.message();
    logger.debug({ namespace: pod.namespace, name: pod.name, message }, 'Pod fits nowhere');
    this.reportFailure(pod, message, 'Unschedulable', nominated);
    queue.putBack(queued, diagnosis.plugins);
  }

  /** Deletes the victims, who are told by whom; the pod gets its turn when they are gone. */
  private evict(pod: PodInfo, { node, victims }: Preemption): void {
    const { pods, recorder, tasks, logger } = this.options;
    for (const victim of victims) {
      tasks.spawn(`preempt ${victim.namespace}/${victim.name}`, async (signal) => {
        try {
          const condition: PodCondition = {
            type: 'DisruptionTarget',
            status: 'True',
            reason: 'PreemptionByScheduler',
            message: 'default-scheduler: preempting to accommodate a higher priority pod',
            lastTransitionTime: formatTime(new Date(this.options.clock.now())),
          };
          await pods.patch(
            victim.namespace,
            victim.name,
            'strategic',
            { metadata: { uid: victim.uid }, status: { conditions: [condition] } },
            { subresource: 'status', signal },
          );
          await pods.delete(victim.namespace, victim.name, {
            preconditions: { uid: victim.uid },
            signal,
          });
          recorder.event(
            referenceTo(PODS, victim.pod),
            referenceTo(PODS, pod.pod),
            'Normal',
            'Preempted',
            'Preempting',
            `Preempted by pod ${pod.uid} on node ${node}`,
          );
        } catch (err) {
          if (signal.aborted || isNotFound(err)) return;
          logger.warn({ namespace: victim.namespace, name: victim.name, err }, 'Preemption failed');
        }
      });
    }
  }

  /** An Event, and the PodScheduled condition where it says something new. */
  private reportFailure(
    pod: PodInfo,
    message: string,
    reason: string | undefined,
    nominatedNodeName?: string,
  ): void {
    const { recorder, pods, tasks, clock, logger } = this.options;
    recorder.event(
      referenceTo(PODS, pod.pod),
      undefined,
      'Warning',
      'FailedScheduling',
      'Scheduling',
      message,
    );
    const current = this.options.latest(pod);
    if (!current) return;
    const before = current.status?.conditions?.find((c) => c.type === 'PodScheduled');
    const nominate =
      nominatedNodeName !== undefined && current.status?.nominatedNodeName !== nominatedNodeName;
    const wanted = reason ?? 'Unschedulable';
    if (
      before?.status === 'False' &&
      before.reason === wanted &&
      before.message === message &&
      !nominate
    )
      return;
    const condition: PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      reason: wanted,
      message,
      lastProbeTime: undefined,
      lastTransitionTime:
        before?.status === 'False' && before.lastTransitionTime
          ? before.lastTransitionTime
          : formatTime(new Date(clock.now())),
    };
    const status = { conditions: [condition], ...(nominate ? { nominatedNodeName } : {}) };
    tasks.spawn(`status ${pod.namespace}/${pod.name}`, async (signal) => {
      try {
        await pods.patch(
          pod.namespace,
          pod.name,
          'strategic',
          { metadata: { uid: pod.uid }, status },
          { subresource: 'status', signal },
        );
      } catch (err) {
        if (signal.aborted || isNotFound(err)) return;
        logger.warn(
          { namespace: pod.namespace, name: pod.name, err },
          'Pod condition was not written',
        );
      }
    });
  }

  /** Gone, going, or bound since it was queued. */
  private isStale(pod: PodInfo): boolean {
    const current = this.options.latest(pod);
    return (
      current === undefined ||
      current.metadata?.deletionTimestamp !== undefined ||
      Boolean(current.spec?.nodeName) ||
      this.options.cache.isAssumed(pod.uid)
    );
  }
}
