/**
 * Keeps the status of ResourceQuotas (`pkg/controller/resourcequota`): the limits in force, and what the
 * objects of the namespace use of them, counted anew. The apiserver charges what is created by itself; here
 * is given back what was deleted, what has ended, and what was charged and then not stored.
 *
 * Only what some quota limits is watched.
 */

import { type Amounts, addAmounts } from '../../pkg/api/quota/pod-resources.js';
import { quotaMatches } from '../../pkg/api/quota/scopes.js';
import { isQuotaPod, tracks, usageOf } from '../../pkg/api/quota/usage.js';
import type { ResourceQuota } from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { type KubeObject, keyOf } from '../../pkg/apimachinery/meta.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import { type DiscoveredResource, discoverPreferred } from '../../pkg/client/discovery.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { RESOURCE_QUOTAS } from '../../pkg/client/resources.js';
import { BY_NAMESPACE, namespaceIndex } from '../../pkg/client/store.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';

/** What was charged is stored within this: a recount before that would give it back too early. */
const SETTLE_MS = 1_000;
/** Under charges that never end, the recount waits no longer. */
const MAX_SETTLE_MS = 5_000;
const DISCOVERY_TTL_MS = 30_000;

export const resourceQuota: ControllerDescriptor = {
  name: 'resourcequota-controller',
  aliases: ['resourcequota'],
  serviceAccount: 'resourcequota-controller',
  create: (context) => new ResourceQuotaController(context),
};

interface Counted {
  readonly resource: DiscoveredResource;
  readonly informer: Informer<KubeObject>;
}

class ResourceQuotaController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly quotas: Informer<ResourceQuota>;
  private readonly client: ResourceClient<ResourceQuota>;
  private readonly counted = new Map<string, Counted>();
  /** When a quota was last charged, and since when its recount waits. */
  private readonly charged = new Map<string, { at: number; since: number }>();
  private discovered: { at: number; resources: readonly DiscoveredResource[] } | undefined;

  constructor(private readonly context: ControllerContext) {
    this.queue = new RateLimitingQueue(context.clock);
    this.client = context.client.resource<ResourceQuota>(RESOURCE_QUOTAS);
    const indexers = { [BY_NAMESPACE]: namespaceIndex };
    this.quotas = context.informers.informer<ResourceQuota>(RESOURCE_QUOTAS, { indexers });
    this.quotas.addHandler({
      add: (quota) => this.queue.add(keyOf(quota)),
      update: (old, quota) => this.onUpdate(old, quota),
      delete: (quota) => this.charged.delete(keyOf(quota)),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    const concurrency = context.options.concurrency['resource-quota'] ?? 5;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency,
        informers: [this.quotas],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private onUpdate(old: ResourceQuota, quota: ResourceQuota): void {
    const key = keyOf(quota);
    if (!semanticDeepEqual(old.spec, quota.spec)) this.queue.add(key);
    else if (!semanticDeepEqual(old.status?.used, quota.status?.used)) {
      const at = this.context.clock.monotonic();
      this.charged.set(key, { at, since: this.charged.get(key)?.since ?? at });
      this.queue.addAfter(key, SETTLE_MS);
    }
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const quota = this.quotas.store.get(key);
    if (!quota || quota.metadata?.deletionTimestamp !== undefined) return;
    const wait = this.unsettled(key);
    if (wait > 0) {
      this.queue.addAfter(key, wait);
      return;
    }
    const sources = await this.sourcesOf(quota, signal);
    // While the caches were filled, charges may have come: the write below then conflicts.
    const hard = quota.spec?.hard ?? {};
    const used = usedOf(quota, sources, this.context.clock.now());
    this.charged.delete(key);
    const status = { hard, used };
    if (semanticDeepEqual(quota.status ?? {}, status)) return;
    try {
      await this.client.updateStatus({ ...quota, status }, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  /** Milliseconds until a recount is safe. */
  private unsettled(key: string): number {
    const charge = this.charged.get(key);
    if (!charge) return 0;
    const now = this.context.clock.monotonic();
    return Math.min(charge.at + SETTLE_MS - now, charge.since + MAX_SETTLE_MS - now);
  }

  /** The filled caches of what the quota limits. */
  private async sourcesOf(quota: ResourceQuota, signal: AbortSignal): Promise<readonly Counted[]> {
    const names = Object.keys(quota.spec?.hard ?? {});
    const resources = (await this.discover(signal)).filter(
      (resource) =>
        resource.namespaced &&
        resource.verbs.includes('list') &&
        resource.verbs.includes('watch') &&
        names.some((name) => tracks(resource, name)),
    );
    return Promise.all(
      resources.map(async (resource) => {
        const counted = this.count(resource);
        await counted.informer.waitForSync(signal);
        return counted;
      }),
    );
  }

  private async discover(signal: AbortSignal): Promise<readonly DiscoveredResource[]> {
    const now = this.context.clock.monotonic();
    if (!this.discovered || now - this.discovered.at > DISCOVERY_TTL_MS) {
      const { resources } = await discoverPreferred(this.context.client, { signal });
      this.discovered = { at: now, resources };
    }
    return this.discovered.resources;
  }

  private count(resource: DiscoveredResource): Counted {
    const id = `${resource.group}/${resource.resource}`;
    const known = this.counted.get(id);
    if (known) return known;
    const indexers = { [BY_NAMESPACE]: namespaceIndex };
    const informer = this.context.informers.informer<KubeObject>(resource, { indexers });
    const counted = { resource, informer };
    this.counted.set(id, counted);
    informer.addHandler({
      update: (old, now) => {
        if (this.givesBack(resource, old, now)) this.enqueueNamespace(resource, now);
      },
      delete: (obj) => this.enqueueNamespace(resource, obj),
    });
    return counted;
  }

  /** Growth was charged; what ends or shrinks is for here. */
  private givesBack(resource: DiscoveredResource, old: KubeObject, now: KubeObject): boolean {
    if (resource.group !== '') return false;
    const time = this.context.clock.now();
    if (resource.resource === 'pods' && isQuotaPod(old, time) !== isQuotaPod(now, time))
      return true;
    const [before, after] = [usageOf(resource, old, time), usageOf(resource, now, time)];
    return [...before].some(([name, amount]) => {
      const left = after.get(name);
      return !left || left.compare(amount) < 0;
    });
  }

  private enqueueNamespace(resource: DiscoveredResource, obj: KubeObject): void {
    for (const quota of this.quotas.store.byIndex(BY_NAMESPACE, obj.metadata?.namespace ?? '')) {
      if (Object.keys(quota.spec?.hard ?? {}).some((name) => tracks(resource, name)))
        this.queue.add(keyOf(quota));
    }
  }
}

/** A number for everything that is limited; what is not counted by anything keeps the number it had. Pure. */
function usedOf(
  quota: ResourceQuota,
  sources: readonly Counted[],
  nowMs: number,
): Record<string, string> {
  const total: Amounts = new Map();
  const hard = quota.spec?.hard ?? {};
  for (const { resource, informer } of sources) {
    for (const obj of informer.store.byIndex(BY_NAMESPACE, quota.metadata?.namespace ?? '')) {
      if (quotaMatches(quota, hard, resource, obj))
        addAmounts(total, usageOf(resource, obj, nowMs));
    }
  }
  const used: Record<string, string> = {};
  for (const name of Object.keys(hard)) {
    const counted = sources.some(({ resource }) => tracks(resource, name));
    const amount = total.get(name) ?? Quantity.zero;
    const known = quota.status?.used?.[name];
    if (counted) used[name] = amount.toString();
    else if (known !== undefined) used[name] = known;
  }
  return used;
}
