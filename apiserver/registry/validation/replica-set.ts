/** ReplicaSets: the selector finds the template's pods and never changes. */
import type { ReplicaSet, ReplicaSetSpec } from '../../../pkg/api/types.js';
import { type FieldError, path } from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import {
  validateLongRunning,
  validatePodTemplateSpec,
  validateSelected,
  validateWorkloadSelector,
} from './pod-template.js';
import { validateAvailable, validateCounts, validateParts } from './replicas.js';

const SPEC = path('spec');
const STATUS = path('status');

export function validateReplicaSet(obj: ReplicaSet, old?: ReplicaSet): FieldError[] {
  const spec: Partial<ReplicaSetSpec> = obj.spec ?? {};
  const template = SPEC.child('template');
  return [
    ...validateCounts(spec, ['replicas', 'minReadySeconds'], SPEC),
    // Upstream names the Deployment here too; scripts may match on it.
    ...validateWorkloadSelector(
      spec.selector,
      SPEC.child('selector'),
      'empty selector is invalid for deployment',
      old?.spec?.selector,
    ),
    ...validateSelected(spec.selector, spec.template, template),
    ...validatePodTemplateSpec(spec.template, template, old?.spec?.template),
    ...validateLongRunning(spec.template, 'ReplicaSet', template),
  ];
}

export function validateReplicaSetUpdate(obj: ReplicaSet, old: ReplicaSet): FieldError[] {
  return [
    ...validateReplicaSet(obj, old),
    ...validateImmutable(obj.spec?.selector, old.spec?.selector, SPEC.child('selector')),
  ];
}

export function validateReplicaSetStatusUpdate(obj: ReplicaSet): FieldError[] {
  const status = obj.status ?? { replicas: 0 };
  return [
    ...validateCounts(
      status,
      [
        'replicas',
        'fullyLabeledReplicas',
        'readyReplicas',
        'availableReplicas',
        'terminatingReplicas',
        'observedGeneration',
      ],
      STATUS,
    ),
    ...validateParts(
      status,
      ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'],
      STATUS,
    ),
    ...validateAvailable(status, STATUS),
  ];
}
