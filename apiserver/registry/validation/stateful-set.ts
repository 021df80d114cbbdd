/**
 * StatefulSets. The template is checked as its pods will be, with the volumes that come from claim templates.
 * Most of the spec is fixed once and for all. An object from before a check was made is not held up by it.
 */
import type { PodTemplateSpec, StatefulSet, StatefulSetSpec } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1123Label } from '../../../pkg/apimachinery/validation/names.js';
import { validateNonnegative } from '../../../pkg/apimachinery/validation/object-meta.js';
import { invalidEach, oneOf } from './fields.js';
import {
  persistentVolumeClaimWarnings,
  validatePersistentVolumeClaimSpec,
} from './persistent-volume-claim.js';
import {
  validateLongRunning,
  validatePodTemplateSpec,
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

/** What an object that is there already need not fulfil. */
interface Leniency {
  readonly serviceName: boolean;
  readonly claimTemplates: boolean;
  readonly podTemplate: boolean;
}

const STRICT: Leniency = { serviceName: false, claimTemplates: false, podTemplate: false };

export function validateStatefulSet(
  obj: StatefulSet,
  old?: StatefulSet,
  lenient = STRICT,
): FieldError[] {
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
  if (!lenient.claimTemplates) {
    for (const [index, claim] of (spec.volumeClaimTemplates ?? []).entries()) {
      const own = SPEC.child('volumeClaimTemplates').index(index).child('spec');
      errors.push(...validatePersistentVolumeClaimSpec(claim.spec, own));
    }
  }
  errors.push(...validateCounts(spec, ['replicas', 'minReadySeconds'], SPEC));
  const start = spec.ordinals?.start;
  if (start !== undefined) errors.push(...validateNonnegative(start, SPEC.child('ordinals.start')));
  if (spec.serviceName && !lenient.serviceName) {
    const wrong = isDNS1123Label(spec.serviceName);
    errors.push(...invalidEach(SPEC.child('serviceName'), spec.serviceName, wrong));
  }
  return [
    ...errors,
    ...validateWorkloadSelector(
      spec.selector,
      SPEC.child('selector'),
      'empty selector is invalid for statefulset',
      old?.spec?.selector,
    ),
    ...validateSelected(spec.selector, spec.template, template),
    ...(lenient.podTemplate
      ? validateTemplateMetadata(spec.template, template)
      : validatePodTemplateSpec(withClaimVolumes(spec), template, old?.spec?.template)),
    ...validateLongRunning(spec.template, 'StatefulSet', template),
  ];
}

export function validateStatefulSetUpdate(obj: StatefulSet, old: StatefulSet): FieldError[] {
  const errors = validateStatefulSet(obj, old, {
    // Neither can change.
    serviceName: true,
    claimTemplates: true,
    podTemplate: validateStatefulSet(old).length > 0,
  });
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

export function statefulSetWarnings({ spec }: StatefulSet): string[] {
  const warnings = (spec?.volumeClaimTemplates ?? []).flatMap((claim, index) =>
    persistentVolumeClaimWarnings(
      claim.spec,
      SPEC.child('volumeClaimTemplates').index(index).child('spec'),
    ),
  );
  if ((spec?.revisionHistoryLimit ?? 0) < 0) {
    warnings.push(
      'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
    );
  }
  return warnings;
}

/** The template with a volume for each claim template, in place of one of its name. */
function withClaimVolumes(spec: Partial<StatefulSetSpec>): PodTemplateSpec | undefined {
  const names = (spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata?.name ?? '');
  const pod = spec.template?.spec;
  if (!pod || names.length === 0) return spec.template;
  const others = (pod.volumes ?? []).filter((volume) => !names.includes(volume.name));
  const claims = names.map((name) => ({
    name,
    persistentVolumeClaim: { claimName: 'placeholder' },
  }));
  return { ...spec.template, spec: { ...pod, volumes: [...claims, ...others] } };
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
