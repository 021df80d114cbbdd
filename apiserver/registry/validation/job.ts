/** Jobs, alone and inside CronJobs: counts, the failure policy, the generated selector, and what a start makes final. */
import type {
  Job,
  JobSpec,
  PodFailurePolicyRule,
  PodTemplateSpec,
} from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { qualifiedName } from './fields.js';
import { validatePodTemplateSpec, validateSelected } from './pod-template.js';
import { podTemplateWarnings } from './pod-warnings.js';
import { validateCounts } from './replicas.js';

const SPEC = path('spec');
/** Above these an index a pod makes the status of an Indexed Job too large. */
const MAX_INDEXED_PARALLELISM = 100_000;
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_CONDITIONS = 20;
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const UID_LABEL = 'batch.kubernetes.io/controller-uid';
const NAME_LABEL = 'batch.kubernetes.io/job-name';
const FIXED = [
  'completionMode',
  'podFailurePolicy',
  'backoffLimitPerIndex',
  'managedBy',
  'successPolicy',
] as const;

export function validateJob(job: Job): FieldError[] {
  return [...validateGeneratedSelector(job), ...validateSelectingSpec(job.spec)];
}

export function validateJobUpdate(job: Job, old: Job): FieldError[] {
  const spec = job.spec;
  const before = old.spec;
  const errors = validateSelectingSpec(spec, before?.template);
  const elastic =
    spec?.completionMode === 'Indexed' &&
    spec.completions === spec.parallelism &&
    before?.completions === before?.parallelism;
  if (!elastic)
    errors.push(
      ...validateImmutable(spec?.completions, before?.completions, SPEC.child('completions')),
    );
  errors.push(...validateImmutable(spec?.selector, before?.selector, SPEC.child('selector')));
  errors.push(...validateTemplateUpdate(job, old));
  for (const field of FIXED)
    errors.push(...validateImmutable(spec?.[field], before?.[field], SPEC.child(field)));
  return errors;
}

export function validateJobStatusUpdate(job: Job): FieldError[] {
  const at = path('status');
  return [
    ...validateCounts(job.status, ['active', 'succeeded', 'failed', 'ready', 'terminating'], at),
    ...(job.status?.conditions ?? []).flatMap((condition, i) =>
      condition.type ? [] : [required(at.child('conditions').index(i).child('type'))],
    ),
  ];
}

export function jobWarnings(job: Job, old?: Job): string[] {
  const warnings: string[] = [];
  const { completionMode, completions = 0, parallelism = 0 } = job.spec ?? {};
  if (
    completionMode === 'Indexed' &&
    completions > MAX_INDEXED_PARALLELISM &&
    parallelism > 10_000
  ) {
    warnings.push(
      'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completionIndexes when a big number of indexes fail',
    );
  }
  return [
    ...warnings,
    ...podTemplateWarnings(job.spec?.template, 'spec.template', old?.spec?.template),
  ];
}

