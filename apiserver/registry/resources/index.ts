/**
 * Every built-in resource, one line each. The apiserver makes its paths, discovery, OpenAPI, tables and
 * RBAC rules from this list and from nothing else. Some definitions need what only the running server
 * has (address ranges, a way to the kubelets, a signing key): that comes in as `ResourceOptions`.
 */
import type { EtcdClient } from '../../../pkg/etcd-client/interface.js';
import type { KubeletConnection } from '../../endpoints/kubelet-proxy.js';
import { ServiceAllocator } from '../allocators/service-allocator.js';
import type { ResourceDefinition, Subresource } from '../resource.js';
import { nodeSubresources } from '../subresources/node-subresources.js';
import { podSubresources } from '../subresources/pod-subresources.js';
import { serviceSubresources } from '../subresources/service-subresources.js';
import { binding } from './binding.js';
import { configMap } from './config-map.js';
import { cronJob } from './cron-job.js';
import { daemonSet } from './daemon-set.js';
import { deployment } from './deployment.js';
import { endpointSlice } from './endpoint-slice.js';
import { endpoints } from './endpoints.js';
import { event } from './event.js';
import { eventV1 } from './event-v1.js';
import { job } from './job.js';
import { lease } from './lease.js';
import { namespace } from './namespace.js';
import { node } from './node.js';
import { pod } from './pod.js';
import { podTemplate } from './pod-template.js';
import { replicaSet } from './replica-set.js';
import { replicationController } from './replication-controller.js';
import { secret } from './secret.js';
import { service } from './service.js';
import { serviceAccount } from './service-account.js';
import { statefulSet } from './stateful-set.js';

export interface ResourceOptions {
  /** `--service-cluster-ip-range`: one CIDR, or one of each family; the first is the cluster's main family. */
  readonly serviceClusterIPRanges: readonly string[];
  /** `--service-node-port-range`, both ends included. */
  readonly serviceNodePortRange: { readonly from: number; readonly to: number };
  /** Where the node ports that are taken are kept. */
  readonly etcd: EtcdClient;
  /** How logs, exec and proxies reach the kubelets. */
  readonly kubelet: KubeletConnection;
  /** `serviceaccounts/token`, which signs with the server's key. */
  readonly serviceAccountToken?: Subresource;
}

export function builtInResources(options: ResourceOptions): readonly ResourceDefinition[] {
  const services = new ServiceAllocator(options);
  return [
    binding,
    configMap,
    endpoints,
    event,
    namespace,
    node(nodeSubresources(options.kubelet)),
    pod(podSubresources(options.kubelet)),
    podTemplate,
    replicationController,
    secret,
    service(services, serviceSubresources()),
    serviceAccount(options.serviceAccountToken),

    daemonSet,
    deployment,
    replicaSet,
    statefulSet,

    cronJob,
    job,

    lease,
    endpointSlice,
    eventV1,
  ];
}
