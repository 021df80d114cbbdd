/**
 * What the models that the schema is generated from do not say about apps, batch, autoscaling, policy and scheduling:
 * one line of facts a field, in the language of `facts.ts`. Fields that need no fact are not listed.
 */
import type { PackageFacts } from './facts.js';

export const apps: PackageFacts = {
  package: 'io.k8s.api.apps.v1',
  plain: `
    RollingUpdateDaemonSet RollingUpdateDeployment
    StatefulSetPersistentVolumeClaimRetentionPolicy`,
  facts: {
    ControllerRevision: 'data value ref=RawExtension; metadata value',
    ControllerRevisionList: 'metadata value',
    DaemonSet: 'metadata value; spec value; status value',
    DaemonSetCondition: 'lastTransitionTime value',
    DaemonSetList: 'metadata value',
    DaemonSetSpec: 'revisionHistoryLimit *; template value; updateStrategy value',
    DaemonSetStatus: 'collisionCount *; conditions list=map:type patch=merge:type',
    DaemonSetUpdateStrategy: 'type enum=DaemonSetUpdateStrategyType',
    Deployment: 'metadata value; spec value; status value',
    DeploymentCondition: 'lastTransitionTime value; lastUpdateTime value',
    DeploymentList: 'metadata value',
    DeploymentSpec: `
      progressDeadlineSeconds *; replicas *; revisionHistoryLimit *;
      strategy value patch=retainKeys; template value`,
    DeploymentStatus: `
      collisionCount *; conditions list=map:type patch=merge:type; terminatingReplicas *`,
    DeploymentStrategy: 'type enum=DeploymentStrategyType',
    ReplicaSet: 'metadata value; spec value; status value',
    ReplicaSetCondition: 'lastTransitionTime value',
    ReplicaSetList: 'metadata value',
    ReplicaSetSpec: 'replicas *; template value',
    ReplicaSetStatus: 'conditions list=map:type patch=merge:type; terminatingReplicas *',
    RollingUpdateStatefulSetStrategy: 'partition *',
    StatefulSet: 'metadata value; spec value; status value',
    StatefulSetCondition: 'lastTransitionTime value',
    StatefulSetList: 'metadata value',
    StatefulSetOrdinals: 'start fill',
    StatefulSetSpec: `
      podManagementPolicy enum=PodManagementPolicyType; replicas *; revisionHistoryLimit *;
      serviceName fill; template value; updateStrategy value; volumeClaimTemplates list=atomic`,
    StatefulSetStatus: `
      availableReplicas fill; collisionCount *; conditions list=map:type patch=merge:type`,
    StatefulSetUpdateStrategy: 'type enum=StatefulSetUpdateStrategyType',
  },
};

export const batch: PackageFacts = {
  package: 'io.k8s.api.batch.v1',
  facts: {
    CronJob: 'metadata value; spec value optional; status value',
    CronJobList: 'metadata value',
    CronJobSpec: `
      concurrencyPolicy enum=ConcurrencyPolicy; failedJobsHistoryLimit *; jobTemplate value;
      startingDeadlineSeconds *; successfulJobsHistoryLimit *; suspend *; timeZone *`,
    CronJobStatus: 'active list=atomic',
    Job: 'metadata value; spec value; status value',
    JobCondition: 'lastProbeTime value; lastTransitionTime value',
    JobList: 'metadata value',
    JobSpec: `
      activeDeadlineSeconds *; backoffLimit *; backoffLimitPerIndex *;
      completionMode * enum=CompletionMode; completions *; managedBy *; manualSelector *;
      maxFailedIndexes *; parallelism *; podReplacementPolicy * enum=PodReplacementPolicy;
      suspend *; template value; ttlSecondsAfterFinished *`,
    JobStatus: 'conditions list=atomic patch=merge:type; failedIndexes *; ready *; terminating *',
    JobTemplateSpec: 'metadata value; spec value',
    PodFailurePolicy: 'rules list=atomic',
    PodFailurePolicyOnExitCodesRequirement: `
      containerName *; operator enum=PodFailurePolicyOnExitCodesOperator; values list=set`,
    PodFailurePolicyOnPodConditionsPattern: 'status fill',
    PodFailurePolicyRule: 'action enum=PodFailurePolicyAction; onPodConditions list=atomic',
    SuccessPolicy: 'rules list=atomic',
    SuccessPolicyRule: 'succeededCount *; succeededIndexes *',
    UncountedTerminatedPods: 'failed list=set; succeeded list=set',
  },
};

