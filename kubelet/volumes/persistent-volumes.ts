/**
 * The persistent volumes of a pod on its node (`pkg/kubelet/volumemanager`): a pod starts when its claims are
 * bound, and volumes of drivers that attach are attached and the driver is there. A claim that has grown in
 * the control plane gets its new size here, where its file system is.
 */
import type { CSINode, PersistentVolume, PersistentVolumeClaim, Pod } from '../../pkg/api/types.js';
import { attachmentName, uniqueVolumeName } from '../../pkg/api/volumes/attachments.js';
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

export interface ClaimsState {
  readonly faults: readonly ClaimFault[];
  /** What is attached for the pod, or will be, by the names that a node's status has. */
  readonly attachable: readonly string[];
}

interface ClaimState {
  readonly fault?: ClaimFault | undefined;
  readonly attachable?: string;
}

export async function stateOfClaims(pod: Pod, objects: PodObjects): Promise<ClaimsState> {
  const states: ClaimState[] = [];
  for (const { volume, claim } of claimsOfPod(pod))
    states.push(await stateOf(pod, volume, claim, objects));
  return {
    faults: states.flatMap(({ fault }) => fault ?? []),
    attachable: states.flatMap(({ attachable }) => attachable ?? []),
  };
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

async function stateOf(
  pod: Pod,
  volume: string,
  claimName: string,
  objects: PodObjects,
): Promise<ClaimState> {
  const namespace = pod.metadata?.namespace ?? '';
  const failed = (unprocessed: string): ClaimState => ({ fault: { volume, unprocessed } });
  const of = (why: string) => failed(`error processing PVC ${namespace}/${claimName}: ${why}`);
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
    return failed(
      `failed to fetch PV ${JSON.stringify(name)} from API server: persistentvolumes ${JSON.stringify(name)} not found`,
    );
  }
  const ref = found.spec?.claimRef;
  if (ref?.uid !== claim.metadata?.uid) {
    return failed(
      `failed to get PV ${JSON.stringify(name)}: PV is not bound to the PVC (claimRef.UID ${ref?.uid ?? ''})`,
    );
  }
  return stateOfDriver(pod, volume, found, objects);
}

async function stateOfDriver(
  pod: Pod,
  volume: string,
  found: PersistentVolume,
  objects: PodObjects,
): Promise<ClaimState> {
  const { csi } = found.spec ?? {};
  if (!csi) return {};
  const node = pod.spec?.nodeName ?? '';
  const driver = await objects.csiDriver(csi.driver);
  const isAttached = driver?.spec.attachRequired !== false;
  const attachable = isAttached ? { attachable: uniqueVolumeName(csi) } : {};
  if (isAttached) {
    const attachment = await objects.attachment(attachmentName(csi, node));
    if (attachment?.status?.attached !== true) return { ...attachable, fault: { volume } };
  }
  if (hasDriver(await objects.csiNode(node), csi.driver)) return attachable;
  const unmountable = `MountVolume.MountDevice failed for volume ${JSON.stringify(found.metadata?.name)} : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name ${csi.driver} not found in the list of registered CSI drivers`;
  return { ...attachable, fault: { volume, unmountable } };
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
