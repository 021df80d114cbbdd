/** Resources without storage (reviews, bindings, component statuses): their definition answers by itself. */
import { methodNotAllowed, unknownPath } from '../../pkg/apimachinery/status.js';
import type { ResourceDefinition } from '../registry/resource.js';
import type { RequestContext } from '../server/request-context.js';
import { negotiate } from './media-type.js';
import type { ObjectDecoder } from './object-decoder.js';
import { fillNamespace, readObject } from './request-object.js';
import { sendValue } from './respond.js';
import { shaped, shapedList } from './target.js';

export async function serveVirtual(
  definition: ResourceDefinition,
  decoder: ObjectDecoder,
  ctx: RequestContext,
): Promise<void> {
  const { verb, subresource } = ctx.requestInfo;
  const { virtual } = definition;
  // What is only made, reviews and bindings, cannot be listed, and has no columns.
  const table = virtual?.create === undefined;
  const accepted = negotiate(ctx.exchange?.req.headers.accept, { shapes: true, table });
  if (subresource !== '' || !virtual) throw unknownPath();
  if (definition.deprecation) ctx.warn(definition.deprecation);
  if (verb === 'create' && virtual.create) {
    const body = await readObject(decoder, definition, ctx);
    fillNamespace(definition, body, ctx.requestInfo.namespace);
    sendValue(ctx, 201, await virtual.create(body, ctx), accepted);
    return;
  }
  if (verb === 'get' && virtual.get) {
    const obj = await virtual.get(ctx.requestInfo.name, ctx);
    sendValue(ctx, 200, shaped(definition, obj, accepted, ctx), accepted);
    return;
  }
  if (verb === 'list' && virtual.list) {
    const items = await virtual.list(ctx);
    sendValue(ctx, 200, shapedList(definition, items, accepted, ctx), accepted);
    return;
  }
  throw methodNotAllowed();
}
