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
import type { Pod } from '../pkg/api/types.js';
import { withCause } from '../pkg/client/cause.js';
import { referenceTo } from '../pkg/client/event-recorder.js';
import type { EventsV1Recorder } from '../pkg/client/events-v1-recorder.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import { PODS } from '../pkg/client/resources.js';
import type { Clock } from '../pkg/component/clock.js';
import type { Logger } from '../pkg/component/logger.js';
import type { TaskGroup } from '../pkg/component/task-group.js';
import type { Algorithm, Outcome } from './algorithm.js';
import { Bindings } from './bindings.js';
import type { SchedulerCache } from './cache/cache.js';
import { evict } from './evict.js';
import type { Extenders } from './extenders.js';
import { type FailureReason, reportFailure } from './failure-report.js';
import { Diagnosis } from './framework/diagnosis.js';
import { type Framework, PluginError } from './framework/framework.js';
import type { CycleState } from './framework/interface.js';
import type { PodInfo } from './framework/pod-info.js';
import type { SchedulerMetrics } from './metrics.js';
import type { NoPreemption, Preemption } from './preemption.js';
import type { Nominator } from './queue/nominator.js';
import type { QueuedPod, SchedulingQueue } from './queue/scheduling-queue.js';

/** The loop yields to I/O after this long, so that a full queue does not starve watches and bindings. */
const YIELD_AFTER_MS = 8;
/** No plugin is to blame for an error. */
const NOBODY: ReadonlySet<string> = new Set();
/** What the plugin for claims says of a pod that has none. */
const NO_CLAIMS = 'no new claims to deallocate';
const CLAIMS_PLUGIN = 'DynamicResources';

export interface ScheduleOneOptions {
  cache: SchedulerCache;
  queue: SchedulingQueue;
  nominator: Nominator;
  /** Undefined where no profile is the pod's. */
  profileOf(pod: PodInfo): SchedulingProfile | undefined;
  extenders: Extenders;
  pods: ResourceClient<Pod>;
  clock: Clock;
  logger: Logger;
  metrics: SchedulerMetrics;
  tasks: TaskGroup;
  /** The pod as the API has it now; undefined once it is gone. */
  latest(pod: PodInfo): Pod | undefined;
}

/** How the pods of one scheduler name are scheduled. */
export interface SchedulingProfile {
  readonly framework: Framework;
  readonly algorithm: Algorithm;
  readonly recorder: EventsV1Recorder;
  /** Absent: no room is made for them. */
  readonly preempt?: Preempt;
}

type Preempt = (
  state: CycleState,
  pod: PodInfo,
  diagnosis: Diagnosis,
  signal: AbortSignal,
) => Preemption | NoPreemption | Promise<Preemption | NoPreemption>;

/** A pod on its way through a cycle. */
interface Attempt {
  readonly queued: QueuedPod;
  readonly profile: SchedulingProfile;
}

export class ScheduleOne {
  private readonly bindings: Bindings;

  constructor(private readonly options: ScheduleOneOptions) {
    this.bindings = new Bindings(options);
  }

  /** Until the queue is closed. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, clock } = this.options;
    let turn = clock.monotonic();
    for (;;) {
      const queued = await queue.pop();
      if (!queued) return;
      const { extenders } = this.options;
      if (extenders.none) withCause(PODS, queued.info.pod, () => this.schedule(queued));
      else
        await withCause(PODS, queued.info.pod, () => this.scheduleWith(extenders, queued, signal));
      if (this.bindings.full) await this.bindings.room();
      if (clock.monotonic() - turn > YIELD_AFTER_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        turn = clock.monotonic();
      }
      if (signal.aborted) return;
    }
  }

  /** The pod's profile, unless it has none or need not be scheduled any more. */
  private begin(queued: QueuedPod): Attempt | undefined {
    const pod = queued.info;
    const profile = this.options.profileOf(pod);
    if (profile && !this.isStale(pod, profile)) return { queued, profile };
    this.options.queue.done(pod.uid);
    return undefined;
  }

  private async scheduleWith(
    extenders: Extenders,
    queued: QueuedPod,
    signal: AbortSignal,
  ): Promise<void> {
    const attempt = this.begin(queued);
    if (!attempt) return;
    const { clock, metrics } = this.options;
    const pod = queued.info;
    const began = clock.monotonic();
    let outcome: Outcome;
    try {
      outcome = await attempt.profile.algorithm.scheduleWith(extenders, pod, signal);
    } catch (err) {
      if (signal.aborted) return;
      this.failWith(attempt, err);
      return;
    }
    metrics.observeAlgorithm((clock.monotonic() - began) / 1000);
    // It may have gone while they were asked.
    if (this.begin(queued)) this.conclude(attempt, outcome, began);
  }

  private schedule(queued: QueuedPod): void {
    const { clock, metrics } = this.options;
    const attempt = this.begin(queued);
    if (!attempt) return;
    const { profile } = attempt;
    const pod = queued.info;
    const began = clock.monotonic();
    let outcome: Outcome;
    try {
      outcome = profile.algorithm.schedule(pod);
    } catch (err) {
      if (!(err instanceof PluginError)) throw err;
      this.failWith(attempt, err);
      return;
    }
    metrics.observeAlgorithm((clock.monotonic() - began) / 1000);
    this.conclude(attempt, outcome, began);
  }

