/**
 * Empties and ends namespaces that are being deleted (`pkg/controller/namespace`):
 *
 *   deletionTimestamp ─▶ delete a collection per resource ─▶ nothing left? ─ yes ─▶ finalize: the
 *        ▲                                                        │ no             namespace goes away
 *        └── again, when the longest grace period may be over ◀───┘ conditions say what remains
 *
 * Content may still appear while its group cannot be discovered, so a namespace never ends before every
 * group was read.
 */

import type { Namespace, NamespaceCondition, NamespaceStatus, Pod } from '../../pkg/api/types.js';
import { formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { type DiscoveredResource, discoverPreferred } from '../../pkg/client/discovery.js';
import { isConflict, isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { NAMESPACES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { messageOf } from '../pod-control.js';

/** Content that is still being made when the deletion begins gets time to arrive. */
const SETTLE_MS = 50;
/** How long to wait for content that does not say how long it takes. */
const FINALIZER_ESTIMATE_SECONDS = 15;
/** After this, twice this … it is looked whether the content is gone. */
const FIRST_LOOK_MS = 250;
const FINALIZER = 'kubernetes';
const DISCOVERY_TTL_MS = 2_000;
/** Resources deleted at a time; a server under load serves others too. */
const PARALLEL = 8;

export const namespaceController: ControllerDescriptor = {
  name: 'namespace-controller',
  aliases: ['namespace'],
  serviceAccount: 'namespace-controller',
  create: (context) => new NamespaceController(context),
};

interface Remaining {
  readonly resource: DiscoveredResource;
  readonly count: number;
  readonly finalizers: ReadonlyMap<string, number>;
  readonly estimateSeconds: number;
}

class NamespaceController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly namespaces: Informer<Namespace>;
  private readonly client: ResourceClient<Namespace>;
  /** How often a namespace was looked at in vain. */
  private readonly looks = new Map<string, number>();
  private discovered: { at: number; resources: DiscoveredResource[]; errors: string[] } | undefined;

  constructor(private readonly context: ControllerContext) {
    this.queue = new RateLimitingQueue(context.clock);
    this.client = context.client.resource<Namespace>(NAMESPACES);
    this.namespaces = context.informers.informer<Namespace>(NAMESPACES);
    this.namespaces.addHandler({
      add: (obj) => this.enqueue(obj),
      update: (_, obj) => this.enqueue(obj),
      delete: (obj) => this.looks.delete(keyOf(obj)),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency: context.options.concurrency['namespace'] ?? 10,
        informers: [this.namespaces],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(name: string, signal: AbortSignal): Promise<void> {
    const cached = this.namespaces.store.get(name);
    if (cached?.metadata?.deletionTimestamp === undefined) return;
    let namespace: Namespace;
    try {
      namespace = await this.client.get('', name, { signal });
    } catch (err) {
      if (isNotFound(err)) return;
      throw err;
    }
    if (namespace.metadata?.uid !== cached.metadata.uid) return;
    if (!namespace.spec?.finalizers?.length) return;
    if (namespace.status?.phase !== 'Terminating') {
      namespace = await this.writeStatus(
        namespace,
        { ...namespace.status, phase: 'Terminating' },
        signal,
      );
    }
    if (!namespace.spec?.finalizers?.includes(FINALIZER)) return;
    const { conditions, estimateSeconds, done, error } = await this.deleteContent(
      namespace,
      signal,
    );
    namespace = await this.writeConditions(namespace, conditions, signal);
    if (error !== undefined) throw error;
    if (done) {
      this.looks.delete(name);
      await this.finalize(namespace, signal);
      return;
    }
    // Upstream waits half of the estimate and a second more. Pods often end long before their grace period
    // does, so here the first looks come sooner.
    const looks = this.looks.get(name) ?? 0;
    this.looks.set(name, looks + 1);
    const soon = FIRST_LOOK_MS * 2 ** Math.min(looks, 10);
    this.queue.addAfter(name, Math.min(soon, (estimateSeconds / 2 + 1) * 1000));
  }

  private async deleteContent(
    namespace: Namespace,
    signal: AbortSignal,
  ): Promise<{
    conditions: NamespaceCondition[];
    estimateSeconds: number;
    done: boolean;
    error?: unknown;
  }> {
    const { resources, errors: discoveryErrors } = await this.discover(signal);
    const name = namespace.metadata?.name ?? '';
    const remaining: Remaining[] = [];
    const errors: string[] = [];
    let failure: unknown;
    const isPods = ({ group, resource }: DiscoveredResource) => group === '' && resource === 'pods';
    // Pods first: what they use, and what restrains them, stays until the last of them has ended.
    for (const round of [resources.filter(isPods), resources.filter((each) => !isPods(each))]) {
      const results = await mapLimited(round, PARALLEL, async (resource) => {
        try {
          return await this.deleteResource(resource, name, signal);
        } catch (err) {
          if (signal.aborted) throw err;
          failure = err;
          errors.push(messageOf(err));
          return undefined;
        }
      });
      for (const result of results) if (result) remaining.push(result);
      if (remaining.length > 0 || failure !== undefined) break;
    }
    const conditions = conditionsOf(
      remaining,
      discoveryErrors,
      errors,
      formatTime(new Date(this.context.clock.now())),
    );
    const estimateSeconds = Math.max(0, ...remaining.map((r) => r.estimateSeconds));
    if (failure !== undefined) return { conditions, estimateSeconds, done: false, error: failure };
    if (discoveryErrors.length) {
      return {
        conditions,
        estimateSeconds,
        done: false,
        error: new Error(discoveryErrors.join(', ')),
      };
    }
    return { conditions, estimateSeconds, done: remaining.length === 0 };
  }

  /** What is left of one resource after its collection was deleted; undefined when nothing is. */
  private async deleteResource(
    resource: DiscoveredResource,
    namespace: string,
    signal: AbortSignal,
  ): Promise<Remaining | undefined> {
    const client = this.context.client.resource<Pod>(resource, {
      metadataOnly: resource.resource !== 'pods',
    });
    const list = await client.list({ namespace, signal });
    if (list.items.length === 0) return undefined;
    const doomed = list.items.filter((item) => item.metadata?.deletionTimestamp === undefined);
    if (doomed.length > 0) {
      if (resource.verbs.includes('deletecollection')) {
        await client.deleteCollection(
          { namespace, signal },
          { propagationPolicy: 'Background', signal },
        );
      } else {
        for (const item of doomed) {
          try {
            await client.delete(namespace, item.metadata?.name ?? '', {
              propagationPolicy: 'Background',
              signal,
            });
          } catch (err) {
            if (!isNotFound(err)) throw err;
          }
        }
      }
    }
    const left = (await client.list({ namespace, signal })).items;
    if (left.length === 0) return undefined;
    const finalizers = new Map<string, number>();
    let estimateSeconds = 0;
    for (const item of left) {
      for (const f of item.metadata?.finalizers ?? [])
        finalizers.set(f, (finalizers.get(f) ?? 0) + 1);
      const grace = item.metadata?.deletionGracePeriodSeconds ?? 0;
      estimateSeconds = Math.max(estimateSeconds, grace || FINALIZER_ESTIMATE_SECONDS);
    }
    return { resource, count: left.length, finalizers, estimateSeconds };
  }

  /** Shared by namespaces that end at the same time. */
  private async discover(
    signal: AbortSignal,
  ): Promise<{ resources: DiscoveredResource[]; errors: string[] }> {
    const now = this.context.clock.monotonic();
    if (this.discovered && now - this.discovered.at < DISCOVERY_TTL_MS) return this.discovered;
    const { resources, failed } = await discoverPreferred(this.context.client, { signal });
    const deletable = resources.filter(
      (r) => r.namespaced && r.verbs.includes('delete') && r.verbs.includes('list'),
    );
    const errors = [...failed].map(([gv, err]) => `${gv}: ${messageOf(err)}`);
    this.discovered = { at: now, resources: deletable, errors };
    return this.discovered;
  }

  private async finalize(namespace: Namespace, signal: AbortSignal): Promise<void> {
    const finalizers = (namespace.spec?.finalizers ?? []).filter((f) => f !== FINALIZER);
    try {
      await this.client.updateSubresource(
        { ...namespace, spec: { ...namespace.spec, finalizers } },
        'finalize',
        { signal },
      );
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private async writeConditions(
    namespace: Namespace,
    wanted: readonly NamespaceCondition[],
    signal: AbortSignal,
  ): Promise<Namespace> {
    const conditions = mergeConditions(namespace.status?.conditions ?? [], wanted);
    if (conditions === undefined) return namespace;
    return this.writeStatus(namespace, { ...namespace.status, conditions }, signal);
  }

  private async writeStatus(
    namespace: Namespace,
    status: NamespaceStatus,
    signal: AbortSignal,
  ): Promise<Namespace> {
    try {
      return await this.client.updateStatus({ ...namespace, status }, { signal });
    } catch (err) {
      if (!isConflict(err)) throw err;
      const fresh = await this.client.get('', namespace.metadata?.name ?? '', { signal });
      return this.client.updateStatus(
        { ...fresh, status: { ...fresh.status, ...status } },
        { signal },
      );
    }
  }

  private enqueue(namespace: Namespace): void {
    if (namespace.metadata?.deletionTimestamp === undefined) return;
    this.queue.addAfter(keyOf(namespace), SETTLE_MS);
  }
}

/** The five conditions of a terminating namespace, in upstream's words. */
export function conditionsOf(
  remaining: readonly Remaining[],
  discoveryErrors: readonly string[],
  deletionErrors: readonly string[],
  now: string,
): NamespaceCondition[] {
  const condition = (
    type: string,
    bad: boolean,
    badReason: string,
    goodReason: string,
    badText: string,
    goodText: string,
  ) => ({
    type,
    status: bad ? 'True' : 'False',
    reason: bad ? badReason : goodReason,
    message: bad ? badText : goodText,
    lastTransitionTime: now,
  });
  const nameOf = (r: DiscoveredResource) =>
    r.group === '' ? `${r.resource}.` : `${r.resource}.${r.group}`;
  const left = remaining
    .map((r) => `${nameOf(r.resource)} has ${r.count} resource instances`)
    .sort();
  const finalizers = new Map<string, number>();
  for (const r of remaining) {
    for (const [f, n] of r.finalizers) finalizers.set(f, (finalizers.get(f) ?? 0) + n);
  }
  const held = [...finalizers].map(([f, n]) => `${f} in ${n} resource instances`).sort();
  return [
    condition(
      'NamespaceDeletionDiscoveryFailure',
      discoveryErrors.length > 0,
      'DiscoveryFailed',
      'ResourcesDiscovered',
      `Discovery failed for some groups, ${discoveryErrors.length} failing: ${discoveryErrors.join(', ')}`,
      'All resources successfully discovered',
    ),
    condition(
      'NamespaceDeletionGroupVersionParsingFailure',
      false,
      'GroupVersionParsingFailed',
      'ParsedGroupVersions',
      '',
      'All legacy kube types successfully parsed',
    ),
    condition(
      'NamespaceDeletionContentFailure',
      deletionErrors.length > 0,
      'ContentDeletionFailed',
      'ContentDeleted',
      `Failed to delete all resource types, ${deletionErrors.length} remaining: ${[...deletionErrors].sort().join(', ')}`,
      'All content successfully deleted, may be waiting on finalization',
    ),
    condition(
      'NamespaceContentRemaining',
      left.length > 0,
      'SomeResourcesRemain',
      'ContentRemoved',
      `Some resources are remaining: ${left.join(', ')}`,
      'All content successfully removed',
    ),
    condition(
      'NamespaceFinalizersRemaining',
      held.length > 0,
      'SomeFinalizersRemain',
      'ContentHasNoFinalizers',
      `Some content in the namespace has finalizers remaining: ${held.join(', ')}`,
      'All content-preserving finalizers finished',
    ),
  ];
}

/** undefined: nothing changes. A condition keeps its time while its status and reason stay. */
function mergeConditions(
  current: readonly NamespaceCondition[],
  wanted: readonly NamespaceCondition[],
): NamespaceCondition[] | undefined {
  let changed = false;
  const merged = [...current];
  for (const next of wanted) {
    const at = merged.findIndex((c) => c.type === next.type);
    const old = merged[at];
    if (!old) {
      merged.push(next);
      changed = true;
    } else if (
      old.status !== next.status ||
      old.message !== next.message ||
      old.reason !== next.reason
    ) {
      const time = old.status === next.status ? old.lastTransitionTime : next.lastTransitionTime;
      merged[at] = { ...next, ...(time === undefined ? {} : { lastTransitionTime: time }) };
      changed = true;
    }
  }
  return changed ? merged : undefined;
}

async function mapLimited<A, B>(
  items: readonly A[],
  limit: number,
  fn: (item: A) => Promise<B>,
): Promise<B[]> {
  const results: B[] = [];
  let next = 0;
  const lane = async () => {
    for (let at = next++; at < items.length; at = next++) {
      const item = items[at];
      if (item !== undefined) results.push(await fn(item));
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}
