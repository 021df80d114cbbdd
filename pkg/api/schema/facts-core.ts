/**
 * What the models that the schema is generated from do not say about the rest of the core group:
 * one line of facts a field, in the language of `facts.ts`. Fields that need no fact are not listed.
 */
import type { PackageFacts } from './facts.js';

export const core: PackageFacts = {
  package: 'io.k8s.api.core.v1',
  plain: `
    AttachedVolume ComponentCondition ConfigMapNodeConfigSource DaemonEndpoint EventSource
    NodeAddress NodeConfigSource NodeConfigStatus NodeSystemInfo SessionAffinityConfig`,
  facts: {
    Binding: 'metadata value; target value',
    ClientIPConfig: 'timeoutSeconds *',
    ComponentStatus: 'conditions list=map:type patch=merge:type; metadata value',
    ComponentStatusList: 'metadata value',
    ConfigMap: 'immutable *; metadata value',
    ConfigMapList: 'metadata value',
    EndpointAddress: 'nodeName *; . map=atomic',
    EndpointPort: 'appProtocol *; protocol enum=Protocol; . map=atomic',
    EndpointSubset: 'addresses list=atomic; notReadyAddresses list=atomic; ports list=atomic',
    Endpoints: 'metadata value; subsets list=atomic',
    EndpointsList: 'metadata value',
    Event: `
      eventTime value; firstTimestamp value; involvedObject value; lastTimestamp value;
      metadata value; reportingComponent fill; reportingInstance fill; source value`,
    EventList: 'metadata value',
    EventSeries: 'lastObservedTime value',
    LimitRange: 'metadata value; spec value',
    LimitRangeItem: `
      default quantity; defaultRequest quantity; max quantity; maxLimitRequestRatio quantity;
      min quantity`,
    LimitRangeList: 'metadata value',
    LimitRangeSpec: 'limits list=atomic',
    LoadBalancerIngress: 'ipMode *; ports list=atomic',
    LoadBalancerStatus: 'ingress list=atomic',
    LocalObjectReference: 'name default=""; . map=atomic',
    ModifyVolumeStatus: 'status enum=PersistentVolumeClaimModifyVolumeStatus',
    Namespace: 'metadata value; spec value; status value',
    NamespaceCondition: 'lastTransitionTime value',
    NamespaceList: 'metadata value',
    NamespaceSpec: 'finalizers list=atomic',
    NamespaceStatus: 'conditions list=map:type patch=merge:type; phase enum=NamespacePhase',
    Node: 'metadata value; spec value; status value',
    NodeCondition: 'lastHeartbeatTime value; lastTransitionTime value',
    NodeDaemonEndpoints: 'kubeletEndpoint value',
    NodeFeatures: 'supplementalGroupsPolicy *',
    NodeList: 'metadata value',
    NodeRuntimeHandler: 'name fill',
    NodeRuntimeHandlerFeatures: 'recursiveReadOnlyMounts *; userNamespaces *',
    NodeSpec: 'podCIDRs list=set patch=merge; taints list=atomic',
    NodeStatus: `
      addresses list=map:type patch=merge:type; allocatable quantity; capacity quantity;
      conditions list=map:type patch=merge:type; daemonEndpoints value;
      declaredFeatures list=atomic; images list=atomic; nodeInfo value; phase enum=NodePhase;
      runtimeHandlers list=atomic; volumesAttached list=atomic; volumesInUse list=atomic`,
    NodeSwapStatus: 'capacity *',
    ObjectReference: '. map=atomic',
    PersistentVolume: 'metadata value; spec value; status value',
    PersistentVolumeClaim: 'metadata value; spec value; status value',
    PersistentVolumeClaimCondition: 'lastProbeTime value; lastTransitionTime value',
    PersistentVolumeClaimList: 'metadata value',
    PersistentVolumeClaimSpec: `
      accessModes list=atomic enum=PersistentVolumeAccessMode; resources value;
      storageClassName *; volumeAttributesClassName *; volumeMode * enum=PersistentVolumeMode`,
    PersistentVolumeClaimStatus: `
      accessModes list=atomic enum=PersistentVolumeAccessMode;
      allocatedResourceStatuses map=granular enum=ClaimResourceStatus;
      allocatedResources quantity; capacity quantity;
      conditions list=map:type patch=merge:type; currentVolumeAttributesClassName *;
      phase enum=PersistentVolumeClaimPhase`,
    PersistentVolumeClaimTemplate: 'metadata value; spec value',
    PersistentVolumeList: 'metadata value',
    PersistentVolumeSpec: `
      accessModes list=atomic enum=PersistentVolumeAccessMode; capacity quantity;
      claimRef map=granular; mountOptions list=atomic;
      persistentVolumeReclaimPolicy enum=PersistentVolumeReclaimPolicy;
      volumeAttributesClassName *; volumeMode * enum=PersistentVolumeMode`,
    PersistentVolumeStatus: 'phase enum=PersistentVolumePhase',
    PortStatus: 'error *; protocol enum=Protocol',
    ReplicationController: 'metadata value; spec value; status value',
    ReplicationControllerCondition: 'lastTransitionTime value',
    ReplicationControllerList: 'metadata value',
    ReplicationControllerSpec: `
      minReadySeconds default=0; replicas * default=1; selector map=atomic`,
    ReplicationControllerStatus: 'conditions list=map:type patch=merge:type',
    ResourceQuota: 'metadata value; spec value; status value',
    ResourceQuotaList: 'metadata value',
    ResourceQuotaSpec: 'hard quantity; scopes list=atomic enum=ResourceQuotaScope',
    ResourceQuotaStatus: 'hard quantity; used quantity',
    ScopeSelector: 'matchExpressions list=atomic; . map=atomic',
    ScopedResourceSelectorRequirement: `
      operator enum=ScopeSelectorOperator; scopeName enum=ResourceQuotaScope;
      values list=atomic`,
    Secret: 'immutable *; metadata value',
    SecretList: 'metadata value',
    SecretReference: '. map=atomic',
    Service: 'metadata value; spec value; status value',
    ServiceAccount: `
      automountServiceAccountToken *; imagePullSecrets list=atomic; metadata value;
      secrets list=map:name patch=merge:name`,
    ServiceAccountList: 'metadata value',
    ServiceList: 'metadata value',
    ServicePort: 'appProtocol *; protocol default="TCP" enum=Protocol; targetPort value',
    ServiceSpec: `
      allocateLoadBalancerNodePorts *; clusterIPs list=atomic; externalIPs list=atomic;
      externalTrafficPolicy enum=ServiceExternalTrafficPolicy;
      internalTrafficPolicy * enum=ServiceInternalTrafficPolicy;
      ipFamilies list=atomic enum=IPFamily; ipFamilyPolicy * enum=IPFamilyPolicy;
      loadBalancerClass *; loadBalancerSourceRanges list=atomic;
      ports list=map:port,protocol patch=merge:port; selector map=atomic;
      sessionAffinity enum=ServiceAffinity; trafficDistribution *; type enum=ServiceType`,
    ServiceStatus: 'conditions list=map:type patch=merge:type; loadBalancer value',
    Taint: 'effect enum=TaintEffect',
    TypedLocalObjectReference: 'apiGroup *; . map=atomic',
    TypedObjectReference: 'apiGroup *; namespace *',
  },
};
