import t from 'tap';
import type { Event, Job, JobSpec, Namespace, Pod, ResourceQuota } from '../../pkg/api/types.js';
import { isNotFound } from '../../pkg/client/errors.js';
import {
  CORE_EVENTS,
  JOBS,
  NAMESPACES,
  PODS,
  RESOURCE_QUOTAS,
} from '../../pkg/client/resources.js';
import { FakeClock } from '../../pkg/component/clock.js';
import { eventually } from '../../test/support/eventually.js';
import { ControlPlane } from '../testing/control-plane.js';
import { HandNodes } from '../testing/hand-nodes.js';
import { backoffLeft, nextRecord } from './backoff.js';
import { withCondition } from './conditions.js';
import { judgeFailure } from './failure-policy.js';
import { failureAnnotations, startableIndexes } from './index-failures.js';
import { IndexSet } from './indexes.js';
import { OwnWrites } from './own-writes.js';
import { COMPLETION_INDEX, finishedAt, podOf, TRACKING_FINALIZER } from './pod.js';
import { nextIndexes, outcomeOf, progressOf, wantedActive } from './progress.js';
import { podsToRemove } from './removal.js';
import { successByPolicy } from './success-policy.js';
import { finished, settle, track } from './tracking.js';

const NOW = Date.UTC(2026, 0, 1, 12);
const TIME = '2026-01-01T12:00:00Z';
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString().replace('.000', '');

const jobOf = (spec: Partial<JobSpec> = {}, status: Job['status'] = {}): Job => ({
  metadata: { namespace: 'ns', name: 'j', uid: 'j' },
  spec: {
    parallelism: 1,
    backoffLimit: 6,
    template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
    ...spec,
  },
  status,
});
const podOfPhase = (
  name: string,
  phase: string,
  more: { index?: number; deleted?: boolean; tracked?: boolean; exit?: number; end?: number } = {},
): Pod => ({
  metadata: {
    namespace: 'ns',
    name,
    uid: name,
    ...(more.tracked === false ? {} : { finalizers: [TRACKING_FINALIZER] }),
    ...(more.index === undefined ? {} : { annotations: { [COMPLETION_INDEX]: `${more.index}` } }),
    ...(more.deleted ? { deletionTimestamp: TIME } : {}),
  },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status: {
    phase,
    containerStatuses: [
      {
        name: 'c',
        image: 'i',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { terminated: { exitCode: more.exit ?? 1, finishedAt: at(more.end ?? 0) } },
      },
    ],
  },
});
const indexed = (completions: number, spec: Partial<JobSpec> = {}): Partial<JobSpec> => ({
  completionMode: 'Indexed',
  completions,
  parallelism: completions,
  ...spec,
});

t.test('sets of indexes', async (t) => {
  const rows: [string, string, number, string, number][] = [
    ['nothing', '', 5, '', 0],
    ['one, two and three in a row', '0,2,3,5-7', 10, '0,2,3,5-7', 6],
    ['neighbours are joined', '1,2,3', 10, '1-3', 3],
    ['what the Job no longer has is left out', '0-9,12', 4, '0-3', 4],
    ['what cannot be read is left out', 'x,1,2-y,4', 9, '1,4', 2],
  ];
  for (const [name, text, below, wanted, size] of rows) {
    const set = IndexSet.parse(text, below);
    t.equal(String(set), wanted, name);
    t.equal(set.size, size, name);
  }
  const set = IndexSet.parse('1-3,7', 10);
  t.same(
    [0, 1, 3, 4, 7, 8].map((i) => set.has(i)),
    [false, true, true, false, true, false],
  );
  t.equal(String(set.union(IndexSet.of([4, 0, 9]))), '0-4,7,9');
  t.equal(set.overlap(IndexSet.parse('2-7', 10)), 3);
  t.same(set.missing(4, 10), [0, 4, 5, 6]);
  t.same(set.missing(9, 9), [0, 4, 5, 6, 8]);
});

