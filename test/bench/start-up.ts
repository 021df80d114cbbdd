/** From `npm start` to three Ready nodes, and what seven idle processes keep in memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../support/run.js';
import type { Row, Section } from './report.js';
import { residentBytes } from './rig.js';

const RUNS = 3;
const IDLE_MS = 15_000;
const MIB = 2 ** 20;
const TIMEOUT_MS = 60_000;

interface ProcessRow {
  readonly name: string;
  readonly pid: number;
}

export async function benchStartUp(say: (text: string) => void): Promise<Section> {
  const seconds: number[] = [];
  let memory: Row[] = [];
  for (let i = 0; i < RUNS; i++) {
    say(`start-up: run ${i + 1} of ${RUNS} …`);
    const dataDir = mkdtempSync(join(tmpdir(), 'drydock-bench-'));
    try {
      const began = performance.now();
      await succeed('npm', ['start', '--', '--detach', '--secure-port=0', `--data-dir=${dataDir}`]);
      seconds.push((performance.now() - began) / 1000);
      if (i === RUNS - 1) memory = await idleMemory(dataDir, say);
    } finally {
      await succeed(process.execPath, ['dist/bin/drydock.js', 'reset', '--data-dir', dataDir]);
      rmSync(dataDir, { recursive: true, force: true });
    }
  }
  seconds.sort((a, b) => a - b);
  return {
    part: 'start-up',
    title: 'A whole cluster',
    method: `Seven processes: etcd, apiserver, scheduler, controller-manager and three kubelets, over TLS with
new certificates. Start-up is the time that \`npm start -- --detach\`, installed and built, takes until three nodes are
Ready, the median of ${RUNS} runs; memory is VmRSS after ${IDLE_MS / 1000} s without a user.`,
    rows: [
      {
        what: 'npm start to three Ready nodes',
        unit: 's',
        drydock: seconds[Math.floor(RUNS / 2)] ?? Number.NaN,
        aim: { value: 3, better: 'lower' },
      },
      ...memory,
    ],
  };
}

async function idleMemory(dataDir: string, say: (text: string) => void): Promise<Row[]> {
  say(`start-up: idle for ${IDLE_MS / 1000} s …`);
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const ps = ['dist/bin/drydock.js', 'ps', '-o', 'json', '--data-dir', dataDir];
  const processes = JSON.parse(await succeed(process.execPath, ps)) as ProcessRow[];
  const mib = (pid: number) => residentBytes(pid) / MIB;
  const rows = processes.map(
    ({ name, pid }): Row => ({
      what: `idle memory: ${name}`,
      unit: 'MiB',
      drydock: mib(pid),
    }),
  );
  const sum: Row = {
    what: 'idle memory: all seven',
    unit: 'MiB',
    drydock: rows.reduce((total, row) => total + row.drydock, 0),
    aim: { value: 600, better: 'lower' },
  };
  const first = processes[0]?.pid;
  const parent = Number((await run('ps', ['-o', 'ppid=', '-p', String(first)])).stdout);
  const supervisor: Row = { what: 'beside them: supervisor', unit: 'MiB', drydock: mib(parent) };
  return [...rows, sum, supervisor];
}

async function succeed(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
