/** How a volume of a CSI driver is named where it is attached to a node (`pkg/volume/csi`). Pure. */
import { createHash } from 'node:crypto';
import type { CSIPersistentVolumeSource } from '../types.js';

type Source = Pick<CSIPersistentVolumeSource, 'driver' | 'volumeHandle'>;

/** Of the VolumeAttachment: one for each volume and node. */
export function attachmentName({ driver, volumeHandle }: Source, node: string): string {
  return `csi-${createHash('sha256').update(`${volumeHandle}${driver}${node}`).digest('hex')}`;
}

/** In a node's status. */
export function uniqueVolumeName({ driver, volumeHandle }: Source): string {
  return `kubernetes.io/csi/${driver}^${volumeHandle}`;
}
