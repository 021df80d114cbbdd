import { join } from 'node:path';
import { type Descriptor, extraFlags, nursery, portOf } from './descriptor.js';

/** A thousand nodes of others would not take the processors of the machines that the API runs on. */
const HOLLOW_NICENESS = 5;

export const kubelet: Descriptor = (name, { layout, config }) => {
  const node = name.slice('kubelet-'.length);
  const hollow = node === 'hollow';
  const port = portOf(config, name);
  const address = `https://127.0.0.1:${port}`;
  const certificate = (suffix: string) => join(layout.pki, `kubelet-${node}.${suffix}`);
  return {
    name,
    program: 'kubelet',
    args: [
      `--kubeconfig=${layout.componentKubeconfig(`kubelet-${node}`)}`,
      ...(hollow ? [`--hollow-nodes=${config.hollowNodes}`] : [`--hostname-override=${node}`]),
      '--node-ip=127.0.0.1',
      '--address=127.0.0.1',
      `--port=${port}`,
      `--client-ca-file=${join(layout.pki, 'ca.crt')}`,
      `--tls-cert-file=${certificate('crt')}`,
      `--tls-private-key-file=${certificate('key')}`,
      `--root-dir=${layout.kubelet(node)}`,
      `--container-runtime-endpoint=${config.runtime}://`,
      ...(config.timing === 'quick' ? ['--node-lease-duration-seconds=8'] : []),
      ...extraFlags(config, 'kubelet'),
    ],
    nodeArgs: hollow ? nursery(config, 16) : ['--max-semi-space-size=2'],
    ...(hollow ? { niceness: HOLLOW_NICENESS } : {}),
    address,
    ready: `${address}/healthz`,
    stage: 2,
  };
};