t.test('what the end of a pod means', async (t) => {
  const rules = (...list: NonNullable<JobSpec['podFailurePolicy']>['rules']) =>
    jobOf({ podFailurePolicy: { rules: list } });
  const on = (operator: string, values: number[], containerName?: string) => ({
    onExitCodes: { operator, values, ...(containerName ? { containerName } : {}) },
  });
  const disrupted: Pod = {
    ...podOfPhase('p', 'Failed'),
    status: { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True' }] },
  };
  const onDisruption = { onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] };
  const message =
    'Container c for pod ns/p failed with exit code 42 matching FailJob rule at index';
  const rows: [string, Job, Pod, ReturnType<typeof judgeFailure>][] = [
    ['no policy', jobOf(), podOfPhase('p', 'Failed'), { counts: true }],
    [
      'FailJob by exit code, at the second rule',
      rules({ action: 'Count', ...on('In', [1]) }, { action: 'FailJob', ...on('In', [42]) }),
      podOfPhase('p', 'Failed', { exit: 42 }),
      { action: 'FailJob', counts: true, message: `${message} 1` },
    ],
    [
      'Ignore by condition',
      rules({ action: 'Ignore', ...onDisruption }),
      disrupted,
      { action: 'Ignore', counts: false },
    ],
    [
      'FailJob by condition',
      rules({ action: 'FailJob', ...onDisruption }),
      disrupted,
      {
        action: 'FailJob',
        counts: true,
        message: 'Pod ns/p has condition DisruptionTarget matching FailJob rule at index 0',
      },
    ],
    [
      'NotIn',
      rules({ action: 'FailIndex', ...on('NotIn', [1, 2]) }),
      podOfPhase('p', 'Failed', { exit: 3 }),
      { action: 'FailIndex', counts: true },
    ],
    [
      'success fits no NotIn',
      rules({ action: 'FailJob', ...on('NotIn', [1]) }),
      podOfPhase('p', 'Failed', { exit: 0 }),
      { counts: true },
    ],
    [
      'another container',
      rules({ action: 'Ignore', ...on('In', [1], 'other') }),
      podOfPhase('p', 'Failed'),
      { counts: true },
    ],
  ];
  for (const [name, job, pod, wanted] of rows) t.same(judgeFailure(job, pod), wanted, name);
});

t.test('early success', async (t) => {
  const rows: [
    string,
    NonNullable<JobSpec['successPolicy']>['rules'],
    string,
    string | undefined,
  ][] = [
    ['all of the indexes', [{ succeededIndexes: '0,2' }], '0,2,3', 'Matched rules at index 0'],
    ['not all of them', [{ succeededIndexes: '0,2' }], '0,3', undefined],
    [
      'enough of them',
      [{ succeededIndexes: '0-4', succeededCount: 2 }],
      '1,4',
      'Matched rules at index 0',
    ],
    ['enough, but others', [{ succeededIndexes: '0-1', succeededCount: 1 }], '3', undefined],
    [
      'a count alone',
      [{ succeededCount: 9 }, { succeededCount: 2 }],
      '5,6',
      'Matched rules at index 1',
    ],
    ['nothing yet', [{ succeededCount: 0 }], '', undefined],
  ];
  for (const [name, rules, done, wanted] of rows) {
    const job = jobOf(indexed(10, { successPolicy: { rules } }));
    t.equal(successByPolicy(job, IndexSet.parse(done, 10)), wanted, name);
  }
});

