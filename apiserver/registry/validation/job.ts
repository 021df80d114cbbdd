/** Jobs, alone and inside CronJobs: counts, the failure policy, the generated selector, and what a start makes final. */
import type { Job, JobSpec, PodTemplateSpec } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import {
  isDNS1123Label,
  isDNS1123Subdomain,
  regexMessage,
} from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { nameWarnings } from './name-warnings.js';
import { validateFailurePolicy } from './pod-failure-policy.js';
import { validatePodTemplateSpec, validateSelected } from './pod-template.js';
import { isNewGeneration, podTemplateWarnings } from './pod-warnings.js';
import { validateCounts } from './replicas.js';
import { validateSuccessPolicy } from './success-policy.js';

const SPEC = path('spec');
/** Above these an index a pod makes the status of an Indexed Job too large. */
const MAX_INDEXED_PARALLELISM = 100_000;
const MAX_FAILED_INDEXES = 100_000;
const MANY_COMPLETIONS = 100_000;
/** With more completions than that: pods at a time, and indexes that may fail, when each has its own limit. */
const MAX_OF_MANY_COMPLETIONS = 10_000;
const MAX_MANAGED_BY = 63;
const UID_LABEL = 'batch.kubernetes.io/controller-uid';
const NAME_LABEL = 'batch.kubernetes.io/job-name';
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const FIXED = [
  'completionMode',
  'podFailurePolicy',
  'backoffLimitPerIndex',
  'managedBy',
  'successPolicy',
] as const;

export function validateJob(job: Job): FieldError[] {
  return [
    ...validateGeneratedSelector(job),
    ...validateSelectingSpec(job.spec),
    ...validateHostnames(job),
  ];
}

export function validateJobUpdate(job: Job, old: Job): FieldError[] {
  const spec = job.spec;
  const before = old.spec;
  const errors = [
    ...validateGeneratedSelector(job),
    ...validateSelectingSpec(spec, before?.template),
    ...validateHostnames(job),
  ];
  errors.push(...validateCompletionsUpdate(spec, before));
  errors.push(...validateImmutable(spec?.selector, before?.selector, SPEC.child('selector')));
  errors.push(...validateTemplateUpdate(job, old));
  for (const field of FIXED)
    errors.push(...validateImmutable(spec?.[field], before?.[field], SPEC.child(field)));
  return errors;
}

export function jobWarnings(job: Job, old?: Job): string[] {
  if (old) return isNewGeneration(job, old) ? jobSpecWarnings(job.spec, 'spec') : [];
  return [...nameWarnings(job.metadata?.name), ...jobSpecWarnings(job.spec, 'spec')];
}

