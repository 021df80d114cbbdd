/**
 * Some processes of a control plane, started by themselves: a store, an apiserver on it and, if wanted, a
 * scheduler, with the flags that `drydock up` gives them. The store may be Debian's etcd and the apiserver a
 * real kube-apiserver, where they are installed, so that the same load runs on each in one run.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { type ClusterConfig, choosePorts } from '../../cli/cluster-config.js';
import { ensureClusterCredentials } from '../../cli/credentials.js';
import { launchOf } from '../../cli/launch/index.js';
import { Layout } from '../../cli/layout.js';
import { AdminApi } from '../../cli/readiness.js';
import { eventually } from '../support/eventually.js';
import { run } from '../support/run.js';
import type { Job, Load, Outcome } from './load.js';

export interface RigOptions {
  readonly store: 'drydock' | 'etcd';
  readonly apiserver: 'drydock' | 'kube-apiserver';
  readonly scheduler?: boolean;
}

const START_TIMEOUT_MS = 60_000;
const LOAD_TIMEOUT_MS = 120_000;

export class Rig {
  private readonly layout = new Layout(mkdtempSync(join(tmpdir(), 'drydock-bench-')));
  private readonly children = new Map<string, ChildProcess>();
  private config: ClusterConfig = {
    nodes: [],
    hollowNodes: 0,
    bindAddress: '127.0.0.1',
    runtime: 'simulated',
    timing: 'upstream',
    apiservers: 1,
    schedulers: 1,
    controllerManagers: 1,
    ports: {},
    extraArgs: {},
  };

  private constructor() {}

  static async start(options: RigOptions): Promise<Rig> {
    const rig = new Rig();
    try {
      await rig.startAll(options);
    } catch (err) {
      await rig.stop();
      throw err;
    }
    return rig;
  }

  get server(): string {
    return this.launch('apiserver').address;
  }

  get kubeconfig(): string {
    return this.layout.kubeconfig;
  }

  /** Runs a load in a process of its own, as the cluster's admin. */
  async load(load: Load): Promise<Outcome> {
    const pki = (file: string) => join(this.layout.pki, file);
    const job: Job = {
      server: this.server,
      ca: pki('ca.crt'),
      cert: pki('admin.crt'),
      key: pki('admin.key'),
      load,
    };
    const { code, stdout, stderr } = await run(process.execPath, ['dist/test/bench/load-main.js'], {
      input: JSON.stringify(job),
      timeoutMs: LOAD_TIMEOUT_MS,
    });
    if (code !== 0) throw new Error(`load ${load.kind}: ${stderr}`);
    return JSON.parse(stdout) as Outcome;
  }

  /** Creates one object as the admin. */
  async create(path: string, body: object): Promise<void> {
    const text = JSON.stringify(body).replaceAll('%', '');
    const once = { kind: 'create', path, body: text, prefix: '', clients: 1, count: 1 } as const;
    await this.load(once);
  }

  /** Of all processes together. */
  residentBytes(): number {
    let sum = 0;
    for (const { pid } of this.children.values()) if (pid !== undefined) sum += residentBytes(pid);
    return sum;
  }

  /** Processor time that all processes have used so far, which other programs' load hardly changes. */
  cpuSeconds(): number {
    let sum = 0;
    for (const { pid } of this.children.values()) if (pid !== undefined) sum += cpuSeconds(pid);
    return sum;
  }

  async stop(): Promise<void> {
    for (const child of [...this.children.values()].reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await exited;
      clearTimeout(timer);
    }
    rmSync(this.layout.root, { recursive: true, force: true });
  }

  private async startAll({ store, apiserver, scheduler }: RigOptions): Promise<void> {
    this.layout.create();
    const names = ['etcd', 'etcd-peer', 'apiserver', 'scheduler', 'controller-manager'];
    await choosePorts(this.config, names, 0);
    await ensureClusterCredentials(this.layout, this.config, Date.now());
    if (store === 'etcd') this.startEtcd();
    else this.startOwn('etcd');
    await eventually('the store answers', () => isOk(this.launch('etcd').ready), START_TIMEOUT_MS);
    if (apiserver === 'kube-apiserver') this.startKubeApiserver();
    else this.startOwn('apiserver');
    const api = new AdminApi(this.server, this.layout);
    try {
      await eventually(
        'the API is ready',
        async () => (await api.call('GET', '/readyz', AbortSignal.timeout(5000))).code === 200,
        START_TIMEOUT_MS,
      );
    } finally {
      await api.close();
    }
    if (scheduler) this.startOwn('scheduler');
  }

  private launch(name: string) {
    return launchOf(name, { layout: this.layout, config: this.config });
  }

  private startOwn(name: string): void {
    const { nodeArgs, program, args } = this.launch(name);
    this.spawn(name, process.execPath, [...nodeArgs, `dist/bin/${program}.js`, ...args]);
  }

  private startEtcd(): void {
    const url = this.launch('etcd').address;
    const peer = `http://127.0.0.1:${this.config.ports['etcd-peer']}`;
    this.spawn('etcd', 'etcd', [
      `--data-dir=${this.layout.etcd}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
    ]);
  }

  /** The flags that its releases since 1.20 know, with their own defaults for the rest. */
  private startKubeApiserver(): void {
    const known =
      /^--(etcd-servers|bind-address|secure-port|client-ca-file|tls-|service-account-|service-cluster-ip-range|authorization-mode)/;
    const args = this.launch('apiserver').args.filter((arg) => known.test(arg));
    this.spawn('apiserver', 'kube-apiserver', args);
  }

  private spawn(name: string, command: string, args: readonly string[]): void {
    const log = openSync(this.layout.log(name), 'a');
    this.children.set(name, spawn(command, args, { stdio: ['ignore', log, log] }));
  }
}

export function isInstalled(command: string): boolean {
  return spawnSync(command, ['--version']).error === undefined;
}

export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib ?? 0) * 1024;
}

/** User and system time, the 14th and 15th field of /proc/PID/stat, in hundredths of a second on Linux. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, the program's name in brackets, may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function isOk(url: string): Promise<boolean> {
  const { statusCode, body } = await request(url);
  await body.dump();
  return statusCode === 200;
}
