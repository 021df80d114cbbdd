/**
 * StatefulSets. Of the template only the metadata is checked, as upstream does: its mounts may name volumes
 * that come from claim templates. Most of the spec is fixed once and for all.
 */
import type { StatefulSet, StatefulSetSpec } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateNonnegative } from '../../../pkg/apimachinery/validation/object-meta.js';
import { oneOf } from './fields.js';
import {
  validateLongRunning,
  validateSelected,
  validateTemplateMetadata,
  validateWorkloadSelector,
} from './pod-template.js';
import {
  amountOf,
  validateAtMost100Percent,
  validateCollisionCount,
  validateCounts,
  validateIntOrPercent,
  validateParts,
} from './replicas.js';

const SPEC = path('spec');
const STATUS = path('status');
const MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;
const FIXED =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

export function validateStatefulSet(obj: StatefulSet, old?: StatefulSet): FieldError[] {
  const spec: Partial<StatefulSetSpec> = obj.spec ?? {};
  const template = SPEC.child('template');
  const errors: FieldError[] = [];
  const management = spec.podManagementPolicy;
  if (!management) errors.push(required(SPEC.child('podManagementPolicy')));
  else if (management !== 'OrderedReady' && management !== 'Parallel') {
    errors.push(
      invalid(
        SPEC.child('podManagementPolicy'),
        management,
        "must be 'OrderedReady' or 'Parallel'",
      ),
    );
  }
  errors.push(...validateStrategy(spec, SPEC.child('updateStrategy')));
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  for (const field of ['whenDeleted', 'whenScaled'] as const) {
    if (!retention) break;
    const own = SPEC.child('persistentVolumeClaimRetentionPolicy', field);
    errors.push(...oneOf(retention[field], ['Retain', 'Delete'], own));
  }
  const start = spec.ordinals?.start;
  if (start !== undefined) errors.push(...validateNonnegative(start, SPEC.child('ordinals.start')));
  return [
    ...errors,
    ...validateCounts(spec, ['replicas', 'minReadySeconds'], SPEC),
    ...validateWorkloadSelector(
      spec.selector,
      SPEC.child('selector'),
      'empty selector is invalid for statefulset',
      old?.spec?.selector,
    ),
    ...validateSelected(spec.selector, spec.template, template),
    ...validateTemplateMetadata(spec.template, template),
    ...validateLongRunning(spec.template, 'StatefulSet', template),
  ];
}

export function validateStatefulSetUpdate(obj: StatefulSet, old: StatefulSet): FieldError[] {
  const errors = validateStatefulSet(obj, old);
  if (!semanticDeepEqual(fixedPart(obj.spec), fixedPart(old.spec)))
    errors.push(forbidden(SPEC, FIXED));
  return errors;
}

export function validateStatefulSetStatusUpdate(obj: StatefulSet, old: StatefulSet): FieldError[] {
  const status = obj.status ?? { replicas: 0 };
  const parts = [
    'readyReplicas',
    'currentReplicas',
    'updatedReplicas',
    'availableReplicas',
  ] as const;
  const errors = [
    ...validateCounts(
      status,
      ['replicas', ...parts, 'observedGeneration', 'collisionCount'],
      STATUS,
    ),
    ...validateParts(status, parts, STATUS),
  ];
  if ((status.availableReplicas ?? 0) > (status.readyReplicas ?? 0)) {
    const text = 'cannot be greater than status.readyReplicas';
    errors.push(invalid(STATUS.child('availableReplicas'), status.availableReplicas, text));
  }
  return [
    ...errors,
    ...validateCollisionCount(status.collisionCount, old.status?.collisionCount, STATUS),
  ];
}

function fixedPart(spec: StatefulSetSpec | undefined): Record<string, unknown> {
  const fixed: Record<string, unknown> = { ...spec };
  for (const field of MUTABLE) delete fixed[field];
  return fixed;
}

function validateStrategy(spec: Partial<StatefulSetSpec>, at: Path): FieldError[] {
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  const own = at.child('rollingUpdate');
  if (!type) return [required(at)];
  if (type === 'OnDelete') {
    if (!rollingUpdate) return [];
    return [invalid(own, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")];
  }
  if (type !== 'RollingUpdate') {
    return [invalid(at, spec.updateStrategy, "must be 'RollingUpdate' or 'OnDelete'")];
  }
  const errors = validateCounts(rollingUpdate, ['partition'], own);
  const unavailable = rollingUpdate?.maxUnavailable;
  if (unavailable === undefined) return errors;
  const field = own.child('maxUnavailable');
  errors.push(...validateIntOrPercent(unavailable, field));
  if (amountOf(unavailable) === 0) errors.push(invalid(field, unavailable, 'cannot be 0'));
  return [...errors, ...validateAtMost100Percent(unavailable, field)];
}
