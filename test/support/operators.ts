/**
 * The same operator three times, each with a client that others wrote: how to start it, or why it cannot be
 * started here. The Go one takes minutes to build from nothing: it is built when DRYDOCK_TEST_GO is set, and
 * found in .cache/ otherwise.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Found } from './binaries.js';
import type { Cluster } from './cluster.js';
import { run } from './run.js';

export interface Operator {
  readonly name: string;
  /** Of two copies one works, and the other takes over. */
  readonly elects?: boolean;
  find(): Promise<Found>;
  start(path: string, cluster: Cluster): ChildProcess;
}

const BUILD_MS = 600_000;
const GO_SOURCE = join(process.cwd(), 'test/third-party/go-operator');
const GO_BINARY = join(process.cwd(), '.cache/site-operator');
const PYTHON_SOURCE = join(process.cwd(), 'test/third-party/python-operator/operator_of_sites.py');
const PYTHON_PACKAGES = join(process.cwd(), '.cache/python');

export const OPERATORS: readonly Operator[] = [
  {
    name: '@kubernetes/client-node',
    find: async () => ({ path: fileURLToPath(new URL('./site-operator.js', import.meta.url)) }),
    start: (path, cluster) => launch(process.execPath, [path], cluster),
  },
  {
    name: 'Go controller-runtime',
    elects: true,
    find: goOperator,
    start: (path, cluster) => launch(path, [], cluster),
  },
  {
    name: 'the Python client',
    find: async () =>
      (await succeeds('python3', ['-c', 'import kubernetes'], { PYTHONPATH: PYTHON_PACKAGES }))
        ? { path: PYTHON_SOURCE }
        : { missing: 'Python and its package kubernetes are not here' },
    start: (path, cluster) => launch('python3', ['-u', path], cluster),
  },
];

async function goOperator(): Promise<Found> {
  const path = GO_BINARY;
  if (process.env['DRYDOCK_TEST_GO']) {
    const built = await succeeds('go', ['build', '-C', GO_SOURCE, '-o', path, '.'], {});
    return built ? { path } : { missing: 'go cannot build it here' };
  }
  const changed = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return changed(path) >= changed(join(GO_SOURCE, 'main.go'))
    ? { path }
    : { missing: 'DRYDOCK_TEST_GO=1 builds it, in some minutes' };
}

async function succeeds(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<boolean> {
  try {
    return (await run(command, args, { env, timeoutMs: BUILD_MS })).code === 0;
  } catch {
    return false;
  }
}

function launch(command: string, args: readonly string[], cluster: Cluster): ChildProcess {
  return spawn(command, args, {
    env: {
      ...process.env,
      KUBECONFIG: cluster.kubeconfig,
      HOME: cluster.dataDir,
      PYTHONPATH: PYTHON_PACKAGES,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
