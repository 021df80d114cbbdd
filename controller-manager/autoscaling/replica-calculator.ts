/**
 * How many replicas a metric asks for (`pkg/controller/podautoscaler/replica_calculator.go`). Pure.
 *
 * The rule is `ceil(pods × current / wanted)`, left alone within the tolerance, and careful about pods that
 * say nothing: on the way down a pod without metrics counts as one that uses all it may, on the way up as one
 * that uses nothing, like a pod that is not ready; and a direction that these guesses turn is not taken.
 */
import type { Pod } from '../../pkg/api/types.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { isPodReady, podCondition } from '../pods.js';
import type { PodMetric, PodMetricMap } from './metrics-client.js';

export interface Tolerances {
  readonly scaleDown: number;
  readonly scaleUp: number;
}

export interface ReadinessRules {
  /** Pods younger than this are measured only while they are ready. */
  readonly cpuInitializationMs: number;
  /** A pod that became unready this soon after its start has never been ready. */
  readonly initialReadinessDelayMs: number;
  readonly now: number;
}

export interface PodsInput extends ReadinessRules {
  readonly currentReplicas: number;
  /** That the selector finds. */
  readonly pods: readonly Pod[];
  /** Not changed. */
  readonly metrics: PodMetricMap;
  readonly tolerances: Tolerances;
}

export interface Proposal {
  readonly replicas: number;
  /** The current value in thousandths: an average for pods, else what was measured. */
  readonly milli: number;
  /** Per cent of the request. */
  readonly utilization?: number;
}

export interface PodGroups {
  readonly ready: number;
  readonly unready: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
  readonly ignored: ReadonlySet<string>;
}

/** By per cent of what pods, or the container of that name, request. */
export function byUtilization(
  input: PodsInput & {
    readonly resource: string;
    readonly container: string;
    readonly target: number;
  },
): Proposal {
  const { pods, resource, container, target } = input;
  noPods(pods);
  const groups = groupPods(pods, input.metrics, resource, input);
  const metrics = countable(input.metrics, groups);
  const requests = requestsOf(pods, container, resource);
  someMetrics(metrics);
  const first = utilizationRatio(metrics, requests, target);
  const fallback = (name: string) =>
    Math.trunc(((requests.get(name) ?? 0) * Math.max(100, target)) / 100);
  const again = (all: PodMetricMap) => utilizationRatio(all, requests, target).ratio;
  return {
    replicas: decide(input, groups, metrics, first.ratio, fallback, again),
    milli: first.average,
    utilization: first.utilization,
  };
}

/** By the average over the pods. CPU has rules of its own for pods that are not ready. */
export function byAverage(
  input: PodsInput & { readonly resource: string; readonly targetMilli: number },
): Proposal {
  const { pods, targetMilli } = input;
  noPods(pods);
  const groups = groupPods(pods, input.metrics, input.resource, input);
  const metrics = countable(input.metrics, groups);
  someMetrics(metrics);
  const average = averageOf(metrics);
  return {
    replicas: decide(
      input,
      groups,
      metrics,
      average / targetMilli,
      () => targetMilli,
      (all) => averageOf(all) / targetMilli,
    ),
    milli: average,
  };
}

/** By one value for all of them together: the more pods, the smaller it is expected to become. */
export function byValue(input: {
  readonly currentReplicas: number;
  readonly milli: number;
  readonly targetMilli: number;
  readonly pods: readonly Pod[];
  readonly tolerances: Tolerances;
}): Proposal {
  const { currentReplicas, milli, targetMilli, pods, tolerances } = input;
  const ratio = milli / targetMilli;
  if (currentReplicas === 0) return { replicas: Math.ceil(ratio), milli };
  if (isWithin(tolerances, ratio)) return { replicas: currentReplicas, milli };
  if (pods.length === 0) {
    throw new Error(
      'unable to calculate ready pods: no pods returned by selector while calculating replica count',
    );
  }
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod)).length;
  return { replicas: Math.ceil(ratio * ready), milli };
}

/** By one value of which each replica is to have so much. */
export function byValuePerPod(input: {
  readonly statusReplicas: number;
  readonly milli: number;
  readonly targetMilli: number;
  readonly tolerances: Tolerances;
}): Proposal {
  const { statusReplicas, milli, targetMilli, tolerances } = input;
  const ratio = milli / (targetMilli * statusReplicas);
  const replicas = isWithin(tolerances, ratio) ? statusReplicas : Math.ceil(milli / targetMilli);
  return { replicas, milli: Math.ceil(milli / Math.max(1, statusReplicas)) };
}

