/**
 * What the models that the schema is generated from do not say about pods and what they are made of:
 * one line of facts a field, in the language of `facts.ts`. Fields that need no fact are not listed.
 */
import type { PackageFacts } from './facts.js';

export const pods: PackageFacts = {
  package: 'io.k8s.api.core.v1',
  plain: `
    AWSElasticBlockStoreVolumeSource Affinity AzureFileVolumeSource
    CSIPersistentVolumeSource CinderPersistentVolumeSource CinderVolumeSource
    ContainerExtendedResourceRequest ContainerResizePolicy ContainerState
    ContainerStateWaiting ContainerUser EnvFromSource EnvVar EnvVarSource
    EphemeralVolumeSource FlexPersistentVolumeSource FlexVolumeSource FlockerVolumeSource
    GCEPersistentDiskVolumeSource GitRepoVolumeSource GlusterfsVolumeSource HTTPHeader
    HostIP LifecycleHandler NFSVolumeSource PersistentVolumeClaimVolumeSource
    PhotonPersistentDiskVolumeSource PodIP PodOS PodReadinessGate PodSchedulingGate
    PortworxVolumeSource QuobyteVolumeSource ResourceClaim ResourceHealth SELinuxOptions
    SleepAction StorageOSPersistentVolumeSource StorageOSVolumeSource Sysctl Volume
    VolumeDevice VolumeNodeAffinity VolumeProjection VsphereVirtualDiskVolumeSource
    WorkloadReference`,
  facts: {
    AppArmorProfile: `
      localhostProfile *; type enum=AppArmorProfileType; . union=type:localhostProfile`,
    AzureDiskVolumeSource: `
      cachingMode * default="ReadWrite" enum=AzureDataDiskCachingMode;
      fsType * default="ext4"; kind * default="Shared" enum=AzureDataDiskKind;
      readOnly * default=false`,
    AzureFilePersistentVolumeSource: 'secretNamespace *',
    CSIVolumeSource: 'fsType *; readOnly *',
    Capabilities: 'add list=atomic; drop list=atomic',
    CephFSPersistentVolumeSource: 'monitors list=atomic',
    CephFSVolumeSource: 'monitors list=atomic',
    ClusterTrustBundleProjection: 'name *; optional *; signerName *',
    ConfigMapEnvSource: 'name default=""; optional *',
    ConfigMapKeySelector: 'name default=""; optional *; . map=atomic',
    ConfigMapProjection: 'items list=atomic; name default=""; optional *',
    ConfigMapVolumeSource: 'defaultMode *; items list=atomic; name default=""; optional *',
    Container: `
      args list=atomic; command list=atomic; env list=map:name patch=merge:name;
      envFrom list=atomic; imagePullPolicy enum=PullPolicy;
      ports list=map:containerPort,protocol patch=merge:containerPort;
      resizePolicy list=atomic; resources value; restartPolicy *;
      restartPolicyRules list=atomic; terminationMessagePolicy enum=TerminationMessagePolicy;
      volumeDevices list=map:devicePath patch=merge:devicePath;
      volumeMounts list=map:mountPath patch=merge:mountPath`,
    ContainerImage: 'names fill list=atomic',
    ContainerPort: 'protocol default="TCP" enum=Protocol',
    ContainerRestartRule: 'action omit',
    ContainerRestartRuleOnExitCodes: 'operator omit; values list=set',
    ContainerStateRunning: 'startedAt value',
    ContainerStateTerminated: 'finishedAt value; startedAt value',
    ContainerStatus: `
      allocatedResources quantity; allocatedResourcesStatus list=map:name patch=merge:name;
      lastState value; started *; state value; stopSignal * enum=Signal;
      volumeMounts list=map:mountPath patch=merge:mountPath`,
    DownwardAPIProjection: 'items list=atomic',
    DownwardAPIVolumeFile: 'mode *',
    DownwardAPIVolumeSource: 'defaultMode *; items list=atomic',
    EmptyDirVolumeSource: 'sizeLimit quantity',
    EphemeralContainer: `
      args list=atomic; command list=atomic; env list=map:name patch=merge:name;
      envFrom list=atomic; imagePullPolicy enum=PullPolicy;
      ports list=map:containerPort,protocol patch=merge:containerPort;
      resizePolicy list=atomic; resources value; restartPolicy *;
      restartPolicyRules list=atomic; terminationMessagePolicy enum=TerminationMessagePolicy;
      volumeDevices list=map:devicePath patch=merge:devicePath;
      volumeMounts list=map:mountPath patch=merge:mountPath`,
    ExecAction: 'command list=atomic',
    FCVolumeSource: 'lun *; targetWWNs list=atomic; wwids list=atomic',
    FileKeySelector: 'optional * default=false; . map=atomic',
    GRPCAction: 'service * default=""',
    GlusterfsPersistentVolumeSource: 'endpointsNamespace *',
    HTTPGetAction: 'httpHeaders list=atomic; port value; scheme enum=URIScheme',
    HostAlias: 'hostnames list=atomic',
    HostPathVolumeSource: 'type * enum=HostPathType',
    ISCSIPersistentVolumeSource: `
      initiatorName *; iscsiInterface default="default"; portals list=atomic`,
    ISCSIVolumeSource: 'initiatorName *; iscsiInterface default="default"; portals list=atomic',
    ImageVolumeSource: 'pullPolicy enum=PullPolicy',
    KeyToPath: 'mode *',
    Lifecycle: 'stopSignal * enum=Signal',
    LinuxContainerUser: 'supplementalGroups list=atomic',
    LocalVolumeSource: 'fsType *',
    NodeAffinity: 'preferredDuringSchedulingIgnoredDuringExecution list=atomic',
    NodeSelector: 'nodeSelectorTerms list=atomic; . map=atomic',
    NodeSelectorRequirement: 'operator enum=NodeSelectorOperator; values list=atomic',
    NodeSelectorTerm: 'matchExpressions list=atomic; matchFields list=atomic; . map=atomic',
    ObjectFieldSelector: '. map=atomic',
    Pod: 'metadata value; spec value; status value',
    PodAffinity: `
      preferredDuringSchedulingIgnoredDuringExecution list=atomic;
      requiredDuringSchedulingIgnoredDuringExecution list=atomic`,
    PodAffinityTerm: `
      matchLabelKeys list=atomic; mismatchLabelKeys list=atomic; namespaces list=atomic`,
    PodAntiAffinity: `
      preferredDuringSchedulingIgnoredDuringExecution list=atomic;
      requiredDuringSchedulingIgnoredDuringExecution list=atomic`,
    PodCertificateProjection: 'keyType omit; maxExpirationSeconds *; signerName omit',
    PodCondition: 'lastProbeTime value; lastTransitionTime value',
    PodDNSConfig: 'nameservers list=atomic; options list=atomic; searches list=atomic',
    PodDNSConfigOption: 'value *',
    PodExtendedResourceClaimStatus: 'requestMappings list=atomic',
    PodList: 'metadata value',
    PodResourceClaim: 'resourceClaimName *; resourceClaimTemplateName *',
    PodResourceClaimStatus: 'resourceClaimName *',
    PodSecurityContext: `
      fsGroup *; fsGroupChangePolicy * enum=PodFSGroupChangePolicy; runAsGroup *;
      runAsNonRoot *; runAsUser *; seLinuxChangePolicy *; supplementalGroups list=atomic;
      supplementalGroupsPolicy * enum=SupplementalGroupsPolicy; sysctls list=atomic`,
    PodSpec: `
      activeDeadlineSeconds *; automountServiceAccountToken *;
      containers list=map:name patch=merge:name; dnsPolicy enum=DNSPolicy;
      enableServiceLinks *; ephemeralContainers list=map:name patch=merge:name;
      hostAliases list=map:ip patch=merge:ip; hostUsers *; hostnameOverride *;
      imagePullSecrets list=map:name patch=merge:name;
      initContainers list=map:name patch=merge:name; nodeSelector map=atomic;
      overhead quantity; preemptionPolicy * enum=PreemptionPolicy; priority *;
      readinessGates list=atomic; resourceClaims list=map:name patch=merge,retainKeys:name;
      restartPolicy enum=RestartPolicy; runtimeClassName *;
      schedulingGates list=map:name patch=merge:name; setHostnameAsFQDN *;
      shareProcessNamespace *; terminationGracePeriodSeconds *; tolerations list=atomic;
      topologySpreadConstraints list=map:topologyKey,whenUnsatisfiable patch=merge:topologyKey;
      volumes list=map:name patch=merge,retainKeys:name; workloadRef add=WorkloadReference`,
    PodStatus: `
      allocatedResources quantity; conditions list=map:type patch=merge:type;
      containerStatuses list=atomic; ephemeralContainerStatuses list=atomic;
      hostIPs list=atomic patch=merge:ip; initContainerStatuses list=atomic;
      phase enum=PodPhase; podIPs list=map:ip patch=merge:ip; qosClass enum=PodQOSClass;
      resourceClaimStatuses list=map:name patch=merge,retainKeys:name`,
    PodTemplate: 'metadata value; template value',
    PodTemplateList: 'metadata value',
    PodTemplateSpec: 'metadata value; spec value',
    PreferredSchedulingTerm: 'preference value',
    Probe: 'terminationGracePeriodSeconds *',
    ProjectedVolumeSource: 'defaultMode *; sources fill list=atomic',
    RBDPersistentVolumeSource: `
      keyring default="/etc/ceph/keyring"; monitors list=atomic; pool default="rbd";
      user default="admin"`,
    RBDVolumeSource: `
      keyring default="/etc/ceph/keyring"; monitors list=atomic; pool default="rbd";
      user default="admin"`,
    ResourceFieldSelector: 'divisor value quantity; . map=atomic',
    ResourceRequirements: 'claims list=map:name; limits quantity; requests quantity',
    ResourceStatus: 'resources list=map:resourceID',
    ScaleIOPersistentVolumeSource: 'fsType default="xfs"; storageMode default="ThinProvisioned"',
    ScaleIOVolumeSource: 'fsType default="xfs"; storageMode default="ThinProvisioned"',
    SeccompProfile: `
      localhostProfile *; type enum=SeccompProfileType; . union=type:localhostProfile`,
    SecretEnvSource: 'name default=""; optional *',
    SecretKeySelector: 'name default=""; optional *; . map=atomic',
    SecretProjection: 'items list=atomic; name default=""; optional *',
    SecretVolumeSource: 'defaultMode *; items list=atomic; optional *',
    SecurityContext: `
      allowPrivilegeEscalation *; privileged *; procMount * enum=ProcMountType;
      readOnlyRootFilesystem *; runAsGroup *; runAsNonRoot *; runAsUser *`,
    ServiceAccountTokenProjection: 'expirationSeconds *',
    TCPSocketAction: 'port value',
    Toleration: 'effect enum=TaintEffect; operator enum=TolerationOperator; tolerationSeconds *',
    TopologySelectorLabelRequirement: 'values list=atomic',
    TopologySelectorTerm: 'matchLabelExpressions list=atomic; . map=atomic',
    TopologySpreadConstraint: `
      matchLabelKeys list=atomic; minDomains *; nodeAffinityPolicy * enum=NodeInclusionPolicy;
      nodeTaintsPolicy * enum=NodeInclusionPolicy;
      whenUnsatisfiable enum=UnsatisfiableConstraintAction`,
    VolumeMount: 'mountPropagation * enum=MountPropagationMode; recursiveReadOnly *',
    VolumeMountStatus: 'recursiveReadOnly *',
    VolumeResourceRequirements: 'limits quantity; requests quantity',
    WeightedPodAffinityTerm: 'podAffinityTerm value',
    WindowsSecurityContextOptions: `
      gmsaCredentialSpec *; gmsaCredentialSpecName *; hostProcess *; runAsUserName *`,
  },
};
