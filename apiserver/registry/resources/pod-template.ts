/** PodTemplate: a pod template that stands by itself. */
import type { PodTemplate } from '../../../pkg/api/types.js';
import { formatLabels, nameColumn, templateColumns } from '../columns/metadata.js';
import { setPodTemplateDefaults } from '../defaults/pod-spec.js';
import type { ResourceDefinition } from '../resource.js';
import { validatePodTemplate } from '../validation/pod-template.js';
import { isNewGeneration, podTemplateWarnings } from '../validation/pod-warnings.js';

export const podTemplate: ResourceDefinition<PodTemplate> = {
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  resource: 'podtemplates',
  singular: 'podtemplate',
  namespaced: true,
  definition: 'io.k8s.api.core.v1.PodTemplate',
  columns: [
    nameColumn(),
    ...templateColumns<PodTemplate>((obj) => obj.template, 0),
    {
      name: 'Pod Labels',
      type: 'string',
      description: 'The labels for the pod template.',
      value: (obj) => formatLabels(obj.template?.metadata?.labels),
    },
  ],
  strategy: {
    returnsDeletedObject: true,
    setDefaults(obj) {
      setPodTemplateDefaults(obj.template);
    },
    validate: validatePodTemplate,
    validateUpdate: validatePodTemplate,
    warningsOnCreate: (obj) => podTemplateWarnings(obj.template, 'template'),
    warningsOnUpdate: (obj, old) =>
      isNewGeneration(obj, old) ? podTemplateWarnings(obj.template, 'template') : [],
    generation: true,
  },
};
