/** DaemonSet: one pod on each node that fits. */
import type { DaemonSet, DaemonSetStatus } from '../../../pkg/api/types.js';
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  ageColumn,
  formatLabelSelector,
  formatLabels,
  nameColumn,
  selectorColumn,
  templateColumns,
} from '../columns/metadata.js';
import { setPodTemplateDefaults } from '../defaults/pod-spec.js';
import type { Column, ResourceDefinition } from '../resource.js';
import {
  validateDaemonSet,
  validateDaemonSetStatusUpdate,
  validateDaemonSetUpdate,
} from '../validation/daemon-set.js';
import { isNewGeneration, podTemplateWarnings } from '../validation/pod-warnings.js';

const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

export const daemonSet: ResourceDefinition<DaemonSet> = {
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  resource: 'daemonsets',
  singular: 'daemonset',
  namespaced: true,
  shortNames: ['ds'],
  categories: ['all'],
  definition: 'io.k8s.api.apps.v1.DaemonSet',
  columns: [
    nameColumn(),
    count('Desired', 'Nodes that should run the pod.', (status) => status.desiredNumberScheduled),
    count(
      'Current',
      'Nodes that run the pod and should.',
      (status) => status.currentNumberScheduled,
    ),
    count('Ready', 'Nodes whose pod is ready.', (status) => status.numberReady),
    count(
      'Up-to-date',
      'Nodes that run the current template.',
      (status) => status.updatedNumberScheduled,
    ),
    count(
      'Available',
      'Nodes whose pod has been ready for long enough.',
      (status) => status.numberAvailable,
    ),
    {
      name: 'Node Selector',
      type: 'string',
      description: 'Labels of the nodes that run the pod.',
      value: (obj) => formatLabels(obj.spec?.template?.spec?.nodeSelector),
    },
    ageColumn(),
    ...templateColumns<DaemonSet>((obj) => obj.spec?.template),
    selectorColumn((obj) => formatLabelSelector(obj.spec?.selector)),
  ],
  strategy: {
    setDefaults,
    prepareForCreate(obj) {
      obj.status = emptyStatus();
      setTemplateGeneration(obj, 1);
    },
    prepareForUpdate(obj, old) {
      const before = templateGeneration(old);
      const changed = !deepEqual(obj.spec?.template, old.spec?.template);
      setTemplateGeneration(obj, changed ? before + 1 : before);
    },
    validate: (obj) => validateDaemonSet(obj),
    validateUpdate: validateDaemonSetUpdate,
    warningsOnCreate: (obj) => podTemplateWarnings(obj.spec?.template, 'spec.template'),
    warningsOnUpdate: (obj, old) =>
      isNewGeneration(obj, old) ? podTemplateWarnings(obj.spec?.template, 'spec.template') : [],
    generation: true,
    status: { validateUpdate: validateDaemonSetStatusUpdate },
  },
};

function setDefaults(obj: DaemonSet): void {
  const spec = obj.spec;
  if (!spec) return;
  spec.updateStrategy ??= {};
  const strategy = spec.updateStrategy;
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate.maxUnavailable ??= 1;
    strategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  setPodTemplateDefaults(spec.template);
  obj.status = { ...emptyStatus(), ...obj.status };
}

/** Counts the templates; a field of an older version that lives on as an annotation. */
function templateGeneration(obj: DaemonSet): number {
  return Number(obj.metadata?.annotations?.[TEMPLATE_GENERATION] ?? 0) || 0;
}

function setTemplateGeneration(obj: DaemonSet, generation: number): void {
  obj.metadata ??= {};
  obj.metadata.annotations = {
    ...obj.metadata.annotations,
    [TEMPLATE_GENERATION]: String(generation),
  };
}

function emptyStatus(): DaemonSetStatus {
  return {
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: 0,
    numberReady: 0,
  };
}

function count(
  name: string,
  description: string,
  of: (status: Partial<DaemonSetStatus>) => number | undefined,
): Column<DaemonSet> {
  return { name, type: 'integer', description, value: (obj) => of(obj.status ?? {}) ?? 0 };
}
