/**
 * HorizontalPodAutoscalers (`pkg/controller/podautoscaler`): each looks, every sync period, at its metrics and
 * at the scale of its target, and sets the replicas that the metric wants which wants most.
 *
 *   scale of the target ─▶ AbleToScale ─▶ metrics ─▶ ScalingActive ─▶ stabilise, limit ─▶ ScalingLimited
 *
 * A target with 0 replicas is left alone. One that is out of bounds is brought into them without a look at
 * metrics. What goes wrong becomes a condition and an Event; the next period tries again.
 */
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  MetricStatus,
  Pod,
  Scale,
} from '../../pkg/api/types.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import { formatTime, keyOf, splitKey } from '../../pkg/apimachinery/meta.js';
import type { EventRecorder } from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { Lister } from '../../pkg/client/lister.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { HORIZONTAL_POD_AUTOSCALERS, PODS, type ResourceRef } from '../../pkg/client/resources.js';
import {
  type MetricInput,
  type MetricProposal,
  proposalOf,
} from '../autoscaling/metric-proposal.js';
import { type Verdict, verdictOf } from '../autoscaling/metric-verdict.js';
import { MetricsClient } from '../autoscaling/metrics-client.js';
import { ScaleTargets } from '../autoscaling/scale-target.js';
import { rulesOf, ScalingHistory, tolerancesOf } from '../autoscaling/scaling-rules.js';
import { StatusReport } from '../autoscaling/status-report.js';
import { TargetPods } from '../autoscaling/target-pods.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import type { AutoscalerOptions } from '../options.js';
import { messageOf } from '../pod-control.js';

export const horizontalPodAutoscaler: ControllerDescriptor = {
  name: 'horizontal-pod-autoscaler-controller',
  aliases: ['horizontalpodautoscaling', 'horizontal-pod-autoscaler'],
  serviceAccount: 'horizontal-pod-autoscaler',
  create: (context) => new HorizontalPodAutoscalerController(context),
};

/** One look at one autoscaler. */
interface Round {
  readonly key: string;
  readonly namespace: string;
  readonly spec: NonNullable<HorizontalPodAutoscaler['spec']>;
  readonly report: StatusReport;
  readonly signal: AbortSignal;
}

interface Target {
  readonly ref: ResourceRef;
  readonly scale: Scale;
  readonly current: number;
}

/** What is to be done, and why. */
interface Plan {
  readonly desired: number;
  readonly why: string;
  readonly statuses: MetricStatus[];
  /** What was wrong with some of the metrics. */
  readonly failure?: Error;
}

/** The round is over: its status is written, its Event sent. */
class RoundFailed extends Error {}

