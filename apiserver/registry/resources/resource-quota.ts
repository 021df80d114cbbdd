/** ResourceQuota: how much the objects of a namespace may ask for together, and how much they do. */

import type { ResourceQuota, ResourceQuotaSpec } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  invalid,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { FIELD_IMMUTABLE } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateQuantityValue, validateResourceName } from '../validation/resources.js';

const SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];
const POD_SCOPES = [
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
];
const WITHOUT_VALUES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'Terminating',
];
const CONFLICTS = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;
/** What the pods of a scope may be counted by. */
const POD_NAMES = new Set([
  'pods',
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
]);
const CLAIM_NAMES = new Set(['persistentvolumeclaims', 'requests.storage']);
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
  return [
    ...validateAmounts(spec.hard, path('spec', 'hard')),
    ...validateScopes(spec),
    ...validateSelector(spec),
  ];
}

function validateScopes(spec: ResourceQuotaSpec): FieldError[] {
  const at = path('spec', 'scopes');
  const scopes = spec.scopes ?? [];
  const errors: FieldError[] = [];
  for (const scope of scopes) {
    if (!SCOPES.includes(scope)) errors.push(invalid(at, scopes, 'unsupported scope'));
    for (const _name of unfitFor(scope, spec.hard))
      errors.push(invalid(at, scopes, 'unsupported scope applied to resource'));
  }
  return [...errors, ...conflicts(scopes, at, scopes)];
}

/** The path names the list and not the entry, as upstream. */
function validateSelector(spec: ResourceQuotaSpec): FieldError[] {
  const at = path('spec', 'scopeSelector', 'matchExpressions');
  const expressions = spec.scopeSelector?.matchExpressions ?? [];
  const errors: FieldError[] = [];
  for (const { scopeName, operator, values = [] } of expressions) {
    if (!SCOPES.includes(scopeName))
      errors.push(invalid(at.child('scopeName'), scopeName, 'unsupported scope'));
    for (const _name of unfitFor(scopeName, spec.hard)) {
      const shown = {
        MatchExpressions: expressions.map((one) => ({
          ScopeName: one.scopeName,
          Operator: one.operator,
          Values: one.values ?? null,
        })),
      };
      errors.push(invalid(at, shown, 'unsupported scope applied to resource'));
    }
    if (WITHOUT_VALUES.includes(scopeName) && operator !== 'Exists') {
      const text =
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
      errors.push(invalid(at.child('operator'), operator, text));
    }
    if (operator === 'In' || operator === 'NotIn') {
      const text =
        "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      if (values.length === 0) errors.push(required(at.child('values'), text));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      const text =
        "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      if (values.length > 0) errors.push(invalid(at.child('values'), values, text));
    } else errors.push(invalid(at.child('operator'), operator, 'not a valid selector operator'));
  }
  const names = expressions.map(({ scopeName }) => scopeName);
  return [...errors, ...conflicts(names, path('spec', 'scopeSelector', 'scopes'), spec.scopes)];
}

function conflicts(
  scopes: readonly string[],
  at: Path,
  shown: readonly string[] | undefined,
): FieldError[] {
  return CONFLICTS.filter((pair) => pair.every((scope) => scopes.includes(scope))).map(() =>
    invalid(at, shown ?? null, 'conflicting scopes'),
  );
}

/** What is counted, but not by scope: only pods are of one, and of best-effort ones nothing but their number is. */
function unfitFor(
  scope: string,
  hard: Readonly<Record<string, string>> | undefined,
): readonly string[] {
  return Object.keys(hard ?? {})
    .sort()
    .filter((name) => {
      if (!STANDARD_NAMES.has(name)) return false;
      if (POD_SCOPES.includes(scope)) return !POD_NAMES.has(name);
      if (scope === 'BestEffort') return name !== 'pods';
      return scope !== 'VolumeAttributesClass' || !CLAIM_NAMES.has(name);
    });
}

function validateAmounts(
  amounts: Readonly<Record<string, string>> | undefined,
  at: Path,
): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, amount]) => {
    const here = at.key(name);
    const errors = validateResourceName(name, here);
    if (!name.includes('/') && !STANDARD_NAMES.has(name) && !isHugePages(name)) {
      errors.push(invalid(here, name, 'must be a standard resource for quota'));
    }
    return [...errors, ...validateQuantityValue(name, amount, here)];
  });
}

function isHugePages(name: string): boolean {
  return name.startsWith('hugepages-') || name.startsWith('requests.hugepages-');
}
