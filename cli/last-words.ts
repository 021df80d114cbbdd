/** What each process wrote last, as a person reads it: for a start that failed. */
import { readFileSync } from 'node:fs';
import type { Layout } from './layout.js';

const LINES = 2;
/** pino's numbers. */
const LEVELS: Record<number, string> = { 40: 'warning: ', 50: 'error: ', 60: 'fatal: ' };

export function lastWords(layout: Layout, processes: readonly string[]): string {
  return processes
    .map((name) => {
      const lines = tail(layout.log(name)).map(sentence);
      return `  ${name}: ${lines.join(`\n  ${' '.repeat(name.length)}  `) || 'wrote nothing'}`;
    })
    .join('\n');
}

function tail(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LINES);
  } catch {
    return [];
  }
}

/** `error: cannot open the store: LOCK is held` of a line of the log; other lines, such as a stack of Node's, as they are. */
function sentence(line: string): string {
  try {
    const { level, msg, err } = JSON.parse(line) as {
      level?: number;
      msg?: string;
      err?: string | { message?: string };
    };
    const cause = typeof err === 'string' ? err : err?.message;
    return `${LEVELS[level ?? 0] ?? ''}${msg ?? ''}${cause === undefined ? '' : `: ${cause}`}`;
  } catch {
    return line;
  }
}
