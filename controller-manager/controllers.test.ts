import t from 'tap';
import type {
  ClusterRole,
  ConfigMap,
  CronJob,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  EndpointSlice,
  Endpoints,
  Event,
  Job,
  Namespace,
  Node,
  Pod,
  PodDisruptionBudget,
  PodDisruptionBudgetStatus,
  ReplicaSet,
  Service,
  ServiceAccount,
} from '../pkg/api/types.js';
import type { KubeObject } from '../pkg/apimachinery/meta.js';
import { isNotFound } from '../pkg/client/errors.js';
import {
  CLUSTER_ROLES,
  CONFIG_MAPS,
  CORE_EVENTS,
  CRON_JOBS,
  CUSTOM_RESOURCE_DEFINITIONS,
  DAEMON_SETS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  ENDPOINTS,
  JOBS,
  NAMESPACES,
  NODES,
  POD_DISRUPTION_BUDGETS,
  PODS,
  REPLICA_SETS,
  SERVICE_ACCOUNTS,
  SERVICES,
} from '../pkg/client/resources.js';
import { eventually } from '../test/support/eventually.js';
import { ControlPlane } from './testing/control-plane.js';
import { HandNodes } from './testing/hand-nodes.js';

const NAMESPACE = 'default';
// Whole rollouts and evictions, on machines that may be busy with other things.
t.setTimeout(300_000);
const plane = await ControlPlane.start({
  args: [
    '--node-monitor-period=100ms',
    '--node-eviction-rate=10',
    '--allocate-node-cidrs',
    '--cluster-cidr=10.244.0.0/16',
  ],
});
const { client } = plane;
const nodes = await HandNodes.start(client, ['n1', 'n2', 'n3']);
t.teardown(async () => {
  await nodes.stop();
  await plane.stop();
});

const deployments = client.resource<Deployment>(DEPLOYMENTS);
const sets = client.resource<ReplicaSet>(REPLICA_SETS);
const pods = client.resource<Pod>(PODS);

function deploymentOf(
  name: string,
  replicas: number,
  spec: Partial<Deployment['spec']> = {},
): Deployment {
  const labels = { app: name };
  return {
    metadata: { namespace: NAMESPACE, name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } },
      ...spec,
    },
  };
}

const setImage = (name: string, image: string) =>
  deployments.patch(NAMESPACE, name, 'strategic', {
    spec: { template: { spec: { containers: [{ name: 'c', image }] } } },
  });

const podsOf = async (app: string) =>
  (await pods.list({ namespace: NAMESPACE, labelSelector: `app=${app}` })).items;
const setsOf = async (app: string) =>
  (await sets.list({ namespace: NAMESPACE, labelSelector: `app=${app}` })).items;

function rolledOut(name: string): Promise<Deployment> {
  return eventually(`${name} rolled out`, async () => {
    const d = await deployments.get(NAMESPACE, name);
    const {
      replicas = 0,
      updatedReplicas = 0,
      availableReplicas = 0,
      observedGeneration,
    } = d.status ?? {};
    const wanted = d.spec?.replicas ?? 1;
    const done = replicas === wanted && updatedReplicas === wanted && availableReplicas === wanted;
    const progressing = d.status?.conditions?.find((c) => c.type === 'Progressing');
    return (
      done &&
      observedGeneration === d.metadata?.generation &&
      progressing?.reason === 'NewReplicaSetAvailable' &&
      d
    );
  });
}

