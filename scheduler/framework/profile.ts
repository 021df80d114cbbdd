/**
 * Which plugins of a profile run at each extension point, and in which order
 * (`framework/runtime.expandMultiPointPlugins`). A plugin that `multiPoint` enables runs at every point that
 * it has something for, unless it is disabled there. At one point the order is
 *
 *   1. those that the point names, of those that multiPoint names too
 *   2. the rest of multiPoint
 *   3. those that the point alone names
 */
import {
  EXTENSION_POINTS,
  type ExtensionPoint,
  type PluginReference,
  type Plugins,
} from '../config/types.js';
import type { Plugin } from './interface.js';

export interface ProfilePlugins {
  /** Each plugin that runs somewhere, once. */
  readonly all: readonly Plugin[];
  readonly at: Readonly<Record<ExtensionPoint, readonly Plugin[]>>;
  /** Of the scores, by plugin name. */
  readonly weights: ReadonlyMap<string, number>;
}

/** A profile that no scheduler can be made of. */
export class ProfileError extends Error {
  override name = 'ProfileError';
}

const HAS: Readonly<Record<ExtensionPoint, (plugin: Plugin) => boolean>> = {
  preEnqueue: (plugin) => plugin.preEnqueue !== undefined,
  queueSort: (plugin) => plugin.queueSort === true,
  preFilter: (plugin) => plugin.preFilter !== undefined,
  filter: (plugin) => plugin.filter !== undefined,
  postFilter: (plugin) => plugin.preemption !== undefined || plugin.postFilter !== undefined,
  preScore: (plugin) => plugin.preScore !== undefined,
  score: (plugin) => plugin.score !== undefined,
  reserve: (plugin) => plugin.reserve !== undefined,
  permit: () => false,
  preBind: (plugin) => plugin.preBind !== undefined,
  bind: (plugin) => plugin.bind !== undefined,
  postBind: () => false,
};

/** As Go names the interfaces. */
const INTERFACE: Readonly<Record<ExtensionPoint, string>> = {
  preEnqueue: 'PreEnqueuePlugin',
  queueSort: 'QueueSortPlugin',
  preFilter: 'PreFilterPlugin',
  filter: 'FilterPlugin',
  postFilter: 'PostFilterPlugin',
  preScore: 'PreScorePlugin',
  score: 'ScorePlugin',
  reserve: 'ReservePlugin',
  permit: 'PermitPlugin',
  preBind: 'PreBindPlugin',
  bind: 'BindPlugin',
  postBind: 'PostBindPlugin',
};

export function profilePlugins(
  name: string,
  configured: Plugins,
  registry: ReadonlyMap<string, Plugin>,
): ProfilePlugins {
  const at = Object.fromEntries(
    EXTENSION_POINTS.map((point) => [point, pluginsAt(point, configured, registry)]),
  ) as Record<ExtensionPoint, Plugin[]>;
  const sorts = at.queueSort.length;
  if (sorts !== 1) {
    const problem = `only one queue sort plugin required for profile with scheduler name "${name}", but got ${sorts}`;
    throw new ProfileError(problem);
  }
  if (at.bind.length === 0) {
    throw new ProfileError(
      `at least one bind plugin is needed for profile with scheduler name "${name}"`,
    );
  }
  const everywhere = new Set(EXTENSION_POINTS.flatMap((point) => at[point]));
  return {
    // In the registry's order, which is that of their hints; where they run, `at` says.
    all: [...registry.values()].filter((plugin) => everywhere.has(plugin)),
    at,
    weights: weightsOf(configured),
  };
}

function pluginsAt(
  point: ExtensionPoint,
  configured: Plugins,
  registry: ReadonlyMap<string, Plugin>,
): Plugin[] {
  const { enabled, disabled } = configured[point];
  const specific = enabled.map(({ name }) => specificPlugin(point, name, registry));
  refuseTwice(specific, point);
  const gone = new Set(disabled.map(({ name }) => name));
  if (gone.has('*')) return specific;
  const multi = configured.multiPoint.enabled.flatMap(({ name }) => {
    const plugin = registry.get(name);
    if (!plugin) throw new ProfileError(`${INTERFACE[point]} "${name}" does not exist`);
    return HAS[point](plugin) && !gone.has(name) ? [plugin] : [];
  });
  const rest = multi.filter((plugin) => !specific.includes(plugin));
  refuseTwice(rest, point);
  const inBoth = specific.filter((plugin) => multi.includes(plugin));
  return [...inBoth, ...rest, ...specific.filter((plugin) => !inBoth.includes(plugin))];
}

function specificPlugin(
  point: ExtensionPoint,
  name: string,
  registry: ReadonlyMap<string, Plugin>,
): Plugin {
  const plugin = registry.get(name);
  if (!plugin) throw new ProfileError(`${INTERFACE[point]} "${name}" does not exist`);
  if (!HAS[point](plugin))
    throw new ProfileError(`plugin "${name}" does not extend ${INTERFACE[point]} plugin`);
  return plugin;
}

function refuseTwice(plugins: readonly Plugin[], point: ExtensionPoint): void {
  for (const [i, { name }] of plugins.entries()) {
    if (plugins.findIndex((other) => other.name === name) < i)
      throw new ProfileError(`plugin "${name}" already registered as "${INTERFACE[point]}"`);
  }
}

/** What the score point says goes before what multiPoint says; a weight of 0 stands for 1. */
function weightsOf(configured: Plugins): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  const take = ({ name, weight }: PluginReference) => {
    if (!weights.has(name)) weights.set(name, weight || 1);
  };
  for (const reference of configured.score.enabled) take(reference);
  for (const reference of configured.multiPoint.enabled) take(reference);
  return weights;
}
