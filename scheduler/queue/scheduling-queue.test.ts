import t from 'tap';
import { FakeClock } from '../../pkg/component/clock.js';
import type { Plugin } from '../framework/interface.js';
import { schedulingGates } from '../plugins/scheduling-gates.js';
import { nodeOf, type PodShape, podOf } from '../testing/builders.js';
import { type QueuedPod, SchedulingQueue } from './scheduling-queue.js';

/** Helped by any new node, and by the end of pods that are called `blocker`. */
const fit: Plugin = {
  name: 'Fit',
  events: [
    { resource: 'Node', actions: ['Add'] },
    {
      resource: 'AssignedPod',
      actions: ['Delete'],
      helps: (_, old) => old?.metadata?.name === 'blocker',
    },
    { resource: 'Pod', actions: ['UpdateLabel'] },
  ],
};
const FIT = new Set(['Fit']);

function setUp() {
  const clock = new FakeClock();
  const queue = new SchedulingQueue({
    clock,
    plugins: new Map([['default-scheduler', [fit, schedulingGates]]]),
    isGated: (pod) => schedulingGates.preEnqueue?.(pod) !== undefined,
  });
  queue.run();
  const nodeAdded = () =>
    queue.onEvent({ resource: 'Node', action: 'Add' }, undefined, nodeOf('n'));
  const podDeleted = (name: string) =>
    queue.onEvent({ resource: 'AssignedPod', action: 'Delete' }, podOf(name), undefined);
  const pop = async (): Promise<QueuedPod> => {
    const queued = await queue.pop();
    if (!queued) throw new Error('queue is closed');
    return queued;
  };
  /** Puts a pod through as many refusals as given. */
  const refused = async (name: string, times = 1, shape: PodShape = {}) => {
    queue.add(podOf(name, shape));
    for (let i = 0; i < times; i++) {
      const queued = await pop();
      queue.putBack(queued, FIT);
      if (i < times - 1) nodeAdded();
    }
  };
  return { clock, queue, nodeAdded, podDeleted, pop, refused };
}

t.test('pods leave by priority, then by how long they wait', async (t) => {
  const { clock, queue, pop, refused } = setUp();
  await refused('turned-away');
  queue.add(podOf('first'));
  await clock.advance(10);
  queue.add(podOf('second'));
  queue.add(podOf('third'));
  queue.add(podOf('urgent', { priority: 10 }));
  const order = [];
  for (let i = 0; i < 4; i++) order.push((await pop()).info.name);
  t.same(order, ['urgent', 'first', 'second', 'third']);
  t.same(queue.counts, { active: 0, backoff: 0, unschedulable: 1, gated: 0 });
});

t.test(
  'whoever waits for a pod gets the next one that is added; closing ends the wait',
  async (t) => {
    const { queue } = setUp();
    const waiting = queue.pop();
    queue.add(podOf('a'));
    t.equal((await waiting)?.info.name, 'a');
    const last = queue.pop();
    queue.close();
    t.equal(await last, undefined);
    t.equal(await queue.pop(), undefined);
  },
);

t.test('a gated pod is not tried until its last gate is gone', async (t) => {
  const { queue, nodeAdded, pop } = setUp();
  const gates = (...names: string[]) =>
    podOf('g', { spec: { schedulingGates: names.map((name) => ({ name })) } });
  queue.add(gates('a', 'b'));
  nodeAdded();
  queue.update(gates('a', 'b'), gates('b'));
  t.equal(queue.counts.gated, 1);
  queue.update(gates('b'), gates());
  t.equal((await pop()).info.name, 'g');
});

t.test(
  'an unschedulable pod waits for an event that a plugin which refused it cares for',
  async (t) => {
    const { clock, queue, nodeAdded, podDeleted, refused, pop } = setUp();
    await refused('p');
    podDeleted('other');
    queue.onEvent({ resource: 'Node', action: 'UpdateLabel' }, nodeOf('n'), nodeOf('n'));
    await clock.advance(60_000);
    t.equal(queue.counts.unschedulable, 1, 'none of these helps');
    podDeleted('blocker');
    t.same(queue.counts, { active: 1, backoff: 0, unschedulable: 0, gated: 0 });
    queue.putBack(await pop(), new Set(['SomeoneElse']));
    nodeAdded();
    t.equal(queue.counts.unschedulable, 1, 'Fit did not refuse it this time');
  },
);

t.test('an event may be narrowed to some pods', async (t) => {
  const { queue, refused } = setUp();
  await refused('low', 1, { priority: 1 });
  await refused('high', 1, { priority: 9 });
  queue.onEvent(
    { resource: 'Node', action: 'Add' },
    undefined,
    nodeOf('n'),
    (pod) => pod.priority <= 5,
  );
  t.same(queue.counts, { active: 0, backoff: 1, unschedulable: 1, gated: 0 });
});

