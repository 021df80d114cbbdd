/** ServiceCIDR: a range that Services get their addresses from. */

import type { ServiceCIDR } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import { type FieldError, invalid, path, required } from '../../../pkg/apimachinery/field-error.js';
import { FIELD_IMMUTABLE } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { familyOfCIDR, validateCIDR } from '../validation/addresses.js';

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
    validateUpdate: (obj, old) =>
      semanticDeepEqual(obj.spec?.cidrs, old.spec?.cidrs)
        ? []
        : [invalid('spec.cidrs', obj.spec?.cidrs ?? [], FIELD_IMMUTABLE)],
    status: true,
    selectableFields: (obj) => ({ 'metadata.name': obj.metadata?.name ?? '' }),
  },
};

function validate({ spec }: ServiceCIDR): FieldError[] {
  const at = path('spec', 'cidrs');
  const cidrs = spec?.cidrs ?? [];
  if (cidrs.length === 0) return [required(at, 'at least one CIDR required')];
  if (cidrs.length > 2) {
    return [invalid(at, spec, 'may only hold up to 2 values')];
  }
  const errors = cidrs.flatMap((cidr, i): FieldError[] => validateCIDR(cidr, at.index(i)));
  const [first = '', second] = cidrs;
  if (errors.length === 0 && second !== undefined && familyOfCIDR(first) === familyOfCIDR(second)) {
    errors.push(invalid(at, spec, 'may specify no more than one IP for each IP family'));
  }
  return errors;
}