t.test('a namespace gets its service account and CA, and ends with its content', async (t) => {
  const namespaces = client.resource<Namespace>(NAMESPACES);
  await namespaces.create({ metadata: { name: 'short' } });
  await eventually('default service account', () =>
    client.resource<ServiceAccount>(SERVICE_ACCOUNTS).get('short', 'default').catch(absent),
  );
  const maps = client.resource<ConfigMap>(CONFIG_MAPS);
  const ca = await eventually('root CA', () => maps.get('short', 'kube-root-ca.crt').catch(absent));
  await maps.update({ ...ca, data: { 'ca.crt': 'forged' } });
  await eventually('put back', async () => {
    const now = await maps.get('short', 'kube-root-ca.crt');
    return now.data?.['ca.crt'] !== 'forged';
  });
  await maps.create({
    metadata: { namespace: 'short', name: 'held', finalizers: ['example.com/hold'] },
  });
  await namespaces.delete('', 'short');
  const waiting = await eventually('conditions', async () => {
    const now = await namespaces.get('', 'short');
    const condition = now.status?.conditions?.find(
      (c) => c.type === 'NamespaceFinalizersRemaining',
    );
    return condition?.status === 'True' && now;
  });
  t.equal(waiting.status?.phase, 'Terminating');
  t.match(waiting.status?.conditions, [
    { type: 'NamespaceDeletionDiscoveryFailure', status: 'False', reason: 'ResourcesDiscovered' },
    { type: 'NamespaceDeletionGroupVersionParsingFailure', status: 'False' },
    { type: 'NamespaceDeletionContentFailure', status: 'False' },
    {
      type: 'NamespaceContentRemaining',
      status: 'True',
      message: 'Some resources are remaining: configmaps. has 1 resource instances',
    },
    {
      message:
        'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    },
  ]);
  await maps.patch('short', 'held', 'merge', { metadata: { finalizers: null } });
  await eventually('the end', () => namespaces.get('', 'short').then(() => false, isNotFound));
});

t.test('a namespace that ends waits for its pods before it deletes anything else', async (t) => {
  const namespaces = client.resource<Namespace>(NAMESPACES);
  const maps = client.resource<ConfigMap>(CONFIG_MAPS);
  const pods = client.resource<Pod>(PODS);
  await namespaces.create({ metadata: { name: 'ordered' } });
  await maps.create({ metadata: { namespace: 'ordered', name: 'settings' } });
  await eventually('its service account', () =>
    client.resource<ServiceAccount>(SERVICE_ACCOUNTS).get('ordered', 'default').catch(absent),
  );
  const finalizers = ['example.com/hold'];
  await pods.create({
    metadata: { namespace: 'ordered', name: 'last', finalizers },
    spec: { containers: [{ name: 'c', image: 'nginx' }] },
  });
  await namespaces.delete('', 'ordered');
  await eventually('its pod is what remains', async () => {
    const { status } = await namespaces.get('', 'ordered');
    const remaining = status?.conditions?.find((c) => c.type === 'NamespaceContentRemaining');
    return remaining?.message === 'Some resources are remaining: pods. has 1 resource instances';
  });
  t.equal((await maps.get('ordered', 'settings')).metadata?.deletionTimestamp, undefined);
  await pods.patch('ordered', 'last', 'merge', { metadata: { finalizers: null } });
  await eventually('the end', () => namespaces.get('', 'ordered').then(() => false, isNotFound));
});

t.test('nodes get pod CIDRs, each its own', async (t) => {
  const all = await eventually('CIDRs', async () => {
    const { items } = await client.resource<Node>(NODES).list();
    return items.every((n) => n.spec?.podCIDR) && items;
  });
  t.same(all.map((n) => n.spec?.podCIDR).sort(), [
    '10.244.0.0/24',
    '10.244.1.0/24',
    '10.244.2.0/24',
  ]);
});

t.test('deployments', async (t) => {
  t.test('one rolls out, and its status says so', async (t) => {
    await deployments.create(deploymentOf('web', 3));
    const d = await rolledOut('web');
    t.equal(d.metadata?.annotations?.['deployment.kubernetes.io/revision'], '1');
    t.match(d.status?.conditions?.map((c) => [c.type, c.status, c.reason, c.message]).sort(), [
      ['Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.'],
      [
        'Progressing',
        'True',
        'NewReplicaSetAvailable',
        /^ReplicaSet "web-\w+" has successfully progressed\.$/,
      ],
    ]);
    const [set] = await setsOf('web');
    t.match(set?.metadata?.annotations, {
      'deployment.kubernetes.io/desired-replicas': '3',
      'deployment.kubernetes.io/max-replicas': '4',
      'deployment.kubernetes.io/revision': '1',
    });
    t.match(set?.metadata?.ownerReferences, [
      { kind: 'Deployment', name: 'web', controller: true },
    ]);
  });

  t.test('a new image rolls within surge and unavailable', async (t) => {
    let most = 0;
    let least = 99;
    const stop = new AbortController();
    const watching = (async () => {
      const list = await pods.list({ namespace: NAMESPACE, labelSelector: 'app=web' });
      const now = new Map(list.items.map((p) => [p.metadata?.name, p]));
      const { resourceVersion = '' } = list.metadata ?? {};
      try {
        for await (const e of pods.watch({
          namespace: NAMESPACE,
          labelSelector: 'app=web',
          resourceVersion,
          signal: stop.signal,
        })) {
          if (e.type === 'DELETED') now.delete(e.object.metadata?.name);
          else now.set(e.object.metadata?.name, e.object);
          const alive = [...now.values()].filter(
            (p) => p.metadata?.deletionTimestamp === undefined,
          );
          const ready = alive.filter((p) =>
            p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
          );
          most = Math.max(most, alive.length);
          least = Math.min(least, ready.length);
        }
      } catch (err) {
        if (!stop.signal.aborted) throw err;
      }
    })();
    await setImage('web', 'nginx:2');
    const d = await rolledOut('web');
    stop.abort();
    await watching;
    t.equal(d.metadata?.annotations?.['deployment.kubernetes.io/revision'], '2');
    t.equal(most, 4, 'one more at the most');
    t.equal(least, 3, '25% of three, rounded down, is none less');
    t.equal((await setsOf('web')).length, 2);
  });

  t.test('a rollback uses the older set again, under a new revision', async (t) => {
    await setImage('web', 'nginx:1');
    const d = await rolledOut('web');
    t.equal(d.metadata?.annotations?.['deployment.kubernetes.io/revision'], '3');
    const all = await setsOf('web');
    t.equal(all.length, 2);
    const current = all.find((rs) => rs.spec?.replicas === 3);
    t.equal(current?.metadata?.annotations?.['deployment.kubernetes.io/revision-history'], '1');
  });

  t.test('a paused Deployment scales but makes no new set', async (t) => {
    await deployments.patch(NAMESPACE, 'web', 'merge', { spec: { paused: true } });
    await eventually('paused', async () => {
      const d = await deployments.get(NAMESPACE, 'web');
      return d.status?.conditions?.some(
        (c) => c.reason === 'DeploymentPaused' && c.message === 'Deployment is paused',
      );
    });
    await setImage('web', 'nginx:9');
    await deployments.patch(NAMESPACE, 'web', 'merge', { spec: { replicas: 5 } });
    await eventually('scaled', async () => (await podsOf('web')).length === 5);
    t.equal((await setsOf('web')).length, 2);
    await deployments.patch(NAMESPACE, 'web', 'merge', { spec: { paused: false } });
    await rolledOut('web');
    t.equal((await setsOf('web')).length, 3);
  });

  t.test('history beyond the limit is deleted', async () => {
    await deployments.patch(NAMESPACE, 'web', 'merge', { spec: { revisionHistoryLimit: 1 } });
    await eventually('one old set', async () => (await setsOf('web')).length === 2);
  });

  t.test('Recreate ends all old pods first', async (t) => {
    await deployments.create(deploymentOf('again', 2, { strategy: { type: 'Recreate' } }));
    await rolledOut('again');
    const before = new Set((await podsOf('again')).map((p) => p.metadata?.uid));
    await setImage('again', 'nginx:2');
    await eventually('new pods', async () => {
      const now = await podsOf('again');
      const old = now.filter((p) => before.has(p.metadata?.uid)).length;
      t.ok(old === 0 || old === now.length, 'never both');
      return old === 0 && now.length === 2;
    });
    await rolledOut('again');
  });

  t.test('a rollout that stands still passes its deadline', async (t) => {
    nodes.runs = (pod) => pod.metadata?.labels?.['app'] !== 'stuck';
    await deployments.create(deploymentOf('stuck', 1, { progressDeadlineSeconds: 1 }));
    const d = await eventually('deadline', async () => {
      const now = await deployments.get(NAMESPACE, 'stuck');
      return now.status?.conditions?.some((c) => c.reason === 'ProgressDeadlineExceeded') && now;
    });
    t.match(
      d.status?.conditions?.find((c) => c.type === 'Progressing')?.message,
      /^ReplicaSet "stuck-\w+" has timed out progressing\.$/,
    );
    t.match(d.status, { unavailableReplicas: 1 });
    nodes.runs = () => true;
    nodes.again();
    await rolledOut('stuck');
  });

  t.test(
    'a deleted pod is replaced, also one that went while the controllers were away',
    async () => {
      const [one, two] = await podsOf('again');
      await pods.delete(NAMESPACE, one?.metadata?.name ?? '');
      await eventually('replaced', async () => {
        const now = await podsOf('again');
        return now.length === 2 && !now.some((p) => p.metadata?.uid === one?.metadata?.uid);
      });
      await plane.stopControllers();
      await pods.delete(NAMESPACE, two?.metadata?.name ?? '');
      await eventually('gone', async () => (await podsOf('again')).length === 1);
      plane.startControllers();
      await eventually('replaced', async () => (await podsOf('again')).length === 2);
    },
  );

  t.test('an orphan that fits is adopted, and one that no longer fits is let go', async (t) => {
    const [first] = await podsOf('again');
    const name = first?.metadata?.name ?? '';
    await pods.patch(NAMESPACE, name, 'merge', { metadata: { labels: { app: 'loose' } } });
    await eventually('let go', async () => {
      const pod = await pods.get(NAMESPACE, name);
      return !pod.metadata?.ownerReferences?.length;
    });
    await eventually('replaced', async () => (await podsOf('again')).length === 2);
    await pods.patch(NAMESPACE, name, 'merge', { metadata: { labels: { app: 'again' } } });
    await eventually('adopted, and one too many goes', async () => {
      const now = await podsOf('again');
      return now.length === 2 && now.every((p) => p.metadata?.ownerReferences?.length === 1);
    });
    t.pass();
  });
});

t.test('a service has its endpoints, in both forms', async (t) => {
  await client.resource<Service>(SERVICES).create({
    metadata: { namespace: NAMESPACE, name: 'web', labels: { team: 'a' } },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  });
  const slicesOf = async () =>
    (
      await client
        .resource<EndpointSlice>(ENDPOINT_SLICES)
        .list({ namespace: NAMESPACE, labelSelector: 'kubernetes.io/service-name=web' })
    ).items;
  const slice = await eventually('slices', async () => {
    const [first, ...more] = await slicesOf();
    return more.length === 0 && first?.endpoints?.length === 5 && first;
  });
  t.match(slice, {
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    metadata: {
      labels: {
        team: 'a',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      ownerReferences: [{ kind: 'Service', name: 'web', controller: true }],
    },
  });
  t.match(slice.endpoints?.[0], {
    conditions: { ready: true, serving: true, terminating: false },
    targetRef: { kind: 'Pod' },
    nodeName: /^n\d$/,
  });
  const endpoints = client.resource<Endpoints>(ENDPOINTS);
  const both = await eventually('endpoints', async () => {
    const now = await endpoints.get(NAMESPACE, 'web').catch(absent);
    return now?.subsets?.[0]?.addresses?.length === 5 && now;
  });
  t.match(both.subsets?.[0]?.ports, [{ name: 'http', port: 8080 }]);
  await deployments.patch(NAMESPACE, 'web', 'merge', { spec: { replicas: 1 } });
  await eventually('followed', async () => {
    const [now] = await slicesOf();
    const one = (await endpoints.get(NAMESPACE, 'web')).subsets?.[0]?.addresses?.length === 1;
    return now?.endpoints?.length === 1 && now.metadata?.name === slice.metadata?.name && one;
  });
  await client.resource(SERVICES).delete(NAMESPACE, 'web');
  await eventually('collected', async () => (await slicesOf()).length === 0);
  await eventually('collected', () =>
    endpoints.get(NAMESPACE, 'web').then(() => false, isNotFound),
  );
});

t.test('garbage', async (t) => {
  const make = async (name: string) => {
    await deployments.create(deploymentOf(name, 2));
    await rolledOut(name);
  };
  const gone = (name: string) => deployments.get(NAMESPACE, name).then(() => false, isNotFound);

  t.test('Background: the owner goes at once, what it owned follows', async () => {
    await make('back');
    await deployments.delete(NAMESPACE, 'back', { propagationPolicy: 'Background' });
    await eventually('gone', () => gone('back'));
    await eventually('sets', async () => (await setsOf('back')).length === 0);
    await eventually('pods', async () => (await podsOf('back')).length === 0);
  });
  t.test('Foreground: the owner waits for what it owned', async (t) => {
    await make('fore');
    await deployments.delete(NAMESPACE, 'fore', { propagationPolicy: 'Foreground' });
    const d = await deployments.get(NAMESPACE, 'fore').catch(absent);
    if (d) t.same(d.metadata?.finalizers, ['foregroundDeletion']);
    await eventually('gone', () => gone('fore'));
    t.same(await podsOf('fore'), []);
    t.same(await setsOf('fore'), []);
  });
  t.test('Orphan: what it owned stays, and knows no owner', async (t) => {
    await make('orph');
    await deployments.delete(NAMESPACE, 'orph', { propagationPolicy: 'Orphan' });
    await eventually('gone', () => gone('orph'));
    const [set] = await setsOf('orph');
    t.same(set?.metadata?.ownerReferences ?? [], []);
    t.equal((await podsOf('orph')).length, 2);
    await sets.delete(NAMESPACE, set?.metadata?.name ?? '');
    await eventually('pods', async () => (await podsOf('orph')).length === 0);
  });
  t.test('an object whose owner never was is collected', async (t) => {
    const maps = client.resource<ConfigMap>(CONFIG_MAPS);
    const owner = await maps.create({ metadata: { namespace: NAMESPACE, name: 'owner' } });
    const uid = owner.metadata?.uid ?? '';
    const ref = (name: string, u: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name,
      uid: u,
    });
    const child = (name: string, refs: ReturnType<typeof ref>[]) =>
      maps.create({ metadata: { namespace: NAMESPACE, name, ownerReferences: refs } });
    await child('two-owners', [
      ref('owner', uid),
      ref('never', '00000000-0000-4000-8000-000000000000'),
    ]);
    await child('lost', [ref('never', '00000000-0000-4000-8000-000000000001')]);
    await eventually('collected', () => maps.get(NAMESPACE, 'lost').then(() => false, isNotFound));
    await eventually('the dangling reference', async () => {
      const now = await maps.get(NAMESPACE, 'two-owners');
      return now.metadata?.ownerReferences?.length === 1;
    });
    t.ok(await maps.get(NAMESPACE, 'owner'));
  });
  t.test('what an object of a kind made just now owned goes with it', async () => {
    const definition: CustomResourceDefinition = {
      metadata: { name: 'owners.example.com' },
      spec: {
        group: 'example.com',
        names: { plural: 'owners', singular: 'owner', kind: 'Owner', listKind: 'OwnerList' },
        scope: 'Namespaced',
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object' } },
          },
        ],
      },
    };
    await client.resource(CUSTOM_RESOURCE_DEFINITIONS).create(definition);
    const owners = client.resource<KubeObject>({
      group: 'example.com',
      version: 'v1',
      resource: 'owners',
      kind: 'Owner',
      namespaced: true,
    });
    const owner = await eventually('the kind is served', () =>
      owners.create({ metadata: { namespace: NAMESPACE, name: 'one' } }).catch(absent),
    );
    const maps = client.resource<ConfigMap>(CONFIG_MAPS);
    const ownerReferences = [
      { apiVersion: 'example.com/v1', kind: 'Owner', name: 'one', uid: owner.metadata?.uid ?? '' },
    ];
    await maps.create({ metadata: { namespace: NAMESPACE, name: 'owned', ownerReferences } });
    await owners.delete(NAMESPACE, 'one');
    // Far less than what discovery alone would take.
    await eventually(
      'collected',
      () => maps.get(NAMESPACE, 'owned').then(() => false, isNotFound),
      15_000,
    );
  });
});

