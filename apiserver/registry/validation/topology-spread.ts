/** How a pod's like are to be spread over zones, nodes and other topologies. */
import type { TopologySpreadConstraint } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
} from '../../../pkg/apimachinery/field-error.js';
import {
  validateLabelName,
  validateLabelSelector,
} from '../../../pkg/apimachinery/validation/label-selector.js';
import { repeatedKeys } from './affinity.js';
import { nonEmpty, optionalOneOf } from './fields.js';

const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway'];
const NODE_POLICIES = ['Honor', 'Ignore'];
const NOT_POSITIVE = 'must be greater than zero';

export function validateTopologySpread(
  constraints: readonly TopologySpreadConstraint[],
  at: Path,
  allowInvalidSelector: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, constraint] of constraints.entries()) {
    const own = at.index(i);
    const { maxSkew = 0, topologyKey, whenUnsatisfiable = '', minDomains } = constraint;
    if (maxSkew <= 0) errors.push(invalid(own.child('maxSkew'), maxSkew, NOT_POSITIVE));
    errors.push(...nonEmpty(topologyKey, own.child('topologyKey'), 'can not be empty'));
    if (!ACTIONS.includes(whenUnsatisfiable)) {
      errors.push(notSupported(own.child('whenUnsatisfiable'), whenUnsatisfiable, ACTIONS));
    }
    const repeated = constraints
      .slice(i + 1)
      .some(
        (other) =>
          other.topologyKey === topologyKey &&
          other.whenUnsatisfiable === constraint.whenUnsatisfiable,
      );
    if (repeated) {
      errors.push(
        duplicate(
          own.child('{topologyKey, whenUnsatisfiable}'),
          `{${topologyKey}, ${whenUnsatisfiable}}`,
        ),
      );
    }
    if (minDomains !== undefined) {
      if (minDomains <= 0) errors.push(invalid(own.child('minDomains'), minDomains, NOT_POSITIVE));
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const text = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        errors.push(invalid(own.child('minDomains'), minDomains, text));
      }
    }
    errors.push(
      ...optionalOneOf(
        constraint.nodeAffinityPolicy,
        NODE_POLICIES,
        own.child('nodeAffinityPolicy'),
      ),
    );
    errors.push(
      ...optionalOneOf(constraint.nodeTaintsPolicy, NODE_POLICIES, own.child('nodeTaintsPolicy')),
    );
    errors.push(...validateMatchLabelKeys(constraint, own.child('matchLabelKeys')));
    if (!allowInvalidSelector)
      errors.push(...validateLabelSelector(constraint.labelSelector, own.child('labelSelector')));
  }
  return errors;
}

function validateMatchLabelKeys(constraint: TopologySpreadConstraint, at: Path): FieldError[] {
  const keys = constraint.matchLabelKeys ?? [];
  const selector = constraint.labelSelector;
  if (keys.length === 0) return [];
  const errors = selector
    ? []
    : [forbidden(at, 'must not be specified when labelSelector is not set')];
  for (const [i, key] of keys.entries()) errors.push(...validateLabelName(key, at.index(i)));
  return [...errors, ...repeatedKeys(keys, selector, at)];
}
