/** ResourceQuota: how much the objects of a namespace may ask for together, and how much they do. */

import type { ResourceQuota } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { isQualifiedName } from '../../../pkg/apimachinery/validation/names.js';
import { FIELD_IMMUTABLE, NOT_NEGATIVE } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { signOf } from '../validation/quantities.js';

const SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];
/** Names without a slash that a quota may count, besides `requests.…`, `limits.…` and `count/…`. */
const STANDARD_NAMES = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
]);

export const resourceQuota: ResourceDefinition<ResourceQuota> = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  resource: 'resourcequotas',
  singular: 'resourcequota',
  namespaced: true,
  shortNames: ['quota'],
  definition: 'io.k8s.api.core.v1.ResourceQuota',
  columns: [
    nameColumn(),
    textColumn('Request', 'Used and allowed requests.', (obj) => usage(obj, false)),
    textColumn('Limit', 'Used and allowed limits.', (obj) => usage(obj, true)),
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
    validateUpdate(obj, old) {
      const errors = validate(obj);
      const now = [...(obj.spec?.scopes ?? [])].sort();
      if (!semanticDeepEqual(now, [...(old.spec?.scopes ?? [])].sort())) {
        errors.push(invalid('spec.scopes', obj.spec?.scopes ?? [], FIELD_IMMUTABLE));
      }
      return errors;
    },
    status: {
      validateUpdate: (obj) => [
        ...validateAmounts(obj.status?.hard, path('status', 'hard')),
        ...validateAmounts(obj.status?.used, path('status', 'used')),
      ],
    },
    allowCreateOnUpdate: true,
    returnsDeletedObject: true,
  },
};

/** `pods: 1/10, requests.cpu: 100m/1` */
function usage({ status }: ResourceQuota, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter((name) => name.startsWith('limits.') === limits)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name] ?? '0'}`)
    .join(', ');
}

function validate({ spec = {} }: ResourceQuota): FieldError[] {
  const errors = validateAmounts(spec.hard, path('spec', 'hard'));
  const scopes = spec.scopes ?? [];
  scopes.forEach((scope) => {
    if (!SCOPES.includes(scope)) errors.push(invalid('spec.scopes', scopes, 'unsupported scope'));
  });
  for (const [one, other] of [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ] as const) {
    if (scopes.includes(one) && scopes.includes(other)) {
      errors.push(invalid('spec.scopes', scopes, 'conflicting scopes'));
    }
  }
  (spec.scopeSelector?.matchExpressions ?? []).forEach(
    ({ scopeName, operator, values = [] }, i) => {
      const at = path('spec', 'scopeSelector', 'matchExpressions').index(i);
      if (!SCOPES.includes(scopeName)) {
        errors.push(invalid(at.child('scopeName'), scopeName, 'unsupported scope'));
      }
      if (operator === 'In' || operator === 'NotIn') {
        if (values.length === 0) {
          errors.push({
            type: 'FieldValueRequired',
            field: at.child('values').toString(),
            body: "Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
          });
        }
      } else if (operator === 'Exists' || operator === 'DoesNotExist') {
        if (values.length > 0) {
          errors.push(
            invalid(
              at.child('values'),
              values,
              "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            ),
          );
        }
      } else
        errors.push(
          notSupported(at.child('operator'), operator, ['DoesNotExist', 'Exists', 'In', 'NotIn']),
        );
    },
  );
  return errors;
}

function validateAmounts(
  amounts: Readonly<Record<string, string>> | undefined,
  at: Path,
): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, amount]) => {
    const here = at.key(name);
    const errors = isQualifiedName(name).map((why) => invalid(here, name, why));
    if (errors.length === 0 && !name.includes('/') && !STANDARD_NAMES.has(name)) {
      errors.push(invalid(here, name, 'must be a standard resource for quota'));
    }
    if (signOf(amount) < 0) errors.push(invalid(here, amount, NOT_NEGATIVE));
    return errors;
  });
}
