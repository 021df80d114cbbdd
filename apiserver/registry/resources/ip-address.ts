/** IPAddress: an address of a Service, named after itself, so that no two can have it. */
import type { IPAddress } from '../../../pkg/api/types.js';
import { type FieldError, invalid, path, required } from '../../../pkg/apimachinery/field-error.js';
import { isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { strictIPFaults } from '../validation/addresses.js';
import { optionalSegment, requiredSegment } from '../validation/references.js';

export const ipAddress: ResourceDefinition<IPAddress> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  resource: 'ipaddresses',
  singular: 'ipaddress',
  namespaced: false,
  shortNames: ['ip'],
  definition: 'io.k8s.api.networking.v1.IPAddress',
  columns: [
    nameColumn(),
    textColumn('ParentRef', 'Who has the address.', ({ spec }) => {
      const parent = spec?.parentRef;
      if (!parent) return '<none>';
      const resource = parent.group ? `${parent.resource}.${parent.group}` : parent.resource;
      return [resource.toLowerCase(), parent.namespace, parent.name].filter(Boolean).join('/');
    }),
  ],
  strategy: {
    validate,
    validateUpdate: (obj, old) =>
      validateImmutable(obj.spec?.parentRef, old.spec?.parentRef, path('spec', 'parentRef')),
    validateName: strictIPFaults,
    selectableFields: (obj) => ({
      'spec.parentRef.group': obj.spec?.parentRef.group ?? '',
      'spec.parentRef.resource': obj.spec?.parentRef.resource ?? '',
    }),
  },
};

function validate({ spec }: IPAddress): FieldError[] {
  const at = path('spec', 'parentRef');
  const parent = spec?.parentRef;
  if (!parent) return [required(at)];
  const { group, resource, name, namespace } = parent;
  return [
    // The group of Services is the empty one.
    ...(group
      ? isDNS1123Subdomain(group).map((why) => invalid(at.child('group'), group, why))
      : []),
    ...requiredSegment(resource, at.child('resource')),
    ...requiredSegment(name, at.child('name')),
    ...optionalSegment(namespace, at.child('namespace')),
  ];
}
