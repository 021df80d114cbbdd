/** Jobs: indexes, policies, suspension, pods adopted and released, endpoints. */
import type { V1Job, V1JobSpec, V1Pod } from '@kubernetes/client-node';
import {
  type Clause,
  conditionOf,
  controllerOf,
  has,
  isStaying,
  podSpec,
  type World,
} from '../../support/clause.js';
import { isReady, nameOf } from '../../support/kube.js';
import { collectionEndpoints } from './endpoints.js';

const INDEX = 'batch.kubernetes.io/job-completion-index';
/** What a pod of the Job does; `$JOB_COMPLETION_INDEX` says which it is. */
const FOREVER = 'sleep 3600';
const ODD_FAIL = 'if [ $((JOB_COMPLETION_INDEX % 2)) -eq 1 ]; then exit 42; fi; exit 0';

function jobOf(script: string, spec: Partial<V1JobSpec> = {}, labels = {}): V1Job {
  const containers = [{ name: 'main', image: 'busybox', command: ['sh', '-c', script] }];
  return {
    metadata: { name: 'work', labels },
    spec: {
      template: { spec: podSpec({ containers, restartPolicy: 'Never' }) },
      ...spec,
    },
  };
}

const indexed = (completions: number, parallelism = completions): Partial<V1JobSpec> => ({
  completionMode: 'Indexed',
  completions,
  parallelism,
});
const onExitCode = (action: string) => ({
  rules: [{ action, onExitCodes: { operator: 'In', values: [42] } }],
});

function ended({ jobs, until }: World, type: 'Complete' | 'Failed', name = 'work'): Promise<V1Job> {
  return until(`${name} is ${type}`, async () => {
    const job = await jobs.get(name);
    return has(job, type) && job;
  });
}

async function running(w: World, count: number): Promise<V1Pod[]> {
  return (await w.ready(count, 'job-name=work')).filter((pod) => controllerOf(pod) === 'work');
}

const indexesOf = (pods: readonly V1Pod[], phase: string) =>
  pods
    .filter(({ status }) => status?.phase === phase)
    .map(({ metadata }) => metadata?.annotations?.[INDEX])
    .sort();

/** The success policy was met: the Job says so first, then that it is complete; the rest is ended. */
async function succeedsByPolicy(w: World, succeeded: string): Promise<void> {
  const job = await ended(w, 'Complete');
  w.t.match(conditionOf(job, 'SuccessCriteriaMet'), { status: 'True', reason: 'SuccessPolicy' });
  w.t.match(conditionOf(job, 'Complete'), { status: 'True', reason: 'SuccessPolicy' });
  w.t.equal(job.status?.completedIndexes, succeeded);
  await w.until('no pod is left running', async () => {
    const pods = await w.pods.list('job-name=work');
    return pods.every(({ status }) => status?.phase !== 'Running');
  });
}

/** Each pod's container fails once, and leaves word of it where its next run looks. */
const FAIL_ONCE = 'if [ -r /tmp/data/foo ]; then exit 0; else touch /tmp/data/foo; exit 1; fi';