class HorizontalPodAutoscalerController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly autoscalers: Informer<HorizontalPodAutoscaler>;
  private readonly pods: Informer<Pod>;
  private readonly targetPods: TargetPods;
  private readonly client: ResourceClient<HorizontalPodAutoscaler>;
  private readonly metrics: MetricsClient;
  private readonly targets: ScaleTargets;
  private readonly recorder: EventRecorder;
  private readonly options: AutoscalerOptions;
  /** Forgotten with their autoscalers. */
  private readonly histories = new Map<string, ScalingHistory>();

  constructor(private readonly context: ControllerContext) {
    const { client, clock, informers, recorder, options } = context;
    this.options = options.autoscaler;
    this.queue = new RateLimitingQueue(clock);
    this.client = client.resource<HorizontalPodAutoscaler>(HORIZONTAL_POD_AUTOSCALERS);
    this.metrics = new MetricsClient(client);
    this.targets = new ScaleTargets(client, clock);
    this.recorder = recorder.forComponent('horizontal-pod-autoscaler');
    this.autoscalers = informers.informer<HorizontalPodAutoscaler>(HORIZONTAL_POD_AUTOSCALERS);
    this.pods = informers.informer<Pod>(PODS);
    this.targetPods = new TargetPods(new Lister(this.pods));
    this.autoscalers.addHandler({
      add: (hpa) => this.queue.add(keyOf(hpa)),
      update: (old, hpa) => {
        if (!deepEqual(old.spec, hpa.spec)) this.queue.add(keyOf(hpa));
      },
      delete: (hpa) => this.queue.add(keyOf(hpa)),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: this.context.options.concurrency['horizontal-pod-autoscaler'] ?? 5,
        informers: [this.autoscalers, this.pods],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const hpa = this.autoscalers.store.get(key);
    if (!hpa?.spec) {
      this.histories.delete(key);
      this.targetPods.forget(key);
      return;
    }
    const report = new StatusReport(hpa, {
      client: this.client,
      recorder: this.recorder,
      clock: this.context.clock,
    });
    const { namespace } = splitKey(key);
    try {
      await this.reconcile({ key, namespace, spec: hpa.spec, report, signal });
    } catch (err) {
      if (!(err instanceof RoundFailed)) throw err;
      this.context.logger.debug({ key, err }, 'An autoscaler could not do its work');
    } finally {
      this.queue.addAfter(key, this.options.syncPeriodMs);
    }
  }

  private async reconcile(round: Round): Promise<void> {
    const { key, spec, report, signal } = round;
    const { clock } = this.context;
    const target = await this.targetOf(round);
    const { current } = target;
    const history = this.histories.get(key) ?? new ScalingHistory(current, clock.now());
    this.histories.set(key, history);
    const { desired, why, statuses, failure } = await this.planOf(round, target, history);
    report.status.currentReplicas = current;
    report.status.currentMetrics = statuses;
    if (desired !== current) {
      await this.rescale(round, target, desired, why);
      history.scaled(current, desired, clock.now(), rulesOf(spec.behavior));
      report.status.lastScaleTime = formatTime(new Date(clock.now()));
    }
    report.status.desiredReplicas = desired;
    await report.write(signal);
    if (failure) throw new RoundFailed(failure.message, { cause: failure });
  }

  private async targetOf({ namespace, spec, report, signal }: Round): Promise<Target> {
    const wanted: CrossVersionObjectReference = spec.scaleTargetRef;
    try {
      const ref = await this.targets.resourceOf(wanted, signal);
      const scale = await this.targets.get(ref, namespace, wanted.name, signal);
      report.condition('AbleToScale', 'True', {
        reason: 'SucceededGetScale',
        message: "the HPA controller was able to get the target's current scale",
      });
      return { ref, scale, current: scale.spec?.replicas ?? 0 };
    } catch (err) {
      if (signal.aborted) throw err;
      report.event('Warning', 'FailedGetScale', messageOf(err));
      report.condition('AbleToScale', 'False', {
        reason: 'FailedGetScale',
        message: `the HPA controller was unable to get the target's current scale: ${messageOf(err)}`,
      });
      await report.write(signal);
      throw new RoundFailed(messageOf(err), { cause: err });
    }
  }

  private async planOf(round: Round, target: Target, history: ScalingHistory): Promise<Plan> {
    const { spec, report } = round;
    const { minReplicas = 1, maxReplicas } = spec;
    const { current } = target;
    if (current === 0 && minReplicas !== 0) {
      report.condition('ScalingActive', 'False', {
        reason: 'ScalingDisabled',
        message: 'scaling is disabled since the replica count of the target is zero',
      });
      return { desired: current, why: '', statuses: [] };
    }
    if (current > maxReplicas) {
      const why = 'Current number of replicas above Spec.MaxReplicas';
      return { desired: maxReplicas, why, statuses: [] };
    }
    if (current < minReplicas) {
      const why = 'Current number of replicas below Spec.MinReplicas';
      return { desired: minReplicas, why, statuses: [] };
    }
    const { replicas, metric, statuses, failure } = await this.measure(round, target);
    const decision = history.normalize({
      current,
      desired: replicas,
      min: minReplicas,
      max: maxReplicas,
      now: this.context.clock.now(),
      downscaleStabilizationMs: this.options.downscaleStabilizationMs,
      rules: rulesOf(spec.behavior),
    });
    report.condition('AbleToScale', 'True', decision.able);
    report.condition('ScalingLimited', decision.limited ? 'True' : 'False', decision.limit);
    const up = replicas > current ? `${metric} above target` : '';
    return {
      desired: decision.replicas,
      why: replicas < current ? 'All metrics below target' : up,
      statuses,
      ...(failure ? { failure } : {}),
    };
  }

  /** Ends the round when no metric can be had, or when one cannot and the others want fewer replicas. */
  private async measure(round: Round, target: Target): Promise<Verdict & { replicas: number }> {
    const { report, signal } = round;
    let statuses: MetricStatus[] = [];
    try {
      const pods = this.targetPods.of(round.key, target.scale, report);
      const verdict = verdictOf(await this.propose(round, target, pods), target.current, report);
      const { replicas } = verdict;
      if (replicas !== undefined) return { ...verdict, replicas };
      statuses = verdict.statuses;
      throw verdict.failure;
    } catch (err) {
      if (signal.aborted || !(err instanceof Error)) throw err;
      report.status.currentReplicas = target.current;
      report.status.currentMetrics = statuses;
      await report.write(signal);
      report.event('Warning', 'FailedComputeMetricsReplicas', err.message);
      throw new RoundFailed(err.message, { cause: err });
    }
  }

  private propose(
    { namespace, spec, signal }: Round,
    { scale, current }: Target,
    pods: readonly Pod[],
  ): Promise<PromiseSettledResult<MetricProposal>[]> {
    const { cpuInitializationMs, initialReadinessDelayMs } = this.options;
    const now = this.context.clock.now();
    const input: MetricInput = {
      metrics: this.metrics,
      namespace,
      specReplicas: current,
      statusReplicas: scale.status?.replicas ?? 0,
      selector: scale.status?.selector ?? '',
      pods,
      tolerances: tolerancesOf(spec.behavior, this.options.tolerance),
      readiness: { cpuInitializationMs, initialReadinessDelayMs, now },
      signal,
      resourceOf: (kind) => this.targets.resourceOf(kind, signal),
    };
    return Promise.allSettled((spec.metrics ?? []).map((metric) => proposalOf(metric, input)));
  }

  private async rescale(
    { key, report, signal }: Round,
    { ref, scale, current }: Target,
    desired: number,
    why: string,
  ): Promise<void> {
    try {
      await this.targets.update(ref, scale, desired, signal);
    } catch (err) {
      if (signal.aborted) throw err;
      const message = `New size: ${desired}; reason: ${why}; error: ${messageOf(err)}`;
      report.event('Warning', 'FailedRescale', message);
      report.condition('AbleToScale', 'False', {
        reason: 'FailedUpdateScale',
        message: `the HPA controller was unable to update the target scale: ${messageOf(err)}`,
      });
      await report.write(signal);
      throw new RoundFailed(messageOf(err), { cause: err });
    }
    report.condition('AbleToScale', 'True', {
      reason: 'SucceededRescale',
      message: `the HPA controller was able to update the target scale to ${desired}`,
    });
    report.event('Normal', 'SuccessfulRescale', `New size: ${desired}; reason: ${why}`);
    this.context.logger.info({ key, from: current, to: desired, why }, 'Rescaled');
  }
}
