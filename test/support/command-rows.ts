/** Commands in a row, and what each prints. */
import type { Test } from 'tap';
import type { RunResult } from './run.js';

export interface CommandRow {
  /** Blanks part arguments; an array where an argument holds blanks. */
  readonly run: string | readonly string[];
  /** Each must match stdout. */
  readonly prints?: readonly RegExp[];
  /** Each must match stderr; without `fails`, warnings. */
  readonly says?: readonly RegExp[];
  readonly fails?: boolean;
}

export async function checkCommands(
  t: Test,
  rows: readonly CommandRow[],
  run: (args: string | readonly string[]) => Promise<RunResult>,
): Promise<void> {
  for (const row of rows) {
    const name = typeof row.run === 'string' ? row.run : row.run.join(' ');
    const { code, stdout, stderr } = await run(row.run);
    t.equal(code !== 0, row.fails === true, `${name}: exit ${code} ${stderr}`);
    for (const wanted of row.prints ?? []) t.match(stdout, wanted, `${name} prints ${wanted}`);
    for (const wanted of row.says ?? []) t.match(stderr, wanted, `${name} says ${wanted}`);
  }
}
