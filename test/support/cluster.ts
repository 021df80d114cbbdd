/**
 * A whole cluster of real processes for a test, on free ports and in a folder of its own: started by the
 * `drydock` command as a user would, stopped and removed when the test ends. A test that fails prints the
 * cluster's objects, Events and the last lines of every log.
 *
 * DRYDOCK_TEST_ETCD_SERVERS puts real etcd members, fresh ones, under every cluster of a test file.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { control } from '../../cli/control-client.js';
import type { ControlStatus } from '../../cli/control-server.js';
import { Layout } from '../../cli/layout.js';
import { binaries } from './binaries.js';
import { type RunOptions, type RunResult, run } from './run.js';

export interface ProcessRow {
  name: string;
  pid: number | null;
  state: string;
  restarts: number;
  address: string;
  rssBytes: number;
}

const UP_TIMEOUT_MS = 150_000;
const LOG_LINES = 15;
/**
 * A node that a busy machine holds up for some seconds is not lost, and a leader keeps its lease, as with
 * Kubernetes' own times; tests about failures ask for quick timing. Autoscaling is as quick as there.
 */
const STEADY = [
  '--timing=upstream',
  '--controller-manager-arg=horizontal-pod-autoscaler-sync-period=5s',
  '--controller-manager-arg=horizontal-pod-autoscaler-downscale-stabilization=30s',
];
export const QUICK = '--timing=quick';

export class Cluster {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'drydock-'));

  private readonly upArgs: readonly string[];

  private constructor(args: readonly string[]) {
    const etcd = process.env['DRYDOCK_TEST_ETCD_SERVERS'];
    const isChosen = args.some((arg) => arg.startsWith('--etcd-servers'));
    const servers = etcd && !isChosen ? [`--etcd-servers=${etcd}`] : [];
    this.upArgs = [...(args.includes(QUICK) ? [] : STEADY), ...args, ...servers];
  }

  /** Up and Ready when this resolves; down and gone when the test has ended. */
  static async start(t: Test, args: readonly string[] = []): Promise<Cluster> {
    const cluster = new Cluster(args);
    t.teardown(async () => {
      if (!t.passing()) await cluster.dump(t);
      await cluster.drydock('reset');
      rmSync(cluster.dataDir, { recursive: true, force: true });
    });
    await cluster.up();
    return cluster;
  }

  async up(): Promise<void> {
    const { code, stderr } = await this.drydock(
      'up',
      '--detach',
      '--secure-port',
      '0',
      ...this.upArgs,
    );
    if (code !== 0) throw new Error(`drydock up: ${stderr}`);
  }

  get kubeconfig(): string {
    return join(this.dataDir, 'kubeconfig');
  }

  /** `drydock COMMAND … --data-dir` of this cluster. */
  drydock(command: string, ...args: string[]): Promise<RunResult> {
    const words = command.split(' ');
    return run(
      process.execPath,
      ['dist/bin/drydock.js', ...words, ...args, '--data-dir', this.dataDir],
      {
        timeoutMs: UP_TIMEOUT_MS,
      },
    );
  }

  async ps(): Promise<ProcessRow[]> {
    return JSON.parse((await this.drydock('ps', '-o', 'json')).stdout);
  }

  async process(name: string): Promise<ProcessRow> {
    const row = (await this.ps()).find((each) => each.name === name);
    if (!row) throw new Error(`no process ${name}`);
    return row;
  }

  /** SIGKILL, straight to the process. */
  async kill(name: string): Promise<void> {
    const { pid } = await this.process(name);
    if (pid === null) throw new Error(`${name} is not running`);
    process.kill(pid, 'SIGKILL');
  }

  /** SIGKILL to every process of the cluster at once; the supervisor stays. */
  async killAll(): Promise<void> {
    for (const { pid } of await this.ps()) if (pid !== null) process.kill(pid, 'SIGKILL');
  }

  /** SIGKILL, and kept down: the two come so close that it is not started again in between. */
  async killForGood(name: string): Promise<void> {
    const layout = new Layout(this.dataDir);
    await control(layout, 'POST', `/processes/${name}/kill`, { signal: 'KILL' });
    await control(layout, 'POST', `/processes/${name}/stop`);
  }

  /** `drydock stop NAME`: kept down until it is started. */
  stop(name: string): Promise<void> {
    return this.succeed('stop', name);
  }

  async startProcess(name: string): Promise<void> {
    await this.succeed('start', name);
  }

  /** The process that keeps the others running. */
  async supervisorPid(): Promise<number> {
    const { pid } = await control<ControlStatus>(new Layout(this.dataDir), 'GET', '/status');
    if (pid === undefined) throw new Error('the supervisor does not say its pid');
    return pid;
  }

  async apiUrl(): Promise<string> {
    return (await this.process('apiserver')).address;
  }

  /** The real kubectl as the cluster's admin. Arguments are split at blanks; use an array for others. */
  kubectl(args: string | readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const found = binaries();
    if (typeof found === 'string') throw new Error(found);
    return run(
      found.kubectl,
      typeof args === 'string' ? args.split(' ') : args,
      this.withEnvironment(options),
    );
  }

  helm(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const found = binaries();
    if (typeof found === 'string') throw new Error(found);
    return run(found.helm, args, this.withEnvironment(options));
  }

  /** What `kubectl get … -o json` says. Throws what kubectl says where it fails. */
  async get<T = Record<string, unknown>>(args: string): Promise<T> {
    const { code, stdout, stderr } = await this.kubectl(`get ${args} -o json`);
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  }

  private async succeed(command: string, ...args: string[]): Promise<void> {
    const { code, stderr } = await this.drydock(command, ...args);
    if (code !== 0) throw new Error(`drydock ${command} ${args.join(' ')}: ${stderr}`);
  }

  private withEnvironment(options: RunOptions): RunOptions {
    return {
      ...options,
      env: {
        KUBECONFIG: this.kubeconfig,
        HOME: this.dataDir,
        KUBECACHEDIR: join(this.dataDir, 'kube-cache'),
        ...options.env,
      },
    };
  }

  private async dump(t: Test): Promise<void> {
    const parts = await Promise.all(
      ['get all,nodes -A -o wide', 'get events -A --sort-by=.lastTimestamp'].map((args) =>
        this.kubectl(args, { timeoutMs: 10_000 }),
      ),
    );
    for (const { stdout, stderr } of parts) t.comment(stdout + stderr);
    const logs = join(this.dataDir, 'logs');
    for (const file of readdirSync(logs)) {
      const lines = readFileSync(join(logs, file), 'utf8').trimEnd().split('\n').slice(-LOG_LINES);
      t.comment(`${file}:\n${lines.join('\n')}`);
    }
  }
}
