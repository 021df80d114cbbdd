/** The flags that the scheduler and the controller-manager share. */
import { join } from 'node:path';
import type { ClusterConfig } from '../cluster-config.js';
import type { Layout } from '../layout.js';
import { ordinal, portOf } from './descriptor.js';

export function leaderElectedFlags(
  name: string,
  component: string,
  layout: Layout,
  config: ClusterConfig,
): string[] {
  // With several apiservers each peer talks to its own, so that no one of them is a single point of failure.
  const apiserver = (ordinal(name) - 1) % config.apiservers;
  const kubeconfig = layout.componentKubeconfig(
    apiserver === 0 ? component : `${component}-${apiserver + 1}`,
  );
  return [
    `--kubeconfig=${kubeconfig}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${portOf(config, name)}`,
    `--tls-cert-file=${join(layout.pki, `${component}.crt`)}`,
    `--tls-private-key-file=${join(layout.pki, `${component}.key`)}`,
    '--leader-elect=true',
    // A process that comes back under its own name is the same holder and need not wait for its old lease.
    `--leader-elect-identity=${name}`,
    ...(config.timing === 'quick'
      ? [
          '--leader-elect-lease-duration=4s',
          '--leader-elect-renew-deadline=3s',
          '--leader-elect-retry-period=1s',
        ]
      : []),
  ];
}
