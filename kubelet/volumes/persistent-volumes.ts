/**
 * The persistent volumes of a pod on its node (`pkg/kubelet/volumemanager`): a pod starts when its claims are
 * bound, and volumes of drivers that attach are attached and the driver is there. A claim that has grown in
 * the control plane gets its new size here, where its file system is.
 */
import type { CSINode, PersistentVolume, PersistentVolumeClaim, Pod } from '../../pkg/api/types.js';
import { attachmentName } from '../../pkg/api/volumes/attachments.js';
import { claimsOfPod } from '../../pkg/api/volumes/claims.js';
import type { KubeletEvents } from '../events.js';
import type { PodObjects } from './object-cache.js';

export interface ClaimFault {
  readonly volume: string;
  /** Why the claim is no volume (yet). */
  readonly unprocessed?: string;
  /** Why the volume cannot be mounted; absent while it is only waited for. */
  readonly unmountable?: string;
}

export async function claimFaults(pod: Pod, objects: PodObjects): Promise<ClaimFault[]> {
  const faults: ClaimFault[] = [];
  for (const { volume, claim } of claimsOfPod(pod)) {
    const fault = await faultOf(pod, volume, claim, objects);
    if (fault) faults.push(fault);
  }
  return faults;
}

/** One sentence for all claims that are no volumes yet, as the pod's Event says it. */
export function unprocessedMessage(faults: readonly ClaimFault[]): string | undefined {
  const failed = faults.filter(({ unprocessed }) => unprocessed !== undefined);
  if (failed.length === 0) return undefined;
  const names = failed.map(({ volume }) => volume).join(' ');
  const why = failed.map(({ unprocessed }) => unprocessed).join('; ');
  return unmounted(faults, names, why);
}

/** What is said of volumes that were waited for too long. */
export function overdueMessage(faults: readonly ClaimFault[]): string {
  return unmounted(faults, '', 'context deadline exceeded');
}

function unmounted(faults: readonly ClaimFault[], failed: string, why: string): string {
  const all = faults.map(({ volume }) => volume).join(' ');
  return `Unable to attach or mount volumes: unmounted volumes=[${all}], unattached volumes=[], failed to process volumes=[${failed}]: ${why}`;
}

async function faultOf(
  pod: Pod,
  volume: string,
  claimName: string,
  objects: PodObjects,
): Promise<ClaimFault | undefined> {
  const namespace = pod.metadata?.namespace ?? '';
  const of = (why: string) => ({
    volume,
    unprocessed: `error processing PVC ${namespace}/${claimName}: ${why}`,
  });
  const claim = await objects.claim(namespace, claimName);
  if (!claim) {
    return of(
      `failed to fetch PVC from API server: persistentvolumeclaims ${JSON.stringify(claimName)} not found`,
    );
  }
  if (claim.metadata?.deletionTimestamp !== undefined) return of('PVC is being deleted');
  const name = claim.spec?.volumeName ?? '';
  if (claim.status?.phase !== 'Bound' || name === '') return of('PVC is not bound');
  const found = await objects.volume(name);
  if (!found) {
    const why = `failed to fetch PV ${JSON.stringify(name)} from API server: persistentvolumes ${JSON.stringify(name)} not found`;
    return { volume, unprocessed: why };
  }
  const ref = found.spec?.claimRef;
  if (ref?.uid !== claim.metadata?.uid) {
    const why = `failed to get PV ${JSON.stringify(name)}: PV is not bound to the PVC (claimRef.UID ${ref?.uid ?? ''})`;
    return { volume, unprocessed: why };
  }
  return driverFault(pod, volume, found, objects);
}

async function driverFault(
  pod: Pod,
  volume: string,
  found: PersistentVolume,
  objects: PodObjects,
): Promise<ClaimFault | undefined> {
  const { csi } = found.spec ?? {};
  if (!csi) return undefined;
  const node = pod.spec?.nodeName ?? '';
  const driver = await objects.csiDriver(csi.driver);
  if (driver?.spec.attachRequired !== false) {
    const attachment = await objects.attachment(attachmentName(csi, node));
    if (attachment?.status?.attached !== true) return { volume };
  }
  if (hasDriver(await objects.csiNode(node), csi.driver)) return undefined;
  const unmountable = `MountVolume.MountDevice failed for volume ${JSON.stringify(found.metadata?.name)} : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name ${csi.driver} not found in the list of registered CSI drivers`;
  return { volume, unmountable };
}

function hasDriver(node: CSINode | undefined, driver: string): boolean {
  return node?.spec?.drivers?.some(({ name }) => name === driver) === true;
}

/** Gives claims of the pod that have grown their new size. */
export async function growClaims(
  pod: Pod,
  objects: PodObjects,
  events: KubeletEvents,
): Promise<void> {
  for (const { claim: name } of claimsOfPod(pod)) {
    const claim = await objects.claim(pod.metadata?.namespace ?? '', name);
    const status = claim && grown(claim);
    if (!claim || !status) continue;
    await objects.updateClaimStatus({ ...claim, status });
    const volume = JSON.stringify(claim.spec?.volumeName ?? '');
    const message = `MountVolume.NodeExpandVolume succeeded for volume ${volume} ${pod.spec?.nodeName ?? ''}`;
    events.pod(pod, 'Normal', 'FileSystemResizeSuccessful', message);
    events.claim(claim, 'Normal', 'FileSystemResizeSuccessful', message);
  }
}

/** Undefined where nothing is to be done on the node. */
function grown({
  status = {},
}: PersistentVolumeClaim): PersistentVolumeClaim['status'] | undefined {
  const { allocatedResourceStatuses = {}, ...rest } = status;
  const { storage: state, ...states } = allocatedResourceStatuses;
  const size = status.allocatedResources?.['storage'];
  if (state !== 'NodeResizePending' || size === undefined) return undefined;
  const conditions = (status.conditions ?? []).filter(
    ({ type }) => type !== 'Resizing' && type !== 'FileSystemResizePending',
  );
  const { conditions: _, ...others } = rest;
  return {
    ...others,
    capacity: { ...status.capacity, storage: size },
    ...(conditions.length > 0 ? { conditions } : {}),
    ...(Object.keys(states).length > 0 ? { allocatedResourceStatuses: states } : {}),
  };
}
