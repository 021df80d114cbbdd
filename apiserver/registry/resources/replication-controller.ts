/** ReplicationController: the ReplicaSet of Kubernetes' first days, with a plain map for a selector. */
import type { ReplicationController } from '../../../pkg/api/types.js';
import {
  ageColumn,
  formatLabels,
  nameColumn,
  selectorColumn,
  templateColumns,
} from '../columns/metadata.js';
import { setPodTemplateDefaults } from '../defaults/pod-spec.js';
import type { ResourceDefinition } from '../resource.js';
import { nameWarnings } from '../validation/name-warnings.js';
import { isNewGeneration, podTemplateWarnings } from '../validation/pod-warnings.js';
import {
  validateReplicationController,
  validateReplicationControllerStatusUpdate,
  validateReplicationControllerUpdate,
} from '../validation/replication-controller.js';

export const replicationController: ResourceDefinition<ReplicationController> = {
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  resource: 'replicationcontrollers',
  singular: 'replicationcontroller',
  namespaced: true,
  shortNames: ['rc'],
  categories: ['all'],
  definition: 'io.k8s.api.core.v1.ReplicationController',
  storage: { prefix: 'controllers' },
  columns: [
    nameColumn(),
    {
      name: 'Desired',
      type: 'integer',
      description: 'Number of pods that are wanted.',
      value: (obj) => obj.spec?.replicas ?? 0,
    },
    {
      name: 'Current',
      type: 'integer',
      description: 'Number of pods that there are.',
      value: (obj) => obj.status?.replicas ?? 0,
    },
    {
      name: 'Ready',
      type: 'integer',
      description: 'Number of pods that are ready.',
      value: (obj) => obj.status?.readyReplicas ?? 0,
    },
    ageColumn(),
    ...templateColumns<ReplicationController>((obj) => obj.spec?.template),
    selectorColumn((obj) => formatLabels(obj.spec?.selector)),
  ],
  strategy: {
    setDefaults(obj) {
      if (!obj.spec) return;
      const labels = obj.spec.template?.metadata?.labels;
      if (labels) {
        if (Object.keys(obj.spec.selector ?? {}).length === 0) obj.spec.selector = { ...labels };
        if (Object.keys(obj.metadata?.labels ?? {}).length === 0) {
          obj.metadata = { ...obj.metadata, labels: { ...labels } };
        }
      }
      obj.spec.replicas ??= 1;
      setPodTemplateDefaults(obj.spec.template);
      obj.status ??= { replicas: 0 };
      obj.status.replicas ??= 0;
    },
    prepareForCreate(obj) {
      obj.status = { replicas: 0 };
    },
    validate: (obj) => validateReplicationController(obj),
    validateUpdate: validateReplicationControllerUpdate,
    warningsOnCreate: (obj) => [
      ...nameWarnings(obj.metadata?.name),
      ...podTemplateWarnings(obj.spec?.template, 'spec.template'),
    ],
    warningsOnUpdate: (obj, old) =>
      isNewGeneration(obj, old) ? podTemplateWarnings(obj.spec?.template, 'spec.template') : [],
    generation: true,
    status: { validateUpdate: validateReplicationControllerStatusUpdate },
    selectableFields: (obj) => ({ 'status.replicas': String(obj.status?.replicas ?? 0) }),
    defaultPropagation: 'Orphan',
  },
  scale: {
    specReplicas: 'spec.replicas',
    statusReplicas: 'status.replicas',
    selector: 'spec.selector',
  },
};
