/**
 * `/metrics` (what runs here, and this process) and `/metrics/resource` (usage by container), as Prometheus
 * text. Counted when asked, so that nothing is kept for it.
 */
import type { NodeAgent } from '../node/node-agent.js';
import { nodeUsage } from './node-usage.js';
import type { SummaryTimes } from './stats-summary.js';

export async function metricsText(
  agents: readonly NodeAgent[],
  part: string | undefined,
  times: SummaryTimes,
): Promise<string> {
  return part === 'resource' ? resourceMetrics(agents, times) : kubeletMetrics(agents);
}

async function kubeletMetrics(agents: readonly NodeAgent[]): Promise<string> {
  const states = new Map<string, number>([
    ['created', 0],
    ['exited', 0],
    ['running', 0],
  ]);
  let pods = 0;
  for (const agent of agents) {
    for (const uid of await agent.runtime.podUids()) {
      const { sandboxes, containers } = await agent.runtime.podStatus(uid);
      if (sandboxes.some((s) => s.state === 'ready')) pods++;
      for (const { state } of containers) states.set(state, (states.get(state) ?? 0) + 1);
    }
  }
  return [
    '# HELP kubelet_running_pods Number of pods that have a running pod sandbox',
    '# TYPE kubelet_running_pods gauge',
    `kubelet_running_pods ${pods}`,
    '# HELP kubelet_running_containers Number of containers currently running',
    '# TYPE kubelet_running_containers gauge',
    ...[...states].map(
      ([state, n]) => `kubelet_running_containers{container_state="${state}"} ${n}`,
    ),
    '# HELP process_resident_memory_bytes Resident memory size in bytes.',
    '# TYPE process_resident_memory_bytes gauge',
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
    '# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.',
    '# TYPE process_cpu_seconds_total counter',
    `process_cpu_seconds_total ${(process.cpuUsage().user + process.cpuUsage().system) / 1e6}`,
    '',
  ].join('\n');
}

/** The metrics of `pkg/kubelet/metrics/collectors/resource_metrics.go`. */
async function resourceMetrics(
  agents: readonly NodeAgent[],
  { now, startedAt }: SummaryTimes,
): Promise<string> {
  const families = {
    container_cpu_usage_seconds_total: new Family(
      'counter',
      'Cumulative cpu time consumed by the container in core-seconds',
    ),
    container_memory_working_set_bytes: new Family(
      'gauge',
      'Current working set of the container in bytes',
    ),
    container_start_time_seconds: new Family(
      'gauge',
      'Start time of the container since unix epoch in seconds',
    ),
    node_cpu_usage_seconds_total: new Family(
      'counter',
      'Cumulative cpu time consumed by the node in core-seconds',
    ),
    node_memory_working_set_bytes: new Family('gauge', 'Current working set of the node in bytes'),
    pod_cpu_usage_seconds_total: new Family(
      'counter',
      'Cumulative cpu time consumed by the pod in core-seconds',
    ),
    pod_memory_working_set_bytes: new Family('gauge', 'Current working set of the pod in bytes'),
  };
  for (const agent of agents) {
    const node = await nodeUsage(agent, (now - startedAt) / 1000);
    const ofNode: Record<string, string> = agents.length > 1 ? { node: node.name } : {};
    families.node_cpu_usage_seconds_total.add(ofNode, node.cpuNanoSeconds / 1e9, now);
    families.node_memory_working_set_bytes.add(ofNode, node.memoryBytes, now);
    for (const { pod, containers, ...usage } of node.pods) {
      if (containers.length === 0) continue;
      const { name = '', namespace = '' } = pod.metadata ?? {};
      const ofPod = { namespace, pod: name };
      families.pod_cpu_usage_seconds_total.add(ofPod, usage.cpuNanoSeconds / 1e9, now);
      families.pod_memory_working_set_bytes.add(ofPod, usage.memoryBytes, now);
      for (const container of containers) {
        const labels = { container: container.name, ...ofPod };
        families.container_cpu_usage_seconds_total.add(labels, container.cpuNanoSeconds / 1e9, now);
        families.container_memory_working_set_bytes.add(labels, container.memoryBytes, now);
        families.container_start_time_seconds.add(labels, container.startedAt / 1000);
      }
    }
  }
  const texts = Object.entries(families).map(([name, family]) => family.text(name));
  return [
    ...texts,
    '# HELP resource_scrape_error 1 if there was an error while getting container metrics, 0 otherwise',
    '# TYPE resource_scrape_error gauge',
    'resource_scrape_error 0',
    '',
  ].join('\n');
}

/** One metric with its samples, as Prometheus text. */
class Family {
  private readonly samples: string[] = [];

  constructor(
    private readonly type: 'counter' | 'gauge',
    private readonly help: string,
  ) {}

  add(labels: Readonly<Record<string, string>>, value: number, at?: number): void {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
    const set = pairs.length > 0 ? `{${pairs.join(',')}}` : '';
    this.samples.push(`${set} ${value}${at === undefined ? '' : ` ${at}`}`);
  }

  text(name: string): string {
    const lines = this.samples.map((sample) => name + sample);
    return [`# HELP ${name} ${this.help}`, `# TYPE ${name} ${this.type}`, ...lines].join('\n');
  }
}
