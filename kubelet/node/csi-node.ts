/**
 * The CSINode that a kubelet makes beside its Node (`pkg/volume/csi/nodeinfomanager`): no drivers yet, and
 * the mark that volumes of plugins that once were in-tree are the business of drivers. Pure.
 */
import type { CSINode } from '../../pkg/api/types.js';

const MIGRATED = [
  'kubernetes.io/aws-ebs',
  'kubernetes.io/azure-disk',
  'kubernetes.io/azure-file',
  'kubernetes.io/cinder',
  'kubernetes.io/gce-pd',
  'kubernetes.io/portworx-volume',
  'kubernetes.io/vsphere-volume',
];

export function csiNodeObject(name: string, uid: string): CSINode {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: {
      name,
      annotations: { 'storage.alpha.kubernetes.io/migrated-plugins': MIGRATED.join(',') },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }],
    },
    spec: { drivers: [] },
  };
}