t.test('how a Job ends', async (t) => {
  const failedPod = podOfPhase('f', 'Failed');
  const onFailure = {
    template: { spec: { restartPolicy: 'OnFailure', containers: [] } },
    backoffLimit: 2,
  };
  const restarting: Pod = {
    ...podOfPhase('r', 'Running'),
    status: {
      phase: 'Running',
      containerStatuses: [
        { name: 'c', image: '', imageID: '', ready: true, restartCount: 2, state: {} },
      ],
    },
  };
  const condition = (type: string) => ({
    conditions: [{ type, status: 'True', reason: 'Why', message: 'so' }],
  });
  const perIndex = (max?: number) =>
    indexed(3, {
      backoffLimit: 2 ** 31 - 1,
      backoffLimitPerIndex: 0,
      ...(max === undefined ? {} : { maxFailedIndexes: max }),
    });
  const rows: [string, Job, Pod[], string | undefined][] = [
    ['it runs', jobOf(), [podOfPhase('a', 'Running')], undefined],
    ['as many failures as allowed', jobOf({ backoffLimit: 1 }), [failedPod], undefined],
    ['one more', jobOf({ backoffLimit: 0 }), [failedPod], 'Failed BackoffLimitExceeded'],
    ['restarts count', jobOf(onFailure), [restarting], 'Failed BackoffLimitExceeded'],
    [
      'its time is over',
      jobOf({ activeDeadlineSeconds: 10 }, { startTime: at(-10) }),
      [],
      'Failed DeadlineExceeded',
    ],
    [
      'time does not run while it is suspended',
      jobOf({ activeDeadlineSeconds: 10, suspend: true }, { startTime: at(-10) }),
      [],
      undefined,
    ],
    ['a reason that was noted stays', jobOf({}, condition('FailureTarget')), [], 'Failed Why'],
    ['so does success', jobOf({}, condition('SuccessCriteriaMet')), [failedPod], 'Complete Why'],
    [
      'one index failed, others go on',
      jobOf(perIndex()),
      [podOfPhase('a', 'Failed', { index: 0 })],
      undefined,
    ],
    [
      'no index is left',
      jobOf(perIndex(), { completedIndexes: '1,2' }),
      [podOfPhase('a', 'Failed', { index: 0 })],
      'Failed FailedIndexes',
    ],
    [
      'more indexes failed than may',
      jobOf(perIndex(0)),
      [podOfPhase('a', 'Failed', { index: 0 })],
      'Failed MaxFailedIndexesExceeded',
    ],
    [
      'a policy is satisfied',
      jobOf(indexed(3, { successPolicy: { rules: [{ succeededIndexes: '1' }] } })),
      [podOfPhase('a', 'Succeeded', { index: 1 })],
      'Complete SuccessPolicy',
    ],
    [
      'an ignored failure does not count',
      jobOf({
        backoffLimit: 0,
        podFailurePolicy: {
          rules: [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [1] } }],
        },
      }),
      [failedPod],
      undefined,
    ],
  ];
  for (const [name, job, pods, wanted] of rows) {
    const outcome = outcomeOf(progressOf(job, pods), NOW);
    t.equal(outcome && `${outcome.type} ${outcome.reason}`, wanted, name);
  }
});

t.test('which pods run', async (t) => {
  const running = (name: string, index?: number) =>
    podOfPhase(name, 'Running', index === undefined ? {} : { index });
  const many = jobOf({ completions: 5, parallelism: 3 }, { succeeded: 3 });
  t.equal(wantedActive(progressOf(many, [])), 2, 'no more than are left to succeed');
  const queue = jobOf({ parallelism: 3 }, { succeeded: 1 });
  t.equal(wantedActive(progressOf(queue, [running('a')])), 1, 'a work queue runs dry');
  const gone = podOfPhase('g', 'Running', { index: 1, deleted: true });
  const replaces = (policy: string) =>
    nextIndexes(
      progressOf(jobOf(indexed(4, { podReplacementPolicy: policy })), [running('a', 0), gone]),
      2,
    );
  t.same(replaces('TerminatingOrFailed'), [1, 2], 'an index starts anew while its pod ends');
  t.same(replaces('Failed'), [2, 3], 'it waits for the end');
  const doubled = [
    running('a', 0),
    running('b', 0),
    running('c', 7),
    running('d'),
    running('e', 1),
  ];
  const removed = podsToRemove(jobOf(indexed(2)), doubled, 0, NOW).map((p) => p.metadata?.name);
  t.same(removed.filter((n) => n === 'c' || n === 'd').sort(), ['c', 'd'], 'no such index');
  t.equal(removed.filter((n) => n === 'a' || n === 'b').length, 1, 'one of two with the same');
  t.notOk(removed.includes('e'));
});

