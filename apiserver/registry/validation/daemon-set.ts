/** DaemonSets: an update either takes a node's pod away first or brings a second one, never both and never neither. */
import type { DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import {
  validateLongRunning,
  validatePodTemplateSpec,
  validateSelected,
  validateWorkloadSelector,
} from './pod-template.js';
import {
  amountOf,
  validateAtMost100Percent,
  validateCollisionCount,
  validateCounts,
  validateIntOrPercent,
} from './replicas.js';

const SPEC = path('spec');
const STATUS = path('status');

export function validateDaemonSet(obj: DaemonSet, old?: DaemonSet): FieldError[] {
  const spec: Partial<DaemonSetSpec> = obj.spec ?? {};
  const template = SPEC.child('template');
  return [
    // One that is missing selects nothing, which is reported with the template.
    ...(spec.selector
      ? validateWorkloadSelector(
          spec.selector,
          SPEC.child('selector'),
          'empty selector is invalid for daemonset',
          old?.spec?.selector,
        )
      : []),
    ...validateSelected(spec.selector, spec.template, template),
    ...validatePodTemplateSpec(spec.template, template, old?.spec?.template),
    ...validateLongRunning(spec.template, 'DaemonSet', template),
    ...validateCounts(spec, ['minReadySeconds'], SPEC),
    ...validateStrategy(spec.updateStrategy ?? {}, SPEC.child('updateStrategy')),
    ...validateCounts(spec, ['revisionHistoryLimit'], SPEC),
  ];
}

export function validateDaemonSetUpdate(obj: DaemonSet, old: DaemonSet): FieldError[] {
  return [
    ...validateDaemonSet(obj, old),
    ...validateImmutable(obj.spec?.selector, old.spec?.selector, SPEC.child('selector')),
  ];
}

export function validateDaemonSetStatusUpdate(obj: DaemonSet, old: DaemonSet): FieldError[] {
  return [
    ...validateCounts(
      obj.status,
      [
        'currentNumberScheduled',
        'numberMisscheduled',
        'desiredNumberScheduled',
        'numberReady',
        'observedGeneration',
        'updatedNumberScheduled',
        'numberAvailable',
        'numberUnavailable',
        'collisionCount',
      ],
      STATUS,
    ),
    ...validateCollisionCount(obj.status?.collisionCount, old.status?.collisionCount, STATUS),
  ];
}

function validateStrategy(strategy: DaemonSetUpdateStrategy, at: Path): FieldError[] {
  if (strategy.type === 'OnDelete') return [];
  if (strategy.type !== 'RollingUpdate') {
    return [notSupported(at, strategy, ['RollingUpdate', 'OnDelete'])];
  }
  const own = at.child('rollingUpdate');
  if (!strategy.rollingUpdate) return [required(own)];
  const { maxUnavailable, maxSurge } = strategy.rollingUpdate;
  const errors = [
    ...validateIntOrPercent(maxUnavailable, own.child('maxUnavailable')),
    ...validateAtMost100Percent(maxUnavailable, own.child('maxUnavailable')),
    ...validateIntOrPercent(maxSurge, own.child('maxSurge')),
    ...validateAtMost100Percent(maxSurge, own.child('maxSurge')),
  ];
  const unavailable = amountOf(maxUnavailable) !== 0;
  const surge = amountOf(maxSurge) !== 0;
  if (unavailable && surge) {
    errors.push(
      invalid(own.child('maxSurge'), maxSurge, 'may not be set when maxUnavailable is non-zero'),
    );
  } else if (!unavailable && !surge) {
    errors.push(required(own.child('maxUnavailable'), 'cannot be 0 when maxSurge is 0'));
  }
  return errors;
}
