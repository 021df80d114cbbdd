/**
 * `/metrics` (what runs here, and this process) and `/metrics/resource` (usage by container), as Prometheus
 * text. Counted when asked, so that nothing is kept for it.
 */
import type { NodeAgent } from '../node/node-agent.js';
import { uidOf } from '../pod/pod.js';

export async function metricsText(
  agents: readonly NodeAgent[],
  part: string | undefined,
): Promise<string> {
  return part === 'resource' ? resourceMetrics(agents) : kubeletMetrics(agents);
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

async function resourceMetrics(agents: readonly NodeAgent[]): Promise<string> {
  const lines: string[] = [
    '# HELP container_memory_working_set_bytes Current working set of the container in bytes',
    '# TYPE container_memory_working_set_bytes gauge',
  ];
  for (const agent of agents) {
    for (const pod of agent.pods()) {
      const { containers } = await agent.runtime.podStatus(uidOf(pod));
      for (const { containerId, memoryBytes } of await agent.runtime.stats(uidOf(pod))) {
        const container = containers.find((c) => c.id === containerId)?.name ?? '';
        const { name, namespace } = pod.metadata ?? {};
        lines.push(
          `container_memory_working_set_bytes{container="${container}",namespace="${namespace}",pod="${name}"} ${memoryBytes}`,
        );
      }
    }
  }
  return `${lines.join('\n')}\n`;
}