  private conclude(attempt: Attempt, outcome: Outcome, began: number): void {
    const { cache, tasks, nominator } = this.options;
    const { framework } = attempt.profile;
    const pod = attempt.queued.info;
    if ('diagnosis' in outcome) {
      const { diagnosis } = outcome;
      tasks.spawn(`give up ${pod.namespace}/${pod.name}`, (signal) =>
        this.giveUp(attempt, outcome.state, diagnosis, signal),
      );
      return;
    }
    const { state, node } = outcome;
    cache.assume(pod, node);
    const refused = framework.reserve(state, pod, node);
    if (refused) {
      cache.forget(pod.uid);
      const diagnosis = new Diagnosis(1);
      diagnosis.add(node, refused);
      this.fail(attempt, diagnosis.message(), 'Unschedulable', diagnosis.plugins, '');
      return;
    }
    nominator.delete(pod.uid);
    tasks.spawn(`bind ${pod.namespace}/${pod.name}`, async (signal) => {
      const failure = await this.bindings.bind(attempt, state, node, began, signal);
      if (failure !== undefined) this.fail(attempt, failure, 'SchedulerError', NOBODY, '');
    });
  }

  /**
   * The pod stays in flight until its victims have been told to go, lest an event makes it choose again
   * before they are seen to.
   */
  private async giveUp(
    attempt: Attempt,
    state: CycleState,
    diagnosis: Diagnosis,
    signal: AbortSignal,
  ): Promise<void> {
    const { metrics, nominator } = this.options;
    const { queued, profile } = attempt;
    const pod = queued.info;
    metrics.attempt('unschedulable', profile.framework.profile);
    let nomination = diagnosis.nodeCount === 0 ? '' : undefined;
    let evicting: Promise<void> | undefined;
    if (diagnosis.preFilter && diagnosis.preFilter.plugin !== CLAIMS_PLUGIN) {
      // Turned away before the plugin for claims was asked, which then finds no state of its own: upstream's
      // whole explanation is this, and nothing is preempted.
      diagnosis.postFilter = 'not found';
    } else if (profile.preempt && diagnosis.nodeCount > 0) {
      let claims = NO_CLAIMS;
      if (pod.pod.spec?.resourceClaims?.length) {
        try {
          claims = await profile.framework.postFilter(state, pod, signal);
        } catch (err) {
          if (signal.aborted) return;
          claims = messageOf(err);
        }
      }
      const decided = decide(profile.preempt, state, pod, diagnosis, signal);
      // Without extenders at once, so that the next pod sees what was decided for this one.
      const decision = decided instanceof Promise ? await decided : decided;
      if ('message' in decision) {
        diagnosis.postFilter = `${claims}, preemption: ${decision.message}`;
        if (decision.clearNomination) nomination = '';
      } else {
        nomination = decision.node;
        nominator.set(pod, decision.node);
        evicting = evict({ ...this.options, recorder: profile.recorder }, pod, decision, signal);
      }
    }
    if (!evicting) {
      this.fail(attempt, diagnosis.message(), 'Unschedulable', diagnosis.plugins, nomination);
      return;
    }
    this.report(attempt, diagnosis.message(), 'Unschedulable', nomination);
    await evicting;
    this.putBack(queued, diagnosis.plugins);
  }

  /** Neither placed nor refused: only time may help. */
  private failWith(attempt: Attempt, err: unknown): void {
    const { metrics, logger } = this.options;
    const { namespace, name } = attempt.queued.info;
    metrics.attempt('error', attempt.profile.framework.profile);
    logger.warn({ namespace, name, err }, 'No node was selected');
    this.fail(attempt, messageOf(err), 'SchedulerError', NOBODY, '');
  }

  /** `nomination`: '' ends the one that the pod has, undefined leaves it. */
  private fail(
    attempt: Attempt,
    message: string,
    reason: FailureReason,
    rejectedBy: ReadonlySet<string>,
    nomination: string | undefined,
  ): void {
    this.putBack(attempt.queued, rejectedBy);
    this.report(attempt, message, reason, nomination);
  }

  /** Unless it is gone, or has a node by now. */
  private putBack(queued: QueuedPod, rejectedBy: ReadonlySet<string>): void {
    const current = this.options.latest(queued.info);
    if (!current || current.spec?.nodeName) this.options.queue.done(queued.info.uid);
    else this.options.queue.putBack(queued, rejectedBy);
  }

  private report(
    { queued, profile }: Attempt,
    message: string,
    reason: FailureReason,
    nomination: string | undefined,
  ): void {
    const { info: pod } = queued;
    const { recorder } = profile;
    reportFailure({ ...this.options, recorder }, pod, { message, reason, nomination });
  }

  /** Gone, going, or bound since it was queued. */
  private isStale(pod: PodInfo, { recorder }: SchedulingProfile): boolean {
    const current = this.options.latest(pod);
    if (current?.metadata?.deletionTimestamp !== undefined) {
      recorder.event(
        referenceTo(PODS, current),
        undefined,
        'Warning',
        'FailedScheduling',
        'Scheduling',
        `skip schedule deleting pod: ${pod.namespace}/${pod.name}`,
      );
      return true;
    }
    return (
      current === undefined ||
      Boolean(current.spec?.nodeName) ||
      this.options.cache.isAssumed(pod.uid)
    );
  }
}

/** An extender or a plugin that cannot say stops the preemption, and its error says why. */
function decide(
  preempt: Preempt,
  ...[state, pod, diagnosis, signal]: Parameters<Preempt>
): ReturnType<Preempt> {
  const failed = (err: unknown) => ({ message: messageOf(err), clearNomination: false });
  try {
    const decided = preempt(state, pod, diagnosis, signal);
    return decided instanceof Promise ? decided.catch(failed) : decided;
  } catch (err) {
    if (err instanceof PluginError) return failed(err);
    throw err;
  }
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
