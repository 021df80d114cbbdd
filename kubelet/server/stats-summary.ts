/** `/stats/summary` in the shape that metrics collectors read: node, pods and containers. */
import { formatTime } from '../../pkg/apimachinery/meta.js';
import type { NodeAgent } from '../node/node-agent.js';
import { uidOf } from '../pod/pod.js';

interface Usage {
  readonly cpu: { time: string; usageNanoCores: number };
  readonly memory: { time: string; usageBytes: number; workingSetBytes: number };
}

export async function statsSummary(agents: readonly NodeAgent[], now: number): Promise<object> {
  const time = formatTime(new Date(now));
  const pods: object[] = [];
  let cpu = 0;
  let memory = 0;
  for (const agent of agents) {
    for (const pod of agent.pods()) {
      const stats = await agent.runtime.stats(uidOf(pod));
      const names = new Map(
        (await agent.runtime.podStatus(uidOf(pod))).containers.map((c) => [c.id, c.name]),
      );
      const sumCpu = stats.reduce((sum, s) => sum + s.cpuNanoCores, 0);
      const sumMemory = stats.reduce((sum, s) => sum + s.memoryBytes, 0);
      cpu += sumCpu;
      memory += sumMemory;
      const { name, namespace, uid } = pod.metadata ?? {};
      pods.push({
        podRef: { name, namespace, uid },
        startTime: pod.status?.startTime,
        containers: stats.map((s) => ({
          name: names.get(s.containerId),
          ...usage(time, s.cpuNanoCores, s.memoryBytes),
        })),
        ...usage(time, sumCpu, sumMemory),
      });
    }
  }
  const nodeName = agents.length === 1 ? agents[0]?.name : `${agents.length} nodes`;
  return { node: { nodeName, startTime: time, ...usage(time, cpu, memory) }, pods };
}

function usage(time: string, usageNanoCores: number, bytes: number): Usage {
  return {
    cpu: { time, usageNanoCores },
    memory: { time, usageBytes: bytes, workingSetBytes: bytes },
  };
}
