import t from 'tap';
import { FakeClock } from '../pkg/component/clock.js';
import { podInfoOf } from './framework/pod-info.js';
import { Cluster, nodeOf, podOf } from './testing/builders.js';

t.test('equally good nodes get their turn by chance, and the better one always', async (t) => {
  const clock = new FakeClock();
  const cluster = new Cluster([nodeOf('a'), nodeOf('b'), nodeOf('small', { cpu: '1' })], [], {
    random: () => clock.random(),
  });
  const counts = new Map<string, number>();
  for (let i = 0; i < 200; i++) {
    const node = cluster.schedule(podOf('p', { requests: { cpu: '500m' } }));
    counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  t.equal(counts.get('small'), undefined);
  t.ok((counts.get('a') ?? 0) > 60 && (counts.get('b') ?? 0) > 60, 'about half each');
});

t.test('in a large cluster only so many nodes are looked at, each time others', async (t) => {
  const cluster = new Cluster(Array.from({ length: 1000 }, (_, i) => nodeOf(`n${i}`)));
  const looked = new Set<string>();
  let calls = 0;
  const filter = cluster.framework.filter.bind(cluster.framework);
  cluster.framework.filter = (state, pod, node) => {
    calls++;
    looked.add(node.name);
    return filter(state, pod, node);
  };
  cluster.schedule(podOf('p'));
  // 50 - 1000/125 = 42 % of 1000
  t.equal(calls, 420);
  cluster.schedule(podOf('p'));
  cluster.schedule(podOf('p'));
  t.equal(looked.size, 1000);
});

t.test('a pod leaves room for those nominated to a node, unless they matter less', async (t) => {
  for (const [name, priority, want] of [
    ['more important', 10, '0/1 nodes are available: 1 Insufficient cpu.'],
    ['as important', 5, '0/1 nodes are available: 1 Insufficient cpu.'],
    ['less important', 1, 'a'],
  ] as const) {
    const cluster = new Cluster([nodeOf('a')]);
    const requests = { cpu: '3' };
    cluster.nominator.set(podInfoOf(podOf('n', { priority, requests })), 'a');
    t.equal(cluster.schedule(podOf('p', { priority: 5, requests })), want, name);
  }
});

t.test('the nominated node comes first, if the pod fits there', async (t) => {
  const nodes = [nodeOf('a', { cpu: '2' }), nodeOf('b', { cpu: '64', memory: '64Gi' })];
  const pod = (cpu: string) =>
    podOf('p', { requests: { cpu }, status: { nominatedNodeName: 'a' } });
  t.equal(new Cluster(nodes).schedule(pod('1')), 'a');
  t.equal(new Cluster(nodes).schedule(pod('3')), 'b');
});
