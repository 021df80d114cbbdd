/**
 * The runtimes by the scheme of `--container-runtime-endpoint`. A new one is a folder beside this file and
 * one line in `RUNTIMES`.
 */
import { join } from 'node:path';
import type { Clock } from '../../pkg/component/clock.js';
import type { ContainerRuntime } from './interface.js';
import { Journal } from './simulated/journal.js';
import type { ServiceAddresses } from './simulated/names.js';
import { SimulatedRuntime } from './simulated/simulated-runtime.js';

export interface RuntimeFactoryOptions {
  readonly endpoint: string;
  readonly rootDir: string;
  readonly clock: Clock;
  /** For runtimes without a network of their own. */
  readonly services?: ServiceAddresses;
}

/** Makes the runtime of each node of this process; `close` when all of them are closed. */
export interface RuntimeFactory {
  forNode(nodeName: string): ContainerRuntime;
  close(): Promise<void>;
}

const RUNTIMES: Readonly<Record<string, (options: RuntimeFactoryOptions) => RuntimeFactory>> = {
  simulated: simulatedRuntimes,
};

export function createRuntimes(options: RuntimeFactoryOptions): RuntimeFactory {
  const scheme = options.endpoint.split('://')[0] ?? '';
  const make = RUNTIMES[scheme];
  if (!make || !options.endpoint.includes('://')) {
    const known = Object.keys(RUNTIMES).map((name) => `${name}://`);
    throw new Error(
      `container runtime endpoint ${JSON.stringify(options.endpoint)} is not supported; use one of: ${known.join(', ')}`,
    );
  }
  return make(options);
}

function simulatedRuntimes({ rootDir, clock, services }: RuntimeFactoryOptions): RuntimeFactory {
  const journal = new Journal(join(rootDir, 'runtime', 'state.jsonl'));
  const restored = new Map<string, ReturnType<Journal['load']>>();
  for (const record of journal.load()) {
    const known = restored.get(record.node);
    if (known) known.push(record);
    else restored.set(record.node, [record]);
  }
  return {
    forNode(nodeName) {
      const records = restored.get(nodeName) ?? [];
      restored.delete(nodeName);
      return new SimulatedRuntime({
        nodeName,
        clock,
        journal,
        restored: records,
        ...(services ? { services } : {}),
      });
    },
    async close() {
      journal.close();
    },
  };
}
