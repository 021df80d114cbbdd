/**
 * What runs on the nodes of this process and what it uses, read once for an answer of the kubelet's server:
 * `/stats/summary` and `/metrics/resource` are two ways to write it down.
 */
import type { Pod } from '../../pkg/api/types.js';
import type { NodeAgent } from '../node/node-agent.js';
import { uidOf } from '../pod/pod.js';

/** What the machine and the kubelet themselves use, besides pods. */
const SYSTEM_NANO_CORES = 25_000_000;
const SYSTEM_BYTES = 200 << 20;

export interface Amounts {
  readonly cpuNanoCores: number;
  readonly cpuNanoSeconds: number;
  readonly memoryBytes: number;
}

export interface ContainerUsage extends Amounts {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface PodUsage extends Amounts {
  readonly pod: Pod;
  readonly containers: readonly ContainerUsage[];
}

export interface NodeUsage extends Amounts {
  readonly name: string;
  readonly pods: readonly PodUsage[];
}

export async function nodeUsage(agent: NodeAgent, upSeconds: number): Promise<NodeUsage> {
  const pods: PodUsage[] = [];
  for (const pod of agent.pods()) {
    const containers = await containersOf(agent, pod);
    pods.push({ pod, containers, ...sum(containers) });
  }
  const system = {
    cpuNanoCores: SYSTEM_NANO_CORES,
    cpuNanoSeconds: Math.round(SYSTEM_NANO_CORES * upSeconds),
    memoryBytes: SYSTEM_BYTES,
  };
  return { name: agent.name, pods, ...sum([system, ...pods]) };
}

async function containersOf({ runtime }: NodeAgent, pod: Pod): Promise<ContainerUsage[]> {
  const uid = uidOf(pod);
  const stats = await runtime.stats(uid, pod.metadata?.annotations ?? {});
  if (stats.length === 0) return [];
  const { containers } = await runtime.podStatus(uid);
  return stats.flatMap(({ containerId, ...amounts }) => {
    const info = containers.find(({ id }) => id === containerId);
    if (!info) return [];
    return [{ name: info.name, startedAt: info.startedAt ?? info.createdAt, ...amounts }];
  });
}

function sum(parts: readonly Amounts[]): Amounts {
  const total = { cpuNanoCores: 0, cpuNanoSeconds: 0, memoryBytes: 0 };
  for (const part of parts) {
    total.cpuNanoCores += part.cpuNanoCores;
    total.cpuNanoSeconds += part.cpuNanoSeconds;
    total.memoryBytes += part.memoryBytes;
  }
  return total;
}
