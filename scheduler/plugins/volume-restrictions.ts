/**
 * Volumes that only one may have (`plugins/volumerestrictions`): a claim of access mode ReadWriteOncePod is
 * for one pod of the cluster, a disk that is named in the pod itself for the pods of one node that read it.
 */
import type { PersistentVolumeClaim, Pod, Volume } from '../../pkg/api/types.js';
import { claimsOfPod } from '../../pkg/api/volumes/claims.js';
import type { NodeInfo } from '../cache/node-info.js';
import {
  type Plugin,
  SKIP,
  stateKey,
  unresolvable,
  unschedulable,
} from '../framework/interface.js';
import type { PodInfo } from '../framework/pod-info.js';
import type { Volumes } from './volumes.js';

const REASON_DISK = 'node(s) had no available disk';
const REASON_CLAIM =
  'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';

class State {
  constructor(
    readonly claims: ReadonlySet<string>,
    readonly disks: readonly Volume[],
    /** References of other pods to those claims. */
    public conflicts: number,
  ) {}

  clone(): State {
    return new State(this.claims, this.disks, this.conflicts);
  }
}

const STATE = stateKey<State>('VolumeRestrictions');

export function volumeRestrictions(volumes: Volumes, nodes: () => readonly NodeInfo[]): Plugin {
  return {
    name: 'VolumeRestrictions',
    events: [
      {
        resource: 'AssignedPod',
        actions: ['Delete'],
        helps: (pod, old) => old !== undefined && sharesVolume(pod.pod, old as Pod),
      },
      { resource: 'Node', actions: ['Add'] },
      {
        resource: 'PersistentVolumeClaim',
        actions: ['Add', 'Update'],
        helps: (pod, _, now) => now !== undefined && names(pod, now as PersistentVolumeClaim),
      },
    ],

    preFilter(state, pod) {
      const disks = (pod.pod.spec?.volumes ?? []).filter(isDisk);
      const exclusive = new Set<string>();
      for (const { claim: name, ephemeral } of claimsOfPod(pod.pod)) {
        if (ephemeral) continue;
        const claim = volumes.claimNamed(pod.namespace, name);
        if (!claim) return unresolvable(`persistentvolumeclaim ${JSON.stringify(name)} not found`);
        if (claim.spec?.accessModes?.includes('ReadWriteOncePod')) exclusive.add(name);
      }
      if (disks.length === 0 && exclusive.size === 0) return SKIP;
      let conflicts = 0;
      if (exclusive.size > 0) {
        for (const node of nodes())
          for (const other of node.pods.values()) conflicts += references(other, pod, exclusive);
      }
      state.set(STATE, new State(exclusive, disks, conflicts));
      return undefined;
    },

    addPod(state, pod, added) {
      const found = state.get(STATE);
      if (found) found.conflicts += references(added, pod, found.claims);
    },
    removePod(state, pod, removed) {
      const found = state.get(STATE);
      if (found) found.conflicts -= references(removed, pod, found.claims);
    },

    filter(state, _pod, node) {
      const found = state.get(STATE);
      if (!found) return undefined;
      if (found.disks.length > 0) {
        for (const { pod } of node.pods.values())
          if (conflict(found.disks, pod)) return unschedulable(REASON_DISK);
      }
      return found.conflicts > 0 ? unschedulable(REASON_CLAIM) : undefined;
    },
  };
}

function references(other: PodInfo, pod: PodInfo, claims: ReadonlySet<string>): number {
  if (claims.size === 0 || other.namespace !== pod.namespace || other.uid === pod.uid) return 0;
  return claimsOfPod(other.pod).filter((c) => !c.ephemeral && claims.has(c.claim)).length;
}

function isDisk({ gcePersistentDisk, awsElasticBlockStore, rbd, iscsi }: Volume): boolean {
  return Boolean(gcePersistentDisk ?? awsElasticBlockStore ?? rbd ?? iscsi);
}

function conflict(disks: readonly Volume[], other: Pod): boolean {
  const theirs = other.spec?.volumes ?? [];
  return disks.some((mine) => theirs.some((one) => disksConflict(mine, one)));
}

/** The same disk, unless both only read it (which AWS does not allow). */
function disksConflict(a: Volume, b: Volume): boolean {
  const [gceA, gceB] = [a.gcePersistentDisk, b.gcePersistentDisk];
  if (gceA && gceB && gceA.pdName === gceB.pdName && !(gceA.readOnly && gceB.readOnly)) return true;
  const [awsA, awsB] = [a.awsElasticBlockStore, b.awsElasticBlockStore];
  if (awsA && awsB && awsA.volumeID === awsB.volumeID) return true;
  const [iscsiA, iscsiB] = [a.iscsi, b.iscsi];
  if (iscsiA && iscsiB && iscsiA.iqn === iscsiB.iqn && !(iscsiA.readOnly && iscsiB.readOnly))
    return true;
  const [rbdA, rbdB] = [a.rbd, b.rbd];
  if (!rbdA || !rbdB || (rbdA.readOnly && rbdB.readOnly)) return false;
  return (
    rbdA.monitors.some((monitor) => rbdB.monitors.includes(monitor)) &&
    (rbdA.pool ?? 'rbd') === (rbdB.pool ?? 'rbd') &&
    rbdA.image === rbdB.image
  );
}

function sharesVolume(pod: Pod, gone: Pod): boolean {
  if (conflict((pod.spec?.volumes ?? []).filter(isDisk), gone)) return true;
  if (pod.metadata?.namespace !== gone.metadata?.namespace) return false;
  const freed = new Set(claimsOfPod(gone).map(({ claim }) => claim));
  return claimsOfPod(pod).some(({ claim }) => freed.has(claim));
}

function names(pod: PodInfo, { metadata }: PersistentVolumeClaim): boolean {
  return (
    metadata?.namespace === pod.namespace &&
    claimsOfPod(pod.pod).some(({ claim }) => claim === metadata?.name)
  );
}
