/** Taints and tolerations as controllers use them (`k8s.io/component-helpers`). Pure but for `patchTaints`. */
import { tolerates } from '../../pkg/api/scheduling/taints.js';
import type { Node, Taint, Toleration } from '../../pkg/api/types.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';

export const TAINT_NOT_READY = 'node.kubernetes.io/not-ready';
export const TAINT_UNREACHABLE = 'node.kubernetes.io/unreachable';
export const TAINT_OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

export function sameTaint(a: Taint, b: Taint): boolean {
  return a.key === b.key && a.effect === b.effect;
}

export function noExecuteTaints(node: Node | undefined): Taint[] {
  return (node?.spec?.taints ?? []).filter((taint) => taint.effect === 'NoExecute');
}

/**
 * How many seconds a pod may stay on a node with these NoExecute taints: 0 when it does not tolerate one of
 * them, Infinity when it tolerates all of them for ever.
 */
export function toleratedSeconds(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
): number {
  let least = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    const matching = tolerations.filter((t) => tolerates(t, taint));
    if (matching.length === 0) return 0;
    for (const { tolerationSeconds } of matching) {
      if (tolerationSeconds !== undefined) least = Math.min(least, Math.max(0, tolerationSeconds));
    }
  }
  return least;
}

/** What the taints are after adding and removing; undefined when nothing changes. */
export function changedTaints(
  current: readonly Taint[],
  add: readonly Taint[],
  remove: readonly Taint[],
): Taint[] | undefined {
  const missing = add.filter((taint) => !current.some((c) => sameTaint(c, taint)));
  const kept = current.filter((c) => !remove.some((taint) => sameTaint(c, taint)));
  if (missing.length === 0 && kept.length === current.length) return undefined;
  return [...kept, ...missing];
}

/** Writes taints onto the node as it was read; a node that changed meanwhile is a conflict. */
export async function patchTaints(
  client: ResourceClient<Node>,
  node: Node,
  taints: readonly Taint[],
  signal: AbortSignal,
): Promise<void> {
  const { name = '', resourceVersion } = node.metadata ?? {};
  const body = { metadata: { resourceVersion }, spec: { taints: taints.length ? taints : null } };
  await client.patch('', name, 'merge', body, { signal });
}
