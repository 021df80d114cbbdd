/**
 * One metric of an autoscaler: what it proposes, how that is called, and what its status shows. A failure
 * carries the reason that the condition ScalingActive and the Event get.
 */
import type {
  CrossVersionObjectReference,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
  Pod,
} from '../../pkg/api/types.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import type { ResourceRef } from '../../pkg/client/resources.js';
import { goSelector } from '../go-selector.js';
import type { MetricsClient, PodMetricMap } from './metrics-client.js';
import {
  byAverage,
  byUtilization,
  byValue,
  byValuePerPod,
  type Proposal,
  type ReadinessRules,
  type Tolerances,
} from './replica-calculator.js';

export interface MetricProposal {
  readonly replicas: number;
  /** `cpu resource utilization (percentage of request)` */
  readonly name: string;
  readonly status: MetricStatus;
}

/** What was wrong with a metric. `message` is the sync's; `detail` the condition's and the Event's. */
export class MetricFailure extends Error {
  constructor(
    message: string,
    readonly reason: string,
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'MetricFailure';
  }
}

export interface MetricInput {
  readonly metrics: MetricsClient;
  readonly namespace: string;
  readonly specReplicas: number;
  readonly statusReplicas: number;
  /** Of the target's pods, as text. */
  readonly selector: string;
  readonly pods: readonly Pod[];
  readonly tolerances: Tolerances;
  readonly readiness: ReadinessRules;
  readonly signal: AbortSignal;
  resourceOf(kind: CrossVersionObjectReference): Promise<ResourceRef>;
}

export async function proposalOf(spec: MetricSpec, input: MetricInput): Promise<MetricProposal> {
  const { type } = spec;
  if (type === 'Resource' && spec.resource) {
    const { name, target } = spec.resource;
    const of = { name, target, container: '', source: 'resource' };
    return failing(
      `failed to get ${name} resource metric value`,
      'FailedGetResourceMetric',
      async () => {
        const { current, ...rest } = await byResource(of, input);
        return { ...rest, status: { type, resource: { name, current } } };
      },
    );
  }
  if (type === 'ContainerResource' && spec.containerResource) {
    const { name, container, target } = spec.containerResource;
    const of = { name, target, container, source: 'container resource' };
    const what = `failed to get ${container} container metric value`;
    return failing(what, 'FailedGetContainerResourceMetric', async () => {
      const { current, ...rest } = await byResource(of, input);
      return { ...rest, status: { type, containerResource: { name, container, current } } };
    });
  }
  if (type === 'Pods' && spec.pods) {
    const { metric, target } = spec.pods;
    return failing('failed to get pods metric value', 'FailedGetPodsMetric', async () => {
      const { metrics, namespace, selector, signal } = input;
      const values = await saying(`unable to get metric ${metric.name}`, () =>
        metrics.pods(metric.name, namespace, selector, metric.selector, signal),
      );
      const targetMilli = milliOf(target.averageValue);
      const { replicas, milli } = byAverage({
        ...podsInput(values, input),
        resource: '',
        targetMilli,
      });
      const current = { averageValue: quantity(milli) };
      return {
        replicas,
        name: `pods metric ${metric.name}`,
        status: { type, pods: { metric, current } },
      };
    });
  }
  if (type === 'Object' && spec.object) {
    const { object } = spec;
    return failing('failed to get object metric value', 'FailedGetObjectMetric', () =>
      byObject(object, input),
    );
  }
  if (type === 'External' && spec.external) {
    const { external } = spec;
    const what = `failed to get ${external.metric.name} external metric value`;
    return failing(what, 'FailedGetExternalMetric', () => byExternal(external, input));
  }
  const message = `unknown metric source type ${JSON.stringify(type)}`;
  throw new MetricFailure(message, 'InvalidMetricSourceType', message);
}

async function byResource(
  of: { name: string; target: MetricTarget; container: string; source: string },
  input: MetricInput,
): Promise<{ replicas: number; name: string; current: MetricValueStatus }> {
  const { name, target, container, source } = of;
  const { averageValue, averageUtilization } = target;
  const { metrics, namespace, selector, signal } = input;
  const read = () =>
    saying(`unable to get metrics for resource ${name}`, () =>
      metrics.resource(name, namespace, selector, container, signal),
    );
  if (averageValue !== undefined) {
    return saying(`failed to get ${name} usage`, async () => {
      const values = podsInput(await read(), input);
      const targetMilli = milliOf(averageValue);
      const { replicas, milli } = byAverage({ ...values, resource: name, targetMilli });
      return { replicas, name: `${name} resource`, current: { averageValue: quantity(milli) } };
    });
  }
  if (averageUtilization === undefined) {
    throw new Error(
      'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
    );
  }
  return saying(`failed to get ${name} utilization`, async () => {
    const values = podsInput(await read(), input);
    const found = byUtilization({
      ...values,
      resource: name,
      container,
      target: averageUtilization,
    });
    const current: MetricValueStatus = {
      averageValue: quantity(found.milli),
      ...(found.utilization === undefined ? {} : { averageUtilization: found.utilization }),
    };
    const called = `${name} ${source} utilization (percentage of request)`;
    return { replicas: found.replicas, name: called, current };
  });
}

