/**
 * Pods from creation to a node and on to Running. Twice: an apiserver, a store and a scheduler alone with
 * nodes that nobody runs, as the figures of the real kube-scheduler were taken; and a whole cluster with
 * hollow nodes, where controllers and kubelets do their part on the same processors.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lease, Namespace, Node, Pod, ServiceAccount } from '../../pkg/api/types.js';
import { loadKubeconfig } from '../../pkg/client/config.js';
import { LEASES, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS } from '../../pkg/client/resources.js';
import { RestClient } from '../../pkg/client/rest.js';
import { RealClock } from '../../pkg/component/clock.js';
import { benchScheduler } from '../../scheduler/scheduler.bench.js';
import { eventually } from '../support/eventually.js';
import { run } from '../support/run.js';
import { type Latencies, PROBE_PERIOD_MS, Probe } from './probe.js';
import type { Row, Section } from './report.js';
import { cpuSeconds, Rig } from './rig.js';

const NODE_COUNT = 1000;
const ALONE_PODS = 5000;
const POD_COUNT = 10_000;
const CLIENTS = 64;
const NAMESPACE = 'bench';
/** Ends a run that would not end: more than any machine that can be reasoned about needs. */
const DEADLINE_MS = 300_000;
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
process GETs and PUTs one ConfigMap, every ${PROBE_PERIOD_MS} ms. The whole cluster is at rest when it begins: every node
has its range of addresses and its lease. Memory is VmRSS when the last pod runs; the processor time of each process, which
other programs' load hardly changes, is that from the first creation to the last pod Running. kube-scheduler
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
      ...whole.processes.map(({ name, rssBytes }) =>
        row(`memory with all pods Running: ${name}`, 'MiB', rssBytes / 2 ** 20),
      ),
      ...whole.processes.map(({ name, cpuMs }) =>
        row(`processor time a pod: ${name}`, 'ms', cpuMs / POD_COUNT),
      ),
      row(
        'processor time a pod: all of them',
        'ms',
        whole.processes.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / POD_COUNT,
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
      nodes: NODE_COUNT,
      pods: ALONE_PODS,
      clients: CLIENTS,
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } finally {
    await client.close();
    await rig.stop();
  }
}

interface ProcessFigures {
  readonly name: string;
  readonly rssBytes: number;
  /** While the pods came. */
  readonly cpuMs: number;
}

interface WholeCluster extends Latencies {
  readonly readySeconds: number;
  readonly created: number;
  readonly bound: number;
  readonly running: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly processes: readonly ProcessFigures[];
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
      ...['--nodes=0', `--hollow-nodes=${NODE_COUNT}`],
    );
    const readySeconds = (performance.now() - began) / 1000;
    const kubeconfig = join(dataDir, 'kubeconfig');
    const client = await clientOf(kubeconfig);
    try {
      await atRest(client);
      const before = processesOf(await drydock('ps', '-o', 'json'));
      const pods = await runPods(client, kubeconfig);
      const processes = processesOf(await drydock('ps', '-o', 'json')).map((now) => {
        const then = before.find(({ name }) => name === now.name);
        return { ...now, cpuMs: now.cpuMs - (then?.cpuMs ?? 0) };
      });
      return { readySeconds, ...pods, processes };
    } finally {
      await client.close();
    }
  } finally {
    await drydock('reset');
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** What comes with new nodes is over: it is not what pods cost. */
async function atRest(client: RestClient): Promise<void> {
  await eventually('every node has a range of addresses', async () => {
    const { items } = await client.resource<Node>(NODES).list({ resourceVersion: '0' });
    return items.length === NODE_COUNT && items.every(({ spec }) => spec?.podCIDR !== undefined);
  });
  await eventually('every node has a lease', async () => {
    const namespace = 'kube-node-lease';
    const { items } = await client.resource<Lease>(LEASES).list({ namespace });
    return items.length === NODE_COUNT;
  });
}

/** From `drydock ps -o json`, with the processor time that each has used so far. */
function processesOf(ps: string): ProcessFigures[] {
  const rows = JSON.parse(ps) as { name: string; pid: number | null; rssBytes: number }[];
  return rows.map(({ name, pid, rssBytes }) => {
    return { name, rssBytes, cpuMs: pid === null ? 0 : cpuSeconds(pid) * 1000 };
  });
}

async function runPods(
  client: RestClient,
  kubeconfig: string,
): Promise<Omit<WholeCluster, 'readySeconds' | 'processes'>> {
  const pods = client.resource<Pod>(PODS);
  await client.resource<Namespace>(NAMESPACES).create({ metadata: { name: NAMESPACE } });
  await client
    .resource<ServiceAccount>(SERVICE_ACCOUNTS)
    .create({ metadata: { namespace: NAMESPACE, name: 'bench' } });

  const createdAt = new Map<string, number>();
  const toRunning: number[] = [];
  const bound = new Set<string>();
  const running = new Set<string>();
  let lastBound = 0;
  const stop = new AbortController();
  const { signal } = stop;
  const overdue = setTimeout(() => stop.abort(new Error('the deadline is over')), DEADLINE_MS);
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
      toRunning.push(performance.now() - (createdAt.get(name) ?? Number.NaN));
      if (running.size === POD_COUNT) return;
    }
  })();
  const probe = Probe.start(kubeconfig, NAMESPACE);
  let latencies: Latencies | undefined;
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
    latencies = await probe.stop();
    return {
      created: rate(created),
      bound: rate(lastBound),
      running: rate(ran),
      p50Ms: percentile(toRunning, 0.5),
      p99Ms: percentile(toRunning, 0.99),
      ...latencies,
    };
  } catch (err) {
    throw new Error(`of ${POD_COUNT} pods ${bound.size} were bound and ${running.size} Running`, {
      cause: err,
    });
  } finally {
    clearTimeout(overdue);
    stop.abort();
    if (!latencies) probe.kill();
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
