/** The whole cluster on Debian's own etcd in place of drydock's: one member, and three of which one is killed. */
import { PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import t, { type Test } from 'tap';
import { Cluster, QUICK } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { Kube, NAMESPACE } from '../support/kube.js';
import { EtcdMembers, noRealEtcd } from '../support/real-etcd.js';
import { WriteLoad, watchLoad } from '../support/write-load.js';

t.setTimeout(300_000);

for (const { title, count } of [
  { title: 'one member, killed and started again', count: 1 },
  { title: 'three members, each of which is killed in turn', count: 3 },
]) {
  t.test(`on etcd: ${title}`, { skip: noRealEtcd }, async (t) => {
    const members = await EtcdMembers.start(t, count);
    const cluster = await Cluster.start(t, [QUICK, '--etcd-servers', members.endpoints.join(',')]);
    const kube = new Kube(cluster);
    t.notOk(
      (await cluster.ps()).some(({ name }) => name === 'etcd'),
      'no etcd of drydock runs',
    );
    await t.test('a Deployment is created, scaled, rolled out and deleted', (t) => life(t, kube));

    await t.test('no acknowledged write is lost, no watch misses one', async (t) => {
      await kube.createDeployment('stays', 3);
      await kube.whenReady('stays', 3);
      const seen = watchLoad(kube, 'load');
      t.teardown(() => seen.stop());
      await seen.connected;
      const load = new WriteLoad({ kube, prefix: 'load', writers: 4, churn: true });
      for (let member = 0; member < count; member++) {
        await eventually('writes go through', () => load.acknowledged.length > 20 * (member + 1));
        await members.kill(member);
        const start = performance.now();
        // One of three is not needed; a single one is.
        if (count === 1) members.startMember(member);
        const before = load.acknowledged.length;
        await eventually('writes go on', () => load.acknowledged.length > before + 20);
        t.comment(
          `member ${member} killed → writes go on: ${((performance.now() - start) / 1000).toFixed(2)} s`,
        );
        if (count > 1) members.startMember(member);
      }
      await load.stop();
      t.comment(`${load.acknowledged.length} acknowledged; failed writes`, load.errors);
      t.same(await load.lost(), []);
      const there = [...(await load.listed())].sort();
      await eventually('the informer knows it all', () => seen.cache().join() === there.join());
      await kube.scale('stays', 5);
      await kube.whenReady('stays', 5);
      t.equal((await kube.podsOf('stays')).length, 5);
    });
  });
}

async function life(t: Test, kube: Kube): Promise<void> {
  await kube.createDeployment('web', 3);
  await kube.expose('web');
  await kube.whenReady('web', 3);
  await kube.scale('web', 5);
  const before = (await kube.whenReady('web', 5)).map(({ metadata }) => metadata?.uid);
  await eventually('endpoints', async () => (await kube.readyAddresses('web')).length === 5);
  await kube.apps.patchNamespacedDeployment(
    {
      name: 'web',
      namespace: NAMESPACE,
      body: { spec: { template: { spec: { containers: [{ name: 'web', image: 'nginx:2' }] } } } },
    },
    setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
  );
  await eventually('rolled out', async () => {
    const pods = await kube.podsOf('web');
    return pods.length === 5 && pods.every(({ spec }) => spec?.containers[0]?.image === 'nginx:2');
  });
  const after = (await kube.whenReady('web', 5)).map(({ metadata }) => metadata?.uid);
  t.notOk(
    after.some((uid) => before.includes(uid)),
    'every pod is new',
  );
  await kube.deleteDeployment('web');
  await eventually('its ReplicaSets are gone', async () => {
    return (await kube.apps.listNamespacedReplicaSet({ namespace: NAMESPACE })).items.length === 0;
  });
}
