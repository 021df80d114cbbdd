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
  HPAScalingRules,
  MetricStatus,
  Pod,
  Scale,
} from '../../pkg/api/types.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import { parseSelector, type Selector } from '../../pkg/apimachinery/labels.js';
import { formatTime, keyOf, splitKey } from '../../pkg/apimachinery/meta.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import { isConflict, isNotFound } from '../../pkg/client/errors.js';
import { type EventRecorder, referenceTo } from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { Lister } from '../../pkg/client/lister.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { HORIZONTAL_POD_AUTOSCALERS, PODS, type ResourceRef } from '../../pkg/client/resources.js';
import { MetricFailure, proposalOf } from '../autoscaling/metric-proposal.js';
import { MetricsClient } from '../autoscaling/metrics-client.js';
import { ScaleTargets } from '../autoscaling/scale-target.js';
import { type Reason, type Rules, ScalingHistory } from '../autoscaling/scaling-rules.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import type { AutoscalerOptions } from '../options.js';

export const horizontalPodAutoscaler: ControllerDescriptor = {
  name: 'horizontal-pod-autoscaler-controller',
  aliases: ['horizontalpodautoscaling', 'horizontal-pod-autoscaler'],
  serviceAccount: 'horizontal-pod-autoscaler',
  create: (context) => new HorizontalPodAutoscalerController(context),
};

type Status = NonNullable<HorizontalPodAutoscaler['status']>;

/** One look at one autoscaler: what it was, and the status it is to get. */
interface Round {
  readonly key: string;
  readonly hpa: HorizontalPodAutoscaler;
  readonly spec: NonNullable<HorizontalPodAutoscaler['spec']>;
  readonly status: Status;
  readonly signal: AbortSignal;
}

interface Target {
  readonly ref: ResourceRef;
  readonly scale: Scale;
  readonly current: number;
}

/** What the metrics together propose. */
interface Wanted {
  readonly replicas: number;
  readonly metric: string;
  readonly statuses: MetricStatus[];
}

/** The round is over: its status is written, its Event sent. */
class RoundFailed extends Error {}

