/**
 * A minute in which the controller-manager and the apiserver are killed at random moments while Deployments and
 * StatefulSets are rolled out and scaled and Jobs run: afterwards all is as it was last asked for, every completion was
 * counted exactly once, nothing is doubled and nothing is left over.
 *
 * DRYDOCK_CHAOS_SEED repeats a run's choices, DRYDOCK_CHAOS_SECONDS makes it longer.
 */
import {
  BatchV1Api,
  PatchStrategy,
  setHeaderOptions,
  type V1Job,
  type V1PodTemplateSpec,
  type V1StatefulSet,
} from '@kubernetes/client-node';
import t, { type Test } from 'tap';
import { FakeClock } from '../../pkg/component/clock.js';
import { Cluster, QUICK } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { isReady, Kube, NAMESPACE, nameOf } from '../support/kube.js';

const SECONDS = Number(process.env.DRYDOCK_CHAOS_SECONDS ?? 60);
const SEED = Number(process.env.DRYDOCK_CHAOS_SEED ?? 20_260_101);
const SETTLED_MS = 90_000;
const INDEX = 'batch.kubernetes.io/job-completion-index';

t.setTimeout((SECONDS + 200) * 1000);

t.test('workloads stay correct while their controllers are killed', async (t) => {
  const cluster = await Cluster.start(t, [QUICK]);
  const kube = new Kube(cluster);
  const choices = new FakeClock(0, SEED);
  const random = () => choices.random();
  const world = new World(kube, random);
  await world.begin();

  const end = performance.now() + SECONDS * 1000;
  const kills = { apiserver: 0, 'controller-manager': 0 };
  const killer = (async () => {
    while (performance.now() < end) {
      await pause(1000 + random() * 4000);
      const name = random() < 0.6 ? 'controller-manager' : 'apiserver';
      // It may be down from the last time.
      await cluster.kill(name).then(
        () => kills[name]++,
        () => undefined,
      );
    }
  })();
  while (performance.now() < end) {
    await pause(300 + random() * 900);
    await world.change();
  }
  await killer;
  t.comment(`seed ${SEED}; killed`, kills, '; done', world.done);
  t.ok(kills.apiserver > 0 && kills['controller-manager'] > 0, 'both were killed');

  await t.test('Deployments', (t) => deployments(t, kube, world));
  await t.test('StatefulSets', (t) => statefulSets(t, kube, world));
  await t.test('Jobs', (t) => jobs(t, kube, world));
  await t.test('nothing is left over', async (t) => {
    const sets = (await kube.apps.listNamespacedReplicaSet({ namespace: NAMESPACE })).items;
    const owners = new Set([
      ...sets.map(({ metadata }) => metadata?.uid),
      ...(await world.listStatefulSets()).map(({ metadata }) => metadata?.uid),
      ...(await world.listJobs()).map(({ metadata }) => metadata?.uid),
    ]);
    const all = (await kube.core.listNamespacedPod({ namespace: NAMESPACE })).items;
    t.same(
      all.filter(({ metadata }) => !owners.has(metadata?.ownerReferences?.[0]?.uid)).map(nameOf),
      [],
      'every pod has its owner',
    );
    const addresses = all.filter(isReady).map(({ status }) => status?.podIP);
    t.equal(new Set(addresses).size, addresses.length, 'no address was given twice');
  });
});

