/** `drydock ps|kill|stop|start|restart`: what is running, and one process at a time. */
import { processNames, readClusterConfig, unknownProcess } from '../cluster-config.js';
import { control, NotRunningError } from '../control-client.js';
import type { ControlStatus } from '../control-server.js';
import { launchOf } from '../launch/index.js';
import { Layout } from '../layout.js';
import { isAlive, residentBytes, signalOf } from '../pid.js';
import { readRecord } from '../supervised-process.js';
import type { ProcessRow } from '../supervisor.js';
import { formatAge, formatTable } from '../table.js';

const MIB = 1024 * 1024;

export async function ps(dataDir: string, output: string | undefined): Promise<number> {
  if (output !== undefined && output !== 'json')
    throw new Error(`unknown output "${output}"; there is: json`);
  const rows = await processRows(new Layout(dataDir));
  if (output === 'json') {
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return 0;
  }
  const table = rows.map((row) => [
    row.name,
    row.pid === null ? '-' : String(row.pid),
    row.state,
    String(row.restarts),
    formatAge(Date.now() - Date.parse(row.since)),
    row.rssBytes === 0 ? '-' : `${Math.round(row.rssBytes / MIB)}Mi`,
    row.address,
  ]);
  process.stdout.write(
    `${formatTable([['NAME', 'PID', 'STATE', 'RESTARTS', 'SINCE', 'MEMORY', 'ADDRESS'], ...table])}\n`,
  );
  return 0;
}

export async function act(
  dataDir: string,
  verb: 'kill' | 'stop' | 'start' | 'restart',
  name: string,
  signal?: string,
): Promise<number> {
  const layout = new Layout(dataDir);
  try {
    await control(
      layout,
      'POST',
      `/processes/${encodeURIComponent(name)}/${verb}`,
      signal ? { signal } : {},
    );
  } catch (err) {
    if (!(err instanceof NotRunningError)) throw err;
    return actWithoutSupervisor(layout, verb, name, err, signal);
  }
  const done = { kill: 'signalled', stop: 'stopped', start: 'started', restart: 'restarted' }[verb];
  process.stdout.write(`${name} ${done}\n`);
  return 0;
}

/**
 * The supervisor itself was killed: its processes live on. A signal reaches them all the same; bringing one back is for
 * the next `up`, which takes over all that is still running.
 */
function actWithoutSupervisor(
  layout: Layout,
  verb: string,
  name: string,
  noSupervisor: NotRunningError,
  signal = 'SIGTERM',
): number {
  const config = readClusterConfig(layout);
  const names = config ? processNames(config) : [];
  const alive = names.filter((one) => recordOfLiving(layout, one) !== undefined);
  if (alive.length === 0) throw noSupervisor;
  const left = `the supervisor of ${layout.root} is gone, ${alive.length} of its processes run on; \`drydock up\` takes them over`;
  if (!names.includes(name)) throw new Error(unknownProcess(name, names));
  const record = recordOfLiving(layout, name);
  if (verb !== 'kill' && verb !== 'stop') throw new Error(left);
  if (!record) throw new Error(`${name} is not running; ${left}`);
  process.kill(record.pid, signalOf(signal));
  process.stdout.write(`${name} signalled; ${left}\n`);
  return 0;
}

/** From the supervisor; where none answers, from what the last one wrote down. */
async function processRows(layout: Layout): Promise<ProcessRow[]> {
  try {
    return (await control<ControlStatus>(layout, 'GET', '/status')).rows;
  } catch (err) {
    const config = readClusterConfig(layout);
    if (!(err instanceof NotRunningError) || !config) throw err;
    return processNames(config).map((name) => {
      const record = readRecord(layout, name);
      const living = recordOfLiving(layout, name);
      return {
        name,
        pid: living?.pid ?? null,
        state: living ? 'running' : 'stopped',
        restarts: record?.restarts ?? 0,
        since: record?.since ?? new Date(0).toISOString(),
        address: launchOf(name, { layout, config }).address,
        rssBytes: living ? residentBytes(living.pid) : 0,
      };
    });
  }
}

function recordOfLiving(layout: Layout, name: string): ReturnType<typeof readRecord> {
  const record = readRecord(layout, name);
  return record && isAlive(record) ? record : undefined;
}