async function byObject(
  { metric, describedObject, target }: NonNullable<MetricSpec['object']>,
  input: MetricInput,
): Promise<MetricProposal> {
  const { metrics, namespace, signal } = input;
  const { kind, name } = describedObject;
  const read = () =>
    saying(`unable to get metric ${metric.name}: ${kind} on ${namespace} ${name}/`, async () => {
      const ref = await input.resourceOf(describedObject);
      return metrics.object(metric.name, namespace, describedObject, ref, metric.selector, signal);
    });
  const show = (proposal: Proposal, called: string, current: MetricValueStatus) => ({
    replicas: proposal.replicas,
    name: called,
    status: { type: 'Object', object: { metric, describedObject, current } },
  });
  if (target.type === 'Value' && target.value !== undefined) {
    const found = byValue({
      ...valueInput(input, await read()),
      targetMilli: milliOf(target.value),
    });
    return show(found, `${kind} metric ${metric.name}`, { value: quantity(found.milli) });
  }
  if (target.type === 'AverageValue' && target.averageValue !== undefined) {
    const milli = await saying(`failed to get ${metric.name} object metric`, read);
    const targetMilli = milliOf(target.averageValue);
    const found = byValuePerPod({ ...valueInput(input, milli), targetMilli });
    const called = `external metric ${metric.name}(${goSelector(metric.selector)})`;
    return show(found, called, { averageValue: quantity(found.milli) });
  }
  throw new Error(
    'invalid object metric source: neither a value target nor an average value target was set',
  );
}

async function byExternal(
  { metric, target }: NonNullable<MetricSpec['external']>,
  input: MetricInput,
): Promise<MetricProposal> {
  const { metrics, namespace, signal } = input;
  const selector = goSelector(metric.selector);
  const read = () =>
    saying(`unable to get external metric ${namespace}/${metric.name}/${selector}`, () =>
      metrics.external(metric.name, namespace, metric.selector, signal),
    );
  const name = `external metric ${metric.name}(${selector})`;
  const show = (replicas: number, current: MetricValueStatus) => ({
    replicas,
    name,
    status: { type: 'External', external: { metric, current } },
  });
  if (target.averageValue !== undefined) {
    const milli = await saying(`failed to get ${metric.name} external metric`, read);
    const targetMilli = milliOf(target.averageValue);
    const found = byValuePerPod({ ...valueInput(input, milli), targetMilli });
    return show(found.replicas, { averageValue: quantity(found.milli) });
  }
  if (target.value !== undefined) {
    const milli = await saying(`failed to get external metric ${metric.name}`, read);
    const found = byValue({ ...valueInput(input, milli), targetMilli: milliOf(target.value) });
    return show(found.replicas, { value: quantity(found.milli) });
  }
  throw new Error(
    'invalid external metric source: neither a value target nor an average value target was set',
  );
}

async function failing(
  what: string,
  reason: string,
  read: () => Promise<MetricProposal>,
): Promise<MetricProposal> {
  try {
    return await read();
  } catch (err) {
    throw new MetricFailure(`${what}: ${textOf(err)}`, reason, textOf(err), { cause: err });
  }
}

/** What goes wrong inside is said with the words before it. */
async function saying<T>(words: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (err) {
    const join = words.endsWith('/') ? '' : ': ';
    throw new Error(`${words}${join}${textOf(err)}`, { cause: err });
  }
}

function podsInput(metrics: PodMetricMap, input: MetricInput) {
  const { specReplicas: currentReplicas, pods, tolerances, readiness } = input;
  return { currentReplicas, pods, metrics, tolerances, ...readiness };
}

function valueInput(input: MetricInput, milli: number) {
  const { specReplicas: currentReplicas, statusReplicas, pods, tolerances } = input;
  return { currentReplicas, statusReplicas, pods, tolerances, milli };
}

function milliOf(quantityText: string | number | undefined): number {
  return Quantity.parse(quantityText ?? '0').milliValue();
}

function quantity(milli: number): string {
  return Quantity.ofMilli(milli).toString();
}

function textOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
