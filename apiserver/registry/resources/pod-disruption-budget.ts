/** PodDisruptionBudget: how many pods of a set may be taken away on purpose at one time. */

import type { PodDisruptionBudget } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { isValidPercent } from '../../../pkg/apimachinery/validation/formats.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import { validateNonnegative } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { integerColumn, textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateConditions } from '../validation/conditions.js';

const EVICTION_POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];

export const podDisruptionBudget: ResourceDefinition<PodDisruptionBudget> = {
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  resource: 'poddisruptionbudgets',
  singular: 'poddisruptionbudget',
  namespaced: true,
  shortNames: ['pdb'],
  definition: 'io.k8s.api.policy.v1.PodDisruptionBudget',
  columns: [
    nameColumn(),
    textColumn('Min Available', 'How many pods must be left.', (obj) =>
      String(obj.spec?.minAvailable ?? 'N/A'),
    ),
    textColumn('Max Unavailable', 'How many pods may be away.', (obj) =>
      String(obj.spec?.maxUnavailable ?? 'N/A'),
    ),
    integerColumn(
      'Allowed Disruptions',
      'How many pods may go now.',
      (obj) => obj.status?.disruptionsAllowed ?? 0,
    ),
    ageColumn(),
  ],
  strategy: {
    prepareForCreate(obj) {
      obj.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
    },
    validate,
    validateUpdate: validate,
    generation: true,
    allowUnconditionalUpdate: false,
    status: {
      validateUpdate: ({ status }) => {
        const at = path('status');
        return status
          ? [
              ...validateConditions(status.conditions, at.child('conditions')),
              ...validateNonnegative(
                status.disruptionsAllowed ?? 0,
                at.child('disruptionsAllowed'),
              ),
              ...validateNonnegative(status.currentHealthy ?? 0, at.child('currentHealthy')),
              ...validateNonnegative(status.desiredHealthy ?? 0, at.child('desiredHealthy')),
              ...validateNonnegative(status.expectedPods ?? 0, at.child('expectedPods')),
            ]
          : [];
      },
    },
  },
};

function validate({ spec = {} }: PodDisruptionBudget): FieldError[] {
  const at = path('spec');
  const errors: FieldError[] = [];
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    errors.push(invalid(at, spec, 'minAvailable and maxUnavailable cannot be both set'));
  }
  errors.push(...validateAmount(spec.minAvailable, at.child('minAvailable')));
  errors.push(...validateAmount(spec.maxUnavailable, at.child('maxUnavailable')));
  errors.push(...validateLabelSelector(spec.selector, at.child('selector')));
  const policy = spec.unhealthyPodEvictionPolicy;
  if (policy !== undefined && !EVICTION_POLICIES.includes(policy)) {
    errors.push(notSupported(at.child('unhealthyPodEvictionPolicy'), policy, EVICTION_POLICIES));
  }
  return errors;
}

/** A count that is not negative, or a percentage up to 100%. */
function validateAmount(value: number | string | undefined, at: Path): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return validateNonnegative(value, at);
  const errors = isValidPercent(value).map((why) => invalid(at, value, why));
  if (errors.length === 0 && Number(value.slice(0, -1)) > 100) {
    errors.push(invalid(at, value, 'must not be greater than 100%'));
  }
  return errors;
}
