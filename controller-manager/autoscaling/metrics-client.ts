/**
 * Where an autoscaler reads what it scales by (`pkg/controller/podautoscaler/metrics`): metrics.k8s.io for
 * resources, custom.metrics.k8s.io for pods and other objects, external.metrics.k8s.io for the rest. All
 * amounts are thousandths. An API without an answer, or with an empty one, is an error.
 */
import type { PodMetrics } from '../../pkg/api/schema/metrics.js';
import type { CrossVersionObjectReference, LabelSelector } from '../../pkg/api/types.js';
import { parseDuration } from '../../pkg/apimachinery/duration.js';
import { formatLabelSelector, selectorFromObject } from '../../pkg/apimachinery/labels.js';
import type { KubeList } from '../../pkg/apimachinery/meta.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import type { ResourceRef } from '../../pkg/client/resources.js';
import type { RestClient } from '../../pkg/client/rest.js';

const CUSTOM = 'custom.metrics.k8s.io';
const EXTERNAL = '/apis/external.metrics.k8s.io/v1beta1';
/** What a sample was averaged over, where it does not say. */
const DEFAULT_WINDOW_MS = 60_000;

export interface PodMetric {
  readonly milli: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly windowMs: number;
}

/** By the pod's name. */
export type PodMetricMap = Map<string, PodMetric>;

interface MetricValue {
  readonly describedObject?: { readonly name?: string };
  readonly timestamp?: string;
  readonly windowSeconds?: number;
  /** Of an own metric. */
  readonly value?: string;
}

interface ApiGroup {
  readonly preferredVersion?: { readonly groupVersion?: string };
}

export class MetricsClient {
  constructor(private readonly client: RestClient) {}

  /** Of one container, or with '' of the whole pod. */
  async resource(
    resource: string,
    namespace: string,
    selector: string,
    container: string,
    signal: AbortSignal,
  ): Promise<PodMetricMap> {
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`;
    const { items = [] } = await this.get<Partial<KubeList<PodMetrics>>>(
      path,
      { labelSelector: selector },
      'resource metrics API',
      signal,
    );
    if (items.length === 0) throw new Error('no metrics returned from resource metrics API');
    const found: PodMetricMap = new Map();
    for (const pod of items) {
      const milli = usageOf(pod, resource, container);
      if (milli === undefined) continue;
      const at = parseTime(pod.timestamp) ?? 0;
      found.set(pod.metadata?.name ?? '', { milli, at, windowMs: parseDuration(pod.window) });
    }
    return found;
  }

  /** An own metric of each of the pods. */
  async pods(
    metric: string,
    namespace: string,
    selector: string,
    metricSelector: LabelSelector | undefined,
    signal: AbortSignal,
  ): Promise<PodMetricMap> {
    const root = await this.customRoot(signal);
    const path = `${root}/namespaces/${namespace}/pods/*/${encodeURIComponent(metric)}`;
    const query = { labelSelector: selector, metricLabelSelector: selectorText(metricSelector) };
    const { items = [] } = await this.get<{ items?: MetricValue[] }>(
      path,
      query,
      'custom metrics API',
      signal,
    );
    if (items.length === 0) throw new Error('no metrics returned from custom metrics API');
    return new Map(
      items.map((item) => [
        item.describedObject?.name ?? '',
        {
          milli: milliOf(item.value),
          at: parseTime(item.timestamp ?? '') ?? 0,
          windowMs:
            item.windowSeconds === undefined ? DEFAULT_WINDOW_MS : item.windowSeconds * 1000,
        },
      ]),
    );
  }

  /** A metric of one object; `ref` is the object's resource. */
  async object(
    metric: string,
    namespace: string,
    described: CrossVersionObjectReference,
    ref: ResourceRef,
    metricSelector: LabelSelector | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    const root = await this.customRoot(signal);
    const resource = ref.group === '' ? ref.resource : `${ref.resource}.${ref.group}`;
    const of =
      described.kind === 'Namespace' && ref.group === ''
        ? `${encodeURIComponent(described.name)}/metrics`
        : `${namespace}/${resource}/${encodeURIComponent(described.name)}`;
    const { items = [] } = await this.get<{ items?: MetricValue[] }>(
      `${root}/namespaces/${of}/${encodeURIComponent(metric)}`,
      { metricLabelSelector: selectorText(metricSelector) },
      'custom metrics API',
      signal,
    );
    const [only] = items;
    if (items.length !== 1 || !only) {
      throw new Error(
        `unable to fetch metrics from custom metrics API: the custom metrics API server returned ${items.length} results when we asked for exactly one`,
      );
    }
    return milliOf(only.value);
  }

  /** All values that the selector finds, together. */
  async external(
    metric: string,
    namespace: string,
    selector: LabelSelector | undefined,
    signal: AbortSignal,
  ): Promise<number> {
    const { items = [] } = await this.get<{ items?: MetricValue[] }>(
      `${EXTERNAL}/namespaces/${namespace}/${encodeURIComponent(metric)}`,
      { labelSelector: selectorText(selector) },
      'external metrics API',
      signal,
    );
    if (items.length === 0) throw new Error('no metrics returned from external metrics API');
    return items.reduce((sum, { value }) => sum + milliOf(value), 0);
  }

  /** `/apis/custom.metrics.k8s.io/v1beta2`, or whatever version the server has. */
  private async customRoot(signal: AbortSignal): Promise<string> {
    try {
      const response = await this.client.request({ path: `/apis/${CUSTOM}`, signal });
      const group: ApiGroup = JSON.parse(response.text);
      return `/apis/${group.preferredVersion?.groupVersion ?? `${CUSTOM}/v1beta2`}`;
    } catch (err) {
      if (!isReason(err, 'NotFound')) throw unable('custom metrics API', err);
      throw new Error(
        `unable to fetch metrics from custom metrics API: no custom metrics API (${CUSTOM}) registered`,
      );
    }
  }

  private async get<T>(
    path: string,
    query: Readonly<Record<string, string | undefined>>,
    api: string,
    signal: AbortSignal,
  ): Promise<T> {
    try {
      return JSON.parse((await this.client.request({ path, query, signal })).text);
    } catch (err) {
      if (signal.aborted) throw err;
      throw unable(api, err);
    }
  }
}

function unable(api: string, err: unknown): Error {
  const why = err instanceof Error ? err.message : String(err);
  return new Error(`unable to fetch metrics from ${api}: ${why}`, { cause: err });
}

/** Undefined where a container does not say, or is not there: the pod then counts as one without metrics. */
function usageOf(pod: PodMetrics, resource: string, container: string): number | undefined {
  const chosen = pod.containers.filter(({ name }) => container === '' || name === container);
  if (chosen.length === 0) return undefined;
  let sum = 0;
  for (const { usage } of chosen) {
    const text = usage[resource];
    if (text === undefined) return undefined;
    sum += milliOf(text);
  }
  return sum;
}

function milliOf(text: string | undefined): number {
  return Quantity.parse(text ?? '0').milliValue();
}

/** Throws for a selector that cannot be. */
function selectorText(selector: LabelSelector | undefined): string | undefined {
  if (!selector) return undefined;
  selectorFromObject(selector);
  return formatLabelSelector(selector);
}
