/**
 * How fast a running cluster schedules: creates Nodes that nobody runs, then pods as fast as a number of
 * clients can, and measures from each creation to the moment a watcher sees the pod on a node. Needs a
 * running apiserver and scheduler; leaves nothing behind.
 */
import type { Namespace, Node, Pod, ServiceAccount } from '../pkg/api/types.js';
import { NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS } from '../pkg/client/resources.js';
import type { RestClient } from '../pkg/client/rest.js';
import type { Clock } from '../pkg/component/clock.js';

export interface SchedulerBenchOptions {
  readonly client: RestClient;
  readonly clock: Clock;
  readonly nodes?: number;
  readonly pods?: number;
  /** Creations under way at a time. */
  readonly clients?: number;
  readonly zones?: number;
  readonly signal?: AbortSignal;
}

export interface SchedulerBenchResult {
  readonly nodes: number;
  readonly pods: number;
  readonly createdPerSecond: number;
  /** From the first creation to the last binding. */
  readonly scheduledPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const SERVICE_ACCOUNT = 'bench';
const RESOURCES = { cpu: '32', memory: '128Gi', pods: '110', 'ephemeral-storage': '200Gi' };

export async function benchScheduler(
  options: SchedulerBenchOptions,
): Promise<SchedulerBenchResult> {
  const { client, clock, nodes = 1000, pods = 5000, clients = 64, zones = 3 } = options;
  const nodeApi = client.resource<Node>(NODES);
  const podApi = client.resource<Pod>(PODS);
  // A name of its own each time: the last one may still be on its way out.
  const namespace = `scheduler-bench-${clock.now().toString(36)}`;
  const names = Array.from({ length: nodes }, (_, i) => `bench-${i}`);
  await client.resource<Namespace>(NAMESPACES).create({ metadata: { name: namespace } });
  // Its own, so that no controller has to be there to make the default one.
  await client
    .resource<ServiceAccount>(SERVICE_ACCOUNTS)
    .create({ metadata: { namespace, name: SERVICE_ACCOUNT } });
  await inParallel(names, clients, async (name, i) => {
    await nodeApi.create(nodeOf(name, `zone-${i % zones}`));
  });

  const stop = new AbortController();
  const created = new Map<string, number>();
  const latencies: number[] = [];
  const allBound = new AbortController();
  const done = new Promise<void>((resolve) => {
    allBound.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const began = clock.monotonic();
  const watching = watchBindings(options, namespace, stop.signal, (name) => {
    const since = created.get(name);
    if (since === undefined) return;
    created.delete(name);
    latencies.push(clock.monotonic() - since);
    if (latencies.length === pods) allBound.abort();
  });
  const podNames = Array.from({ length: pods }, (_, i) => `pod-${i}`);
  await inParallel(podNames, clients, async (name) => {
    created.set(name, clock.monotonic());
    await podApi.create(podOf(namespace, name));
  });
  const createdAfter = clock.monotonic() - began;
  await done;
  const boundAfter = clock.monotonic() - began;
  stop.abort(new Error('bench is over'));
  await watching;

  await inParallel(podNames, clients, async (name) => {
    await podApi.delete(namespace, name, { gracePeriodSeconds: 0 });
  });
  await inParallel(names, clients, async (name) => {
    await nodeApi.delete('', name);
  });
  await client.resource<Namespace>(NAMESPACES).delete('', namespace);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => Math.round(latencies[Math.floor(share * (pods - 1))] ?? 0);
  return {
    nodes,
    pods,
    createdPerSecond: Math.round(pods / (createdAfter / 1000)),
    scheduledPerSecond: Math.round(pods / (boundAfter / 1000)),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

/** From now on: tells the name of each pod that is seen on a node. */
async function watchBindings(
  { client, signal }: SchedulerBenchOptions,
  namespace: string,
  stop: AbortSignal,
  bound: (name: string) => void,
): Promise<void> {
  const either = signal ? AbortSignal.any([stop, signal]) : stop;
  const api = client.resource<Pod>(PODS);
  try {
    // Without a resourceVersion a watch begins with what is there.
    for await (const event of api.watch({ namespace, signal: either })) {
      if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
      if (event.object.spec?.nodeName) bound(event.object.metadata?.name ?? '');
    }
  } catch (err) {
    if (!stop.aborted) throw err;
  }
}

async function inParallel<T>(
  items: readonly T[],
  width: number,
  run: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) await run(items[i] as T, i);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

function nodeOf(name: string, zone: string): Node {
  return {
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone },
    },
    spec: {},
    status: {
      capacity: RESOURCES,
      allocatable: RESOURCES,
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    },
  };
}

function podOf(namespace: string, name: string): Pod {
  return {
    metadata: { namespace, name, labels: { app: 'bench' } },
    spec: {
      serviceAccountName: SERVICE_ACCOUNT,
      automountServiceAccountToken: false,
      // The nodes have no kubelet, so they are tainted as not ready.
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: 'main',
          image: 'registry.k8s.io/pause:3.10',
          resources: { requests: { cpu: '100m', memory: '200Mi' } },
        },
      ],
    },
  };
}
