/** ConfigMap: plain and binary data under keys that can be file names; may be made immutable. */
import type { ConfigMap } from '../../../pkg/api/types.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import type { ResourceDefinition } from '../resource.js';
import { validateConfigMap, validateConfigMapUpdate } from '../validation/config-map.js';

export const configMap: ResourceDefinition<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  resource: 'configmaps',
  singular: 'configmap',
  namespaced: true,
  shortNames: ['cm'],
  definition: 'io.k8s.api.core.v1.ConfigMap',
  columns: [
    nameColumn(),
    {
      name: 'Data',
      type: 'string',
      description: 'Number of keys, plain and binary.',
      value: (obj) => Object.keys(obj.data ?? {}).length + Object.keys(obj.binaryData ?? {}).length,
    },
    ageColumn(),
  ],
  strategy: {
    validate: validateConfigMap,
    validateUpdate: validateConfigMapUpdate,
  },
};
