/**
 * Makes room for a pod that fits nowhere, by finding a node where taking away pods of lower priority lets
 * it fit: as few and as unimportant ones as possible, and none that a PodDisruptionBudget protects if that
 * can be helped (`plugins/defaultpreemption`, `framework/preemption`). Decides only; nothing is deleted here.
 */

import type { PodDisruptionBudget } from '../pkg/api/types.js';
import { selectorFromObject } from '../pkg/apimachinery/labels.js';
import type { Algorithm } from './algorithm.js';
import type { SchedulerCache } from './cache/cache.js';
import type { NodeInfo } from './cache/node-info.js';
import type { DefaultPreemptionArgs } from './config/types.js';
import { type Diagnosis, reasonHistogram } from './framework/diagnosis.js';
import type { Framework } from './framework/framework.js';
import { type CycleState, isStatus, type Status, unresolvable } from './framework/interface.js';
import type { PodInfo } from './framework/pod-info.js';

const NOT_HELPFUL = 'Preemption is not helpful for scheduling';
const NO_VICTIMS = 'No preemption victims found for incoming pod';

export interface Preemption {
  readonly node: string;
  readonly victims: readonly PodInfo[];
}

/** Why no room was made. */
export interface NoPreemption {
  readonly message: string;
  /** A nomination from before has become void. */
  readonly clearNomination: boolean;
}

export interface Candidate extends Preemption {
  readonly budgetViolations: number;
}

export interface PreemptionOptions {
  args: DefaultPreemptionArgs;
  cache: SchedulerCache;
  framework: Framework;
  algorithm: Algorithm;
  budgets(namespace: string): readonly PodDisruptionBudget[];
  random(): number;
}

/** Where to make room, or why that does not help. */
export function preempt(
  options: PreemptionOptions,
  state: CycleState,
  pod: PodInfo,
  diagnosis: Diagnosis,
): Preemption | NoPreemption {
  const found = candidates(options, state, pod, diagnosis);
  return 'message' in found ? found : best(found);
}

/** All nodes where room could be made, at least one, or why that does not help. */
export function candidates(
  options: PreemptionOptions,
  state: CycleState,
  pod: PodInfo,
  diagnosis: Diagnosis,
): readonly Candidate[] | NoPreemption {
  if (pod.pod.spec?.preemptionPolicy === 'Never') {
    return notEligible('not eligible due to preemptionPolicy=Never.');
  }
  const nodes = options.cache.nodeList();
  if (isWaitingForVictims(options.cache, pod, diagnosis)) {
    return notEligible('not eligible due to a terminating pod on the nominated node.');
  }
  const worthTrying = nodes.filter((node) => diagnosis.codeOf(node.name) === 'Unschedulable');
  const { minCandidateNodesAbsolute, minCandidateNodesPercentage } = options.args;
  const wanted = Math.max(
    minCandidateNodesAbsolute,
    Math.floor((worthTrying.length * minCandidateNodesPercentage) / 100),
  );
  const found: Candidate[] = [];
  const refusals: Pick<Status, 'reasons'>[] = [];
  let harmless = false;
  const start = Math.floor(options.random() * Math.max(1, worthTrying.length));
  // Enough are enough once one of them breaks no budget.
  for (let i = 0; i < worthTrying.length && !(harmless && found.length >= wanted); i++) {
    const node = worthTrying[(start + i) % worthTrying.length] as NodeInfo;
    const result = dryRun(options, state, pod, node);
    if (isStatus(result)) {
      refusals.push(result);
      continue;
    }
    found.push(result);
    harmless ||= result.budgetViolations === 0;
  }
  if (found.length > 0) return found;
  while (refusals.length < nodes.length) refusals.push({ reasons: [NOT_HELPFUL] });
  return {
    message: `0/${nodes.length} nodes are available: ${reasonHistogram(refusals)}.`,
    clearNomination: true,
  };
}

/** The pod may still wait for what it preempted before. */
function notEligible(message: string): NoPreemption {
  return { message, clearNomination: false };
}