export const autoscalingV1: PackageFacts = {
  package: 'io.k8s.api.autoscaling.v1',
  plain: `
    ScaleStatus`,
  facts: {
    CrossVersionObjectReference: '. map=atomic',
    HorizontalPodAutoscaler: 'metadata value; spec value optional; status value',
    HorizontalPodAutoscalerList: 'metadata value',
    HorizontalPodAutoscalerSpec: `
      minReplicas *; scaleTargetRef value; targetCPUUtilizationPercentage *`,
    HorizontalPodAutoscalerStatus: 'currentCPUUtilizationPercentage *; observedGeneration *',
    Scale: 'metadata value; spec value; status value',
    ScaleSpec: 'replicas default=0',
  },
};

export const autoscalingV2: PackageFacts = {
  package: 'io.k8s.api.autoscaling.v2',
  plain: `
    CrossVersionObjectReference HPAScalingPolicy HorizontalPodAutoscalerBehavior
    MetricIdentifier MetricSpec MetricStatus`,
  facts: {
    ContainerResourceMetricSource: 'target value',
    ContainerResourceMetricStatus: 'current value',
    ExternalMetricSource: 'metric value; target value',
    ExternalMetricStatus: 'current value; metric value',
    HPAScalingRules: `
      policies list=atomic; selectPolicy *; stabilizationWindowSeconds *; tolerance quantity`,
    HorizontalPodAutoscaler: 'metadata value; spec value optional; status value',
    HorizontalPodAutoscalerCondition: 'lastTransitionTime value',
    HorizontalPodAutoscalerList: 'metadata value',
    HorizontalPodAutoscalerSpec: 'metrics list=atomic; minReplicas *; scaleTargetRef value',
    HorizontalPodAutoscalerStatus: `
      conditions list=map:type patch=merge:type; currentMetrics fill list=atomic;
      observedGeneration *`,
    MetricTarget: 'averageUtilization *; averageValue quantity; value quantity',
    MetricValueStatus: 'averageUtilization *; averageValue quantity; value quantity',
    ObjectMetricSource: 'describedObject value; metric value; target value',
    ObjectMetricStatus: 'current value; describedObject value; metric value',
    PodsMetricSource: 'metric value; target value',
    PodsMetricStatus: 'current value; metric value',
    ResourceMetricSource: 'target value',
    ResourceMetricStatus: 'current value',
  },
};

export const policy: PackageFacts = {
  package: 'io.k8s.api.policy.v1',
  facts: {
    Eviction: 'metadata value',
    PodDisruptionBudget: 'metadata value; spec value; status value',
    PodDisruptionBudgetList: 'metadata value',
    PodDisruptionBudgetSpec: `
      selector patch=replace; unhealthyPodEvictionPolicy * enum=UnhealthyPodEvictionPolicyType`,
    PodDisruptionBudgetStatus: `
      conditions list=map:type patch=merge:type;
      currentHealthy fill required;
      desiredHealthy fill required;
      disruptionsAllowed fill required;
      expectedPods fill required`,
  },
};

export const scheduling: PackageFacts = {
  package: 'io.k8s.api.scheduling.v1',
  facts: {
    PriorityClass: 'metadata value; preemptionPolicy enum=PreemptionPolicy; value fill required',
    PriorityClassList: 'metadata value',
  },
};
