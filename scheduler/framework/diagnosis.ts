/**
 * Why a pod fits nowhere, in the words that users of Kubernetes know:
 * `0/5 nodes are available: 1 node(s) were unschedulable, 4 Insufficient cpu.`
 */

import type { PluginStatus } from './framework.js';
import type { Code } from './interface.js';

export class Diagnosis {
  /** Node → why not. */
  readonly nodes = new Map<string, PluginStatus>();
  /** Of all nodes that `nodes` does not name: what narrowed the search, or stopped it before it began. */
  absent: PluginStatus | undefined;
  /** Whoever turned the pod away, or narrowed where it may go: they know what may bring it back. */
  readonly plugins = new Set<string>();
  /** Set where the pod was turned away before any node was looked at. */
  preFilter: PluginStatus | undefined;
  /** What preemption has to say. */
  postFilter = '';

  constructor(readonly nodeCount: number) {}

  add(node: string, status: PluginStatus): void {
    this.nodes.set(node, status);
    this.plugins.add(status.plugin);
  }

  codeOf(node: string): Code | undefined {
    return this.preFilter?.code ?? (this.nodes.get(node) ?? this.absent)?.code;
  }

  message(): string {
    if (this.nodeCount === 0) return 'no nodes available to schedule pods';
    let text = `0/${this.nodeCount} nodes are available:`;
    if (this.preFilter) {
      text += ` ${this.preFilter.reasons.join(', ')}.`;
    } else {
      const statuses = [...this.nodes.values()];
      if (this.absent) {
        for (let i = this.nodes.size; i < this.nodeCount; i++) statuses.push(this.absent);
      }
      const histogram = reasonHistogram(statuses);
      if (histogram !== '') text += ` ${histogram}.`;
    }
    return this.postFilter === '' ? text : `${text} ${this.postFilter}`;
  }
}

/** `1 a, 2 b`, sorted as text, as upstream does. */
export function reasonHistogram(
  statuses: readonly { readonly reasons: readonly string[] }[],
): string {
  const counts = new Map<string, number>();
  for (const { reasons } of statuses) {
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
}
