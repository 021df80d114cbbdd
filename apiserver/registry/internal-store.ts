/**
 * A generic store as the server's own code uses it (admission, subresources, authorizers): parsed, frozen
 * objects, no waiting for the store but for what this process wrote itself.
 */
import { clone } from '../../pkg/apimachinery/clone.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { notFound } from '../../pkg/apimachinery/status.js';
import type { DeleteOptions } from '../../pkg/apimachinery/validation/options.js';
import type { InternalStore, RequestContext } from '../server/request-context.js';
import { relativeKey } from '../storage/keys.js';
import { isLost } from '../storage/resource-storage.js';
import { create } from './create.js';
import { deleteObject } from './delete.js';
import type { GenericStore } from './generic-store.js';
import { update } from './update.js';

export function internalStore(store: GenericStore): InternalStore {
  const { storage, definition } = store;
  const { cache, feed } = storage;
  /** The cache, with every write of this process in it. */
  const caughtUp = async (): Promise<void> => {
    await cache.ready();
    await feed.waitFor(feed.lastWrite);
    await cache.ready();
  };
  const strategyOf = (subresource: string) =>
    definition.subresources?.find((candidate) => candidate.name === subresource)?.strategy;

  return {
    async get(namespace, name) {
      await caughtUp();
      const found = cache.get(relativeKey(definition.namespaced, namespace, name));
      if (!found) throw notFound(store.qualified, name);
      return found.object;
    },
    peek(namespace, name) {
      return cache.get(relativeKey(definition.namespaced, namespace, name))?.object;
    },
    async list(namespace) {
      await caughtUp();
      return cache.list(namespace).map((stored) => stored.object);
    },
    peekAll(namespace) {
      return cache.live ? cache.list(namespace).map((stored) => stored.object) : undefined;
    },
    async create(obj: KubeObject, ctx: RequestContext) {
      const own = clone(obj);
      const stored = await create(
        store,
        { namespace: own.metadata?.namespace ?? '', obj: own },
        ctx,
      );
      return stored.object;
    },
    async update(namespace, name, change, ctx, subresource = '') {
      const strategy = strategyOf(subresource);
      const { object } = await update(
        store,
        {
          namespace,
          name,
          subresource,
          ...(strategy ? { strategy } : {}),
          change: (current) => {
            if (!current) throw notFound(store.qualified, name);
            return change(current.clone());
          },
        },
        ctx,
      );
      return object.object;
    },
    async rewrite(namespace, name, change, ctx) {
      const key = store.key(namespace, name);
      let { object: current, fresh } = await store.current(key);
      for (;;) {
        ctx.signal.throwIfAborted();
        try {
          if (!current) throw notFound(store.qualified, name);
          const obj = change(current.clone());
          if (ctx.dryRun) return;
          const result = await storage.update(key, obj, current.revision);
          if (!isLost(result)) return;
          current = result.current;
          fresh = true;
        } catch (err) {
          // Refused on the ground of a state that may be of yesterday: the store has the last word.
          if (fresh) throw err;
          const newest = await storage.read(key);
          if (newest?.revision === current?.revision) throw err;
          current = newest;
          fresh = true;
        }
      }
    },
    async delete(namespace, name, options, ctx) {
      const { object } = await deleteObject(
        store,
        namespace,
        name,
        (options ?? {}) as DeleteOptions,
        ctx,
      );
      return object.object;
    },
  };
}
