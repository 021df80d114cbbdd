/**
 * What a configuration says where it says nothing (`pkg/scheduler/apis/config/v1/defaults.go`), and the
 * default plugins with what a profile changes of them.
 */
import type {
  Given,
  GivenConfiguration,
  GivenExtender,
  GivenPluginConfig,
  GivenPlugins,
  GivenProfile,
} from './given.js';
import {
  type ConfigurablePlugin,
  EXTENSION_POINTS,
  type ExtenderConfiguration,
  type PluginArgs,
  type PluginConfig,
  type PluginReference,
  type PluginSet,
  type Plugins,
  type Profile,
  type ResourceSpec,
  type SchedulerConfiguration,
} from './types.js';

export const DEFAULT_SCHEDULER_NAME = 'default-scheduler';

/** In the order of Kubernetes v1.35, each with the weight of its score. */
export const DEFAULT_PLUGINS: readonly PluginReference[] = [
  { name: 'SchedulingGates' },
  { name: 'PrioritySort' },
  { name: 'NodeUnschedulable' },
  { name: 'NodeName' },
  { name: 'TaintToleration', weight: 3 },
  { name: 'NodeAffinity', weight: 2 },
  { name: 'NodePorts' },
  { name: 'NodeResourcesFit', weight: 1 },
  { name: 'VolumeRestrictions' },
  { name: 'NodeVolumeLimits' },
  { name: 'VolumeBinding' },
  { name: 'VolumeZone' },
  { name: 'PodTopologySpread', weight: 2 },
  { name: 'InterPodAffinity', weight: 2 },
  { name: 'DynamicResources', weight: 2 },
  { name: 'DefaultPreemption' },
  { name: 'NodeResourcesBalancedAllocation', weight: 1 },
  { name: 'ImageLocality', weight: 1 },
  { name: 'DefaultBinder' },
];

