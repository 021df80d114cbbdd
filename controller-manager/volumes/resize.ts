/**
 * How a claim grows, in its status (`kubernetes-csi/external-resizer`, with recovery from failure):
 *
 *   ControllerResizeInProgress, Resizing ─ the volume is larger ─▶ NodeResizePending, FileSystemResizePending
 *   ─ the kubelet of a pod that uses it has grown the file system ─▶ neither; the capacity is the new one
 *
 * Pure.
 */
import type { PersistentVolumeClaim, PersistentVolumeClaimCondition } from '../../pkg/api/types.js';

type ClaimStatus = NonNullable<PersistentVolumeClaim['status']>;

const PENDING_MESSAGE =
  'Waiting for user to (re-)start a pod to finish file system resize of volume on node.';

export function resizing(claim: PersistentVolumeClaim, size: string, now: string): ClaimStatus {
  const condition = { type: 'Resizing', status: 'True', lastTransitionTime: now };
  return withResize(claim, size, 'ControllerResizeInProgress', condition);
}

export function fileSystemPending(
  claim: PersistentVolumeClaim,
  size: string,
  now: string,
): ClaimStatus {
  const condition = {
    type: 'FileSystemResizePending',
    status: 'True',
    lastTransitionTime: now,
    message: PENDING_MESSAGE,
  };
  return withResize(claim, size, 'NodeResizePending', condition);
}

function withResize(
  { status = {} }: PersistentVolumeClaim,
  size: string,
  state: string,
  condition: PersistentVolumeClaimCondition,
): ClaimStatus {
  const others = (status.conditions ?? []).filter(
    ({ type }) => type !== 'Resizing' && type !== 'FileSystemResizePending',
  );
  return {
    ...status,
    allocatedResources: { ...status.allocatedResources, storage: size },
    allocatedResourceStatuses: { ...status.allocatedResourceStatuses, storage: state },
    conditions: [...others, condition],
  };
}
