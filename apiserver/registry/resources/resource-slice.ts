/** ResourceSlice: devices that a driver has to give, on a node or for some of them. */

import type { ResourceSlice } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1123Label, isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

const MAX_DEVICES = 128;

export const resourceSlice: ResourceDefinition<ResourceSlice> = {
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  resource: 'resourceslices',
  singular: 'resourceslice',
  namespaced: false,
  definition: 'io.k8s.api.resource.v1.ResourceSlice',
  columns: [
    nameColumn(),
    textColumn('Node', 'The node that has the devices.', (obj) => obj.spec?.nodeName ?? ''),
    textColumn('Driver', 'The driver.', (obj) => obj.spec?.driver ?? ''),
    textColumn('Pool', 'The pool that they are part of.', (obj) => obj.spec?.pool.name ?? ''),
    ageColumn(),
  ],
  strategy: {
    validate,
    validateUpdate(obj, old) {
      const at = path('spec');
      return [
        ...validate(obj),
        ...validateImmutable(obj.spec?.nodeName, old.spec?.nodeName, at.child('nodeName')),
        ...validateImmutable(obj.spec?.driver, old.spec?.driver, at.child('driver')),
        ...validateImmutable(obj.spec?.pool.name, old.spec?.pool.name, at.child('pool', 'name')),
      ];
    },
    generation: true,
    selectableFields: (obj) => ({
      'spec.nodeName': obj.spec?.nodeName ?? '',
      'spec.driver': obj.spec?.driver ?? '',
    }),
    returnsDeletedObject: true,
  },
};

function validate({ spec }: ResourceSlice): FieldError[] {
  const at = path('spec');
  if (!spec) return [required(at)];
  const errors: FieldError[] = [];
  if (!spec.driver) errors.push(required(at.child('driver')));
  else
    errors.push(
      ...isDNS1123Subdomain(spec.driver).map((why) =>
        invalid(at.child('driver'), spec.driver, why),
      ),
    );
  if (!spec.pool?.name) errors.push(required(at.child('pool', 'name')));
  if (spec.pool && !(spec.pool.resourceSliceCount > 0)) {
    errors.push(
      invalid(
        at.child('pool', 'resourceSliceCount'),
        spec.pool.resourceSliceCount,
        'must be greater than zero',
      ),
    );
  }
  const places = [
    spec.nodeName,
    spec.nodeSelector,
    spec.allNodes,
    spec.perDeviceNodeSelection,
  ].filter(Boolean);
  if (places.length !== 1) {
    const what =
      'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
    if (places.length === 0) errors.push(required(at, what));
    else errors.push(invalid(at, null, `${what}, but multiple fields are set`));
  }
  const devices = spec.devices ?? [];
  if (devices.length > MAX_DEVICES) {
    errors.push({
      type: 'FieldValueTooMany',
      field: 'spec.devices',
      body: `Too many: ${devices.length}: must have at most ${MAX_DEVICES} items`,
    });
  }
  const names = new Set<string>();
  devices.forEach(({ name }, i) => {
    const here = at.child('devices').index(i).child('name');
    if (!name) errors.push(required(here));
    else errors.push(...isDNS1123Label(name).map((why) => invalid(here, name, why)));
    if (names.has(name)) errors.push(duplicate(here, name));
    names.add(name);
  });
  return errors;
}
