/** Role: a list of what may be done, in one namespace. */

import type { Role } from '../../../pkg/api/types.js';
import { nameIsPathSegment } from '../../../pkg/apimachinery/validation/names.js';
import { nameColumn } from '../columns/metadata.js';
import { createdAtColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { RBAC_GROUP, validatePolicyRules } from '../validation/rbac.js';

export const role: ResourceDefinition<Role> = {
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'Role',
  resource: 'roles',
  singular: 'role',
  namespaced: true,
  definition: 'io.k8s.api.rbac.v1.Role',
  columns: [nameColumn(), createdAtColumn()],
  strategy: {
    validate: (obj) => validatePolicyRules(obj.rules, true),
    validateUpdate: (obj) => validatePolicyRules(obj.rules, true),
    validateName: nameIsPathSegment,
    allowCreateOnUpdate: true,
  },
};
