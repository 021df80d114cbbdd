/**
 * One synchronous look at the cluster for one pod: which nodes could take it, and which is best. No I/O,
 * no waiting; the same cluster, pod and random numbers give the same answer. Only extenders are waited for,
 * and since the cluster may change meanwhile, what was chosen with them is looked at once more.
 */
import type { SchedulerCache } from './cache/cache.js';
import type { NodeInfo } from './cache/node-info.js';
import type { Extenders } from './extenders.js';
import { Diagnosis } from './framework/diagnosis.js';
import type { Framework, PluginStatus, PreFilterOutcome } from './framework/framework.js';
import { CycleState, type NodeScore } from './framework/interface.js';
import type { PodInfo } from './framework/pod-info.js';
import type { Nominator } from './queue/nominator.js';

/** Below this many nodes all are looked at; above, never fewer than this many feasible ones are wanted. */
const MIN_FEASIBLE_NODES = 100;
const MIN_PERCENTAGE = 5;
/** How often a choice that went stale while extenders were asked is made anew. */
const MAX_LOOKS = 3;

export interface AlgorithmOptions {
  cache: SchedulerCache;
  nominator: Nominator;
  framework: Framework;
  /** In [0, 1): breaks ties between equally good nodes. */
  random(): number;
  /** Of nodes to find feasible before scoring; absent: adaptive, as upstream. */
  percentageOfNodesToScore?: number;
}

export type Outcome =
  | { readonly node: string; readonly state: CycleState }
  | { readonly diagnosis: Diagnosis; readonly state: CycleState };

interface Look {
  readonly state: CycleState;
  readonly diagnosis: Diagnosis;
  readonly feasible: readonly NodeInfo[];
}

export class Algorithm {
  /** Where the next cycle starts looking, so that all nodes get their turn. */
  private nextStart = 0;

  constructor(private readonly options: AlgorithmOptions) {}

  schedule(pod: PodInfo): Outcome {
    const { state, diagnosis, feasible } = this.look(pod);
    const [first] = feasible;
    if (!first) return { diagnosis, state };
    if (feasible.length === 1) return { node: first.name, state };
    return { node: this.best(this.options.framework.score(state, pod, feasible)), state };
  }

  /** The same with the word of extenders. Rejects when one that matters cannot be asked. */
  async scheduleWith(extenders: Extenders, pod: PodInfo, signal: AbortSignal): Promise<Outcome> {
    for (let tries = 1; ; tries++) {
      const { state, diagnosis, feasible } = this.look(pod);
      const left = await extenders.filter(pod, feasible, diagnosis, signal);
      const [first] = left;
      if (!first) return { diagnosis, state };
      let { name } = first;
      if (left.length > 1) {
        const scores = this.options.framework.score(state, pod, left);
        const theirs = await extenders.prioritize(pod, left, signal);
        for (const entry of scores) entry.score += theirs.get(entry.node.name) ?? 0;
        name = this.best(scores);
      }
      const current = this.recheck(pod, name);
      if (current) return { node: name, state: current };
      if (tries >= MAX_LOOKS)
        throw new Error(`node "${name}" changed while extenders were asked about it`);
    }
  }

  private look(pod: PodInfo): Look {
    const { cache, framework } = this.options;
    const state = new CycleState();
    const nodes = cache.nodeList();
    const diagnosis = new Diagnosis(nodes.length);
    if (nodes.length === 0) return { diagnosis, state, feasible: [] };

    const pre = framework.preFilter(state, pod, nodes);
    for (const plugin of pre.narrowedBy) diagnosis.plugins.add(plugin);
    if (pre.status) {
      diagnosis.preFilter = pre.status;
      diagnosis.plugins.add(pre.status.plugin);
      return { diagnosis, state, feasible: [] };
    }
    const feasible = this.nominated(state, pod) ?? this.findFeasible(state, pod, pre, diagnosis);
    return { state, diagnosis, feasible };
  }

  /**
   * Filters one node again, as the cluster is now: undefined where it still takes the pod.
   */
  private recheck(pod: PodInfo, name: string): CycleState | undefined {
    const node = this.options.cache.node(name);
    if (!node) return undefined;
    const state = new CycleState();
    const { status, nodes } = this.options.framework.preFilter(
      state,
      pod,
      this.options.cache.nodeList(),
    );
    if (status || nodes?.has(name) === false) return undefined;
    return this.filter(state, pod, node) ? undefined : state;
  }

  /**
   * Filters one node, with the pods nominated to it counted as if they were there, and again without
   * them, since they may never come.
   */
  filter(state: CycleState, pod: PodInfo, node: NodeInfo): PluginStatus | undefined {
    const { framework, nominator } = this.options;
    const nominated = nominator.onNode(node.name, pod);
    if (nominated.length > 0) {
      const withThem = node.clone();
      const stateWithThem = state.clone();
      for (const other of nominated) {
        withThem.addPod(other);
        framework.addPod(stateWithThem, pod, other, withThem);
      }
      const status = framework.filter(stateWithThem, pod, withThem);
      if (status) return status;
    }
    return framework.filter(state, pod, node);
  }

  /** The node that preemption made room on comes first, if it fits by now. */
  private nominated(state: CycleState, pod: PodInfo): NodeInfo[] | undefined {
    const name = pod.pod.status?.nominatedNodeName;
    const node = name ? this.options.cache.node(name) : undefined;
    return node && !this.filter(state, pod, node) ? [node] : undefined;
  }

  private findFeasible(
    state: CycleState,
    pod: PodInfo,
    pre: PreFilterOutcome,
    diagnosis: Diagnosis,
  ): NodeInfo[] {
    const { cache } = this.options;
    const all = cache.nodeList();
    let nodes = all;
    if (pre.nodes) {
      nodes = [...pre.nodes].flatMap((name) => cache.node(name) ?? []);
      diagnosis.absent = {
        code: 'UnschedulableAndUnresolvable',
        reasons: [`node(s) didn't satisfy plugin(s) [${[...pre.narrowedBy].sort().join(' ')}]`],
        plugin: pre.narrowedBy[0] ?? '',
      };
    }
    const wanted = this.feasibleWanted(nodes.length);
    const feasible: NodeInfo[] = [];
    let looked = 0;
    for (; looked < nodes.length && feasible.length < wanted; looked++) {
      const node = nodes[(this.nextStart + looked) % nodes.length] as NodeInfo;
      const status = this.filter(state, pod, node);
      if (status) diagnosis.add(node.name, status);
      else feasible.push(node);
    }
    this.nextStart = (this.nextStart + looked) % all.length;
    return feasible;
  }

  private feasibleWanted(nodes: number): number {
    if (nodes < MIN_FEASIBLE_NODES) return nodes;
    const percentage =
      this.options.percentageOfNodesToScore ??
      Math.max(MIN_PERCENTAGE, 50 - Math.floor(nodes / 125));
    if (percentage >= 100) return nodes;
    return Math.max(MIN_FEASIBLE_NODES, Math.floor((nodes * percentage) / 100));
  }

  /** One of the best, each with the same chance. */
  private best(scores: readonly NodeScore[]): string {
    let best = scores[0] as NodeScore;
    let equals = 1;
    for (const entry of scores.slice(1)) {
      if (entry.score > best.score) {
        best = entry;
        equals = 1;
      } else if (entry.score === best.score) {
        equals++;
        if (this.options.random() * equals < 1) best = entry;
      }
    }
    return best.node.name;
  }
}
