#!/usr/bin/env node
/**
 * The kubelet's command line. It registers its node, runs the pods bound to it, and serves logs and stats.
 * With `--hollow-nodes N` the process is N nodes.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Taint } from '../pkg/api/types.js';
import { loadKubeconfig } from '../pkg/client/config.js';
import { RestClient } from '../pkg/client/rest.js';
import { RealClock } from '../pkg/component/clock.js';
import { Flags, type FlagValues } from '../pkg/component/flags.js';
import { createLogger } from '../pkg/component/logger.js';
import { ownAddress } from '../pkg/component/own-address.js';
import { stopSignal } from '../pkg/component/signals.js';
import { Kubelet } from './kubelet.js';
import { createRuntimes } from './runtime/index.js';
import { KubeletServer } from './server/server.js';

/** What a simulated node offers when it is not told: more than the machine has, for nothing really runs. */
const DEFAULT_CAPACITY =
  'cpu=16,memory=65536Mi,ephemeral-storage=256Gi,hugepages-1Gi=0,hugepages-2Mi=0';

const FLAGS = new Flags('kubelet', 'runs the pods of one node, or of many hollow ones')
  .text('kubeconfig', 'how to reach the API server')
  .text('hostname-override', "the node's name; the host's when empty")
  .text('node-ip', "the node's address; absent: the machine's own")
  .text('address', 'where to serve HTTPS', '0.0.0.0')
  .integer('port', 'the port to serve on; 0 takes a free one', 10250)
  .text('tls-cert-file', 'the serving certificate')
  .text('tls-private-key-file', 'its key')
  .text('client-ca-file', 'whose certificates callers must show')
  .text('root-dir', 'where state and logs are kept', '/var/lib/kubelet')
  .boolean('register-node', 'create the Node object', true)
  .list('register-with-taints', 'key=value:effect, for a new Node')
  .list('node-labels', 'key=value')
  .integer('max-pods', 'how many pods may run here', 110)
  .duration('node-status-update-frequency', 'how often the status is looked at', '10s')
  .integer('node-lease-duration-seconds', 'how long the node lives without a heartbeat', 40)
  .text('container-runtime-endpoint', 'simulated://', 'simulated://')
  .text('simulated-capacity', 'what a simulated node offers', DEFAULT_CAPACITY)
  .integer('hollow-nodes', 'be this many nodes', 0)
  .text('hollow-prefix', 'the first part of their names', 'hollow-')
  .integer('v', 'how much to log', 0);

async function main(): Promise<void> {
  const flags = FLAGS.parse(process.argv.slice(2));
  const logger = createLogger('kubelet', flags.number('v'));
  const signal = stopSignal();
  const clock = new RealClock();
  const rootDir = flags.text('root-dir');
  const hollowNodes = flags.number('hollow-nodes');
  const client = new RestClient({
    config: await loadKubeconfig(flags.text('kubeconfig')),
    userAgent: 'kubelet',
    clock,
    maxConnections: 16,
  });
  const wired: { kubelet: Kubelet | undefined } = { kubelet: undefined };
  const runtimes = createRuntimes({
    endpoint: flags.text('container-runtime-endpoint'),
    rootDir,
    clock,
    services: (namespace, name) => wired.kubelet?.serviceAddresses(namespace, name),
  });
  const clientCa = flags.text('client-ca-file');
  const server = new KubeletServer({
    address: flags.text('address'),
    port: flags.number('port'),
    ...(await servingCertificate(flags)),
    ...(clientCa === '' ? {} : { clientCa: readFileSync(clientCa, 'utf8') }),
    agents: () => wired.kubelet?.agents() ?? [],
    config: configz(flags),
    health: () => undefined,
    clock,
    logger,
  });
  const port = await server.listen();
  wired.kubelet = new Kubelet({
    client,
    runtimes,
    nodes: nodeNames(flags, hollowNodes).map((name) => ({
      name,
      ip: flags.text('node-ip') || ownAddress(),
      port,
      labels: pairs(flags.list('node-labels')),
      taints: flags.list('register-with-taints').map(parseTaint),
      capacity: {
        ...pairs(flags.text('simulated-capacity').split(',')),
        pods: String(flags.number('max-pods')),
      },
    })),
    hollow: hollowNodes > 0,
    register: flags.boolean('register-node'),
    statusIntervalMs: flags.number('node-status-update-frequency'),
    leaseDurationSeconds: flags.number('node-lease-duration-seconds'),
    rootDir,
    clock,
    logger,
  });
  logger.info(
    { port, nodes: Math.max(1, hollowNodes), runtime: flags.text('container-runtime-endpoint') },
    'Kubelet is serving',
  );
  try {
    await wired.kubelet.run(signal);
  } finally {
    await server.close();
    await client.close();
  }
}

function nodeNames(flags: FlagValues, hollow: number): string[] {
  if (hollow > 0) {
    return Array.from({ length: hollow }, (_, i) => `${flags.text('hollow-prefix')}${i + 1}`);
  }
  return [(flags.text('hostname-override') || hostname()).toLowerCase()];
}

async function servingCertificate(flags: FlagValues): Promise<{ cert: string; key: string }> {
  const cert = flags.text('tls-cert-file');
  const key = flags.text('tls-private-key-file');
  if (cert !== '' && key !== '')
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  const { generateSelfSigned } = await import('../pkg/component/pki.js');
  return generateSelfSigned('kubelet', Date.now());
}

function configz(flags: FlagValues): Record<string, unknown> {
  return {
    address: flags.text('address'),
    port: flags.number('port'),
    maxPods: flags.number('max-pods'),
    nodeStatusUpdateFrequency: `${flags.number('node-status-update-frequency') / 1000}s`,
    nodeLeaseDurationSeconds: flags.number('node-lease-duration-seconds'),
    registerNode: flags.boolean('register-node'),
    containerRuntimeEndpoint: flags.text('container-runtime-endpoint'),
    containerLogMaxSize: '10Mi',
    containerLogMaxFiles: 5,
  };
}

function pairs(list: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function parseTaint(text: string): Taint {
  const found = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(text);
  if (!found) throw new Error(`invalid taint ${JSON.stringify(text)}: it must be key=value:effect`);
  return { key: found[1] ?? '', ...(found[2] ? { value: found[2] } : {}), effect: found[3] ?? '' };
}

main().catch((err: unknown) => {
  createLogger('kubelet').fatal({ err }, 'Kubelet failed');
  process.exitCode = 1;
});
