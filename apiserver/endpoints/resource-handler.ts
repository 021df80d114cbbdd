/**
 * The verbs of every resource, from a request to its answer. What a kind is, its definition says; what is
 * stored and how, the generic store; here is what HTTP adds: bodies, options, versions, shapes, codes.
 *
 * `handle` always answers, also to errors, and resolves when the answer is handed to the connection (for a
 * watch: when it has ended).
 */

import type { SchemaSet } from '../../pkg/api/schema/model.js';
import { methodNotAllowed, unknownPath } from '../../pkg/apimachinery/status.js';
import { deleteCollection } from '../registry/delete.js';
import type { ResourceDefinition, Verb } from '../registry/resource.js';
import type { Stores } from '../registry/stores.js';
import type { RequestContext } from '../server/request-context.js';
import type { ListQuery } from '../storage/resource-storage.js';
import { readDeleteOptions } from './delete-body.js';
import { listOptions } from './list-options.js';
import { ClientGone, sendList } from './list-response.js';
import { type Accepted, negotiate, negotiateStream, PLAIN } from './media-type.js';
import { ObjectDecoder } from './object-decoder.js';
import { ObjectVerbs } from './object-verbs.js';
import { Patcher } from './patch.js';
import { prepareProtobuf } from './protobuf.js';
import { sendError } from './respond.js';
import { selection } from './selection.js';
import { ServedView } from './served-view.js';
import { SubresourceHandler } from './subresource-handler.js';
import type { Target } from './target.js';
import { serveVirtual } from './virtual-resource.js';
import { WatchServer } from './watch-server.js';

export interface ResourceHandlerOptions {
  readonly stores: Stores;
  readonly schemas: SchemaSet;
  /** `--min-request-timeout`. */
  readonly minRequestTimeoutSeconds?: number;
}

const ALL_VERBS: readonly Verb[] = [
  'create',
  'get',
  'list',
  'watch',
  'update',
  'patch',
  'delete',
  'deletecollection',
];

export class ResourceHandler {
  private readonly views = new WeakMap<ResourceDefinition, ServedView>();
  private readonly stores: Stores;
  private readonly decoder: ObjectDecoder;
  private readonly watches: WatchServer;
  private readonly verbs: ObjectVerbs;
  private readonly subresources: SubresourceHandler;

  constructor(options: ResourceHandlerOptions) {
    this.stores = options.stores;
    this.watches = new WatchServer(options.minRequestTimeoutSeconds);
    this.decoder = new ObjectDecoder(options.schemas);
    const patcher = new Patcher(this.decoder, options.schemas);
    this.verbs = new ObjectVerbs(this.decoder, patcher);
    this.subresources = new SubresourceHandler(this.verbs, this.decoder, patcher);
  }

  async handle(ctx: RequestContext): Promise<void> {
    try {
      const loading = prepareProtobuf(ctx.exchange?.req.headers.accept);
      if (loading) await loading;
      await this.dispatch(ctx);
    } catch (err) {
      if (err instanceof ClientGone) return;
      sendError(ctx, err);
    }
  }

  private async dispatch(ctx: RequestContext): Promise<void> {
    const { group, version, resource, subresource, namespace, verb } = ctx.requestInfo;
    const definition = this.stores.definition(group, version, resource);
    if (!definition) throw unknownPath();
    if (definition.virtual) return serveVirtual(definition, this.decoder, ctx);
    const view = this.viewOf(definition);
    const wrong = wrongPath(definition, ctx);
    if (wrong) throw wrong;
    const target: Target = {
      view,
      definition,
      ctx,
      accepted: accepted(definition, ctx),
      namespace: definition.namespaced ? namespace : '',
      name: nameOf(ctx),
    };
    if (subresource !== '') return this.subresources.serve(target, subresource);
    const verbs = definition.verbs ?? ALL_VERBS;
    if (!verbs.some((served) => served === verb)) throw methodNotAllowed();
    if (definition.deprecation) ctx.warn(definition.deprecation);
    if (verb === 'create' && definition.custom?.terminating) {
      throw methodNotAllowed('create not allowed while custom resource definition is terminating');
    }
    switch (verb as Verb) {
      case 'get':
        return this.verbs.get(target);
      case 'list':
        return this.list(target);
      case 'watch':
        return this.watches.serve(target);
      case 'create':
        return this.verbs.create(target);
      case 'update':
        return this.verbs.update(target, '');
      case 'patch':
        return this.verbs.patch(target, '');
      case 'delete':
        return this.verbs.delete(target);
      case 'deletecollection':
        return this.deleteCollection(target);
    }
  }

  private viewOf(definition: ResourceDefinition): ServedView {
    let view = this.views.get(definition);
    if (!view) {
      view = new ServedView(definition, this.stores.of(definition));
      this.views.set(definition, view);
    }
    return view;
  }

  private async list(target: Target): Promise<void> {
    const { view, ctx, accepted } = target;
    await sendList(ctx, view, await view.store.list(listQuery(target)), accepted);
  }

  private async deleteCollection(target: Target): Promise<void> {
    const { view, ctx, accepted } = target;
    const query = listQuery(target);
    const options = await readDeleteOptions(ctx, this.decoder);
    await sendList(ctx, view, await deleteCollection(view.store, query, options, ctx), accepted);
  }
}

/** What the query of a list asks for. */
function listQuery({ view, ctx, namespace }: Target): ListQuery {
  const options = listOptions(ctx.query, false, view.qualified);
  const { labelSelector, fieldSelector } = options;
  const chosen = selection(view.definition, namespace, labelSelector, fieldSelector, view.fieldsOf);
  return {
    namespace,
    resourceVersion: options.resourceVersion,
    match: options.resourceVersionMatch,
    limit: options.limit,
    continue: options.continue,
    ...(chosen.all ? {} : { selects: (object) => chosen.matches(object) }),
    signal: ctx.signal,
  };
}

/** A list may carry a name in its request info (from its field selector); its path has none. */
function nameOf(ctx: RequestContext): string {
  const { verb, name } = ctx.requestInfo;
  return verb === 'list' || verb === 'watch' || verb === 'deletecollection' ? '' : name;
}

/** A path that has no such resource (its scope is another), or none for this verb. */
function wrongPath(definition: ResourceDefinition, ctx: RequestContext): Error | undefined {
  const { verb, namespace, resource, subresource, name } = ctx.requestInfo;
  const ofOne = ['get', 'update', 'patch', 'delete'].includes(verb);
  if (definition.namespaced) {
    if (namespace === '' && verb === 'deletecollection') return methodNotAllowed();
    if (namespace === '' && (ofOne || verb === 'create'))
      return name === '' ? methodNotAllowed() : unknownPath();
  } else if (namespace !== '' && resource !== 'namespaces') return unknownPath();
  if (subresource === '' && (ofOne ? name === '' : verb === 'create' && name !== ''))
    return methodNotAllowed();
  return undefined;
}

function accepted(definition: ResourceDefinition, ctx: RequestContext): Accepted {
  if (streams(definition, ctx.requestInfo.subresource)) return PLAIN;
  const { accept } = ctx.exchange?.req.headers ?? {};
  const offer = { shapes: true, custom: definition.custom !== undefined };
  return ctx.requestInfo.verb === 'watch'
    ? negotiateStream(accept, offer)
    : negotiate(accept, offer);
}

/** Logs, exec and proxies answer in whatever form they like. */
function streams(definition: ResourceDefinition, subresource: string): boolean {
  return (
    definition.subresources?.some(({ name, connect }) => name === subresource && connect) ?? false
  );
}
