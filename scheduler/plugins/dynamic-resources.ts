/**
 * A pod goes where the devices are that its ResourceClaims ask for (`plugins/dynamicresources`).
 *
 *   claims not made yet ─▶ held back (PreEnqueue)      allocated ─▶ nodes that its devices reach (Filter)
 *   not allocated ─▶ devices found for each node (Filter) ─▶ promised (Reserve) ─▶ written (PreBind)
 *
 * Where nothing fits and a claim that only this pod has is in the way, its devices are given back (PostFilter).
 */
import { canBeReserved, claimKeysOf, isReservedFor } from '../../pkg/api/devices/pod-claims.js';
import type { AllocationResult, DeviceRequest, Pod, ResourceClaim } from '../../pkg/api/types.js';
import { parseDuration } from '../../pkg/apimachinery/duration.js';
import { type KubeObject, keyOf } from '../../pkg/apimachinery/meta.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { DynamicResourcesArgs } from '../config/types.js';
import { AllocationError, allocate, NodeAllocationError } from '../devices/allocator.js';
import type { ClaimBook } from '../devices/claims.js';
import { admits, Offers } from '../devices/pools.js';
import {
  failed,
  normalizeByMaximum,
  type Plugin,
  SKIP,
  type Status,
  stateKey,
  unresolvable,
} from '../framework/interface.js';

const NAME = 'DynamicResources';
const REASON_ALLOCATE = 'cannot allocate all claims';
const REASON_NODE = 'resourceclaim not available on the node';
const REASON_IN_USE = 'resourceclaim in use';
/** Of one request (`FirstAvailableDeviceRequestMaxSize`). */
const MAX_ALTERNATIVES = 8;

interface State {
  readonly claims: readonly ResourceClaim[];
  readonly waiting: readonly ResourceClaim[];
  readonly inUse: ReadonlySet<string>;
  /** Allocated claims whose devices some node does not reach. */
  readonly unavailable: Set<ResourceClaim>;
  /** Node → what each of `waiting` would get there. */
  readonly found: Map<string, readonly AllocationResult[]>;
  /** What was promised for the node that was chosen, and is not written yet. */
  readonly promised: Map<ResourceClaim, AllocationResult>;
  readonly offers: Offers;
}

const STATE = stateKey<State>(NAME);

export function dynamicResources(
  book: ClaimBook,
  { filterTimeout }: DynamicResourcesArgs,
  clock: Clock,
): Plugin {
  const timeoutMs = parseDuration(filterTimeout) || Number.POSITIVE_INFINITY;
  return {
    name: NAME,
    events: [
      { resource: 'Node', actions: ['Add', 'UpdateLabel'] },
      {
        resource: 'ResourceClaim',
        actions: ['Add', 'Update', 'Delete'],
        helps: (pod, old, now) => claimHelps(pod.pod, old, now),
      },
      { resource: 'Pod', actions: ['UpdateGeneratedClaim'] },
      { resource: 'DeviceClass', actions: ['Add', 'Update'] },
      { resource: 'ResourceSlice', actions: ['Add', 'Update'] },
    ],

    preEnqueue(pod) {
      if (!pod.spec?.resourceClaims?.length) return undefined;
      const claims = book.ofPod(pod);
      return typeof claims === 'string' ? unresolvable(claims) : undefined;
    },

    preFilter(state, { pod }) {
      if (!pod.spec?.resourceClaims?.length) return SKIP;
      const claims = book.ofPod(pod);
      if (typeof claims === 'string') return unresolvable(claims);
      if (claims.length === 0) return SKIP;
      for (const claim of claims) {
        const fault = claimFault(book, pod, claim);
        if (fault !== undefined) return unresolvable(fault);
      }
      const waiting = claims.filter(({ status }) => !status?.allocation);
      state.set(STATE, {
        claims,
        waiting,
        inUse: waiting.length > 0 ? book.inUse() : new Set<string>(),
        unavailable: new Set<ResourceClaim>(),
        found: new Map(),
        promised: new Map(),
        offers: new Offers(waiting.length > 0 ? book.slices() : []),
      });
      return undefined;
    },

    filter(state, _pod, node): Status | undefined {
      const now = state.get(STATE);
      if (!now) return undefined;
      const away = now.claims.filter(({ status }) => {
        const selector = status?.allocation?.nodeSelector;
        return selector !== undefined && !admits(selector, node);
      });
      if (now.waiting.length > 0) {
        try {
          const pools = now.offers.on(node);
          const deviceClass = (name: string) => book.deviceClass(name);
          const since = clock.monotonic();
          const expired = () => clock.monotonic() - since > timeoutMs;
          const { waiting: claims, inUse } = now;
          const found = allocate({ claims, pools, inUse, deviceClass, expired });
          if (!found) return unresolvable(REASON_ALLOCATE);
          if (away.length === 0) now.found.set(node.name, found);
        } catch (err) {
          if (err instanceof NodeAllocationError) return unresolvable(err.message);
          if (err instanceof AllocationError) return failed(err.message);
          throw err;
        }
      }
      for (const claim of away) now.unavailable.add(claim);
      return away.length > 0 ? unresolvable(REASON_NODE) : undefined;
    },

    async postFilter(state, { pod }, signal) {
      const now = state.get(STATE);
      if (!now) return 'no new claims to deallocate';
      for (const claim of now.unavailable) {
        const users = claim.status?.reservedFor ?? [];
        if (!users.every(({ uid }) => uid === pod.metadata?.uid)) continue;
        await book.deallocate(claim, signal);
        return 'deallocation of ResourceClaim completed';
      }
      return 'still not schedulable';
    },

    preScore: (state) => (state.get(STATE)?.waiting.some(hasAlternatives) ? undefined : SKIP),

    /** The earlier of its alternatives a claim gets, the better. */
    score(state, _pod, node) {
      const now = state.get(STATE);
      const found = now?.found.get(node.name) ?? [];
      return found.reduce((sum, result, i) => sum + rankOf(now?.waiting[i], result), 0);
    },
    normalize: (_state, _pod, scores) => normalizeByMaximum(scores, false),

    reserve(state, _pod, node) {
      const now = state.get(STATE);
      if (!now || now.waiting.length === 0) return undefined;
      const found = now.found.get(node);
      if (!found) return unresolvable('claim allocation not found for node');
      now.waiting.forEach((claim, i) => {
        const allocation = found[i];
        if (!allocation) return;
        now.promised.set(claim, allocation);
        book.promise(claim, allocation);
      });
      return undefined;
    },

    /**
     * What is written already stays: the pod finds it at its next try, and the controller of claims takes it
     * back when the pod is gone.
     */
    unreserve(state) {
      for (const claim of state.get(STATE)?.promised.keys() ?? []) book.release(claim);
    },

    preBindPreFlight: (state) => state.get(STATE) !== undefined,

    async preBind(state, { pod }, _node, signal) {
      const now = state.get(STATE);
      if (!now) return;
      for (const claim of now.claims) {
        if (isReservedFor(pod, claim)) continue;
        await book.reserve(claim, pod, now.promised.get(claim), signal);
        // The promise ends when the informer has seen what was written, whatever becomes of the binding.
        now.promised.delete(claim);
      }
    },
  };
}

