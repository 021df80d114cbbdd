/**
 * Brings every CustomResourceDefinition where it wants to be: its names accepted and itself Established; or,
 * once it is being deleted, its objects deleted and then itself. Every server runs it: who writes second
 * meets a conflict and finds the work done.
 *
 *   created ─▶ NamesAccepted ─▶ Established ─▶ … deleted ─▶ Terminating: objects go ─▶ finalizer goes ─▶ gone
 *                  │ a name is taken                            ▲      │ some are held by finalizers
 *                  └▶ tried again when one of the group goes    └──────┘ looked at again
 */
import type { CustomResourceDefinition } from '../../pkg/api/types.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import { deleteCollection } from '../registry/delete.js';
import type { GenericStore } from '../registry/generic-store.js';
import type { Stores } from '../registry/stores.js';
import type { RequestContext } from '../server/request-context.js';
import type { StoredObject } from '../storage/stored-object.js';
import type { CacheEvent } from '../storage/watch-history.js';
import {
  CLEANUP_FINALIZER,
  crdStatus,
  type GroupMember,
  isTrue,
  memberOf,
  setCondition,
} from './crd-status.js';
import { CRD_GROUP, CRD_RESOURCE, type CustomResources } from './custom-resources.js';

/** How often objects that something holds are looked at again. */
const REMAINING_MS = 500;
const RETRY_MS = 200;

export interface CrdControllerOptions {
  readonly stores: Stores;
  readonly custom: CustomResources;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class CrdController {
  /** Names to look at, and when: the time is 0 for at once. */
  private readonly due = new Map<string, number>();
  private wake: () => void = () => undefined;
  /** The little that is needed of all of them: a definition may be large, and is not kept parsed. */
  private readonly members = new Map<string, GroupMember>();

  constructor(private readonly options: CrdControllerOptions) {}

  /** `ctx`: of the server itself; ends with its signal. */
  async run(ctx: RequestContext): Promise<void> {
    const { cache } = this.options.stores.get(CRD_GROUP, CRD_RESOURCE).storage;
    const { clock, logger } = this.options;
    const { signal } = ctx;
    const subscriber = {
      interest: { namespace: '' },
      onEvent: ({ type, object }: CacheEvent) => this.observe(type, object),
      onReset: () => this.enqueueAll(),
    };
    cache.subscribe(subscriber);
    const onAbort = () => this.wake();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      while (!signal.aborted) {
        try {
          if (!cache.live) {
            await cache.ready(signal);
            this.enqueueAll();
          }
        } catch (err) {
          if (signal.aborted) return;
          logger.debug({ err }, 'the custom resource definitions cannot be read yet');
          await clock.sleep(RETRY_MS, signal).catch(() => undefined);
          continue;
        }
        await this.round(ctx);
        if (!signal.aborted) await this.idle();
      }
    } finally {
      cache.unsubscribe(subscriber);
      signal.removeEventListener('abort', onAbort);
    }
  }

  private async round(ctx: RequestContext): Promise<void> {
    const now = this.options.clock.monotonic();
    for (const [name, at] of [...this.due]) {
      if (at > now || ctx.signal.aborted) continue;
      this.due.delete(name);
      try {
        await this.sync(name, ctx);
      } catch (err) {
        if (ctx.signal.aborted) return;
        // Somebody else did it, or changed it: there is an event to come.
        if (isReason(err, 'Conflict', 'NotFound')) continue;
        this.options.logger.warn({ name, err }, 'a custom resource definition is looked at again');
        this.enqueue(name, REMAINING_MS);
      }
    }
  }

  private async sync(name: string, ctx: RequestContext): Promise<void> {
    const crds = this.options.stores.internal(CRD_GROUP, CRD_RESOURCE);
    const crd = crds.peek('', name) as CustomResourceDefinition | undefined;
    if (!crd) return;
    if (crd.metadata?.deletionTimestamp) {
      if (crd.metadata.finalizers?.includes(CLEANUP_FINALIZER)) await this.finalize(crd, ctx);
      return;
    }
    const { clock } = this.options;
    const group = [...this.members.values()];
    const status = crdStatus(crd, group, clock.now());
    if (deepEqual(status, crd.status)) return;
    await this.write(name, ctx, (current) => {
      current.status = crdStatus(current, group, clock.now());
    });
  }

