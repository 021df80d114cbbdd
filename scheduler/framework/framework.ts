/**
 * Runs the plugins of one profile at each extension point, in the order in which they are registered, and
 * makes of their verdicts what the rest of the scheduler and the user need to know: which plugins turned
 * the pod away (they decide what may bring it back) and why, node by node.
 */
import type { Pod } from '../../pkg/api/types.js';
import type { NodeInfo } from '../cache/node-info.js';
import {
  type CycleState,
  isStatus,
  type NodeScore,
  type Plugin,
  type Status,
} from './interface.js';
import type { PodInfo } from './pod-info.js';

export interface RegisteredPlugin {
  readonly plugin: Plugin;
  /** Of its score; 0 leaves it out. */
  readonly weight: number;
}

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
  private readonly preFilters: Plugin[];
  private readonly filters: Plugin[];
  private readonly scorers: { plugin: Plugin & Required<Pick<Plugin, 'score'>>; weight: number }[];
  readonly plugins: readonly Plugin[];

  constructor(
    readonly profile: string,
    registered: readonly RegisteredPlugin[],
  ) {
    this.plugins = registered.map((r) => r.plugin);
    this.preFilters = this.plugins.filter((p) => p.preFilter);
    this.filters = this.plugins.filter((p) => p.filter);
    this.scorers = registered.flatMap(({ plugin, weight }) =>
      weight > 0 && plugin.score
        ? [{ plugin: { ...plugin, score: plugin.score.bind(plugin) }, weight }]
        : [],
    );
  }

  preEnqueue(pod: Pod): PluginStatus | undefined {
    for (const plugin of this.plugins) {
      const status = plugin.preEnqueue?.(pod);
      if (status) return named(plugin, status);
    }
    return undefined;
  }

  preFilter(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): PreFilterOutcome {
    let left: Set<string> | undefined;
    const narrowing: string[] = [];
    for (const plugin of this.preFilters) {
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

  /** The first plugin that turns the node down; undefined where it passes all. */
  filter(state: CycleState, pod: PodInfo, node: NodeInfo): PluginStatus | undefined {
    for (const plugin of this.filters) {
      if (state.skipFilter.has(plugin.name)) continue;
      const status = plugin.filter?.(state, pod, node);
      if (status) return named(plugin, status);
    }
    return undefined;
  }

  addPod(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void {
    for (const plugin of this.preFilters) plugin.addPod?.(state, pod, added, node);
  }

  removePod(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void {
    for (const plugin of this.preFilters) plugin.removePod?.(state, pod, removed, node);
  }

  /** The weighted sum of all scores for each node, in the order of `nodes`. */
  score(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): NodeScore[] {
    const totals: NodeScore[] = nodes.map((node) => ({ node, score: 0 }));
    // One array for all plugins: hundreds of nodes a pod, hundreds of pods a second.
    const scores: NodeScore[] = nodes.map((node) => ({ node, score: 0 }));
    for (const { plugin, weight } of this.scorers) {
      if (plugin.preScore?.(state, pod, nodes)?.code === 'Skip') continue;
      for (const entry of scores) entry.score = plugin.score(state, pod, entry.node);
      plugin.normalize?.(state, pod, scores);
      for (let i = 0; i < totals.length; i++)
        (totals[i] as NodeScore).score += weight * (scores[i] as NodeScore).score;
    }
    return totals;
  }

  /** On a refusal everything reserved so far is given back. */
  reserve(state: CycleState, pod: PodInfo, node: string): PluginStatus | undefined {
    for (const plugin of this.plugins) {
      const status = plugin.reserve?.(state, pod, node);
      if (!status) continue;
      this.unreserve(state, pod, node);
      return named(plugin, status);
    }
    return undefined;
  }

  unreserve(state: CycleState, pod: PodInfo, node: string): void {
    for (const plugin of [...this.plugins].reverse()) plugin.unreserve?.(state, pod, node);
  }

  /** May take long: a pod can wait for its volumes. */
  async preBind(state: CycleState, pod: PodInfo, node: string, signal: AbortSignal): Promise<void> {
    for (const plugin of this.plugins) {
      if (!plugin.preBind) continue;
      try {
        await plugin.preBind(state, pod, node, signal);
      } catch (cause) {
        throw new BindError(`running PreBind plugin "${plugin.name}"`, cause);
      }
    }
  }

  async bind(state: CycleState, pod: PodInfo, node: string, signal: AbortSignal): Promise<void> {
    const binder = this.plugins.find((plugin) => plugin.bind);
    if (!binder?.bind) throw new Error(`profile ${this.profile} has no bind plugin`);
    try {
      await binder.bind(state, pod, node, signal);
    } catch (cause) {
      throw new BindError(`running Bind plugin "${binder.name}"`, cause);
    }
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
