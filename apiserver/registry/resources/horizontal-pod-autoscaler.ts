/** HorizontalPodAutoscaler v2: scales a workload by what its pods, or anything else, measure. Stored so. */
import type { HorizontalPodAutoscaler } from '../../../pkg/api/types.js';
import { autoscalerTargets } from '../columns/autoscaler-targets.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { Column, ResourceDefinition, Strategy } from '../resource.js';
import { validateAutoscaler } from '../validation/autoscaler.js';

const DEFAULT_CPU_UTILIZATION = 80;

export const autoscalerColumns: readonly Column<HorizontalPodAutoscaler>[] = [
  nameColumn(),
  textColumn('Reference', 'What is scaled.', ({ spec }) =>
    spec ? `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}` : '',
  ),
  textColumn('Targets', 'What is measured, and what it should be.', autoscalerTargets),
  textColumn('MinPods', 'The fewest pods.', (obj) => String(obj.spec?.minReplicas ?? '<unset>')),
  textColumn('MaxPods', 'The most pods.', (obj) => obj.spec?.maxReplicas ?? 0),
  textColumn('Replicas', 'The pods that there are.', (obj) => obj.status?.currentReplicas ?? 0),
  ageColumn(),
];

const autoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  setDefaults,
  prepareForCreate(obj) {
    obj.status = { desiredReplicas: 0 };
  },
  prepareForUpdate(obj, old) {
    if (old.status) obj.status = old.status;
  },
  validate: (obj) => validateAutoscaler(obj),
  validateUpdate: validateAutoscaler,
  status: true,
};

export const horizontalPodAutoscaler: ResourceDefinition<HorizontalPodAutoscaler> = {
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  resource: 'horizontalpodautoscalers',
  singular: 'horizontalpodautoscaler',
  namespaced: true,
  shortNames: ['hpa'],
  categories: ['all'],
  definition: 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
  columns: autoscalerColumns,
  strategy: autoscalerStrategy,
};

function setDefaults(obj: HorizontalPodAutoscaler): void {
  const { spec } = obj;
  if (!spec) return;
  spec.minReplicas ??= 1;
  if (!spec.metrics || spec.metrics.length === 0) {
    spec.metrics = [
      {
        type: 'Resource',
        resource: {
          name: 'cpu',
          target: { type: 'Utilization', averageUtilization: DEFAULT_CPU_UTILIZATION },
        },
      },
    ];
  }
  if (!spec.behavior) return;
  // Up: double, or four pods more, every 15 s, at once. Down: all, when five minutes agreed.
  const { behavior } = spec;
  behavior.scaleUp = {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
    ...behavior.scaleUp,
  };
  behavior.scaleDown = {
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    ...behavior.scaleDown,
  };
}
