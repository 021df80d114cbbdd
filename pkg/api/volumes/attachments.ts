/** How a volume of a CSI driver is named where it is attached to a node (`pkg/volume/csi`). Pure. */
import { createHash } from 'node:crypto';
import type { CSIPersistentVolumeSource } from '../types.js';

type Source = Pick<CSIPersistentVolumeSource, 'driver' | 'volumeHandle'>;

/** Of the VolumeAttachment: one for each volume and node. */
export function attachmentName({ driver, volumeHandle }: Source, node: string): string {
  return `csi-${createHash('sha256').update(`${volumeHandle}${driver}${node}`).digest('hex')}`;
}

/** Those of others, who attach volumes by themselves, are called as they please. */
export function isAttachmentName(name: string): boolean {
  return /^csi-[0-9a-f]{64}$/.test(name);
}

/** In a node's status. */
export function uniqueVolumeName({ driver, volumeHandle }: Source): string {
  return `kubernetes.io/csi/${driver}^${volumeHandle}`;
}
