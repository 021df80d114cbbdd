/**
 * Runs the plugins of one profile at each extension point, in the order in which they are registered, and
 * makes of their verdicts what the rest of the scheduler and the user need to know: which plugins turned
 * the pod away (they decide what may bring it back) and why, node by node.
 */
import type { Pod } from '../../pkg/api/types.js';
import type { NodeInfo } from '../cache/node-info.js';
import type { DefaultPreemptionArgs } from '../config/types.js';
import {
  type CycleState,
  isStatus,
  type NodeScore,
  type Plugin,
  type Status,
} from './interface.js';
import type { PodInfo } from './pod-info.js';
import type { ProfilePlugins } from './profile.js';

export interface PluginStatus extends Status {
  readonly plugin: string;
}

export interface PreFilterOutcome {
  readonly status?: PluginStatus;
  /** The nodes that are left to look at; absent: all. */
  readonly nodes?: ReadonlySet<string>;
  /** The plugins that left others out. */
  readonly narrowedBy: readonly string[];
}

export class Framework {
  /** In the order in which they run; a plugin may be left out of some extension points. */
  private readonly at: ProfilePlugins['at'];
  private readonly preScores: ReadonlySet<string>;
  private readonly scorers: { plugin: Plugin & Required<Pick<Plugin, 'score'>>; weight: number }[];
  readonly plugins: readonly Plugin[];
  /** How room is made where nothing fits; undefined where the profile makes none. */
  readonly preemption: DefaultPreemptionArgs | undefined;

  constructor(
    readonly profile: string,
    { all, at, weights }: ProfilePlugins,
  ) {
    this.plugins = all;
    this.at = at;
    this.preScores = new Set(at.preScore.map((plugin) => plugin.name));
    this.scorers = at.score.flatMap((plugin) =>
      plugin.score
        ? [
            {
              plugin: { ...plugin, score: plugin.score.bind(plugin) },
              weight: weights.get(plugin.name) ?? 1,
            },
          ]
        : [],
    );
    this.preemption = at.postFilter.find((plugin) => plugin.preemption)?.preemption;
  }

  preEnqueue(pod: Pod): PluginStatus | undefined {
    for (const plugin of this.at.preEnqueue) {
      const status = plugin.preEnqueue?.(pod);
      if (status) return named(plugin, status);
    }
    return undefined;
  }

  preFilter(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): PreFilterOutcome {
    let left: Set<string> | undefined;
    const narrowing: string[] = [];
    for (const plugin of this.at.preFilter) {
      const result = plugin.preFilter?.(state, pod, nodes);
      if (result === undefined) continue;
      if (isStatus(result)) {
        if (result.code === 'Skip') {
          state.skipFilter.add(plugin.name);
          continue;
        }
        return { status: named(plugin, result), narrowedBy: narrowing };
      }
      if (!result.nodes) continue;
      narrowing.push(plugin.name);
      const before = left;
      left = before
        ? new Set([...before].filter((name) => result.nodes?.has(name)))
        : new Set(result.nodes);
      if (left.size === 0) {
        const reason =
          narrowing.length === 1
            ? `node(s) didn't satisfy plugin ${narrowing[0]}`
            : `node(s) didn't satisfy plugin(s) [${narrowing.sort().join(' ')}] simultaneously`;
        return {
          status: { code: 'UnschedulableAndUnresolvable', reasons: [reason], plugin: plugin.name },
          narrowedBy: narrowing,
        };
      }
    }
    return { ...(left ? { nodes: left } : {}), narrowedBy: narrowing };
  }

  /** The first plugin that turns the node down; undefined where it passes all. Throws a PluginError. */
  filter(state: CycleState, pod: PodInfo, node: NodeInfo): PluginStatus | undefined {
    state.filters ??= this.at.filter.filter(({ name }) => !state.skipFilter.has(name));
    for (const plugin of state.filters) {
      const status = plugin.filter?.(state, pod, node);
      if (status?.code === 'Error')
        throw new PluginError(`running "${plugin.name}" filter plugin`, status.reasons);
      if (status) return named(plugin, status);
    }
    return undefined;
  }