t.test('a pod of an index knows its index', async (t) => {
  const job = jobOf(indexed(3));
  const name = 'n'.repeat(60);
  const pod = podOf({ ...job, metadata: { ...job.metadata, name } }, 12, { x: 'y' });
  t.equal(pod.metadata?.generateName, `${'n'.repeat(54)}-12-`, 'fits a label with its suffix');
  t.equal(pod.spec?.hostname, `${name}-12`);
  t.same(pod.metadata?.annotations, { [COMPLETION_INDEX]: '12', x: 'y' });
  t.same(pod.metadata?.labels, { [COMPLETION_INDEX]: '12' });
  t.same(pod.metadata?.finalizers, [TRACKING_FINALIZER]);
  t.match(pod.spec?.containers[0]?.env, [
    {
      name: 'JOB_COMPLETION_INDEX',
      valueFrom: { fieldRef: { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } },
    },
  ]);
});

t.test('each pod is counted once', async (t) => {
  const job = jobOf({ completions: 9 });
  const pods = [
    podOfPhase('s', 'Succeeded'),
    podOfPhase('f', 'Failed'),
    podOfPhase('r', 'Running'),
  ];
  const first = track(progressOf(job, pods), undefined, {}, TIME);
  t.same(first.status.uncountedTerminatedPods, { succeeded: ['s'], failed: ['f'] });
  t.equal(first.status.succeeded, undefined, 'not counted before the finalizer is off');
  t.same(
    first.release.map((p) => p.metadata?.name),
    ['s', 'f'],
  );
  t.match(settle(first.status, new Set(['f', 'r'])), {
    succeeded: 1,
    uncountedTerminatedPods: { failed: ['f'] },
  });
  // This process ended in between: the pods, some without their finalizer, are found again.
  const again = { ...job, status: first.status };
  const later = [
    podOfPhase('s', 'Succeeded', { tracked: false }),
    podOfPhase('f', 'Failed'),
    podOfPhase('r', 'Running'),
  ];
  const second = track(progressOf(again, later), undefined, first.status, TIME);
  t.match(second.status, { succeeded: 1, uncountedTerminatedPods: { failed: ['f'] } });
  t.equal(progressOf(again, later).failed, 1, 'it counts while it waits, once');
  const released = progressOf({ ...job, status: { failed: 1 } }, later, new Set(['f']));
  t.same(released.newlyFailed, [], 'the cache lags behind the finalizer that was taken off');
  const ended = track(
    progressOf(job, pods),
    { type: 'Failed', reason: 'Why', message: 'so' },
    {},
    TIME,
  );
  t.same(ended.status.uncountedTerminatedPods, { succeeded: ['s'], failed: ['f', 'r'] });
  t.match(ended.status.conditions, [{ type: 'FailureTarget', reason: 'Why' }]);
  const many = Array.from({ length: 600 }, (_, i) => podOfPhase(`p${i}`, 'Failed'));
  const full = track(progressOf(job, many), undefined, {}, TIME);
  t.equal(full.release.length, 500);
  t.ok(full.more);
  const outcome = { type: 'Complete', reason: 'r', message: 'm' } as const;
  t.equal(finished({ terminating: 1 }, outcome, TIME), undefined, 'a pod still ends');
  t.equal(finished(first.status, outcome, TIME), undefined, 'a pod is not counted yet');
  t.match(finished({ terminating: 0 }, outcome, TIME), {
    completionTime: TIME,
    conditions: [{ type: 'Complete', status: 'True' }],
  });
});

