/** What a request is about, once it is known to be about something; and the answer of one object of it. */
import { apiVersionOf, type KubeObject } from '../../pkg/apimachinery/meta.js';
import type { ResourceDefinition } from '../registry/resource.js';
import type { RequestContext } from '../server/request-context.js';
import type { StoredObject } from '../storage/stored-object.js';
import type { Accepted } from './media-type.js';
import { sendStored, sendValue } from './respond.js';
import type { ServedView } from './served-view.js';
import { columnDefinitions, includeObject, partialMetadata, table, tableRow } from './table.js';

export interface Target {
  readonly view: ServedView;
  readonly definition: ResourceDefinition;
  readonly ctx: RequestContext;
  readonly accepted: Accepted;
  /** Empty for a cluster-scoped resource and for all namespaces. */
  readonly namespace: string;
  /** Empty for a list, a watch, a create and the deletion of a collection. */
  readonly name: string;
}

export function sendObject(
  { view, ctx, accepted, definition }: Target,
  code: number,
  stored: StoredObject,
): void {
  const shown = view.of(stored);
  if (accepted.shape === 'object') sendStored(ctx, code, shown, accepted);
  else sendValue(ctx, code, shaped(definition, shown.object, accepted, ctx), accepted.encoding);
}

/** One object, in the served version, as the client wants to see it. */
export function shaped(
  definition: ResourceDefinition,
  obj: KubeObject,
  accepted: Accepted,
  ctx: RequestContext,
): object {
  if (accepted.shape === 'PartialObjectMetadata') return partialMetadata(obj);
  if (accepted.shape !== 'Table') return obj;
  const rows = [tableRow(definition, obj, includeObject(ctx.query), ctx.clock.now())];
  return table(columnDefinitions(definition), rows, {
    resourceVersion: obj.metadata?.resourceVersion ?? '',
  });
}

/** Objects that are stored nowhere, likewise. */
export function shapedList(
  definition: ResourceDefinition,
  items: readonly KubeObject[],
  accepted: Accepted,
  ctx: RequestContext,
): object {
  if (accepted.shape === 'Table') {
    const rows = items.map((item) =>
      tableRow(definition, item, includeObject(ctx.query), ctx.clock.now()),
    );
    return table(columnDefinitions(definition), rows, {});
  }
  const apiVersion = apiVersionOf(definition);
  return { kind: `${definition.kind}List`, apiVersion, metadata: {}, items };
}
