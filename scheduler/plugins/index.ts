/** The default profile: every plugin with the weight of its score, in the order of Kubernetes v1.35. */
import type { Pod } from '../../pkg/api/types.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import type { SchedulerCache } from '../cache/cache.js';
import type { RegisteredPlugin } from '../framework/framework.js';
import { defaultBinder } from './default-binder.js';
import { imageLocality } from './image-locality.js';
import { interPodAffinity, type NamespaceLabels } from './inter-pod-affinity.js';
import { nodeAffinity } from './node-affinity.js';
import { nodeName } from './node-name.js';
import { nodePorts } from './node-ports.js';
import { nodeResourcesBalancedAllocation } from './node-resources-balanced-allocation.js';
import { nodeResourcesFit } from './node-resources-fit.js';
import { nodeUnschedulable } from './node-unschedulable.js';
import { type DefaultSelector, podTopologySpread } from './pod-topology-spread.js';
import { schedulingGates } from './scheduling-gates.js';
import { taintToleration } from './taint-toleration.js';
import { volumeBinding } from './volume-binding.js';
import type { Volumes } from './volumes.js';

export interface PluginOptions {
  readonly cache: SchedulerCache;
  readonly pods: ResourceClient<Pod>;
  readonly defaultSelector: DefaultSelector;
  readonly namespaceLabels: NamespaceLabels;
  readonly volumes: Volumes;
}

export function defaultPlugins(options: PluginOptions): RegisteredPlugin[] {
  const nodes = () => options.cache.nodeList();
  return [
    { plugin: schedulingGates, weight: 0 },
    { plugin: nodeUnschedulable, weight: 0 },
    { plugin: nodeName, weight: 0 },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity, weight: 2 },
    { plugin: nodePorts, weight: 0 },
    { plugin: nodeResourcesFit, weight: 1 },
    { plugin: volumeBinding(options.volumes), weight: 0 },
    { plugin: podTopologySpread({ defaultSelector: options.defaultSelector, nodes }), weight: 2 },
    { plugin: interPodAffinity({ namespaceLabels: options.namespaceLabels, nodes }), weight: 2 },
    { plugin: nodeResourcesBalancedAllocation, weight: 1 },
    { plugin: imageLocality(options.cache), weight: 1 },
    { plugin: defaultBinder(options.pods), weight: 0 },
  ];
}