  /** Deletes the objects; the definition goes when the last one has gone. */
  private async finalize(crd: CustomResourceDefinition, ctx: RequestContext): Promise<void> {
    const name = crd.metadata?.name ?? '';
    const tell = (status: 'True' | 'False', reason: string, message: string) =>
      this.write(name, ctx, (current) => {
        const conditions = [...(current.status?.conditions ?? [])];
        const condition = { type: 'Terminating', status, reason, message };
        setCondition(conditions, condition, this.options.clock.now());
        current.status = { ...current.status, conditions };
      });
    if (isTrue(crd, 'Established')) {
      await tell('True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');
      const objects = this.options.custom.store(crd.spec.group, crd.spec.names.plural);
      if (objects && (await this.deleteObjects(objects, ctx)) > 0) {
        this.enqueue(name, REMAINING_MS);
        return;
      }
      await tell('False', 'InstanceDeletionCompleted', 'removed all instances');
    } else await tell('False', 'NeverEstablished', 'resource was never established');
    await this.options.stores.internal(CRD_GROUP, CRD_RESOURCE).update(
      '',
      name,
      (current) => {
        const finalizers = current.metadata?.finalizers?.filter((f) => f !== CLEANUP_FINALIZER);
        return { ...current, metadata: { ...current.metadata, finalizers: finalizers ?? [] } };
      },
      ctx,
    );
  }

  /** How many are left. */
  private async deleteObjects(store: GenericStore, ctx: RequestContext): Promise<number> {
    const everything = {
      namespace: '',
      resourceVersion: '',
      match: '',
      limit: 0,
      continue: '',
      signal: ctx.signal,
    } as const;
    const { items } = await store.list(everything);
    if (items.length === 0) return 0;
    const fresh = items.filter(({ metadata }) => !metadata.deletionTimestamp);
    if (fresh.length > 0) await deleteCollection(store, everything, {}, ctx);
    return (await store.list(everything)).items.length;
  }

  private async write(
    name: string,
    ctx: RequestContext,
    change: (crd: CustomResourceDefinition) => void,
  ): Promise<void> {
    await this.options.stores.internal(CRD_GROUP, CRD_RESOURCE).update(
      '',
      name,
      (current) => {
        const crd = current as CustomResourceDefinition;
        change(crd);
        return crd;
      },
      ctx,
      'status',
    );
  }

  /** The definition, and those of its group that may have waited for its names. */
  private observe(type: CacheEvent['type'], { name, object }: StoredObject): void {
    const member = memberOf(object as CustomResourceDefinition);
    if (type === 'DELETED') this.members.delete(name);
    else this.members.set(name, member);
    this.due.set(name, 0);
    for (const other of this.members.values())
      if (other.group === member.group && !other.accepted) this.due.set(other.name, 0);
    this.wake();
  }

  private enqueueAll(): void {
    const { cache } = this.options.stores.get(CRD_GROUP, CRD_RESOURCE).storage;
    if (cache.live) {
      this.members.clear();
      for (const stored of cache.list('')) this.observe('ADDED', stored);
    }
    this.wake();
  }

  private enqueue(name: string, afterMs: number): void {
    this.due.set(name, this.options.clock.monotonic() + afterMs);
  }

  /** Until something is due. */
  private async idle(): Promise<void> {
    const { clock } = this.options;
    const next = Math.min(...this.due.values());
    const wait = next - clock.monotonic();
    if (this.due.size > 0 && wait <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.due.size > 0 ? clock.after(wait, resolve) : undefined;
      this.wake = () => {
        timer?.stop();
        resolve();
      };
    });
    this.wake = () => undefined;
  }
}
