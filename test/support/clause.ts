/**
 * A clause is one promise of Kubernetes' conformance list, held to the cluster by its own name. `hold` gives
 * each a namespace of its own and tries several at once, as independent users would.
 */
import {
  CoreV1Api,
  type KubernetesObject,
  type V1ConfigMap,
  type V1ControllerRevision,
  type V1CronJob,
  type V1DaemonSet,
  type V1Deployment,
  type V1Job,
  type V1Namespace,
  type V1Node,
  type V1Pod,
  type V1PodDisruptionBudget,
  type V1PodSpec,
  type V1ReplicaSet,
  type V1ReplicationController,
  type V1ResourceQuota,
  type V1ServiceAccount,
  type V1StatefulSet,
} from '@kubernetes/client-node';
import type { Test } from 'tap';
import type { Cluster } from './cluster.js';
import { eventually } from './eventually.js';
import { isReady, Kube, statusOf } from './kube.js';
import { Objects, type Recording, type Resource } from './objects.js';

export interface Clause {
  readonly title: string;
  readonly run: (world: World) => Promise<void>;
}

const AT_ONCE = 8;
const UNTIL_MS = 60_000;

/** What a clause works with: a namespace, every resource of it, and the test that it asserts by. */
export class World {
  constructor(
    readonly t: Test,
    readonly objects: Objects,
    readonly namespace: string,
    readonly cluster: Cluster,
  ) {}

  at<T extends KubernetesObject>(apiVersion: string, plural: string): Resource<T> {
    return this.objects.at<T>(apiVersion, plural, this.namespace);
  }

  get nodes(): Resource<V1Node> {
    return this.all('v1', 'nodes');
  }

  /** Those that run pods: others beside us make Nodes that nobody stands behind. */
  async liveNodes(): Promise<V1Node[]> {
    return (await this.nodes.list()).filter(({ status }) =>
      status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
    );
  }
  get namespaces(): Resource<V1Namespace> {
    return this.all('v1', 'namespaces');
  }
  get pods(): Resource<V1Pod> {
    return this.at('v1', 'pods');
  }
  get configMaps(): Resource<V1ConfigMap> {
    return this.at('v1', 'configmaps');
  }
  get replicationControllers(): Resource<V1ReplicationController> {
    return this.at('v1', 'replicationcontrollers');
  }
  get quotas(): Resource<V1ResourceQuota> {
    return this.at('v1', 'resourcequotas');
  }
  get serviceAccounts(): Resource<V1ServiceAccount> {
    return this.at('v1', 'serviceaccounts');
  }
  get deployments(): Resource<V1Deployment> {
    return this.at('apps/v1', 'deployments');
  }
  get replicaSets(): Resource<V1ReplicaSet> {
    return this.at('apps/v1', 'replicasets');
  }
  get statefulSets(): Resource<V1StatefulSet> {
    return this.at('apps/v1', 'statefulsets');
  }
  get daemonSets(): Resource<V1DaemonSet> {
    return this.at('apps/v1', 'daemonsets');
  }
  get revisions(): Resource<V1ControllerRevision> {
    return this.at('apps/v1', 'controllerrevisions');
  }
  get jobs(): Resource<V1Job> {
    return this.at('batch/v1', 'jobs');
  }
  get cronJobs(): Resource<V1CronJob> {
    return this.at('batch/v1', 'cronjobs');
  }
  get budgets(): Resource<V1PodDisruptionBudget> {
    return this.at('policy/v1', 'poddisruptionbudgets');
  }

  /** Waits until `probe` comes to something. */
  until<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
    return eventually(what, probe, UNTIL_MS);
  }

  /** Resolves to those pods once exactly so many that are not leaving are there and Ready. */
  ready(count: number, labelSelector?: string): Promise<V1Pod[]> {
    return this.until(`${count} pods are Ready`, async () => {
      const pods = (await this.pods.list(labelSelector)).filter(isStaying);
      return pods.length === count && pods.every(isReady) && pods;
    });
  }

  gone<T extends KubernetesObject>(resource: Resource<T>, name: string): Promise<boolean> {
    return this.until(`${resource.plural} ${name} is gone`, async () => {
      return (await resource.find(name)) === undefined;
    });
  }

  /** Reads and replaces again for as long as somebody else is quicker. */
  async change<T extends KubernetesObject>(
    resource: Resource<T>,
    name: string,
    edit: (object: T) => void,
    subresource?: string,
  ): Promise<T> {
    for (;;) {
      const object = await resource.get(name, subresource);
      edit(object);
      try {
        return await resource.replace(object, subresource);
      } catch (err) {
        if (statusOf(err).reason !== 'Conflict') throw err;
      }
    }
  }

  /** What a container of the pod has printed; without a name, its only one. */
  logs(pod: string, container?: string): Promise<string> {
    const { namespace } = this;
    return this.objects.config
      .makeApiClient(CoreV1Api)
      .readNamespacedPodLog({ name: pod, namespace, ...(container ? { container } : {}) });
  }

  /** A watch of the resource that ends with the clause. */
  async record<T extends KubernetesObject>(
    resource: Resource<T>,
    labelSelector?: string,
  ): Promise<Recording<T>> {
    const recording = await resource.record({ labelSelector });
    this.t.teardown(() => recording.stop());
    return recording;
  }

  /** Across namespaces, or of none. */
  all<T extends KubernetesObject>(apiVersion: string, plural: string): Resource<T> {
    return this.objects.at<T>(apiVersion, plural);
  }
}

/** Tries all clauses on the cluster; each is a subtest under its own title. */
export async function hold(
  t: Test,
  cluster: Cluster,
  clauses: readonly Clause[],
  atOnce = AT_ONCE,
): Promise<void> {
  const objects = new Objects(new Kube(cluster).config);
  t.jobs = atOnce;
  await Promise.all(
    clauses.map(({ title, run }, i) =>
      t.test(title, { buffered: atOnce > 1 }, async (t) => {
        const world = new World(t, objects, `clause-${i}`, cluster);
        const name = world.namespace;
        await world.namespaces.create({ metadata: { name } });
        await world.until('its service account', () => world.serviceAccounts.find('default'));
        try {
          await run(world);
        } finally {
          await world.namespaces.delete(name);
        }
      }),
    ),
  );
}

/** A pod's spec with one container that runs until it is stopped, at once. */
export function podSpec(more: Partial<V1PodSpec> = {}): V1PodSpec {
  return {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image: 'nginx:1' }],
    ...more,
  };
}

export function podTemplate(app: string, spec: Partial<V1PodSpec> = {}) {
  return { metadata: { labels: { app } }, spec: podSpec(spec) };
}

export function isStaying({ metadata }: KubernetesObject): boolean {
  return metadata?.deletionTimestamp === undefined;
}

/** The controller's name among an object's owners. */
export function controllerOf({ metadata }: KubernetesObject): string | undefined {
  return metadata?.ownerReferences?.find(({ controller }) => controller)?.name;
}

export function has(
  object: { status?: { conditions?: { type: string; status: string; reason?: string }[] } },
  type: string,
  status = 'True',
): boolean {
  return conditionOf(object, type)?.status === status;
}

export function conditionOf(
  object: { status?: { conditions?: { type: string; status: string; reason?: string }[] } },
  type: string,
): { type: string; status: string; reason?: string } | undefined {
  return object.status?.conditions?.find((each) => each.type === type);
}
