/** ReplicaSet: keeps so many pods of one template. */
import type { ReplicaSet } from '../../../pkg/api/types.js';
import {
  ageColumn,
  formatLabelSelector,
  nameColumn,
  selectorColumn,
  templateColumns,
} from '../columns/metadata.js';
import { setPodTemplateDefaults } from '../defaults/pod-spec.js';
import type { ResourceDefinition } from '../resource.js';
import { nameWarnings } from '../validation/name-warnings.js';
import { isNewGeneration, podTemplateWarnings } from '../validation/pod-warnings.js';
import {
  validateReplicaSet,
  validateReplicaSetStatusUpdate,
  validateReplicaSetUpdate,
} from '../validation/replica-set.js';

export const replicaSet: ResourceDefinition<ReplicaSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  resource: 'replicasets',
  singular: 'replicaset',
  namespaced: true,
  shortNames: ['rs'],
  categories: ['all'],
  definition: 'io.k8s.api.apps.v1.ReplicaSet',
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
    ...templateColumns<ReplicaSet>((obj) => obj.spec?.template),
    selectorColumn((obj) => formatLabelSelector(obj.spec?.selector)),
  ],
  strategy: {
    setDefaults(obj) {
      if (!obj.spec) return;
      obj.spec.replicas ??= 1;
      setPodTemplateDefaults(obj.spec.template);
      obj.status ??= { replicas: 0 };
      obj.status.replicas ??= 0;
    },
    prepareForCreate(obj) {
      obj.status = { replicas: 0 };
    },
    validate: (obj) => validateReplicaSet(obj),
    validateUpdate: validateReplicaSetUpdate,
    warningsOnCreate: (obj) => [
      ...nameWarnings(obj.metadata?.name),
      ...podTemplateWarnings(obj.spec?.template, 'spec.template'),
    ],
    warningsOnUpdate: (obj, old) =>
      isNewGeneration(obj, old) ? podTemplateWarnings(obj.spec?.template, 'spec.template') : [],
    generation: true,
    status: { validateUpdate: validateReplicaSetStatusUpdate },
    selectableFields: (obj) => ({ 'status.replicas': String(obj.status?.replicas ?? 0) }),
  },
  scale: {
    specReplicas: 'spec.replicas',
    statusReplicas: 'status.replicas',
    selector: 'spec.selector',
  },
};
