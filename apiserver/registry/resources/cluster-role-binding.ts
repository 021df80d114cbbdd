/** ClusterRoleBinding: gives the ClusterRole that it names to its subjects. */

import type { ClusterRoleBinding } from '../../../pkg/api/types.js';
import { nameIsPathSegment } from '../../../pkg/apimachinery/validation/names.js';
import { bindingColumns } from '../columns/role-binding.js';
import type { ResourceDefinition } from '../resource.js';
import {
  RBAC_GROUP,
  setBindingDefaults,
  validateBinding,
  validateBindingUpdate,
} from '../validation/rbac.js';

export const clusterRoleBinding: ResourceDefinition<ClusterRoleBinding> = {
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'ClusterRoleBinding',
  resource: 'clusterrolebindings',
  singular: 'clusterrolebinding',
  namespaced: false,
  definition: 'io.k8s.api.rbac.v1.ClusterRoleBinding',
  columns: bindingColumns(),
  strategy: {
    setDefaults: setBindingDefaults,
    validate: (obj) => validateBinding(obj, false),
    validateUpdate: (obj, old) => validateBindingUpdate(obj, old, false),
    validateName: nameIsPathSegment,
    allowCreateOnUpdate: true,
  },
};
