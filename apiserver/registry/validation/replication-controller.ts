/** ReplicationControllers: a ReplicaSet's rules with a plain map for a selector, which may change. */
import type { ReplicationController, ReplicationControllerSpec } from '../../../pkg/api/types.js';
import { type FieldError, invalid, path, required } from '../../../pkg/apimachinery/field-error.js';
import { MISMATCH, validateLongRunning, validatePodTemplateSpec } from './pod-template.js';
import { validateAvailable, validateCounts, validateParts } from './replicas.js';

const SPEC = path('spec');
const STATUS = path('status');

export function validateReplicationController(
  obj: ReplicationController,
  old?: ReplicationController,
): FieldError[] {
  const spec: ReplicationControllerSpec = obj.spec ?? {};
  const template = SPEC.child('template');
  const selector = Object.entries(spec.selector ?? {});
  const errors = validateCounts(spec, ['minReadySeconds'], SPEC);
  if (selector.length === 0) errors.push(required(SPEC.child('selector')));
  errors.push(...validateCounts(spec, ['replicas'], SPEC));
  if (!spec.template) return [...errors, required(template)];
  const labels = spec.template.metadata?.labels;
  if (selector.some(([key, value]) => labels?.[key] !== value)) {
    errors.push(invalid(template.child('metadata', 'labels'), labels ?? null, MISMATCH));
  }
  return [
    ...errors,
    ...validatePodTemplateSpec(spec.template, template, old?.spec?.template),
    ...validateLongRunning(spec.template, 'ReplicationController', template),
  ];
}

export function validateReplicationControllerUpdate(
  obj: ReplicationController,
  old: ReplicationController,
): FieldError[] {
  return validateReplicationController(obj, old);
}

export function validateReplicationControllerStatusUpdate(
  obj: ReplicationController,
): FieldError[] {
  const status = obj.status ?? { replicas: 0 };
  return [
    ...validateCounts(
      status,
      [
        'replicas',
        'fullyLabeledReplicas',
        'readyReplicas',
        'availableReplicas',
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