t.test('failures of an index', async (t) => {
  const job = jobOf(indexed(3, { backoffLimitPerIndex: 2 }));
  const once = podOfPhase('a', 'Failed', { index: 0, end: -1 });
  const progress = progressOf(job, [once, podOfPhase('b', 'Running', { index: 1 })]);
  t.same([...progress.replaced.keys()], [0]);
  t.equal(String(progress.failedIndexes), '');
  const held = track(progress, undefined, {}, TIME);
  t.same(held.release, [], 'the failed pod stays until it is replaced');
  t.equal(held.status.failedIndexes, '');
  t.same(startableIndexes([0, 2], progress.replaced, NOW), { indexes: [2], wait: 0 });
  t.same(startableIndexes([0], progress.replaced, NOW), { indexes: [], wait: 9000 });
  const annotations = failureAnnotations(job, once);
  t.same(annotations, { 'batch.kubernetes.io/job-index-failure-count': '1' });
  const third: Pod = {
    ...once,
    metadata: {
      ...once.metadata,
      annotations: {
        ...once.metadata?.annotations,
        'batch.kubernetes.io/job-index-failure-count': '2',
      },
    },
  };
  const failed = progressOf(job, [third]);
  t.equal(String(failed.failedIndexes), '0');
  t.same(nextIndexes(failed, 3), [1, 2], 'it is not tried again');
  t.equal(track(failed, undefined, {}, TIME).release.length, 1);
  const ignoring = jobOf(
    indexed(3, {
      backoffLimitPerIndex: 0,
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [1] } }],
      },
    }),
  );
  t.match(failureAnnotations(ignoring, once), {
    'batch.kubernetes.io/job-index-failure-count': '0',
    'batch.kubernetes.io/job-index-ignored-failure-count': '1',
  });
});

t.test('backoff', async (t) => {
  const failed = (...ends: number[]) => ends.map((end) => podOfPhase('f', 'Failed', { end }));
  const succeeded = (end: number) => [podOfPhase('s', 'Succeeded', { end })];
  const two = nextRecord(undefined, [], failed(-3, -1));
  t.same(two, { failures: 2, lastAt: NOW - 1000 });
  t.equal(backoffLeft(two, NOW), 19_000);
  t.equal(backoffLeft(two, NOW + 60_000), 0);
  t.equal(backoffLeft({ failures: 40, lastAt: NOW }, NOW), 600_000, 'ten minutes at most');
  t.same(nextRecord(two, succeeded(0), []), { failures: 0, lastAt: 0 }, 'a success starts anew');
  t.same(nextRecord(two, succeeded(-2), failed(-3, -1)), { failures: 1, lastAt: NOW - 1000 });
  t.same(nextRecord(two, [], []), two);
  t.equal(finishedAt({ metadata: { creationTimestamp: TIME }, status: {} }), NOW);
  t.equal(
    finishedAt({ metadata: { deletionTimestamp: TIME, deletionGracePeriodSeconds: 30 } }),
    NOW - 30_000,
    'when its deletion was asked for',
  );
});

t.test('conditions and own writes', async (t) => {
  const resumed = { type: 'Suspended', status: 'False', reason: 'r', message: 'm' } as const;
  t.same(withCondition([], resumed, TIME), [], 'what never was true is not said to be false');
  const clock = new FakeClock();
  const writes = new OwnWrites(clock);
  writes.begin('k');
  writes.end('k', '7');
  t.ok(writes.wait('k') > 0);
  writes.seen('k', '6');
  t.ok(writes.wait('k') > 0);
  writes.seen('k', '7');
  t.equal(writes.wait('k'), 0);
  writes.begin('k');
  writes.seen('k', '8');
  writes.end('k', '8');
  t.equal(writes.wait('k'), 0, 'the watch was faster than the answer');
  writes.begin('k');
  writes.end('k', '9');
  await clock.advance(5000);
  t.equal(writes.wait('k'), 0, 'it is not waited for for ever');
});

