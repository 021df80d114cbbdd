/** Two pods cannot have the same host port on one node. */
import type { Pod } from '../../pkg/api/types.js';
import { type Plugin, SKIP, unschedulable } from '../framework/interface.js';
import { type HostPort, hostPortsOf } from '../framework/pod-info.js';

const REASON = "node(s) didn't have free ports for the requested pod ports";

export const nodePorts: Plugin = {
  name: 'NodePorts',
  events: [
    {
      resource: 'AssignedPod',
      actions: ['Delete'],
      helps: (pod, old) =>
        old !== undefined &&
        hostPortsOf(old as Pod).some((freed) => pod.hostPorts.some((port) => clash(freed, port))),
    },
    { resource: 'Node', actions: ['Add'] },
  ],
  preFilter(_state, pod) {
    return pod.hostPorts.length === 0 ? SKIP : undefined;
  },
  filter(_state, pod, node) {
    return pod.hostPorts.some((port) => node.portInUse(port)) ? unschedulable(REASON) : undefined;
  },
};

function clash(a: HostPort, b: HostPort): boolean {
  const everywhere = a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
  return a.protocol === b.protocol && a.port === b.port && (everywhere || a.ip === b.ip);
}
