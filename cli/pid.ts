/**
 * What the operating system says about a process. A pid alone is not an identity, since the system gives
 * it out again: a process is known by its pid and the time it started.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  pid: number;
  /** Opaque; equal for the same process only. */
  started: string;
}

/** Undefined where no such process lives (a zombie does not). */
export function identify(pid: number): ProcessIdentity | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The command stands in parentheses and may itself hold blanks and parentheses.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? undefined : { pid, started: fields[19] ?? '' };
    } catch {
      return undefined;
    }
  }
  try {
    const out = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
    return out.trim() === '' ? undefined : { pid, started: out.trim() };
  } catch {
    return undefined;
  }
}

export function isAlive(known: ProcessIdentity): boolean {
  return identify(known.pid)?.started === known.started;
}

/** Resident memory in bytes; 0 where it cannot be read. */
export function residentBytes(pid: number): number {
  try {
    if (process.platform === 'linux') {
      const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
      return Number(match?.[1] ?? 0) * 1024;
    }
    return (
      Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024
    );
  } catch {
    return 0;
  }
}

/** `KILL`, `sigkill` and `SIGKILL` alike. Throws on what is no signal to send to a process. */
export function signalOf(given: unknown): NodeJS.Signals {
  const text = typeof given === 'string' ? given.toUpperCase() : 'KILL';
  const signal = text.startsWith('SIG') ? text : `SIG${text}`;
  if (!/^SIG(KILL|TERM|INT|HUP|STOP|CONT|QUIT|USR1|USR2|ABRT)$/.test(signal)) {
    throw new Error(`"${text}" is no signal that can be sent`);
  }
  return signal as NodeJS.Signals;
}