t.test(
  'an event while the pod is in flight counts when it comes back, one from before does not',
  async (t) => {
    for (const [name, when, want] of [
      ['before', 'before', { active: 0, backoff: 0, unschedulable: 1, gated: 0 }],
      ['during', 'during', { active: 0, backoff: 1, unschedulable: 0, gated: 0 }],
      ['before and during', 'both', { active: 0, backoff: 1, unschedulable: 0, gated: 0 }],
      ['of no use', 'useless', { active: 0, backoff: 0, unschedulable: 1, gated: 0 }],
    ] as const) {
      const { queue, nodeAdded, podDeleted, pop } = setUp();
      queue.add(podOf('other'));
      const other = await pop();
      queue.add(podOf('p'));
      if (when === 'before' || when === 'both') nodeAdded();
      const queued = await pop();
      if (when === 'during' || when === 'both') nodeAdded();
      if (when === 'useless') podDeleted('x');
      queue.done(other.info.uid);
      queue.putBack(queued, FIT);
      t.same(queue.counts, want, name);
    }
  },
);

t.test('a change of the pod itself counts too: in flight, and when unschedulable', async (t) => {
  const { queue, pop } = setUp();
  const plain = podOf('p');
  const labelled = podOf('p', { labels: { a: 'b' } });
  queue.add(plain);
  const queued = await pop();
  queue.update(plain, labelled);
  queue.putBack(queued, FIT);
  t.equal(queue.counts.backoff, 1, 'in flight');
  const again = await pop();
  t.same(again.info.labels, { a: 'b' }, 'the newest state is tried');
  queue.putBack(again, FIT);
  queue.update(labelled, podOf('p', { labels: { a: 'b' }, status: { phase: 'Pending' } }));
  t.equal(queue.counts.unschedulable, 1, 'news of its status is no reason to try');
  queue.update(labelled, plain);
  t.equal(queue.counts.backoff, 1, 'unschedulable');
});

t.test(
  'an update moves a pod that waits to where its priority says, and not out of back-off',
  async (t) => {
    const { queue, nodeAdded, refused, pop } = setUp();
    await refused('b');
    nodeAdded();
    queue.update(podOf('b'), podOf('b', { labels: { a: 'b' } }));
    t.equal(queue.counts.backoff, 1);
    queue.add(podOf('x', { priority: 1 }));
    queue.add(podOf('y'));
    queue.update(podOf('y'), podOf('y', { priority: 2 }));
    t.equal((await pop()).info.name, 'y');
  },
);

t.test('an error puts a pod into back-off: 1 s, 2 s, 4 s, 8 s, then 10 s', async (t) => {
  const { clock, queue, pop } = setUp();
  queue.add(podOf('p'));
  for (const wait of [1, 2, 4, 8, 10, 10]) {
    queue.putBack(await pop(), new Set());
    await clock.advance(wait * 1000 - 1);
    t.equal(queue.counts.backoff, 1, `not before ${wait} s`);
    await clock.advance(1);
    t.equal(queue.counts.active, 1, `after ${wait} s`);
  }
  queue.putBack(await pop(), FIT);
  const since = clock.now();
  t.equal(queue.counts.unschedulable, 1);
  await clock.advance(5 * 60_000 + 30_000);
  t.equal(
    (await pop()).firstSeen < since,
    true,
    'and after five minutes it is tried without a reason',
  );
});

t.test(
  'what waits in back-off is taken when nothing else is there, but not what met an error',
  async (t) => {
    const { queue, nodeAdded, refused, pop } = setUp();
    queue.add(podOf('broken', { priority: 9 }));
    queue.putBack(await pop(), new Set());
    await refused('low', 1);
    await refused('high', 1, { priority: 1 });
    nodeAdded();
    t.same(queue.counts, { active: 0, backoff: 3, unschedulable: 0, gated: 0 });
    t.equal((await pop()).info.name, 'high');
    t.equal((await pop()).info.name, 'low');
    t.equal(queue.counts.backoff, 1);
  },
);

t.test('a pod that was deleted leaves every part of the queue', async (t) => {
  const { queue, nodeAdded, refused } = setUp();
  await refused('backoff');
  nodeAdded();
  await refused('unschedulable');
  queue.add(podOf('gated', { spec: { schedulingGates: [{ name: 'a' }] } }));
  queue.add(podOf('active'));
  for (const uid of ['backoff', 'unschedulable', 'gated', 'active']) queue.delete(uid);
  t.same(queue.counts, { active: 0, backoff: 0, unschedulable: 0, gated: 0 });
});

t.test('a pod that was done with does not come back', async (t) => {
  const { queue, pop } = setUp();
  queue.add(podOf('p'));
  const queued = await pop();
  queue.done('p');
  queue.putBack(queued, FIT);
  t.same(queue.counts, { active: 0, backoff: 0, unschedulable: 0, gated: 0 });
});

t.test(
  'no event is kept for a pod that has its node, and an error still brings it back',
  async (t) => {
    const { clock, queue, pop, nodeAdded } = setUp();
    queue.add(podOf('bound-soon'));
    const bound = await pop();
    queue.decided(bound.info.uid);
    queue.add(podOf('refused'));
    const refused = await pop();
    nodeAdded();
    queue.putBack(refused, FIT);
    t.equal(queue.counts.unschedulable, 0, 'who is being tried still hears of it');
    queue.putBack(bound, new Set());
    t.equal(queue.counts.backoff, 2);
    await clock.advance(1_000);
    const names = [(await pop()).info.name, (await pop()).info.name];
    t.same(names.sort(), ['bound-soon', 'refused']);
  },
);