class HorizontalPodAutoscalerController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly autoscalers: Informer<HorizontalPodAutoscaler>;
  private readonly pods: Informer<Pod>;
  private readonly podLister: Lister<Pod>;
  private readonly client: ResourceClient<HorizontalPodAutoscaler>;
  private readonly metrics: MetricsClient;
  private readonly targets: ScaleTargets;
  private readonly recorder: EventRecorder;
  private readonly options: AutoscalerOptions;
  /** Forgotten with their autoscalers. */
  private readonly histories = new Map<string, ScalingHistory>();
  private readonly selectors = new Map<string, Selector>();

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
    this.podLister = new Lister(this.pods);
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
      this.selectors.delete(key);
      return;
    }
    const status: Status = clone(hpa.status ?? { desiredReplicas: 0 });
    try {
      await this.reconcile({ key, hpa, spec: hpa.spec, status, signal });
    } catch (err) {
      if (!(err instanceof RoundFailed)) throw err;
      this.context.logger.debug({ key, err }, 'An autoscaler could not do its work');
    } finally {
      this.queue.addAfter(key, this.options.syncPeriodMs);
    }
  }

  private async reconcile(round: Round): Promise<void> {
    const { key, hpa, spec, status, signal } = round;
    const { minReplicas = 1, maxReplicas } = spec;
    const target = await this.targetOf(round);
    const { current } = target;
    const { clock } = this.context;
    const history = this.histories.get(key) ?? new ScalingHistory(current, clock.now());
    this.histories.set(key, history);
    let desired = current;
    let why = '';
    let statuses: MetricStatus[] = [];
    let failure: Error | undefined;
    const rules = rulesOf(spec.behavior);
    if (current === 0 && minReplicas !== 0) {
      this.condition(round, 'ScalingActive', 'False', {
        reason: 'ScalingDisabled',
        message: 'scaling is disabled since the replica count of the target is zero',
      });
    } else if (current > maxReplicas) {
      why = 'Current number of replicas above Spec.MaxReplicas';
      desired = maxReplicas;
    } else if (current < minReplicas) {
      why = 'Current number of replicas below Spec.MinReplicas';
      desired = minReplicas;
    } else {
      const found = await this.wanted(round, target);
      failure = found.failure;
      statuses = found.statuses;
      if (found.replicas > current) why = `${found.metric} above target`;
      if (found.replicas < current) why = 'All metrics below target';
      const decision = history.normalize({
        current,
        desired: found.replicas,
        min: minReplicas,
        max: maxReplicas,
        now: clock.now(),
        downscaleStabilizationMs: this.options.downscaleStabilizationMs,
        rules,
      });
      this.condition(round, 'AbleToScale', 'True', decision.able);
      this.condition(round, 'ScalingLimited', decision.limited ? 'True' : 'False', decision.limit);
      desired = decision.replicas;
    }
    const rescale = desired !== current;
    if (rescale) {
      await this.rescale(round, target, desired, why);
      history.scaled(current, desired, clock.now(), rules);
    }
    status.currentReplicas = current;
    status.desiredReplicas = desired;
    status.currentMetrics = statuses;
    if (rescale) status.lastScaleTime = formatTime(new Date(clock.now()));
    await this.writeStatus(hpa, status, signal);
    if (failure) throw new RoundFailed(failure.message, { cause: failure });
  }

  private async targetOf(round: Round): Promise<Target> {
    const { hpa, spec, signal } = round;
    const { namespace = '' } = hpa.metadata ?? {};
    const wanted: CrossVersionObjectReference = spec.scaleTargetRef;
    try {
      const ref = await this.targets.resourceOf(wanted, signal);
      const scale = await this.targets.get(ref, namespace, wanted.name, signal);
      this.condition(round, 'AbleToScale', 'True', {
        reason: 'SucceededGetScale',
        message: "the HPA controller was able to get the target's current scale",
      });
      return { ref, scale, current: scale.spec?.replicas ?? 0 };
    } catch (err) {
      if (signal.aborted) throw err;
      this.event(hpa, 'Warning', 'FailedGetScale', textOf(err));
      this.condition(round, 'AbleToScale', 'False', {
        reason: 'FailedGetScale',
        message: `the HPA controller was unable to get the target's current scale: ${textOf(err)}`,
      });
      await this.writeStatus(hpa, round.status, signal);
      throw new RoundFailed(textOf(err), { cause: err });
    }
  }

  /** Throws when no metric can be had, or when one cannot and the others want fewer replicas. */
  private async wanted(
    round: Round,
    { scale, current }: Target,
  ): Promise<Wanted & { failure?: Error }> {
    const { hpa, spec, status, signal } = round;
    const { namespace = '' } = hpa.metadata ?? {};
    try {
      const pods = this.podsOf(round, scale);
      const { cpuInitializationMs, initialReadinessDelayMs } = this.options;
      const readiness = {
        cpuInitializationMs,
        initialReadinessDelayMs,
        now: this.context.clock.now(),
      };
      const specs = spec.metrics ?? [];
      const outcomes = await Promise.allSettled(
        specs.map((metric) =>
          proposalOf(metric, {
            metrics: this.metrics,
            namespace,
            specReplicas: current,
            statusReplicas: scale.status?.replicas ?? 0,
            selector: scale.status?.selector ?? '',
            pods,
            tolerances: this.tolerancesOf(spec.behavior),
            readiness,
            signal,
            resourceOf: (kind) => this.targets.resourceOf(kind, signal),
          }),
        ),
      );
      return this.most(round, outcomes, current);
    } catch (err) {
      if (signal.aborted || !(err instanceof Error)) throw err;
      status.currentReplicas = current;
      await this.writeStatus(hpa, status, signal);
      this.event(hpa, 'Warning', 'FailedComputeMetricsReplicas', err.message);
      throw new RoundFailed(err.message, { cause: err });
    }
  }

  private most(
    round: Round,
    outcomes: readonly PromiseSettledResult<Awaited<ReturnType<typeof proposalOf>>>[],
    current: number,
  ): Wanted & { failure?: Error } {
    let replicas = 0;
    let metric = '';
    const statuses: MetricStatus[] = [];
    const failures: MetricFailure[] = [];
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') {
        statuses.push(outcome.value.status);
        if (replicas === 0 || outcome.value.replicas > replicas) {
          ({ replicas, name: metric } = outcome.value);
        }
      } else {
        if (!(outcome.reason instanceof MetricFailure)) throw outcome.reason;
        statuses.push({ type: '' });
        failures.push(outcome.reason);
        this.event(round.hpa, 'Warning', outcome.reason.reason, outcome.reason.detail);
      }
    }
    const [first] = failures;
    const failure = first
      ? new Error(
          `invalid metrics (${failures.length} invalid out of ${outcomes.length}), first error is: ${first.message}`,
        )
      : undefined;
    if (first && failure && (failures.length === outcomes.length || replicas < current)) {
      this.condition(round, 'ScalingActive', 'False', {
        reason: first.reason,
        message: `the HPA was unable to compute the replica count: ${first.detail}`,
      });
      throw failure;
    }
    this.condition(round, 'ScalingActive', 'True', {
      reason: 'ValidMetricFound',
      message: `the HPA was able to successfully calculate a replica count from ${metric}`,
    });
    return { replicas, metric, statuses, ...(failure ? { failure } : {}) };
  }

  /** The target's pods. Throws where its selector is no selector, or another autoscaler has pods of it too. */
  private podsOf(round: Round, scale: Scale): Pod[] {
    const { hpa, key } = round;
    const { namespace = '' } = hpa.metadata ?? {};
    const fail = (event: string, reason: string, message: string, shown = message) => {
      this.event(hpa, 'Warning', event, message);
      this.condition(round, 'ScalingActive', 'False', { reason, message: shown });
      return new Error(message);
    };
    const text = scale.status?.selector ?? '';
    if (text === '') {
      const shown = "the HPA target's scale is missing a selector";
      throw fail('SelectorRequired', 'InvalidSelector', 'selector is required', shown);
    }
    let selector: Selector;
    try {
      selector = parseSelector(text);
    } catch (err) {
      const message = `couldn't convert selector into a corresponding internal selector object: ${textOf(err)}`;
      throw fail('InvalidSelector', 'InvalidSelector', message);
    }
    this.selectors.set(key, selector);
    const pods = this.podLister
      .list(namespace)
      .filter(({ metadata }) => selector.matches(metadata?.labels ?? {}));
    const others = new Set<string>();
    for (const [other, theirs] of this.selectors) {
      if (splitKey(other).namespace !== namespace) continue;
      if (pods.some(({ metadata }) => theirs.matches(metadata?.labels ?? {}))) others.add(other);
    }
    if (others.size > 1) {
      const list = [...others].sort().join(' ');
      const message = `pods by selector ${text} are controlled by multiple HPAs: [${list}]`;
      throw fail('AmbiguousSelector', 'AmbiguousSelector', message);
    }
    return pods;
  }

  private async rescale(
    round: Round,
    { ref, scale, current }: Target,
    desired: number,
    why: string,
  ): Promise<void> {
    const { hpa, status, signal } = round;
    try {
      await this.targets.update(ref, scale, desired, signal);
    } catch (err) {
      if (signal.aborted) throw err;
      const message = `New size: ${desired}; reason: ${why}; error: ${textOf(err)}`;
      this.event(hpa, 'Warning', 'FailedRescale', message);
      this.condition(round, 'AbleToScale', 'False', {
        reason: 'FailedUpdateScale',
        message: `the HPA controller was unable to update the target scale: ${textOf(err)}`,
      });
      status.currentReplicas = current;
      await this.writeStatus(hpa, status, signal);
      throw new RoundFailed(textOf(err), { cause: err });
    }
    this.condition(round, 'AbleToScale', 'True', {
      reason: 'SucceededRescale',
      message: `the HPA controller was able to update the target scale to ${desired}`,
    });
    this.event(hpa, 'Normal', 'SuccessfulRescale', `New size: ${desired}; reason: ${why}`);
    const { namespace, name } = hpa.metadata ?? {};
    this.context.logger.info({ namespace, name, from: current, to: desired, why }, 'Rescaled');
  }

  private async writeStatus(
    hpa: HorizontalPodAutoscaler,
    status: Status,
    signal: AbortSignal,
  ): Promise<void> {
    if (deepEqual(hpa.status, status)) return;
    try {
      await this.client.updateStatus({ ...hpa, status }, { signal });
    } catch (err) {
      // The next round writes what is true then.
      if (isNotFound(err) || isConflict(err) || signal.aborted) return;
      this.event(hpa, 'Warning', 'FailedUpdateStatus', textOf(err));
      throw err;
    }
  }

  private tolerancesOf(
    behavior: Rules | { scaleUp?: HPAScalingRules; scaleDown?: HPAScalingRules } | undefined,
  ) {
    const of = (rules: HPAScalingRules | undefined) =>
      rules?.tolerance === undefined
        ? this.options.tolerance
        : Quantity.parse(rules.tolerance).toNumber();
    return { scaleUp: of(behavior?.scaleUp), scaleDown: of(behavior?.scaleDown) };
  }

  private condition(
    { status }: Round,
    type: string,
    value: 'True' | 'False',
    { reason, message }: Reason,
  ): void {
    const conditions = status.conditions ?? [];
    const old = conditions.find((condition) => condition.type === type);
    const kept = old?.status === value ? old.lastTransitionTime : undefined;
    const now = formatTime(new Date(this.context.clock.now()));
    const made = { type, status: value, lastTransitionTime: kept ?? now, reason, message };
    status.conditions = old
      ? conditions.map((condition) => (condition === old ? made : condition))
      : [...conditions, made];
  }

  private event(
    hpa: HorizontalPodAutoscaler,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void {
    this.recorder.event(referenceTo(HORIZONTAL_POD_AUTOSCALERS, hpa), type, reason, message);
  }
}

/** The server fills in both directions where there are rules at all. */
function rulesOf(
  behavior: { scaleUp?: HPAScalingRules; scaleDown?: HPAScalingRules } | undefined,
): Rules | undefined {
  return behavior && { scaleUp: behavior.scaleUp ?? {}, scaleDown: behavior.scaleDown ?? {} };
}

function textOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