function hasAlternatives({ spec }: ResourceClaim): boolean {
  return (spec.devices?.requests ?? []).some(
    ({ firstAvailable = [] }) => firstAvailable.length > 0,
  );
}

/** Of each request as many points as there could be alternatives, less those that were passed over. */
function rankOf(claim: ResourceClaim | undefined, { devices }: AllocationResult): number {
  const taken = new Set((devices?.results ?? []).map(({ request }) => request));
  let points = 0;
  for (const { name, firstAvailable = [] } of claim?.spec.devices?.requests ?? []) {
    const passed = firstAvailable.findIndex((sub) => taken.has(`${name}/${sub.name}`));
    if (passed >= 0) points += MAX_ALTERNATIVES - passed;
  }
  return points;
}

/** What keeps the pod from every node. */
function claimFault(book: ClaimBook, pod: Pod, claim: ResourceClaim): string | undefined {
  if (claim.status?.allocation)
    return canBeReserved(claim) || isReservedFor(pod, claim) ? undefined : REASON_IN_USE;
  if (book.isPromised(claim))
    return `resource claim ${keyOf(claim)} is in the process of being allocated`;
  for (const request of claim.spec.devices?.requests ?? []) {
    for (const [name, deviceClassName] of classesOf(request)) {
      if (!book.deviceClass(deviceClassName))
        return `request ${name}: device class ${deviceClassName} does not exist`;
    }
  }
  return undefined;
}

function classesOf({ name, exactly, firstAvailable = [] }: DeviceRequest): [string, string][] {
  if (exactly) return [[name, exactly.deviceClassName]];
  return firstAvailable.map((sub) => [`${name}/${sub.name}`, sub.deviceClassName]);
}

/** Devices came free, or the pod's own claim changed in what matters. */
function claimHelps(pod: Pod, old: KubeObject | undefined, now: KubeObject | undefined): boolean {
  const [before, after] = [allocationOf(old), allocationOf(now)];
  if (before !== undefined && after === undefined) return true;
  if (!now || !claimKeysOf(pod).includes(keyOf(now))) return false;
  return !old || statusText(old) !== statusText(now);
}

function allocationOf(claim: KubeObject | undefined): string | undefined {
  const status = claim && 'status' in claim ? claim.status : undefined;
  return typeof status === 'object' && status !== null && 'allocation' in status
    ? JSON.stringify(status.allocation)
    : undefined;
}

function statusText(claim: KubeObject): string | undefined {
  return 'status' in claim ? JSON.stringify(claim.status) : undefined;
}
