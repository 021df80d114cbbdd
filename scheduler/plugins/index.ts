/** The registry of plugins. In which order they run, and with which weights, is the configuration's. */
import type { Pod } from '../../pkg/api/types.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { SchedulerCache } from '../cache/cache.js';
import type { ConfigurablePlugin, PluginArgs } from '../config/types.js';
import type { ClaimBook } from '../devices/claims.js';
import type { Plugin } from '../framework/interface.js';
import { defaultBinder } from './default-binder.js';
import { defaultPreemption } from './default-preemption.js';
import { dynamicResources } from './dynamic-resources.js';
import { imageLocality } from './image-locality.js';
import { interPodAffinity, type NamespaceLabels } from './inter-pod-affinity.js';
import { nodeAffinity } from './node-affinity.js';
import { nodeName } from './node-name.js';
import { nodePorts } from './node-ports.js';
import { nodeResourcesBalancedAllocation } from './node-resources-balanced-allocation.js';
import { nodeResourcesFit } from './node-resources-fit.js';
import { nodeUnschedulable } from './node-unschedulable.js';
import { type Attachments, nodeVolumeLimits } from './node-volume-limits.js';
import { type DefaultSelector, podTopologySpread } from './pod-topology-spread.js';
import { prioritySort } from './priority-sort.js';
import { schedulingGates } from './scheduling-gates.js';
import { taintToleration } from './taint-toleration.js';
import { volumeBinding } from './volume-binding.js';
import { volumeRestrictions } from './volume-restrictions.js';
import { volumeZone } from './volume-zone.js';
import type { Volumes } from './volumes.js';

export interface PluginOptions {
  /** The arguments of a plugin, as configured or by default. */
  args<Name extends ConfigurablePlugin>(name: Name): PluginArgs[Name];
  readonly cache: SchedulerCache;
  readonly pods: Pick<ResourceClient<Pod>, 'createSubresource'>;
  readonly defaultSelector: DefaultSelector;
  readonly namespaceLabels: NamespaceLabels;
  readonly volumes: Volumes;
  readonly attachments: Attachments;
  readonly devices: ClaimBook;
  readonly clock: Clock;
}

/** Every plugin that there is, by name; profiles choose among them. */
export function allPlugins(options: PluginOptions): ReadonlyMap<string, Plugin> {
  const nodes = () => options.cache.nodeList();
  const { args, volumes, defaultSelector, namespaceLabels } = options;
  const plugins: readonly Plugin[] = [
    schedulingGates,
    prioritySort,
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity(args('NodeAffinity')),
    nodePorts,
    nodeResourcesFit(args('NodeResourcesFit')),
    volumeRestrictions(volumes, nodes),
    nodeVolumeLimits(volumes, options.attachments),
    volumeBinding(volumes, args('VolumeBinding')),
    volumeZone(volumes),
    podTopologySpread({ args: args('PodTopologySpread'), defaultSelector, nodes }),
    interPodAffinity({ args: args('InterPodAffinity'), namespaceLabels, nodes }),
    dynamicResources(options.devices, args('DynamicResources'), options.clock),
    defaultPreemption(args('DefaultPreemption')),
    nodeResourcesBalancedAllocation(args('NodeResourcesBalancedAllocation')),
    imageLocality(options.cache),
    defaultBinder(options.pods),
  ];
  return new Map(plugins.map((plugin) => [plugin.name, plugin]));
}
