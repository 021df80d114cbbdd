/**
 * What the models that the schema is generated from do not say about networks, storage, nodes, leases, events and devices:
 * one line of facts a field, in the language of `facts.ts`. Fields that need no fact are not listed.
 */
import type { PackageFacts } from './facts.js';

export const networking: PackageFacts = {
  package: 'io.k8s.api.networking.v1',
  plain: `
    IPAddressSpec IngressBackend IngressClassSpec IngressRule NetworkPolicyPeer`,
  facts: {
    HTTPIngressPath: 'backend value; pathType * enum=PathType',
    HTTPIngressRuleValue: 'paths list=atomic',
    IPAddress: 'metadata value; spec value optional',
    IPAddressList: 'metadata value',
    IPBlock: 'except list=atomic',
    Ingress: 'metadata value; spec value; status value',
    IngressClass: 'metadata value; spec value',
    IngressClassList: 'metadata value',
    IngressClassParametersReference: 'apiGroup *; namespace *; scope *',
    IngressList: 'metadata value',
    IngressLoadBalancerIngress: 'ports list=atomic',
    IngressLoadBalancerStatus: 'ingress list=atomic',
    IngressPortStatus: 'error *; protocol enum=Protocol',
    IngressServiceBackend: 'port value',
    IngressSpec: 'ingressClassName *; rules list=atomic; tls list=atomic',
    IngressStatus: 'loadBalancer value',
    IngressTLS: 'hosts list=atomic',
    NetworkPolicy: 'metadata value; spec value',
    NetworkPolicyEgressRule: 'ports list=atomic; to list=atomic',
    NetworkPolicyIngressRule: 'from list=atomic; ports list=atomic',
    NetworkPolicyList: 'metadata value',
    NetworkPolicyPort: 'endPort *; protocol * enum=Protocol',
    NetworkPolicySpec: `
      egress list=atomic; ingress list=atomic; podSelector value;
      policyTypes list=atomic enum=PolicyType`,
    ParentReference: 'name omit; resource omit',
    ServiceBackendPort: '. map=atomic',
    ServiceCIDR: 'metadata value; spec value; status value',
    ServiceCIDRList: 'metadata value',
    ServiceCIDRSpec: 'cidrs list=atomic',
    ServiceCIDRStatus: 'conditions list=map:type patch=merge:type',
  },
};

export const discovery: PackageFacts = {
  package: 'io.k8s.api.discovery.v1',
  plain: `
    ForNode ForZone`,
  facts: {
    Endpoint: 'addresses list=set; conditions value; hostname *; nodeName *; zone *',
    EndpointConditions: 'ready *; serving *; terminating *',
    EndpointHints: 'forNodes list=atomic; forZones list=atomic',
    EndpointPort: 'appProtocol *; name *; port *; protocol * enum=Protocol; . map=atomic',
    EndpointSlice: `
      addressType enum=AddressType;
      endpoints fill list=atomic required;
      metadata value;
      ports fill list=atomic`,
    EndpointSliceList: 'metadata value',
  },
};

export const storage: PackageFacts = {
  package: 'io.k8s.api.storage.v1',
  plain: `
    VolumeAttachmentStatus`,
  facts: {
    CSIDriver: 'metadata value; spec value',
    CSIDriverList: 'metadata value',
    CSIDriverSpec: `
      attachRequired *; fsGroupPolicy *; nodeAllocatableUpdatePeriodSeconds *;
      podInfoOnMount *; requiresRepublish *; seLinuxMount *; serviceAccountTokenInSecrets *;
      storageCapacity *; tokenRequests list=atomic; volumeLifecycleModes list=set`,
    CSINode: 'metadata value; spec value',
    CSINodeDriver: 'topologyKeys fill list=atomic',
    CSINodeList: 'metadata value',
    CSINodeSpec: 'drivers list=map:name patch=merge:name',
    CSIStorageCapacity: 'capacity quantity; maximumVolumeSize quantity; metadata value',
    CSIStorageCapacityList: 'metadata value',
    StorageClass: `
      allowVolumeExpansion *; allowedTopologies list=atomic; metadata value;
      mountOptions list=atomic; reclaimPolicy * enum=PersistentVolumeReclaimPolicy;
      volumeBindingMode * enum=VolumeBindingMode`,
    StorageClassList: 'metadata value',
    TokenRequest: 'expirationSeconds *',
    VolumeAttachment: 'metadata value; spec value; status value',
    VolumeAttachmentList: 'metadata value',
    VolumeAttachmentSource: 'persistentVolumeName *',
    VolumeAttachmentSpec: 'source value',
    VolumeAttributesClass: 'metadata value',
    VolumeAttributesClassList: 'metadata value',
    VolumeError: 'errorCode *; time value',
    VolumeNodeResources: 'count *',
  },
};

