/** StatefulSet: numbered pods with names and volumes of their own, made and changed in order. */
import type { StatefulSet } from '../../../pkg/api/types.js';
import { nameIsDNSLabel } from '../../../pkg/apimachinery/validation/names.js';
import { ageColumn, nameColumn, templateColumns } from '../columns/metadata.js';
import { setPodTemplateDefaults } from '../defaults/pod-spec.js';
import type { ResourceDefinition } from '../resource.js';
import { isNewGeneration, podTemplateWarnings } from '../validation/pod-warnings.js';
import {
  statefulSetWarnings,
  validateStatefulSet,
  validateStatefulSetStatusUpdate,
  validateStatefulSetUpdate,
} from '../validation/stateful-set.js';

export const statefulSet: ResourceDefinition<StatefulSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  resource: 'statefulsets',
  singular: 'statefulset',
  namespaced: true,
  shortNames: ['sts'],
  categories: ['all'],
  definition: 'io.k8s.api.apps.v1.StatefulSet',
  columns: [
    nameColumn(),
    {
      name: 'Ready',
      type: 'string',
      description: 'Number of the pod with ready state',
      value: (obj) => `${obj.status?.readyReplicas ?? 0}/${obj.spec?.replicas ?? 0}`,
    },
    ageColumn(),
    ...templateColumns<StatefulSet>((obj) => obj.spec?.template),
  ],
  strategy: {
    setDefaults,
    prepareForCreate(obj) {
      obj.status = { replicas: 0, availableReplicas: 0 };
    },
    // Pods have it as the first part of their names; an old object of another name may still be updated.
    validateName: nameIsDNSLabel,
    validate: (obj) => validateStatefulSet(obj),
    validateUpdate: validateStatefulSetUpdate,
    warningsOnCreate: (obj) => [
      ...statefulSetWarnings(obj),
      ...podTemplateWarnings(obj.spec?.template, 'spec.template'),
    ],
    warningsOnUpdate: (obj, old) => [
      ...statefulSetWarnings(obj),
      ...(isNewGeneration(obj, old)
        ? podTemplateWarnings(obj.spec?.template, 'spec.template')
        : []),
    ],
    generation: true,
    status: { validateUpdate: validateStatefulSetStatusUpdate },
  },
  scale: {
    specReplicas: 'spec.replicas',
    statusReplicas: 'status.replicas',
    selector: 'spec.selector',
  },
};

function setDefaults(obj: StatefulSet): void {
  const spec = obj.spec;
  if (!spec) return;
  spec.podManagementPolicy ||= 'OrderedReady';
  spec.updateStrategy ??= {};
  if (!spec.updateStrategy.type) {
    spec.updateStrategy.type = 'RollingUpdate';
    spec.updateStrategy.rollingUpdate ??= {};
  }
  if (spec.updateStrategy.type === 'RollingUpdate' && spec.updateStrategy.rollingUpdate) {
    spec.updateStrategy.rollingUpdate.partition ??= 0;
    spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= 'Retain';
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  setPodTemplateDefaults(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= 'v1';
    claim.kind ??= 'PersistentVolumeClaim';
    claim.metadata ??= {};
    claim.spec ??= {};
    claim.spec.resources ??= {};
    claim.spec.volumeMode ??= 'Filesystem';
    claim.status ??= {};
    claim.status.phase ??= 'Pending';
  }
  obj.status ??= { replicas: 0 };
  obj.status.replicas ??= 0;
  obj.status.availableReplicas ??= 0;
}
