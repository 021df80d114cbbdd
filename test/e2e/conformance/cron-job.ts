/**
 * CronJobs. A schedule's time comes when the test says so: a run in the past that the status claims makes the
 * next one due at once.
 */
import type { V1CronJob, V1CronJobSpec } from '@kubernetes/client-node';
import { type Clause, controllerOf, podSpec, type World } from '../../support/clause.js';
import { remains } from '../../support/eventually.js';
import { nameOf } from '../../support/kube.js';

const MINUTE_MS = 60_000;
const QUIET_MS = 2000;

function cronJob(concurrencyPolicy: string, spec: Partial<V1CronJobSpec> = {}): V1CronJob {
  const containers = [{ name: 'main', image: 'busybox', command: ['sleep', '3600'] }];
  const template = { spec: podSpec({ containers, restartPolicy: 'OnFailure' }) };
  return {
    metadata: { name: 'tick', labels: { app: 'tick' } },
    spec: {
      schedule: hourly(5),
      concurrencyPolicy,
      jobTemplate: { spec: { template } },
      ...spec,
    },
  };
}

/** Once an hour; last so many minutes ago. */
function hourly(minutesAgo: number): string {
  return `${new Date(Date.now() - minutesAgo * MINUTE_MS).getUTCMinutes()} * * * *`;
}

/** It is due by its schedule, for it last ran two hours ago. */
async function due({ cronJobs }: World): Promise<void> {
  const before = new Date(Math.floor((Date.now() - 120 * MINUTE_MS) / 1000) * 1000);
  const lastScheduleTime = before.toISOString().replace('.000', '');
  await cronJobs.patch('tick', { status: { lastScheduleTime } }, { subresource: 'status' });
}

/** Due again, by a schedule that names another time than the first. */
async function dueAgain(w: World): Promise<void> {
  await w.cronJobs.patch('tick', { spec: { schedule: hourly(3) } });
  await due(w);
}

async function active({ cronJobs }: World): Promise<string[]> {
  const { status } = await cronJobs.get('tick');
  return (status?.active ?? []).map(({ name }) => name ?? '').sort();
}

function activeJobs(w: World, count: number): Promise<string[]> {
  return w.until(`${count} active jobs`, async () => {
    const names = await active(w);
    return names.length === count && names;
  });
}

export const cronJobs: readonly Clause[] = [
  {
    title: 'CronJob Suspend',
    run: async (w) => {
      await w.cronJobs.create(cronJob('Allow', { suspend: true }));
      await due(w);
      await remains('no job', async () => (await w.jobs.list()).length === 0, QUIET_MS);
      await w.cronJobs.patch('tick', { spec: { suspend: false } });
      await activeJobs(w, 1);
      w.t.equal((await w.jobs.list()).length, 1);
    },
  },
  {
    title: 'CronJob ForbidConcurrent',
    run: async (w) => {
      await w.cronJobs.create(cronJob('Forbid'));
      await due(w);
      const first = await activeJobs(w, 1);
      await dueAgain(w);
      await remains('only the first', async () => (await w.jobs.list()).length === 1, QUIET_MS);
      w.t.same(await active(w), first);
      const events = await w
        .at<{ metadata: object; reason: string }>('v1', 'events')
        .list('involvedObject.name=tick', 'fieldSelector');
      w.t.ok(events.some(({ reason }) => reason === 'JobAlreadyActive'));
    },
  },
  {
    title: 'CronJob ReplaceConcurrent',
    run: async (w) => {
      await w.cronJobs.create(cronJob('Replace'));
      await due(w);
      const [first] = await activeJobs(w, 1);
      await dueAgain(w);
      await w.until('another in its place', async () => {
        const names = await active(w);
        return names.length === 1 && names[0] !== first;
      });
      await w.gone(w.jobs, first ?? '');
      w.t.equal((await w.jobs.list()).length, 1);
    },
  },
  {
    title: 'CronJob AllowConcurrent',
    run: async (w) => {
      await w.cronJobs.create(cronJob('Allow'));
      await due(w);
      await activeJobs(w, 1);
      await dueAgain(w);
      await activeJobs(w, 2);
      const jobs = await w.jobs.list();
      w.t.same(jobs.map(controllerOf), ['tick', 'tick']);
      w.t.equal((await w.ready(2)).length, 2, 'both run');
    },
  },
  {
    title: 'CronJob API Operations',
    run: async (w) => {
      const resources = await w.objects.get<{ resources: { name: string }[] }>('/apis/batch/v1');
      const served = resources.resources.map(({ name }) => name);
      w.t.ok(['cronjobs', 'cronjobs/status'].every((name) => served.includes(name)));
      const seen = await w.record(w.cronJobs);
      const { metadata } = await w.cronJobs.create(cronJob('Allow', { suspend: true }));
      w.t.ok(metadata?.uid);
      w.t.equal((await w.cronJobs.get('tick')).metadata?.uid, metadata?.uid);
      w.t.same((await w.cronJobs.list('app=tick')).map(nameOf), ['tick']);
      const everywhere = await w.all<V1CronJob>('batch/v1', 'cronjobs').list('app=tick');
      w.t.ok(everywhere.some((each) => each.metadata?.uid === metadata?.uid));

      const patched = await w.cronJobs.patch('tick', {
        metadata: { annotations: { by: 'patch' } },
      });
      w.t.equal(patched.metadata?.annotations?.['by'], 'patch');
      const updated = await w.change(w.cronJobs, 'tick', (each) => {
        if (each.metadata) each.metadata.annotations = { by: 'update' };
      });
      w.t.equal(updated.metadata?.annotations?.['by'], 'update');

      const at = new Date(Math.floor(Date.now() / 1000) * 1000);
      const lastScheduleTime = at.toISOString().replace('.000', '');
      const byPatch = await w.cronJobs.patch(
        'tick',
        { metadata: { annotations: { patched: 'status' } }, status: { lastScheduleTime } },
        { subresource: 'status' },
      );
      w.t.same(byPatch.status?.lastScheduleTime, at);
      w.t.equal(byPatch.metadata?.annotations?.['patched'], 'status');
      const next = new Date(at.getTime() + 1000);
      const byPut = await w.change(
        w.cronJobs,
        'tick',
        (each) => {
          each.status = { ...each.status, lastScheduleTime: next };
        },
        'status',
      );
      w.t.same(byPut.status?.lastScheduleTime, next);
      w.t.same((await w.cronJobs.get('tick', 'status')).status?.lastScheduleTime, next);

      await w.cronJobs.delete('tick');
      await w.gone(w.cronJobs, 'tick');
      await w.until('all was told', async () => seen.changes.at(-1)?.type === 'DELETED');
      w.t.same(
        [...new Set(seen.changes.map(({ type }) => type))],
        ['ADDED', 'MODIFIED', 'DELETED'],
      );
      await w.cronJobs.create(cronJob('Allow', { suspend: true }));
      await w.cronJobs.deleteCollection('app=tick');
      await w.gone(w.cronJobs, 'tick');
    },
  },
];