/** It preempted before, and its victims are still on their way out. */
function isWaitingForVictims(cache: SchedulerCache, pod: PodInfo, diagnosis: Diagnosis): boolean {
  const nominated = pod.pod.status?.nominatedNodeName;
  const node = nominated ? cache.node(nominated) : undefined;
  if (!node || diagnosis.codeOf(node.name) === 'UnschedulableAndUnresolvable') return false;
  return [...node.pods.values()].some(
    (other) =>
      other.priority < pod.priority &&
      other.pod.metadata?.deletionTimestamp !== undefined &&
      other.pod.status?.conditions?.some(
        (c) =>
          c.type === 'DisruptionTarget' &&
          c.status === 'True' &&
          c.reason === 'PreemptionByScheduler',
      ),
  );
}

/** Takes away all pods of lower priority, then gives back as many as can stay. */
function dryRun(
  { framework, algorithm, budgets }: PreemptionOptions,
  base: CycleState,
  pod: PodInfo,
  original: NodeInfo,
): Candidate | Status {
  const lower = [...original.pods.values()].filter((other) => other.priority < pod.priority);
  if (lower.length === 0) return unresolvable(NO_VICTIMS);
  const node = original.clone();
  const state = base.clone();
  for (const other of lower) {
    node.removePod(other.uid);
    framework.removePod(state, pod, other, node);
  }
  const refused = algorithm.filter(state, pod, node);
  if (refused) return refused;

  const victims: PodInfo[] = [];
  let budgetViolations = 0;
  const stays = (other: PodInfo) => {
    node.addPod(other);
    framework.addPod(state, pod, other, node);
    if (!algorithm.filter(state, pod, node)) return true;
    node.removePod(other.uid);
    framework.removePod(state, pod, other, node);
    victims.push(other);
    return false;
  };
  const { violating, others } = splitByBudgets(lower.sort(moreImportantFirst), budgets);
  // Those whose budget would be broken get the first chance to stay.
  for (const other of violating) if (!stays(other)) budgetViolations++;
  for (const other of others) stays(other);
  // It fits as it is, for something changed meanwhile: nobody has to go.
  if (victims.length === 0)
    return unresolvable(`expected at least one victim pod on node "${node.name}"`);
  return { node: node.name, victims: victims.sort(moreImportantFirst), budgetViolations };
}

function splitByBudgets(
  pods: readonly PodInfo[],
  budgets: (namespace: string) => readonly PodDisruptionBudget[],
): { violating: PodInfo[]; others: PodInfo[] } {
  const left = new Map<PodDisruptionBudget, number>();
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const pod of pods) {
    let violates = false;
    // Who has no labels is nobody's, whatever a selector says of absent ones.
    const own = Object.keys(pod.labels).length === 0 ? [] : budgets(pod.namespace);
    for (const budget of own) {
      const selector = selectorFromObject(budget.spec?.selector);
      if (selector.empty || !selector.matches(pod.labels)) continue;
      // Already counted by the budget as on its way out.
      if (budget.status?.disruptedPods?.[pod.name] !== undefined) continue;
      const allowed = (left.get(budget) ?? budget.status?.disruptionsAllowed ?? 0) - 1;
      left.set(budget, allowed);
      if (allowed < 0) violates = true;
    }
    (violates ? violating : others).push(pod);
  }
  return { violating, others };
}

/** By what hurts least, in this order; see upstream's pickOneNodeForPreemption. */
export function best(from: readonly Candidate[]): Candidate {
  const measures: ((candidate: Candidate) => number)[] = [
    (c) => c.budgetViolations,
    (c) => c.victims[0]?.priority ?? Number.NEGATIVE_INFINITY,
    // Priorities are shifted so that more pods of low priority still sum up to more.
    (c) => c.victims.reduce((sum, victim) => sum + victim.priority + 2 ** 31, 0),
    (c) => c.victims.length,
    (c) => -earliestStart(c),
  ];
  let left = [...from];
  for (const measure of measures) {
    const lowest = Math.min(...left.map(measure));
    left = left.filter((candidate) => measure(candidate) === lowest);
    if (left.length === 1) break;
  }
  return left[0] as Candidate;
}

/** When the longest-running of the most important victims started. */
function earliestStart({ victims }: Candidate): number {
  const highest = victims[0]?.priority;
  return Math.min(...victims.filter((v) => v.priority === highest).map((v) => startOf(v)));
}

function moreImportantFirst(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || startOf(a) - startOf(b);
}

function startOf(pod: PodInfo): number {
  const started = pod.pod.status?.startTime;
  return started ? Date.parse(started) : Number.MAX_SAFE_INTEGER;
}
