/**
 * What a cluster was asked to be: the options of `drydock up` and the ports it got. Written to
 * run/cluster.json at the first `up`, so that a later `up`, `start` or `node add` makes the same cluster.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Layout } from './layout.js';

export type Timing = 'quick' | 'upstream';

export interface ClusterConfig {
  nodes: string[];
  hollowNodes: number;
  bindAddress: string;
  runtime: string;
  timing: Timing;
  /** Absent: drydock's own etcd is started. */
  etcdServers?: string;
  apiservers: number;
  schedulers: number;
  controllerManagers: number;
  /** Process name → port. */
  ports: Record<string, number>;
  /** Component → extra flags, `flag=value`. */
  extraArgs: Record<string, string[]>;
}

export const DEFAULT_PORTS: Record<string, number> = {
  etcd: 2379,
  apiserver: 6443,
  scheduler: 10259,
  'controller-manager': 10257,
  kubelet: 10250,
};

/** `apiserver-2` → `apiserver`; `kubelet-node-1` → `kubelet`. */
export function componentOf(process: string): string {
  if (process.startsWith('kubelet')) return 'kubelet';
  return process.replace(/-\d+$/, '');
}

/** The process names of a cluster in the order in which they are started. */
export function processNames(config: ClusterConfig): string[] {
  const several = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => (i === 0 ? name : `${name}-${i + 1}`));
  return [
    ...(config.etcdServers ? [] : ['etcd']),
    ...several('apiserver', config.apiservers),
    ...several('scheduler', config.schedulers),
    ...several('controller-manager', config.controllerManagers),
    ...config.nodes.map((node) => `kubelet-${node}`),
    ...(config.hollowNodes > 0 ? ['kubelet-hollow'] : []),
  ];
}

export function unknownProcess(name: string, known: readonly string[]): string {
  return `no process is called "${name}"; there are: ${known.join(', ')}`;
}

export function readClusterConfig(layout: Layout): ClusterConfig | undefined {
  if (!existsSync(layout.cluster)) return undefined;
  return JSON.parse(readFileSync(layout.cluster, 'utf8')) as ClusterConfig;
}

export function writeClusterConfig(layout: Layout, config: ClusterConfig): void {
  const temporary = `${layout.cluster}.new`;
  writeFileSync(temporary, `${JSON.stringify(config, null, 2)}\n`);
  renameSync(temporary, layout.cluster);
}

/**
 * Gives each of the processes a port: the one it had, else the component's own, else any that is free. The
 * API's port is what users type, so where a certain one was asked for, a port that is taken is an error.
 */
export async function choosePorts(
  config: ClusterConfig,
  processes: readonly string[],
  securePort?: number,
): Promise<void> {
  const taken = new Set(Object.values(config.ports));
  for (const name of processes) {
    const had = config.ports[name];
    const asked = name === 'apiserver' ? securePort : undefined;
    if (asked !== undefined && asked !== 0) {
      if (!(await isFree(asked, config.bindAddress))) {
        throw new Error(
          `port ${asked} on ${config.bindAddress} is in use; choose another with --secure-port, or --secure-port 0 for any that is free`,
        );
      }
      config.ports[name] = asked;
    } else {
      const own = securePort === 0 ? undefined : DEFAULT_PORTS[componentOf(name)];
      const usable = await firstUsable([had, own], had, taken);
      config.ports[name] = usable ?? (await anyFree(taken));
    }
    taken.add(config.ports[name] as number);
  }
}

async function firstUsable(
  wanted: readonly (number | undefined)[],
  had: number | undefined,
  taken: ReadonlySet<number>,
): Promise<number | undefined> {
  for (const port of wanted) {
    if (port === undefined || (port !== had && taken.has(port))) continue;
    if (await isFree(port, '127.0.0.1')) return port;
  }
  return undefined;
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

export async function anyFree(taken: ReadonlySet<number>): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen({ port: 0, host: '127.0.0.1' }, () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
    });
    if (port !== 0 && !taken.has(port)) return port;
  }
}
