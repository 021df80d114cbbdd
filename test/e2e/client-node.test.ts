/** The official JavaScript client does with the cluster what it does with Kubernetes. */
import {
  type KubernetesListObject,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Deployment,
  type V1Pod,
  Watch,
} from '@kubernetes/client-node';
import t from 'tap';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { deployment, failureOf, Kube, nameOf, NAMESPACE as namespace } from '../support/kube.js';
import { keepStarted } from '../support/write-load.js';

t.setTimeout(300_000);

t.test('@kubernetes/client-node', async (t) => {
  const cluster = await Cluster.start(t);
  const kube = new Kube(cluster);
  const { core, apps } = kube;

  await t.test('creates, reads, replaces, lists page by page and deletes', async (t) => {
    const labels = { set: 'paged' };
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const created = await core.createNamespacedConfigMap({
        namespace,
        body: { metadata: { name, labels }, data: { name } },
      });
      t.match(created.metadata, { name, uid: /^[0-9a-f-]{36}$/, resourceVersion: /^\d+$/ });
      t.ok(created.metadata?.creationTimestamp instanceof Date);
    }
    const read = await core.readNamespacedConfigMap({ name: 'a', namespace });
    const replaced = await core.replaceNamespacedConfigMap({
      name: 'a',
      namespace,
      body: { ...read, data: { name: 'changed' } },
    });
    t.not(replaced.metadata?.resourceVersion, read.metadata?.resourceVersion);
    const stale = core.replaceNamespacedConfigMap({ name: 'a', namespace, body: read });
    t.match(await failureOf(stale), { code: 409, reason: 'Conflict' });

    const names: string[] = [];
    let _continue: string | undefined;
    do {
      const page: KubernetesListObject<V1ConfigMap> = await core.listNamespacedConfigMap({
        namespace,
        labelSelector: 'set=paged',
        limit: 2,
        ...(_continue ? { _continue } : {}),
      });
      t.ok(page.items.length <= 2);
      names.push(...page.items.map(nameOf));
      _continue = page.metadata?._continue;
    } while (_continue);
    t.same(names, ['a', 'b', 'c', 'd', 'e']);
    const one = await core.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=c' });
    t.same(one.items.map(nameOf), ['c']);

    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'set in (paged)' });
    const gone = core.readNamespacedConfigMap({ name: 'a', namespace });
    t.match(await failureOf(gone), {
      code: 404,
      reason: 'NotFound',
      message: 'configmaps "a" not found',
    });
  });

  await t.test('patches in each of the four ways', async (t) => {
    await apps.createNamespacedDeployment({ namespace, body: deployment('patched', 1) });
    const rows: {
      strategy: PatchStrategy;
      body: object;
      wanted: (changed: V1Deployment) => unknown;
      options?: { fieldManager: string; force: boolean };
    }[] = [
      {
        strategy: PatchStrategy.JsonPatch,
        body: [{ op: 'replace', path: '/spec/replicas', value: 2 }],
        wanted: ({ spec }) => spec?.replicas === 2,
      },
      {
        strategy: PatchStrategy.MergePatch,
        body: { metadata: { labels: { merged: 'yes' } }, spec: { paused: null } },
        wanted: ({ metadata }) => metadata?.labels?.merged === 'yes',
      },
      {
        strategy: PatchStrategy.StrategicMergePatch,
        body: {
          spec: { template: { spec: { containers: [{ name: 'side', image: 'redis' }] } } },
        },
        wanted: ({ spec }) =>
          spec?.template.spec?.containers.map(({ name }) => name).join() === 'side,web',
      },
      {
        strategy: PatchStrategy.ServerSideApply,
        body: {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'patched' },
          spec: { replicas: 3 },
        },
        wanted: ({ spec, metadata }) =>
          spec?.replicas === 3 &&
          metadata?.managedFields?.some(
            ({ manager, operation }) => manager === 'tester' && operation === 'Apply',
          ),
        options: { fieldManager: 'tester', force: true },
      },
    ];
    for (const { strategy, body, wanted, options } of rows) {
      const changed = await apps.patchNamespacedDeployment(
        { name: 'patched', namespace, body, ...options },
        setHeaderOptions('Content-Type', strategy),
      );
      t.ok(wanted(changed), strategy);
    }
    await kube.whenReady('patched', 3);
    await kube.deleteDeployment('patched');
  });

  await t.test('watches from a list on, every change in order', async (t) => {
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    const events: string[] = [];
    const request = await new Watch(kube.config).watch(
      `/api/v1/namespaces/${namespace}/configmaps`,
      { resourceVersion: metadata?.resourceVersion },
      (type: string, object: V1ConfigMap) => {
        events.push(`${type} ${nameOf(object)} ${object.data?.n ?? ''}`);
      },
      () => undefined,
    );
    t.teardown(() => request.abort());
    await kube.createConfigMap('watched', { n: '0' });
    const wanted = ['ADDED watched 0'];
    for (let n = 1; n <= 50; n++) {
      await core.replaceNamespacedConfigMap({
        name: 'watched',
        namespace,
        body: { metadata: { name: 'watched' }, data: { n: String(n) } },
      });
      wanted.push(`MODIFIED watched ${n}`);
    }
    await core.deleteNamespacedConfigMap({ name: 'watched', namespace });
    wanted.push('DELETED watched 50');
    await eventually('all events', () => events.length >= wanted.length);
    t.same(events, wanted);
  });

  await t.test('an informer of pods follows them, over an apiserver that dies', async (t) => {
    const told: string[] = [];
    const informer = makeInformer<V1Pod>(kube.config, `/api/v1/namespaces/${namespace}/pods`, () =>
      core.listNamespacedPod({ namespace }),
    );
    informer.on('add', (pod) => told.push(`add ${pod.metadata?.uid}`));
    informer.on('delete', (pod) => told.push(`delete ${pod.metadata?.uid}`));
    const kept = keepStarted(informer);
    t.teardown(() => kept.stop());
    await informer.start();
    await kube.createDeployment('followed', 3);
    const first = await kube.whenReady('followed', 3);
    await eventually('three added', () => told.length === 3);
    await cluster.kill('apiserver');
    await eventually('scaled down', () =>
      kube.scale('followed', 1).then(
        () => true,
        () => false,
      ),
    );
    const [left] = await kube.whenReady('followed', 1);
    await eventually('two deleted', () => told.length === 5);
    const gone = first.filter(({ metadata }) => metadata?.uid !== left?.metadata?.uid);
    t.same(told.slice(3).sort(), gone.map(({ metadata }) => `delete ${metadata?.uid}`).sort());
    await eventually('the cache is what is there', () => {
      return informer.list().map(nameOf).join() === (left ? nameOf(left) : '');
    });
  });

  await t.test('errors are told as Kubernetes tells them', async (t) => {
    const invalid = core.createNamespacedPod({
      namespace,
      body: { metadata: { name: 'Not_A_Name' }, spec: { containers: [] } },
    });
    t.match(await failureOf(invalid), {
      code: 422,
      reason: 'Invalid',
      message: /spec\.containers/,
    });
    await kube.createConfigMap('twice');
    t.match(await failureOf(kube.createConfigMap('twice')), {
      code: 409,
      reason: 'AlreadyExists',
      message: 'configmaps "twice" already exists',
    });
    const nowhere = core.createNamespacedConfigMap({
      namespace: 'nowhere',
      body: { metadata: { name: 'x' } },
    });
    t.match(await failureOf(nowhere), { code: 404, message: 'namespaces "nowhere" not found' });
  });
});
