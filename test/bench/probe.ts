/**
 * Reads and writes one object over and over, as somebody would who works on the cluster meanwhile. In a process of its
 * own: what loads the cluster has no time to look at a clock.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ConfigMap } from '../../pkg/api/types.js';
import { loadKubeconfig } from '../../pkg/client/config.js';
import { CONFIG_MAPS } from '../../pkg/client/resources.js';
import { RestClient } from '../../pkg/client/rest.js';

/** Between two turns. */
export const PROBE_PERIOD_MS = 20;
const MAIN = 'dist/test/bench/probe-main.js';

/** How long each took, in milliseconds. */
export interface Latencies {
  readonly getMs: readonly number[];
  readonly putMs: readonly number[];
}

/** What runs in the process: until the signal aborts. */
export async function probe(
  kubeconfig: string,
  namespace: string,
  signal: AbortSignal,
): Promise<Latencies> {
  const client = new RestClient({ config: await loadKubeconfig(kubeconfig), userAgent: 'probe' });
  const maps = client.resource<ConfigMap>(CONFIG_MAPS);
  const getMs: number[] = [];
  const putMs: number[] = [];
  const timed = async <T>(into: number[], call: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await call();
    into.push(performance.now() - began);
    return result;
  };
  try {
    let object = await maps.create({ metadata: { namespace, name: 'probe' } });
    for (let turn = 0; !signal.aborted; turn++) {
      object = await timed(getMs, () => maps.get(namespace, 'probe'));
      object.data = { turn: String(turn) };
      await timed(putMs, () => maps.update(object));
      await new Promise((resolve) => setTimeout(resolve, PROBE_PERIOD_MS));
    }
  } finally {
    await client.close();
  }
  return { getMs, putMs };
}

/** The process that probes, seen from the one that started it. */
export class Probe {
  private constructor(private readonly child: ChildProcessByStdio<Writable, Readable, null>) {}

  static start(kubeconfig: string, namespace: string): Probe {
    const child = spawn(process.execPath, [MAIN, kubeconfig, namespace], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new Probe(child);
  }

  async stop(): Promise<Latencies> {
    this.child.stdin.end();
    const [printed] = await Promise.all([text(this.child.stdout), once(this.child, 'close')]);
    if (printed === '') throw new Error('the probe ended without a figure');
    return JSON.parse(printed);
  }

  /** Where its figures are of no use. */
  kill(): void {
    this.child.kill('SIGKILL');
  }
}