export const jobs: readonly Clause[] = [
  {
    title: 'Jobs, completion after task failure',
    run: async (w) => {
      const container = {
        name: 'main',
        image: 'busybox',
        command: ['sh', '-c', FAIL_ONCE],
        volumeMounts: [{ name: 'data', mountPath: '/tmp/data' }],
      };
      const spec = podSpec({
        containers: [container],
        restartPolicy: 'OnFailure',
        volumes: [{ name: 'data', emptyDir: {} }],
      });
      await w.jobs.create({
        metadata: { name: 'work' },
        spec: { parallelism: 2, completions: 4, backoffLimit: 6, template: { spec } },
      });
      const job = await ended(w, 'Complete');
      w.t.equal(job.status?.succeeded, 4);
      w.t.equal(job.status?.failed ?? 0, 0, 'a container that is restarted is no failed pod');
      const pods = await w.pods.list('job-name=work');
      w.t.equal(pods.filter(({ status }) => status?.phase === 'Succeeded').length, 4);
      w.t.same(
        pods.map(({ status }) => status?.containerStatuses?.[0]?.restartCount),
        [1, 1, 1, 1],
        'each failed once',
      );
    },
  },
  {
    title: 'Jobs, orphan pods, re-adoption',
    run: async (w) => {
      await w.jobs.create(jobOf(FOREVER, { parallelism: 2, completions: 2 }));
      const [pod, other] = await running(w, 2);
      if (pod === undefined || other === undefined) throw new Error('no pods');
      await w.pods.patch(nameOf(pod), { metadata: { ownerReferences: null } });
      await w.until('it is adopted again', async () => {
        return controllerOf(await w.pods.get(nameOf(pod))) === 'work';
      });
      await w.pods.patch(nameOf(other), {
        metadata: {
          labels: {
            'batch.kubernetes.io/controller-uid': null,
            'batch.kubernetes.io/job-name': null,
            'controller-uid': null,
            'job-name': null,
          },
        },
      });
      await w.until('it is released', async () => {
        return controllerOf(await w.pods.get(nameOf(other))) === undefined;
      });
      w.t.equal((await running(w, 2)).length, 2, 'another takes its place');
    },
  },
  {
    title:
      'Ensure pod failure policy allows to ignore failure matching on the DisruptionTarget condition',
    run: async (w) => {
      const podFailurePolicy = {
        rules: [
          {
            action: 'Ignore',
            onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }],
          },
          { action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [0] } },
        ],
      };
      await w.jobs.create(jobOf(FOREVER, { ...indexed(2), backoffLimit: 0, podFailurePolicy }));
      const before = await running(w, 2);
      const seen = await w.record(w.pods, 'job-name=work');
      const evict = (pod: V1Pod) => {
        const { metadata } = pod;
        const body = {
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: { name: metadata?.name },
        };
        return w.pods.post(nameOf(pod), 'eviction', body);
      };
      await Promise.all(before.map(evict));
      const after = await w.until('both are made again', async () => {
        const pods = (await w.pods.list('job-name=work')).filter(isStaying).filter(isReady);
        const isNew = (pod: V1Pod) => !before.some((old) => nameOf(old) === nameOf(pod));
        return pods.length === 2 && pods.every(isNew) && pods;
      });
      w.t.same(indexesOf(after, 'Running'), ['0', '1']);
      const targets = seen.changes.filter(({ object }) => has(object, 'DisruptionTarget'));
      w.t.equal(new Set(targets.map(({ object }) => nameOf(object))).size, 2);
      const job = await w.jobs.get('work');
      w.t.notOk(has(job, 'Failed'));
      w.t.equal(job.status?.failed ?? 0, 0, 'an ignored failure does not count');
    },
  },
  {
    title: 'Verify Pod Failure policy allows to fail job early on exit code.',
    run: async (w) => {
      const spec = { completions: 2, parallelism: 1, podFailurePolicy: onExitCode('FailJob') };
      await w.jobs.create(jobOf('exit 42', { ...spec, backoffLimit: 6 }));
      const job = await ended(w, 'Failed');
      w.t.equal(conditionOf(job, 'Failed')?.reason, 'PodFailurePolicy');
      w.t.equal(job.status?.failed, 1);
      w.t.equal((await w.pods.list('job-name=work')).length, 1);
    },
  },
  {
    title: 'Jobs, apply changes to status',
    run: async (w) => {
      await w.jobs.create(jobOf(FOREVER, { parallelism: 1, completions: 1 }));
      await running(w, 1);
      const patched = await w.jobs.patch(
        'work',
        { metadata: { annotations: { patched: 'true' } } },
        { subresource: 'status' },
      );
      w.t.equal(patched.metadata?.annotations?.['patched'], 'true');
      w.t.equal((await w.jobs.get('work')).metadata?.annotations?.['patched'], 'true');
      const startTime = new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000);
      const replaced = await w.jobs.get('work', 'status');
      const suspended = await w.jobs.patch('work', { spec: { suspend: true } });
      w.t.equal(suspended.spec?.suspend, true);
      await w.until('it is suspended', async () => has(await w.jobs.get('work'), 'Suspended'));
      const written = await w.change(
        w.jobs,
        'work',
        ({ status }) => {
          if (status) status.startTime = startTime;
        },
        'status',
      );
      w.t.same(written.status?.startTime, startTime);
      w.t.equal(nameOf(replaced), 'work');
      w.t.equal(nameOf(await w.jobs.get('work', 'status')), 'work');
    },
  },
  {
    title: 'Ensure Pods of an Indexed Job get a unique index.',
    run: async (w) => {
      await w.jobs.create(jobOf('echo "at $JOB_COMPLETION_INDEX on $(hostname)"', indexed(4, 2)));
      const job = await ended(w, 'Complete');
      w.t.equal(job.status?.completedIndexes, '0-3');
      const pods = await w.pods.list('job-name=work');
      w.t.same(indexesOf(pods, 'Succeeded'), ['0', '1', '2', '3']);
      for (const pod of pods) {
        const index = pod.metadata?.annotations?.[INDEX];
        w.t.equal(pod.spec?.hostname, `work-${index}`);
        w.t.match(pod.spec?.containers[0]?.env, [
          {
            name: 'JOB_COMPLETION_INDEX',
            valueFrom: { fieldRef: { fieldPath: `metadata.labels['${INDEX}']` } },
          },
        ]);
        const { stdout } = await w.cluster.kubectl(`logs -n ${w.namespace} ${nameOf(pod)}`);
        w.t.equal(stdout, `at ${index} on work-${index}\n`);
      }
    },
  },
  {
    title: 'Jobs, active pods, graceful termination',
    run: async (w) => {
      await w.jobs.create(jobOf(FOREVER, { parallelism: 2, completions: 4 }));
      w.t.equal((await running(w, 2)).length, 2);
      await w.jobs.delete('work', { propagationPolicy: 'Foreground' });
      await w.gone(w.jobs, 'work');
      w.t.same(await w.pods.list('job-name=work'), []);
    },
  },
  {
    title:
      'Ensure that all indexes are executed for an indexed job with backoffLimitPerIndex despite some failing',
    run: async (w) => {
      await w.jobs.create(jobOf(ODD_FAIL, { ...indexed(4, 4), backoffLimitPerIndex: 1 }));
      const { status } = await ended(w, 'Failed');
      w.t.match(status, { completedIndexes: '0,2', failedIndexes: '1,3', succeeded: 2, failed: 4 });
    },
  },
  {
    title: 'Jobs, manage lifecycle',
    run: async (w) => {
      const seen = await w.record(w.jobs);
      const label = { run: w.namespace };
      const spec = { suspend: true, parallelism: 1, completions: 1 };
      await w.jobs.create(jobOf('true', spec));
      const patched = await w.jobs.patch('work', { metadata: { labels: label } });
      w.t.match(patched.metadata?.labels, label);
      const replaced = await w.change(w.jobs, 'work', ({ spec, metadata }) => {
        if (spec) spec.suspend = false;
        if (metadata) metadata.annotations = { updated: 'true' };
      });
      w.t.match(replaced.metadata?.annotations, { updated: 'true' });
      await ended(w, 'Complete');
      w.t.equal((await w.jobs.get('work')).metadata?.annotations?.['updated'], 'true');
      const everywhere = await w.all<V1Job>('batch/v1', 'jobs').list(`run=${w.namespace}`);
      w.t.same(everywhere.map(nameOf), ['work']);
      await w.jobs.deleteCollection(`run=${w.namespace}`);
      await w.gone(w.jobs, 'work');
      await w.until('its deletion is told', async () => seen.changes.at(-1)?.type === 'DELETED');
      const labels = { set: 'mine' };
      const bodies = ['a', 'b'].map((name) => ({
        ...jobOf('true', { suspend: true }),
        metadata: { name, labels },
      }));
      await collectionEndpoints(w, w.jobs, bodies, 'set=mine');
    },
  },
  {
    title: 'Mark indexes as failed when the FailIndex action is matched in podFailurePolicy',
    run: async (w) => {
      const podFailurePolicy = onExitCode('FailIndex');
      await w.jobs.create(
        jobOf(ODD_FAIL, { ...indexed(4, 4), backoffLimitPerIndex: 1, podFailurePolicy }),
      );
      const { status } = await ended(w, 'Failed');
      w.t.match(status, { completedIndexes: '0,2', failedIndexes: '1,3', succeeded: 2, failed: 2 });
    },
  },
  {
    title: 'Terminate job execution when the maxFailedIndexes is exceeded',
    run: async (w) => {
      const spec = { backoffLimitPerIndex: 0, maxFailedIndexes: 4, backoffLimit: 6 };
      const script = `if [ $JOB_COMPLETION_INDEX -lt 5 ]; then exit 1; fi; ${FOREVER}`;
      await w.jobs.create(jobOf(script, { ...indexed(10), ...spec }));
      const job = await ended(w, 'Failed');
      w.t.equal(conditionOf(job, 'Failed')?.reason, 'MaxFailedIndexesExceeded');
      w.t.match(job.status, { failedIndexes: '0-4', completedIndexes: undefined });
      await w.until('no pod is left running', async () => {
        const pods = await w.pods.list('job-name=work');
        return pods.every(({ status }) => status?.phase !== 'Running');
      });
    },
  },
  {
    title: 'Ensure that job with successPolicy succeeded when all indexes succeeded',
    run: async (w) => {
      const successPolicy = { rules: [{ succeededIndexes: '0-1' }] };
      await w.jobs.create(jobOf('exit 0', { ...indexed(2), successPolicy }));
      await succeedsByPolicy(w, '0,1');
    },
  },
  {
    title:
      'Ensure that job with successPolicy succeededCount rule succeeded even when some indexes remain pending',
    run: async (w) => {
      const script = `if [ $JOB_COMPLETION_INDEX -eq 0 ]; then exit 0; fi; ${FOREVER}`;
      const successPolicy = { rules: [{ succeededCount: 1 }] };
      await w.jobs.create(jobOf(script, { ...indexed(5, 2), successPolicy }));
      await succeedsByPolicy(w, '0');
    },
  },
  {
    title:
      'Ensure that job with successPolicy succeededIndexes rule succeeded even when some indexes remain pending',
    run: async (w) => {
      const script = `if [ $JOB_COMPLETION_INDEX -eq 1 ]; then exit 0; fi; ${FOREVER}`;
      const successPolicy = { rules: [{ succeededIndexes: '1' }] };
      await w.jobs.create(jobOf(script, { ...indexed(5, 2), successPolicy }));
      await succeedsByPolicy(w, '1');
    },
  },
];
