/**
 * Nodes, and a scheduler, worked by hand for tests of the controllers: pods are bound to nodes in turn, run
 * and are Ready at once (unless `runs` says no), and end as soon as they are deleted. A pod whose affinity names its
 * node is bound to that. A node can fall silent. One that only was too slow to renew its lease, and so was
 * taken for lost, says that it is well, as are its pods.
 */

import { RequiredNodeAffinity } from '../../pkg/api/scheduling/node-affinity.js';
import type { Lease, Node, Pod, PodStatus } from '../../pkg/api/types.js';
import {
  formatMicroTime,
  formatTime,
  type KubeObject,
  keyOf,
  splitKey,
} from '../../pkg/apimachinery/meta.js';
import { isAlreadyExists, isConflict, isNotFound } from '../../pkg/client/errors.js';
import { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import { LEASES, NODES, PODS } from '../../pkg/client/resources.js';
import type { RestClient } from '../../pkg/client/rest.js';
import { runWorkers } from '../../pkg/client/workers.js';
import { isPodReady } from '../pods.js';

const RENEW_MS = 100;

export class HandNodes {
  private readonly silent = new Set<string>();
  private readonly queue = new RateLimitingQueue();
  private readonly pods: Informer<Pod>;
  private readonly nodes: Informer<Node>;
  private readonly stopping = new AbortController();
  private running: Promise<unknown> | undefined;
  private turn = 0;
  private address = 0;
  /** Whether a pod becomes Ready. */
  runs: (pod: Pod) => boolean = () => true;
  /** Whether a pod that runs comes to its end, and how. */
  ends: (pod: Pod) => 'Succeeded' | 'Failed' | undefined = () => undefined;
  /** What the containers of a pod that fails end with. */
  exitCode: (pod: Pod) => number = () => 1;

  private constructor(
    private readonly client: RestClient,
    readonly names: string[],
  ) {
    this.pods = new Informer<Pod>({ client: client.resource<Pod>(PODS) });
    this.nodes = new Informer<Node>({ client: client.resource<Node>(NODES) });
    const enqueue = (pod: Pod) => this.queue.add(keyOf(pod));
    this.pods.addHandler({ add: enqueue, update: (_, pod) => enqueue(pod) });
  }

  static async start(client: RestClient, names: readonly string[]): Promise<HandNodes> {
    const nodes = new HandNodes(client, [...names]);
    for (const name of names) await nodes.register(name);
    const { signal } = nodes.stopping;
    nodes.running = Promise.all([
      nodes.pods.run(signal),
      nodes.nodes.run(signal),
      nodes.renew(signal),
      runWorkers({
        queue: nodes.queue,
        concurrency: 4,
        sync: (key) => nodes.sync(key),
        onError: () => true,
        signal,
      }),
    ]);
    return nodes;
  }

  /** A node more. */
  async add(name: string): Promise<void> {
    await this.register(name);
    this.names.push(name);
  }

  silence(name: string): void {
    this.silent.add(name);
  }

  /** It reports again, and ends the pods that were deleted meanwhile. */
  async wake(name: string): Promise<void> {
    this.silent.delete(name);
    await this.recover(name);
    for (const pod of this.pods.store.values()) this.queue.add(keyOf(pod));
  }

  /** Looks at all pods again, after `runs` has changed. */
  again(): void {
    for (const pod of this.pods.store.values()) this.queue.add(keyOf(pod));
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('the test is over'));
    await this.running;
  }

  private async register(name: string): Promise<void> {
    const node: Node = { metadata: { name, labels: { 'kubernetes.io/hostname': name } } };
    await this.client.resource<Node>(NODES).create(node);
    await this.report(name);
    const lease: Lease = {
      metadata: { namespace: 'kube-node-lease', name },
      spec: { holderIdentity: name, renewTime: formatMicroTime(new Date()) },
    };
    try {
      await this.client.resource<Lease>(LEASES).create(lease);
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
    }
  }

  private async report(name: string): Promise<void> {
    const now = formatTime(new Date());
    const conditions = [
      {
        type: 'Ready',
        status: 'True',
        reason: 'KubeletReady',
        lastHeartbeatTime: now,
        lastTransitionTime: now,
      },
    ];
    await this.client
      .resource<Node>(NODES)
      .patch('', name, 'strategic', { status: { conditions } }, { subresource: 'status' });
  }

  private async renew(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const awake = this.names.filter((name) => !this.silent.has(name));
      await Promise.all(
        awake.map(async (name) => {
          const spec = { renewTime: formatMicroTime(new Date()) };
          await this.client.resource(LEASES).patch('kube-node-lease', name, 'merge', { spec });
          const { conditions = [] } = this.nodes.store.get(name)?.status ?? {};
          const isLost = conditions.some((c) => c.type === 'Ready' && c.status !== 'True');
          if (isLost && !this.silent.has(name)) await this.recover(name);
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, RENEW_MS));
    }
  }

  /** The node is Ready, and so are the pods on it that were while nobody heard of it. */
  private async recover(name: string): Promise<void> {
    await this.report(name);
    const lost = [...this.pods.store.values()].filter(
      (pod) =>
        pod.spec?.nodeName === name &&
        pod.metadata?.deletionTimestamp === undefined &&
        pod.status?.phase === 'Running' &&
        !isPodReady(pod) &&
        this.runs(pod),
    );
    const { conditions } = readyNow();
    for (const { metadata } of lost) {
      await this.client
        .resource<Pod>(PODS)
        .patch(
          metadata?.namespace ?? '',
          metadata?.name ?? '',
          'strategic',
          { status: { conditions } },
          { subresource: 'status' },
        )
        .catch((err: unknown) => {
          if (!isNotFound(err)) throw err;
        });
    }
  }

  private async sync(key: string): Promise<void> {
    const pod = this.pods.store.get(key);
    if (!pod) return;
    const { namespace, name } = splitKey(key);
    const pods = this.client.resource<Pod>(PODS);
    try {
      if (!pod.spec?.nodeName) {
        if (pod.metadata?.deletionTimestamp !== undefined) return;
        const up = this.names.filter((n) => !this.silent.has(n));
        const [named] = new RequiredNodeAffinity(pod).nodeNames() ?? [];
        const node = named ?? up[this.turn++ % up.length];
        if (node === undefined) return;
        const target = { apiVersion: 'v1', kind: 'Node', name: node };
        const binding: KubeObject & { target: typeof target } = {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { namespace, name },
          target,
        };
        await pods.createSubresource(namespace, name, 'binding', binding);
        return;
      }
      if (this.silent.has(pod.spec.nodeName)) return;
      const end = pod.status?.phase === 'Running' ? this.ends(pod) : undefined;
      if (pod.metadata?.deletionTimestamp !== undefined) {
        await pods.delete(namespace, name, { gracePeriodSeconds: 0 });
      } else if (end) {
        const lastTransitionTime = formatTime(new Date());
        const conditions = [
          { type: 'Ready', status: 'False', reason: 'PodCompleted', lastTransitionTime },
        ];
        const exitCode = end === 'Failed' ? this.exitCode(pod) : 0;
        const state = { terminated: { exitCode, finishedAt: lastTransitionTime } };
        const containerStatuses = pod.spec.containers.map(({ name: container, image = '' }) => ({
          name: container,
          image,
          imageID: '',
          ready: false,
          restartCount: 0,
          state,
        }));
        await pods.patch(
          namespace,
          name,
          'strategic',
          { status: { phase: end, conditions, containerStatuses } },
          { subresource: 'status' },
        );
      } else if (pod.status?.phase === 'Pending' && this.runs(pod)) {
        await pods.patch(
          namespace,
          name,
          'strategic',
          { status: this.runningStatus() },
          { subresource: 'status' },
        );
      }
    } catch (err) {
      if (!isNotFound(err) && !isConflict(err)) throw err;
    }
  }

  private runningStatus(): Pod['status'] {
    const podIP = `10.244.${this.address >> 8}.${this.address++ & 255}`;
    return {
      phase: 'Running',
      podIP,
      podIPs: [{ ip: podIP }],
      ...readyNow(),
    };
  }
}

function readyNow(): Pick<PodStatus, 'conditions'> {
  const now = formatTime(new Date());
  return {
    conditions: [
      { type: 'Ready', status: 'True', lastTransitionTime: now },
      { type: 'ContainersReady', status: 'True', lastTransitionTime: now },
    ],
  };
}
