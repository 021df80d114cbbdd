/**
 * The schema of KubeSchedulerConfiguration and of the plugins' arguments, in the model by which the API's
 * kinds are described, so that files are decoded as requests are: unknown and duplicate fields are refused.
 */
import type { Schema, SchemaSet } from '../../pkg/api/schema/model.js';
import { schemaSet } from '../../pkg/api/schema/schema-set.js';
import { type ConfigurablePlugin, EXTENSION_POINTS } from './types.js';

export const GROUP = 'kubescheduler.config.k8s.io';
export const VERSION = 'v1';
export const KIND = 'KubeSchedulerConfiguration';

const CORE = 'io.k8s.api.core.v1';
const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const int32: Schema = { type: 'integer', format: 'int32' };
const int64: Schema = { type: 'integer', format: 'int64' };
const float: Schema = { type: 'number' };
const anything: Schema = { type: 'object', preserveUnknownFields: true };
const list = (items: Schema): Schema => ({ type: 'array', items });
const ref = (name: string): Schema => ({ ref: name.includes('.') ? name : named(name) });
const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties });
/** Each document says what it is. */
const document = (properties: Record<string, Schema>) =>
  object({ kind: text, apiVersion: text, ...properties });

function named(name: string): string {
  return `${GROUP}.${VERSION}.${name}`;
}

const DEFINITIONS: Readonly<Record<string, Schema>> = {
  [KIND]: document({
    parallelism: int32,
    leaderElection: ref('LeaderElectionConfiguration'),
    clientConnection: ref('ClientConnectionConfiguration'),
    healthzBindAddress: text,
    metricsBindAddress: text,
    enableProfiling: flag,
    enableContentionProfiling: flag,
    percentageOfNodesToScore: int32,
    podInitialBackoffSeconds: int64,
    podMaxBackoffSeconds: int64,
    profiles: list(ref('KubeSchedulerProfile')),
    extenders: list(ref('Extender')),
    delayCacheUntilActive: flag,
  }),
  LeaderElectionConfiguration: object({
    leaderElect: flag,
    leaseDuration: text,
    renewDeadline: text,
    retryPeriod: text,
    resourceLock: text,
    resourceName: text,
    resourceNamespace: text,
  }),
  ClientConnectionConfiguration: object({
    kubeconfig: text,
    acceptContentTypes: text,
    contentType: text,
    qps: float,
    burst: int32,
  }),
  KubeSchedulerProfile: object({
    schedulerName: text,
    percentageOfNodesToScore: int32,
    plugins: ref('Plugins'),
    pluginConfig: list(ref('PluginConfig')),
  }),
  Plugins: object(
    Object.fromEntries([...EXTENSION_POINTS, 'multiPoint'].map((p) => [p, ref('PluginSet')])),
  ),
  PluginSet: object({ enabled: list(ref('Plugin')), disabled: list(ref('Plugin')) }),
  Plugin: object({ name: text, weight: int32 }),
  PluginConfig: object({ name: text, args: anything }),
  Extender: object({
    urlPrefix: text,
    filterVerb: text,
    preemptVerb: text,
    prioritizeVerb: text,
    weight: int64,
    bindVerb: text,
    enableHTTPS: flag,
    tlsConfig: ref('ExtenderTLSConfig'),
    httpTimeout: text,
    nodeCacheCapable: flag,
    managedResources: list(ref('ExtenderManagedResource')),
    ignorable: flag,
  }),
  ExtenderTLSConfig: object({
    insecure: flag,
    serverName: text,
    certFile: text,
    keyFile: text,
    caFile: text,
    certData: text,
    keyData: text,
    caData: text,
  }),
  ExtenderManagedResource: object({ name: text, ignoredByScheduler: flag }),
  DefaultPreemptionArgs: document({
    minCandidateNodesPercentage: int32,
    minCandidateNodesAbsolute: int32,
  }),
  DynamicResourcesArgs: document({ filterTimeout: text, bindingTimeout: text }),
  InterPodAffinityArgs: document({
    hardPodAffinityWeight: int32,
    ignorePreferredTermsOfExistingPods: flag,
  }),
  NodeAffinityArgs: document({ addedAffinity: ref(`${CORE}.NodeAffinity`) }),
  NodeResourcesBalancedAllocationArgs: document({ resources: list(ref('ResourceSpec')) }),
  NodeResourcesFitArgs: document({
    ignoredResources: list(text),
    ignoredResourceGroups: list(text),
    scoringStrategy: ref('ScoringStrategy'),
  }),
  PodTopologySpreadArgs: document({
    defaultConstraints: list(ref(`${CORE}.TopologySpreadConstraint`)),
    defaultingType: text,
  }),
  VolumeBindingArgs: document({
    bindTimeoutSeconds: int64,
    shape: list(ref('UtilizationShapePoint')),
  }),
  ResourceSpec: object({ name: text, weight: int64 }),
  UtilizationShapePoint: object({ utilization: int32, score: int32 }),
  ScoringStrategy: object({
    type: text,
    resources: list(ref('ResourceSpec')),
    requestedToCapacityRatio: ref('RequestedToCapacityRatioParam'),
  }),
  RequestedToCapacityRatioParam: object({ shape: list(ref('UtilizationShapePoint')) }),
};

export function definitionOf(kind: string): string {
  return named(kind);
}

/** The kinds of the plugins' arguments. */
export const ARGS_KINDS: Readonly<Record<ConfigurablePlugin, string>> = {
  DefaultPreemption: 'DefaultPreemptionArgs',
  DynamicResources: 'DynamicResourcesArgs',
  InterPodAffinity: 'InterPodAffinityArgs',
  NodeAffinity: 'NodeAffinityArgs',
  NodeResourcesBalancedAllocation: 'NodeResourcesBalancedAllocationArgs',
  NodeResourcesFit: 'NodeResourcesFitArgs',
  PodTopologySpread: 'PodTopologySpreadArgs',
  VolumeBinding: 'VolumeBindingArgs',
};

export function isConfigurable(plugin: string): plugin is ConfigurablePlugin {
  return Object.hasOwn(ARGS_KINDS, plugin);
}

/** With the kinds of the API that the configuration uses. */
export function configurationSchemas(builtin: SchemaSet): SchemaSet {
  const all: Record<string, Schema> = {};
  for (const name of builtin.names()) all[name] = builtin.get(name);
  for (const [name, schema] of Object.entries(DEFINITIONS)) all[named(name)] = schema;
  return schemaSet(all);
}
