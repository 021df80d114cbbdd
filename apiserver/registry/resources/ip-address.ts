/** IPAddress: an address of a Service, named after itself, so that no two can have it. */
import { isIP } from 'node:net';
import type { IPAddress } from '../../../pkg/api/types.js';
import { type FieldError, invalid, path, required } from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

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
    validateUpdate: (obj, old) => [
      ...validate(obj),
      ...validateImmutable(obj.spec?.parentRef, old.spec?.parentRef, path('spec', 'parentRef')),
    ],
    validateName: (name) =>
      isIP(name) === 0 ? ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'] : [],
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
  const errors: FieldError[] = [];
  if (parent.group && parent.group !== parent.group.toLowerCase()) {
    errors.push(invalid(at.child('group'), parent.group, 'must be lower case'));
  }
  for (const field of ['resource', 'name'] as const) {
    if (!parent[field]) errors.push(required(at.child(field)));
  }
  return errors;
}
