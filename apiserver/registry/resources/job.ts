/**
 * Job: pods that run until enough of them have succeeded. Unless the author says `manualSelector`, the
 * server makes the selector from the Job's uid, so that no two Jobs share pods.
 */

import type { Job } from '../../../pkg/api/types.js';
import { humanDuration } from '../../../pkg/apimachinery/duration.js';
import {
  ageColumn,
  formatLabelSelector,
  nameColumn,
  selectorColumn,
  templateColumns,
} from '../columns/metadata.js';
import { generateJobSelector, setJobSpecDefaults } from '../defaults/job.js';
import type { ResourceDefinition } from '../resource.js';
import { jobWarnings, validateJob, validateJobUpdate } from '../validation/job.js';
import { validateJobStatusUpdate } from '../validation/job-status.js';

/** First match wins. */
const STATUS_CONDITIONS = ['Complete', 'Failed'] as const;
const PASSING_CONDITIONS = ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'] as const;

export const job: ResourceDefinition<Job> = {
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  resource: 'jobs',
  singular: 'job',
  namespaced: true,
  categories: ['all'],
  definition: 'io.k8s.api.batch.v1.Job',
  columns: [
    nameColumn(),
    { name: 'Status', type: 'string', description: 'Status of the job.', value: statusOf },
    {
      name: 'Completions',
      type: 'string',
      description: 'Pods that succeeded, of those wanted.',
      value: completions,
    },
    {
      name: 'Duration',
      type: 'string',
      description: 'Time required to complete the job.',
      value(obj, now) {
        const { startTime, completionTime } = obj.status ?? {};
        if (!startTime) return '';
        return humanDuration(
          (completionTime ? Date.parse(completionTime) : now) - Date.parse(startTime),
        );
      },
    },
    ageColumn(),
    ...templateColumns<Job>((obj) => obj.spec?.template),
    selectorColumn((obj) => formatLabelSelector(obj.spec?.selector)),
  ],
  strategy: {
    setDefaults(obj) {
      if (!obj.spec) return;
      setJobSpecDefaults(obj.spec);
      const labels = obj.spec.template?.metadata?.labels;
      if (labels && Object.keys(obj.metadata?.labels ?? {}).length === 0) {
        obj.metadata = { ...obj.metadata, labels: { ...labels } };
      }
      obj.status ??= {};
    },
    prepareForCreate(obj) {
      generateJobSelector(obj);
      obj.status = {};
    },
    validate: validateJob,
    validateUpdate: validateJobUpdate,
    warningsOnCreate: (obj) => jobWarnings(obj),
    warningsOnUpdate: (obj, old) => jobWarnings(obj, old),
    generation: true,
    status: { validateUpdate: validateJobStatusUpdate },
    selectableFields: (obj) => ({ 'status.successful': String(obj.status?.succeeded ?? 0) }),
    defaultPropagation: 'Orphan',
  },
};

function isTrue(obj: Job, type: string): boolean {
  return (obj.status?.conditions ?? []).some((c) => c.type === type && c.status === 'True');
}

function statusOf(obj: Job): string {
  const final = STATUS_CONDITIONS.find((type) => isTrue(obj, type));
  if (final) return final;
  if (obj.metadata?.deletionTimestamp) return 'Terminating';
  return PASSING_CONDITIONS.find((type) => isTrue(obj, type)) ?? 'Running';
}

function completions(obj: Job): string {
  const succeeded = obj.status?.succeeded ?? 0;
  const wanted = obj.spec?.completions;
  if (wanted !== undefined && wanted !== null) return `${succeeded}/${wanted}`;
  const parallelism = obj.spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}