t.test('jobs', async (t) => {
  const jobs = client.resource<Job>(JOBS);
  const make = (name: string, spec: Partial<Job['spec']>): Promise<Job> =>
    jobs.create({
      metadata: { namespace: NAMESPACE, name },
      spec: {
        template: {
          metadata: { labels: { app: name } },
          spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] },
        },
        ...spec,
      },
    });
  const finished = (name: string): Promise<Job> =>
    eventually(`${name} finished`, async () => {
      const now = await jobs.get(NAMESPACE, name);
      const end = now.status?.conditions?.some(
        (c) => ['Complete', 'Failed'].includes(c.type) && c.status === 'True',
      );
      return end && now;
    });

  t.test('one runs to its completions, and its pods can then be deleted', async (t) => {
    nodes.ends = (pod) => (pod.metadata?.labels?.['app'] === 'sum' ? 'Succeeded' : undefined);
    await make('sum', { completions: 5, parallelism: 2 });
    const { status } = await finished('sum');
    t.match(status, {
      succeeded: 5,
      completionTime: /Z$/,
      startTime: /Z$/,
      uncountedTerminatedPods: {},
      ready: 0,
      terminating: 0,
    });
    t.match(status?.conditions, [
      {
        type: 'SuccessCriteriaMet',
        reason: 'CompletionsReached',
        message: 'Reached expected number of succeeded pods',
      },
      { type: 'Complete', status: 'True', reason: 'CompletionsReached' },
    ]);
    t.equal(status?.active, undefined);
    t.equal((await podsOf('sum')).length, 5, 'never one too many');
    await jobs.delete(NAMESPACE, 'sum', { propagationPolicy: 'Background' });
    await eventually('pods', async () => (await podsOf('sum')).length === 0);
  });

  t.test('one that fails too often fails, with the reason', async (t) => {
    nodes.ends = (pod) => (pod.metadata?.labels?.['app'] === 'bad' ? 'Failed' : undefined);
    await make('bad', { backoffLimit: 0 });
    const { status } = await finished('bad');
    t.match(status, { failed: 1 });
    t.match(status?.conditions, [
      { type: 'FailureTarget', reason: 'BackoffLimitExceeded' },
      {
        type: 'Failed',
        reason: 'BackoffLimitExceeded',
        message: 'Job has reached the specified backoff limit',
      },
    ]);
  });

  t.test('an Indexed one completes each index, and goes when its time is over', async (t) => {
    nodes.ends = (pod) => (pod.metadata?.labels?.['app'] === 'idx' ? 'Succeeded' : undefined);
    await make('idx', {
      completionMode: 'Indexed',
      completions: 3,
      parallelism: 3,
      ttlSecondsAfterFinished: 1,
    });
    const { status } = await finished('idx');
    t.match(status, { succeeded: 3, completedIndexes: '0-2' });
    await eventually('gone', () => jobs.get(NAMESPACE, 'idx').then(() => false, isNotFound));
  });

  t.test('a suspended one runs nothing until it is resumed', async (t) => {
    nodes.ends = () => undefined;
    await make('later', { suspend: true, activeDeadlineSeconds: 1 });
    const waiting = await eventually('suspended', async () => {
      const now = await jobs.get(NAMESPACE, 'later');
      return (
        now.status?.conditions?.some((c) => c.type === 'Suspended' && c.status === 'True') && now
      );
    });
    t.equal(waiting.status?.startTime, undefined);
    t.same(await podsOf('later'), []);
    await jobs.patch(NAMESPACE, 'later', 'merge', { spec: { suspend: false } });
    const { status } = await finished('later');
    t.match(
      status?.conditions?.find((c) => c.type === 'Failed'),
      {
        reason: 'DeadlineExceeded',
        message: 'Job was active longer than specified deadline',
      },
    );
    t.same(
      (await podsOf('later')).filter((p) => p.metadata?.deletionTimestamp === undefined),
      [],
      'its pods end with it',
    );
  });
});