export function jobSpecWarnings(spec: JobSpec | undefined, at: string): string[] {
  const warnings: string[] = [];
  const { completionMode, completions = 0, parallelism = 0 } = spec ?? {};
  if (
    completionMode === 'Indexed' &&
    completions > MANY_COMPLETIONS &&
    parallelism > MAX_OF_MANY_COMPLETIONS
  ) {
    warnings.push(
      `${at}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
    );
  }
  return [...warnings, ...podTemplateWarnings(spec?.template, `${at}.template`)];
}

/** The pods of an Indexed Job are hosts by the names of their indexes. */
function validateHostnames(job: Job): FieldError[] {
  const { completionMode, completions = 0 } = job.spec ?? {};
  if (completionMode !== 'Indexed' || completions <= 0) return [];
  const name = job.metadata?.name ?? '';
  const longest = `${name}-${completions - 1}`;
  if (isDNS1123Label(longest).length === 0) return [];
  const text = `will not able to create pod with invalid DNS label: ${longest}`;
  return [invalid(path('metadata', 'name'), name, text)];
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
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(required(at.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified'));
  }
  if (spec.managedBy !== undefined) {
    const own = at.child('managedBy');
    errors.push(...validateDomainPrefixedPath(spec.managedBy, own));
    if (spec.managedBy.length > MAX_MANAGED_BY) errors.push(tooLong(own, MAX_MANAGED_BY));
  }
  errors.push(...validateCompletionMode(spec, at));
  errors.push(...validateFailurePolicy(spec, at.child('podFailurePolicy')));
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

/** An Indexed Job grows and shrinks, with as many pods at a time as it has indexes. */
function validateCompletionsUpdate(
  spec: JobSpec | undefined,
  before: JobSpec | undefined,
): FieldError[] {
  const own = SPEC.child('completions');
  const completions = spec?.completions;
  if (spec?.completionMode !== 'Indexed') {
    return validateImmutable(completions, before?.completions, own);
  }
  if (completions === undefined || completions === before?.completions) return [];
  if (completions === spec.parallelism) return [];
  return [invalid(own, completions, 'can only be modified in tandem with spec.parallelism')];
}

function validateCompletionMode(spec: Partial<JobSpec>, at: Path): FieldError[] {
  const mode = spec.completionMode;
  const errors: FieldError[] = [];
  if (mode !== undefined && mode !== 'Indexed' && mode !== 'NonIndexed') {
    errors.push(notSupported(at.child('completionMode'), mode, ['NonIndexed', 'Indexed']));
  }
  if (mode === 'Indexed') {
    if (spec.completions === undefined) {
      errors.push(required(at.child('completions'), 'when completion mode is Indexed'));
    }
    if ((spec.parallelism ?? 0) > MAX_INDEXED_PARALLELISM) {
      const text = `must be less than or equal to ${MAX_INDEXED_PARALLELISM} when completion mode is Indexed`;
      errors.push(invalid(at.child('parallelism'), spec.parallelism, text));
    }
    const failed = spec.maxFailedIndexes;
    if (failed !== undefined && spec.completions !== undefined && failed > spec.completions) {
      const text = 'must be less than or equal to completions';
      errors.push(invalid(at.child('maxFailedIndexes'), failed, text));
    }
    if (failed !== undefined && failed > MAX_FAILED_INDEXES) {
      const text = `must be less than or equal to ${MAX_FAILED_INDEXES}`;
      errors.push(invalid(at.child('maxFailedIndexes'), failed, text));
    }
    errors.push(...validateManyCompletions(spec, at));
    if (spec.successPolicy) errors.push(...validateSuccessPolicy(spec, at.child('successPolicy')));
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

/** The lists of failed and completed indexes are to stay within the size of a status. */
function validateManyCompletions(spec: Partial<JobSpec>, at: Path): FieldError[] {
  const { completions = 0, backoffLimitPerIndex, maxFailedIndexes, parallelism } = spec;
  if (completions <= MANY_COMPLETIONS || backoffLimitPerIndex === undefined) return [];
  const errors: FieldError[] = [];
  if (maxFailedIndexes === undefined) {
    const text = `must be specified when completions is above ${MANY_COMPLETIONS}`;
    errors.push(required(at.child('maxFailedIndexes'), text));
  }
  const text = `must be less than or equal to ${MAX_OF_MANY_COMPLETIONS} when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`;
  if (parallelism !== undefined && parallelism > MAX_OF_MANY_COMPLETIONS)
    errors.push(invalid(at.child('parallelism'), parallelism, text));
  if (maxFailedIndexes !== undefined && maxFailedIndexes > MAX_OF_MANY_COMPLETIONS)
    errors.push(invalid(at.child('maxFailedIndexes'), maxFailedIndexes, text));
  return errors;
}

/** `acme.io/foo` */
function validateDomainPrefixedPath(value: string, at: Path): FieldError[] {
  if (value === '') return [required(at)];
  const slash = value.indexOf('/');
  const host = value.slice(0, slash);
  const rest = value.slice(slash + 1);
  if (slash <= 0 || rest === '')
    return [invalid(at, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors = isDNS1123Subdomain(host).map((problem) => invalid(at, host, problem));
  if (!new RegExp(`^${HTTP_PATH}$`).test(rest))
    errors.push(invalid(at, rest, regexMessage('Invalid path', HTTP_PATH)));
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
