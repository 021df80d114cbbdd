/** `drydock down` stops all and keeps the data; `drydock reset` removes the data as well. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RealClock } from '../../pkg/component/clock.js';
import { processNames, readClusterConfig } from '../cluster-config.js';
import { control, NotRunningError } from '../control-client.js';
import { Layout } from '../layout.js';
import { isAlive } from '../pid.js';
import { readRecord } from '../supervised-process.js';

const STOP_DEADLINE_MS = 10_000;
const POLL_MS = 50;

export async function down(dataDir: string): Promise<number> {
  const layout = new Layout(dataDir);
  if (!layout.exists()) return noCluster(layout);
  await stopEverything(layout);
  process.stdout.write(`stopped; the data stays in ${layout.root}\n`);
  return 0;
}

export async function reset(dataDir: string): Promise<number> {
  const layout = new Layout(dataDir);
  if (!existsSync(layout.root)) return noCluster(layout);
  if (!layout.exists() && readdirSync(layout.root).length > 0) {
    process.stderr.write(
      `drydock: ${layout.root} holds no cluster of drydock; nothing was removed\n`,
    );
    return 1;
  }
  await stopEverything(layout);
  for (const part of ['kubeconfig', 'pki', 'etcd', 'kubelet', 'logs', 'run']) {
    rmSync(join(layout.root, part), { recursive: true, force: true });
  }
  if (existsSync(layout.root) && readdirSync(layout.root).length === 0)
    rmSync(layout.root, { recursive: true });
  process.stdout.write(`removed the cluster in ${layout.root}\n`);
  return 0;
}

function noCluster(layout: Layout): number {
  process.stdout.write(`there is no cluster in ${layout.root}; nothing to do\n`);
  return 0;
}

async function stopEverything(layout: Layout): Promise<void> {
  try {
    await control(layout, 'POST', '/down');
  } catch (err) {
    if (!(err instanceof NotRunningError)) throw err;
    await stopOrphans(layout);
  }
}

/** Ends what a supervisor that was killed left running, in reverse order of start. */
async function stopOrphans(layout: Layout): Promise<void> {
  const config = readClusterConfig(layout);
  if (!config) return;
  const clock = new RealClock();
  for (const name of processNames(config).reverse()) {
    const record = readRecord(layout, name);
    if (!record || !isAlive(record)) continue;
    process.kill(record.pid, 'SIGTERM');
    const end = clock.monotonic() + STOP_DEADLINE_MS;
    while (isAlive(record) && clock.monotonic() < end) await clock.sleep(POLL_MS);
    if (isAlive(record)) process.kill(record.pid, 'SIGKILL');
  }
}
