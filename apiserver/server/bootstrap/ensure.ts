/** Creates an object that must be there; whoever comes second finds it. */
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import type { RequestContext } from '../request-context.js';

export async function ensure(
  ctx: RequestContext,
  group: string,
  resource: string,
  wanted: KubeObject,
): Promise<KubeObject> {
  const store = ctx.server.store(group, resource);
  const { namespace = '', name = '' } = wanted.metadata ?? {};
  // A create is no way to find out: it may fail at what the present object holds (a Service's address).
  try {
    return store.peek(namespace, name) ?? (await store.get(namespace, name));
  } catch (err) {
    if (!isReason(err, 'NotFound')) throw err;
  }
  try {
    return await store.create(wanted, ctx);
  } catch (err) {
    if (!isReason(err, 'AlreadyExists')) throw err;
    return store.get(namespace, name);
  }
}

/** Creates it, or brings what `differs` back to what is wanted. */
export async function keep<T extends KubeObject>(
  ctx: RequestContext,
  group: string,
  resource: string,
  wanted: T,
  change: (current: T) => T | undefined,
): Promise<void> {
  const current = await ensure(ctx, group, resource, wanted);
  if (change(current as T) === undefined) return;
  const { namespace = '', name = '' } = wanted.metadata ?? {};
  await ctx.server
    .store(group, resource)
    .update(namespace, name, (latest) => change(latest as T) ?? latest, ctx);
}
