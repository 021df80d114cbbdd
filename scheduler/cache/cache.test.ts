import fc from 'fast-check';
import t from 'tap';
import { podInfoOf } from '../framework/pod-info.js';
import { nodeOf, podOf } from '../testing/builders.js';
import { SchedulerCache } from './cache.js';

const pod = (uid: string, cpu = '1') => podInfoOf(podOf(uid, { requests: { cpu }, hostPort: 80 }));
const used = (cache: SchedulerCache, node: string) => cache.node(node)?.requested.milliCpu;

t.test('an assumed pod counts at once, and no more when it is forgotten', async (t) => {
  const cache = new SchedulerCache();
  cache.setNode(nodeOf('a'));
  cache.assume(pod('p'), 'a');
  t.equal(used(cache, 'a'), 1000);
  t.equal(cache.isAssumed('p'), true);
  cache.forget('p');
  t.equal(used(cache, 'a'), 0);
  t.equal(cache.node('a')?.portInUse({ ip: '1.2.3.4', protocol: 'TCP', port: 80 }), false);
});

t.test('what the API shows wins over what was assumed', async (t) => {
  const cache = new SchedulerCache();
  cache.setNode(nodeOf('a'));
  cache.setNode(nodeOf('b'));
  cache.assume(pod('p'), 'a');
  cache.addPod(pod('p', '2'), 'b');
  t.equal(used(cache, 'a'), 0);
  t.equal(used(cache, 'b'), 2000);
  cache.forget('p');
  t.equal(used(cache, 'b'), 2000, 'a certain pod is not forgotten');
});

t.test('pods may be known before their node, and stay known after it', async (t) => {
  const cache = new SchedulerCache();
  cache.addPod(pod('p'), 'a');
  t.equal(cache.node('a'), undefined);
  t.equal(cache.nodeCount, 0);
  cache.setNode(nodeOf('a'));
  t.equal(used(cache, 'a'), 1000);
  cache.removeNode('a');
  t.equal(cache.nodeCount, 0);
  cache.setNode(nodeOf('a'));
  t.equal(used(cache, 'a'), 1000);
});

t.test('zones take turns', async (t) => {
  const cache = new SchedulerCache();
  for (const [name, zone] of [
    ['a1', 'a'],
    ['a2', 'a'],
    ['a3', 'a'],
    ['b1', 'b'],
    ['b2', 'b'],
  ] as const) {
    cache.setNode(nodeOf(name, { labels: { 'topology.kubernetes.io/zone': zone } }));
  }
  t.same(
    cache.nodeList().map((node) => node.name),
    ['a1', 'b1', 'a2', 'b2', 'a3'],
  );
});

t.test('in how many nodes an image is', async (t) => {
  const cache = new SchedulerCache();
  cache.setNode(nodeOf('a', { images: { x: 1 } }));
  cache.setNode(nodeOf('b', { images: { x: 1, y: 1 } }));
  t.equal(cache.nodesHavingImage('x'), 2);
  cache.setNode(nodeOf('b', { images: { y: 1 } }));
  t.equal(cache.nodesHavingImage('x'), 1);
  cache.removeNode('a');
  t.equal(cache.nodesHavingImage('x'), 0);
});

const nodes = ['a', 'b', 'c'];
const step = fc.record({
  what: fc.constantFrom('assume', 'add', 'forget', 'remove', 'setNode', 'removeNode'),
  pod: fc.integer({ min: 0, max: 7 }),
  node: fc.constantFrom(...nodes),
  cpu: fc.integer({ min: 0, max: 4 }),
  port: fc.constantFrom(0, 80, 81),
});

t.test('whatever the order of changes, the sums are those of a recount', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = new SchedulerCache();
      const model = new Map<
        string,
        { node: string; cpu: number; port: number; assumed: boolean }
      >();
      for (const { what, pod, node, cpu, port } of steps) {
        const uid = `p${pod}`;
        const info = podInfoOf(
          podOf(uid, {
            requests: { cpu: `${cpu}`, memory: `${cpu}Gi`, 'example.com/x': `${cpu}` },
            ...(port ? { hostPort: port } : {}),
          }),
        );
        if (what === 'setNode') cache.setNode(nodeOf(node));
        else if (what === 'removeNode') cache.removeNode(node);
        else if (what === 'assume' && !model.has(uid)) {
          cache.assume(info, node);
          model.set(uid, { node, cpu, port, assumed: true });
        } else if (what === 'add') {
          cache.addPod(info, node);
          model.set(uid, { node, cpu, port, assumed: false });
        } else if (what === 'forget') {
          cache.forget(uid);
          if (model.get(uid)?.assumed) model.delete(uid);
        } else if (what === 'remove') {
          cache.removePod(uid);
          model.delete(uid);
        }
      }
      for (const name of nodes) cache.setNode(nodeOf(name));
      for (const name of nodes) {
        const info = cache.node(name);
        const there = [...model.values()].filter((p) => p.node === name);
        const cpu = there.reduce((sum, p) => sum + p.cpu, 0);
        const same =
          info?.pods.size === there.length &&
          info.requested.milliCpu === 1000 * cpu &&
          info.requested.memory === cpu * 2 ** 30 &&
          info.requested.get('example.com/x') === cpu &&
          [80, 81].every(
            (port) =>
              info.portInUse({ ip: '0.0.0.0', protocol: 'TCP', port }) ===
              there.some((p) => p.port === port),
          );
        if (!same) return false;
      }
      return true;
    }),
    { seed: 1, numRuns: 300 },
  );
  t.pass();
});