async function deployments(t: Test, kube: Kube, world: World): Promise<void> {
  for (const name of world.deployments) {
    const wanted = world.sizes.get(name) ?? 0;
    await eventually(
      `${name} is complete`,
      async () => {
        const { spec, status, metadata } = await kube.apps.readNamespacedDeployment({
          name,
          namespace: NAMESPACE,
        });
        const count = (await kube.podsOf(name)).length;
        return (
          spec?.replicas === wanted &&
          status?.observedGeneration === metadata?.generation &&
          (status?.updatedReplicas ?? 0) === wanted &&
          (status?.availableReplicas ?? 0) === wanted &&
          (status?.replicas ?? 0) === wanted &&
          count === wanted
        );
      },
      SETTLED_MS,
    );
    const version = world.versions.get(name);
    const runs = (await kube.podsOf(name)).map(({ metadata }) => metadata?.annotations?.version);
    t.ok(
      runs.every((each) => each === version),
      `${name} runs its last version in ${wanted} pods`,
    );
    const { items } = await kube.apps.listNamespacedReplicaSet({
      namespace: NAMESPACE,
      labelSelector: `app=${name}`,
    });
    t.equal(
      items.filter(({ spec }) => (spec?.replicas ?? 0) > 0).length,
      wanted === 0 ? 0 : 1,
      'one ReplicaSet has pods',
    );
    const hashes = items.map(({ metadata }) => metadata?.labels?.['pod-template-hash']);
    t.equal(new Set(hashes).size, items.length, 'one ReplicaSet for each template');
  }
}

async function statefulSets(t: Test, kube: Kube, world: World): Promise<void> {
  for (const name of world.statefulSets) {
    const wanted = world.sizes.get(name) ?? 0;
    await eventually(
      `${name} is complete`,
      async () => {
        const { spec, status } = await world.readStatefulSet(name);
        return (
          spec?.replicas === wanted &&
          (status?.readyReplicas ?? 0) === wanted &&
          (status?.updatedReplicas ?? 0) === wanted &&
          status?.currentRevision === status?.updateRevision &&
          (await kube.podsOf(name)).length === wanted
        );
      },
      SETTLED_MS,
    );
    t.same(
      (await kube.podsOf(name)).map(nameOf).sort(),
      Array.from({ length: wanted }, (_, ordinal) => `${name}-${ordinal}`),
      `${name} has its ${wanted} ordinals`,
    );
  }
}

async function jobs(t: Test, kube: Kube, world: World): Promise<void> {
  await eventually(
    'all Jobs have finished',
    async () => (await world.listJobs()).every(isFinished),
    SETTLED_MS,
  );
  const all = await world.listJobs();
  t.ok(all.length > 3, `${all.length} Jobs`);
  // Pods of Jobs stay when they have ended, so that the list tells of every one that was ever made.
  const pods = (await kube.core.listNamespacedPod({ namespace: NAMESPACE })).items;
  for (const job of all) {
    const name = nameOf(job);
    const { completions = 1, backoffLimit = 6, completionMode } = job.spec ?? {};
    const fails = name.startsWith('fails');
    const { succeeded = 0, failed = 0, active = 0, uncountedTerminatedPods } = job.status ?? {};
    const expected = fails
      ? { succeeded: 0, failed: backoffLimit + 1, active: 0 }
      : { succeeded: completions, failed: 0, active: 0 };
    t.same({ succeeded, failed, active }, expected, `${name}: each pod is counted once`);
    t.same(
      [uncountedTerminatedPods?.succeeded ?? [], uncountedTerminatedPods?.failed ?? []],
      [[], []],
      `${name}: none is left to count`,
    );
    const own = pods.filter(
      ({ metadata }) => metadata?.ownerReferences?.[0]?.uid === job.metadata?.uid,
    );
    t.equal(own.length, succeeded + failed, `${name}: no pod more than that was ever made`);
    if (completionMode !== 'Indexed') continue;
    const indexes = own.map(({ metadata }) => Number(metadata?.annotations?.[INDEX]));
    t.same(
      indexes.sort((a, b) => a - b),
      Array.from({ length: completions }, (_, index) => index),
      `${name}: each index ran once`,
    );
  }
}

function isFinished({ status }: V1Job): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status: is }) => ['Complete', 'Failed'].includes(type) && is === 'True',
  );
}

/** What is asked of the cluster, and what was asked last. A call that fails is asked again at the end. */
class World {
  readonly deployments = ['alpha', 'beta'];
  readonly statefulSets = ['ordered', 'parallel'];
  readonly sizes = new Map<string, number>();
  readonly versions = new Map<string, string>();
  readonly done: Record<string, number> = {};
  private readonly batch: BatchV1Api;
  private number = 0;

