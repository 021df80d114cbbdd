/**
 * Every built-in resource, one line each. The apiserver makes its paths, discovery, OpenAPI, tables and
 * RBAC rules from this list and from nothing else. Some definitions need what only the running server
 * has (address ranges, a way to the kubelets, a signing key): that comes in as `ResourceOptions`.
 */
import type { EtcdClient } from '../../../pkg/etcd-client/interface.js';
import type { TokenAuthenticator } from '../../authn/authenticator.js';
import type { KubeletConnection } from '../../endpoints/kubelet-proxy.js';
import type { OptionalApis } from '../../server/optional-apis.js';
import type { UsageReader } from '../../usage/usage-reader.js';
import { ServiceAllocator } from '../allocators/service-allocator.js';
import type { ResourceDefinition, Subresource } from '../resource.js';
import { nodeSubresources } from '../subresources/node-subresources.js';
import { podSubresources } from '../subresources/pod-subresources.js';
import { serviceSubresources } from '../subresources/service-subresources.js';
import { apiService } from './api-service.js';
import { binding } from './binding.js';
import { certificateSigningRequest } from './certificate-signing-request.js';
import { clusterRole } from './cluster-role.js';
import { clusterRoleBinding } from './cluster-role-binding.js';
import { type ComponentProbes, componentStatus } from './component-status.js';
import { configMap } from './config-map.js';
import { controllerRevision } from './controller-revision.js';
import { cronJob } from './cron-job.js';
import { csiDriver } from './csi-driver.js';
import { csiNode } from './csi-node.js';
import { csiStorageCapacity } from './csi-storage-capacity.js';
import { customResourceDefinition } from './custom-resource-definition.js';
import { daemonSet } from './daemon-set.js';
import { deployment } from './deployment.js';
import { deviceClass } from './device-class.js';
import { endpointSlice } from './endpoint-slice.js';
import { endpoints } from './endpoints.js';
import { event } from './event.js';
import { eventV1 } from './event-v1.js';
import { flowSchema } from './flow-schema.js';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.js';
import { horizontalPodAutoscalerV1 } from './horizontal-pod-autoscaler-v1.js';
import { ingress } from './ingress.js';
import { ingressClass } from './ingress-class.js';
import { ipAddress } from './ip-address.js';
import { job } from './job.js';
import { lease } from './lease.js';
import { limitRange } from './limit-range.js';
import { mutatingAdmissionPolicy } from './mutating-admission-policy.js';
import { mutatingAdmissionPolicyBinding } from './mutating-admission-policy-binding.js';
import { mutatingWebhookConfiguration } from './mutating-webhook-configuration.js';
import { namespace } from './namespace.js';
import { networkPolicy } from './network-policy.js';
import { node } from './node.js';
import { nodeMetrics } from './node-metrics.js';
import { persistentVolume } from './persistent-volume.js';
import { persistentVolumeClaim } from './persistent-volume-claim.js';
import { pod } from './pod.js';
import { podDisruptionBudget } from './pod-disruption-budget.js';
import { podMetrics } from './pod-metrics.js';
import { podTemplate } from './pod-template.js';
import { priorityClass } from './priority-class.js';
import { priorityLevelConfiguration } from './priority-level-configuration.js';
import { replicaSet } from './replica-set.js';
import { replicationController } from './replication-controller.js';
import { resourceClaim } from './resource-claim.js';
import { resourceClaimTemplate } from './resource-claim-template.js';
import { resourceQuota } from './resource-quota.js';
import { resourceSlice } from './resource-slice.js';
import { role } from './role.js';
import { roleBinding } from './role-binding.js';
import { runtimeClass } from './runtime-class.js';
import { secret } from './secret.js';
import { selfSubjectReview } from './self-subject-review.js';
import { type RulesOf, selfSubjectRulesReview } from './self-subject-rules-review.js';
import { service } from './service.js';
import { serviceAccount } from './service-account.js';
import { serviceCIDR } from './service-cidr.js';
import { statefulSet } from './stateful-set.js';
import { storageClass } from './storage-class.js';
import {
  localSubjectAccessReview,
  selfSubjectAccessReview,
  subjectAccessReview,
} from './subject-access-review.js';
import { tokenReview } from './token-review.js';
import { validatingAdmissionPolicy } from './validating-admission-policy.js';
import { validatingAdmissionPolicyBinding } from './validating-admission-policy-binding.js';
import { validatingWebhookConfiguration } from './validating-webhook-configuration.js';
import { volumeAttachment } from './volume-attachment.js';
import { volumeAttributesClass } from './volume-attributes-class.js';

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
  /** What TokenReview asks; absent: none is served. */
  readonly tokens?: readonly TokenAuthenticator[];
  /** What SelfSubjectRulesReview asks. */
  readonly rulesOf?: RulesOf;
  /** Who is asked for `componentstatuses`. */
  readonly components?: ComponentProbes;
  /** What is off by default; nothing of it when absent. */
  readonly optional?: OptionalApis;
  /** Where metrics.k8s.io reads; absent: it is not served. */
  readonly usage?: UsageReader;
}

export function builtInResources(options: ResourceOptions): readonly ResourceDefinition[] {
  const services = new ServiceAllocator(options);
  return [
    binding,
    componentStatus(options.components ?? {}),
    configMap,
    endpoints,
    event,
    limitRange,
    namespace,
    node(nodeSubresources(options.kubelet)),
    persistentVolume,
    persistentVolumeClaim,
    pod(podSubresources(options.kubelet)),
    podTemplate,
    replicationController,
    resourceQuota,
    secret,
    service(services, serviceSubresources()),
    serviceAccount(options.serviceAccountToken),

    controllerRevision,
    daemonSet,
    deployment,
    replicaSet,
    statefulSet,

    cronJob,
    job,

    horizontalPodAutoscaler,
    horizontalPodAutoscalerV1,
    podDisruptionBudget,
    priorityClass,
    runtimeClass,

    ingress,
    ingressClass,
    ipAddress,
    networkPolicy,
    serviceCIDR,

    csiDriver,
    csiNode,
    csiStorageCapacity,
    storageClass,
    volumeAttachment,
    volumeAttributesClass,

    clusterRole,
    clusterRoleBinding,
    role,
    roleBinding,
    certificateSigningRequest,

    ...(options.optional?.mutatingAdmissionPolicies
      ? [mutatingAdmissionPolicy, mutatingAdmissionPolicyBinding]
      : []),
    mutatingWebhookConfiguration,
    validatingAdmissionPolicy,
    validatingAdmissionPolicyBinding,
    validatingWebhookConfiguration,
    apiService,
    customResourceDefinition,
    flowSchema,
    priorityLevelConfiguration,

    deviceClass,
    resourceClaim,
    resourceClaimTemplate,
    resourceSlice,

    lease,
    endpointSlice,
    eventV1,

    ...(options.usage ? [nodeMetrics(options.usage), podMetrics(options.usage)] : []),

    selfSubjectReview,
    tokenReview(options.tokens ?? []),
    localSubjectAccessReview,
    selfSubjectAccessReview,
    selfSubjectRulesReview(options.rulesOf ?? (() => [])),
    subjectAccessReview,
  ];
}
