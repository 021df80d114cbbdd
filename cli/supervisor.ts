/**
 * Keeps the processes of one cluster running, and is what `drydock ps|kill|stop|start|restart|node|down`
 * talk to. It owns the order of start and stop, the ports and the certificates; it knows nothing of what
 * the processes do.
 */
import { rmSync } from 'node:fs';
import type { Clock } from '../pkg/component/clock.js';
import {
  type ClusterConfig,
  choosePorts,
  processNames,
  unknownProcess,
  writeClusterConfig,
} from './cluster-config.js';
import { ensureClusterCredentials } from './credentials.js';
import { launchOf } from './launch/index.js';
import type { Layout } from './layout.js';
import { residentBytes } from './pid.js';
import { type ProcessEvents, type ProcessState, SupervisedProcess } from './supervised-process.js';

/** One row of `drydock ps -o json`. */
export interface ProcessRow {
  name: string;
  pid: number | null;
  state: ProcessState;
  restarts: number;
  /** RFC 3339. */
  since: string;
  address: string;
  rssBytes: number;
}

/** A process that has not gone this long after SIGTERM is killed. */
const STOP_GRACE_MS = 8_000;

export interface SupervisorOptions {
  layout: Layout;
  config: ClusterConfig;
  clock: Clock;
  events: ProcessEvents;
}

export class Supervisor {
  private readonly layout: Layout;
  private readonly config: ClusterConfig;
  private readonly processes = new Map<string, SupervisedProcess>();

  constructor(private readonly options: SupervisorOptions) {
    this.layout = options.layout;
    this.config = options.config;
  }

  get clusterConfig(): ClusterConfig {
    return this.config;
  }

  /** Certificates, then every process; they find each other by themselves, so none waits for another. */
  async startAll(): Promise<void> {
    await this.ensureCredentials();
    for (const name of processNames(this.config)) this.processOf(name).start();
  }

  /** The last to start stop first; those of one stage stop together. */
  async stopAll(): Promise<void> {
    const stages = new Map<number, SupervisedProcess[]>();
    for (const process of this.processes.values()) {
      const stage = stages.get(process.launch.stage) ?? [];
      stage.push(process);
      stages.set(process.launch.stage, stage);
    }
    for (const stage of [...stages.keys()].sort((a, b) => b - a)) {
      await Promise.all((stages.get(stage) ?? []).map((process) => process.stop(STOP_GRACE_MS)));
    }
  }

  rows(): ProcessRow[] {
    return processNames(this.config).map((name) => {
      const process = this.processOf(name);
      return {
        name,
        pid: process.pid ?? null,
        state: process.state,
        restarts: process.restarts,
        since: new Date(process.since).toISOString(),
        address: process.launch.address,
        rssBytes: process.pid === undefined ? 0 : residentBytes(process.pid),
      };
    });
  }

  /** Throws where there is no process of that name. */
  find(name: string): SupervisedProcess {
    if (!processNames(this.config).includes(name)) {
      throw new Error(unknownProcess(name, processNames(this.config)));
    }
    return this.processOf(name);
  }

  async stop(name: string): Promise<void> {
    await this.find(name).stop(STOP_GRACE_MS);
  }

  async restart(name: string): Promise<void> {
    const process = this.find(name);
    await process.stop(STOP_GRACE_MS);
    process.start();
  }

  async addNode(wanted: string | undefined): Promise<string> {
    const node = wanted ?? this.nextNode();
    if (this.config.nodes.includes(node)) throw new Error(`there is a node "${node}" already`);
    this.config.nodes.push(node);
    await choosePorts(this.config, [`kubelet-${node}`]);
    writeClusterConfig(this.layout, this.config);
    await this.ensureCredentials();
    this.processOf(`kubelet-${node}`).start();
    return node;
  }

  /** Stops the node's kubelet for good. Its Node object is the caller's to delete. */
  async removeNode(node: string): Promise<void> {
    if (!this.config.nodes.includes(node)) throw new Error(`there is no node "${node}"`);
    const name = `kubelet-${node}`;
    await this.processOf(name).stop(STOP_GRACE_MS);
    this.processes.delete(name);
    this.config.nodes = this.config.nodes.filter((other) => other !== node);
    delete this.config.ports[name];
    writeClusterConfig(this.layout, this.config);
    rmSync(this.layout.kubelet(node), { recursive: true, force: true });
    rmSync(this.layout.record(name), { force: true });
  }

  private nextNode(): string {
    for (let i = 1; ; i++) if (!this.config.nodes.includes(`node-${i}`)) return `node-${i}`;
  }

  private processOf(name: string): SupervisedProcess {
    let process = this.processes.get(name);
    if (!process) {
      const launch = launchOf(name, { layout: this.layout, config: this.config });
      process = new SupervisedProcess(launch, this.layout, this.options.clock, this.options.events);
      this.processes.set(name, process);
    }
    return process;
  }

  private async ensureCredentials(): Promise<void> {
    await ensureClusterCredentials(this.layout, this.config, this.options.clock.now());
  }
}
