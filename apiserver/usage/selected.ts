/** The objects of a store that a list of their metrics is about: namespace, label and field selector. */

import { FieldSelectorError, parseFieldSelector } from '../../pkg/apimachinery/fields.js';
import { parseSelector, SelectorError } from '../../pkg/apimachinery/labels.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { badRequest } from '../../pkg/apimachinery/status.js';
import type { RequestContext } from '../server/request-context.js';

const FIELDS = ['metadata.name', 'metadata.namespace'];

/** Sorted by namespace and name, as the API lists them. */
export async function selectedObjects(
  ctx: RequestContext,
  resource: 'nodes' | 'pods',
): Promise<readonly KubeObject[]> {
  const { namespace } = ctx.requestInfo;
  const matches = matcher(ctx.query);
  const all = await ctx.server.store('', resource).list(namespace);
  return all.filter(matches).sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
}

function matcher(query: URLSearchParams): (obj: KubeObject) => boolean {
  try {
    const labels = parseSelector(query.get('labelSelector') ?? '');
    const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
    const unsupported = fields.unsupported((field) => FIELDS.includes(field));
    if (unsupported !== undefined) throw badRequest(`field label not supported: ${unsupported}`);
    return ({ metadata = {} }) =>
      labels.matches(metadata.labels ?? {}) &&
      fields.matches({
        'metadata.name': metadata.name ?? '',
        'metadata.namespace': metadata.namespace ?? '',
      });
  } catch (err) {
    if (err instanceof SelectorError || err instanceof FieldSelectorError) {
      throw badRequest(err.message);
    }
    throw err;
  }
}

function orderOf({ metadata }: KubeObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
