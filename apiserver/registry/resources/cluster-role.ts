/** ClusterRole: a list of what may be done, everywhere, that other roles may add to by their labels. */

import type { ClusterRole } from '../../../pkg/api/types.js';
import { nameIsPathSegment } from '../../../pkg/apimachinery/validation/names.js';
import { nameColumn } from '../columns/metadata.js';
import { createdAtColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { RBAC_GROUP, validateClusterRole } from '../validation/rbac.js';

export const clusterRole: ResourceDefinition<ClusterRole> = {
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'ClusterRole',
  resource: 'clusterroles',
  singular: 'clusterrole',
  namespaced: false,
  definition: 'io.k8s.api.rbac.v1.ClusterRole',
  columns: [nameColumn(), createdAtColumn()],
  strategy: {
    validate: validateClusterRole,
    validateUpdate: validateClusterRole,
    validateName: nameIsPathSegment,
    allowCreateOnUpdate: true,
  },
};
