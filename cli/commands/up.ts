/** `drydock up`: starts what is not running, waits for ready, and supervises until Ctrl-C. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RealClock } from '../../pkg/component/clock.js';
import { Cluster } from '../cluster.js';
import {
  type ClusterConfig,
  choosePorts,
  processNames,
  readClusterConfig,
  type Timing,
  writeClusterConfig,
} from '../cluster-config.js';
import { control, NotRunningError } from '../control-client.js';
import type { ControlStatus } from '../control-server.js';
import { lastWords } from '../last-words.js';
import { Layout } from '../layout.js';
import { isAlive } from '../pid.js';
import { readRecord, type SupervisedProcess } from '../supervised-process.js';
import type { ProcessRow } from '../supervisor.js';
import { formatTable } from '../table.js';

export interface UpOptions {
  dataDir: string;
  nodes?: number;
  hollowNodes?: number;
  securePort?: number;
  bindAddress?: string;
  runtime?: string;
  etcdServers?: string;
  timing?: Timing;
  apiservers?: number;
  schedulers?: number;
  controllerManagers?: number;
  /** Component → `flag=value`. */
  extraArgs: Record<string, string[]>;
  detach?: boolean;
}

const DETACHED_POLL_MS = 50;

export async function up(options: UpOptions): Promise<number> {
  const layout = new Layout(options.dataDir);
  const clock = new RealClock();
  const say = (text: string) => process.stdout.write(`${text}\n`);
  const began = clock.monotonic();

  const running = await statusOrNone(layout);
  if (running) {
    await control(layout, 'POST', '/start-all');
    const status = await waitWhileStarting(layout, clock);
    say(`A cluster is running on ${layout.root} already.`);
    if (status.phase === 'ready') say(welcome(layout, status.rows));
    return status.phase === 'ready' ? 0 : fail(status.reason);
  }

  try {
    layout.create();
  } catch (err) {
    return fail(
      `cannot use ${layout.root} as the data folder: ${err instanceof Error ? err.message : err}`,
    );
  }
  const config = await configure(layout, options);
  writeClusterConfig(layout, config);
  if (options.detach) return detach(layout, clock, say);

  const cluster = new Cluster({
    layout,
    config,
    clock,
    events: {
      started: (process) => say(`  ${process.restarts > 0 ? '↻' : '·'} ${line(process)}`),
      died: (process, how, backoffMs) =>
        cluster.isStopping
          ? undefined
          : say(`  ✗ ${process.name} died (${how}); starting it again in ${backoffMs} ms`),
      apiReady: () => say(`  ✔ API server ready at ${cluster.apiAddress}`),
      nodes: (ready, wanted) => say(`  ✔ ${ready} of ${wanted} nodes Ready`),
    },
  });
  const stop = () => {
    say('\nStopping …');
    void cluster.stop();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  say(`drydock: starting ${processNames(config).length} processes, data in ${layout.root}`);
  try {
    await cluster.start();
  } catch (err) {
    await cluster.stop();
    return fail(
      `${err instanceof Error ? err.message : err}\n${lastWords(layout, processNames(config))}`,
    );
  }
  if (!cluster.isStopping) {
    const seconds = ((clock.monotonic() - began) / 1000).toFixed(1);
    say(
      `\nReady in ${seconds} s.\n\n${welcome(layout, cluster.supervisor.rows())}\n\nCtrl-C stops it; the data stays.`,
    );
  }
  await cluster.ended;
  say(
    'All processes have stopped; `drydock up` goes on from here, `drydock reset` removes the data.',
  );
  return 0;
}

/** The supervisor that stays behind `up --detach`: the same cluster, with its words in a log. */
export async function supervise(dataDir: string): Promise<number> {
  const layout = new Layout(dataDir);
  const config = readClusterConfig(layout);
  if (!config) return fail(`there is no cluster in ${layout.root}`);
  const log = (msg: string, fields: object) =>
    process.stdout.write(
      `${JSON.stringify({ time: new Date().toISOString(), component: 'supervisor', ...fields, msg })}\n`,
    );
  const cluster = new Cluster({
    layout,
    config,
    clock: new RealClock(),
    events: {
      started: (process) =>
        log('process started', {
          process: process.name,
          pid: process.pid,
          restarts: process.restarts,
        }),
      died: (process, how, backoffMs) =>
        log('process died', { process: process.name, how, backoffMs }),
      apiReady: () => log('apiserver ready', {}),
      nodes: (ready, wanted) => log('nodes ready', { ready, wanted }),
    },
  });
  const stop = () => void cluster.stop();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await cluster.start();
  } catch (err) {
    log('cluster did not become ready', { err: err instanceof Error ? err.message : String(err) });
  }
  await cluster.ended;
  return 0;
}