  /** What the plugins that come before preemption did about it, in their words. */
  async postFilter(state: CycleState, pod: PodInfo, signal: AbortSignal): Promise<string> {
    const said: string[] = [];
    for (const plugin of this.at.postFilter) {
      const text = await plugin.postFilter?.(state, pod, signal);
      if (text !== undefined) said.push(text);
    }
    return said.join(', ');
  }

  addPod(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void {
    for (const plugin of this.at.preFilter) plugin.addPod?.(state, pod, added, node);
  }

  removePod(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void {
    for (const plugin of this.at.preFilter) plugin.removePod?.(state, pod, removed, node);
  }

  /** The weighted sum of all scores for each node, in the order of `nodes`. */
  score(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): NodeScore[] {
    const totals: NodeScore[] = nodes.map((node) => ({ node, score: 0 }));
    // One array for all plugins: hundreds of nodes a pod, hundreds of pods a second.
    const scores: NodeScore[] = nodes.map((node) => ({ node, score: 0 }));
    for (const { plugin, weight } of this.scorers) {
      if (this.preScores.has(plugin.name) && plugin.preScore?.(state, pod, nodes)?.code === 'Skip')
        continue;
      for (const entry of scores) entry.score = plugin.score(state, pod, entry.node);
      plugin.normalize?.(state, pod, scores);
      for (let i = 0; i < totals.length; i++)
        (totals[i] as NodeScore).score += weight * (scores[i] as NodeScore).score;
    }
    return totals;
  }

  /** On a refusal everything reserved so far is given back. */
  reserve(state: CycleState, pod: PodInfo, node: string): PluginStatus | undefined {
    for (const plugin of this.at.reserve) {
      const status = plugin.reserve?.(state, pod, node);
      if (!status) continue;
      this.unreserve(state, pod, node);
      return named(plugin, status);
    }
    return undefined;
  }

  unreserve(state: CycleState, pod: PodInfo, node: string): void {
    for (const plugin of [...this.at.reserve].reverse()) plugin.unreserve?.(state, pod, node);
  }

  /** Whether the pod has to wait for something before it can be bound. */
  hasPreBindWork(state: CycleState, pod: PodInfo, node: string): boolean {
    return this.at.preBind.some((plugin) => plugin.preBindPreFlight?.(state, pod, node) ?? true);
  }

  /** May take long: a pod can wait for its volumes. */
  async preBind(state: CycleState, pod: PodInfo, node: string, signal: AbortSignal): Promise<void> {
    for (const plugin of this.at.preBind) {
      if (!plugin.preBind) continue;
      try {
        await plugin.preBind(state, pod, node, signal);
      } catch (cause) {
        throw new BindError(`running PreBind plugin "${plugin.name}"`, cause);
      }
    }
  }

  async bind(state: CycleState, pod: PodInfo, node: string, signal: AbortSignal): Promise<void> {
    const binder = this.at.bind[0];
    if (!binder?.bind) throw new Error(`profile ${this.profile} has no bind plugin`);
    try {
      await binder.bind(state, pod, node, signal);
    } catch (cause) {
      throw new BindError(`running Bind plugin "${binder.name}"`, cause);
    }
  }
}

/** A plugin could not say whether the pod fits, which ends the pod's cycle. */
export class PluginError extends Error {
  constructor(where: string, reasons: readonly string[]) {
    super(`${where}: ${reasons.join(', ')}`);
  }
}

/** Says in which plugin a binding failed; `cause` is what it threw. */
export class BindError extends Error {
  constructor(where: string, cause: unknown) {
    super(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function named(plugin: Plugin, status: Status): PluginStatus {
  return { ...status, plugin: plugin.name };
}
