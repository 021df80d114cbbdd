/** The store as a process: etcd's flags, a folder, a port. Stops cleanly on SIGTERM and SIGINT. */
import { Command, Option } from 'commander';
import type { FastifyInstance } from 'fastify';
import { RealClock } from '../pkg/component/clock.js';
import { createLogger } from '../pkg/component/logger.js';
import { DamagedError, LockedError } from './backend/damage.js';
import { type AutoCompaction, KvServer } from './kv-server.js';
import { buildApp } from './server/app.js';

interface Flags {
  name: string;
  dataDir: string;
  listenClientUrls: string;
  autoCompactionMode: 'periodic' | 'revision';
  autoCompactionRetention: string;
  logLevel: string;
  v?: string;
}

const UNITS_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DEBUG_VERBOSITY = 4;

const program = new Command('etcd')
  .description('The store of the cluster: keys with history, on disk before they are acknowledged.')
  .option('--name <name>', 'human-readable name of this member', 'default')
  .option('--data-dir <dir>', 'path to the data directory', 'default.etcd')
  .option('--listen-client-urls <urls>', 'URLs to listen on', 'http://127.0.0.1:2379')
  .option(
    '--advertise-client-urls <urls>',
    'accepted for compatibility; there are no other members',
  )
  .addOption(
    new Option('--auto-compaction-mode <mode>', 'how to read the retention')
      .choices(['periodic', 'revision'])
      .default('periodic'),
  )
  .option('--auto-compaction-retention <value>', 'hours or a duration, or revisions; 0: never', '0')
  .option('--log-level <level>', 'debug, info, warn, error', 'info')
  .option('--v <level>', 'verbosity as of the other components');

const flags = program.parse().opts<Flags>();
const logger = createLogger(
  'etcd',
  flags.v !== undefined ? Number(flags.v) : flags.logLevel === 'debug' ? DEBUG_VERBOSITY : 0,
);
if (flags.logLevel === 'warn' || flags.logLevel === 'error') logger.level = flags.logLevel;

try {
  await serve();
} catch (err) {
  if (err instanceof DamagedError || err instanceof LockedError) logger.fatal(err.message);
  else logger.fatal({ err }, 'the store does not start');
  process.exitCode = 1;
}

async function serve(): Promise<void> {
  const stop = new AbortController();
  const server = await KvServer.open({
    dataDir: flags.dataDir,
    name: flags.name,
    clock: new RealClock(),
    logger,
    signal: stop.signal,
    autoCompaction: autoCompaction(flags),
    onFailure: (what, err) => {
      // Nothing may be acknowledged any more; what was is on disk.
      logger.fatal({ what, err }, 'the store can not go on');
      process.exit(1);
    },
  });
  const apps: FastifyInstance[] = [];
  for (const url of flags.listenClientUrls.split(',')) {
    const { hostname, port, protocol } = new URL(url);
    if (protocol !== 'http:') throw new Error(`only http is served, not ${url}`);
    const app = buildApp(server);
    const host = hostname.replace(/^\[|\]$/g, '');
    const address = await app.listen({ host, port: Number(port) });
    apps.push(app);
    logger.info({ address, revision: server.store.revision }, 'serving client requests');
  }
  const end = async (signal: NodeJS.Signals) => {
    process.off('SIGTERM', end).off('SIGINT', end);
    logger.info({ signal }, 'stopping');
    await Promise.all(apps.map((app) => app.close()));
    stop.abort(new Error('stopped'));
    await server.close();
  };
  process.on('SIGTERM', end).on('SIGINT', end);
}

function autoCompaction(from: Flags): AutoCompaction | undefined {
  const { autoCompactionMode: mode, autoCompactionRetention: retention } = from;
  const [, digits = '', unit] = /^(\d+)(ms|s|m|h)?$/.exec(retention) ?? [];
  if (digits === '') throw new Error(`--auto-compaction-retention: can not read ${retention}`);
  const amount = Number(digits);
  if (amount === 0) return undefined;
  if (mode === 'revision') return { mode, revisions: amount };
  return { mode, periodMs: amount * (UNITS_MS[unit ?? 'h'] ?? 0) };
}