t.test('on a control plane', async (t) => {
  const plane = await ControlPlane.start();
  const { client } = plane;
  const nodes = await HandNodes.start(client, ['n1']);
  t.teardown(async () => {
    await nodes.stop();
    await plane.stop();
  });
  const jobs = client.resource<Job>(JOBS);
  const pods = client.resource<Pod>(PODS);
  const make = (name: string, spec: Partial<JobSpec>): Promise<Job> =>
    jobs.create({
      metadata: { namespace: 'default', name },
      spec: {
        template: {
          metadata: { labels: { app: name } },
          spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] },
        },
        ...spec,
      },
    });
  const until = (name: string, what: string, is: (job: Job) => boolean): Promise<Job> =>
    eventually(`${name} ${what}`, async () => {
      const now = await jobs.get('default', name);
      return is(now) && now;
    });
  const ended = (name: string) =>
    until(
      name,
      'ended',
      (now) =>
        now.status?.conditions?.some(
          (c) => ['Complete', 'Failed'].includes(c.type) && c.status === 'True',
        ) === true,
    );
  const podsOf = async (app: string) =>
    (await pods.list({ namespace: 'default', labelSelector: `app=${app}` })).items;
  const indexText = (pod: Pod) => pod.metadata?.annotations?.[COMPLETION_INDEX] ?? '';
  const isOf = (pod: Pod, app: string) => pod.metadata?.labels?.['app'] === app;

  t.test('FailJob ends it at the first such exit code', async (t) => {
    nodes.ends = (pod) => (isOf(pod, 'strict') && indexText(pod) === '1' ? 'Failed' : undefined);
    nodes.exitCode = () => 42;
    const rule = { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } };
    await make('strict', indexed(3, { podFailurePolicy: { rules: [rule] } }));
    const { status } = await ended('strict');
    t.match(
      status?.conditions?.find((c) => c.type === 'Failed'),
      {
        reason: 'PodFailurePolicy',
        message:
          /^Container c for pod default\/strict-1-\w+ failed with exit code 42 matching FailJob rule at index 0$/,
      },
    );
    t.match(status?.conditions?.[0], { type: 'FailureTarget', reason: 'PodFailurePolicy' });
    t.match(status, { failed: 3, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
    t.equal(status?.active, undefined);
    const events = await eventually('its event', async () => {
      const { items } = await client
        .resource<Event>(CORE_EVENTS)
        .list({ namespace: 'default', fieldSelector: 'involvedObject.name=strict' });
      return items.some((e) => e.reason === 'PodFailurePolicy') && items;
    });
    t.ok(events.some((e) => e.reason === 'SuccessfulDelete'));
  });

  t.test('an index that failed is given up, the others go on', async (t) => {
    nodes.ends = (pod) =>
      isOf(pod, 'parts') ? (indexText(pod) === '1' ? 'Failed' : 'Succeeded') : undefined;
    nodes.exitCode = () => 1;
    await make('parts', indexed(3, { backoffLimitPerIndex: 0 }));
    const { status } = await ended('parts');
    t.match(status, { completedIndexes: '0,2', failedIndexes: '1', succeeded: 2, failed: 1 });
    t.match(
      status?.conditions?.find((c) => c.type === 'Failed'),
      { reason: 'FailedIndexes', message: 'Job has failed indexes' },
    );
    t.match((await podsOf('parts'))[0]?.metadata?.annotations, {
      'batch.kubernetes.io/job-index-failure-count': '0',
    });
  });

  t.test('a success policy ends it early, and takes the rest away', async (t) => {
    nodes.ends = (pod) => (isOf(pod, 'leader') && indexText(pod) === '0' ? 'Succeeded' : undefined);
    await make('leader', indexed(3, { successPolicy: { rules: [{ succeededIndexes: '0' }] } }));
    const { status } = await ended('leader');
    t.match(
      status?.conditions?.find((c) => c.type === 'Complete'),
      { reason: 'SuccessPolicy', message: 'Matched rules at index 0' },
    );
    t.equal(status?.succeeded, 1);
    t.equal(status?.failed, undefined, 'what was taken away has not failed');
  });

  t.test('suspended, its pods go without being failures; resumed, it starts anew', async (t) => {
    nodes.ends = () => undefined;
    await make('pause', { completions: 2, parallelism: 2, backoffLimit: 0 });
    await until('pause', 'runs', (now) => now.status?.ready === 2);
    await jobs.patch('default', 'pause', 'merge', { spec: { suspend: true } });
    const paused = await until(
      'pause',
      'is suspended',
      (now) =>
        now.status?.conditions?.some((c) => c.type === 'Suspended' && c.status === 'True') === true,
    );
    t.equal(paused.status?.failed, undefined);
    await eventually('no pods', async () => (await podsOf('pause')).length === 0);
    const before = '2020-01-01T00:00:00Z';
    await jobs.patch(
      'default',
      'pause',
      'merge',
      { status: { startTime: before } },
      { subresource: 'status' },
    );
    await jobs.patch('default', 'pause', 'merge', { spec: { suspend: false } });
    const suspended = (job: Job) => job.status?.conditions?.find((c) => c.type === 'Suspended');
    const resumed = await until(
      'pause',
      'is resumed',
      (now) => suspended(now)?.status === 'False' && now.status?.ready === 2,
    );
    t.match(suspended(resumed), { reason: 'JobResumed', message: 'Job resumed' });
    t.not(resumed.status?.startTime, before, 'its deadline begins anew');
    nodes.ends = (pod) => (isOf(pod, 'pause') ? 'Succeeded' : undefined);
    nodes.again();
    const { status } = await ended('pause');
    t.match(status, { succeeded: 2 });
  });

  t.test('an elastic one grows and shrinks', async (t) => {
    nodes.ends = () => undefined;
    await make('elastic', indexed(2));
    await until('elastic', 'runs two', (now) => now.status?.ready === 2);
    await jobs.patch('default', 'elastic', 'merge', { spec: { parallelism: 4, completions: 4 } });
    await until('elastic', 'runs four', (now) => now.status?.ready === 4);
    await jobs.patch('default', 'elastic', 'merge', { spec: { parallelism: 1, completions: 1 } });
    await until('elastic', 'runs one', (now) => now.status?.active === 1);
    nodes.ends = (pod) => (isOf(pod, 'elastic') ? 'Succeeded' : undefined);
    nodes.again();
    const { status } = await ended('elastic');
    t.match(status, { succeeded: 1, completedIndexes: '0' });
    t.equal(status?.failed, undefined);
  });

  t.test('a pod that is deleted is a failure, and is replaced', async (_t) => {
    nodes.ends = () => undefined;
    await make('lost', { backoffLimit: 1 });
    await until('lost', 'runs', (now) => now.status?.ready === 1);
    const [pod] = await podsOf('lost');
    await pods.delete('default', pod?.metadata?.name ?? '');
    await until('lost', 'counts it', (now) => now.status?.failed === 1);
  });

  t.test('whose pods are refused, it asks again after a second and more', async (t) => {
    const namespace = 'full';
    await client.resource<Namespace>(NAMESPACES).create({ metadata: { name: namespace } });
    const quota = { metadata: { namespace, name: 'none' }, spec: { hard: { pods: '0' } } };
    const quotas = client.resource<ResourceQuota>(RESOURCE_QUOTAS);
    await quotas.create(quota);
    await eventually('the quota counts', async () => {
      const { status } = await quotas.get(namespace, 'none');
      return status?.used?.['pods'] === '0';
    });
    const spec = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] };
    await jobs.create({ metadata: { namespace, name: 'refused' }, spec: { template: { spec } } });
    const events = await eventually('three refusals', async () => {
      const { items } = await client.resource<Event>(CORE_EVENTS).list({ namespace });
      const found = items.filter((e) => e.reason === 'FailedCreate');
      return found.length >= 3 && found;
    });
    const times = events.map((e) => Date.parse(e.firstTimestamp ?? '')).sort();
    t.match(events[0]?.message, /^Error creating: pods "refused-\w+" is forbidden: exceeded quota/);
    t.ok((times[2] ?? 0) - (times[0] ?? 0) >= 1000);
    await jobs.delete(namespace, 'refused');
  });

  t.test('one that another controller manages is left alone, and its pods too', async (t) => {
    await make('foreign', { managedBy: 'example.com/queue' });
    await make('mine', { parallelism: 1 });
    await until('mine', 'runs', (now) => now.status?.active === 1);
    t.same((await jobs.get('default', 'foreign')).status, {});
    t.same(await podsOf('foreign'), []);
  });

  t.test('deleted, its pods do not hang on their finalizer', async () => {
    await make('short', { completions: 3, parallelism: 3 });
    await until('short', 'runs', (now) => now.status?.active === 3);
    await jobs.delete('default', 'short', { propagationPolicy: 'Foreground' });
    await eventually('gone', () => jobs.get('default', 'short').then(() => false, isNotFound));
    await eventually('no pods', async () => (await podsOf('short')).length === 0);
  });
});
