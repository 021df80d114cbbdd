/** PodMetrics: what the containers of running pods use, as their kubelets say when asked. Nothing is stored. */
import {
  METRICS_GROUP,
  METRICS_PACKAGE,
  METRICS_VERSION,
  type PodMetrics,
} from '../../../pkg/api/schema/metrics.js';
import type { Node, Pod } from '../../../pkg/api/types.js';
import { formatTime } from '../../../pkg/apimachinery/meta.js';
import { notFound } from '../../../pkg/apimachinery/status.js';
import type { RequestContext } from '../../server/request-context.js';
import { usageColumns, usageOf } from '../../usage/quantities.js';
import { selectedObjects } from '../../usage/selected.js';
import { type UsageReader, WINDOW } from '../../usage/usage-reader.js';
import { nameColumn } from '../columns/metadata.js';
import type { ResourceDefinition } from '../resource.js';

export function podMetrics(usage: UsageReader): ResourceDefinition<PodMetrics> {
  return {
    group: METRICS_GROUP,
    version: METRICS_VERSION,
    kind: 'PodMetrics',
    resource: 'pods',
    singular: 'pod',
    namespaced: true,
    verbs: ['get', 'list'],
    definition: `${METRICS_PACKAGE}.PodMetrics`,
    columns: [
      nameColumn(),
      ...usageColumns<PodMetrics>((obj) => obj.containers.map((container) => container.usage)),
    ],
    strategy: {},
    virtual: {
      async get(name, ctx) {
        const { namespace } = ctx.requestInfo;
        const pod: Pod = await ctx.server.store('', 'pods').get(namespace, name);
        const [found] = await metricsOf([pod], usage, ctx);
        if (!found) {
          const of = { group: METRICS_GROUP, resource: 'podmetrics' };
          throw notFound(of, `${namespace}/${name}`);
        }
        return found;
      },
      async list(ctx) {
        return metricsOf(await selectedObjects(ctx, 'pods'), usage, ctx);
      },
    },
  };
}

async function metricsOf(
  pods: readonly Pod[],
  usage: UsageReader,
  ctx: RequestContext,
): Promise<PodMetrics[]> {
  const running = pods.filter(({ status }) => status?.phase === 'Running');
  const nodes = ctx.server.store('', 'nodes');
  const names = new Set(running.map(({ spec }) => spec?.nodeName ?? ''));
  const hosts = [...names].flatMap((name): Node[] => {
    const node = nodes.peek('', name);
    return node ? [node] : [];
  });
  const { pods: samples } = await usage.read(hosts);
  return running.flatMap(({ metadata }) => {
    const { name = '', namespace = '', uid = '', labels } = metadata ?? {};
    const sample = samples.get(uid);
    if (!sample) return [];
    return [
      {
        kind: 'PodMetrics',
        apiVersion: `${METRICS_GROUP}/${METRICS_VERSION}`,
        metadata: {
          name,
          namespace,
          creationTimestamp: formatTime(new Date(ctx.clock.now())),
          ...(labels ? { labels } : {}),
        },
        timestamp: formatTime(new Date(sample.at)),
        window: WINDOW,
        containers: sample.value.map((container) => ({
          name: container.name,
          usage: usageOf(container),
        })),
      },
    ];
  });
}
