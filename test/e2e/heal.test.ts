/**
 * One process after another is killed in a cluster of real processes, kept down or brought back by the
 * supervisor, and a client sees of it what it would see of Kubernetes. Times are those of quick timing.
 */
import { makeInformer, type V1Pod } from '@kubernetes/client-node';
import t, { type Test } from 'tap';
import { Cluster, QUICK } from '../support/cluster.js';
import { eventually, remains } from '../support/eventually.js';
import { failureOf, identityOf, isLeaving, Kube, NAMESPACE, readyStatus } from '../support/kube.js';
import { keepStarted, WriteLoad, watchLoad, within } from '../support/write-load.js';

/** Long enough that a scheduler or controller that was there would have acted. */
const NOTHING_HAPPENS_MS = 1_000;
const NOT_READY_WITHIN_MS = 8_000;
const REPLACED_WITHIN_MS = 15_000;
const REPLICAS = 6;

t.setTimeout(300_000);
t.test('a cluster heals when one of its processes is killed', async (t) => {
  const cluster = await Cluster.start(t, [QUICK]);
  const kube = new Kube(cluster);
  await kube.createDeployment('web', REPLICAS);
  await kube.expose('web');
  await kube.whenReady('web', REPLICAS);

  /** What users run is undisturbed by whatever the row does. */
  const undisturbed = async (t: Test, work: () => Promise<void>) => {
    // An earlier row may have scaled down; what leaves anyway is no witness.
    const before = await eventually('no pod is on its way out', async () => {
      const pods = await kube.podsOf('web');
      return pods.length === REPLICAS && pods.map(identityOf).sort();
    });
    await work();
    t.same((await kube.podsOf('web')).map(identityOf).sort(), before, 'running pods undisturbed');
  };
  const timed = async <T>(t: Test, what: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    t.comment(`${what}: ${((performance.now() - start) / 1000).toFixed(2)} s`);
    return result;
  };

  await t.test('without a scheduler pods stay Pending until it is back', async (t) => {
    await undisturbed(t, async () => {
      await cluster.stop('scheduler');
      await kube.createDeployment('late', 2);
      await eventually('pods are made', async () => (await kube.podsOf('late')).length === 2);
      const pending = (pod: V1Pod) => pod.status?.phase === 'Pending' && !pod.spec?.nodeName;
      await remains(
        'pods are Pending',
        async () => (await kube.podsOf('late')).every(pending),
        NOTHING_HAPPENS_MS,
      );
      await timed(t, 'start of the scheduler → pods Ready', async () => {
        await cluster.startProcess('scheduler');
        await kube.whenReady('late', 2);
      });
      await cluster.kill('scheduler');
      await timed(t, 'kill -9 of the scheduler → new pods Ready', async () => {
        await kube.scale('late', 4);
        await kube.whenReady('late', 4);
      });
      t.equal((await cluster.process('scheduler')).restarts, 1, 'brought back once');
      await kube.deleteDeployment('late');
    });
  });

  await t.test(
    'without a controller-manager a deleted pod is not replaced until it is back',
    async (t) => {
      const deleteOne = async () => {
        const [pod] = await kube.podsOf('web');
        const name = pod?.metadata?.name ?? '';
        await kube.core.deleteNamespacedPod({ name, namespace: NAMESPACE });
        return pod?.metadata?.uid;
      };
      await cluster.stop('controller-manager');
      const gone = await deleteOne();
      await eventually('the pod is gone', async () => {
        return !(await kube.podsOf('web')).some(({ metadata }) => metadata?.uid === gone);
      });
      await remains(
        'the pod is not replaced',
        async () => (await kube.podsOf('web')).length === REPLICAS - 1,
        NOTHING_HAPPENS_MS,
      );
      await timed(t, 'start of the controller-manager → replaced', async () => {
        await cluster.startProcess('controller-manager');
        await kube.whenReady('web', REPLICAS);
      });
      await cluster.kill('controller-manager');
      await timed(t, 'kill -9 of the controller-manager → replaced', async () => {
        await deleteOne();
        await kube.whenReady('web', REPLICAS);
      });
    },
  );

  await t.test('a kubelet that is killed and comes back disturbs no pod', async (t) => {
    await undisturbed(t, async () => {
      await cluster.kill('kubelet-node-1');
      await timed(t, 'kill -9 of a kubelet → it answers for its pods again', async () => {
        await eventually('brought back', async () => {
          const { restarts, pid } = await cluster.process('kubelet-node-1');
          return restarts === 1 && pid !== null;
        });
        await kube.createDeployment('after', 3);
        await kube.whenReady('after', 3);
      });
      await kube.deleteDeployment('after');
    });
  });

  await t.test('the pods of a node whose kubelet stays down move to the others', async (t) => {
    const node = 'node-2';
    const onNode = async () =>
      (await kube.podsOf('web')).filter(({ spec }) => spec?.nodeName === node);
    const lost = (await onNode()).length;
    t.ok(lost > 0, `${lost} pods are on ${node}`);
    await timed(t, 'NotReady, pods replaced, endpoints followed', async () => {
      await cluster.killForGood(`kubelet-${node}`);
      await timed(t, 'kubelet down → Node NotReady', () =>
        eventually(
          'NotReady',
          async () => readyStatus(await kube.core.readNode({ name: node })) === 'Unknown',
          NOT_READY_WITHIN_MS,
        ),
      );
      const left = REPLACED_WITHIN_MS - NOT_READY_WITHIN_MS;
      // The pods of the node are marked a moment after the node is, and go later still.
      const pods = await eventually(
        'none of them on the dead node',
        async () => {
          const ready = await kube.whenReady('web', REPLICAS, left + NOT_READY_WITHIN_MS);
          return ready.every(({ spec }) => spec?.nodeName !== node) && ready;
        },
        left + NOT_READY_WITHIN_MS,
      );
      const addresses = pods.map(({ status }) => status?.podIP ?? '').sort();
      await eventually('endpoints follow', async () => {
        return (await kube.readyAddresses('web')).join() === addresses.join();
      });
    });
    t.ok((await onNode()).every(isLeaving), 'what was there waits for its kubelet to confirm');

    await timed(t, 'kubelet started → Node Ready and clean', async () => {
      await cluster.startProcess(`kubelet-${node}`);
      await eventually('Ready, no taint, no leftover', async () => {
        const { spec, metadata } = await kube.core.readNode({ name: node });
        return (
          (await kube.readyNodes()).includes(node) &&
          (spec?.taints ?? []).length === 0 &&
          metadata?.deletionTimestamp === undefined &&
          (await onNode()).length === 0
        );
      });
    });
    t.equal((await kube.podsOf('web')).length, REPLICAS, 'no pod too many');
    await timed(t, 'and it takes pods again', async () => {
      await kube.scale('web', REPLICAS + 3);
      await kube.whenReady('web', REPLICAS + 3);
      t.ok((await onNode()).length > 0, 'the empty node got pods');
      await kube.scale('web', REPLICAS);
      await kube.whenReady('web', REPLICAS);
    });
  });

  await t.test(
    'without etcd writes fail clearly; nothing acknowledged is lost, no watch has a gap',
    async (t) => {
      await undisturbed(t, async () => {
        const seen = watchLoad(kube, 'etcd-load');
        t.teardown(() => seen.stop());
        await seen.connected;
        const load = new WriteLoad({ kube, prefix: 'etcd-load', writers: 4 });
        await eventually('writes go through', () => load.acknowledged.length > 20);
        await cluster.killForGood('etcd');
        const refused = await timed(t, 'a write without etcd → its error', () =>
          within(10_000, failureOf(kube.createConfigMap('refused'))),
        );
        t.match(refused, { code: /^50[034]$/, reason: String, message: /etcd/ });
        await timed(t, 'a read without etcd → its answer', () =>
          within(
            10_000,
            kube.podsOf('web').catch(() => []),
          ),
        );
        await timed(t, 'etcd started → writes go on', async () => {
          await cluster.startProcess('etcd');
          const before = load.acknowledged.length;
          await eventually('writes go on', () => load.acknowledged.length > before);
        });
        for (let kill = 0; kill < 3; kill++) {
          await timed(t, 'kill -9 of etcd under load → writes go on', async () => {
            await cluster.kill('etcd');
            const before = load.acknowledged.length;
            await eventually('writes go on', () => load.acknowledged.length > before + 20);
          });
        }
        await load.stop();
        t.same(await load.lost(), [], `${load.acknowledged.length} acknowledged writes are there`);
        await eventually('the watch saw all', async () => {
          return seen.cache().length >= (await load.listed()).size;
        });
        t.same(seen.cache(), [...(await load.listed())].sort(), 'the watch missed nothing');
        t.equal(seen.connections, 1, 'on the one connection that it had');
        t.ok(load.slowestMs < 15_000, `the slowest write took ${Math.round(load.slowestMs)} ms`);
        t.comment('failed writes', load.errors);
      });
    },
  );

  await t.test('an apiserver that is killed costs no change and makes no pod twice', async (t) => {
    const pods = new Set<string>();
    const podInformer = makeInformer(
      kube.config,
      `/api/v1/namespaces/${NAMESPACE}/pods`,
      () => kube.core.listNamespacedPod({ namespace: NAMESPACE, labelSelector: 'app=wide' }),
      'app=wide',
    );
    podInformer.on('add', ({ metadata }) => pods.add(metadata?.uid ?? ''));
    const again = keepStarted(podInformer);
    t.teardown(() => again.stop());
    await podInformer.start();
    const seen = watchLoad(kube, 'api-load');
    t.teardown(() => seen.stop());
    await seen.connected;

    await undisturbed(t, async () => {
      const load = new WriteLoad({ kube, prefix: 'api-load', writers: 4, churn: true });
      await eventually('writes go through', () => load.acknowledged.length > 20);
      await kube.createDeployment('wide', 8);
      for (let kill = 0; kill < 2; kill++) {
        await timed(t, 'kill -9 of the apiserver under load → writes go on', async () => {
          await cluster.kill('apiserver');
          const before = load.acknowledged.length;
          await eventually('writes go on', () => load.acknowledged.length > before + 20);
        });
      }
      await timed(t, 'and the Deployment is complete', () => kube.whenReady('wide', 8));
      await timed(t, 'every component acts again', async () => {
        await kube.scale('wide', 10);
        await kube.whenReady('wide', 10);
      });
      await load.stop();
      t.same(await load.lost(), [], `${load.acknowledged.length} acknowledged writes are there`);
      const there = [...(await load.listed())].sort();
      await eventually('the informer saw all', () => seen.cache().join() === there.join());
      t.comment(`an informer that connected ${seen.connections} times missed nothing`);
      t.comment('failed writes', load.errors);
      await eventually('the pod informer saw all', () => pods.size >= 10);
      t.equal(pods.size, 10, 'ten pods were made for ten replicas');
      t.same(await kube.readyNodes(), ['node-1', 'node-2', 'node-3'], 'no node was lost');
      await kube.deleteDeployment('wide');
    });
  });
});
