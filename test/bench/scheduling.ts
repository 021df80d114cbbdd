/**
 * Pods from creation to a node and on to Running. Twice: an apiserver, a store and a scheduler alone with
 * nodes that nobody runs, as the figures of the real kube-scheduler were taken; and a whole cluster with
 * hollow nodes, where controllers and kubelets do their part on the same processors.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Namespace, Pod, ServiceAccount } from '../../pkg/api/types.js';
import { loadKubeconfig } from '../../pkg/client/config.js';
import { NAMESPACES, PODS, SERVICE_ACCOUNTS } from '../../pkg/client/resources.js';
import { RestClient } from '../../pkg/client/rest.js';
import { RealClock } from '../../pkg/component/clock.js';
import { benchScheduler } from '../../scheduler/scheduler.bench.js';
import { run } from '../support/run.js';
import type { Row, Section } from './report.js';
import { Rig } from './rig.js';

const NODES = 1000;
const POD_COUNT = 5000;
const CLIENTS = 64;
const NAMESPACE = 'bench';
/** Ends a run that would not end: more than any machine that can be reasoned about needs. */
const DEADLINE_MS = 100_000;
const UP_TIMEOUT_MS = 60_000;

export async function benchScheduling(say: (text: string) => void): Promise<Section> {
  say('scheduling: 5,000 pods, scheduler alone …');
  const alone = await schedulerAlone();
  say('scheduling: 5,000 pods on 1,000 hollow nodes …');
  const whole = await wholeCluster();
  const row = (what: string, unit: string, drydock: number, aim?: Row['aim']): Row => ({
    what,
    unit,
    drydock,
    ...(aim ? { aim } : {}),
  });
  const higher = (value: number) => ({ value, better: 'higher' }) as const;
  return {
    part: 'scheduling',
    title: 'Scheduling',
    method: `5,000 pods are created by ${CLIENTS} clients while 1,000 nodes are there: first with nothing but store,
apiserver and scheduler, then in a whole cluster whose hollow nodes run the pods. Rates are from the first creation to
the last pod bound or Running; latencies from a pod's creation to its being seen so by a watcher. kube-scheduler 1.20.2
with its apiserver and etcd bound 88 pods/s on two such cores; the aim is five times that.`,
    rows: [
      row('scheduler alone: created', 'pods/s', alone.createdPerSecond),
      row('scheduler alone: bound', 'pods/s', alone.scheduledPerSecond, higher(440)),
      row('scheduler alone: created to bound, p50', 'ms', alone.p50Ms),
      row('scheduler alone: created to bound, p99', 'ms', alone.p99Ms),
      row('whole cluster: 1,000 hollow nodes Ready after', 's', whole.readySeconds),
      row('whole cluster: created', 'pods/s', whole.created),
      row('whole cluster: bound', 'pods/s', whole.bound),
      row('whole cluster: Running', 'pods/s', whole.running),
      row('whole cluster: created to Running, p50', 'ms', whole.p50Ms),
      row('whole cluster: created to Running, p99', 'ms', whole.p99Ms),
    ],
  };
}

async function schedulerAlone() {
  const rig = await Rig.start({ store: 'drydock', apiserver: 'drydock', scheduler: true });
  const client = await clientOf(rig.kubeconfig);
  try {
    return await benchScheduler({
      client,
      clock: client.clock,
      nodes: NODES,
      pods: POD_COUNT,
      clients: CLIENTS,
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } finally {
    await client.close();
    await rig.stop();
  }
}

interface WholeCluster {
  readonly readySeconds: number;
  readonly created: number;
  readonly bound: number;
  readonly running: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function wholeCluster(): Promise<WholeCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), 'drydock-bench-'));
  const drydock = async (...args: string[]) => {
    const { code, stderr } = await run(
      process.execPath,
      ['dist/bin/drydock.js', ...args, '--data-dir', dataDir],
      { timeoutMs: UP_TIMEOUT_MS },
    );
    if (code !== 0) throw new Error(`drydock ${args[0]}: ${stderr}`);
  };
  try {
    const began = performance.now();
    await drydock(
      ...['up', '--detach', '--secure-port=0', '--timing=upstream'],
      ...['--nodes=0', `--hollow-nodes=${NODES}`],
    );
    const readySeconds = (performance.now() - began) / 1000;
    const client = await clientOf(join(dataDir, 'kubeconfig'));
    try {
      return { readySeconds, ...(await runPods(client)) };
    } finally {
      await client.close();
    }
  } finally {
    await drydock('reset');
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function runPods(client: RestClient): Promise<Omit<WholeCluster, 'readySeconds'>> {
  const pods = client.resource<Pod>(PODS);
  await client.resource<Namespace>(NAMESPACES).create({ metadata: { name: NAMESPACE } });
  await client
    .resource<ServiceAccount>(SERVICE_ACCOUNTS)
    .create({ metadata: { namespace: NAMESPACE, name: 'bench' } });

  const createdAt = new Map<string, number>();
  const latencies: number[] = [];
  const bound = new Set<string>();
  const running = new Set<string>();
  let lastBound = 0;
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(DEADLINE_MS)]);
  const watching = (async () => {
    for await (const event of pods.watch({ namespace: NAMESPACE, signal })) {
      if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
      const { metadata, spec, status } = event.object;
      const name = metadata?.name ?? '';
      if (spec?.nodeName && !bound.has(name)) {
        bound.add(name);
        lastBound = performance.now();
      }
      if (status?.phase !== 'Running' || running.has(name)) continue;
      running.add(name);
      latencies.push(performance.now() - (createdAt.get(name) ?? Number.NaN));
      if (running.size === POD_COUNT) return;
    }
  })();
  const began = performance.now();
  let next = 0;
  const creator = async () => {
    while (next < POD_COUNT) {
      const name = `pod-${next++}`;
      createdAt.set(name, performance.now());
      await pods.create(podOf(name));
    }
  };
  try {
    await Promise.all(Array.from({ length: CLIENTS }, creator));
    const created = performance.now();
    await watching;
    const rate = (until: number) => POD_COUNT / ((until - began) / 1000);
    latencies.sort((a, b) => a - b);
    const at = (share: number) => latencies[Math.floor(share * (POD_COUNT - 1))] ?? Number.NaN;
    return {
      created: rate(created),
      bound: rate(lastBound),
      running: rate(performance.now()),
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    };
  } catch (err) {
    throw new Error(`of ${POD_COUNT} pods ${bound.size} were bound and ${running.size} Running`, {
      cause: err,
    });
  } finally {
    stop.abort();
  }
}

async function clientOf(kubeconfig: string): Promise<RestClient> {
  const config = await loadKubeconfig(kubeconfig);
  const clock = new RealClock();
  return new RestClient({ config, userAgent: 'bench', clock, maxConnections: CLIENTS });
}

function podOf(name: string): Pod {
  const resources = { requests: { cpu: '100m', memory: '200Mi' } };
  return {
    metadata: { namespace: NAMESPACE, name, labels: { app: 'bench' } },
    spec: {
      serviceAccountName: 'bench',
      automountServiceAccountToken: false,
      containers: [{ name: 'main', image: 'registry.k8s.io/pause:3.10', resources }],
    },
  };
}