async function configure(layout: Layout, options: UpOptions): Promise<ClusterConfig> {
  const before = readClusterConfig(layout);
  const names = (count: number) => Array.from({ length: count }, (_, i) => `node-${i + 1}`);
  const config: ClusterConfig = {
    nodes: options.nodes === undefined ? (before?.nodes ?? names(3)) : names(options.nodes),
    hollowNodes: options.hollowNodes ?? before?.hollowNodes ?? 0,
    bindAddress: options.bindAddress ?? before?.bindAddress ?? '127.0.0.1',
    runtime: options.runtime ?? before?.runtime ?? 'simulated',
    timing: options.timing ?? before?.timing ?? 'quick',
    apiservers: options.apiservers ?? before?.apiservers ?? 1,
    schedulers: options.schedulers ?? before?.schedulers ?? 1,
    controllerManagers: options.controllerManagers ?? before?.controllerManagers ?? 1,
    ports: before?.ports ?? {},
    extraArgs: { ...before?.extraArgs, ...options.extraArgs },
    ...((options.etcdServers ?? before?.etcdServers)
      ? { etcdServers: options.etcdServers ?? before?.etcdServers }
      : {}),
  };
  const isUp = (name: string) => {
    const record = readRecord(layout, name);
    return record !== undefined && isAlive(record);
  };
  const down = processNames(config).filter((name) => !isUp(name));
  await choosePorts(config, down, options.securePort);
  return config;
}

async function detach(
  layout: Layout,
  clock: RealClock,
  say: (text: string) => void,
): Promise<number> {
  const log = openSync(layout.log('supervisor'), 'a', 0o600);
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(import.meta.url).replace(/[^/]*$/, 'drydock.js'),
      'supervise',
      '--data-dir',
      layout.root,
    ],
    { detached: true, stdio: ['ignore', log, log] },
  );
  closeSync(log);
  child.unref();
  const status = await waitWhileStarting(layout, clock, () => child.exitCode === null);
  if (status.phase !== 'ready') {
    const config = readClusterConfig(layout);
    await control(layout, 'POST', '/down').catch(ignoreGone);
    return fail(
      `${status.reason ?? 'the cluster did not become ready'}\n${config ? lastWords(layout, processNames(config)) : ''}`,
    );
  }
  say(welcome(layout, status.rows));
  return 0;
}

async function waitWhileStarting(
  layout: Layout,
  clock: RealClock,
  alive: () => boolean = () => true,
): Promise<ControlStatus> {
  for (;;) {
    const status = await statusOrNone(layout);
    if (status && status.phase !== 'starting') return status;
    if (!status && !alive()) {
      return {
        phase: 'failed',
        reason: `the supervisor ended; see ${layout.log('supervisor')}`,
        rows: [],
      };
    }
    await clock.sleep(DETACHED_POLL_MS);
  }
}

async function statusOrNone(layout: Layout): Promise<ControlStatus | undefined> {
  try {
    return await control<ControlStatus>(layout, 'GET', '/status');
  } catch (err) {
    if (err instanceof NotRunningError) return undefined;
    throw err;
  }
}

function ignoreGone(err: unknown): void {
  if (!(err instanceof NotRunningError)) throw err;
}

function line(process: SupervisedProcess): string {
  return `${process.name.padEnd(20)} pid ${String(process.pid ?? '-').padEnd(8)} ${process.launch.address}`;
}

function welcome(layout: Layout, rows: readonly ProcessRow[]): string {
  const api = rows.find((row) => row.name === 'apiserver')?.address ?? '';
  const kubeconfig = relative(process.cwd(), layout.kubeconfig);
  const shown = kubeconfig.startsWith('..') ? layout.kubeconfig : `$PWD/${kubeconfig}`;
  return [
    `API server   ${api}`,
    `Kubeconfig   ${layout.kubeconfig}`,
    '',
    formatTable([
      ['PROCESS', 'PID', 'ADDRESS'],
      ...rows.map((row) => [row.name, String(row.pid ?? '-'), row.address]),
    ]),
    '',
    'Try:',
    `  export KUBECONFIG=${shown}`,
    '  kubectl get nodes',
    '  kubectl create deployment web --image=nginx --replicas=3',
    '  npx drydock kill scheduler',
  ].join('\n');
}

function fail(reason: string | undefined): number {
  process.stderr.write(`drydock: ${reason ?? 'failed'}\n`);
  return 1;
}