export const node: PackageFacts = {
  package: 'io.k8s.api.node.v1',
  facts: {
    Overhead: 'podFixed quantity',
    RuntimeClass: 'metadata value',
    RuntimeClassList: 'metadata value',
    Scheduling: 'nodeSelector map=atomic; tolerations list=atomic',
  },
};

export const coordination: PackageFacts = {
  package: 'io.k8s.api.coordination.v1',
  facts: {
    Lease: 'metadata value; spec value',
    LeaseList: 'metadata value',
    LeaseSpec: `
      holderIdentity *; leaseDurationSeconds *; leaseTransitions *; preferredHolder *;
      strategy *`,
  },
};

export const events: PackageFacts = {
  package: 'io.k8s.api.events.v1',
  facts: {
    Event: `
      deprecatedFirstTimestamp value; deprecatedLastTimestamp value; deprecatedSource value;
      eventTime value; metadata value; regarding value`,
    EventList: 'metadata value',
    EventSeries: 'lastObservedTime value',
  },
};

export const resource: PackageFacts = {
  package: 'io.k8s.api.resource.v1',
  plain: `
    CELDeviceSelector DeviceClassConfiguration DeviceSelector ResourceClaimConsumerReference
    ResourcePool`,
  facts: {
    AllocatedDeviceStatus: 'conditions fill list=map:type; data ref=RawExtension; shareID *',
    AllocationResult: 'devices value',
    CapacityRequestPolicy: 'default quantity; validValues quantity list=atomic',
    CapacityRequestPolicyRange: 'max quantity; min quantity; step quantity',
    CapacityRequirements: 'requests quantity',
    Counter: 'value value quantity',
    CounterSet: 'counters omit',
    Device: `
      allNodes *; allowMultipleAllocations *; bindingConditions list=atomic;
      bindingFailureConditions list=atomic; bindsToNode *; consumesCounters list=atomic;
      nodeName *; taints list=atomic`,
    DeviceAllocationConfiguration: 'requests list=atomic; source enum=AllocationConfigSource',
    DeviceAllocationResult: 'config list=atomic; results list=atomic',
    DeviceAttribute: 'bool *; int *; string *; version *',
    DeviceCapacity: 'value value quantity',
    DeviceClaim: 'config list=atomic; constraints list=atomic; requests fill list=atomic',
    DeviceClaimConfiguration: 'requests list=atomic',
    DeviceClass: 'metadata value; spec value',
    DeviceClassList: 'metadata value',
    DeviceClassSpec: 'config list=atomic; extendedResourceName *; selectors list=atomic',
    DeviceConstraint: 'distinctAttribute *; matchAttribute *; requests list=atomic',
    DeviceCounterConsumption: 'counters omit',
    DeviceRequest: 'firstAvailable list=atomic',
    DeviceRequestAllocationResult: `
      adminAccess *; bindingConditions list=atomic; bindingFailureConditions list=atomic;
      consumedCapacity quantity; tolerations list=atomic`,
    DeviceSubRequest: `
      allocationMode enum=DeviceAllocationMode; selectors list=atomic; tolerations list=atomic`,
    DeviceTaint: 'effect enum=DeviceTaintEffect',
    DeviceToleration: `
      effect enum=DeviceTaintEffect; operator default="Equal" enum=DeviceTolerationOperator;
      tolerationSeconds *`,
    ExactDeviceRequest: `
      adminAccess *; allocationMode enum=DeviceAllocationMode; selectors list=atomic;
      tolerations list=atomic`,
    NetworkDeviceData: 'ips list=atomic',
    OpaqueDeviceConfiguration: 'parameters value ref=RawExtension',
    ResourceClaim: 'metadata value; spec value; status value',
    ResourceClaimList: 'metadata value',
    ResourceClaimSpec: 'devices value',
    ResourceClaimStatus: `
      devices list=map:driver,device,pool,shareID; reservedFor list=map:uid patch=merge:uid`,
    ResourceClaimTemplate: 'metadata value; spec value',
    ResourceClaimTemplateList: 'metadata value',
    ResourceClaimTemplateSpec: 'metadata value; spec value',
    ResourceSlice: 'metadata value; spec value',
    ResourceSliceList: 'metadata value',
    ResourceSliceSpec: `
      allNodes *; devices list=atomic; nodeName *; perDeviceNodeSelection *; pool value;
      sharedCounters list=atomic`,
  },
};
