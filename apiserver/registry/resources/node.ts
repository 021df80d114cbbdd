/** Node: a machine, registered and reported on by its kubelet. Kept under `minions`, its first name. */
import type { Node } from '../../../pkg/api/types.js';
import { nodeColumns } from '../columns/node.js';
import type { ResourceDefinition, Subresource } from '../resource.js';
import { validateNode, validateNodeStatusUpdate, validateNodeUpdate } from '../validation/node.js';
import { nodeWarnings } from '../validation/node-warnings.js';

export function node(subresources: readonly Subresource<Node>[]): ResourceDefinition<Node> {
  return {
    group: '',
    version: 'v1',
    kind: 'Node',
    resource: 'nodes',
    singular: 'node',
    namespaced: false,
    shortNames: ['no'],
    definition: 'io.k8s.api.core.v1.Node',
    storage: { prefix: 'minions' },
    columns: nodeColumns,
    strategy: {
      setDefaults,
      keepsStatusOnCreate: true,
      prepareForCreate: dropDynamicConfig,
      prepareForUpdate(obj, old) {
        if (!old.spec?.configSource) dropDynamicConfig(obj);
      },
      validate: validateNode,
      validateUpdate: validateNodeUpdate,
      warningsOnCreate: (obj) => nodeWarnings(obj),
      warningsOnUpdate: (obj) => nodeWarnings(obj),
      status: {
        validateUpdate: validateNodeStatusUpdate,
      },
      selectableFields: (obj) => ({
        'spec.unschedulable': String(obj.spec?.unschedulable ?? false),
      }),
    },
    subresources,
  };
}

/** Kubelets no longer take their configuration from a ConfigMap. */
function dropDynamicConfig(obj: Node): void {
  delete obj.spec?.configSource;
  delete obj.status?.config;
}

function setDefaults(obj: Node): void {
  obj.spec ??= {};
  obj.status ??= {};
  const { spec } = obj;
  // One and the same, of which the older form decides.
  if (spec.podCIDR && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
  else if (spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
  const { status } = obj;
  if (status.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
  status.daemonEndpoints ??= { kubeletEndpoint: { Port: 0 } };
  status.nodeInfo ??= {
    machineID: '',
    systemUUID: '',
    bootID: '',
    kernelVersion: '',
    osImage: '',
    containerRuntimeVersion: '',
    kubeletVersion: '',
    kubeProxyVersion: '',
    operatingSystem: '',
    architecture: '',
  };
}
