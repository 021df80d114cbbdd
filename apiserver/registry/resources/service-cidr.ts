/** ServiceCIDR: a range that Services get their addresses from. */

import type { ServiceCIDR } from '../../../pkg/api/types.js';
import { type FieldError, invalid, path, required } from '../../../pkg/apimachinery/field-error.js';
import { FIELD_IMMUTABLE } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { familyOfCIDR, validateStrictCIDR } from '../validation/addresses.js';

const CIDRS = path('spec', 'cidrs');

export const serviceCIDR: ResourceDefinition<ServiceCIDR> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  resource: 'servicecidrs',
  singular: 'servicecidr',
  namespaced: false,
  definition: 'io.k8s.api.networking.v1.ServiceCIDR',
  columns: [
    nameColumn(),
    textColumn('CIDRs', 'The ranges, one of each family.', (obj) =>
      (obj.spec?.cidrs ?? []).join(','),
    ),
    ageColumn(),
  ],
  strategy: {
    prepareForCreate(obj) {
      obj.status = {};
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
    },
    validate,
    validateUpdate,
    status: true,
    selectableFields: (obj) => ({ 'metadata.name': obj.metadata?.name ?? '' }),
  },
};

function validate({ spec }: ServiceCIDR): FieldError[] {
  const cidrs = spec?.cidrs ?? [];
  if (cidrs.length === 0) return [required(CIDRS, 'at least one CIDR required')];
  if (cidrs.length > 2) {
    return [invalid(CIDRS, { CIDRs: cidrs }, 'may only hold up to 2 values')];
  }
  const errors = cidrs.flatMap((cidr, i) => validateStrictCIDR(cidr, CIDRS.index(i)));
  const [first = '', second] = cidrs;
  const family = familyOfCIDR(first);
  if (second !== undefined && family !== 0 && family === familyOfCIDR(second)) {
    const text =
      'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    errors.push(invalid(CIDRS, cidrs, text));
  }
  return errors;
}

/** A range of the other family may be added; nothing else changes. */
function validateUpdate(obj: ServiceCIDR, old: ServiceCIDR): FieldError[] {
  const now = obj.spec?.cidrs ?? [];
  const before = old.spec?.cidrs ?? [];
  if (now.length !== before.length && !(before.length === 1 && now.length === 2)) {
    return [invalid(CIDRS, now, FIELD_IMMUTABLE)];
  }
  const errors = before.flatMap((cidr, i) =>
    cidr === now[i] ? [] : [invalid(CIDRS.index(i), now[i], FIELD_IMMUTABLE)],
  );
  return now.length === before.length ? errors : [...errors, ...validate(obj)];
}