const CPU_AND_MEMORY: readonly ResourceSpec[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

export function withDefaults(given: GivenConfiguration): SchedulerConfiguration {
  const { leaderElection = {}, clientConnection = {}, extenders = [] } = given;
  const profiles = given.profiles?.length ? given.profiles : [{}];
  const theirs = extenders.flatMap(({ managedResources = [] }) =>
    managedResources.flatMap(({ name, ignoredByScheduler }) =>
      name && ignoredByScheduler ? [name] : [],
    ),
  );
  return {
    parallelism: given.parallelism ?? 16,
    leaderElection: {
      leaderElect: leaderElection.leaderElect ?? true,
      leaseDuration: leaderElection.leaseDuration || '15s',
      renewDeadline: leaderElection.renewDeadline || '10s',
      retryPeriod: leaderElection.retryPeriod || '2s',
      resourceLock: leaderElection.resourceLock || 'leases',
      resourceName: leaderElection.resourceName || 'kube-scheduler',
      resourceNamespace: leaderElection.resourceNamespace || 'kube-system',
    },
    clientConnection: {
      kubeconfig: clientConnection.kubeconfig ?? '',
      acceptContentTypes: clientConnection.acceptContentTypes ?? '',
      contentType: clientConnection.contentType || PROTOBUF,
      qps: clientConnection.qps || 50,
      burst: clientConnection.burst || 100,
    },
    ...(given.healthzBindAddress ? { healthzBindAddress: given.healthzBindAddress } : {}),
    ...(given.metricsBindAddress ? { metricsBindAddress: given.metricsBindAddress } : {}),
    enableProfiling: given.enableProfiling ?? true,
    enableContentionProfiling: given.enableContentionProfiling ?? given.enableProfiling ?? true,
    percentageOfNodesToScore: given.percentageOfNodesToScore ?? 0,
    podInitialBackoffSeconds: given.podInitialBackoffSeconds ?? 1,
    podMaxBackoffSeconds: given.podMaxBackoffSeconds ?? 10,
    // One alone may leave out its name; of several, each must have its own.
    profiles: profiles.map((profile) =>
      profileOf(profile, profiles.length === 1 ? DEFAULT_SCHEDULER_NAME : '', theirs),
    ),
    extenders: extenders.map(extenderOf),
    delayCacheUntilActive: given.delayCacheUntilActive ?? false,
  };
}

/** `ignored`: resources that an extender looks after, so that nobody counts them here. */
function profileOf(given: GivenProfile, fallbackName: string, ignored: readonly string[]): Profile {
  const configs = (given.pluginConfig ?? []).map(configOf);
  return {
    schedulerName: given.schedulerName ?? fallbackName,
    ...(given.percentageOfNodesToScore === undefined
      ? {}
      : { percentageOfNodesToScore: given.percentageOfNodesToScore }),
    plugins: pluginsOf(given.plugins ?? {}),
    pluginConfig: ignored.length === 0 ? configs : withIgnored(configs, ignored),
  };
}

function withIgnored(configs: readonly PluginConfig[], ignored: readonly string[]): PluginConfig[] {
  const name = 'NodeResourcesFit';
  const found = configs.find((config) => config.name === name);
  const own = found?.name === name ? found.args : defaultArgs(name);
  const args = { ...own, ignoredResources: [...own.ignoredResources, ...ignored] };
  return [...configs.filter((config) => config !== found), { name, args }];
}

function pluginsOf(given: GivenPlugins): Plugins {
  const merged = (point: keyof Plugins, defaults: readonly PluginReference[] = []) =>
    mergeSets(defaults, given[point] ?? {});
  return {
    multiPoint: merged('multiPoint', DEFAULT_PLUGINS),
    ...(Object.fromEntries(EXTENSION_POINTS.map((point) => [point, merged(point)])) as Omit<
      Plugins,
      'multiPoint'
    >),
  };
}

/** A default that is enabled once more takes its weight from there and keeps its place. */
function mergeSets(defaults: readonly PluginReference[], given: Given<PluginSet>): PluginSet {
  const disabled = (given.disabled ?? []).map(({ name = '' }) => ({ name }));
  const enabled = (given.enabled ?? []).map(reference);
  const gone = new Set(disabled.map(({ name }) => name));
  const replaced = new Set<PluginReference>();
  const kept = gone.has('*') ? [] : defaults.filter(({ name }) => !gone.has(name));
  const first = kept.map((plugin) => {
    const own = enabled.findLast(({ name }) => name === plugin.name);
    if (own) replaced.add(own);
    return own ?? plugin;
  });
  return { enabled: [...first, ...enabled.filter((plugin) => !replaced.has(plugin))], disabled };
}

function reference({ name = '', weight }: Given<PluginReference>): PluginReference {
  return weight === undefined ? { name } : { name, weight };
}

/** The arguments of a plugin in a profile. */
export function argsOf<Name extends ConfigurablePlugin>(
  profile: Profile,
  name: Name,
): PluginArgs[Name] {
  const own = profile.pluginConfig.find((config) => config.name === name);
  // The one of this name has the arguments of this plugin.
  return own ? (own.args as PluginArgs[Name]) : defaultArgs(name);
}

/** The arguments of a plugin that nobody configures. */
export function defaultArgs<Name extends ConfigurablePlugin>(name: Name): PluginArgs[Name] {
  const args: (given: Given<PluginArgs[Name]>) => PluginArgs[Name] = ARGS[name];
  return args({} as Given<PluginArgs[Name]>);
}

function configOf(given: GivenPluginConfig): PluginConfig {
  switch (given.name) {
    case 'DefaultPreemption':
      return { name: given.name, args: ARGS[given.name](given.args) };
    case 'DynamicResources':
      return { name: given.name, args: ARGS[given.name](given.args) };
    case 'InterPodAffinity':
      return { name: given.name, args: ARGS[given.name](given.args) };
    case 'NodeAffinity':
      return { name: given.name, args: ARGS[given.name](given.args) };
    case 'NodeResourcesBalancedAllocation':
      return { name: given.name, args: ARGS[given.name](given.args) };
    case 'NodeResourcesFit':
      return { name: given.name, args: ARGS[given.name](given.args) };
    case 'PodTopologySpread':
      return { name: given.name, args: ARGS[given.name](given.args) };
    case 'VolumeBinding':
      return { name: given.name, args: ARGS[given.name](given.args) };
  }
}

const ARGS: {
  readonly [Name in ConfigurablePlugin]: (given: Given<PluginArgs[Name]>) => PluginArgs[Name];
} = {
  DefaultPreemption: (given) => ({
    minCandidateNodesPercentage: given.minCandidateNodesPercentage ?? 10,
    minCandidateNodesAbsolute: given.minCandidateNodesAbsolute ?? 100,
  }),
  DynamicResources: ({ filterTimeout = '10s', bindingTimeout }) => ({
    filterTimeout,
    ...(bindingTimeout === undefined ? {} : { bindingTimeout }),
  }),
  InterPodAffinity: (given) => ({
    hardPodAffinityWeight: given.hardPodAffinityWeight ?? 1,
    ignorePreferredTermsOfExistingPods: given.ignorePreferredTermsOfExistingPods ?? false,
  }),
  // Required fields that are absent are for the validation to find.
  NodeAffinity: (given) => given as PluginArgs['NodeAffinity'],
  NodeResourcesBalancedAllocation: (given) => ({ resources: resourcesOf(given.resources) }),
  NodeResourcesFit: ({ ignoredResources = [], ignoredResourceGroups = [], scoringStrategy }) => ({
    ignoredResources,
    ignoredResourceGroups,
    scoringStrategy: {
      type: scoringStrategy ? (scoringStrategy.type ?? '') : 'LeastAllocated',
      resources: resourcesOf(scoringStrategy?.resources),
      ...(scoringStrategy?.requestedToCapacityRatio
        ? {
            requestedToCapacityRatio: {
              shape: (scoringStrategy.requestedToCapacityRatio.shape ?? []).map(
                ({ utilization = 0, score = 0 }) => ({ utilization, score }),
              ),
            },
          }
        : {}),
    },
  }),
  PodTopologySpread: (given) => ({
    defaultConstraints: (given.defaultConstraints ??
      []) as PluginArgs['PodTopologySpread']['defaultConstraints'],
    defaultingType: given.defaultingType || 'System',
  }),
  VolumeBinding: ({ bindTimeoutSeconds = 600, shape }) => ({
    bindTimeoutSeconds,
    ...(shape
      ? { shape: shape.map(({ utilization = 0, score = 0 }) => ({ utilization, score })) }
      : {}),
  }),
};

function resourcesOf(given: readonly Given<ResourceSpec>[] = []): readonly ResourceSpec[] {
  if (given.length === 0) return CPU_AND_MEMORY;
  return given.map(({ name = '', weight }) => ({ name, weight: weight || 1 }));
}

function extenderOf(given: GivenExtender): ExtenderConfiguration {
  return {
    urlPrefix: given.urlPrefix ?? '',
    filterVerb: given.filterVerb ?? '',
    preemptVerb: given.preemptVerb ?? '',
    prioritizeVerb: given.prioritizeVerb ?? '',
    weight: given.weight ?? 0,
    bindVerb: given.bindVerb ?? '',
    enableHTTPS: given.enableHTTPS ?? false,
    ...(given.tlsConfig ? { tlsConfig: given.tlsConfig } : {}),
    httpTimeout: given.httpTimeout || '0s',
    nodeCacheCapable: given.nodeCacheCapable ?? false,
    managedResources: (given.managedResources ?? []).map(
      ({ name = '', ignoredByScheduler = false }) => ({ name, ignoredByScheduler }),
    ),
    ignorable: given.ignorable ?? false,
  };
}