/** What holds of a Job's spec in a CronJob as well, where there is no selector yet. */
export function validateJobSpec(
  spec: Partial<JobSpec>,
  at: Path,
  oldTemplate?: PodTemplateSpec,
): FieldError[] {
  const template = at.child('template');
  const errors = validateCounts(
    spec,
    [
      'parallelism',
      'completions',
      'activeDeadlineSeconds',
      'backoffLimit',
      'ttlSecondsAfterFinished',
      'backoffLimitPerIndex',
      'maxFailedIndexes',
    ],
    at,
  );
  errors.push(...validateCompletionMode(spec, at));
  errors.push(...validateFailurePolicy(spec, at));
  const replacement = spec.podReplacementPolicy;
  const replacements = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  if (replacement !== undefined && !replacements.includes(replacement)) {
    errors.push(notSupported(at.child('podReplacementPolicy'), replacement, replacements));
  }
  errors.push(...validatePodTemplateSpec(spec.template, template, oldTemplate));
  const policy = spec.template?.spec?.restartPolicy ?? '';
  const own = template.child('spec', 'restartPolicy');
  // Always may be what was meant, or just what nobody wrote.
  if (policy === '' || policy === 'Always')
    errors.push(required(own, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never')
    errors.push(notSupported(own, policy, ['OnFailure', 'Never']));
  else if (spec.podFailurePolicy && policy !== 'Never') {
    errors.push(
      invalid(own, policy, 'only "Never" is supported when podFailurePolicy is specified'),
    );
  }
  return errors;
}

function validateSelectingSpec(
  given: JobSpec | undefined,
  oldTemplate?: PodTemplateSpec,
): FieldError[] {
  const spec: Partial<JobSpec> = given ?? {};
  const errors = validateJobSpec(spec, SPEC, oldTemplate);
  if (!spec.selector) errors.push(required(SPEC.child('selector')));
  else errors.push(...validateLabelSelector(spec.selector, SPEC.child('selector')));
  return [...errors, ...validateSelected(spec.selector, spec.template, SPEC.child('template'))];
}

/** The labels that the server put on the template are still there: the author's own may have stood in their way. */
function validateGeneratedSelector(job: Job): FieldError[] {
  if (job.spec?.manualSelector || !job.spec?.selector) return [];
  const { uid = '', name = '' } = job.metadata ?? {};
  const labels = job.spec.template?.metadata?.labels ?? {};
  const at = SPEC.child('template', 'metadata', 'labels');
  const errors: FieldError[] = [];
  const expected: Readonly<Record<string, string>> = {
    'controller-uid': uid,
    [UID_LABEL]: uid,
    'job-name': name,
    [NAME_LABEL]: name,
  };
  for (const [key, value] of Object.entries(expected)) {
    if (labels[key] === undefined) errors.push(required(at.key(key), `must be '${value}'`));
    else if (labels[key] !== value) errors.push(invalid(at.key(key), labels, `must be '${value}'`));
  }
  const selected = Object.entries(job.spec.selector.matchLabels ?? {});
  if (selected.some(([key, value]) => expected[key] !== value)) {
    errors.push(
      invalid(SPEC.child('selector'), job.spec.selector, '`selector` not auto-generated'),
    );
  }
  return errors;
}

function validateCompletionMode(spec: Partial<JobSpec>, at: Path): FieldError[] {
  const mode = spec.completionMode;
  const errors: FieldError[] = [];
  if (mode !== undefined && mode !== 'Indexed' && mode !== 'NonIndexed') {
    errors.push(notSupported(at.child('completionMode'), mode, ['Indexed', 'NonIndexed']));
  }
  if (mode === 'Indexed') {
    if (spec.completions === undefined) {
      errors.push(required(at.child('completions'), 'when completion mode is Indexed'));
    }
    if ((spec.parallelism ?? 0) > MAX_INDEXED_PARALLELISM) {
      const text = `must be less than or equal to ${MAX_INDEXED_PARALLELISM} when completion mode is Indexed`;
      errors.push(invalid(at.child('parallelism'), spec.parallelism, text));
    }
    return errors;
  }
  for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
    if (spec[field] === undefined) continue;
    errors.push(invalid(at.child(field), spec[field], 'requires indexed completion mode'));
  }
  if (spec.successPolicy) {
    errors.push(
      invalid(at.child('successPolicy'), spec.successPolicy, 'requires indexed completion mode'),
    );
  }
  return errors;
}

function validateFailurePolicy(spec: Partial<JobSpec>, at: Path): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const own = at.child('podFailurePolicy', 'rules');
  if (rules.length > MAX_RULES) return [tooMany(own, rules.length, MAX_RULES)];
  const names = new Set([
    ...(spec.template?.spec?.containers ?? []).map((container) => container.name),
    ...(spec.template?.spec?.initContainers ?? []).map((container) => container.name),
  ]);
  return rules.flatMap((rule, i) => validateRule(rule, spec, names, own.index(i)));
}

