/**
 * A pod goes where its volumes can be. A bound claim's volume may be tied to some nodes. A claim of a
 * StorageClass that waits for its first consumer is bound here: to a volume that is there and fits, or,
 * where none is, by telling the provisioner the chosen node (annotation selected-node). The pod is bound
 * only after all its claims are. Claims that do not wait are the business of the volume controller.
 */
import { claimsOfPod } from '../../pkg/api/volumes/claims.js';
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
import type { ClaimRequest, Volumes } from './volumes.js';

const REASON_UNBOUND = 'pod has unbound immediate PersistentVolumeClaims';
const REASON_BIND = "node(s) didn't find available persistent volumes to bind";
const REASON_NODE = "node(s) didn't match PersistentVolume's node affinity";
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
      { resource: 'StorageClass', actions: ['Add', 'Update'] },
      { resource: 'Node', actions: ['Add', 'UpdateLabel'] },
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

    reserve(state, _pod, node) {
      const found = state.get(STATE);
      if (!found || found.waiting.length === 0) return undefined;
      const info = volumes.node(node);
      if (!info || !volumes.reserve(found.waiting, info)) return unresolvable(REASON_BIND);
      return undefined;
    },

    unreserve(state) {
      for (const request of state.get(STATE)?.waiting ?? []) volumes.release(request);
    },

    async preBind(state: CycleState, _pod, node, signal) {
      const waiting = state.get(STATE)?.waiting ?? [];
      if (waiting.length === 0) return;
      await volumes.bind(waiting, node, signal, bindTimeoutSeconds * 1000);
      for (const request of waiting) volumes.release(request);
    },
  };
}

function refusal(volumes: Volumes, { bound, waiting }: State, node: NodeInfo): Status | undefined {
  const reasons: string[] = [];
  const volumesOf = bound.map((request) => volumes.volumeOf(request));
  if (volumesOf.some((volume) => volume === undefined)) return unresolvable(REASON_NO_VOLUME);
  if (!volumesOf.every((volume) => volume && volumes.reaches(volume, node)))
    reasons.push(REASON_NODE);
  if (waiting.length > 0 && !volumes.plan(waiting, node)) reasons.push(REASON_BIND);
  return reasons.length === 0 ? undefined : unresolvable(...reasons.sort());
}