  constructor(
    private readonly kube: Kube,
    private readonly random: () => number,
  ) {
    this.batch = kube.config.makeApiClient(BatchV1Api);
  }

  async begin(): Promise<void> {
    for (const name of this.deployments) {
      this.versions.set(name, '0');
      this.sizes.set(name, 3);
      await this.kube.apps.createNamespacedDeployment({
        namespace: NAMESPACE,
        body: { metadata: { name }, spec: { ...workload(name, 3, '0') } },
      });
    }
    for (const name of this.statefulSets) {
      this.versions.set(name, '0');
      this.sizes.set(name, 2);
      const body: V1StatefulSet = {
        metadata: { name },
        spec: {
          ...workload(name, 2, '0'),
          serviceName: name,
          podManagementPolicy: name === 'parallel' ? 'Parallel' : 'OrderedReady',
        },
      };
      await this.kube.apps.createNamespacedStatefulSet({ namespace: NAMESPACE, body });
    }
  }

  /** One change of one thing, repeated until the API has acknowledged it. */
  async change(): Promise<void> {
    const number = ++this.number;
    const choice = this.random();
    const names = this.random() < 0.5 ? this.deployments : this.statefulSets;
    const name = names[Math.floor(this.random() * names.length)] ?? 'alpha';
    if (choice < 0.3) return this.createJob(number);
    if (choice < 0.7) {
      const size = Math.floor(this.random() * 6);
      this.sizes.set(name, size);
      await this.insist('scale', () => this.patch(name, { spec: { replicas: size } }));
      return;
    }
    const version = String(number);
    this.versions.set(name, version);
    const template = { metadata: { annotations: { version } } };
    await this.insist('roll out', () => this.patch(name, { spec: { template } }));
  }

  async listJobs(): Promise<V1Job[]> {
    return (await this.batch.listNamespacedJob({ namespace: NAMESPACE })).items;
  }

  async listStatefulSets(): Promise<V1StatefulSet[]> {
    return (await this.kube.apps.listNamespacedStatefulSet({ namespace: NAMESPACE })).items;
  }

  readStatefulSet(name: string): Promise<V1StatefulSet> {
    return this.kube.apps.readNamespacedStatefulSet({ name, namespace: NAMESPACE });
  }

  private async createJob(number: number): Promise<void> {
    const fails = this.random() < 0.25;
    const indexed = this.random() < 0.5;
    const name = `${fails ? 'fails' : indexed ? 'indexed' : 'counted'}-${number}`;
    const spec: V1Job['spec'] = {
      completions: fails ? 1 : 5,
      parallelism: fails ? 1 : 3,
      backoffLimit: fails ? 1 : 6,
      completionMode: indexed && !fails ? 'Indexed' : 'NonIndexed',
      template: {
        spec: {
          restartPolicy: 'Never',
          containers: [
            { name: 'main', image: 'busybox', command: ['sh', '-c', fails ? 'exit 1' : 'sleep 1'] },
          ],
        },
      },
    };
    await this.insist('create a Job', async () => {
      const body = { metadata: { name }, spec };
      await this.batch.createNamespacedJob({ namespace: NAMESPACE, body }).catch((err) => {
        // The answer to the first attempt was lost.
        if (err?.code !== 409) throw err;
      });
    });
  }

  private async patch(name: string, body: object): Promise<void> {
    const { apps } = this.kube;
    const request = { name, namespace: NAMESPACE, body };
    const merge = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch);
    await (this.deployments.includes(name)
      ? apps.patchNamespacedDeployment(request, merge)
      : apps.patchNamespacedStatefulSet(request, merge));
  }

  private async insist(what: string, call: () => Promise<unknown>): Promise<void> {
    await eventually(
      what,
      async () => {
        await call();
        return true;
      },
      30_000,
    );
    this.done[what] = (this.done[what] ?? 0) + 1;
  }
}

function workload(
  name: string,
  replicas: number,
  version: string,
): { replicas: number; selector: object; template: V1PodTemplateSpec } {
  const labels = { app: name };
  return {
    replicas,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels, annotations: { version } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'web', image: 'nginx' }],
      },
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
