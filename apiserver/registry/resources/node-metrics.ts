/** NodeMetrics: what each node uses, as its kubelet says when asked. Nothing is stored. */
import {
  METRICS_GROUP,
  METRICS_PACKAGE,
  METRICS_VERSION,
  type NodeMetrics,
} from '../../../pkg/api/schema/metrics.js';
import type { Node } from '../../../pkg/api/types.js';
import { formatTime } from '../../../pkg/apimachinery/meta.js';
import { notFound } from '../../../pkg/apimachinery/status.js';
import type { RequestContext } from '../../server/request-context.js';
import { usageColumns, usageOf } from '../../usage/quantities.js';
import { selectedObjects } from '../../usage/selected.js';
import { type UsageReader, type UsageSnapshot, WINDOW } from '../../usage/usage-reader.js';
import { nameColumn } from '../columns/metadata.js';
import type { ResourceDefinition } from '../resource.js';

export function nodeMetrics(usage: UsageReader): ResourceDefinition<NodeMetrics> {
  return {
    group: METRICS_GROUP,
    version: METRICS_VERSION,
    kind: 'NodeMetrics',
    resource: 'nodes',
    singular: 'node',
    namespaced: false,
    verbs: ['get', 'list'],
    definition: `${METRICS_PACKAGE}.NodeMetrics`,
    columns: [nameColumn(), ...usageColumns<NodeMetrics>((obj) => [obj.usage])],
    strategy: {},
    virtual: {
      async get(name, ctx) {
        const node: Node = await ctx.server.store('', 'nodes').get('', name);
        const [found] = metricsOf([node], await usage.read([node]), ctx);
        if (!found) throw notFound({ group: METRICS_GROUP, resource: 'nodemetrics' }, name);
        return found;
      },
      async list(ctx) {
        const nodes: readonly Node[] = await selectedObjects(ctx, 'nodes');
        return metricsOf(nodes, await usage.read(nodes), ctx);
      },
    },
  };
}

function metricsOf(
  nodes: readonly Node[],
  usage: UsageSnapshot,
  ctx: RequestContext,
): NodeMetrics[] {
  return nodes.flatMap(({ metadata }) => {
    const { name = '', labels } = metadata ?? {};
    const sample = usage.nodes.get(name);
    if (!sample) return [];
    return [
      {
        kind: 'NodeMetrics',
        apiVersion: `${METRICS_GROUP}/${METRICS_VERSION}`,
        metadata: {
          name,
          creationTimestamp: formatTime(new Date(ctx.clock.now())),
          ...(labels ? { labels } : {}),
        },
        timestamp: formatTime(new Date(sample.at)),
        window: WINDOW,
        usage: usageOf(sample.value),
      },
    ];
  });
}
