/** CronJob: a Job at each time of a schedule. */
import type { CronJob } from '../../../pkg/api/types.js';
import {
  ageColumn,
  ageOf,
  formatLabelSelector,
  NONE,
  nameColumn,
  selectorColumn,
  templateColumns,
  UNSET,
} from '../columns/metadata.js';
import { setJobTemplateSpecDefaults } from '../defaults/job.js';
import type { ResourceDefinition } from '../resource.js';
import { cronJobWarnings, validateCronJob, validateCronJobUpdate } from '../validation/cron-job.js';

export const cronJob: ResourceDefinition<CronJob> = {
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  resource: 'cronjobs',
  singular: 'cronjob',
  namespaced: true,
  shortNames: ['cj'],
  categories: ['all'],
  definition: 'io.k8s.api.batch.v1.CronJob',
  columns: [
    nameColumn(),
    {
      name: 'Schedule',
      type: 'string',
      description: 'When it runs, in Cron format.',
      value: (obj) => obj.spec?.schedule ?? '',
    },
    {
      name: 'Timezone',
      type: 'string',
      description: 'Time zone of the schedule.',
      value: (obj) => obj.spec?.timeZone ?? NONE,
    },
    {
      name: 'Suspend',
      type: 'boolean',
      description: 'Whether later runs are held back.',
      value: (obj) =>
        obj.spec?.suspend === undefined ? UNSET : obj.spec.suspend ? 'True' : 'False',
    },
    {
      name: 'Active',
      type: 'integer',
      description: 'Number of Jobs that run now.',
      value: (obj) => (obj.status?.active ?? []).length,
    },
    {
      name: 'Last Schedule',
      type: 'string',
      description: 'Time since it was last due.',
      value: (obj, now) =>
        obj.status?.lastScheduleTime ? ageOf(obj.status.lastScheduleTime, now) : NONE,
    },
    ageColumn(),
    ...templateColumns<CronJob>((obj) => obj.spec?.jobTemplate?.spec?.template),
    selectorColumn((obj) => formatLabelSelector(obj.spec?.jobTemplate?.spec?.selector)),
  ],
  strategy: {
    setDefaults(obj) {
      const spec = obj.spec;
      if (!spec) return;
      spec.concurrencyPolicy ||= 'Allow';
      spec.suspend ??= false;
      spec.successfulJobsHistoryLimit ??= 3;
      spec.failedJobsHistoryLimit ??= 1;
      if (spec.jobTemplate) {
        spec.jobTemplate.metadata ??= {};
        if (spec.jobTemplate.spec) setJobTemplateSpecDefaults(spec.jobTemplate.spec);
      }
      obj.status ??= {};
    },
    prepareForCreate(obj) {
      obj.status = {};
    },
    validate: validateCronJob,
    validateUpdate: validateCronJobUpdate,
    warningsOnCreate: (obj) => cronJobWarnings(obj),
    warningsOnUpdate: (obj, old) => cronJobWarnings(obj, old),
    generation: true,
    status: true,
  },
};
