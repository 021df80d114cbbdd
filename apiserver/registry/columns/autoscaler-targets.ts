/** `cpu: 12%/80%`, `cpu: <unknown>/80%, memory: 1Gi/2Gi + 1 more...`: the targets of an autoscaler. */
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus } from '../../../pkg/api/types.js';

/** How many targets a table shows. */
const SHOWN = 2;
const UNKNOWN = '<unknown>';
const AUTO = '<auto>';

export function autoscalerTargets({ spec, status }: HorizontalPodAutoscaler): string {
  const metrics = spec?.metrics ?? [];
  if (metrics.length === 0) return '<none>';
  const texts = metrics.map((metric, i) => targetText(metric, status?.currentMetrics?.[i]));
  const list = texts.slice(0, SHOWN).join(', ');
  return texts.length > SHOWN ? `${list} + ${texts.length - SHOWN} more...` : list;
}

function targetText(metric: MetricSpec, status: MetricStatus | undefined): string {
  switch (metric.type) {
    case 'External': {
      const target = metric.external?.target;
      const current = status?.external?.current;
      if (target?.averageValue !== undefined) {
        return `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`;
      }
      return `${current?.value ?? UNKNOWN}/${target?.value ?? AUTO}`;
    }
    case 'Pods':
      return `${status?.pods?.current.averageValue ?? UNKNOWN}/${metric.pods?.target.averageValue ?? AUTO}`;
    case 'Object': {
      const target = metric.object?.target;
      const current = status?.object?.current;
      if (target?.averageValue !== undefined) {
        return `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`;
      }
      return `${current?.value ?? UNKNOWN}/${target?.value ?? AUTO}`;
    }
    case 'Resource':
      return resourceText(metric.resource, status?.resource);
    case 'ContainerResource':
      return resourceText(metric.containerResource, status?.containerResource);
    default:
      return '<unknown type>';
  }
}

function resourceText(spec: MetricSpec['resource'], status: MetricStatus['resource']): string {
  const { averageValue, averageUtilization } = spec?.target ?? {};
  const name = spec?.name ?? '';
  if (averageValue !== undefined) {
    return `${name}: ${status?.current.averageValue ?? UNKNOWN}/${averageValue}`;
  }
  const current = status?.current.averageUtilization;
  const now = current === undefined ? UNKNOWN : `${current}%`;
  return `${name}: ${now}/${averageUtilization === undefined ? AUTO : `${averageUtilization}%`}`;
}
