/**
 * Puts and ranges per second of this store over its stream and, where Debian's etcd is installed, of etcd
 * over its JSON gateway, in one run, with ratios. `npx tsx etcd/store.bench.ts`, or `benchStore()`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RealClock } from '../pkg/component/clock.js';
import { silentLogger } from '../pkg/component/logger.js';
import { connect } from '../pkg/etcd-client/client.js';

export interface BenchRow {
  readonly what: string;
  readonly drydock: number;
  /** Undefined where etcd is not installed. */
  readonly etcd: number | undefined;
}

const CLIENTS = [1, 32, 256];
const PUTS = 5000;
const RANGES = 10;
const VALUE = Buffer.alloc(1024, 'x');
const clock = new RealClock();

export async function benchStore(): Promise<BenchRow[]> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const loader = extension === 'ts' ? ['--import', 'tsx'] : [];
  const main = new URL(`./main.${extension}`, import.meta.url).pathname;
  const own = await run(process.execPath, [...loader, main], await freeUrl());
  const installed = !spawnSync('etcd', ['--version']).error;
  const peer = await freeUrl();
  const flags = [`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`];
  flags.push(`--initial-cluster=default=${peer}`);
  const real = installed ? await run('etcd', flags, await freeUrl()) : undefined;
  return own.map(({ what, rate }, i) => ({ what, drydock: rate, etcd: real?.[i]?.rate }));
}

async function run(
  command: string,
  args: string[],
  url: string,
): Promise<{ what: string; rate: number }[]> {
  const dir = mkdtempSync(join(tmpdir(), 'store-bench-'));
  const common = [`--data-dir=${dir}`, `--listen-client-urls=${url}`];
  const child: ChildProcess = spawn(
    command,
    [...args, ...common, `--advertise-client-urls=${url}`],
    { stdio: 'ignore' },
  );
  try {
    for (let tries = 0; tries < 100; tries++) {
      const response = await fetch(`${url}/version`).catch(() => undefined);
      if (response?.ok) break;
      await clock.sleep(100);
    }
    const etcd = await connect({ endpoints: [url], logger: silentLogger(), clock });
    const rows: { what: string; rate: number }[] = [];
    for (const clients of CLIENTS) {
      const total = clients === 1 ? PUTS / 10 : PUTS;
      let left = total;
      const from = clock.monotonic();
      const client = async () => {
        while (left-- > 0) {
          await etcd.txn([], [{ type: 'put', key: `/bench/${left}`, value: VALUE }], []);
        }
      };
      await Promise.all(Array.from({ length: clients }, client));
      const rate = (total / (clock.monotonic() - from)) * 1000;
      rows.push({ what: `puts/s, ${clients} clients`, rate });
    }
    const from = clock.monotonic();
    for (let i = 0; i < RANGES; i++) await etcd.range('/bench/', { rangeEnd: '/bench0' });
    rows.push({
      what: `ranges/s of ${PUTS} keys`,
      rate: (RANGES / (clock.monotonic() - from)) * 1000,
    });
    await etcd.close();
    return rows;
  } finally {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  }
}

async function freeUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const rows = await benchStore();
  console.table(
    rows.map(({ what, drydock, etcd }) => ({
      what,
      drydock: Math.round(drydock),
      etcd: etcd === undefined ? 'not installed' : Math.round(etcd),
      ratio: etcd === undefined ? '' : (drydock / etcd).toFixed(1),
    })),
  );
}
