/**
 * The APIServices of what this server serves itself, made and kept without being asked (`autoregister`):
 *
 *   built-in groups       `automanaged: onstart`   made and brought up to date at the start
 *   custom resources      `automanaged: "true"`    follow their CustomResourceDefinitions
 *   metrics.k8s.io        no label                 made while there is none: whoever installs a metrics-server
 *                                                  changes it, and who takes that away gets it back
 */

import { METRICS_GROUP } from '../../pkg/api/schema/metrics.js';
import type { APIService } from '../../pkg/api/types.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import type { RequestContext } from '../server/request-context.js';

export const GROUP = 'apiregistration.k8s.io';
export const RESOURCE = 'apiservices';
const MANAGED = 'kube-aggregator.kubernetes.io/automanaged';

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** Group → its place; version → its place in the group. Higher comes first. */
const GROUP_PRIORITY: Readonly<Record<string, number>> = {
  '': 18000,
  apps: 17800,
  'events.k8s.io': 17750,
  'authentication.k8s.io': 17700,
  'authorization.k8s.io': 17600,
  autoscaling: 17500,
  batch: 17400,
  'certificates.k8s.io': 17300,
  'networking.k8s.io': 17200,
  policy: 17100,
  'rbac.authorization.k8s.io': 17000,
  'storage.k8s.io': 16800,
  'apiextensions.k8s.io': 16700,
  'admissionregistration.k8s.io': 16700,
  'scheduling.k8s.io': 16600,
  'coordination.k8s.io': 16500,
  'node.k8s.io': 16300,
  'discovery.k8s.io': 16200,
  'flowcontrol.apiserver.k8s.io': 16100,
  'resource.k8s.io': 15900,
};
const VERSION_PRIORITY: Readonly<Record<string, number>> = {
  '/v1': 1,
  'autoscaling/v2': 30,
  'flowcontrol.apiserver.k8s.io/v1': 21,
};
const STANDARD_VERSION_PRIORITY = 15;
/** As the manifest of metrics-server has it. */
const METRICS_PRIORITY = 100;
const CUSTOM_GROUP_PRIORITY = 1000;
const CUSTOM_VERSION_PRIORITY = 100;

/** Where a group stands in lists of groups, if it is a built-in one. */
export function groupPriority(group: string): number | undefined {
  return GROUP_PRIORITY[group];
}

/** `v1.apps`, `v1.` */
export function nameOf({ group, version }: GroupVersion): string {
  return `${version}.${group}`;
}

export class LocalApiServices {
  private readonly builtIn: readonly APIService[];
  private readonly metrics: APIService | undefined;

  /** `custom`: of custom resources that are served just now; undefined while that is not known. */
  constructor(
    served: readonly GroupVersion[],
    private readonly custom: () => readonly GroupVersion[] | undefined,
  ) {
    const versions = new Map(served.map((gv) => [nameOf(gv), gv]));
    this.builtIn = [...versions.values()]
      .filter(({ group }) => group in GROUP_PRIORITY)
      .map((gv) =>
        local(
          gv,
          GROUP_PRIORITY[gv.group] ?? 0,
          VERSION_PRIORITY[`${gv.group}/${gv.version}`] ?? STANDARD_VERSION_PRIORITY,
          'onstart',
        ),
      );
    const metrics = [...versions.values()].find(({ group }) => group === METRICS_GROUP);
    this.metrics = metrics && local(metrics, METRICS_PRIORITY, METRICS_PRIORITY);
  }

  /** Once, at the start. */
  async ensure(ctx: RequestContext): Promise<void> {
    const store = ctx.server.store(GROUP, RESOURCE);
    const present: readonly APIService[] = await store.list('');
    await ctx.server.store('apiextensions.k8s.io', 'customresourcedefinitions').list('');
    const wanted = new Set(this.builtIn.map(({ metadata }) => metadata?.name));
    await Promise.all([
      ...this.builtIn.map((service) => this.keep(ctx, service, present)),
      ...present
        .filter(({ metadata }) => metadata?.labels?.[MANAGED] === 'onstart')
        .filter(({ metadata }) => !wanted.has(metadata?.name))
        .map((service) => remove(ctx, service)),
      this.follow(ctx, present),
    ]);
  }

  /** What comes and goes while the server runs. `present` are all APIServices. */
  async follow(ctx: RequestContext, present: readonly APIService[]): Promise<void> {
    const byName = new Map(present.map((service) => [service.metadata?.name, service]));
    const name = this.metrics?.metadata?.name;
    if (this.metrics && !byName.has(name)) await create(ctx, this.metrics);
    const wanted = new Map<string, APIService>();
    const custom = this.custom();
    // Not known yet: none is missed, and none is taken away.
    if (!custom) return;
    for (const gv of custom) {
      const service = local(gv, CUSTOM_GROUP_PRIORITY, CUSTOM_VERSION_PRIORITY, 'true');
      wanted.set(nameOf(gv), service);
    }
    for (const service of present) {
      const { labels, name: own = '' } = service.metadata ?? {};
      if (labels?.[MANAGED] === 'true' && !wanted.has(own)) await remove(ctx, service);
    }
    for (const [own, service] of wanted) if (!byName.has(own)) await create(ctx, service);
  }

  private async keep(
    ctx: RequestContext,
    wanted: APIService,
    present: readonly APIService[],
  ): Promise<void> {
    const current = present.find(({ metadata }) => metadata?.name === wanted.metadata?.name);
    if (!current) return create(ctx, wanted);
    const managed = current.metadata?.labels?.[MANAGED] !== undefined;
    if (!managed || deepEqual(current.spec, wanted.spec)) return;
    const { spec } = wanted;
    if (!spec) return;
    await ctx.server
      .store(GROUP, RESOURCE)
      .update('', wanted.metadata?.name ?? '', (latest) => ({ ...latest, spec }), ctx);
  }
}

function local(
  { group, version }: GroupVersion,
  groupPriorityMinimum: number,
  versionPriority: number,
  managed?: 'onstart' | 'true',
): APIService {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: 'APIService',
    metadata: {
      name: nameOf({ group, version }),
      ...(managed ? { labels: { [MANAGED]: managed } } : {}),
    },
    spec: { ...(group === '' ? {} : { group }), version, groupPriorityMinimum, versionPriority },
  };
}

async function create(ctx: RequestContext, service: APIService): Promise<void> {
  try {
    await ctx.server.store(GROUP, RESOURCE).create(service, ctx);
  } catch (err) {
    // Another server of the cluster was first.
    if (!isReason(err, 'AlreadyExists')) throw err;
  }
}

async function remove(ctx: RequestContext, service: APIService): Promise<void> {
  try {
    await ctx.server
      .store(GROUP, RESOURCE)
      .delete('', service.metadata?.name ?? '', undefined, ctx);
  } catch (err) {
    if (!isReason(err, 'NotFound')) throw err;
  }
}
