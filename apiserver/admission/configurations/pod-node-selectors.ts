/** The configuration of PodNodeSelector, which has no kind: what each namespace may use, and what all have. */
import { isFields } from './fields.js';

export interface PodNodeSelectors {
  /** `a=b,c=d`, for namespaces that have no annotation; empty for none. */
  readonly clusterDefault: string;
  /** Namespace → the labels that its pods may ask for; absent: any. */
  readonly whitelists: ReadonlyMap<string, string>;
}

export const NO_POD_NODE_SELECTORS: PodNodeSelectors = {
  clusterDefault: '',
  whitelists: new Map(),
};

const CLUSTER_DEFAULT = 'clusterDefaultNodeSelector';

export function podNodeSelectorsOf(value: unknown): PodNodeSelectors {
  const config = isFields(value) ? (value['podNodeSelectorPluginConfig'] ?? {}) : {};
  if (!isFields(config))
    throw new Error('podNodeSelectorPluginConfig: Invalid value: must be an object');
  const all = new Map<string, string>();
  for (const [name, selector] of Object.entries(config)) {
    if (typeof selector !== 'string')
      throw new Error(`podNodeSelectorPluginConfig[${name}]: Invalid value: must be a string`);
    all.set(name, selector);
  }
  const clusterDefault = all.get(CLUSTER_DEFAULT) ?? '';
  all.delete(CLUSTER_DEFAULT);
  return { clusterDefault, whitelists: all };
}
