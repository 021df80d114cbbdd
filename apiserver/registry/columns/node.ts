/** The columns of `kubectl get nodes`. ROLES come from labels, STATUS from the Ready condition. */
import type { Node } from '../../../pkg/api/types.js';
import type { Column } from '../resource.js';
import { ageColumn, NONE, nameColumn, UNKNOWN } from './metadata.js';

const ROLE_PREFIX = 'node-role.kubernetes.io/';
const ROLE_LABEL = 'kubernetes.io/role';

export const nodeColumns: readonly Column<Node>[] = [
  nameColumn(),
  { name: 'Status', type: 'string', description: 'The status of the node', value: nodeStatus },
  {
    name: 'Roles',
    type: 'string',
    description: 'The roles of the node',
    value: (node) => rolesOf(node).join(',') || NONE,
  },
  ageColumn(),
  {
    name: 'Version',
    type: 'string',
    description: 'Version that the kubelet reports.',
    value: (node) => node.status?.nodeInfo?.kubeletVersion ?? '',
  },
  {
    name: 'Internal-IP',
    type: 'string',
    priority: 1,
    description: 'First internal address of the node.',
    value: (node) => addressOf(node, 'InternalIP'),
  },
  {
    name: 'External-IP',
    type: 'string',
    priority: 1,
    description: 'First external address of the node.',
    value: (node) => addressOf(node, 'ExternalIP'),
  },
  {
    name: 'OS-Image',
    type: 'string',
    priority: 1,
    description: 'Operating system that the node reports.',
    value: (node) => node.status?.nodeInfo?.osImage || UNKNOWN,
  },
  {
    name: 'Kernel-Version',
    type: 'string',
    priority: 1,
    description: 'Kernel that the node reports.',
    value: (node) => node.status?.nodeInfo?.kernelVersion || UNKNOWN,
  },
  {
    name: 'Container-Runtime',
    type: 'string',
    priority: 1,
    description: 'Container runtime and version that the node reports.',
    value: (node) => node.status?.nodeInfo?.containerRuntimeVersion || UNKNOWN,
  },
];

function nodeStatus(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  const parts = [ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'];
  if (node.spec?.unschedulable) parts.push('SchedulingDisabled');
  return parts.join(',');
}

function rolesOf(node: Node): string[] {
  const roles = new Set<string>();
  for (const [label, value] of Object.entries(node.metadata?.labels ?? {})) {
    if (label.startsWith(ROLE_PREFIX) && label.length > ROLE_PREFIX.length) {
      roles.add(label.slice(ROLE_PREFIX.length));
    } else if (label === ROLE_LABEL && value !== '') {
      roles.add(value);
    }
  }
  return [...roles].sort();
}

function addressOf(node: Node, type: string): string {
  return node.status?.addresses?.find((address) => address.type === type)?.address ?? NONE;
}
