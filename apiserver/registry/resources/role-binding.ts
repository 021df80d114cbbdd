/** RoleBinding: gives the Role or ClusterRole that it names to its subjects, in its namespace. */

import type { RoleBinding } from '../../../pkg/api/types.js';
import { nameIsPathSegment } from '../../../pkg/apimachinery/validation/names.js';
import { bindingColumns } from '../columns/role-binding.js';
import type { ResourceDefinition } from '../resource.js';
import {
  RBAC_GROUP,
  setBindingDefaults,
  validateBinding,
  validateBindingUpdate,
} from '../validation/rbac.js';

export const roleBinding: ResourceDefinition<RoleBinding> = {
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'RoleBinding',
  resource: 'rolebindings',
  singular: 'rolebinding',
  namespaced: true,
  definition: 'io.k8s.api.rbac.v1.RoleBinding',
  columns: bindingColumns(),
  strategy: {
    setDefaults: setBindingDefaults,
    validate: (obj) => validateBinding(obj, true),
    validateUpdate: (obj, old) => validateBindingUpdate(obj, old, true),
    validateName: nameIsPathSegment,
    allowCreateOnUpdate: true,
  },
};
