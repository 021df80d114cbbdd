/** What a request is about, once it is known to be about something; and the answer of one object of it. */
import { apiVersionOf, type KubeObject } from '../../pkg/apimachinery/meta.js';
import { notAcceptableForm, type StatusError } from '../../pkg/apimachinery/status.js';
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
  else sendValue(ctx, code, shaped(definition, shown.object, accepted, ctx), accepted);
}

/** One object, in the served version, as the client wants to see it. */
export function shaped(
  definition: ResourceDefinition,
  obj: KubeObject,
  accepted: Accepted,
  ctx: RequestContext,
): object {
  const { shape, metaVersion } = accepted;
  if (shape === 'PartialObjectMetadata') return partialMetadata(obj, metaVersion);
  if (shape === 'PartialObjectMetadataList') {
    throw notAcceptableForm(
      `you requested PartialObjectMetadataList, but the requested object is not a list (${goType(definition)})`,
    );
  }
  if (shape !== 'Table') return obj;
  const now = ctx.clock.now();
  const rows = [tableRow(definition, obj, includeObject(ctx.query), now, metaVersion)];
  const metadata = { resourceVersion: obj.metadata?.resourceVersion ?? '' };
  return table(columnDefinitions(definition), rows, metadata, metaVersion);
}

/** How Go names the type that a kind has in the server: `*core.Pod`. */
export function goType({ custom, group, kind }: ResourceDefinition, list = ''): string {
  if (custom) return `*unstructured.Unstructured${list}`;
  return `*${group === '' ? 'core' : group.split('.')[0]}.${kind}${list}`;
}

/** Objects that are stored nowhere, likewise. */
export function shapedList(
  definition: ResourceDefinition,
  items: readonly KubeObject[],
  accepted: Accepted,
  ctx: RequestContext,
): object {
  const { shape, metaVersion } = accepted;
  if (shape === 'Table') {
    const include = includeObject(ctx.query);
    const now = ctx.clock.now();
    const rows = items.map((item) => tableRow(definition, item, include, now, metaVersion));
    return table(columnDefinitions(definition), rows, {}, metaVersion);
  }
  if (shape === 'PartialObjectMetadata') throw notOneObject(definition);
  if (shape === 'PartialObjectMetadataList') {
    return partialMetadataList(
      items.map((item) => partialMetadata(item, metaVersion)),
      {},
      metaVersion,
    );
  }
  const apiVersion = apiVersionOf(definition);
  return { kind: `${definition.kind}List`, apiVersion, metadata: {}, items };
}

/** A list cannot be shown as the metadata of one object. */
export function notOneObject(definition: ResourceDefinition): StatusError {
  return notAcceptableForm(
    `you requested PartialObjectMetadata, but the requested object is a list (${goType(definition, 'List')})`,
  );
}

export function partialMetadataList(
  items: readonly object[],
  metadata: object,
  version: Accepted['metaVersion'],
): object {
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    items,
  };
}
