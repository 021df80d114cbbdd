/**
 * Pods from creation to a node and on to Running. Twice: an apiserver, a store and a scheduler alone with
 * nodes that nobody runs, as the figures of the real kube-scheduler were taken; and a whole cluster with
 * hollow nodes, where controllers and kubelets do their part on the same processors.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigMap, Namespace, Pod, ServiceAccount } from '../../pkg/api/types.js';
import { loadKubeconfig } from '../../pkg/client/config.js';
import { CONFIG_MAPS, NAMESPACES, PODS, SERVICE_ACCOUNTS } from '../../pkg/client/resources.js';
import { RestClient } from '../../pkg/client/rest.js';
import { RealClock } from '../../pkg/component/clock.js';
import { benchScheduler } from '../../scheduler/scheduler.bench.js';
import { run } from '../support/run.js';
import type { Row, Section } from './report.js';
import { Rig } from './rig.js';

const NODES = 1000;
const ALONE_PODS = 5000;
const POD_COUNT = 10_000;
const CLIENTS = 64;
/** Between two requests of the client that measures what a person would feel meanwhile. */
const PROBE_PERIOD_MS = 20;
const NAMESPACE = 'bench';
/** Ends a run that would not end: more than any machine that can be reasoned about needs. */
const DEADLINE_MS = 100_000;
const UP_TIMEOUT_MS = 60_000;

export async function benchScheduling(say: (text: string) => void): Promise<Section> {
  say('scheduling: 5,000 pods, scheduler alone …');
  const alone = await schedulerAlone();
  say('scheduling: 10,000 pods on 1,000 hollow nodes …');
  const whole = await wholeCluster();
  const row = (what: string, unit: string, drydock: number, aim?: Row['aim']): Row => ({
    what,
    unit,
    drydock,
    ...(aim ? { aim } : {}),
  });
  const higher = (value: number) => ({ value, better: 'higher' }) as const;
  const lower = (value: number) => ({ value, better: 'lower' }) as const;
  return {
    part: 'scheduling',
    title: 'Scheduling',
    method: `Pods are created by ${CLIENTS} clients while 1,000 nodes are there: first 5,000 with nothing but store,
apiserver and scheduler, then 10,000 in a whole cluster whose hollow nodes run the pods. Rates are from the first creation
to the last pod bound or Running; latencies from a pod's creation to its being seen so by a watcher. All the while another
client GETs and PUTs one ConfigMap, every ${PROBE_PERIOD_MS} ms. Memory is VmRSS when the last pod runs. kube-scheduler
1.20.2 with its apiserver and etcd bound 88 pods/s on two such cores; the aim of the scheduler alone is five times that.`,
    rows: [
      row('scheduler alone: created', 'pods/s', alone.createdPerSecond),
      row('scheduler alone: bound', 'pods/s', alone.scheduledPerSecond, higher(440)),
      row('scheduler alone: created to bound, p50', 'ms', alone.p50Ms),
      row('scheduler alone: created to bound, p99', 'ms', alone.p99Ms),
      row('whole cluster: 1,000 hollow nodes Ready after', 's', whole.readySeconds),
      row('whole cluster: created', 'pods/s', whole.created),
      row('whole cluster: bound', 'pods/s', whole.bound, higher(500)),
      row('whole cluster: Running', 'pods/s', whole.running),
      row('whole cluster: created to Running, p50', 'ms', whole.p50Ms),
      row('whole cluster: created to Running, p99', 'ms', whole.p99Ms),
      row('GET of one object meanwhile, p50', 'ms', percentile(whole.getMs, 0.5)),
      row('GET of one object meanwhile, p99', 'ms', percentile(whole.getMs, 0.99), lower(100)),
      row('PUT of one object meanwhile, p50', 'ms', percentile(whole.putMs, 0.5)),
      row('PUT of one object meanwhile, p99', 'ms', percentile(whole.putMs, 0.99), lower(100)),
      ...Object.entries(whole.residentBytes).map(([name, bytes]) =>
        row(`memory with all pods Running: ${name}`, 'MiB', bytes / 2 ** 20),
      ),
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
      pods: ALONE_PODS,
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
  /** Of one object, while the pods come. */
  readonly getMs: readonly number[];
  readonly putMs: readonly number[];
  /** By process, when the last pod runs. */
  readonly residentBytes: Readonly<Record<string, number>>;
}

async function wholeCluster(): Promise<WholeCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), 'drydock-bench-'));
  const drydock = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(
      process.execPath,
      ['dist/bin/drydock.js', ...args, '--data-dir', dataDir],
      { timeoutMs: UP_TIMEOUT_MS },
    );
    if (code !== 0) throw new Error(`drydock ${args[0]}: ${stderr}`);
    return stdout;
  };
  try {
    const began = performance.now();
    await drydock(
      ...['up', '--detach', '--secure-port=0', '--timing=upstream'],
      ...['--nodes=0', `--hollow-nodes=${NODES}`],
    );
    const readySeconds = (performance.now() - began) / 1000;
    const client = await clientOf(join(dataDir, 'kubeconfig'));
    const prober = await clientOf(join(dataDir, 'kubeconfig'));
    try {
      // A connection of its own, so that it waits for the server alone.
      const pods = await runPods(client, prober);
      return {
        readySeconds,
        ...pods,
        residentBytes: residentOf(await drydock('ps', '-o', 'json')),
      };
    } finally {
      await client.close();
      await prober.close();
    }
  } finally {
    await drydock('reset');
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** From `drydock ps -o json`. */
function residentOf(ps: string): Record<string, number> {
  const rows = JSON.parse(ps) as { name: string; rssBytes: number }[];
  return Object.fromEntries(rows.map(({ name, rssBytes }) => [name, rssBytes]));
}

async function runPods(
  client: RestClient,
  prober: RestClient,
): Promise<Omit<WholeCluster, 'readySeconds' | 'residentBytes'>> {
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
  const probe = new Probe(prober);
  const probing = probe.run(signal);
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
    const ran = performance.now();
    stop.abort();
    await probing;
    return {
      created: rate(created),
      bound: rate(lastBound),
      running: rate(ran),
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      getMs: probe.getMs,
      putMs: probe.putMs,
    };
  } catch (err) {
    throw new Error(`of ${POD_COUNT} pods ${bound.size} were bound and ${running.size} Running`, {
      cause: err,
    });
  } finally {
    stop.abort();
  }
}

/** Reads and writes one object over and over, as somebody would who works on the cluster meanwhile. */
class Probe {
  readonly getMs: number[] = [];
  readonly putMs: number[] = [];

  constructor(private readonly client: RestClient) {}

  async run(signal: AbortSignal): Promise<void> {
    const api = this.client.resource<ConfigMap>(CONFIG_MAPS);
    let object = await api.create({ metadata: { namespace: NAMESPACE, name: 'probe' } });
    const timed = async <T>(into: number[], call: () => Promise<T>): Promise<T> => {
      const began = performance.now();
      const result = await call();
      into.push(performance.now() - began);
      return result;
    };
    for (let turn = 0; !signal.aborted; turn++) {
      object = await timed(this.getMs, () => api.get(NAMESPACE, 'probe'));
      object.data = { turn: String(turn) };
      await timed(this.putMs, () => api.update(object));
      await new Promise((resolve) => setTimeout(resolve, PROBE_PERIOD_MS));
    }
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
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