t.test(
  'a cron job starts a job for the minute that came, once, and keeps its history short',
  async (t) => {
    const cronJobs = client.resource<CronJob>(CRON_JOBS);
    const jobs = client.resource<Job>(JOBS);
    nodes.ends = (pod) => (pod.metadata?.labels?.['app'] === 'tick' ? 'Succeeded' : undefined);
    const spec = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox' }] };
    const template = { metadata: { labels: { app: 'tick' } }, spec };
    await cronJobs.create({
      metadata: { namespace: NAMESPACE, name: 'tick' },
      spec: {
        schedule: '* * * * *',
        suspend: true,
        successfulJobsHistoryLimit: 1,
        jobTemplate: { metadata: { labels: { app: 'tick' } }, spec: { template } },
      },
    });
    const due = async (minutesAgo: number) => {
      const lastScheduleTime = new Date(Date.now() - minutesAgo * 60_000)
        .toISOString()
        .replace(/\.\d+Z/, 'Z');
      await cronJobs.patch(
        NAMESPACE,
        'tick',
        'merge',
        { status: { lastScheduleTime } },
        { subresource: 'status' },
      );
    };
    const jobsOf = async () =>
      (await jobs.list({ namespace: NAMESPACE, labelSelector: 'app=tick' })).items;
    // Its last time lies two minutes back: the minute that came since is due at once.
    await due(2);
    await cronJobs.patch(NAMESPACE, 'tick', 'merge', { spec: { suspend: false } });
    const [first] = await eventually('a job', async () => {
      const now = await jobsOf();
      return now.length > 0 && now;
    });
    t.match(first?.metadata?.name, /^tick-\d{8}$/);
    t.match(first?.metadata?.ownerReferences, [
      { kind: 'CronJob', name: 'tick', controller: true },
    ]);
    const after = await eventually('its success', async () => {
      const now = await cronJobs.get(NAMESPACE, 'tick');
      return now.status?.lastSuccessfulTime !== undefined && !now.status.active?.length && now;
    });
    t.match(
      after.status?.lastScheduleTime,
      /:00Z$/,
      'the time that was due, not the one at which it started',
    );
    // Half an hour ago, and in half an hour.
    const minute = (new Date().getMinutes() + 30) % 60;
    await cronJobs.create({
      metadata: { namespace: NAMESPACE, name: 'moved' },
      spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: { template } } },
    });
    const lastScheduleTime = new Date(Date.now() - 7_200_000).toISOString().replace(/\.\d+Z/, 'Z');
    const moved = { status: { lastScheduleTime } };
    await cronJobs.patch(NAMESPACE, 'moved', 'merge', moved, { subresource: 'status' });
    await cronJobs.patch(NAMESPACE, 'moved', 'merge', { spec: { schedule: `${minute} * * * *` } });
    await cronJobs.patch(NAMESPACE, 'tick', 'merge', { spec: { concurrencyPolicy: 'Forbid' } });
    await due(2);
    await eventually('another job', async () => (await jobsOf()).length === 1);
    const all = (await jobs.list({ namespace: NAMESPACE })).items;
    t.notOk(
      all.some(({ metadata }) => metadata?.name?.startsWith('moved-')),
      'a new schedule has missed nothing',
    );
    await cronJobs.patch(NAMESPACE, 'moved', 'merge', { metadata: { annotations: { a: 'b' } } });
    await eventually('what it missed, once it is looked at', async () =>
      (await jobs.list({ namespace: NAMESPACE })).items.some(({ metadata }) =>
        metadata?.name?.startsWith('moved-'),
      ),
    );
    await cronJobs.delete(NAMESPACE, 'moved', { propagationPolicy: 'Background' });
    await cronJobs.delete(NAMESPACE, 'tick', { propagationPolicy: 'Background' });
    await eventually('jobs', async () => (await jobsOf()).length === 0);
  },
);

