/**
 * Fills ClusterRoles that have an aggregation rule (admin, edit, view) with the rules of the ClusterRoles
 * that it selects (`pkg/controller/clusterroleaggregation`).
 */

import type { ClusterRole, PolicyRule } from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { selectorFromObject } from '../../pkg/apimachinery/labels.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { CLUSTER_ROLES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';

const MANAGER = 'clusterrole-aggregation-controller';

export const clusterRoleAggregation: ControllerDescriptor = {
  name: 'clusterrole-aggregation-controller',
  aliases: ['clusterrole-aggregation'],
  serviceAccount: 'clusterrole-aggregation-controller',
  create: (context) => new ClusterRoleAggregationController(context),
};

class ClusterRoleAggregationController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly roles: Informer<ClusterRole>;
  private readonly client: ResourceClient<ClusterRole>;

  constructor(private readonly context: ControllerContext) {
    this.queue = new RateLimitingQueue(context.clock);
    this.client = context.client.resource<ClusterRole>(CLUSTER_ROLES);
    this.roles = context.informers.informer<ClusterRole>(CLUSTER_ROLES);
    const enqueue = () => this.enqueueAggregating();
    this.roles.addHandler({ add: enqueue, update: enqueue, delete: enqueue });
  }

  run(signal: AbortSignal): Promise<void> {
    const { queue } = this;
    return runSyncLoop(
      {
        context: this.context,
        queue,
        concurrency: 5,
        informers: [this.roles],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(name: string, signal: AbortSignal): Promise<void> {
    const role = this.roles.store.get(name);
    if (!role?.aggregationRule) return;
    const rules = aggregatedRules(role, [...this.roles.store.values()]);
    if (semanticDeepEqual(rules, role.rules ?? [])) return;
    try {
      await this.client.apply(
        { metadata: { name }, rules },
        { fieldManager: MANAGER, force: true, signal },
      );
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  /** Any role may be selected by any rule; there are few that aggregate. */
  private enqueueAggregating(): void {
    for (const role of this.roles.store.values())
      if (role.aggregationRule) this.queue.add(keyOf(role));
  }
}

/** The rules of the roles that are selected, by name, each once. Pure. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const byName = [...all].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const rules: PolicyRule[] = [];
  const seen = new Set<string>();
  for (const object of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const selector = selectorFromObject(object);
    for (const other of byName) {
      if (keyOf(other) === keyOf(role) || !selector.matches(other.metadata?.labels)) continue;
      for (const rule of other.rules ?? []) {
        const id = JSON.stringify(rule);
        if (!seen.has(id)) rules.push(rule);
        seen.add(id);
      }
    }
  }
  return rules;
}