function validateRule(
  rule: PodFailurePolicyRule,
  spec: Partial<JobSpec>,
  names: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const { action, onExitCodes, onPodConditions = [] } = rule;
  if (!action)
    errors.push(
      required(
        at.child('action'),
        `valid values: ${ACTIONS.map((a) => JSON.stringify(a)).join(', ')}`,
      ),
    );
  else if (!ACTIONS.includes(action))
    errors.push(notSupported(at.child('action'), action, ACTIONS));
  else if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    errors.push(invalid(at.child('action'), action, 'requires the backoffLimitPerIndex to be set'));
  }
  if (onExitCodes) {
    const own = at.child('onExitCodes');
    const { operator, values = [], containerName } = onExitCodes;
    if (operator !== 'In' && operator !== 'NotIn') {
      errors.push(
        operator
          ? notSupported(own.child('operator'), operator, ['In', 'NotIn'])
          : required(own.child('operator'), 'valid values: "In", "NotIn"'),
      );
    }
    if (containerName !== undefined && !names.has(containerName)) {
      errors.push(
        invalid(
          own.child('containerName'),
          containerName,
          'must be one of the container or initContainer names in the pod template',
        ),
      );
    }
    if (values.length === 0)
      errors.push(invalid(own.child('values'), values, 'at least one value is required'));
    else if (values.length > MAX_EXIT_CODES)
      errors.push(tooMany(own.child('values'), values.length, MAX_EXIT_CODES));
    for (const [i, value] of values.entries()) {
      const here = own.child('values').index(i);
      if (operator === 'In' && value === 0)
        errors.push(invalid(here, value, 'must not be 0 for the In operator'));
      if (i > 0 && value <= (values[i - 1] ?? 0)) {
        const repeated = value === values[i - 1];
        errors.push(
          invalid(
            own.child('values'),
            values,
            repeated ? 'must not contain duplicate values' : 'must be ordered',
          ),
        );
      }
    }
  }
  if (onPodConditions.length > MAX_CONDITIONS) {
    errors.push(tooMany(at.child('onPodConditions'), onPodConditions.length, MAX_CONDITIONS));
  }
  for (const [i, { type, status }] of onPodConditions.entries()) {
    const own = at.child('onPodConditions').index(i);
    errors.push(...qualifiedName(type ?? '', own.child('type')));
    if (status !== 'True' && status !== 'False' && status !== 'Unknown') {
      errors.push(notSupported(own.child('status'), status ?? '', ['False', 'True', 'Unknown']));
    }
  }
  if (onExitCodes && onPodConditions.length > 0) {
    errors.push(
      invalid(at, rule, 'specifying both OnExitCodes and OnPodConditions is not supported'),
    );
  }
  if (!onExitCodes && onPodConditions.length === 0) {
    errors.push(invalid(at, rule, 'specifying one of OnExitCodes and OnPodConditions is required'));
  }
  return errors;
}

/** Before a suspended Job starts for the first time, where its pods go may still be changed, for queues. */
function validateTemplateUpdate(job: Job, old: Job): FieldError[] {
  const own = SPEC.child('template');
  const now = job.spec?.template;
  const before = old.spec?.template;
  const notStarted = old.spec?.suspend === true && !old.status?.startTime;
  if (!notStarted) return validateImmutable(now, before, own);
  return semanticDeepEqual(withoutDirectives(now), withoutDirectives(before))
    ? []
    : validateImmutable(now, before, own);
}

function withoutDirectives(template: PodTemplateSpec | undefined): unknown {
  const { annotations: _a, labels: _l, ...metadata } = template?.metadata ?? {};
  const {
    nodeSelector: _n,
    affinity,
    tolerations: _t,
    schedulingGates: _g,
    ...spec
  } = template?.spec ?? { containers: [] };
  const { nodeAffinity: _na, ...others } = affinity ?? {};
  return { metadata, spec: { ...spec, affinity: others } };
}
