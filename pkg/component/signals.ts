import { setMaxListeners } from 'node:events';

/**
 * SIGINT and SIGTERM as an AbortSignal: the first asks a process to stop in order, a second one ends it at
 * once, as Kubernetes' own components do.
 */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  // Every request of the process listens to it.
  setMaxListeners(0, stop.signal);
  const onSignal = (name: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort(new Error(`stopped by ${name}`));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return stop.signal;
}
