/** Every controller there is, one line each, in the order in which they start. */
import type { ControllerDescriptor } from '../controller.js';
import { attachDetach } from './attach-detach.js';
import { bootstrapSigner } from './bootstrap-signer.js';
import { clusterRoleAggregation } from './cluster-role-aggregation.js';
import { cronJob } from './cron-job.js';
import { csrApproving } from './csr-approving.js';
import { csrCleaner } from './csr-cleaner.js';
import { csrSigning } from './csr-signing.js';
import { daemonSet } from './daemon-set.js';
import { deployment } from './deployment.js';
import { disruption } from './disruption.js';
import { endpointSlice } from './endpoint-slice.js';
import { endpointSliceMirroring } from './endpoint-slice-mirroring.js';
import { endpoints } from './endpoints.js';
import { ephemeralVolume } from './ephemeral-volume.js';
import { garbageCollector } from './garbage-collector.js';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.js';
import { hostpathProvisioner } from './hostpath-provisioner.js';
import { job } from './job.js';
import { legacyTokenCleaner } from './legacy-token-cleaner.js';
import { namespaceController } from './namespace.js';
import { nodeIpam } from './node-ipam.js';
import { nodeLifecycle } from './node-lifecycle.js';
import { nodeTtl } from './node-ttl.js';
import { persistentVolumeBinder } from './persistent-volume-binder.js';
import { persistentVolumeClaimProtection } from './persistent-volume-claim-protection.js';
import { persistentVolumeExpander } from './persistent-volume-expander.js';
import { persistentVolumeProtection } from './persistent-volume-protection.js';
import { podGarbageCollector } from './pod-gc.js';
import { replicaSet } from './replica-set.js';
import { replicationController } from './replication-controller.js';
import { resourceClaim } from './resource-claim.js';
import { resourceQuota } from './resource-quota.js';
import { rootCaPublisher } from './root-ca-publisher.js';
import { serviceAccount } from './service-account.js';
import { serviceAccountTokens } from './service-account-tokens.js';
import { serviceCidrs } from './service-cidrs.js';
import { serviceLoadBalancer } from './service-load-balancer.js';
import { simulatedLoad } from './simulated-load.js';
import { statefulSet } from './stateful-set.js';
import { taintEviction } from './taint-eviction.js';
import { tokenCleaner } from './token-cleaner.js';
import { ttlAfterFinished } from './ttl-after-finished.js';
import { validatingAdmissionPolicyStatus } from './validating-admission-policy-status.js';
import { volumeAttributesClassProtection } from './volume-attributes-class-protection.js';

export const CONTROLLERS: readonly ControllerDescriptor[] = [
  nodeIpam,
  nodeLifecycle,
  serviceAccount,
  rootCaPublisher,
  namespaceController,
  deployment,
  replicaSet,
  replicationController,
  statefulSet,
  daemonSet,
  job,
  cronJob,
  endpoints,
  endpointSlice,
  taintEviction,
  podGarbageCollector,
  disruption,
  horizontalPodAutoscaler,
  ttlAfterFinished,
  legacyTokenCleaner,
  serviceAccountTokens,
  bootstrapSigner,
  tokenCleaner,
  serviceCidrs,
  endpointSliceMirroring,
  serviceLoadBalancer,
  nodeTtl,
  csrCleaner,
  csrSigning,
  csrApproving,
  resourceQuota,
  persistentVolumeBinder,
  hostpathProvisioner,
  persistentVolumeClaimProtection,
  persistentVolumeProtection,
  volumeAttributesClassProtection,
  persistentVolumeExpander,
  attachDetach,
  ephemeralVolume,
  resourceClaim,
  clusterRoleAggregation,
  validatingAdmissionPolicyStatus,
  garbageCollector,
  simulatedLoad,
];
