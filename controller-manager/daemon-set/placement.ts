/**
 * On which nodes a DaemonSet wants its pod, and what is to be done so that each has one
 * (`pkg/controller/daemon`). For a node, its pods beside it:
 *
 *   should run    none there                            → create
 *   may stay      failed (not too soon again), ended    → delete; the next sync creates
 *                 several                               → the oldest stays; when surging: the oldest of the
 *                                                         newest revision, and beside it the oldest of
 *                                                         another while the new one is not available
 *   must not run  any                                   → delete
 *
 * A node may keep a pod that it would not get now: only a NoExecute taint drives one away. Pure.
 */
import { RequiredNodeAffinity } from '../../pkg/api/scheduling/node-affinity.js';
import { untolerated } from '../../pkg/api/scheduling/taints.js';
import type { DaemonSet, Node, Pod } from '../../pkg/api/types.js';
import { scaledValue } from '../../pkg/apimachinery/int-or-string.js';
import { REVISION_HASH } from '../history.js';
import { isPodAvailable, isPodReady, isPodTerminal } from '../pods.js';
import { daemonTolerations, targetNode } from './pod.js';

export interface Verdict {
  /** A pod is to be made where there is none. */
  readonly shouldRun: boolean;
  /** One that is there may stay. */
  readonly mayStay: boolean;
}

export interface Plan {
  /** Names of nodes. */
  readonly create: string[];
  readonly delete: Pod[];
}

export type PodsByNode = ReadonlyMap<string, readonly Pod[]>;

export interface Situation {
  readonly ds: DaemonSet;
  /** Of every node, by name. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  readonly byNode: PodsByNode;
  /** Of the newest revision. */
  readonly hash: string;
  readonly nowMs: number;
}

/** What planning asks and tells about pods that have ended. */
export interface EndedPods {
  /** Whether a failed pod may be deleted now, or only later. */
  readonly mayReplace: (pod: Pod, node: string) => boolean;
  readonly succeeded: (pod: Pod, node: string) => void;
}

const NO = { shouldRun: false, mayStay: false };

/** What the DaemonSet's template says of any node. */
export function judge(ds: DaemonSet): (node: Node) => Verdict {
  const { spec } = ds.spec?.template ?? {};
  const affinity = new RequiredNodeAffinity({ ...(spec ? { spec } : {}) });
  const tolerations = daemonTolerations(spec ?? {});
  return (node) => {
    const { name = '', labels = {} } = node.metadata ?? {};
    if (spec?.nodeName && spec.nodeName !== name) return NO;
    if (!affinity.matches({ name, labels })) return NO;
    const taints = node.spec?.taints ?? [];
    if (!untolerated(taints, tolerations, ['NoExecute', 'NoSchedule'])) {
      return { shouldRun: true, mayStay: true };
    }
    return { shouldRun: false, mayStay: !untolerated(taints, tolerations, ['NoExecute']) };
  };
}

export function judgeAll(ds: DaemonSet, nodes: Iterable<Node>): Map<string, Verdict> {
  const verdictOn = judge(ds);
  const verdicts = new Map<string, Verdict>();
  for (const node of nodes) verdicts.set(node.metadata?.name ?? '', verdictOn(node));
  return verdicts;
}

/** Pods that have ended and are being deleted are nobody's business any more, but for history. */
export function podsByNode(pods: readonly Pod[], withDeletedTerminal = false): Map<string, Pod[]> {
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) {
    if (!withDeletedTerminal && isPodTerminal(pod) && isDeleted(pod)) continue;
    const node = targetNode(pod);
    if (node === undefined) continue;
    const known = byNode.get(node);
    if (known) known.push(pod);
    else byNode.set(node, [pod]);
  }
  return byNode;
}

export function planPlacement(situation: Situation, ended: EndedPods): Plan {
  const plan: Plan = { create: [], delete: [] };
  for (const node of situation.verdicts.keys()) planNode(situation, node, ended, plan);
  // Nobody binds these, so that nobody else would remove them with their node.
  for (const [node, pods] of situation.byNode) {
    if (situation.verdicts.has(node)) continue;
    plan.delete.push(...pods.filter((pod) => !pod.spec?.nodeName));
  }
  return plan;
}

function planNode(situation: Situation, node: string, ended: EndedPods, plan: Plan): void {
  const { ds, byNode, verdicts } = situation;
  const pods = byNode.get(node);
  const { shouldRun, mayStay } = verdicts.get(node) ?? NO;
  if (shouldRun && !pods) {
    plan.create.push(node);
    return;
  }
  const present = (pods ?? []).filter((pod) => !isDeleted(pod));
  if (!mayStay) {
    plan.delete.push(...present);
    return;
  }
  const running: Pod[] = [];
  for (const pod of present) {
    if (pod.status?.phase === 'Failed') {
      if (ended.mayReplace(pod, node)) plan.delete.push(pod);
    } else if (pod.status?.phase === 'Succeeded') {
      ended.succeeded(pod, node);
      plan.delete.push(pod);
    } else {
      running.push(pod);
    }
  }
  running.sort(scheduledOldestFirst);
  if (!allowsSurge(ds)) plan.delete.push(...running.slice(1));
  else if (running.length === 0 && shouldRun) plan.create.push(node);
  else if (running.length > 1) plan.delete.push(...surplusOfSurge(situation, running));
}

function surplusOfSurge({ ds, hash, nowMs }: Situation, sorted: readonly Pod[]): Pod[] {
  const isNew = (pod: Pod) => pod.metadata?.labels?.[REVISION_HASH] === hash;
  const newest = sorted.find(isNew);
  const former = sorted.find((pod) => !isNew(pod));
  const surplus = sorted.filter((pod) => pod !== newest && pod !== former);
  if (!newest || !former) return surplus;
  const minReadySeconds = ds.spec?.minReadySeconds ?? 0;
  const replaced = !isPodReady(former) || isPodAvailable(newest, minReadySeconds, nowMs);
  return replaced ? [...surplus, former] : surplus;
}

/** A bound pod before one that is not; then by age and name. */
export function scheduledOldestFirst(a: Pod, b: Pod): number {
  const bound = Number(Boolean(b.spec?.nodeName)) - Number(Boolean(a.spec?.nodeName));
  return (
    bound ||
    compareText(a.metadata?.creationTimestamp, b.metadata?.creationTimestamp) ||
    compareText(a.metadata?.name, b.metadata?.name)
  );
}

export function allowsSurge(ds: DaemonSet): boolean {
  return surgeOf(ds, 1) > 0;
}

export function surgeOf(ds: DaemonSet, nodes: number): number {
  const { type, rollingUpdate } = ds.spec?.updateStrategy ?? {};
  if (type !== 'RollingUpdate') return 0;
  return scaledValue(rollingUpdate?.maxSurge ?? 0, nodes, true);
}

export function isDeleted(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}

function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
