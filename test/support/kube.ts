/**
 * The official JavaScript client as the cluster's admin, and the questions that tests ask with it again and
 * again: what runs where, which nodes are Ready, where a Service's traffic would go.
 */
import {
  ApiException,
  AppsV1Api,
  CoordinationV1Api,
  CoreV1Api,
  DiscoveryV1Api,
  KubeConfig,
  type V1Deployment,
  type V1Node,
  type V1Pod,
} from '@kubernetes/client-node';
import type { Cluster } from './cluster.js';
import { eventually } from './eventually.js';

export const NAMESPACE = 'default';

export class Kube {
  readonly config = new KubeConfig();
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly discovery: DiscoveryV1Api;
  readonly coordination: CoordinationV1Api;

  constructor(cluster: Cluster) {
    this.config.loadFromFile(cluster.kubeconfig);
    this.core = this.config.makeApiClient(CoreV1Api);
    this.apps = this.config.makeApiClient(AppsV1Api);
    this.discovery = this.config.makeApiClient(DiscoveryV1Api);
    this.coordination = this.config.makeApiClient(CoordinationV1Api);
  }

  async createDeployment(name: string, replicas: number): Promise<void> {
    await this.apps.createNamespacedDeployment({
      namespace: NAMESPACE,
      body: deployment(name, replicas),
    });
  }

  async createConfigMap(name: string, data: Record<string, string> = {}): Promise<void> {
    await this.core.createNamespacedConfigMap({
      namespace: NAMESPACE,
      body: { metadata: { name }, data },
    });
  }

  /** A Deployment's size, by the scale subresource as `kubectl scale` does it. */
  async scale(name: string, replicas: number): Promise<void> {
    await this.apps.replaceNamespacedDeploymentScale({
      name,
      namespace: NAMESPACE,
      body: { metadata: { name, namespace: NAMESPACE }, spec: { replicas } },
    });
  }

  async deleteDeployment(name: string): Promise<void> {
    await this.apps.deleteNamespacedDeployment({ name, namespace: NAMESPACE });
    await eventually(`the pods of ${name} are gone`, async () => {
      return (await this.podsOf(name)).length === 0;
    });
  }

  /** A Service on port 80 over the pods of the Deployment of that name. */
  async expose(name: string): Promise<void> {
    await this.core.createNamespacedService({
      namespace: NAMESPACE,
      body: { metadata: { name }, spec: { selector: { app: name }, ports: [{ port: 80 }] } },
    });
  }

  /** Those that are being deleted, too. */
  async podsOf(app: string): Promise<V1Pod[]> {
    const labelSelector = `app=${app}`;
    return (await this.core.listNamespacedPod({ namespace: NAMESPACE, labelSelector })).items;
  }

  /** Resolves to the pods once exactly so many are there and all of them are Ready; none of them leaving. */
  whenReady(app: string, count: number, timeoutMs = 60_000): Promise<V1Pod[]> {
    return eventually(
      `${count} pods of ${app} are Ready`,
      async () => {
        const pods = (await this.podsOf(app)).filter((pod) => !isLeaving(pod));
        return pods.length === count && pods.every(isReady) ? pods : undefined;
      },
      timeoutMs,
    );
  }

  /** Addresses that traffic for the Service would go to, of all its slices, sorted. */
  async readyAddresses(service: string): Promise<string[]> {
    const { items } = await this.discovery.listNamespacedEndpointSlice({
      namespace: NAMESPACE,
      labelSelector: `kubernetes.io/service-name=${service}`,
    });
    return items
      .flatMap((slice) => slice.endpoints)
      .filter((endpoint) => endpoint.conditions?.ready === true)
      .flatMap((endpoint) => endpoint.addresses)
      .sort();
  }

  async readyNodes(): Promise<string[]> {
    const { items } = await this.core.listNode();
    return items.filter((node) => readyStatus(node) === 'True').map(nameOf);
  }

  /** Who holds the lease of a component: the leader among several. */
  async leader(component: 'scheduler' | 'controller-manager'): Promise<string | undefined> {
    const lease = await this.coordination.readNamespacedLease({
      name: `kube-${component}`,
      namespace: 'kube-system',
    });
    return lease.spec?.holderIdentity || undefined;
  }
}

export function deployment(name: string, replicas: number): V1Deployment {
  return {
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: 'web', image: 'nginx', ports: [{ containerPort: 80 }] }],
        },
      },
    },
  };
}

/** True, False or Unknown. */
export function readyStatus(of: V1Node | V1Pod): string | undefined {
  return of.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}

export function isReady(pod: V1Pod): boolean {
  return readyStatus(pod) === 'True';
}

export function isLeaving(pod: V1Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}

export function nameOf(object: { metadata?: { name?: string } }): string {
  const name = object.metadata?.name;
  if (name === undefined) throw new Error('an object without a name');
  return name;
}

/** What stays the same of a pod that nothing has happened to: itself, its place, its containers' starts. */
export function identityOf(pod: V1Pod): string {
  const containers = (pod.status?.containerStatuses ?? []).map(
    ({ name, containerID, restartCount }) => `${name} ${containerID} ${restartCount}`,
  );
  return [pod.metadata?.uid, pod.spec?.nodeName, pod.status?.podIP, ...containers].join(' ');
}

export interface StatusError {
  code?: number;
  reason?: string;
  message: string;
}

/** What a call failed with: the server's Status, or, without an answer, the connection's words. */
export function statusOf(err: unknown): StatusError {
  if (err instanceof ApiException) {
    const body: unknown = err.body;
    const status = typeof body === 'string' ? JSON.parse(body) : body;
    return { code: err.code, reason: status?.reason, message: String(status?.message) };
  }
  return { message: err instanceof Error ? err.message : String(err) };
}

/** The Status that a call is answered with; throws where it succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<StatusError> {
  try {
    await call;
  } catch (err) {
    return statusOf(err);
  }
  throw new Error('it succeeded');
}
