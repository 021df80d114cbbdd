/**
 * `npm test`: every compiled test file, two at a time: first those beside the code, then those under test/, which start
 * whole clusters. Files that measure how soon a cluster heals come last and run one at a time.
 *
 *   npm test -- etcd scheduler     only files whose path holds one of the words
 *
 * A file that fails is run once more by itself, when nothing else runs, and that run decides: what real processes do in
 * a given time depends on the machine. Both runs' failures are printed, so that nothing unsteady goes unseen.
 * The last line is `N passed, N failed, N skipped`, counted from tap's own results.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { globSync } from './glob.js';
import { type FileResult, tapResults } from './tap-results.js';

/** They hold the cluster to times, such as that of a takeover. */
const TIMED = /\/(heal|heal-all|etcd|fairness)\.test\.js$/;

const wanted = process.argv.slice(2);
const all = globSync(['dist'], (name) => name.endsWith('.test.js')).filter(
  (file) => wanted.length === 0 || wanted.some((word) => file.includes(word)),
);

mkdirSync('.tap', { recursive: true });
const kind = (file: string) =>
  !file.startsWith('dist/test/') ? 'unit' : TIMED.test(file) ? 'timed' : 'cluster';
const of = (name: ReturnType<typeof kind>) => all.filter((file) => kind(file) === name);
const first = [
  ...(await round('unit', of('unit'), 2)),
  ...(await round('cluster', of('cluster'), 2)),
  ...(await round('timed', of('timed'), 1)),
];
const failed = first.filter(({ ok }) => !ok);
const again = await round(
  'again',
  failed.map(({ file }) => file),
  1,
);
const decided = [...first.filter(({ ok }) => ok), ...again];

report('failed at first, run again alone:', failed);
report(
  'FAILED:',
  again.filter(({ ok }) => !ok),
);
const sum = (name: 'pass' | 'fail' | 'skip') =>
  decided.reduce((total, result) => total + result[name], 0);
process.exitCode = sum('fail') > 0 || sum('pass') === 0 ? 1 : 0;
process.stdout.write(`\n${sum('pass')} passed, ${sum('fail')} failed, ${sum('skip')} skipped\n`);

/** One result for each file; a file of which tap says nothing (a crash of the runner) failed. */
async function round(name: string, files: string[], jobs: number): Promise<FileResult[]> {
  if (files.length === 0) return [];
  const output = join('.tap', `${name}.tap`);
  rmSync(output, { force: true });
  await tap([`--jobs=${jobs}`, '--reporter=terse', `--output-file=${output}`, ...files]);
  const results = new Map(tapResults(read(output)).map((result) => [result.file, result]));
  return files.map(
    (file) => results.get(file) ?? { file, ok: false, pass: 0, fail: 1, skip: 0, failures: [] },
  );
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function report(title: string, results: FileResult[]): void {
  if (results.length === 0) return;
  process.stdout.write(`\n${title}\n`);
  for (const { file, failures } of results) {
    process.stdout.write(`  ${file}\n`);
    for (const { path, details } of failures) {
      process.stdout.write(`    ${path.join(' > ')}\n`);
      for (const line of details) process.stdout.write(`      ${line}\n`);
    }
  }
}

function tap(args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['node_modules/tap/dist/esm/run.mjs', 'run', ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', reject);
    child.on('exit', () => resolve());
  });
}
