/**
 * HorizontalPodAutoscaler v1: the same objects as v2, seen as one CPU target. What v1 cannot say travels in
 * annotations, as upstream, so that an update through v1 loses nothing.
 */

import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerV1,
  MetricSpec,
} from '../../../pkg/api/types.js';
import { clone } from '../../../pkg/apimachinery/clone.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import type { ResourceDefinition } from '../resource.js';
import { autoscalerColumns } from './horizontal-pod-autoscaler.js';

const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics';
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';

export const horizontalPodAutoscalerV1: ResourceDefinition<HorizontalPodAutoscaler> = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  resource: 'horizontalpodautoscalers',
  singular: 'horizontalpodautoscaler',
  namespaced: true,
  shortNames: ['hpa'],
  categories: ['all'],
  definition: 'io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler',
  storage: {
    from: { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' },
    toStored: toV2,
    fromStored: toV1,
  },
  columns: autoscalerColumns,
  // The rest is checked, and filled in, as what it is stored as.
  strategy: {
    setDefaults({ spec }) {
      if (spec) spec.minReplicas ??= 1;
    },
    status: true,
  },
};

function toV2(obj: KubeObject): KubeObject {
  const { spec, status, ...rest } = clone(obj) as Partial<HorizontalPodAutoscalerV1>;
  const kept = takeAnnotations(rest);
  const out: Partial<HorizontalPodAutoscaler> = { ...rest, apiVersion: 'autoscaling/v2' };
  if (spec) {
    const { targetCPUUtilizationPercentage: cpu, ...common } = spec;
    const metrics: MetricSpec[] = [...(kept.metrics ?? [])];
    if (cpu !== undefined) {
      metrics.unshift({
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpu } },
      });
    }
    out.spec = {
      ...common,
      ...(metrics.length > 0 ? { metrics } : {}),
      ...(kept.behavior ? { behavior: kept.behavior } : {}),
    };
  }
  if (status) {
    const { currentCPUUtilizationPercentage: cpu, currentReplicas, ...common } = status;
    const currentMetrics = [...(kept.currentMetrics ?? [])];
    if (cpu !== undefined) {
      currentMetrics.unshift({
        type: 'Resource',
        resource: { name: 'cpu', current: { averageUtilization: cpu, averageValue: '0' } },
      });
    }
    out.status = {
      ...common,
      ...(currentReplicas ? { currentReplicas } : {}),
      ...(currentMetrics.length > 0 ? { currentMetrics } : {}),
      ...(kept.conditions ? { conditions: kept.conditions } : {}),
    };
  }
  return out;
}

function toV1(obj: KubeObject): KubeObject {
  const { spec, status, ...rest } = clone(obj) as Partial<HorizontalPodAutoscaler>;
  const out: Partial<HorizontalPodAutoscalerV1> = { ...rest, apiVersion: 'autoscaling/v1' };
  const kept: Record<string, string> = {};
  const keep = (key: string, value: readonly unknown[] | object | undefined) => {
    if (value && Object.keys(value).length > 0) kept[key] = JSON.stringify(value);
  };
  if (spec) {
    const { metrics = [], behavior, ...common } = spec;
    const cpu = metrics.find(isCpuUtilization);
    const utilization = cpu?.resource?.target.averageUtilization;
    out.spec = {
      ...common,
      ...(utilization === undefined ? {} : { targetCPUUtilizationPercentage: utilization }),
    };
    keep(
      METRICS,
      metrics.filter((metric) => metric !== cpu),
    );
    keep(BEHAVIOR, behavior);
  }
  if (status) {
    const { currentMetrics = [], conditions, currentReplicas = 0, ...common } = status;
    const cpu = currentMetrics.find(
      ({ type, resource }) =>
        type === 'Resource' &&
        resource?.name === 'cpu' &&
        resource.current.averageUtilization !== undefined,
    );
    const utilization = cpu?.resource?.current.averageUtilization;
    out.status = {
      ...common,
      currentReplicas,
      ...(utilization === undefined ? {} : { currentCPUUtilizationPercentage: utilization }),
    };
    keep(
      CURRENT_METRICS,
      currentMetrics.filter((metric) => metric !== cpu),
    );
    keep(CONDITIONS, conditions);
  }
  if (Object.keys(kept).length > 0) {
    out.metadata = { ...out.metadata, annotations: { ...out.metadata?.annotations, ...kept } };
  }
  return out;
}

function isCpuUtilization({ type, resource }: MetricSpec): boolean {
  return (
    type === 'Resource' &&
    resource?.name === 'cpu' &&
    resource.target.averageUtilization !== undefined
  );
}

interface Kept {
  metrics?: MetricSpec[];
  behavior?: NonNullable<HorizontalPodAutoscaler['spec']>['behavior'];
  currentMetrics?: NonNullable<HorizontalPodAutoscaler['status']>['currentMetrics'];
  conditions?: NonNullable<HorizontalPodAutoscaler['status']>['conditions'];
}

/** Reads the annotations and takes them off. One that is no JSON is dropped, as upstream does. */
function takeAnnotations(obj: KubeObject): Kept {
  const annotations = { ...obj.metadata?.annotations };
  const kept: Kept = {};
  const fields = {
    metrics: METRICS,
    behavior: BEHAVIOR,
    currentMetrics: CURRENT_METRICS,
    conditions: CONDITIONS,
  };
  for (const [field, key] of Object.entries(fields)) {
    const text = annotations[key];
    if (text === undefined) continue;
    delete annotations[key];
    Object.assign(kept, { [field]: parseOrNothing(text) });
  }
  if (obj.metadata) {
    obj.metadata = { ...obj.metadata, annotations };
    if (Object.keys(annotations).length === 0) delete obj.metadata.annotations;
  }
  return kept;
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
