import { join } from 'node:path';
import { type Descriptor, extraFlags, nursery, portOf } from './descriptor.js';

/** Quick timing: pods leave a dead node after this long instead of Kubernetes' five minutes. */
const QUICK_TOLERATION_SECONDS = 5;

export const apiserver: Descriptor = (name, { layout, config }) => {
  const pki = (file: string) => join(layout.pki, file);
  const port = portOf(config, name);
  const etcdServers = config.etcdServers ?? `http://127.0.0.1:${portOf(config, 'etcd')}`;
  const host = config.bindAddress === '0.0.0.0' ? '127.0.0.1' : config.bindAddress;
  return {
    name,
    program: 'apiserver',
    args: [
      `--etcd-servers=${etcdServers}`,
      `--bind-address=${config.bindAddress}`,
      `--secure-port=${port}`,
      `--client-ca-file=${pki('ca.crt')}`,
      `--tls-cert-file=${pki('apiserver.crt')}`,
      `--tls-private-key-file=${pki('apiserver.key')}`,
      `--service-account-key-file=${pki('sa.pub')}`,
      `--service-account-signing-key-file=${pki('sa.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--authorization-mode=Node,RBAC',
      `--kubelet-client-certificate=${pki('apiserver-kubelet-client.crt')}`,
      `--kubelet-client-key=${pki('apiserver-kubelet-client.key')}`,
      '--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname',
      `--requestheader-client-ca-file=${pki('front-proxy-ca.crt')}`,
      '--requestheader-allowed-names=front-proxy-client',
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      '--requestheader-uid-headers=X-Remote-Uid',
      `--proxy-client-cert-file=${pki('front-proxy-client.crt')}`,
      `--proxy-client-key-file=${pki('front-proxy-client.key')}`,
      ...['scheduler', 'controller-manager'].map(
        (component) =>
          `--component-status-urls=${component}=https://127.0.0.1:${portOf(config, component)}/healthz`,
      ),
      ...(config.timing === 'quick'
        ? [
            `--default-not-ready-toleration-seconds=${QUICK_TOLERATION_SECONDS}`,
            `--default-unreachable-toleration-seconds=${QUICK_TOLERATION_SECONDS}`,
          ]
        : []),
      ...extraFlags(config, 'apiserver'),
    ],
    nodeArgs: nursery(config, 16),
    address: `https://${host}:${port}`,
    ready: `https://${host}:${port}/readyz`,
    stage: 1,
  };
};