t.test('a budget says how many pods may go', async (t) => {
  const budgets = client.resource<PodDisruptionBudget>(POD_DISRUPTION_BUDGETS);
  await deployments.patch(NAMESPACE, 'web', 'merge', { spec: { replicas: 3 } });
  await rolledOut('web');
  await budgets.create({
    metadata: { namespace: NAMESPACE, name: 'web' },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
  });
  const { status } = await eventually('status', async () => {
    const now = await budgets.get(NAMESPACE, 'web');
    return now.status?.disruptionsAllowed === 1 && now;
  });
  t.match(status, { currentHealthy: 3, desiredHealthy: 2, expectedPods: 3 });
  t.match(status?.conditions, [
    { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' },
  ]);
  const [one, two] = await podsOf('web');
  const evict = (pod: Pod | undefined) => {
    const metadata = { namespace: NAMESPACE, name: pod?.metadata?.name ?? '' };
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata };
    return pods.createSubresource(NAMESPACE, metadata.name, 'eviction', body);
  };
  nodes.runs = () => false;
  await evict(one);
  await t.rejects(evict(two), /Cannot evict pod as it would violate the pod's disruption budget/);
  nodes.runs = () => true;
  nodes.again();
  await rolledOut('web');
  await budgets.delete(NAMESPACE, 'web');
});

t.test('a budget asks whoever controls its pods for their number', async (t) => {
  const budgets = client.resource<PodDisruptionBudget>(POD_DISRUPTION_BUDGETS);
  const spec = { containers: [{ name: 'c', image: 'nginx:1' }] };
  const budgetFor = (app: string, limit: Partial<NonNullable<PodDisruptionBudget['spec']>>) =>
    budgets.create({
      metadata: { namespace: NAMESPACE, name: app },
      spec: { ...limit, selector: { matchLabels: { app } } },
    });
  const until = (name: string, is: (status: PodDisruptionBudgetStatus) => boolean) =>
    eventually(`budget ${name}`, async () => {
      const { status } = await budgets.get(NAMESPACE, name);
      return status && is(status) && status;
    });
  const told = (name: string, reason: string) =>
    eventually(`${reason} of ${name}`, async () => {
      const { items } = await client.resource<Event>(CORE_EVENTS).list({ namespace: NAMESPACE });
      return items.find((e) => e.reason === reason && e.involvedObject.name === name);
    });

  await t.test('an object of a custom kind with a scale', async (t) => {
    const group = 'example.com';
    await client.resource<CustomResourceDefinition>(CUSTOM_RESOURCE_DEFINITIONS).create({
      metadata: { name: `fleets.${group}` },
      spec: {
        group,
        names: { kind: 'Fleet', plural: 'fleets', singular: 'fleet', listKind: 'FleetList' },
        scope: 'Namespaced',
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
            subresources: {
              scale: {
                specReplicasPath: '.spec.replicas',
                statusReplicasPath: '.status.replicas',
              },
            },
          },
        ],
      },
    });
    const ref = { group, version: 'v1', resource: 'fleets', kind: 'Fleet', namespaced: true };
    const fleets = client.resource<KubeObject & { spec?: object }>(ref);
    const fleet = await eventually('the kind', () =>
      fleets
        .create({
          apiVersion: `${group}/v1`,
          kind: 'Fleet',
          metadata: { namespace: NAMESPACE, name: 'blue' },
          spec: { replicas: 4 },
        })
        .catch(absent),
    );
    await pods.create({
      metadata: {
        namespace: NAMESPACE,
        name: 'ship',
        labels: { app: 'fleet' },
        ownerReferences: [
          {
            apiVersion: `${group}/v1`,
            kind: 'Fleet',
            name: 'blue',
            uid: fleet.metadata?.uid ?? '',
            controller: true,
          },
        ],
      },
      spec,
    });
    await budgetFor('fleet', { minAvailable: '50%' });
    const status = await until('fleet', ({ currentHealthy }) => currentHealthy === 1);
    t.match(status, { expectedPods: 4, desiredHealthy: 2, disruptionsAllowed: 0 });
  });

  await t.test('one that has no scale: nothing may be evicted, and it is told why', async (t) => {
    await client.resource<DaemonSet>(DAEMON_SETS).create({
      metadata: { namespace: NAMESPACE, name: 'agent' },
      spec: {
        selector: { matchLabels: { app: 'agent' } },
        template: { metadata: { labels: { app: 'agent' } }, spec },
      },
    });
    await eventually('a pod of it', async () => (await podsOf('agent')).length > 0);
    await budgetFor('agent', { maxUnavailable: 1 });
    const why = 'daemonsets.apps does not implement the scale subresource';
    const { conditions, disruptionsAllowed } = await until(
      'agent',
      (status) => status.conditions?.[0]?.reason === 'SyncFailed',
    );
    t.match(conditions, [{ type: 'DisruptionAllowed', status: 'False', message: why }]);
    t.equal(disruptionsAllowed, 0);
    t.equal(
      (await told('agent', 'CalculateExpectedPodCountFailed')).message,
      `Failed to calculate the number of expected pods: ${why}`,
    );
  });

  await t.test('nobody', async (t) => {
    await pods.create({
      metadata: { namespace: NAMESPACE, name: 'alone', labels: { app: 'alone' } },
      spec,
    });
    await budgetFor('alone', { maxUnavailable: 1 });
    t.equal(
      (await told('alone', 'UnmanagedPods')).message,
      'Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{app: alone,},MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.',
    );
    await until('alone', ({ disruptionsAllowed, expectedPods }) => {
      return disruptionsAllowed === 0 && expectedPods === 0;
    });
  });
  for (const name of ['fleet', 'agent', 'alone']) await budgets.delete(NAMESPACE, name);
  await client.resource<DaemonSet>(DAEMON_SETS).delete(NAMESPACE, 'agent');
  for (const name of ['ship', 'alone']) await pods.delete(NAMESPACE, name);
  for (const app of ['agent', 'fleet', 'alone'])
    await eventually(`no pods of ${app}`, async () => (await podsOf(app)).length === 0);
});

