/** Two pods cannot have the same host port on one node. */
import { type Plugin, SKIP, unschedulable } from '../framework/interface.js';

const REASON = "node(s) didn't have free ports for the requested pod ports";

export const nodePorts: Plugin = {
  name: 'NodePorts',
  events: [
    { resource: 'AssignedPod', action: 'Delete' },
    { resource: 'Node', action: 'Add' },
  ],
  preFilter(_state, pod) {
    return pod.hostPorts.length === 0 ? SKIP : undefined;
  },
  filter(_state, pod, node) {
    return pod.hostPorts.some((port) => node.portInUse(port)) ? unschedulable(REASON) : undefined;
  },
};
