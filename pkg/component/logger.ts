/**
 * The log of a process: pino, one JSON object a line on stdout. A message is a constant sentence; what
 * varies stands in fields (`component`, `controller`, `namespace`, `name`, `uid`, `resourceVersion`,
 * `node`, `err`, `durationMs`). `info`: we changed something. `debug`: we looked. Never a Secret, a token
 * or a whole object.
 */
import { pino, stdTimeFunctions } from 'pino';

export type Logger = import('pino').Logger;

/** `--v`: 0–1 info, 2–3 info, 4–5 debug, 6 and up trace, as a Kubernetes user expects more with more. */
export function createLogger(component: string, verbosity = 0): Logger {
  const level = verbosity >= 6 ? 'trace' : verbosity >= 4 ? 'debug' : 'info';
  return pino({ level, base: { component }, timestamp: stdTimeFunctions.isoTime });
}

/** For tests and for code that was handed no logger. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
