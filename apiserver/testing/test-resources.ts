/** Every built-in resource, with addresses to give out and no kubelet to reach. */
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';
import { KubeletConnection } from '../endpoints/kubelet-proxy.js';
import type { ResourceDefinition } from '../registry/resource.js';
import { builtInResources } from '../registry/resources/index.js';

export function testResources(etcd: EtcdClient): readonly ResourceDefinition[] {
  return builtInResources({
    serviceClusterIPRanges: ['10.96.0.0/16'],
    serviceNodePortRange: { from: 30_000, to: 32_767 },
    etcd,
    kubelet: new KubeletConnection({ clientCertificate: '', clientKey: '' }),
  });
}
