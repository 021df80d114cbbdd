/**
 * `npm test`: every compiled test file, in two rounds. Tests beside the code run two at a time; those under
 * test/ start whole clusters and run one at a time, so that they do not take each other's processor.
 *
 *   npm test -- etcd scheduler     only files whose path holds one of the words
 *
 * The last line is `N passed, N failed, N skipped`, counted from tap's own results.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { globSync } from './glob.js';

interface Counts {
  pass: number;
  fail: number;
  skip: number;
}

const wanted = process.argv.slice(2);
const all = globSync(['dist'], (name) => name.endsWith('.test.js')).filter(
  (file) => wanted.length === 0 || wanted.some((word) => file.includes(word)),
);
const rounds = [
  { name: 'unit', files: all.filter((file) => !file.startsWith('dist/test/')), jobs: 2 },
  { name: 'cluster', files: all.filter((file) => file.startsWith('dist/test/')), jobs: 1 },
];

mkdirSync('.tap', { recursive: true });
const sum: Counts = { pass: 0, fail: 0, skip: 0 };
let failed = false;
for (const round of rounds) {
  if (round.files.length === 0) continue;
  const output = join('.tap', `${round.name}.tap`);
  const code = await tap([
    'run',
    `--jobs=${round.jobs}`,
    '--reporter=terse',
    `--output-file=${output}`,
    ...round.files,
  ]);
  const counts = countsOf(readFileSync(output, 'utf8'));
  sum.pass += counts.pass;
  sum.skip += counts.skip;
  // A round that failed without a counted failure (a crash, a time-out) counts as one.
  sum.fail += code === 0 ? counts.fail : Math.max(1, counts.fail);
  failed ||= code !== 0;
}
if (sum.pass === 0) failed = true;
process.exitCode = failed ? 1 : 0;
process.stdout.write(`\n${sum.pass} passed, ${sum.fail} failed, ${sum.skip} skipped\n`);

/** tap closes with `# { total: 6, pass: 2, fail: 1, skip: 3 }`, leaving out what is zero. */
function countsOf(text: string): Counts {
  const closing = [...text.matchAll(/^# \{ (.*) \}$/gm)].at(-1)?.[1] ?? '';
  const read = (name: string) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(closing)?.[1] ?? 0);
  return { pass: read('pass'), fail: read('fail'), skip: read('skip') + read('todo') };
}

function tap(args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['node_modules/tap/dist/esm/run.mjs', ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
