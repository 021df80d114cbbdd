/** `drydock ps|kill|stop|start|restart`: what is running, and one process at a time. */
import { processNames, readClusterConfig } from '../cluster-config.js';
import { control, NotRunningError } from '../control-client.js';
import type { ControlStatus } from '../control-server.js';
import { launchOf } from '../launch/index.js';
import { Layout } from '../layout.js';
import { isAlive, residentBytes } from '../pid.js';
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
  await control(
    layout,
    'POST',
    `/processes/${encodeURIComponent(name)}/${verb}`,
    signal ? { signal } : {},
  );
  const done = { kill: 'signalled', stop: 'stopped', start: 'started', restart: 'restarted' }[verb];
  process.stdout.write(`${name} ${done}\n`);
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
      const alive = record !== undefined && isAlive(record);
      return {
        name,
        pid: alive ? record.pid : null,
        state: alive ? 'running' : 'stopped',
        restarts: record?.restarts ?? 0,
        since: record?.since ?? new Date(0).toISOString(),
        address: launchOf(name, { layout, config }).address,
        rssBytes: alive ? residentBytes(record.pid) : 0,
      };
    });
  }
}
