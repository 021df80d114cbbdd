/**
 * A pod goes where its volumes can be. A bound claim's volume may be tied to some nodes. A claim of a
 * StorageClass that waits for its first consumer is bound here: to a volume that is there and fits, or,
 * where none is, by telling the provisioner the chosen node (annotation selected-node). The pod is bound
 * only after all its claims are. Claims that do not wait are the business of the volume controller.
 */
import { isDeepStrictEqual } from 'node:util';
import type { CSIDriver, CSIStorageCapacity, StorageClass } from '../../pkg/api/types.js';
import { claimsOfPod } from '../../pkg/api/volumes/claims.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { NodeInfo } from '../cache/node-info.js';
import type { VolumeBindingArgs } from '../config/types.js';
import {
  type CycleState,
  type Plugin,
  SKIP,
  type Status,
  stateKey,
  unresolvable,
} from '../framework/interface.js';
import type { PodInfo } from '../framework/pod-info.js';
import { volumeLimit } from './storage-capacity.js';
import type { ClaimRequest, NoPlan, Volumes } from './volumes.js';

const REASON_UNBOUND = 'pod has unbound immediate PersistentVolumeClaims';
const REASON_BIND = "node(s) didn't find available persistent volumes to bind";
const REASON_NODE = "node(s) didn't match PersistentVolume's node affinity";
const REASON_SPACE = 'node(s) did not have enough free storage';
const REASON_NO_VOLUME =
  'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';

interface State {
  readonly bound: readonly ClaimRequest[];
  readonly waiting: readonly ClaimRequest[];
}

const STATE = stateKey<State>('VolumeBinding');

export function volumeBinding(volumes: Volumes, { bindTimeoutSeconds }: VolumeBindingArgs): Plugin {
  const namesClaim = (pod: PodInfo, claim: { metadata?: { namespace?: string; name?: string } }) =>
    claim.metadata?.namespace === pod.namespace &&
    claimsOfPod(pod.pod).some(({ claim: name }) => name === claim.metadata?.name);

  return {
    name: 'VolumeBinding',
    events: [
      {
        resource: 'PersistentVolumeClaim',
        actions: ['Add', 'Update'],
        helps: (pod, _, now) => now !== undefined && namesClaim(pod, now),
      },
      { resource: 'PersistentVolume', actions: ['Add', 'Update'] },
      {
        resource: 'StorageClass',
        actions: ['Add', 'Update'],
        helps: (_, old, now) => topologiesDiffer(old as StorageClass, now as StorageClass),
      },
      { resource: 'Node', actions: ['Add', 'UpdateLabel'] },
      { resource: 'CSIDriver', actions: ['Update'], helps: (_, old, now) => ceases(old, now) },
      {
        resource: 'CSIStorageCapacity',
        actions: ['Add', 'Update'],
        helps: (_, old, now) => grows(old as CSIStorageCapacity, now as CSIStorageCapacity),
      },
    ],

    preFilter(state, pod) {
      const named = claimsOfPod(pod.pod);
      if (named.length === 0) return SKIP;
      const requests: ClaimRequest[] = [];
      for (const { claim, ephemeral } of named) {
        const found = volumes.claim(pod, claim, ephemeral);
        if (typeof found === 'string') return unresolvable(found);
        requests.push(found);
      }
      if (requests.some((r) => r.kind === 'immediate')) return unresolvable(REASON_UNBOUND);
      state.set(STATE, {
        bound: requests.filter((r) => r.kind === 'bound'),
        waiting: requests.filter((r) => r.kind === 'waiting'),
      });
      return undefined;
    },

    filter(state, _pod, node) {
      const found = state.get(STATE);
      return found && refusal(volumes, found, node);
    },

    reserve(state, pod, node) {
      const found = state.get(STATE);
      if (!found || found.waiting.length === 0) return undefined;
      const info = volumes.node(node);
      const failed = info ? volumes.reserve(found.waiting, info, pod) : 'no volume';
      return failed && unresolvable(reasonOf(failed));
    },

    unreserve(state, pod) {
      for (const request of state.get(STATE)?.waiting ?? []) volumes.release(request, pod);
    },

    preBindPreFlight: (state) => (state.get(STATE)?.waiting ?? []).length > 0,

    async preBind(state: CycleState, pod, node, signal) {
      const waiting = state.get(STATE)?.waiting ?? [];
      if (waiting.length === 0) return;
      await volumes.bind(waiting, node, signal, bindTimeoutSeconds * 1000);
      for (const request of waiting) volumes.release(request, pod);
    },
  };
}

function refusal(volumes: Volumes, { bound, waiting }: State, node: NodeInfo): Status | undefined {
  const reasons: string[] = [];
  // The first bound claim that will not do says why.
  for (const request of bound) {
    const volume = volumes.volumeOf(request);
    if (volume && volumes.reaches(volume, node)) continue;
    reasons.push(volume ? REASON_NODE : REASON_NO_VOLUME);
    break;
  }
  if (waiting.length > 0) {
    const plan = volumes.plan(waiting, node);
    if (typeof plan === 'string') reasons.push(reasonOf(plan));
  }
  return reasons.length === 0 ? undefined : unresolvable(...reasons.sort());
}

function reasonOf(failed: NoPlan): string {
  return failed === 'no space' ? REASON_SPACE : REASON_BIND;
}

/** A class is new, or allows other places; nothing else of it that matters can change. */
function topologiesDiffer(old: StorageClass | undefined, now: StorageClass | undefined): boolean {
  return old === undefined || !isDeepStrictEqual(old.allowedTopologies, now?.allowedTopologies);
}

/** The driver does not want its capacity to be looked at any more. */
function ceases(old: KubeObject | undefined, now: KubeObject | undefined): boolean {
  const looks = (driver: CSIDriver | undefined) => driver?.spec.storageCapacity === true;
  return looks(old as CSIDriver | undefined) && !looks(now as CSIDriver | undefined);
}

function grows(old: CSIStorageCapacity | undefined, now: CSIStorageCapacity | undefined): boolean {
  if (!old) return true;
  const [before, after] = [volumeLimit(old), now && volumeLimit(now)];
  return after !== undefined && (before === undefined || after.compare(before) > 0);
}
