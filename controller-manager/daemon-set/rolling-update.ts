/**
 * One step of a DaemonSet's rolling update (`pkg/controller/daemon/update.go`). Placement makes the pods of
 * nodes that have none and clears up; here is only decided which old pods go, and where a second pod is made.
 *
 *   without surge: old pods that are not available go at once; of the others as many as keep no more than
 *                  maxUnavailable nodes without an available pod
 *   with surge:    a new pod beside an old one that is not available; beside others on as many nodes as
 *                  maxSurge allows; an old pod goes when the new one beside it is available
 *
 * Pure.
 */
import type { DaemonSet, Pod } from '../../pkg/api/types.js';
import { scaledValue } from '../../pkg/apimachinery/int-or-string.js';
import { isPodAvailable } from '../pods.js';
import { isDeleted, type Plan, type Situation, surgeOf } from './placement.js';
import { isUpdated } from './pod.js';

export function planUpdate(situation: Situation): Plan {
  const wanted = new Set<string>();
  for (const [node, { shouldRun }] of situation.verdicts) if (shouldRun) wanted.add(node);
  // A node that is due a pod and has none counts, too.
  const byNode = new Map(situation.byNode);
  for (const name of wanted) if (!byNode.has(name)) byNode.set(name, []);
  const step = { ...situation, byNode };
  const surge = surgeOf(situation.ds, wanted.size);
  return surge > 0
    ? planWithSurge(step, wanted, surge)
    : planWithoutSurge(step, maxUnavailableOf(situation.ds, wanted.size));
}

/** Never 0, for without surge nothing would ever move. */
export function maxUnavailableOf(ds: DaemonSet, nodes: number): number {
  const { maxUnavailable = 1 } = ds.spec?.updateStrategy?.rollingUpdate ?? {};
  return scaledValue(maxUnavailable, nodes, true) || 1;
}

function planWithoutSurge(step: Situation, maxUnavailable: number): Plan {
  const broken: Pod[] = [];
  const candidates: Pod[] = [];
  let unavailable = 0;
  for (const pods of step.byNode.values()) {
    const pair = pairOf(step, pods);
    if (!pair || Boolean(pair.old) === Boolean(pair.new)) {
      // Placement has something to make or to clear up here.
      unavailable++;
    } else if (pair.new) {
      if (!isAvailable(step, pair.new)) unavailable++;
    } else if (pair.old) {
      if (isAvailable(step, pair.old)) {
        candidates.push(pair.old);
      } else {
        broken.push(pair.old);
        unavailable++;
      }
    }
  }
  const room = Math.max(0, maxUnavailable - unavailable);
  return { create: [], delete: [...broken, ...candidates.slice(0, room)] };
}

function planWithSurge(step: Situation, wanted: ReadonlySet<string>, maxSurge: number): Plan {
  const plan: Plan = { create: [], delete: [] };
  const candidates: string[] = [];
  const unwanted: Pod[] = [];
  let surging = 0;
  let available = 0;
  for (const [node, pods] of step.byNode) {
    const pair = pairOf(step, pods);
    if (!pair) {
      surging++;
      continue;
    }
    const counted = pair.old ?? pair.new;
    const counts = counted !== undefined && isAvailable(step, counted);
    if (counts) available++;
    if (!pair.old) continue;
    if (!pair.new) {
      if (!counts) {
        if (wanted.has(node)) plan.create.push(node);
        else plan.delete.push(pair.old);
      } else if (wanted.has(node)) candidates.push(node);
      else unwanted.push(pair.old);
    } else if (isAvailable(step, pair.new)) plan.delete.push(pair.old);
    else surging++;
  }
  // A pod whose node is not wanted any more goes when enough others are available.
  plan.delete.push(...unwanted.slice(0, Math.max(0, available - wanted.size)));
  plan.create.push(...candidates.slice(0, Math.max(0, maxSurge - surging)));
  return plan;
}

interface Pair {
  old: Pod | undefined;
  new: Pod | undefined;
}

/** The old and the new pod of a node; undefined where there are several of one kind. */
function pairOf({ ds, hash }: Situation, pods: readonly Pod[]): Pair | undefined {
  const pair: Pair = { old: undefined, new: undefined };
  for (const pod of pods) {
    if (isDeleted(pod)) continue;
    const kind = isUpdated(ds, pod, hash) ? 'new' : 'old';
    if (pair[kind]) return undefined;
    pair[kind] = pod;
  }
  return pair;
}

function isAvailable({ ds, nowMs }: Situation, pod: Pod): boolean {
  return isPodAvailable(pod, ds.spec?.minReadySeconds ?? 0, nowMs);
}
