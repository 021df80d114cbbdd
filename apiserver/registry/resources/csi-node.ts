/** CSINode: the storage drivers of a node, named like the node. */

import type { CSINode, CSINodeDriver } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  duplicate,
  type FieldError,
  invalid,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { FIELD_IMMUTABLE } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { integerColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateDriverName } from '../validation/pod-volumes.js';

const NODE_ID_MAX_LENGTH = 256;

export const csiNode: ResourceDefinition<CSINode> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  resource: 'csinodes',
  singular: 'csinode',
  namespaced: false,
  definition: 'io.k8s.api.storage.v1.CSINode',
  columns: [
    nameColumn(),
    integerColumn(
      'Drivers',
      'How many drivers the node has.',
      (obj) => obj.spec?.drivers?.length ?? 0,
    ),
    ageColumn(),
  ],
  strategy: {
    validate,
    validateUpdate: (obj, old) => [...validate(obj), ...changedDrivers(obj, old)],
    allowUnconditionalUpdate: false,
    returnsDeletedObject: true,
  },
};

/** A driver that goes on being there stays what it is; only how much it takes may change. */
function changedDrivers(obj: CSINode, old: CSINode): FieldError[] {
  const fixed = ({ allocatable: _, ...rest }: CSINodeDriver) => rest;
  return (obj.spec?.drivers ?? []).flatMap((driver) => {
    const before = old.spec?.drivers?.find(({ name }) => name === driver.name);
    if (!before || semanticDeepEqual(fixed(before), fixed(driver))) return [];
    return [invalid('CSINodeDriver', driver.name, FIELD_IMMUTABLE)];
  });
}

function validate({ spec }: CSINode): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  (spec?.drivers ?? []).forEach(({ name, nodeID, topologyKeys, allocatable }, i) => {
    const at = path('spec', 'drivers').index(i);
    errors.push(...validateDriverName(name, at.child('name')));
    if (seen.has(name)) errors.push(duplicate(at.child('name'), name));
    seen.add(name);
    if (!nodeID) errors.push(required(at.child('nodeID'), nodeID));
    else if (nodeID.length > NODE_ID_MAX_LENGTH) {
      errors.push(
        invalid(at.child('nodeID'), nodeID, `must be ${NODE_ID_MAX_LENGTH} characters or less`),
      );
    }
    (topologyKeys ?? []).forEach((key) => {
      if (key === '') errors.push(required(at.child('topologyKeys'), key));
    });
    if (allocatable?.count !== undefined && allocatable.count < 0) {
      errors.push(
        invalid(
          at.child('allocatable', 'count'),
          allocatable.count,
          'must be greater than or equal to 0',
        ),
      );
    }
  });
  return errors;
}
