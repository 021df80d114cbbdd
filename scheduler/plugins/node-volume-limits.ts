/**
 * A node takes as many volumes of a CSI driver as the driver said in the node's CSINode
 * (`plugins/nodevolumelimits`). A volume counts once, however many pods of the node use it, and also while
 * it is attached and no pod uses it.
 */
import type { CSINode, PersistentVolumeClaim, Pod, VolumeAttachment } from '../../pkg/api/types.js';
import { claimsOfPod, classOfClaim } from '../../pkg/api/volumes/claims.js';
import { type Plugin, SKIP, unschedulable } from '../framework/interface.js';
import type { PodInfo } from '../framework/pod-info.js';
import type { Volumes } from './volumes.js';

const REASON = 'node(s) exceed max volume count';

export interface Attachments {
  csiNode(name: string): CSINode | undefined;
  ofNode(name: string): readonly VolumeAttachment[];
}

export function nodeVolumeLimits(volumes: Volumes, attachments: Attachments): Plugin {
  return {
    name: 'NodeVolumeLimits',
    events: [
      {
        resource: 'CSINode',
        actions: ['Add', 'Update'],
        helps: (_, old, now) => allowsMore(old as CSINode | undefined, now as CSINode),
      },
      {
        resource: 'AssignedPod',
        actions: ['Delete'],
        helps: (_, old) => claimsOfPod(old as Pod).length > 0,
      },
      {
        resource: 'PersistentVolumeClaim',
        actions: ['Add'],
        helps: (pod, _, now) =>
          now?.metadata?.namespace === pod.namespace &&
          claimsOfPod(pod.pod).some(({ claim }) => claim === now?.metadata?.name),
      },
      { resource: 'VolumeAttachment', actions: ['Delete'] },
    ],

    preFilter(_state, pod) {
      return claimsOfPod(pod.pod).length === 0 ? SKIP : undefined;
    },

    filter(_state, pod, node) {
      const limits = limitsOf(attachments.csiNode(node.name));
      if (limits.size === 0) return undefined;
      const wanted = volumesOf(volumes, pod);
      if (wanted.size === 0) return undefined;
      const here = new Map<string, string>();
      for (const other of node.pods.values())
        for (const [id, driver] of volumesOf(volumes, other)) here.set(id, driver);
      for (const { spec } of attachments.ofNode(node.name)) {
        const csi = volumes.volumeNamed(spec.source?.persistentVolumeName ?? '')?.spec?.csi;
        if (csi) here.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
      }
      const added = [...wanted].filter(([id]) => !here.has(id));
      const count = (list: Iterable<readonly [string, string]>, driver: string) =>
        [...list].filter(([, of]) => of === driver).length;
      for (const [driver, limit] of limits) {
        const more = count(added, driver);
        if (more > 0 && count(here, driver) + more > limit) return unschedulable(REASON);
      }
      return undefined;
    },
  };
}

/** A node is new, or a driver of it takes more volumes than it did, or as many as there are. */
function allowsMore(old: CSINode | undefined, now: CSINode): boolean {
  const limits = limitsOf(now);
  return (
    old === undefined ||
    [...limitsOf(old)].some(
      ([driver, limit]) => (limits.get(driver) ?? Number.POSITIVE_INFINITY) > limit,
    )
  );
}

function limitsOf(node: CSINode | undefined): Map<string, number> {
  const limits = new Map<string, number>();
  for (const { name, allocatable } of node?.spec?.drivers ?? [])
    if (allocatable?.count !== undefined) limits.set(name, allocatable.count);
  return limits;
}

/** Volume → driver. A claim without a volume will get one of its class's provisioner. */
function volumesOf(volumes: Volumes, pod: PodInfo): Map<string, string> {
  const found = new Map<string, string>();
  for (const { claim: name } of claimsOfPod(pod.pod)) {
    const claim = volumes.claimNamed(pod.namespace, name);
    const volume = claim && volumes.volumeNamed(claim.spec?.volumeName ?? '');
    const csi = volume?.spec?.csi;
    if (csi) found.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
    else if (claim && !volume) addUnbound(volumes, claim, found);
  }
  return found;
}

function addUnbound(
  volumes: Volumes,
  claim: PersistentVolumeClaim,
  found: Map<string, string>,
): void {
  const driver = volumes.classNamed(classOfClaim(claim))?.provisioner;
  const { namespace = '', name = '' } = claim.metadata ?? {};
  if (driver) found.set(`claim ${namespace}/${name}`, driver);
}
