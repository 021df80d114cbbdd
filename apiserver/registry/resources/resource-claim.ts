/** ResourceClaim: devices that pods want, those that were given, and the pods that use them. */

import type { ResourceClaim } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import { invalid, path } from '../../../pkg/apimachinery/field-error.js';
import { FIELD_IMMUTABLE } from '../../../pkg/apimachinery/validation/object-meta.js';
import { checkAdminRequests, checkAdminResults } from '../allocators/admin-access.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import { dropFromClaimSpec, dropFromClaimStatus } from '../defaults/disabled-device-fields.js';
import type { ResourceDefinition } from '../resource.js';
import { deviceKey, validateClaimStatus } from '../validation/device-allocation.js';
import { setClaimDefaults, validateClaimSpec } from '../validation/devices.js';

export const resourceClaim: ResourceDefinition<ResourceClaim> = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  resource: 'resourceclaims',
  singular: 'resourceclaim',
  namespaced: true,
  definition: 'io.k8s.api.resource.v1.ResourceClaim',
  columns: [nameColumn(), textColumn('State', 'How far it is.', stateText), ageColumn()],
  strategy: {
    setDefaults: (obj) => setClaimDefaults(obj.spec),
    prepareForCreate(obj) {
      obj.status = {};
      dropFromClaimSpec(obj.spec);
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
      dropFromClaimSpec(obj.spec, old.spec);
    },
    validate: (obj) => validateClaimSpec(obj.spec, path('spec')),
    validateUpdate: (obj, old) =>
      semanticDeepEqual(obj.spec, old.spec) ? [] : [invalid('spec', obj.spec, FIELD_IMMUTABLE)],
    status: {
      prepareForUpdate(obj, old) {
        dropFromClaimStatus(obj, old);
        forgetReturned(obj, old);
      },
      validateUpdate: validateClaimStatus,
    },
    begin(write, obj, old, ctx) {
      if (write === 'create')
        return checkAdminRequests('ResourceClaim', obj, obj.spec.devices?.requests, ctx);
      return checkAdminResults(obj, old, ctx);
    },
    returnsDeletedObject: true,
  },
};

/** What drivers said of devices that the claim has no more goes with them. */
function forgetReturned({ status }: ResourceClaim, old: ResourceClaim): void {
  if (!status?.devices) return;
  const keys = (claim: Pick<ResourceClaim, 'status'>) =>
    new Set((claim.status?.allocation?.devices?.results ?? []).map(deviceKey));
  const [before, now] = [keys(old), keys({ status })];
  const left = status.devices.filter((device) => {
    const key = deviceKey(device);
    return now.has(key) || !before.has(key);
  });
  if (left.length > 0) status.devices = left;
  else delete status.devices;
}

/** `pending`, `allocated,reserved`, `deleted,allocated` */
function stateText({ metadata, status = {} }: ResourceClaim): string {
  const states: string[] = [];
  if (metadata?.deletionTimestamp) states.push('deleted');
  if (!status.allocation) {
    if (!metadata?.deletionTimestamp) states.push('pending');
  } else {
    states.push('allocated');
    if ((status.reservedFor ?? []).length > 0) states.push('reserved');
  }
  return states.join(',');
}
