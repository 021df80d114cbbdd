/** What a Job's spec is filled up with, what of it inside a CronJob, and the selector made from the Job's uid. */
import type { Job, JobSpec } from '../../../pkg/api/types.js';
import { setPodTemplateDefaults } from './pod-spec.js';

const DEFAULT_BACKOFF_LIMIT = 6;
/** With a limit for each index, the limit of the whole Job is the largest int32. */
const UNLIMITED_BACKOFF = 2147483647;

const UID_LABEL = 'batch.kubernetes.io/controller-uid';
const NAME_LABEL = 'batch.kubernetes.io/job-name';
const LEGACY_UID_LABEL = 'controller-uid';
const LEGACY_NAME_LABEL = 'job-name';

export function setJobSpecDefaults(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??=
    spec.backoffLimitPerIndex === undefined ? DEFAULT_BACKOFF_LIMIT : UNLIMITED_BACKOFF;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  setJobTemplateSpecDefaults(spec);
}

/** Inside a CronJob most of the spec stays as written; the Jobs made from it are filled up when they are created. */
export function setJobTemplateSpecDefaults(spec: JobSpec): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  }
  setPodTemplateDefaults(spec.template);
}

/** The uid must be set: the generic store gives one before it prepares. */
export function generateJobSelector(job: Job): void {
  const spec = job.spec;
  if (!spec || spec.manualSelector) return;
  const uid = job.metadata?.uid ?? '';
  const name = job.metadata?.name ?? '';
  const template = spec.template;
  if (template) {
    template.metadata ??= {};
    // What the author wrote stays; validation refuses it when it differs.
    template.metadata.labels = {
      [UID_LABEL]: uid,
      [LEGACY_UID_LABEL]: uid,
      [NAME_LABEL]: name,
      [LEGACY_NAME_LABEL]: name,
      ...template.metadata.labels,
    };
  }
  spec.selector ??= {};
  spec.selector.matchLabels = { [UID_LABEL]: uid, ...spec.selector.matchLabels };
}