export function groupPods(
  pods: readonly Pod[],
  metrics: PodMetricMap,
  resource: string,
  rules: ReadinessRules,
): PodGroups {
  const unready = new Set<string>();
  const missing = new Set<string>();
  const ignored = new Set<string>();
  let ready = 0;
  for (const pod of pods) {
    const name = pod.metadata?.name ?? '';
    const metric = metrics.get(name);
    const phase = pod.status?.phase;
    if (pod.metadata?.deletionTimestamp !== undefined || phase === 'Failed') ignored.add(name);
    else if (phase === 'Pending') unready.add(name);
    else if (!metric) missing.add(name);
    else if (resource === 'cpu' && isTooEarly(pod, metric, rules)) unready.add(name);
    else ready++;
  }
  return { ready, unready, missing, ignored };
}

/** Whether a pod's CPU says nothing yet: it is starting, or was never ready. */
function isTooEarly(pod: Pod, metric: PodMetric, rules: ReadinessRules): boolean {
  const condition = podCondition(pod, 'Ready');
  const started = parseTime(pod.status?.startTime ?? '');
  if (!condition || started === undefined) return true;
  const since = parseTime(condition.lastTransitionTime ?? '') ?? 0;
  const isUnready = condition.status === 'False';
  if (started + rules.cpuInitializationMs > rules.now) {
    return isUnready || metric.at < since + metric.windowMs;
  }
  return isUnready && started + rules.initialReadinessDelayMs > since;
}

function countable(metrics: PodMetricMap, { unready, ignored }: PodGroups): PodMetricMap {
  return new Map([...metrics].filter(([name]) => !unready.has(name) && !ignored.has(name)));
}

function decide(
  { currentReplicas, tolerances }: PodsInput,
  { ready, unready, missing }: PodGroups,
  metrics: PodMetricMap,
  ratio: number,
  fallback: (name: string) => number,
  ratioOf: (metrics: PodMetricMap) => number,
): number {
  const upWithUnready = unready.size > 0 && ratio > 1;
  if (!upWithUnready && missing.size === 0) {
    return isWithin(tolerances, ratio) ? currentReplicas : Math.ceil(ratio * ready);
  }
  const all = new Map(metrics);
  const guess = (name: string, milli: number) => all.set(name, { milli, at: 0, windowMs: 0 });
  if (ratio < 1) for (const name of missing) guess(name, fallback(name));
  else if (ratio > 1) for (const name of missing) guess(name, 0);
  if (upWithUnready) for (const name of unready) guess(name, 0);
  const guessed = ratioOf(all);
  const turned = (ratio < 1 && guessed > 1) || (ratio > 1 && guessed < 1);
  if (isWithin(tolerances, guessed) || turned) return currentReplicas;
  const replicas = Math.ceil(guessed * all.size);
  const wrongWay =
    (guessed < 1 && replicas > currentReplicas) || (guessed > 1 && replicas < currentReplicas);
  return wrongWay ? currentReplicas : replicas;
}

function isWithin({ scaleDown, scaleUp }: Tolerances, ratio: number): boolean {
  return 1 - scaleDown <= ratio && ratio <= 1 + scaleUp;
}

function averageOf(metrics: PodMetricMap): number {
  let sum = 0;
  for (const { milli } of metrics.values()) sum += milli;
  return Math.trunc(sum / metrics.size);
}

function utilizationRatio(
  metrics: PodMetricMap,
  requests: ReadonlyMap<string, number>,
  target: number,
): { ratio: number; utilization: number; average: number } {
  let used = 0;
  let requested = 0;
  let count = 0;
  for (const [name, { milli }] of metrics) {
    const request = requests.get(name);
    if (request === undefined) continue;
    used += milli;
    requested += request;
    count++;
  }
  if (requested === 0) throw new Error('no metrics returned matched known pods');
  const utilization = Math.trunc((used * 100) / requested);
  return { ratio: utilization / target, utilization, average: Math.trunc(used / count) };
}

/** Throws where a container does not request the resource: there is nothing to be a percentage of. */
function requestsOf(
  pods: readonly Pod[],
  container: string,
  resource: string,
): ReadonlyMap<string, number> {
  return new Map(
    pods.map((pod) => [pod.metadata?.name ?? '', requestOf(pod, container, resource)]),
  );
}

function requestOf(pod: Pod, container: string, resource: string): number {
  const { containers = [], initContainers = [], resources } = pod.spec ?? {};
  const ofPod = resources?.requests?.[resource];
  if (container === '' && ofPod !== undefined) return Quantity.parse(ofPod).milliValue();
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always');
  let sum = 0;
  for (const { name, resources: own } of [...containers, ...sidecars]) {
    if (container !== '' && container !== name) continue;
    const request = own?.requests?.[resource];
    if (request === undefined) {
      const where = `container ${name} of Pod ${pod.metadata?.name ?? ''}`;
      throw new Error(`missing request for ${resource} in ${where}`);
    }
    sum += Quantity.parse(request).milliValue();
  }
  return sum;
}

function noPods(pods: readonly Pod[]): void {
  if (pods.length === 0) {
    throw new Error('no pods returned by selector while calculating replica count');
  }
}

function someMetrics(metrics: PodMetricMap): void {
  if (metrics.size === 0) {
    throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  }
}
