/**
 * `/stats/summary` (`k8s.io/kubelet/pkg/apis/stats/v1alpha1`): node, pods and containers. A process of many
 * nodes lists them under `nodes`, and its `node` is the first.
 */
import { formatTime } from '../../pkg/apimachinery/meta.js';
import type { NodeAgent } from '../node/node-agent.js';
import { type Amounts, nodeUsage, type PodUsage } from './node-usage.js';

export interface SummaryTimes {
  readonly now: number;
  /** When this process began. */
  readonly startedAt: number;
}

export async function statsSummary(
  agents: readonly NodeAgent[],
  { now, startedAt }: SummaryTimes,
): Promise<object> {
  const time = formatTime(new Date(now));
  const startTime = formatTime(new Date(startedAt));
  const nodes: object[] = [];
  const pods: object[] = [];
  for (const agent of agents) {
    const usage = await nodeUsage(agent, (now - startedAt) / 1000);
    nodes.push({ nodeName: usage.name, startTime, ...amounts(time, usage) });
    for (const pod of usage.pods) pods.push(podStats(time, pod));
  }
  return { node: nodes[0], ...(nodes.length > 1 ? { nodes } : {}), pods };
}

function podStats(time: string, usage: PodUsage): object {
  const { name, namespace, uid } = usage.pod.metadata ?? {};
  return {
    podRef: { name, namespace, uid },
    startTime: usage.pod.status?.startTime,
    containers: usage.containers.map((container) => ({
      name: container.name,
      startTime: formatTime(new Date(container.startedAt)),
      ...amounts(time, container),
    })),
    ...amounts(time, usage),
  };
}

function amounts(time: string, { cpuNanoCores, cpuNanoSeconds, memoryBytes }: Amounts): object {
  return {
    cpu: { time, usageNanoCores: cpuNanoCores, usageCoreNanoSeconds: cpuNanoSeconds },
    memory: {
      time,
      usageBytes: memoryBytes,
      workingSetBytes: memoryBytes,
      rssBytes: memoryBytes,
    },
  };
}
