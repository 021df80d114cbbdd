import { join } from 'node:path';
import type { ClusterConfig } from '../cluster-config.js';
import { behindTheApi, type Descriptor, extraFlags, nursery, portOf } from './descriptor.js';
import { leaderElectedFlags } from './leader-elected.js';

export const controllerManager: Descriptor = (name, { layout, config }) => {
  const address = `https://127.0.0.1:${portOf(config, name)}`;
  return {
    name,
    program: 'controller-manager',
    args: [
      ...leaderElectedFlags(name, 'controller-manager', layout, config),
      `--service-account-private-key-file=${join(layout.pki, 'sa.key')}`,
      `--cluster-signing-cert-file=${join(layout.pki, 'ca.crt')}`,
      `--cluster-signing-key-file=${join(layout.pki, 'ca.key')}`,
      // Of no real network: nothing outside the cluster answers there.
      '--load-balancer-cidr=203.0.113.0/24',
      `--root-ca-file=${join(layout.pki, 'ca.crt')}`,
      '--use-service-account-credentials=true',
      '--allocate-node-cidrs=true',
      `--cluster-cidr=${clusterCidr(config)}`,
      ...(config.timing === 'quick'
        ? [
            '--node-monitor-period=1s',
            '--node-monitor-grace-period=6s',
            '--horizontal-pod-autoscaler-sync-period=5s',
            '--horizontal-pod-autoscaler-downscale-stabilization=30s',
          ]
        : []),
      ...extraFlags(config, 'controller-manager'),
    ],
    nodeArgs: nursery(config, 4),
    ...behindTheApi(config),
    address,
    ready: `${address}/healthz`,
    stage: 2,
  };
};

/** A /24 for each node: the usual range has 256 of them, the wide one 32,768. */
function clusterCidr({ nodes, hollowNodes }: ClusterConfig): string {
  return nodes.length + hollowNodes > 250 ? '10.128.0.0/9' : '10.244.0.0/16';
}
