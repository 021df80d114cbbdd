/** Deployment: a ReplicaSet for each version of a pod template, and the way from one to the next. */
import type { Deployment } from '../../../pkg/api/types.js';
import {
  ageColumn,
  formatLabelSelector,
  nameColumn,
  selectorColumn,
  templateColumns,
} from '../columns/metadata.js';
import { setPodTemplateDefaults } from '../defaults/pod-spec.js';
import type { ResourceDefinition } from '../resource.js';
import {
  validateDeployment,
  validateDeploymentStatusUpdate,
  validateDeploymentUpdate,
} from '../validation/deployment.js';
import { nameWarnings } from '../validation/name-warnings.js';
import { isNewGeneration, podTemplateWarnings } from '../validation/pod-warnings.js';

export const deployment: ResourceDefinition<Deployment> = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  resource: 'deployments',
  singular: 'deployment',
  namespaced: true,
  shortNames: ['deploy'],
  categories: ['all'],
  definition: 'io.k8s.api.apps.v1.Deployment',
  columns: [
    nameColumn(),
    {
      name: 'Ready',
      type: 'string',
      description: 'Number of the pod with ready state',
      value: (obj) => `${obj.status?.readyReplicas ?? 0}/${obj.spec?.replicas ?? 0}`,
    },
    {
      name: 'Up-to-date',
      type: 'string',
      description: 'Number of pods made from the current template.',
      value: (obj) => obj.status?.updatedReplicas ?? 0,
    },
    {
      name: 'Available',
      type: 'string',
      description: 'Number of pods that have been ready for long enough.',
      value: (obj) => obj.status?.availableReplicas ?? 0,
    },
    ageColumn(),
    ...templateColumns<Deployment>((obj) => obj.spec?.template),
    selectorColumn((obj) => formatLabelSelector(obj.spec?.selector)),
  ],
  strategy: {
    setDefaults,
    prepareForCreate(obj) {
      obj.status = {};
    },
    validate: (obj) => validateDeployment(obj),
    validateUpdate: validateDeploymentUpdate,
    warningsOnCreate: (obj) => [
      ...nameWarnings(obj.metadata?.name),
      ...podTemplateWarnings(obj.spec?.template, 'spec.template'),
    ],
    warningsOnUpdate: (obj, old) =>
      isNewGeneration(obj, old) ? podTemplateWarnings(obj.spec?.template, 'spec.template') : [],
    generation: true,
    status: {
      prepareForUpdate(obj, old) {
        // Labels are its author's; a status only reports.
        obj.metadata = { ...obj.metadata };
        if (old.metadata?.labels) obj.metadata.labels = { ...old.metadata.labels };
        else delete obj.metadata.labels;
      },
      validateUpdate: validateDeploymentStatusUpdate,
    },
  },
  scale: {
    specReplicas: 'spec.replicas',
    statusReplicas: 'status.replicas',
    selector: 'spec.selector',
  },
};

function setDefaults(obj: Deployment): void {
  const spec = obj.spec;
  if (!spec) return;
  spec.replicas ??= 1;
  spec.strategy ??= {};
  const { strategy } = spec;
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate.maxUnavailable ??= '25%';
    strategy.rollingUpdate.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  setPodTemplateDefaults(spec.template);
  obj.status ??= {};
}
