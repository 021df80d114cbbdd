/**
 * All processes killed at once under load, the supervisor killed, and leaders killed with another in
 * waiting: what was acknowledged stays, nothing is doubled, nothing is left over.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Cluster, QUICK } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { identityOf, Kube, NAMESPACE } from '../support/kube.js';
import { WriteLoad, watchLoad } from '../support/write-load.js';

/**
 * `--leader-elect-lease-duration` of quick timing, counted from when the other saw it renewed last, which is
 * up to a retry period with its jitter later; and a moment to act.
 */
const TAKEN_OVER_MS = 4_000 + 2_200 + 800;
const NODES = ['node-1', 'node-2', 'node-3'];

t.setTimeout(300_000);

t.test('a cluster heals when all of it is killed', async (t) => {
  const cluster = await Cluster.start(t, [QUICK]);
  const kube = new Kube(cluster);
  await kube.createDeployment('web', 4);
  await kube.expose('web');
  await kube.whenReady('web', 4);

  await t.test('all seven at once, twice, under a write load', async (t) => {
    const before = (await kube.podsOf('web')).map(identityOf).sort();
    const seen = watchLoad(kube, 'all-load');
    t.teardown(() => seen.stop());
    await seen.connected;
    const load = new WriteLoad({ kube, prefix: 'all-load', writers: 6, churn: true });
    await kube.createDeployment('scaled', 3);
    const sizes = [6, 2, 5, 9, 4, 7];
    let wanted = 3;
    let scaling = true;
    const scaler = (async () => {
      for (let i = 0; scaling; i++) {
        const size = sizes[i % sizes.length] ?? 3;
        const done = await kube.scale('scaled', size).then(
          () => true,
          () => false,
        );
        if (done) wanted = size;
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    })();
    for (let kill = 0; kill < 2; kill++) {
      await eventually('writes go through', () => load.acknowledged.length > 40 * (kill + 1));
      const start = performance.now();
      await cluster.killAll();
      const acknowledged = load.acknowledged.length;
      await eventually('writes go on', () => load.acknowledged.length > acknowledged + 20);
      t.comment(`all killed → writes go on: ${seconds(start)}`);
    }
    scaling = false;
    await scaler;
    await load.stop();
    const start = performance.now();
    // The answer to the last size may have been lost; said once more it is certain.
    await kube.scale('scaled', wanted);
    await kube.whenReady('scaled', wanted);
    await eventually('nodes Ready', async () => (await kube.readyNodes()).join() === NODES.join());
    t.comment(`load over → Deployment complete, nodes Ready: ${seconds(start)}`);
    t.comment(`${load.acknowledged.length} acknowledged; failed writes`, load.errors);

    t.same(await load.lost(), [], 'nothing acknowledged is lost, nothing deleted is back');
    const there = [...(await load.listed())].sort();
    await eventually('an informer knows it all', () => seen.cache().join() === there.join());
    await eventually('no pod too many', async () => {
      return (await kube.podsOf('scaled')).length === wanted;
    });
    t.same((await kube.podsOf('web')).map(identityOf).sort(), before, 'other pods are untouched');
    const sets = await kube.apps.listNamespacedReplicaSet({ namespace: NAMESPACE });
    t.equal(sets.items.length, 2, 'one ReplicaSet a Deployment');
    const owners = new Set(sets.items.map(({ metadata }) => metadata?.uid));
    const pods = (await kube.core.listNamespacedPod({ namespace: NAMESPACE })).items;
    t.ok(
      pods.every(({ metadata }) => owners.has(metadata?.ownerReferences?.[0]?.uid)),
      'every pod has its owner',
    );
    const addresses = pods.map(({ status }) => status?.podIP);
    t.equal(new Set(addresses).size, pods.length, 'no address was given twice');
    const wantedAddresses = (await kube.podsOf('web')).map(({ status }) => status?.podIP).sort();
    await eventually('endpoints are those of the pods', async () => {
      return (await kube.readyAddresses('web')).join() === wantedAddresses.join();
    });
    for (const { name, pid, state } of await cluster.ps()) {
      t.match({ pid, state }, { pid: Number, state: 'running' }, name);
    }
  });

  await t.test('the supervisor killed: processes go on, the next one adopts them', async (t) => {
    const pids = async () =>
      (await cluster.ps()).map(({ name, pid }) => `${name} ${pid ?? 'down'}`).sort();
    const before = await pids();
    const killSupervisor = async () => {
      const supervisor = await cluster.supervisorPid();
      process.kill(supervisor, 'SIGKILL');
      await eventually('the supervisor is gone', () => !isAlive(supervisor));
    };
    await killSupervisor();
    t.same(await pids(), before, 'ps shows them without a supervisor');
    await kube.createDeployment('unsupervised', 2);
    await kube.whenReady('unsupervised', 2);

    const start = performance.now();
    await cluster.up();
    t.comment(`up → adopted: ${seconds(start)}`);
    t.same(await pids(), before, 'the same processes');
    await cluster.kill('scheduler');
    await kube.createDeployment('supervised', 2);
    await kube.whenReady('supervised', 2);
    await cluster.stop('kubelet-node-3');
    t.match(await cluster.process('kubelet-node-3'), { state: 'stopped', pid: null });
    await cluster.startProcess('kubelet-node-3');

    await killSupervisor();
    const last = (await cluster.ps()).flatMap(({ pid }) => pid ?? []);
    t.equal(last.length, 7);
    const { code, stderr } = await cluster.drydock('down');
    t.equal(code, 0, `down without a supervisor ${stderr}`);
    t.notOk(last.some(isAlive), 'all have stopped');

    await cluster.up();
    await killSupervisor();
    await cluster.up();
    const adopted = (await cluster.ps()).flatMap(({ pid }) => pid ?? []);
    t.equal((await cluster.drydock('down')).code, 0, 'down by a supervisor that adopted them');
    t.notOk(adopted.some(isAlive), 'all have stopped');
  });
});

t.test('of two schedulers or controller-managers the other takes over', async (t) => {
  const cluster = await Cluster.start(t, [
    QUICK,
    '--schedulers',
    '2',
    '--controller-managers',
    '2',
  ]);
  const kube = new Kube(cluster);
  await kube.createDeployment('web', 2);
  await kube.whenReady('web', 2);
  for (const component of ['scheduler', 'controller-manager'] as const) {
    await t.test(component, async (t) => {
      const leader = (await kube.leader(component)) ?? '';
      t.match(leader, new RegExp(`^${component}(-2)?$`));
      const start = performance.now();
      await cluster.killForGood(leader);
      await eventually(
        'the other leads',
        async () => {
          const now = await kube.leader(component);
          return now !== undefined && now !== leader;
        },
        TAKEN_OVER_MS,
      );
      t.comment(`leader killed → the other leads: ${seconds(start)}`);
      await kube.createDeployment(`after-${component}`, 2);
      await kube.whenReady(`after-${component}`, 2);
      t.comment(`leader killed → new pods Ready: ${seconds(start)}`);
      await cluster.startProcess(leader);
      await eventually('the former leader is back, and follows', () => {
        const log = readFileSync(join(cluster.dataDir, 'logs', `${leader}.log`), 'utf8');
        return log.trimEnd().split('\n').at(-1)?.includes('New leader seen');
      });
    });
  }
});

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(2)} s`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A dead process that nobody has waited for still has its pid.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
