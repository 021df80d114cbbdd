/** Deployments: the selector finds the template's pods and never changes, and a rolling update can make a step. */
import type { Deployment, DeploymentSpec, DeploymentStrategy } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
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
  validateAvailable,
  validateCollisionCount,
  validateCounts,
  validateIntOrPercent,
  validateParts,
} from './replicas.js';

const SPEC = path('spec');
const STATUS = path('status');

export function validateDeployment(obj: Deployment, old?: Deployment): FieldError[] {
  // A missing spec lacks what a spec must have.
  const spec: Partial<DeploymentSpec> = obj.spec ?? {};
  const template = SPEC.child('template');
  const errors = [
    ...validateCounts(spec, ['replicas'], SPEC),
    ...validateWorkloadSelector(
      spec.selector,
      SPEC.child('selector'),
      'empty selector is invalid for deployment',
      old?.spec?.selector,
    ),
    ...validateSelected(spec.selector, spec.template, template),
    ...validatePodTemplateSpec(spec.template, template, old?.spec?.template),
    ...validateLongRunning(spec.template, 'ReplicaSet', template),
    ...validateStrategy(spec.strategy ?? {}, SPEC.child('strategy')),
    ...validateCounts(
      spec,
      ['minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds'],
      SPEC,
    ),
  ];
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec;
  if (deadline !== undefined && deadline <= minReadySeconds) {
    errors.push(
      invalid(
        SPEC.child('progressDeadlineSeconds'),
        deadline,
        'must be greater than minReadySeconds',
      ),
    );
  }
  return errors;
}

export function validateDeploymentUpdate(obj: Deployment, old: Deployment): FieldError[] {
  return [
    ...validateDeployment(obj, old),
    ...validateImmutable(obj.spec?.selector, old.spec?.selector, SPEC.child('selector')),
  ];
}

export function validateDeploymentStatusUpdate(obj: Deployment, old: Deployment): FieldError[] {
  const status = obj.status ?? {};
  return [
    ...validateCounts(
      status,
      [
        'observedGeneration',
        'replicas',
        'updatedReplicas',
        'readyReplicas',
        'availableReplicas',
        'unavailableReplicas',
        'terminatingReplicas',
        'collisionCount',
      ],
      STATUS,
    ),
    ...validateParts(status, ['updatedReplicas', 'readyReplicas', 'availableReplicas'], STATUS),
    ...validateAvailable(status, STATUS),
    ...validateCollisionCount(status.collisionCount, old.status?.collisionCount, STATUS),
  ];
}

function validateStrategy(strategy: DeploymentStrategy, at: Path): FieldError[] {
  const own = at.child('rollingUpdate');
  if (strategy.type === 'Recreate') {
    if (!strategy.rollingUpdate) return [];
    return [forbidden(own, "may not be specified when strategy `type` is 'Recreate'")];
  }
  if (strategy.type !== 'RollingUpdate') {
    return [notSupported(at, strategy, ['Recreate', 'RollingUpdate'])];
  }
  if (!strategy.rollingUpdate) return [required(own, 'this should be defaulted and never be nil')];
  const { maxUnavailable, maxSurge } = strategy.rollingUpdate;
  const errors = [
    ...validateIntOrPercent(maxUnavailable, own.child('maxUnavailable')),
    ...validateIntOrPercent(maxSurge, own.child('maxSurge')),
  ];
  if (amountOf(maxUnavailable) === 0 && amountOf(maxSurge) === 0) {
    errors.push(
      invalid(own.child('maxUnavailable'), maxUnavailable, 'may not be 0 when `maxSurge` is 0'),
    );
  }
  return [...errors, ...validateAtMost100Percent(maxUnavailable, own.child('maxUnavailable'))];
}