t.test('a ClusterRole gathers the rules of others', async (t) => {
  const roles = client.resource<ClusterRole>(CLUSTER_ROLES);
  const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get'] };
  await roles.create({
    metadata: { name: 'sum' },
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { into: 'sum' } }] },
    rules: [],
  });
  await roles.create({ metadata: { name: 'part', labels: { into: 'sum' } }, rules: [rule] });
  await eventually('gathered', async () => (await roles.get('', 'sum')).rules?.length === 1);
  t.same((await roles.get('', 'sum')).rules, [rule]);
  await roles.delete('', 'part');
  await eventually('gone', async () => !(await roles.get('', 'sum')).rules?.length);
});

t.test('a silent node loses its pods, and gets well again', async (t) => {
  await plane.stopControllers();
  plane.startControllers(['--node-monitor-grace-period=3s']);
  const client2 = client.resource<Node>(NODES);
  await deployments.patch(NAMESPACE, 'web', 'merge', { spec: { replicas: 3 } });
  await rolledOut('web');
  const victim = (await podsOf('web')).find((p) => p.spec?.nodeName)?.spec?.nodeName ?? '';
  const doomed = new Set(
    (await podsOf('web')).filter((p) => p.spec?.nodeName === victim).map((p) => p.metadata?.name),
  );
  nodes.silence(victim);
  const node = await eventually('tainted', async () => {
    const now = await client2.get('', victim);
    return now.spec?.taints?.some((taint) => taint.effect === 'NoExecute') && now;
  });
  t.match(
    node.status?.conditions?.find((c) => c.type === 'Ready'),
    {
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
    },
  );
  t.match(node.spec?.taints?.map((taint) => `${taint.key}:${taint.effect}`).sort(), [
    'node.kubernetes.io/unreachable:NoExecute',
    'node.kubernetes.io/unreachable:NoSchedule',
  ]);
  await eventually('replaced elsewhere', async () => {
    const alive = (await podsOf('web')).filter((p) => p.metadata?.deletionTimestamp === undefined);
    return alive.length === 3 && alive.every((p) => p.spec?.nodeName && p.spec.nodeName !== victim);
  });
  const evicted = await pods.get(NAMESPACE, [...doomed][0] ?? '');
  t.match(
    evicted.status?.conditions
      ?.filter((c) => ['Ready', 'DisruptionTarget'].includes(c.type))
      .sort((a, b) => (a.type < b.type ? -1 : 1)),
    [
      { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager' },
      { type: 'Ready', status: 'False' },
    ],
  );
  await nodes.wake(victim);
  await eventually('well', async () => !(await client2.get('', victim)).spec?.taints?.length);
  await eventually('clean', async () => (await podsOf('web')).length === 3);
  const { items } = await client.resource<Event>(CORE_EVENTS).list({ namespace: NAMESPACE });
  const told = new Set(items.map((e) => e.reason));
  for (const reason of [
    'RegisteredNode',
    'NodeNotReady',
    'TaintManagerEviction',
    'SuccessfulCreate',
    'ScalingReplicaSet',
  ]) {
    t.ok(told.has(reason), reason);
  }
});

/** For `catch`: what is not there is undefined, anything else is thrown on. */
function absent(err: unknown): undefined {
  if (isNotFound(err)) return undefined;
  throw err;
}
